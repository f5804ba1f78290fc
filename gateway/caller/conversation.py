"""The caller's side of a scripted call, sans-IO: audio and time in, what to do out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from config.script import Cough, Pause, Press, Say, SayFile, Wait
from gateway.caller.hearing import QUIET, Hearing, Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from config.script import Script

_PROMPT: Final = 0.2  # seconds of sound that make a prompt: less is the tail of the one just interrupted
_QUIET_LINE: Final = 30.0  # how long `say` waits for the line to be quiet
_KEY: Final = 0.26  # one RFC 4733 event with its end packets
_KEY_TAIL: Final = 0.1
_STAY: Final = 90.0  # how long a caller at the end of its script waits for the other side to hang up


@dataclass(frozen=True, slots=True)
class Speak:
    """Play the sound of the script's step ``step`` (an index into its steps)."""

    step: int


@dataclass(frozen=True, slots=True)
class PressKeys:
    """Send these keys, one after the other."""

    keys: str


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call."""


Act = Speak | PressKeys | HangUp


@dataclass(frozen=True, slots=True)
class Said:
    """What the caller said and when, in seconds of the call's media clock."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Pressed:
    """The key the caller pressed and when, in seconds of the call's media clock."""

    key: str
    at: float


class Conversation:
    """One run of a script.

    ``seconds`` gives the length of what each step says (0 for other steps). ``failure`` is empty, or why
    the call did not go as scripted.
    """

    def __init__(self, script: Script, seconds: Sequence[float]) -> None:
        self._steps, self._seconds = script.steps, seconds
        self._hearing = Hearing()
        self._now = 0.0
        self._acts: list[Act] = []
        self._step = 0  # the one being done; past the last: waiting for the other side to hang up
        self._story = self._follow()
        self.said: tuple[Said, ...] = ()
        self.pressed: tuple[Pressed, ...] = ()
        self.failure = ""

    @property
    def heard(self) -> tuple[Span, ...]:
        """When the other side was heard."""
        return self._hearing.spans

    def advance(self, now: float, pcm: bytes) -> tuple[Act, ...]:
        """Take the audio received up to ``now`` (media clock, seconds); give what to do at once, in order."""
        self._now = now
        self._hearing.feed(pcm)
        next(self._story, None)
        acts, self._acts = tuple(self._acts), []
        return acts

    def hung_up(self, by: Literal["caller", "gateway", "lost"], pcm: bytes) -> None:
        """Take note that the call is over, and of its last audio.

        ``by`` "caller" means us, "gateway" the other side.
        """
        self._hearing.feed(pcm)
        if by == "lost":
            self.failure = self.failure or "the call was lost"
        if by != "gateway":
            return
        step = self._steps[self._step] if self._step < len(self._steps) else None
        done = isinstance(step, Pause) or (
            isinstance(step, Wait) and self._hearing.heard_since_mark >= _PROMPT
        )
        for number in range(self._step + done, len(self._steps)):
            if self._steps[number] != "hang_up":
                self._step = number
                self._fail("the other side hung up before it was done")
                return

    def _follow(self) -> Iterator[None]:
        for number, step in enumerate(self._steps):
            self._step = number
            match step:
                case Wait():
                    yield from self._await_prompt(step.timeout)
                case Say() | SayFile():
                    yield from self._say(step)
                case Cough():
                    self._acts.append(Speak(number))
                    yield from self._pass(self._seconds[number])
                    self._hearing.mark()
                case Press():
                    yield from self._press(step.press)
                case Pause():
                    yield from self._pass(step.pause)
                case _:
                    self._acts.append(HangUp())
                    return
            if self.failure:
                self._acts.append(HangUp())
                return
        self._step = len(self._steps)
        yield from self._pass(_STAY)
        self.failure = self.failure or f"the other side did not hang up for {_STAY:g} s after the script"
        self._acts.append(HangUp())

    def _await_prompt(self, timeout: float) -> Iterator[None]:
        deadline = self._now + timeout
        while self._hearing.heard_since_mark < _PROMPT or self._hearing.quiet < QUIET:
            if self._now > deadline:
                heard = "it did not end" if self._hearing.heard_since_mark >= _PROMPT else "none was heard"
                self._fail(f"waited {timeout:g} s for a prompt, and {heard}")
                return
            yield
        self._hearing.mark()

    def _say(self, step: Say | SayFile) -> Iterator[None]:
        deadline = self._now + _QUIET_LINE
        while not step.over and self._hearing.quiet < QUIET:
            if self._now > deadline:
                self._fail(f"the line was not quiet for {_QUIET_LINE:g} s")
                return
            yield
        text = step.say if isinstance(step, Say) else step.text
        end = self._now + self._seconds[self._step]
        self._acts.append(Speak(self._step))
        self.said = (*self.said, Said(text, self._now, end))
        yield from self._pass(end - self._now)
        self._hearing.mark()

    def _press(self, keys: str) -> Iterator[None]:
        self._acts.append(PressKeys(keys))
        self.pressed += tuple(Pressed(key, self._now + n * _KEY) for n, key in enumerate(keys))
        # The answer may begin as soon as the last key is on its way, after the tail of what it interrupts.
        yield from self._pass(_KEY * len(keys) - _KEY_TAIL)
        self._hearing.mark()
        yield from self._pass(_KEY_TAIL)

    def _pass(self, seconds: float) -> Iterator[None]:
        until = self._now + seconds
        while self._now < until:
            yield

    def _fail(self, why: str) -> None:
        step = self._steps[self._step]
        name = step if isinstance(step, str) else next(iter(step.model_dump().items()))
        shown = name if isinstance(name, str) else f"{name[0]}: {name[1]}"
        self.failure = f"step {self._step + 1} ({shown}): {why}"
