from __future__ import annotations

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from recordings import search
from recordings.schema import calls
from recordings.search import index, match, search_terms, split

NOW = datetime(2026, 7, 1, 8, 30, 15, tzinfo=UTC)
TEXTS = {
    "a": "颍上县慎城镇房子漏雨\n好几天了",
    "b": "我家停水三天了没人管",
    "c": "人民西路的路灯不亮,ABC小区",
    "d": "西路人民",
}
TITLES = {"b": "供水中断", "c": "ABC小区,噪音扰民"}
WANTED = {
    "漏雨": "a",
    "停水": "b",
    "亮": "c",  # the last character of a run
    "了": "ab",
    "人民西路": "c",  # not d, which has the same pairs but one
    "西路": "cd",
    "西路 路灯": "c",
    "ABC小区": "c",
    "雨好": "",  # no word across two phrases
    "火灾": "",
    "漏雨 停水": "",
    "供水": "b",
    "水": "b",
    "断": "b",
    "三天 中断": "b",  # one said, the other in the title
    "abc小区": "c",
    "噪音 西路": "c",
    "小区噪音": "",  # no word across two parts of a title
    "噪": "c",
    "扰民 ABC小区": "c",
    "𠮷": "",
}


@pytest.fixture(params=[2000, 1], ids=["rare", "common"])
async def indexed(database, request, monkeypatch):
    """``common``: what stands in one call is so common already that each call of the list is looked into."""
    monkeypatch.setattr(search, "_COUNTED", request.param)
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
        await index(connection, TEXTS, TITLES)
    return database


async def find(database, words: str) -> set[str]:
    async with database.read() as connection:
        found = await match(connection, split(words))
        return set(await connection.scalars(sa.select(calls.c.call_id).where(found(calls.c.call_id))))


async def test_words_of_any_length_are_found(indexed):
    """One database for all of them: each is looked up, and making one takes longer."""
    assert {words: await find(indexed, words) for words in WANTED} == {
        words: set(found) for words, found in WANTED.items()
    }


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


async def test_a_corrected_title_is_found_by_its_new_words_alone(indexed):
    async with indexed.write() as connection:
        await index(connection, {"b": TEXTS["b"], "c": TEXTS["c"]}, {"b": "停水多日", "c": TITLES["c"]})
    assert await find(indexed, "供水") == set()
    assert await find(indexed, "多日") == {"b"}
    assert await find(indexed, "停水") == {"b"}  # said, too
    assert await find(indexed, "噪音") == {"c"}


async def test_a_search_asks_twice_however_long_it_is(indexed):
    asked = []

    def count(_connection, _cursor, statement: str, *_rest) -> None:
        asked.extend([statement] if statement.startswith("SELECT") else [])

    sa.event.listen(indexed._reader.sync_engine, "before_cursor_execute", count)
    assert await find(indexed, "颍上县慎城镇房子漏雨" * 5) == set()
    assert await find(indexed, "颍上县慎城镇房子漏雨 好几天了") == {"a"}
    assert len(asked) == 4
