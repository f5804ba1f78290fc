"""Where a dialogue stands: one frozen value, replaced at every event."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ivr.actions import Listen, Prompt
    from ivr.events import Informed
    from ivr.flow import Concluded
    from ivr.matter import AppealType, Candidate, Matter, Spoken


_OFFERS = 3


@dataclass(frozen=True, slots=True)
class Dictation:
    """A dictation in progress.

    ``since`` is how many phrases the matter had before, ``said`` tells whether words came, ``unclear``
    whether speech did in which none could be made out; ``checks`` how often it was
    asked whether that was all, ``checking`` whether it is being asked now. ``closing`` says that its time is over, and
    only the phrase being spoken is waited for.
    """

    since: int = 0
    said: bool = False
    unclear: bool = False
    checks: int = 0
    checking: bool = False
    closing: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """One call's dialogue.

    ``deadline`` is the dialogue time at which the driver must send ``Elapsed``; it is None only when ``ended``.
    ``question`` is the node that waits; ``until`` bounds the wait, whatever the caller does. ``playing`` is the id of
    the prompt being played, ``queue`` what follows it; ``paused`` says that it stands still, ``pauses`` how often it
    has. ``speaking`` is when the caller began to speak, while he does; ``phrase`` the same in seconds of the recording,
    by which a phrase's end is told from that of an earlier one. ``alarming`` is the phrase in which danger was told
    last, by its start: when it ends, the whole of it takes the place of what was known of it then.
    ``carried`` is a phrase on its way to the node that takes it. ``everything`` holds all matters, the last one
    perhaps still empty: see `matters`. ``voiced`` says that speech was heard in a dictation of this matter.
    ``openings`` are the called line's own prompts, by the question whose prompts they replace.
    ``at_once`` says that the caller is passed to a person without a question, ``offer_person`` that he is offered one
    before he is asked.
    ``hears`` tells whether this question can be answered by speech, ``ear`` whether the next one will try.
    ``reasons`` are those for which somebody can be reached. ``reaching`` is the id of the ``Connect`` under way, and
    ``calling`` says that it has come to calling somebody; ``target`` was called last; ``attempts`` were made so far.
    ``typed`` are the digits keyed in so far, ``ahead`` keys that wait for the next question.
    ``offered`` says that the caller has been told of the danger key. ``lookups`` have not been answered yet.
    ``candidates`` are the places that may be meant by the matter's, when several go by its name. ``following`` are
    matters that were told in one dictation with this one, and come after it. ``ticket`` is the number of a ticket that
    was asked for or told of, ``code`` the query code keyed in for it, ``inquiry`` counts such questions, ``identity``
    and ``day`` (ISO 8601) are what was answered last where these were asked for,
    ``informed`` is the answer to the last. Of a call that we have placed, ``concluded`` says how far it has come, and
    ``solved`` whether the matter of ``ticket`` is, as the person says. ``recalls``: it can be asked whether he has
    called before; ``past`` is the ticket that he has from there.
    """

    phase: Literal["ringing", "talking", "connected", "leaving", "ended"]
    deadline: float | None
    everything: tuple[Matter, ...]
    openings: Mapping[str, Prompt] = field(default_factory=dict)
    preset: AppealType | None = None
    reasons: frozenset[str] = frozenset()
    at_once: bool = False
    offer_person: bool = False
    caller: str = ""
    hears: bool = True
    ear: bool = True
    question: str = ""
    until: float | None = None
    visits: tuple[tuple[str, int], ...] = ()
    playing: int | None = None
    queue: tuple[Prompt, ...] = ()
    plays: int = 0
    paused: bool = False
    pauses: int = 0
    listening: Listen | None = None
    speaking: float | None = None
    phrase: float = 0.0
    alarming: float | None = None
    voiced: bool = False
    carried: Spoken | None = None
    dictation: Dictation = Dictation()
    typed: str = ""
    ahead: str = ""
    appeals: tuple[AppealType, ...] = ()
    misunderstood: int = 0
    asked_louder: bool = False
    offered: bool = False
    number: str = ""
    lookups: int = 0
    candidates: tuple[Candidate, ...] = ()
    following: tuple[Matter, ...] = ()
    attempts: int = 0
    reaching: int | None = None
    calling: bool = False
    target: str = ""
    ticket: str = ""
    code: str = ""
    identity: str = ""
    day: str = ""
    inquiry: int = 0
    informed: Informed | None = None
    concluded: Concluded | None = None
    solved: bool | None = None
    recalls: bool = False
    past: str = ""

    @property
    def ended(self) -> bool:
        """Whether the dialogue is over: ``Finish`` was given."""
        return self.phase == "ended"

    @property
    def matter(self) -> Matter:
        """The matter being talked about."""
        return self.everything[-1]

    @property
    def offers(self) -> tuple[Candidate, ...]:
        """The candidates, if they are so few that each has a key of its own: 1, 2, 3."""
        return self.candidates if len(self.candidates) <= _OFFERS else ()

    @property
    def matters(self) -> tuple[Matter, ...]:
        """The matters that are something to act on: spoken, asked for by key, or submitted."""
        last = self.matter
        stated = (
            last.spoken or last.call_back or last.danger or last.complete or (last.windows and self.voiced)
        )
        return (*(self.everything if stated else self.everything[:-1]), *self.following)
