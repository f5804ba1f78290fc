"""The sound card by sounddevice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sounddevice

from gateway.sound.card import SAMPLE_BYTES, opening

if TYPE_CHECKING:
    from collections.abc import Callable

_FAULTS: Final = (
    sounddevice.PortAudioError,
    ValueError,
)  # ValueError: a device's name in its environment is wrong


class _Stream:
    def __init__(self, stream: Any) -> None:
        self._stream = stream
        stream.start()

    @property
    def flows(self) -> bool:
        return bool(self._stream.active)

    def close(self) -> None:
        self._stream.stop(ignore_errors=True)
        self._stream.close(ignore_errors=True)


class SounddeviceCard:
    """See `gateway.sound.card.Card`."""

    def hear(self, rate: int, take: Callable[[bytes], None]) -> _Stream:
        """Hand on what the microphone hears."""

        def came(heard: Any, _frames: int, _time: object, _status: object) -> None:
            take(bytes(heard))

        with opening("麦克风 / microphone", _FAULTS):
            return _Stream(
                sounddevice.RawInputStream(samplerate=rate, channels=1, dtype="int16", callback=came)
            )

    def play(self, rate: int, channels: int, give: Callable[[int], bytes]) -> _Stream:
        """Play what is given."""

        def wanted(room: Any, frames: int, _time: object, _status: object) -> None:
            room[:] = give(frames * channels * SAMPLE_BYTES)

        with opening("扬声器 / loudspeaker", _FAULTS):
            return _Stream(
                sounddevice.RawOutputStream(
                    samplerate=rate, channels=channels, dtype="int16", callback=wanted
                )
            )
