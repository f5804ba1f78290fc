from __future__ import annotations

import json
from collections import Counter
from dataclasses import MISSING, fields, is_dataclass, replace
from datetime import UTC, datetime
from pkgutil import iter_modules
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

import recordings.entries
from recordings import entries
from recordings.entries import KINDS, Entry, Strange, decode, encode, read_lines, withhold

NOW = datetime(2026, 7, 1, 8, 30, tzinfo=UTC)
SECRET = "13855812345"
LARGEST = 2**31 - 1
# What an anonymous line's journal keeps, field by field: whoever adds one must say so here as well.
KEPT = {
    "incoming": {"call_id", "sip_call_id", "called", "hotline", "line", "flow", "node", "at_once", "trunk"},
    "placed": {"purpose"},
    "concluded": {"outcome"},
    "answered": set(),
    "held": {"at"},
    "hungup": {"by", "cause", "media_seconds"},
    "interrupted": {"reason"},
    "media": {"packets", "lost", "jitter_seconds"},
    "recording_trouble": {"reason"},
    "finished": set(),
    "leg.dialled": {"leg", "at", "attempt", "matter", "reason", "target", "uri", "ticket"},
    "leg.answered": {"leg", "at"},
    "leg.ended": {"leg", "at", "by", "cause", "talked", "handed_over"},
    "model": {"name", "sha256", "demo"},
    "deaf": {"reason", "at"},
    "hearing": {"at"},
    "heard": {"question", "start", "end", "confidence", "level", "confirmed"},
    "partial": set(),
    "played": {"id", "name", "text", "start"},
    "unplayed": {"id", "name"},
    "matter": {
        "index",
        "appeal",
        "windows",
        "contact_confirmed",
        "call_back",
        "danger",
        "confirmed",
        "complete",
        "told_with",
        "idle",
    },
    "number": {"matter", "number"},
    "rated": set(),
    "alarm": {"matter"},
    "understood": {"matter", "rules"},
    "event.answered": {"at", "hotline", "hears"},
    "event.digit": {"at"},
    "event.speech_started": {"at", "start"},
    "event.words_began": {"at", "start"},
    "event.alarmed": {"at", "start"},
    "event.heard": {"at", "confidence", "start", "end", "level", "confirmed", "pitched"},
    "event.prompt_ended": {"at", "id"},
    "event.elapsed": {"at"},
    "event.looked_up": {"at"},
    "event.informed": {"at", "id", "outcome", "of"},
    "event.submitted": {"at", "matter", "number"},
    "event.ear_lost": {"at"},
    "event.ear_checked": {"at", "there"},
    "event.resumed": {"at", "held"},
    "event.calling": {"at", "id", "target"},
    "event.connected": {"at", "id", "target"},
    "event.refused": {"at", "id", "why"},
    "event.parted": {"at", "id", "by", "talked"},
    "event.handed_over": {"at", "id", "target"},
    "event.hungup": {"at", "by"},
}


def of_type(hint: Any) -> st.SearchStrategy[Any]:
    parts = get_args(hint)
    if NoneType in parts:
        return st.none() | of_type(next(part for part in parts if part is not NoneType))
    if get_origin(hint) is tuple:
        return st.lists(of_type(parts[0]), max_size=3).map(tuple)
    if is_dataclass(hint):
        return st.builds(hint, **{name: of_type(part) for name, part in hints(hint).items()})
    plain = {
        str: st.text(st.characters(exclude_categories=["Cs", "Cc"])),
        int: st.integers(-LARGEST, LARGEST),
        float: st.floats(-LARGEST, LARGEST),
        bool: st.booleans(),
    }
    return plain[hint]


def hints(kind: type) -> dict[str, Any]:
    told = get_type_hints(kind)
    return {field.name: told[field.name] for field in fields(kind)}


any_entry = st.one_of(of_type(kind) for kind in KINDS.values())


def whole(kind: type, value: Any = SECRET) -> Any:
    """An instance whose every text is ``value``, however deep."""

    def fill(hint: Any) -> Any:
        parts = get_args(hint)
        if NoneType in parts:
            return fill(next(part for part in parts if part is not NoneType))
        if get_origin(hint) is tuple:
            return (fill(parts[0]),)
        return (
            whole(hint, value) if is_dataclass(hint) else {str: value, int: 7, float: 7.5, bool: False}[hint]
        )

    return kind(**{name: fill(hint) for name, hint in hints(kind).items()})


