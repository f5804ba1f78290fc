"""Between entries and the lines of a journal. Reading forgives everything and counts what it could not take.

A line is a JSON object: ``kind``, the fields of that kind, ``v`` (its version; absent: 1), and, set by who appends it,
``n`` and ``wall``. A program meets journals of older ones and, after a rollback, of newer ones. Neither may keep a
caller's tickets from being filed: what is not known is skipped, what is missing has its default.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, fields, is_dataclass
from datetime import UTC, datetime
from functools import cache
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, get_args, get_origin, get_type_hints

from recordings.entries import call, dialogue, leg, matter, speech
from recordings.entries.entry import strip

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from recordings.entries.entry import Entry

KINDS: Final[Mapping[str, type[Entry]]] = {
    kind.kind: kind
    for kind in (
        call.Incoming,
        call.Placed,
        call.Concluded,
        call.Answered,
        call.Held,
        call.HungUp,
        call.Interrupted,
        call.Media,
        call.RecordingTrouble,
        call.Finished,
        leg.Dialled,
        leg.LegAnswered,
        leg.LegEnded,
        speech.Model,
        speech.Deaf,
        speech.Hearing,
        speech.Heard,
        speech.Partial,
        speech.Played,
        speech.Unplayed,
        matter.Matter,
        matter.Number,
        matter.Rated,
        matter.Alarm,
        matter.Understood,
        dialogue.AnsweredEvent,
        dialogue.DigitEvent,
        dialogue.SpeechStartedEvent,
        dialogue.WordsBeganEvent,
        dialogue.AlarmedEvent,
        dialogue.HeardEvent,
        dialogue.PromptEndedEvent,
        dialogue.ElapsedEvent,
        dialogue.LookedUpEvent,
        dialogue.InformedEvent,
        dialogue.SubmittedEvent,
        dialogue.EarLostEvent,
        dialogue.EarCheckedEvent,
        dialogue.ResumedEvent,
        dialogue.CallingEvent,
        dialogue.ConnectedEvent,
        dialogue.RefusedEvent,
        dialogue.PartedEvent,
        dialogue.HandedOverEvent,
        dialogue.HungUpEvent,
    )
}
"""Every kind there is, by its name."""

# On the disk, what the dialogue took in is one kind, told apart by these names: the release before this codec reads
# them too, and after a rollback still knows since when nobody listened. They are names of the disk, for ever.
_EVENTS: Final = {
    "Answered": "event.answered",
    "Digit": "event.digit",
    "SpeechStarted": "event.speech_started",
    "WordsBegan": "event.words_began",
    "Alarmed": "event.alarmed",
    "Heard": "event.heard",
    "PromptEnded": "event.prompt_ended",
    "Elapsed": "event.elapsed",
    "LookedUp": "event.looked_up",
    "Informed": "event.informed",
    "Submitted": "event.submitted",
    "EarLost": "event.ear_lost",
    "EarChecked": "event.ear_checked",
    "Resumed": "event.resumed",
    "Calling": "event.calling",
    "Connected": "event.connected",
    "Refused": "event.refused",
    "Parted": "event.parted",
    "HandedOver": "event.handed_over",
    "HungUp": "event.hungup",
}
_EVENT_NAMES: Final = {kind: name for name, kind in _EVENTS.items()}
_ENVELOPE: Final = {"n", "wall", "kind", "v"}
_LARGEST: Final = 2**31 - 1  # what a database's integer holds; of seconds, 68 years
_YEARS: Final = range(1970, 9999)  # that every program between here and a ticket can reckon with
_CONTROLS: Final = dict.fromkeys(
    {*range(0x20), *range(0x7F, 0xA0)} - set(b"\t\n\r")
)  # NUL, escapes (ISO 6429)
_SHOWN = 60  # characters of a name that somebody else wrote


class Strange(NamedTuple):
    """Something that a reading could not take; ``name`` says which.

    A ``line`` that is no entry, a ``kind`` or ``field`` that is not known, a ``value`` that its field cannot hold, a
    ``version`` newer than this program's (of which all that is known is read).
    """

    what: Literal["line", "kind", "field", "value", "version"]
    name: str


@dataclass(frozen=True, slots=True)
class Written:
    """An entry, and when it was written."""

    wall: datetime
    entry: Entry


@dataclass(frozen=True, slots=True)
class Reading:
    """A journal as far as it is known, in the order of its lines; ``strange`` counts what was skipped."""

    entries: tuple[Written, ...]
    strange: Mapping[Strange, int]


def encode(entry: Entry) -> dict[str, Any]:
    """The entry as JSON values; what ``decode`` makes the same entry of."""
    version = {"v": entry.version} if entry.version > 1 else {}
    name = _EVENT_NAMES.get(entry.kind)
    kind = {"kind": entry.kind} if name is None else {"kind": "event", "name": name}
    return {**kind, **version, **asdict(entry)}


def withhold(entry: Entry) -> Entry:
    """The entry as an anonymous line's journal may keep it: how the dialogue went, not who called or what was said."""
    return strip(entry)


