"""A scripted call: what a caller does, step by step, and what must come of it.

The same script is run against the dialogue alone on a fake clock, and over real SIP by the scripted caller.
Its steps:

- ``wait: prompt`` — until a prompt has been heard since the last ``wait``, ``say`` or ``press``, and 0.6 s of
  silence have followed it. After ``timeout`` seconds (default 30) the script has failed.
- ``say: TEXT`` — speak, once the line has been quiet for 0.6 s; ``over: true``: at once, over any prompt.
  ``level`` is the speech level in dBFS (default -20).
- ``say_file: FILE.wav`` — the same from a recording (path relative to the script); ``text`` is what it says.
- ``cough: NUMBER`` — make a sound without words at once, over any prompt: a cough, a throat cleared, a sneeze, a
  knock or a breath, always the same one for the same number. ``level`` as above.
- ``press: KEYS`` — keys ``0``–``9``, ``*``, ``#``, one after the other, at once.
- ``pause: SECONDS`` — do nothing.
- ``hang_up`` — end the call. Without it the caller stays until the other side hangs up.

``targets`` are whom the called line passes calls on to, and what each does when it is called (``does``), step by
step: ``rings: SECONDS``, ``plays: SECONDS`` (before it answers), ``answers``, ``talks: SECONDS``, ``holds: SECONDS``,
``hangs_up``; or ``busy``, ``fails``; or ``silent``: it says nothing at all; or ``dies``: it is gone without a word. One
that has answered and has nothing more to do stays on the line. To one whose ``transfer`` is cold the caller's own
exchange is asked to hand him over, unless he is in danger; ``declines`` is that exchange's answer, and what follows is
done when it is called the warm way. ``brings_in: SECONDS`` calls the first target of the reason ``third``, who rings so
long, answers, and is there until the one who brought him in hangs up.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag


class _Part(BaseModel):
    model_config = ConfigDict(defer_build=True, frozen=True)


class Wait(_Part):
    """Wait until a prompt was heard to its end."""

    wait: Literal["prompt"]
    timeout: float = Field(default=30.0, gt=0)


class Say(_Part):
    """Speak a text, ``level`` in dBFS."""

    say: str = Field(min_length=1)
    level: float = Field(default=-20.0, le=0)
    over: bool = False


class SayFile(_Part):
    """Speak a recording; the path is relative to the script."""

    say_file: str = Field(min_length=1)
    text: str = Field(min_length=1)
    over: bool = False


class Cough(_Part):
    """Make a sound without words, ``level`` in dBFS."""

    cough: int = Field(ge=0, lt=2**31)
    level: float = Field(default=-20.0, le=0)


class Press(_Part):
    """Press keys."""

    press: str = Field(pattern=r"^[0-9*#]+$")


class Pause(_Part):
    """Do nothing for that many seconds."""

    pause: float = Field(gt=0)


def _kind(step: Any) -> str | None:
    if isinstance(step, str):
        return "hang_up"
    keys = step if isinstance(step, dict) else getattr(type(step), "model_fields", {})
    return next((k for k in ("wait", "say", "say_file", "cough", "press", "pause") if k in keys), None)


Step = Annotated[
    Annotated[Wait, Tag("wait")]
    | Annotated[Say, Tag("say")]
    | Annotated[SayFile, Tag("say_file")]
    | Annotated[Cough, Tag("cough")]
    | Annotated[Press, Tag("press")]
    | Annotated[Pause, Tag("pause")]
    | Annotated[Literal["hang_up"], Tag("hang_up")],
    Discriminator(
        _kind,
        custom_error_type="step",
        custom_error_message="not a step: wait, say, say_file, cough, press, pause or hang_up",
    ),
]


class Rings(_Part):
    """It rings for so many seconds."""

    rings: float = Field(gt=0)


class Plays(_Part):
    """It sends sound for so many seconds before it answers (183, RFC 3960)."""

    plays: float = Field(gt=0)


class Talks(_Part):
    """It talks, and listens, for so many seconds."""

    talks: float = Field(gt=0)


class Holds(_Part):
    """It holds the line for so many seconds, and is back (RFC 3264, 8.4)."""

    holds: float = Field(gt=0)


class BringsIn(_Part):
    """It brings in somebody third, who rings for so many seconds."""

    brings_in: float = Field(gt=0)


Deed = (
    Rings
    | Plays
    | Talks
    | Holds
    | BringsIn
    | Literal["answers", "hangs_up", "busy", "fails", "silent", "dies", "declines"]
)


class ScriptedTarget(_Part):
    """Somebody the call is passed on to; see `ivr.target.Target`. ``closed``: out of hours."""

    name: str = Field(min_length=1)
    ticket: Literal["ours", "theirs"] = "ours"
    ring_seconds: float = Field(default=30.0, gt=0)
    closed: bool = False
    early_media: bool = False
    transfer: Literal["warm", "cold"] = "warm"
    does: tuple[Deed, ...] = ()


class TicketOnFile(_Part):
    """A ticket of before, the newest first. ``calling``: the calling number alone may hear of it.

    ``status`` is what is said of it, ``handled`` whether there is an outcome, ``answer`` that, told to who knows
    ``code``.
    """

    number: str = Field(pattern=r"^[0-9]{12,}$")
    calling: bool = True
    status: str = Field(min_length=1)
    handled: bool = False
    code: str = ""
    answer: str = ""


class PastCall(_Part):
    """The call that the caller has made before, by its ticket; ``cut``: it was cut off just now."""

    number: str = Field(pattern=r"^[0-9]{12,}$")
    cut: bool = False


class ExpectedTicket(_Part):
    """What one ticket must hold; what is not given is not compared.

    ``text`` is the whole dictation without spaces and punctuation, ``category`` its levels joined by ``_``.
    ``call_back``, ``danger``, ``confirmed`` and ``text_pending`` say whether the ticket carries it. ``passed_to`` is
    who has talked with the caller, "" nobody. ``rivals`` says whether several places go by the name on the ticket,
    ``several`` whether it holds several matters, ``related`` whether it names the tickets told in one breath with it.
    ``joins`` says whether it goes on with one of a call that was cut off, ``repeats`` is the one of the same matter.
    """

    text: str | None = None
    appeal: str | None = None
    category: str | None = None
    place_name: str | None = None
    village: str | None = None
    rivals: bool | None = None
    several: bool | None = None
    related: bool | None = None
    joins: bool | None = None
    repeats: str | None = None
    contact: str | None = None
    call_back: bool | None = None
    danger: bool | None = None
    confirmed: bool | None = None
    text_pending: bool | None = None
    passed_to: str | None = None


class Expected(_Part):
    """What must come of the call.

    ``trace`` is the names of the prompts played, in order. ``rated`` is what was thought of tickets on file, by number.
    ``tickets`` are the call's tickets in order. When
    there is none, ``reason`` is true: the call must end with a recorded reason instead.
    """

    trace: tuple[str, ...] | None = None
    tickets: tuple[ExpectedTicket, ...] = ()
    rated: dict[str, str] = {}
    reason: bool = False


class Script(_Part):
    """A scripted call. ``caller`` is the calling number, empty when withheld; ``called`` is dialled.

    ``forwarded_from`` is the number that forwarded the call there (Diversion, RFC 5806), empty for a direct call.
    ``on_file`` are the tickets that can be asked about, ``past`` is the call before this one that he is asked about,
    and a ``database`` that ``hangs`` tells of none in time: all on the fake clock alone.
    ``targets`` are by the reason for which they are called, each reason's in the order in which they are tried.
    """

    name: str
    caller: str = Field(default="", pattern=r"^[0-9]*$")
    called: str = "12345"
    forwarded_from: str = ""
    asr: Literal["up", "down"] = "up"
    targets: dict[str, tuple[ScriptedTarget, ...]] = {}
    on_file: tuple[TicketOnFile, ...] = ()
    past: PastCall | None = None
    database: Literal["up", "hangs"] = "up"
    steps: tuple[Step, ...] = Field(min_length=1)
    expect: Expected = Expected()

    @property
    def spoken(self) -> str:
        """All the caller says, in order: the reference for a character error rate."""
        texts = (s.say if isinstance(s, Say) else s.text for s in self.steps if isinstance(s, (Say, SayFile)))
        return "".join(texts)
