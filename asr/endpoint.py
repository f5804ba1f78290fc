"""Cutting a caller's audio into phrases. Sans-IO: PCM in, phrases out, the same for any chunking of the PCM.

A frame of 20 ms is voiced when it is loud enough to be heard, stands out of the noise around it, sounds like speech
to WebRTC's detector, and is neither a telephone's tone nor a steady sound. Some voiced frames close together begin a
phrase, a pause ends it.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import webrtcvad

from asr import tones
from asr.echo import Echo
from asr.pitch import Pitch
from asr.samples import amplify, to_floats
from asr.samples import rms as rms_of
from asr.steady import Steady

RATE = 8000
"""Samples a second, s16le mono: everything here is telephone audio."""
PIECE_SECONDS = 0.2
"""A phrase's audio comes in pieces of this length, the last one of a run of speech may be shorter."""
PRE_ROLL_SECONDS = 0.3
"""Audio before the first voiced frame that belongs to the phrase: soft onsets."""
TAIL_SECONDS = 0.3
"""Audio after the last voiced frame that is handed on; the rest of a pause only when speech resumes."""
REST_SECONDS = 0.4
"""A pause of this length tells that the caller rests: a word that goes on has no such gap in it."""
LONGEST_SECONDS = 60.0
"""A phrase without any pause is cut here, so that no noise can hold a phrase open for ever."""

_SECONDS = 0.02
_SAMPLES = 160
_FRAME = 2 * _SAMPLES  # bytes
_PIECE = round(PIECE_SECONDS / _SECONDS) * _FRAME
_PRE_ROLL = round(PRE_ROLL_SECONDS / _SECONDS)
_TAIL = round(TAIL_SECONDS / _SECONDS)
_REST = round(REST_SECONDS / _SECONDS)
_EARLY = (
    3  # of those frames are enough to look for an echo, while none is known: before a caller speaks into it
)
_LOOK = 10  # frames in which an echo that is not known yet is looked for
_LONGEST = round(LONGEST_SECONDS / _SECONDS)
_WINDOW, _ENOUGH = 8, 6  # a phrase begins with 6 voiced frames of 8: longer than a click, shorter than 是
_ABSENT = (
    10  # RMS below which there is no line at all (codec silence is 0 or 8): says nothing about its noise
)
_AUDIBLE = 23  # RMS of -63 dBFS: above comfort noise, below the softest speech worth asking to speak up
_QUIET = (
    410  # RMS of -38 dBFS: below it the detector hears a copy amplified by _BOOST, or it would hear nothing
)
_BOOST = 16
_CONTRAST = 2.0  # voiced frames stand 6 dB above the noise floor
_NOISIEST = (
    800  # RMS of -32 dBFS, the highest floor: who begins loudly on a silent line is heard from the start
)
_BLOCK, _BLOCKS = 16, 8  # the floor is the softest frame of the last 8 blocks of 16 frames: 2.56 s
_FULL_SCALE = 32768


@dataclass(frozen=True, slots=True)
class Began:
    """A phrase began. Seconds since the first sample fed: first voiced frame, and where its audio (pre-roll) begins."""

    at: float
    audio_from: float


@dataclass(frozen=True, slots=True)
class Piece:
    """The next piece of the phrase's audio, without a gap to the one before; ``until`` is where it ends, seconds."""

    pcm: bytes
    until: float


@dataclass(frozen=True, slots=True)
class Rested:
    """The caller rests, though the phrase may go on: all its audio so far is handed on."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The phrase ended: first and last voiced frame in seconds, ``level`` the RMS of its voiced frames in dBFS.

    ``pitched`` says that a voice hummed in it.
    """

    start: float
    end: float
    level: float
    pitched: bool


Cut = Began | Piece | Rested | Ended
"""What cutting the audio comes to."""