def classes() -> set[type]:
    """Every class in the package's modules that is an entry."""
    found = set()
    for module in iter_modules(recordings.entries.__path__, "recordings.entries."):
        names = vars(__import__(module.name, fromlist=["*"]))
        found |= {c for c in names.values() if isinstance(c, type) and issubclass(c, Entry)}
    return found - {Entry, entries.Event}


def test_no_kind_escapes():
    assert classes() == set(KINDS.values())
    assert KINDS.keys() == KEPT.keys()


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_field_has_a_default_for_journals_of_before_it(kind):
    assert [field.name for field in fields(kind) if field.default is MISSING] == []
    assert decode({"kind": kind.kind}) == kind()


@given(any_entry)
def test_what_is_written_comes_back(entry):
    strange = Counter[Strange]()
    line = json.loads(json.dumps(encode(entry)))
    assert decode(line, strange) == entry
    assert not strange


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_an_anonymous_line_keeps_what_is_marked_and_nothing_else(kind):
    entry, kept = whole(kind), withhold(whole(kind))
    for field in fields(kind):
        wanted = getattr(entry, field.name) if field.name in KEPT[kind.kind] else field.default
        assert getattr(kept, field.name) == wanted, field.name
    assert decode(json.loads(json.dumps(encode(kept)))) == kept


@pytest.mark.parametrize("part", [entries.Spoken, entries.Word])
def test_the_parts_of_what_is_kept_are_looked_into(part):
    assert SECRET not in str(entries.entry.strip((whole(part),)[0]))


def test_a_field_nobody_has_marked_is_not_kept():
    from dataclasses import dataclass  # noqa: PLC0415 - only here is an entry made by hand

    @dataclass(frozen=True)
    class Added(Entry):
        kind = "added"
        told: str = ""

    assert withhold(Added(SECRET)) == Added()


def test_a_number_is_kept_once_the_caller_has_agreed():
    matter = entries.Matter(0, contact=SECRET)
    assert withhold(matter).contact == ""
    assert withhold(replace(matter, contact_confirmed=True)).contact == SECRET


FORMER = [
    (
        {"name": "Answered", "at": 0.0, "caller": "1", "hotline": "12345", "hears": False},
        entries.AnsweredEvent,
    ),
    ({"name": "Digit", "at": 3.4, "key": "#"}, entries.DigitEvent),
    ({"name": "SpeechStarted", "at": 1.0, "start": 0.9}, entries.SpeechStartedEvent),
    ({"name": "PromptEnded", "at": 1.0, "id": 3}, entries.PromptEndedEvent),
    ({"name": "Elapsed", "at": 1.0}, entries.ElapsedEvent),
    ({"name": "LookedUp", "at": 1.0, "place_name": "颍州区", "brief": "噪音"}, entries.LookedUpEvent),
    ({"name": "Submitted", "at": 1.0, "matter": 0, "number": "1"}, entries.SubmittedEvent),
    ({"name": "EarLost", "at": 1.0}, entries.EarLostEvent),
    ({"name": "HungUp", "at": 1.0, "by": "caller"}, entries.HungUpEvent),
]


def test_events_are_written_as_the_release_before_reads_them():
    assert encode(entries.DigitEvent(at=3.5, key="1")) == {
        "kind": "event",
        "name": "Digit",
        "at": 3.5,
        "key": "1",
    }
    for kind in (kind for kind in KINDS.values() if issubclass(kind, entries.Event)):
        assert encode(kind())["kind"] == "event", f"{kind.kind} has no name on the disk"


@pytest.mark.parametrize(("line", "kind"), FORMER, ids=[line["name"] for line, _ in FORMER])
def test_what_the_dialogue_took_in_is_read_as_it_was_written_before(line, kind):
    strange = Counter[Strange]()
    told = {key: value for key, value in line.items() if key != "name"}
    assert decode({"kind": "event", **line}, strange) == kind(**told)
    assert not strange