def decode(line: Mapping[str, Any], strange: Counter[Strange] | None = None) -> Entry | None:
    """The entry that a line tells, None for one of no known kind; what could not be taken is counted."""
    counted = Counter[Strange]() if strange is None else strange
    name = _name_kind(line)
    kind = KINDS.get(name)
    if kind is None:
        counted[_strange("kind", name)] += 1
        return None
    version = line.get("v", 1)
    if isinstance(version, int) and version > kind.version:
        counted[_strange("version", f"{name} {version}")] += 1
    told = {key: value for key, value in line.items() if key not in _ENVELOPE}
    if line["kind"] == "event":
        del told["name"]
    entry: Entry = _build(kind, told, name, counted)
    return entry


def read_lines(lines: Iterable[Mapping[str, Any] | None], began: datetime) -> Reading:
    """Read a journal's lines; None stands for one that is no JSON object.

    Of an entry that does not say when it was written, it is taken to be when the one before was, or ``began``.
    """
    strange = Counter[Strange]()
    entries = []
    wall = began
    for line in lines:
        if line is None:
            strange[Strange("line", "torn")] += 1
            continue
        wall = _read_wall(line, wall, strange)
        entry = decode(line, strange)
        if entry is not None:
            entries.append(Written(wall, entry))
    return Reading(tuple(entries), strange)


def _name_kind(line: Mapping[str, Any]) -> str:
    kind, name = line.get("kind"), line.get("name")
    if kind == "event" and isinstance(name, str):
        return _EVENTS.get(name, f"event {name}")
    return kind if isinstance(kind, str) else "none"


def _read_wall(line: Mapping[str, Any], before: datetime, strange: Counter[Strange]) -> datetime:
    try:
        wall = datetime.fromisoformat(line["wall"])
        wall = (wall if wall.tzinfo else wall.replace(tzinfo=UTC)).astimezone(UTC)
    except (KeyError, TypeError, ValueError, OverflowError):
        wall = datetime.min.replace(tzinfo=UTC)
    if wall.year not in _YEARS:
        strange[Strange("value", "wall")] += 1
        return before
    return wall


def _build(kind: type, told: Mapping[str, Any], name: str, strange: Counter[Strange]) -> Any:
    """An instance of the dataclass ``kind``, of those of the told fields that it knows."""
    hints = _hints(kind)
    values = {}
    for key, value in told.items():
        if key not in hints:
            strange[_strange("field", f"{name}.{key}")] += 1
            continue
        try:
            values[key] = _read(hints[key], value, f"{name}.{key}", strange)
        except (TypeError, ValueError, OverflowError):
            strange[_strange("value", f"{name}.{key}")] += 1
    return kind(**values)


@cache
def _hints(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _read(hint: Any, value: Any, name: str, strange: Counter[Strange]) -> Any:
    """The value as its field has it; raises TypeError, ValueError or OverflowError when it cannot be."""
    parts = get_args(hint)
    if NoneType in parts:
        if value is None:
            return None
        (hint,) = (part for part in parts if part is not NoneType)
        return _read(hint, value, name, strange)
    if get_origin(hint) is tuple:
        return _read_items(parts[0], value, name, strange)
    if is_dataclass(hint):
        if not isinstance(value, dict):
            raise TypeError(name)
        return _build(hint, value, name, strange)  # type: ignore[arg-type]
    return _read_plain(hint, value)


def _read_items(hint: Any, value: Any, name: str, strange: Counter[Strange]) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        raise TypeError(name)
    items = []
    for item in value:
        try:
            items.append(_read(hint, item, name, strange))
        except (TypeError, ValueError, OverflowError):
            strange[_strange("value", name)] += 1
    return tuple(items)


def _read_plain(hint: Any, value: Any) -> Any:
    if hint is float and type(value) is int:
        value = float(value)
    if type(value) is not hint:
        raise TypeError(hint)
    if hint is str:
        return _clean(value)
    if not abs(value) <= _LARGEST:  # nor is NaN
        raise ValueError(hint)
    return value


def _clean(text: str) -> str:
    """Without what a hostile INVITE or recogniser may bring, no database stores and no terminal should obey."""
    return text if text.isprintable() else text.translate(_CONTROLS).encode(errors="replace").decode()


def _strange(what: Literal["kind", "field", "value", "version"], name: str) -> Strange:
    return Strange(what, name[:_SHOWN])