class Endpointer:
    """Cuts one caller's audio into phrases that end after END_SILENCE seconds without voice.

    What ECHO knows as our own prompt come back is no voice; BEGIN is where, in samples of the recording, this audio
    begins.
    """

    def __init__(self, end_silence: float, echo: Echo | None = None, begin: int = 0) -> None:
        self._pause = max(1, round(end_silence / _SECONDS))
        self._echo, self._begin_at = echo or Echo(), begin
        self._rest = b""
        self._count = 0  # frames seen
        self._voice = _Voice()
        self._history: deque[bytes] = deque(maxlen=_PRE_ROLL + _WINDOW)
        self._window: deque[bool] = deque(maxlen=_WINDOW)
        self._window_power: deque[float] = deque(maxlen=_WINDOW)
        self._in_phrase = False
        self._first = self._last = 0  # frame numbers: first voiced, one past the last voiced
        self._power, self._voiced = 0.0, 0
        self._pitch = Pitch()
        self._audio = bytearray()  # not yet handed on
        self._held: list[bytes] = []  # a pause's audio, handed on only when speech resumes

    def feed(self, pcm: bytes) -> list[Cut]:
        """Take any number of bytes of s16le 8 kHz audio; return what they brought, in order."""
        data = self._rest + pcm
        whole = len(data) - len(data) % _FRAME
        events: list[Cut] = []
        for offset in range(0, whole, _FRAME):
            self._take(data[offset : offset + _FRAME], events)
        self._rest = data[whole:]
        return events

    def finish(self) -> list[Cut]:
        """End the phrase that is open, if any, handing on what was heard of it (a remainder below 20 ms is dropped)."""
        events: list[Cut] = []
        if self._in_phrase:
            self._end(events)
        return events

    @property
    def pitched(self) -> bool:
        """Whether a voice has hummed in the phrase so far."""
        return self._pitch.found

    @property
    def level(self) -> float:
        """The RMS of the voiced frames of the phrase so far, in dBFS; only while there is one."""
        return 20 * math.log10(math.sqrt(self._power / self._voiced) / _FULL_SCALE)

    def _take(self, frame: bytes, events: list[Cut]) -> None:
        rms = rms_of(frame)
        voiced = self._voice.is_in(frame, rms) and not self._is_echo(frame)
        self._count += 1
        if self._in_phrase:
            self._go_on(frame, rms if voiced else 0, events)
            return
        self._history.append(frame)
        if self._voice.tone:  # the frames around a key's tone are its edges
            self._window.clear()
            self._window_power.clear()
            return
        self._window.append(voiced)
        self._window_power.append(rms * rms if voiced else 0.0)
        if not voiced:
            return
        enough = sum(self._window) >= _ENOUGH
        early = sum(self._window) == _EARLY and not self._echo.is_known
        if (enough or early) and self._is_new_echo():
            self._window.clear()
            self._window_power.clear()
        elif enough:
            self._begin(events)

    def _follow(self, number: int, frame: bytes) -> None:
        """Look for a voice in this frame of a phrase; the echo has one, too."""
        at = self._begin_at + number * _SAMPLES
        if not self._pitch.found and self._echo.may_be(at) and self._echo.has_part_in(at, frame):
            self._pitch.pass_over(frame)
        else:
            self._pitch.take(frame)

    def _is_echo(self, frame: bytes) -> bool:
        at = self._begin_at + self._count * _SAMPLES
        return self._echo.may_be(at) and self._echo.is_in(at, frame)

    def _is_new_echo(self) -> bool:
        """Whether what looks like the beginning of a phrase is an echo, not known before or changed."""
        frames = list(self._history)[-_LOOK:]
        at = self._begin_at + (self._count - len(frames)) * _SAMPLES
        return self._echo.may_be(at) and self._echo.find(at, b"".join(frames))

    def _begin(self, events: list[Cut]) -> None:
        lead = len(self._window) - self._window.index(True)  # frames from the first voiced one on
        self._in_phrase = True
        self._first, self._last = self._count - lead, self._count
        self._power, self._voiced = sum(self._window_power), sum(self._window)
        frames = list(self._history)[-(lead + _PRE_ROLL) :]
        self._pitch = Pitch()
        for number, frame in enumerate(frames[-lead:]):
            self._follow(self._first + number, frame)
        events.append(Began(self._first * _SECONDS, (self._count - len(frames)) * _SECONDS))
        self._audio += b"".join(frames)
        self._hand_on(events)

    def _go_on(self, frame: bytes, rms: int, events: list[Cut]) -> None:
        self._follow(self._count - 1, frame)
        if rms:
            self._audio += b"".join(self._held)
            self._audio += frame
            self._held.clear()
            self._last = self._count
            self._power += rms * rms
            self._voiced += 1
            self._hand_on(events)
        else:
            silence = self._count - self._last
            if silence <= _TAIL:
                self._audio += frame
                self._hand_on(events, everything=silence == _TAIL)
            else:
                self._held.append(frame)
            if silence == _REST:
                events.append(Rested())
            if silence >= self._pause:
                self._end(events)
                return
        if self._count - self._first >= _LONGEST:
            self._end(events)

    def _hand_on(self, events: list[Cut], *, everything: bool = False) -> None:
        """Hand on whole pieces; at the end of a run of speech EVERYTHING, so that it is decoded during the pause."""
        behind = self._count - len(self._held)
        while len(self._audio) >= _PIECE or (everything and self._audio):
            piece = bytes(self._audio[:_PIECE])
            del self._audio[:_PIECE]
            events.append(Piece(piece, (behind - len(self._audio) // _FRAME) * _SECONDS))

    def _end(self, events: list[Cut]) -> None:
        self._hand_on(events, everything=True)
        events.append(Ended(self._first * _SECONDS, self._last * _SECONDS, self.level, self._pitch.found))
        self._in_phrase = False
        self._history.clear()
        self._history.extend(self._held)  # nothing is handed on twice
        self._held.clear()
        self._window.clear()
        self._window_power.clear()


class _Voice:
    """Says frame by frame whether there is a voice in it; adapts to the noise of the line."""

    def __init__(self) -> None:
        self._loud, self._quiet = webrtcvad.Vad(2), webrtcvad.Vad(2)
        self._floors: deque[int] = deque(maxlen=_BLOCKS)
        self._softest = _FULL_SCALE
        self._seen = 0
        self._steady = Steady()
        self._pure = False  # a telephone tone
        self.tone = False  # such a tone, or the edge after one

    def is_in(self, frame: bytes, rms: int) -> bool:
        was_pure, self._pure, self.tone = self._pure, False, False
        if rms < _ABSENT:
            return False
        floor = self._learn(rms)
        if rms < _AUDIBLE:
            return False
        loud = self._loud.is_speech(frame, RATE)
        quiet = self._quiet.is_speech(amplify(frame, _BOOST), RATE)
        if rms < floor * _CONTRAST or not (quiet if rms < _QUIET else loud):
            self._steady.pause()
            return False
        samples = to_floats(frame)
        self._pure = tones.is_tone(samples, rms)
        self.tone = self._pure or was_pure
        return not self.tone and not self._steady.is_in(samples, rms)

    def _learn(self, rms: int) -> int:
        self._softest = min(self._softest, rms)
        floor = min(self._softest, _NOISIEST, *self._floors)
        self._seen += 1
        if self._seen == _BLOCK:
            self._floors.append(self._softest)
            self._softest, self._seen = _FULL_SCALE, 0
        return floor
