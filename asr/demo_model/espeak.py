"""espeak-ng through ctypes: samples together with the exact position of every phone.

The library keeps one global state: initialised a second time, or before a fork, it hangs. So a process has one
`Espeak`, which `open_espeak` gives.
Events and parameters: `speak_lib.h` of espeak-ng 1.51.
"""

import ctypes
import ctypes.util
import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BASE_VOICE = "cmn-latn-pinyin"
"""Mandarin written in pinyin: the plain `cmn` voice of Debian reads most Hanzi as English."""

PLAIN_RATE = 175
"""espeak-ng's own default speed, words a minute."""

_OUTPUT_RETRIEVAL = 1
_INIT_PHONEME_EVENTS = 1
_EVENT_END, _EVENT_PHONEME = 0, 7
_RATE, _PITCH, _RANGE = 1, 3, 4
_CHARS_UTF8 = 1


class _EventId(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    )


_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


class EspeakError(RuntimeError):
    """The library is missing or refuses a voice."""


@dataclass(frozen=True, slots=True)
class PhoneEvent:
    """The phone `name` begins at `sample`; pauses have names that begin with an underscore."""

    name: str
    sample: int

    @property
    def is_pause(self) -> bool:
        """Whether nothing is spoken here."""
        return self.name.startswith("_")


@dataclass(frozen=True, slots=True)
class Prosody:
    """How it is said: words a minute (80 to 450), pitch and pitch range (0 to 99)."""

    rate: int = PLAIN_RATE
    pitch: int = 50
    pitch_range: int = 50


PLAIN = Prosody()


@dataclass(frozen=True, slots=True)
class Speech:
    """Mono 16-bit samples at the synthesiser's rate, and its phones in time order."""

    samples: NDArray[np.int16]
    phones: tuple[PhoneEvent, ...]


class Espeak:
    """The synthesiser of this process; `open_espeak` makes the only one."""

    def __init__(self) -> None:
        name = ctypes.util.find_library("espeak-ng")
        if name is None:
            raise EspeakError("libespeak-ng is not installed; run `apt-get install espeak-ng`")
        self._library = ctypes.CDLL(name)
        self._samples: list[NDArray[np.int16]] = []
        self._phones: list[PhoneEvent] = []
        self._callback = _CALLBACK(self._receive)  # kept: the library holds only its address
        self.sample_rate: int = self._library.espeak_Initialize(
            _OUTPUT_RETRIEVAL, 200, None, _INIT_PHONEME_EVENTS
        )
        if self.sample_rate <= 0:
            raise EspeakError("espeak-ng did not start; is the package espeak-ng-data complete?")
        self._library.espeak_SetSynthCallback(self._callback)

    @property
    def version(self) -> str:
        """The library's own version text."""
        self._library.espeak_Info.restype = ctypes.c_char_p
        text: bytes = self._library.espeak_Info(None)
        return text.decode().split(" ", maxsplit=1)[0]

    def say(self, pinyin: str, variant: str = "", prosody: Prosody = PLAIN) -> Speech:
        """Speak pinyin with tone digits, e.g. `tou2su4, ni3hao3`.

        Args:
            pinyin: syllables; spaces part words, commas make pauses.
            variant: a voice variant with its plus sign (`+f2`), or nothing for the plain voice.
            prosody: speed and pitch.

        Raises:
            EspeakError: if the voice is not installed.
        """
        voice = BASE_VOICE + variant
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise EspeakError(f"espeak-ng has no voice {voice!r}; is the package espeak-ng-data complete?")
        for parameter, value in (
            (_RATE, prosody.rate),
            (_PITCH, prosody.pitch),
            (_RANGE, prosody.pitch_range),
        ):
            self._library.espeak_SetParameter(parameter, value, 0)
        self._samples, self._phones = [], []
        text = pinyin.encode() + b"\0"
        self._library.espeak_Synth(text, len(text), 0, 1, 0, _CHARS_UTF8, None, None)
        self._library.espeak_Synchronize()
        samples = np.concatenate(self._samples) if self._samples else np.zeros(0, np.int16)
        return Speech(samples, tuple(self._phones))

    def _receive(
        self, wave: "ctypes._Pointer[ctypes.c_short]", count: int, events: "ctypes._Pointer[_Event]"
    ) -> int:
        if wave and count > 0:
            self._samples.append(np.ctypeslib.as_array(wave, (count,)).astype(np.int16))
        index = 0
        while events[index].type != _EVENT_END:
            event = events[index]
            if event.type == _EVENT_PHONEME:
                name = bytes(event.id.string).split(b"\0")[0].decode()
                self._phones.append(PhoneEvent(name, event.sample))
            index += 1
        return 0


@functools.cache
def open_espeak() -> Espeak:
    """Start espeak-ng, or give the one that was started.

    Raises:
        EspeakError: if it is not installed.
    """
    return Espeak()
