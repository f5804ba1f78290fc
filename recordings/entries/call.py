"""What happened on the line: it was called, answered, hung up; what came over it, and what was lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from recordings.entries.entry import Entry, kept, withheld


@dataclass(frozen=True, slots=True)
class Line:
    """The line that was called, as the hotlines file had it then.

    ``found_by`` and ``found_as`` tell where its number stood in the INVITE, and how it was written; None when no line
    of ours was named. ``appeal`` is "" where the line presets none, or the journal is of before it was told.
    """

    name: str = kept("")
    department: str = kept("")
    mode: str = kept("")
    appeal: str = kept("")
    category: tuple[str, ...] = kept(())
    anonymous: bool = kept(default=False)
    found_by: str | None = kept(None)
    found_as: str = kept("")


@dataclass(frozen=True, slots=True)
class Claim:
    """A header that was not believed: its long name in lower case, and the number or name it told."""

    header: str = withheld("")
    user: str = withheld("")


@dataclass(frozen=True, slots=True)
class Incoming(Entry):
    """The INVITE came; before anything is answered. ``line`` None: of before the journal told it.

    ``hotline`` is "" when the journal does not say which, ``node`` None when not whose call it was. ``at_once`` is why
    the caller was passed to a person at once: ``duty`` (the duty switch), ``makeshift`` (no dialogue could be used).
    ``trunk`` is what it came by, "" for the open door; ``claims`` are headers whose word was not taken there.
    ``barred``: the caller is on the nuisance list, and is led by the dialogue that refuses him.
    ``test``: it is a probe, no citizen's.
    """

    kind: ClassVar = "incoming"

    call_id: str = kept("")
    sip_call_id: str = kept("")
    caller: str = withheld("")
    called: str = kept("")
    hotline: str = kept("")
    line: Line | None = kept(None)  # noqa: RUF009 - a field, no value
    flow: str = kept("")
    node: int | None = kept(None)
    at_once: str = kept("")
    trunk: str = kept("")
    claims: tuple[Claim, ...] = withheld(())
    barred: bool = withheld(default=False)
    test: bool = kept(default=False)


@dataclass(frozen=True, slots=True)
class Placed(Entry):
    """We have called, and were answered; ``incoming`` names whom as the caller.

    ``purpose`` is what for (``recordings.calloutwords.Kind``), ``ticket`` what it is about, "" for nothing.
    """

    kind: ClassVar = "placed"

    purpose: str = kept("")
    ticket: str = withheld("")


@dataclass(frozen=True, slots=True)
class Concluded(Entry):
    """How far a call that we have placed has come: see ``ivr.flow.Concluded``; and whether the matter is solved."""

    kind: ClassVar = "concluded"

    outcome: str = kept("")
    solved: bool | None = withheld(None)


@dataclass(frozen=True, slots=True)
class Answered(Entry):
    """200 OK was sent; the recording begins."""

    kind: ClassVar = "answered"


@dataclass(frozen=True, slots=True)
class Held(Entry):
    """The caller put the line on hold ``at`` seconds after the answer; the dialogue's ``event.resumed`` ends it."""

    kind: ClassVar = "held"

    at: float = kept(0.0)


@dataclass(frozen=True, slots=True)
class HungUp(Entry):
    """The call is over: ``by`` whom (caller, gateway, lost), SIP's words for it, its length in recording time."""

    kind: ClassVar = "hungup"

    by: str = kept("lost")
    cause: str = kept("")
    media_seconds: float | None = kept(None)


@dataclass(frozen=True, slots=True)
class Interrupted(Entry):
    """The gateway died in the call, or cut it short."""

    kind: ClassVar = "interrupted"

    reason: str = kept("")


@dataclass(frozen=True, slots=True)
class Media(Entry):
    """What came over RTP (RFC 3550): packets, packets that never came, mean interarrival jitter in seconds."""

    kind: ClassVar = "media"

    packets: int = kept(0)
    lost: int = kept(0)
    jitter_seconds: float = kept(0.0)


@dataclass(frozen=True, slots=True)
class RecordingTrouble(Entry):
    """The recording is incomplete."""

    kind: ClassVar = "recording_trouble"

    reason: str = kept("")


@dataclass(frozen=True, slots=True)
class Finished(Entry):
    """Nothing more comes of the call itself."""

    kind: ClassVar = "finished"
