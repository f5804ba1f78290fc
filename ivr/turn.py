"""One event's work on a dialogue: the state as it changes, the actions as they are given."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ivr import slots
from ivr.actions import Listen, PausePlaying, Play, Prompt, ResumePlaying, StopListening, StopPlaying
from ivr.flow import DANGER_KEY, PERSON_KEY
from ivr.matter import Spoken, Window

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ivr.actions import Action
    from ivr.events import Alarmed, Heard
    from ivr.flow import Flow
    from ivr.state import State

PROMPT_LONGEST = 60.0
"""Seconds after which a prompt is taken to have ended, whatever the player says."""

SPEECH_LONGEST = 60.0
"""Seconds for which an answer may be spoken without a pause."""


class Turn:
    """The work on one event. ``state`` is replaced as it goes; ``target`` is the node to be entered next.

    ``deafened``: the question was lost to the ear in this very turn, what it leads to is its replacement by keys.
    ``goes_on``: so was a dictation in which he had spoken already; its replacement lets him speak on, and says nothing.
    ``alarm``: his words have just told of danger.
    """

    def __init__(self, flow: Flow, state: State, at: float) -> None:
        self.flow = flow
        self.state = state
        self.at = at
        self.actions: list[Action] = []
        self.target: str | None = None
        self.deafened = self.goes_on = False
        self.alarm: Alarmed | None = None

    def change(self, **changes: Any) -> None:
        """Replace fields of the state."""
        self.state = replace(self.state, **changes)

    def change_matter(self, **changes: Any) -> None:
        """Replace fields of the matter being talked about."""
        *before, matter = self.state.everything
        self.change(everything=(*before, replace(matter, **changes)))

    def go(self, target: str, carried: Spoken | None = None) -> None:
        """Enter a node, once this one's work is done, with the phrase that it is to take.

        A phrase that was on its way here and goes no further is kept in the matter.
        """
        if self.state.carried not in (None, carried):
            self.keep(self.state.carried)
        self.target = target
        self.change(carried=carried)

    def wait_until(self, deadline: float) -> None:
        """Be woken then, or when the question's time is over."""
        until = self.state.until
        self.change(deadline=max(self.at, deadline if until is None else min(deadline, until)))

    # -- playing

    def queue(self, names: Iterable[str]) -> bool:
        """Queue the first of these prompts whose slots can all be filled; False if there is none."""
        for name in names:
            filled = slots.fill(self.flow.slots[name], self.state)
            if filled is not None:
                self.change(queue=(*self.state.queue, Prompt(name, filled)))
                return True
        return False

    def play_next(self) -> bool:
        """Play what is next in the queue, unless something plays; False when nothing plays and nothing is left."""
        if self.state.playing is not None:
            return True
        if not self.state.queue:
            return False
        prompt, *rest = self.state.queue
        play = Play(self.state.plays, prompt)
        self.actions.append(play)
        self.change(playing=play.id, plays=play.id + 1, pauses=0, queue=tuple(rest))
        self.wait_until(self.at + PROMPT_LONGEST)
        return True

    def pause_playing(self, seconds: float) -> None:
        """Let the prompt, if there is any, stand still for so long."""
        if self.state.playing is None:
            return
        if not self.state.paused:
            self.actions.append(PausePlaying())
            self.change(paused=True, pauses=self.state.pauses + 1)
        self.wait_until(self.at + seconds)

    def resume_playing(self) -> None:
        """Let the prompt go on, if it stands."""
        if self.state.paused:
            self.actions.append(ResumePlaying())
            self.change(paused=False)
            self.wait_until(self.at + PROMPT_LONGEST)

    def stop_playing(self) -> None:
        """Stop the prompt and forget the queue."""
        if self.state.playing is not None:
            self.actions.append(StopPlaying())
        self.change(playing=None, paused=False, queue=())

    # -- listening

    def listen(self, phrases: tuple[str, ...] | None, end_silence: float) -> None:
        """Listen so, if speech can be heard at all. Listening already so goes on: a phrase in it is kept."""
        if self.state.hears:
            self._listen(Listen(phrases, end_silence))

    def listen_for_voice(self, end_silence: float) -> None:
        """Be told when he speaks, though nobody understands him."""
        self._listen(Listen(None, end_silence, words=False))

    def _listen(self, wanted: Listen) -> None:
        if wanted != self.state.listening:
            self.actions.append(wanted)
            self.change(listening=wanted, speaking=None)

    def stop_listening(self) -> None:
        """Do not listen any more."""
        if self.state.listening is not None:
            self.actions.append(StopListening())
        self.change(listening=None, speaking=None)

    # -- the matter

    def add_spoken(self, spoken: Spoken) -> None:
        """Add a phrase to the matter."""
        self.change_matter(spoken=(*self.state.matter.spoken, spoken))

    def keep(self, spoken: Spoken | None) -> None:
        """Keep a phrase that no dictation takes: in the matter, within a window of its own unless one is open."""
        if spoken is None:
            return
        windows = self.state.matter.windows
        if not (windows and windows[-1].end is None):
            begin = max(spoken.start, (windows[-1].end or 0.0) if windows else 0.0)
            self.change_matter(windows=(*windows, Window(begin, max(begin, spoken.end))))
        self.add_spoken(spoken)
        self.change(voiced=True)

    def complete(self, spoken: Spoken) -> None:
        """Let a phrase that has ended take the place of what was kept of it before, if anything was."""
        matter = self.state.matter
        if not any(one.start == spoken.start for one in matter.spoken):
            return
        kept = tuple(spoken if one.start == spoken.start else one for one in matter.spoken)
        *before, last = matter.windows
        if last.end is not None:
            last = replace(last, end=max(last.end, spoken.end))
        self.change_matter(spoken=kept, windows=(*before, last))

    def open_window(self, start: float) -> None:
        """Open a window of dictation, unless one is open."""
        windows = self.state.matter.windows
        if not (windows and windows[-1].end is None):
            last = windows[-1].end if windows else None
            self.change_matter(windows=(*windows, Window(max(start, last or 0.0))))

    def close_window(self, *, keep: bool) -> None:
        """Close the window that is open, if any; without ``keep`` it is dropped: nothing was said in it."""
        windows = self.state.matter.windows
        if windows and windows[-1].end is None:
            start = windows[-1].start
            closed = (Window(start, max(start, self.at)),) if keep else ()
            self.change_matter(windows=(*windows[:-1], *closed))

    # -- what every question shares

    def spend_try(self, name: str, tries: int) -> bool:
        """Count an entry of this node for the matter; false, and nothing is counted, when all its tries are spent."""
        visits = dict(self.state.visits)
        if visits.get(name, 0) >= tries:
            return False
        visits[name] = visits.get(name, 0) + 1
        self.change(visits=tuple(visits.items()))
        return True

    def rescue(self, key: str) -> str | None:
        """The node that a key leads to from everywhere; None for all other keys."""
        if key == DANGER_KEY:
            return self.flow.danger if self.state.offered else None
        return self.flow.person if key == PERSON_KEY else None

    def ask_again(self) -> None:
        """Enter the question once more: one of its tries."""
        self.go(self.state.question)

    def misunderstand(self) -> None:
        """Ask again; after the flow's ``patience``, call for a person, unless one has been called for."""
        count = self.state.misunderstood + 1
        self.change(misunderstood=count)
        self.stop_playing()
        if count >= self.flow.patience and not self.state.matter.call_back:
            self.go(self.flow.lost)
        else:
            self.queue((self.flow.not_heard,))
            self.ask_again()


def spoken(heard: Heard, text: str | None = None) -> Spoken:
    """The phrase as it goes into the matter; ``text`` replaces what was heard by a part of it."""
    return Spoken(
        heard.text if text is None else text, heard.start, heard.end, heard.confidence, heard.confirmed
    )
