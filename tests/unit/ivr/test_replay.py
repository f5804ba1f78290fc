"""Calls taken once more by a changed flow; the golden calls are what happened."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from config.document import embedded, load
from config.script import Say, Script
from gateway.cli import app
from gateway.cli import replay as _command  # noqa: F401 - registers it
from gateway.cli.calls import read_since
from ivr import events
from ivr.compile import compile_flow
from ivr.machine import start
from ivr.replay import replay
from recordings import entries, journal
from recordings.entries import encode
from tickets.entries import note_event, read_event
from tickets.lookup import answer
from tickets.meaning.files import RuleFiles
from tickets.meaning.understanding import use
from tickets.number import CITY_TIME
from tickets.replay import compare, find_calls

if TYPE_CHECKING:
    from conftest import Rehearsal

    from ivr.actions import LookUp

SCRIPTS = sorted((Path(__file__).parents[2] / "golden").glob("*.yaml"))
OPEN = [path for path in SCRIPTS if load(Script, path).called != "12356"]
MORE = "  more:\n    ask: more\n"
NOON = datetime(2026, 11, 25, 12, tzinfo=CITY_TIME)


def begin(call: Rehearsal, flow):
    line = call.hotline
    recalls = any(isinstance(event, events.Informed) and event.of == "past" for event in happened(call))
    reasons = frozenset(call.script.targets)
    return flow, start(flow, openings=line.openings, appeal=line.appeal, reasons=reasons, recalls=recalls)


def find(wish: LookUp) -> events.LookedUp:
    return answer(wish, 0.0, NOON.date())


def happened(call: Rehearsal):
    return [read_event(one.entry) for one in call.journal if isinstance(one.entry, entries.Event)]


def changed(tmp_path: Path, *changes: tuple[str, str]) -> Path:
    text = embedded("flows/default.yaml").read_text()
    for before, after in changes:
        assert text.count(before) == 1
        text = text.replace(before, after)
    (tmp_path / "new.yaml").write_text(text)
    return tmp_path / "new.yaml"


@pytest.mark.parametrize("path", OPEN, ids=lambda path: path.stem)
def test_by_its_own_flow_a_call_is_what_it_was(path, rehearse):
    call = rehearse(load(Script, path))
    found = replay(begin(call, call.hotline.flow), begin(call, call.hotline.flow), happened(call), find)
    assert found.question is None
    assert found.before == found.after
    assert [told for told in found.after.told if not told.startswith("(")] == call.trace
    assert found.after.matters == call.finished
    assert note_event(read_event(entries.HungUpEvent(2.0, "lost"))) == entries.HungUpEvent(2.0, "lost")


def test_behind_a_changed_question_the_caller_answers_what_he_answered(rehearse, texts, tmp_path):
    call = rehearse(load(Script, SCRIPTS[0].with_name("happy.yaml")))
    new = compile_flow(changed(tmp_path, ("    ask: opening\n", "    ask: opening_by_keys\n")), texts)
    found = replay(begin(call, call.hotline.flow), begin(call, new), happened(call), find)
    assert (found.question, found.guessed) == ("opening", False)
    assert [told for told in found.after.told if not told.startswith("(")] == [
        "opening_by_keys",
        *call.trace[1:],
    ]
    assert found.after.matters[0].contact == call.finished[0].contact == "13855812345"
    assert found.after.matters[0].text == call.finished[0].text


def test_what_nobody_was_asked_is_a_guess_and_ends_all_the_same(rehearse, texts, tmp_path):
    call = rehearse(load(Script, SCRIPTS[0].with_name("happy.yaml")))
    asked = "  asked_newly:\n    ask: said_everything\n    timeout: 3\n    on: {1: more}\n    silence: more\n"
    more = asked + "    tries: 1\n    then: more\n" + MORE
    new = compile_flow(
        changed(
            tmp_path,
            (MORE, more),
            ("    otherwise: more\n", "    otherwise: asked_newly\n"),
        ),
        texts,
    )
    found = replay(begin(call, call.hotline.flow), begin(call, new), happened(call), find)
    assert found.question == "asked_newly"
    assert found.guessed
    assert [told for told in found.after.told if not told.startswith("(")][-2:] == ["more", "goodbye"]


def test_of_a_hundred_journals_those_that_differ_are_named(rehearse, tmp_path):
    calls = [rehearse(script) for path in SCRIPTS if not (script := load(Script, path)).targets]
    assert {call.hotline.anonymous for call in calls} == {True, False}
    expected, anonymous = [], 0
    for n, call in zip(range(100), itertools.cycle(calls), strict=False):
        came = NOON + timedelta(minutes=n)
        call_id = f"{came.astimezone(CITY_TIME):%Y%m%d}T{n:06}-0a1b2c3d"
        write(tmp_path / "data" / "calls" / "2026" / "11" / "25" / call_id, call, came)
        anonymous += call.hotline.anonymous
        if "more" in call.trace and not call.hotline.anonymous:
            expected.append(call_id)
    new = changed(tmp_path, (MORE, "  more:\n    ask: said_everything\n"))
    told = json.loads(run(tmp_path, new, "--json"))
    assert [one["call_id"] for one in told["differ"]] == expected
    assert 0 < len(expected) < 100 - anonymous
    assert told["skipped"] == {"anonymous": anonymous}
    assert told["alike"] == 100 - anonymous - len(expected)
    assert {one["question"] for one in told["differ"]} == {"more"}
    shown = run(tmp_path, new)
    assert all(call_id in shown for call_id in expected)
    assert "13855812345" not in shown
    same = run(tmp_path, changed(tmp_path))
    assert f"不同 / differ: 0; 相同 / alike: {100 - anonymous}" in same


def test_places_are_looked_up_in_the_city_s_own_files(rehearse, tmp_path, monkeypatch):
    gazetteer, divisions = tmp_path / "gazetteer.yaml", tmp_path / "divisions.tsv"
    gazetteer.write_text('counties:\n  - {code: "340111", name: 包河区, townships: [芜湖路街道]}\n')
    divisions.write_text("340111\t包河区\n340111003\t芜湖路街道\n340111003001\t太湖社区居委会\n")
    (tmp_path / "settings.yaml").write_text(
        f"understanding: {{gazetteer: {gazetteer}, divisions: {divisions}}}\n"
    )
    try:
        use(RuleFiles(gazetteer=gazetteer, divisions=divisions))
        script = load(Script, SCRIPTS[0].with_name("happy.yaml"))
        said = replace_said(script, "我要投诉芜湖路街道小区夜间施工噪音扰民")
        call = rehearse(said)
        assert "芜湖路街道" in call.finished[0].place_name
        use(RuleFiles())
        write(tmp_path / "data" / "calls" / "2026" / "11" / "25" / "20261125T040000-0a1b2c3d", call, NOON)
        monkeypatch.setenv("HOTLINE_CONFIG", str(tmp_path / "settings.yaml"))
        new = changed(tmp_path, ("    ask: opening\n", "    ask: opening_by_keys\n"))
        (found,) = json.loads(run(tmp_path, new, "--json"))["differ"]
    finally:
        use(RuleFiles())
    assert (found["question"], found["fields"]) == ("opening", [])


def replace_said(script: Script, text: str) -> Script:
    """The script with another first phrase."""
    first = next(i for i, step in enumerate(script.steps) if isinstance(step, Say))
    steps = list(script.steps)
    steps[first] = steps[first].model_copy(update={"say": text})
    return script.model_copy(update={"steps": tuple(steps)})


def test_what_was_told_of_a_ticket_is_told_by_a_flow_that_asks_less_before(rehearse, texts, tmp_path):
    call = rehearse(load(Script, SCRIPTS[0].with_name("progress_by_number.yaml")))
    by_caller = "greeting: dictation, progress: progress}"
    new = compile_flow(
        changed(tmp_path, (by_caller, by_caller.replace("progress: progress", "progress: ask_ticket"))), texts
    )
    found = replay(begin(call, call.hotline.flow), begin(call, new), happened(call), find)
    assert (found.question, found.guessed) == ("ask_ticket", False)
    assert list(found.after.told) == call.trace


def test_days_before_are_not_looked_through(tmp_path):
    days = tmp_path / "calls" / "2026" / "11"
    for name in ("20261124T155959", "20261124T160000", "20261125T000000"):
        (days / name[6:8] / f"{name}-0a1b2c3d").mkdir(parents=True)
    (days / "23" / "20261125T000001-0a1b2c3d").mkdir(parents=True)  # found by who looks there
    # Midnight in the city is four in the afternoon in the folders' names.
    found = find_calls(tmp_path, datetime(2026, 11, 25, tzinfo=CITY_TIME))
    assert [folder.name[:15] for folder in found] == ["20261124T160000", "20261125T000000"]


def test_a_journal_that_does_not_tell_of_its_line_is_as_anonymous_as_the_line(rehearse, hotlines):
    call = rehearse(next(script for path in SCRIPTS if (script := load(Script, path)).called == "12356"))
    told = [replace(call.journal[0].entry, line=None), *(one.entry for one in call.journal[1:])]
    reading = entries.Reading(tuple(entries.Written(NOON, entry) for entry in told), {})
    assert compare("20261125T040000-0a1b2c3d", reading, hotlines, hotlines) == "anonymous"


def run(tmp_path: Path, flow: Path, *more: str) -> str:
    words = ["--data", str(tmp_path / "data"), "replay", "--since", "2026-11-25", "--flow", str(flow), *more]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def write(folder: Path, call: Rehearsal, came: datetime) -> None:
    """The call's journal as a gateway leaves it."""
    told = [one.entry for one in call.journal]
    told[0] = replace(told[0], flow=call.hotline.flow.name)
    told += [entries.Played(play.id, play.prompt.name) for play in call.played]
    folder.mkdir(parents=True)
    lines = [json.dumps({"n": n, "wall": came.isoformat(), **encode(one)}) for n, one in enumerate(told)]
    (folder / journal.NAME).write_text("\n".join(lines))


def test_yesterday_begins_at_midnight_in_the_city():
    now = datetime(2026, 11, 26, 0, 30, tzinfo=CITY_TIME)
    assert read_since("yesterday", now) == datetime(2026, 11, 25, tzinfo=CITY_TIME)
    assert read_since("today", now) == datetime(2026, 11, 26, tzinfo=CITY_TIME)
    assert isinstance(read_event(entries.DigitEvent(1.0, "5")), events.Digit)
