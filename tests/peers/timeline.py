"""What a peer says and presses, and when: a fixed schedule, as audio and as an RTP capture for sipp."""

import audioop  # in Python until 3.12, which is as far as the project goes
import struct
from dataclasses import dataclass, field

from gateway.prompts.voice import speak

FRAME = 160  # samples: 20 ms
_PCMA, _EVENTS = 8, 101
_KEYS = "0123456789*#"
_KEY_PACKETS = 8  # a key is held for 160 ms
_END_PACKETS = 3  # RFC 4733: the last packet of an event is sent three times


@dataclass
class Timeline:
    """Speech and keys by their time in seconds; ``end`` is when the caller hangs up."""

    speech: list[tuple[float, bytes]] = field(default_factory=list)
    keys: list[tuple[float, str]] = field(default_factory=list)
    end: float = 0.0

    async def say(self, at: float, text: str) -> float:
        """Speak at ``at``; returns when it will have been said."""
        pcm = await speak(text)
        self.speech.append((at, pcm))
        return at + len(pcm) / 16000

    def press(self, at: float, keys: str) -> float:
        """Press the keys one after the other, 300 ms apart; returns when that will have been done."""
        for key in keys:
            self.keys.append((at, key))
            at += 0.3
        return at

    def audio(self) -> bytes:
        """The whole call as mono s16le PCM at 8 kHz, without the keys."""
        samples = bytearray(2 * round(self.end * 8000 / FRAME) * FRAME)
        for at, pcm in self.speech:
            start = 2 * round(at * 8000)
            samples[start : start + len(pcm)] = pcm
        return bytes(samples)

    def packets(self) -> list[tuple[float, bytes]]:
        """The whole call as RTP packets (PCMA; keys as telephone events, payload type 101), by sending time."""
        coded = audioop.lin2alaw(self.audio(), 2)
        events = self._events()
        packets, first = [], True
        for sequence, start in enumerate(range(0, len(coded), FRAME)):
            frame = start // FRAME
            if frame in events:
                timestamp, marker, payload = events[frame]
                header = _header(_EVENTS, sequence, timestamp, marker=marker)
                packets.append((frame * 0.02, header + payload))
            else:
                header = _header(_PCMA, sequence, start, marker=first)
                packets.append((frame * 0.02, header + coded[start : start + FRAME]))
                first = False
        return packets

    def _events(self) -> dict[int, tuple[int, bool, bytes]]:
        events = {}
        for at, key in self.keys:
            begin = round(at / 0.02)
            for n in range(_KEY_PACKETS + _END_PACKETS - 1):
                end = 0x80 if n >= _KEY_PACKETS - 1 else 0
                duration = FRAME * min(n + 1, _KEY_PACKETS)
                payload = struct.pack("!BBH", _KEYS.index(key), end | 10, duration)
                events[begin + n] = (begin * FRAME, n == 0, payload)
        return events


def _header(payload_type, sequence, timestamp, *, marker):
    return struct.pack("!BBHII", 0x80, payload_type | (0x80 if marker else 0), sequence, timestamp, 0x12345)


def write_capture(packets, file):
    """Write RTP packets as a capture (libpcap format, Ethernet, IPv4, UDP) such as sipp plays."""
    with file.open("wb") as target:
        target.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for at, rtp in packets:
            udp = struct.pack("!HHHH", 4000, 4000, 8 + len(rtp), 0) + rtp
            ip = struct.pack(
                "!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, b"\x7f\0\0\1", b"\x7f\0\0\1"
            )
            frame = bytes(12) + b"\x08\x00" + ip + udp
            seconds, micros = divmod(round(at * 1_000_000), 1_000_000)
            target.write(struct.pack("<IIII", seconds, micros, len(frame), len(frame)) + frame)
