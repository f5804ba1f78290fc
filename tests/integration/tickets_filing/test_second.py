"""The second pass: what a small model heard live is heard again, phrase by phrase, by a large one (a static graph)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from heardagain import TEXTS, Site, make_small_model, said, serving, times
from staticgraph import make_static_model

from console.sheets import compose_sheet
from tickets.decisions import decide
from tickets.review import Correction, Fields, Sheet
from tickets.text.normal import normalise

if TYPE_CHECKING:
    from pathlib import Path

    from callfolder import CallFolder

    from recordings.database import Database


async def accept_with_a_correction(site: Site, call: CallFolder, document: dict[str, Any]) -> None:
    parts = {**document["appeal"], **document["place"], **document["caller"]}
    filled = {
        "type": "投诉",
        "category_1": "城乡建设",
        "address": "没有说地点",
    }  # what an acceptance asks for
    fields = Fields.model_validate({**{name: parts[name] for name in Fields.model_fields}, **filled})
    first = document["transcript"]["utterances"][0]
    words = Correction(start=first["start"], end=first["end"], text="我要投诉隔壁装修")
    async with site.db.write() as connection:
        await decide(
            connection,
            call.call_id,
            document["number"],
            1,
            "agent-1",
            "accepted",
            Sheet(fields=fields, corrections=(words,)),
            datetime.now(UTC),
        )


async def hear_again(site: Site, tmp_path: Path, count: int, fewest: int) -> None:
    small_model = make_small_model(tmp_path / "small")
    async with serving(small_model, tmp_path / "small.sock") as small:
        made = [await site.call(small, n, text) for n, text in enumerate(TEXTS[:count])]
    before = [await site.revisions(call) for call in made]
    wrong = [n for n, told in enumerate(before) if told and said(told[0]) not in ("", TEXTS[n])]
    corrected = wrong[0]
    await accept_with_a_correction(site, made[corrected], before[corrected][0])
    async with serving(make_static_model(tmp_path / "large"), tmp_path / "large.sock") as large:
        runner = site.runner(large)
        while await runner.work():
            pass
        assert await runner.work() == 0
    changed, right = [], 0
    for n, call in enumerate(made):
        after = await site.revisions(call)
        if not before[n] or n == corrected:
            continue
        kept = await site.kept(call)
        assert kept == {"live": "small", "second": "large"}
        assert len(after) == 1 + (said(after[-1]) != said(before[n][0]))
        assert {document["number"] for document in after} == {before[n][0]["number"]}
        assert times(after[-1]) == times(before[n][0])
        assert after[-1]["transcript"]["model"]["name"] == ("large" if len(after) == 2 else "small")
        if len(after) == 2:
            changed.append(n)
            right += said(after[-1]) == TEXTS[n]
            assert after[-1]["appeal"]["content"] == said(after[-1])
    print(f"{len(changed)} of {count} texts differ, {right} of them are now as they were spoken")
    assert len(changed) >= fewest
    assert right >= 0.8 * len(changed)
    # A correction made before, by the times of its phrase, stands; what the agent decided too.
    accepted = (await site.revisions(made[corrected]))[-1]
    assert accepted["revision"] == 3
    assert accepted["transcript"]["utterances"][0]["text"] == "我要投诉隔壁装修"
    assert (accepted["status"], accepted["review"]["later_words"]) == ("已审核", True)
    assert accepted["appeal"]["content"] == before[corrected][0]["appeal"]["content"]
    # The page shows both, and by which models.
    one = changed[0]
    sheet = await compose_sheet(site.db, site.data, made[one].call_id, {})
    assert sheet is not None
    assert sheet["second"] == {"first": "small", "then": "large"}
    lines = [line for line in sheet["lines"] if line["who"] == "caller"]
    shown = "".join(line.get("before", line["text"]) for line in lines)
    assert normalise(shown) == normalise(said(before[one][0]))
    assert "".join(line["heard"] for line in lines) == said((await site.revisions(made[one]))[-1])


async def test_the_large_model_amends_what_the_small_one_heard(database: Database, tmp_path: Path) -> None:
    await hear_again(Site(tmp_path, database), tmp_path, 10, 2)


@pytest.mark.soak
async def test_of_a_hundred_texts(database: Database, tmp_path: Path) -> None:
    await hear_again(Site(tmp_path, database), tmp_path, 100, 20)


async def test_a_call_is_not_heard_again_by_the_model_that_heard_it(
    database: Database, tmp_path: Path
) -> None:
    site = Site(tmp_path, database)
    async with serving(None, tmp_path / "asr.sock") as only:
        call = await site.call(only, 1, TEXTS[0])
        assert await site.runner(only).work() == 1
    assert set(await site.kept(call)) == {"live"}
    assert len(await site.revisions(call)) == 1
