"""The sound card by PyAudio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyaudio

from gateway.sound.card import SAMPLE_BYTES, opening

if TYPE_CHECKING:
    from collections.abc import Callable

_FAULTS: Final = (OSError, ValueError)


class _Stream:
    def __init__(self, library: pyaudio.PyAudio, stream: Any) -> None:
        self._library, self._stream = library, stream

    @property
    def flows(self) -> bool:
        return self._stream is not None and bool(self._stream.is_active())

    def close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            if stream.is_active():
                stream.stop_stream()
            stream.close()
            self._library.terminate()


class PyAudioCard:
    """See `gateway.sound.card.Card`."""

    def hear(self, rate: int, take: Callable[[bytes], None]) -> _Stream:
        """Hand on what the microphone hears."""

        def came(heard: bytes, _frames: int, _time: object, _status: int) -> tuple[None, int]:
            take(heard)
            return None, pyaudio.paContinue

        with opening("麦克风 / microphone", _FAULTS):
            return _open(rate, 1, input=True, stream_callback=came)

    def play(self, rate: int, channels: int, give: Callable[[int], bytes]) -> _Stream:
        """Play what is given."""

        def wanted(_heard: None, frames: int, _time: object, _status: int) -> tuple[bytes, int]:
            return give(frames * channels * SAMPLE_BYTES), pyaudio.paContinue

        with opening("扬声器 / loudspeaker", _FAULTS):
            return _open(rate, channels, output=True, stream_callback=wanted)


def _open(rate: int, channels: int, **kind: Any) -> _Stream:
    """A stream with a PortAudio of its own, which counts who uses it."""
    library = pyaudio.PyAudio()
    try:
        stream = library.open(
            rate, channels, pyaudio.paInt16, frames_per_buffer=pyaudio.paFramesPerBufferUnspecified, **kind
        )
    except BaseException:
        library.terminate()
        raise
    return _Stream(library, stream)
