"""What is needed of a sound card, whichever library drives it."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Final, Literal, Protocol

from config.fault import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BackendName = Literal["sounddevice", "pyaudio"]

SAMPLE_BYTES: Final = 2
"""Every sound here is s16le, channels interleaved."""

_REMEDY: Final = (
    "安装:deploy/setup sound;已装好的服务器再执行一次 hotline install。"
    " / install it: `deploy/setup sound`, and on an installed machine `hotline install` once more"
)


class SoundCardError(Fault):
    """There is no microphone or loudspeaker to be had; the message says why and what to do."""


class Stream(Protocol):
    """Sound that flows, from when it was opened until it is closed."""

    @property
    def flows(self) -> bool:
        """Whether it still does: a device may be unplugged."""

    def close(self) -> None:
        """End it; what was given to be played is played to its end first. Harmless again."""


class Card(Protocol):
    """A microphone and a loudspeaker: those that this machine's sound system has chosen.

    ``take`` and ``give`` are called on a thread of the library's own, every few milliseconds: they must not wait. Both
    functions raise SoundCardError.
    """

    def hear(self, rate: int, take: Callable[[bytes], None]) -> Stream:
        """Hand on what the microphone hears, mono, at so many Hz."""

    def play(self, rate: int, channels: int, give: Callable[[int], bytes]) -> Stream:
        """Play what is given: so many bytes each time, no less."""


def open_card(backend: BackendName) -> Card:
    """The sound card by this library; raises SoundCardError where it, or PortAudio below it, is not installed."""
    with _silenced():
        try:
            if backend == "sounddevice":
                from gateway.sound.by_sounddevice import SounddeviceCard  # noqa: PLC0415 - of the extra `sound`

                return SounddeviceCard()
            from gateway.sound.by_pyaudio import PyAudioCard  # noqa: PLC0415 - likewise

            return PyAudioCard()
        except ImportError as error:
            raise SoundCardError(
                f"没有安装本机声音(软件包 {error.name or backend})。{_REMEDY} (the package {error.name or backend})"
            ) from error
        except OSError as error:  # sounddevice looks for the library itself
            raise SoundCardError(f"没有 PortAudio 库 / no PortAudio library: {error}。{_REMEDY}") from error


@contextlib.contextmanager
def opening(
    what: Literal["麦克风 / microphone", "扬声器 / loudspeaker"], faults: tuple[type[Exception], ...]
) -> Iterator[None]:
    """Turn what a library raises while it opens a device into one clear sentence."""
    with _silenced():
        try:
            yield
        except faults as error:
            reason = next((arg for arg in error.args if isinstance(arg, str)), repr(error))
            raise SoundCardError(
                f"打不开{what.replace(' / ', ' / cannot open the ')}: {reason}。"
                "请检查声卡是否接好、是否被其他程序占用 "
                "/ check that a sound card is there and that no other program holds it"
            ) from error


@contextlib.contextmanager
def _silenced() -> Iterator[None]:
    """ALSA tells on file descriptor 2 of every device that it has not found; one sentence of ours says it all."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(nowhere)
        os.close(kept)
