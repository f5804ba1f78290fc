from __future__ import annotations

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from recordings.schema import calls
from recordings.search import index, match, search_terms, search_texts, split

NOW = datetime(2026, 7, 1, 8, 30, 15, tzinfo=UTC)
TEXTS = {
    "a": "颍上县慎城镇房子漏雨\n好几天了",
    "b": "我家停水三天了没人管",
    "c": "人民西路的路灯不亮,ABC小区",
    "d": "西路人民",
}


@pytest.fixture
async def indexed(database):
    async with database.write() as connection:
        for call_id in TEXTS:
            await connection.execute(
                calls.insert().values(
                    call_id=call_id,
                    sip_call_id="x",
                    caller="",
                    called="",
                    hotline="12345",
                    flow="default",
                    node=1,
                    started_at=NOW,
                    cause="",
                    interrupted=False,
                    folder="x",
                    late="none",
                )
            )
        await index(connection, TEXTS)
    return database


async def find(database, words: str) -> set[str]:
    async with database.read() as connection:
        condition = await match(connection, split(words))
        return set(await connection.scalars(sa.select(search_texts.c.call_id).where(condition)))


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("漏雨", "a"),
        ("停水", "b"),
        ("水", "b"),
        ("亮", "c"),  # the last character of a run
        ("了", "ab"),
        ("人民西路", "c"),  # not d, which has the same pairs but one
        ("西路", "cd"),
        ("西路 路灯", "c"),
        ("abc小区", "c"),
        ("ABC小区", "c"),
        ("雨好", ""),  # no word across two phrases
        ("火灾", ""),
        ("漏雨 停水", ""),
        ("𠮷", ""),
    ],
)
async def test_words_of_any_length_are_found(indexed, words, found):
    assert await find(indexed, words) == set(found)


async def test_a_corrected_text_is_found_by_its_new_words_alone(indexed):
    async with indexed.write() as connection:
        await index(connection, {"a": "颍上县慎城镇房子漏气", "b": TEXTS["b"]})
    assert await find(indexed, "漏雨") == set()
    assert await find(indexed, "漏气") == {"a"}
    assert await find(indexed, "房子") == {"a"}
    async with indexed.read() as connection:
        terms = set(
            await connection.scalars(sa.select(search_terms.c.term).where(search_terms.c.call_id == "a"))
        )
    assert terms == {"颍上", "上县", "县慎", "慎城", "城镇", "镇房", "房子", "子漏", "漏气", "气"}


async def test_a_search_asks_twice_however_long_it_is(indexed):
    asked = []

    def count(_connection, _cursor, statement: str, *_rest) -> None:
        asked.extend([statement] if statement.startswith("SELECT") else [])

    sa.event.listen(indexed._reader.sync_engine, "before_cursor_execute", count)
    assert await find(indexed, "颍上县慎城镇房子漏雨" * 5) == set()
    assert await find(indexed, "颍上县慎城镇房子漏雨 好几天了") == {"a"}
    assert len(asked) == 4
