"""A dialogue as a frozen graph. Made only by `ivr.compile`, which proves it; run by `ivr.machine`.

Nodes that pass on at once: `Step`, `Choose`. Nodes that wait for the caller: `Ask`, `Dictate`, `Digits`. Nodes that
wait for the system: `LookUp`, `Inquire`, `Submit`. `Connect` waits for somebody else. `End` says goodbye and hangs up.
What passes on queues its prompt, so that the caller can answer the question that follows over it.

A waiting node may be entered ``tries`` times for one matter; after that its ``then`` is entered instead. With the
bound on matters this bounds every call, whatever the caller does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ivr.matter import AppealType, AskedFor
    from ivr.words import Words

Condition = Literal[
    "told",
    "placed",
    "ambiguous",
    "caller",
    "contact",
    "call_back",
    "later",
    "several",
    "told_more",
    "asks_progress",
    "informed",
    "mistyped",
    "handled",
    "away",
    "cut_off",
]
"""What a `Choose` asks of the matter: words were said, its place is known, several places go by its name, the calling
number is known, a contact was agreed, a person must call back, it is not the call's first, others were told with it
that come later, it is filed and such a one comes now, nothing was said but that he asks for progress. Of the last
`Inquire`: there is an answer, the number cannot be one, there is an outcome, nobody could be asked, the caller's
last call was cut off."""

InquiryOf = Literal["caller", "ticket", "answer", "code", "past"]
"""What is asked of a ticket: see ``ivr.actions.Inquire``."""

Rating = Literal["满意", "基本满意", "不满意"]
"""满意度."""

Concluded = Literal["confirmed", "other", "done"]
"""How far a call that we have placed has come: the person we want said that he is he, or is another, or was told and
asked all there was."""

PERSON_KEY = "0"
"""Leads to a person, from everywhere."""

DANGER_KEY = "9"
"""Says that the caller is in danger, from everywhere, once a question has offered it."""

SELF_HARM = "self_harm"
"""The kind of danger that is from the caller's own hand; see ``tickets.meaning.risk``."""

LookUpOf = Literal["matter", "matters", "place", "which", "correction"]
"""What a `LookUp` looks at: all that was dictated, as one matter, or as one or several; the phrase that led to it, as
a place, or as the answer to which of several is meant; or the last dictation as a correction of place and title."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a step notes in the matter; None leaves a field as it is.

    ``appeal`` is the kind of appeal and, after it, kinds that the caller's words may make of it. ``contact`` takes the
    calling number unless it is withheld, agrees to the number that was keyed or said, or drops it. ``next_matter``
    begins another matter, if this one is complete and the call may have more; ``told_matter`` takes up the next of
    those that were told with it. ``no_matter``: what was said was none. ``rating`` is what the caller thinks of the
    outcome of the ticket that he was told of. Of a call that we have placed, ``concluded`` says how far it has come,
    ``solved`` whether the matter of its ticket is. ``past_matter``: it is that of before. ``take``: this was read back.
    """

    appeal: tuple[AppealType, ...] | None = None
    call_back: str | None = None
    danger: bool = False
    confirmed: bool = False
    contact: Literal["calling", "agreed", "none"] | None = None
    next_matter: bool = False
    told_matter: bool = False
    no_matter: bool = False
    rating: Rating | None = None
    concluded: Concluded | None = None
    solved: bool | None = None
    past_matter: bool = False
    take: AskedFor | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """Say something (or nothing), note something (or nothing), go on."""

    name: str
    next: str
    prompts: tuple[str, ...] = ()
    change: Change = field(default_factory=Change)


