"""The form of a flow file, as an operator writes it; `ivr.compile` makes a `Flow` of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from ivr.flow import Concluded, Condition, InquiryOf, LookUpOf, Rating
from ivr.matter import AppealType, AskedFor

Seconds = Annotated[float, Field(gt=0, le=600)]
Tries = Annotated[int, Field(ge=1, le=10)]
Prompts = str | tuple[str, ...]


class _Part(BaseModel):
    model_config = ConfigDict(defer_build=True, frozen=True)


class SetPart(_Part):
    """``set:`` what a step notes."""

    appeal: tuple[AppealType, ...] | None = Field(default=None, min_length=1)
    call_back: str | None = Field(default=None, min_length=1)
    danger: Literal[True] | None = None
    confirmed: Literal[True] | None = None
    contact: Literal["calling", "agreed", "none"] | None = None
    matter: Literal["next", "told", "none", "past"] | None = None
    rating: Rating | None = None
    concluded: Concluded | None = None
    solved: bool | None = None
    take: AskedFor | None = None


class StepPart(_Part):
    """``say:`` a prompt and go on; or only ``set:`` something."""

    say: Prompts = ()
    set: SetPart = SetPart()
    next: str


class Case(_Part):
    """One case of ``choose:``."""

    when: Condition
    go: str


class ChoosePart(_Part):
    """``choose:`` where to go by what is known."""

    choose: tuple[Case, ...] = Field(min_length=1)
    otherwise: str


class AskPart(_Part):
    """``ask:`` a question and wait for an answer."""

    ask: Prompts
    timeout: Seconds
    on: dict[str, str] = {}
    hear: str | None = None
    after: dict[str, str] = {}
    silence: str | None = None
    blank: str | None = None
    deaf: str | None = None
    ahead: bool = False
    pick: str | None = None
    tries: Tries
    then: str


class DictatePart(_Part):
    """``dictate:`` take down what the caller says."""

    dictate: Prompts
    tone: str | None = None
    wait: Seconds
    pause: Seconds
    longest: Seconds
    check: str | None = None
    checks: int = Field(default=0, ge=0, le=3)
    next: str
    empty: str
    back: str | None = None
    deaf: str | None = None
    tries: Tries
    then: str


class DigitsPart(_Part):
    """``digits:`` take a telephone number, or ``of`` something else."""

    digits: Prompts
    of: Literal["telephone", "ticket", "code"] | AskedFor = "telephone"
    timeout: Seconds
    gap: Seconds
    on: dict[str, str] = {}
    invalid: str
    next: str
    deaf: str | None = None
    ahead: bool = False
    tries: Tries
    then: str


class ConnectPart(_Part):
    """``connect:`` pass the caller on to somebody, for this reason."""

    connect: Annotated[str, Field(pattern=r"^[a-z_]+$")]
    say: Prompts = ()
    waiting: str | None = None
    every: Seconds = 20.0
    longest: Seconds
    on: dict[str, str] = {}
    submit: Literal["matter"] | None = None
    keep_words: bool = False
    given_up: str = Field(default="", min_length=1)
    parted: str
    broken: str
    refused: str
    nobody: str | None = None
    tries: Tries


class LookUpPart(_Part):
    """``look_up:`` find place and title."""

    look_up: LookUpOf
    next: str


class InquirePart(_Part):
    """``inquire:`` ask what becomes of a ticket."""

    inquire: InquiryOf
    next: str


class SubmitPart(_Part):
    """``submit:`` file the matter."""

    submit: Literal["matter"]
    next: str
    failed: str


class EndPart(_Part):
    """``end:`` say goodbye and hang up."""

    end: Prompts


_KINDS = ("ask", "dictate", "digits", "look_up", "inquire", "connect", "submit", "choose", "end")


def _kind(part: Any) -> str | None:
    if not isinstance(part, dict):
        return type(part).__name__.removesuffix("Part").lower() if isinstance(part, BaseModel) else None
    return next((k for k in _KINDS if k in part), "step")


NodePart = Annotated[
    Annotated[StepPart, Tag("step")]
    | Annotated[ChoosePart, Tag("choose")]
    | Annotated[AskPart, Tag("ask")]
    | Annotated[DictatePart, Tag("dictate")]
    | Annotated[DigitsPart, Tag("digits")]
    | Annotated[ConnectPart, Tag("connect")]
    | Annotated[LookUpPart, Tag("look_up")]
    | Annotated[InquirePart, Tag("inquire")]
    | Annotated[SubmitPart, Tag("submit")]
    | Annotated[EndPart, Tag("end")],
    Discriminator(
        _kind,
        custom_error_type="node",
        custom_error_message=f"not a node: give it say, set or one of {', '.join(_KINDS)}",
    ),
]


Classes = dict[str, tuple[str, ...]]


class WordsFile(_Part):
    """The words file: the classes of words that all flows share."""

    words: Classes


class FlowFile(_Part):
    """A flow file. Without ``duty``, a call that is passed to a person at once begins where key 0 leads.

    Without ``danger_said``, words of danger lead where key 9 does; where it is false, they mean nothing. Without
    ``self_harm_said``, those of self-harm lead where words of danger do. ``neutral`` makes it the flow of a call that
    we place: these prompts alone may be said to whom has not confirmed who he is.
    """

    name: str = Field(min_length=1)
    start: str
    person: str
    duty: str | None = None
    danger: str
    danger_said: str | Literal[False] | None = None
    self_harm_said: str | None = None
    lost: str
    faint: str
    centre: str | None = None
    recall: str | None = None
    patience: int = Field(ge=1, le=5)
    matters: int = Field(ge=1, le=20)
    speak_up: str
    not_heard: str
    offer_person: str | None = None
    cough: Annotated[float, Field(gt=0, le=5)] = 1.0
    first_word: Annotated[float, Field(ge=0.5, le=10)] = 2.5
    neutral: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    words: Classes
    nodes: dict[str, NodePart] = Field(min_length=1)

    @property
    def said(self) -> str | None:
        """Where words of danger lead."""
        return self.danger if self.danger_said is None else self.danger_said or None

    @property
    def at_once(self) -> str:
        """Where a call begins that is passed to a person at once."""
        return self.duty or self.person