def read(*lines: Any) -> entries.Reading:
    return read_lines(lines, NOW)


@pytest.mark.parametrize(
    ("line", "counted", "entry"),
    [
        (None, ("line", "torn"), None),
        ({"kind": "transferred", "to": "1"}, ("kind", "transferred"), None),
        ({"kind": "event", "name": "Held", "at": 1.0}, ("kind", "event Held"), None),
        ({"kind": "event", "name": 3}, ("kind", "event"), None),
        ({"kind": ["matter"]}, ("kind", "none"), None),
        ({"called": "12345"}, ("kind", "none"), None),
        ({"kind": "deaf", "reason": "lost", "until": 3.0}, ("field", "deaf.until"), entries.Deaf("lost")),
        ({"kind": "deaf", "reason": 3}, ("value", "deaf.reason"), entries.Deaf()),
        ({"kind": "deaf", "reason": "lost", "v": 9}, ("version", "deaf 9"), entries.Deaf("lost")),
        (
            {"kind": "number", "matter": True, "number": "1"},
            ("value", "number.matter"),
            entries.Number(-1, "1"),
        ),
        (
            {"kind": "matter", "index": 0, "windows": [{"start": 1.0, "of": "x"}, "y"]},
            ("field", "matter.windows.of"),
            entries.Matter(0, windows=(entries.Window(1.0),)),
        ),
        (
            {"kind": "event.elapsed", "at": float("nan")},
            ("value", "event.elapsed.at"),
            entries.ElapsedEvent(),
        ),
        ({"kind": "event.elapsed", "at": 10**400}, ("value", "event.elapsed.at"), entries.ElapsedEvent()),
        ({"kind": "event.elapsed", "at": 1e300}, ("value", "event.elapsed.at"), entries.ElapsedEvent()),
        ({"kind": "matter", "index": 2**31}, ("value", "matter.index"), entries.Matter()),
        ({"kind": "answered", "wall": "0500-01-01T00:00:00Z"}, ("value", "wall"), entries.Answered()),
        ({"kind": "answered", "wall": "0001-01-01T00:00:00+14:00"}, ("value", "wall"), entries.Answered()),
        ({"kind": "answered", "wall": "9999-12-31T23:59:59-12:00"}, ("value", "wall"), entries.Answered()),
        ({"kind": "matter", "spoken": {"text": "x"}}, ("value", "matter.spoken"), entries.Matter()),
        ({"kind": "incoming", "line": "12345"}, ("value", "incoming.line"), entries.Incoming()),
    ],
)
def test_what_is_not_known_is_skipped_and_counted(line, counted, entry):
    reading = read(line if line is None else {"wall": NOW.isoformat(), **line})
    assert [written.entry for written in reading.entries] == ([] if entry is None else [entry])
    assert reading.strange[Strange(*counted)] == 1


def test_text_is_read_as_a_database_can_store_and_a_terminal_show_it():
    told = "a\0b \ud800 \x1b[31m\x9b2J\tc\n"
    assert decode({"kind": "deaf", "reason": told}) == entries.Deaf("ab ? [31m2J\tc\n")


def test_an_entry_without_its_time_was_written_when_the_one_before_was():
    later = "2026-07-01T08:31:00+00:00"
    reading = read({"kind": "answered"}, {"kind": "deaf", "wall": later}, {"kind": "finished", "wall": 3})
    assert [written.wall for written in reading.entries] == [NOW, *[datetime.fromisoformat(later)] * 2]
    assert reading.strange == {Strange("value", "wall"): 2}
    assert read({"kind": "answered", "wall": "2026-07-01T08:30:00"}).entries[0].wall == NOW


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.lists(
        st.fixed_dictionaries(
            {"kind": st.sampled_from([*KINDS, "event"]) | json_values},
            optional=dict.fromkeys(
                ("v", "wall", "name", *{f.name for kind in KINDS.values() for f in fields(kind)}), json_values
            ),
        ),
        max_size=3,
    )
)
def test_no_line_is_too_strange_to_be_read(lines):
    reading = read(*lines)
    assert len(reading.entries) <= len(lines)
    for written in reading.entries:
        assert decode(encode(written.entry)) == written.entry