@dataclass(frozen=True, slots=True)
class Choose:
    """Go to the first case that holds."""

    name: str
    cases: tuple[tuple[Condition, str], ...]
    otherwise: str


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask and wait ``timeout`` seconds for a key or words.

    ``prompts`` are alternatives: the first whose slots can all be filled is said; if none can, ``blank`` is entered.
    ``answers`` leads from a key or a class of words to a node; what follows words of a class in ``after`` leads to the
    node given there. Other speech leads to ``hear``. Both take the phrase. What nothing takes is kept in the matter,
    where speech is listened to freely; without an answer beside it, the question is asked again. ``silence`` None asks
    again. Out of hearing, ``deaf`` is entered instead. ``ahead``: a key that was pressed while the system was waited
    for answers it, unasked. ``pick`` is entered when a key 1, 2 or 3 has told which of the places is meant that were
    offered.
    """

    name: str
    prompts: tuple[str, ...]
    timeout: float
    answers: Mapping[str, str]
    tries: int
    then: str
    silence: str | None = None
    hear: str | None = None
    after: Mapping[str, str] = field(default_factory=dict)
    blank: str | None = None
    deaf: str | None = None
    ahead: bool = False
    pick: str | None = None


@dataclass(frozen=True, slots=True)
class Dictate:
    """Take down what the caller has to say, until #, or ``pause`` seconds of silence.

    ``wait`` is how long the first word may take, ``longest`` bounds the whole, in seconds. After a pause, ``check`` is
    asked, ``checks`` times at most. ``tone`` is played last. When nothing was said, ``empty`` follows, not ``next``,
    and * leads to ``back``, the menu.
    """

    name: str
    prompts: tuple[str, ...]
    tone: str | None
    wait: float
    pause: float
    longest: float
    check: str | None
    checks: int
    next: str
    empty: str
    tries: int
    then: str
    deaf: str | None = None
    back: str | None = None


@dataclass(frozen=True, slots=True)
class Digits:
    """Take a number ``of`` something, keyed (# ends it, * begins again) or spoken; a telephone's is the contact.

    ``timeout`` is for the first digit, ``gap`` for each further one, in seconds. ``invalid`` is said when it is
    none. ``ahead``: keys that were pressed while the system was waited for are its beginning.
    """

    name: str
    prompts: tuple[str, ...]
    timeout: float
    gap: float
    answers: Mapping[str, str]
    invalid: str
    next: str
    tries: int
    then: str
    deaf: str | None = None
    ahead: bool = False
    of: Literal["telephone", "ticket", "code"] | AskedFor = "telephone"


@dataclass(frozen=True, slots=True)
class Connect:
    """Pass the caller on to somebody, for ``reason``; ``file``: the matter is filed beside it, and not waited for.

    The first of ``prompts`` that can be filled is said when somebody is called, ``waiting`` again every ``every``
    seconds until somebody has come, for ``longest`` seconds in all. Meanwhile ``answers`` leads from a key or a class
    of words to a node, and with ``keep_words`` what else is said is kept in the matter. A talk leads to ``parted``, one
    that was cut off or too short to have settled anything to ``broken``. When nobody has come, or all ``tries`` are
    spent, ``refused`` follows; when nobody could even be called, ``nobody``. ``given_up`` is why a caller must be
    called back who hangs up before that.
    """

    name: str
    reason: str
    prompts: tuple[str, ...]
    waiting: str | None
    every: float
    longest: float
    answers: Mapping[str, str]
    parted: str
    broken: str
    refused: str
    nobody: str
    tries: int
    given_up: str = ""
    file: bool = False
    keep_words: bool = False


@dataclass(frozen=True, slots=True)
class LookUp:
    """Find place and title."""

    name: str
    of: LookUpOf
    next: str


@dataclass(frozen=True, slots=True)
class Inquire:
    """Ask what becomes of a ticket."""

    name: str
    of: InquiryOf
    next: str


@dataclass(frozen=True, slots=True)
class Submit:
    """File the matter; ``failed`` when no number came in time."""

    name: str
    next: str
    failed: str


@dataclass(frozen=True, slots=True)
class End:
    """Say goodbye and hang up."""

    name: str
    prompts: tuple[str, ...]


Node = Step | Choose | Ask | Dictate | Digits | Connect | LookUp | Inquire | Submit | End


@dataclass(frozen=True, slots=True)
class Flow:
    """A proved dialogue.

    ``person`` is where key 0 and the words for a person lead from everywhere, ``duty`` where a call begins whose caller
    is passed to a person at once, ``danger`` where key 9 leads from everywhere once a question has offered it (never
    where digits are keyed in), ``danger_said`` where words of danger do from wherever speech is listened to, and
    ``self_harm_said`` where those do that tell of a caller's own hand (both None: such words mean nothing), ``lost``
    where ``patience`` misunderstandings lead, ``faint`` where a caller leads who stays too quiet after ``speak_up``. At
    ``centre`` the call of a line begins that has targets for that node's reason, at ``recall`` one of whom it can be
    asked whether he has called before. ``offer_person`` is said first while
    nobody has been able to hear callers for long, ``not_heard`` before a question is asked again. ``matters`` bounds
    the matters of one call. A sound shorter than ``cough`` seconds is no speech without a word and a voice; one that
    has paused a prompt and brings no word within ``first_word`` seconds lets it go on. ``slots`` gives the slots of
    each prompt; ``proof`` says, a line each, what was proved. ``places`` tells, of a class and a word of it, the line
    of the file where it stands. ``placed``: it leads calls that we place, and discloses nothing before the person has
    confirmed who he is.
    """

    name: str
    start: str
    person: str
    duty: str
    danger: str
    danger_said: str | None
    self_harm_said: str | None
    lost: str
    faint: str
    centre: str | None
    recall: str | None
    patience: int
    matters: int
    speak_up: str
    not_heard: str
    offer_person: str | None
    cough: float
    first_word: float
    words: Words
    nodes: Mapping[str, Node]
    slots: Mapping[str, frozenset[str]]
    proof: tuple[str, ...]
    places: Mapping[tuple[str, str], str] = field(default_factory=dict)
    placed: bool = False
