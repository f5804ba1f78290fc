"""The far end of one call, by hand: what a trunk signals and what it sends over RTP, in whatever form a test wants."""

from __future__ import annotations

import audioop  # in Python until 3.12, which is as far as the project goes
import contextlib
import math
import re
import secrets
import socket
import struct
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from acceptance.hostile.wire import LOOPBACK, Answer, Wire, read_answer

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

PCMA, EVENTS = 8, 101
FRAME = 160  # samples: 20 ms
FRAME_SECONDS = 0.02
KEYS = "0123456789*#ABCD"
FLASH = 16
SILENCE = b"\xd5" * FRAME
AUDIO = (f"RTP/AVP {PCMA} {EVENTS}", f"a=rtpmap:{PCMA} PCMA/8000", f"a=rtpmap:{EVENTS} telephone-event/8000")
_TIMESTAMPNS = 35  # SO_TIMESTAMPNS of socket(7), which Python does not name
_TIME = struct.Struct("@ll")  # timespec: seconds, nanoseconds
_LOUD = 200  # RMS of a frame in which something is to be heard


def tone(hertz: float) -> bytes:
    """20 ms of a sine in A-law; a whole number of periods when ``hertz`` is a multiple of 50."""
    samples = (round(9000 * math.sin(2 * math.pi * hertz * n / 8000)) for n in range(FRAME))
    return audioop.lin2alaw(struct.pack(f"<{FRAME}h", *samples), 2)


def offer(port: int, *, before: Sequence[str] = (), host: str = LOOPBACK, more: str = "") -> bytes:
    """An SDP offer (RFC 4566) of A-law and telephone events at this port, after the lines ``before``."""
    lines = [
        "v=0",
        f"o=trunk {port} {time.monotonic_ns()} IN IP4 {LOOPBACK}",
        "s=-",
        f"c=IN IP4 {host}",
        "t=0 0",
    ]
    lines += [*before, f"m=audio {port} {AUDIO[0]}", *AUDIO[1:], *([more] if more else [])]
    return "".join(f"{line}\r\n" for line in lines).encode()


@dataclass(frozen=True)
class Packet:
    """An RTP packet that came: when (monotonic), from which port, and its payload."""

    at: float
    port: int
    kind: int
    payload: bytes

    @property
    def is_loud(self) -> bool:
        return self.kind == PCMA and audioop.rms(audioop.alaw2lin(self.payload, 2), 2) > _LOUD


def _when(told: Sequence[tuple[int, int, bytes]]) -> float:
    """The monotonic time of a packet's arrival by the kernel's stamp: who reads it may be late on a busy machine."""
    ((_, _, stamp),) = told
    seconds, nanoseconds = _TIME.unpack(stamp)
    return time.monotonic() - (time.time() - seconds - nanoseconds / 1e9)


def _bind_pair() -> tuple[socket.socket, socket.socket]:
    """An even port and the next, where RTCP comes (RFC 3550, 11): another socket there would get it for its own."""
    while True:
        first, second = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        first.bind((LOOPBACK, 0))
        port = first.getsockname()[1]
        if port % 2 == 0:
            with contextlib.suppress(OSError):
                second.bind((LOOPBACK, port + 1))
                return first, second
        first.close()
        second.close()


class Rtp:
    """A socket that sends one stream (RFC 3550) and keeps what comes."""

    def __init__(self, *, timestamp: int | None = None) -> None:
        self._socket, self._control = _bind_pair()
        self._socket.setsockopt(socket.SOL_SOCKET, _TIMESTAMPNS, 1)
        self.port: int = self._socket.getsockname()[1]
        self.ssrc = secrets.randbits(32)
        self.sequence = secrets.randbits(15)
        self.timestamp = secrets.randbits(31) if timestamp is None else timestamp
        self.target = (LOOPBACK, 9)
        self.came: list[Packet] = []
        self.heard = 0  # the SSRC of what came last
        threading.Thread(target=self._receive, daemon=True).start()

    def close(self) -> None:
        # A close alone would leave the receiver in its call.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._control.close()

    def _receive(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                data, told, _, source = self._socket.recvmsg(4096, socket.CMSG_SPACE(_TIME.size))
                if not data:
                    return  # closed
                self.heard = int.from_bytes(data[8:12])
                self.came.append(Packet(_when(told), source[1], data[1] & 0x7F, data[12:]))

    def send(self, kind: int, timestamp: int, payload: bytes, *, marker: bool = False) -> None:
        """One packet, with the next sequence number."""
        head = struct.pack(
            "!BBHII", 0x80, marker << 7 | kind, self.sequence, timestamp & 0xFFFFFFFF, self.ssrc
        )
        self._socket.sendto(head + payload, self.target)
        self.lose()

    def lose(self, packets: int = 1) -> None:
        """As if so many packets had been lost."""
        self.sequence = (self.sequence + packets) & 0xFFFF

    def frame(self, sound: bytes = SILENCE) -> None:
        """The next 20 ms of sound."""
        self.send(PCMA, self.timestamp, sound)
        self.timestamp += FRAME

    def talk(self, seconds: float, sound: bytes = SILENCE) -> None:
        """Send frames for so long, in real time."""
        for _ in range(round(seconds / FRAME_SECONDS)):
            self.frame(sound)
            time.sleep(FRAME_SECONDS)

    def report(self) -> None:
        """An RTCP receiver report on the one stream that came (RFC 3550, 6.4.2), from the next port."""
        packet = struct.pack("!BBHI", 0x81, 201, 7, self.ssrc) + struct.pack("!I", self.heard) + bytes(20)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            control.sendto(packet, (self.target[0], self.target[1] + 1))

    def event(
        self, code: int, timestamp: int, duration: int, *, end: bool = False, marker: bool = False
    ) -> None:
        """One packet of a telephone event (RFC 4733, 2.3)."""
        payload = struct.pack("!BBH", code, end << 7 | 10, duration)
        self.send(EVENTS, timestamp, payload, marker=marker)

    def press(
        self,
        keys: str,
        *,
        lost: Collection[int] = (),
        updates: int = 5,
        ends: int = 3,
        marker: bool = True,
        pause: float = 0.1,
    ) -> None:
        """Press keys of 20 ms an update, with ``pause`` seconds between them; of each the packets ``lost`` get lost."""
        for key in keys:
            began = self.timestamp
            for number in range(updates + ends):
                self.timestamp += FRAME
                duration = min(number + 1, max(updates, 1)) * FRAME
                if number in lost:
                    self.lose()
                else:
                    self.event(
                        KEYS.index(key),
                        began,
                        duration,
                        end=number >= updates,
                        marker=marker and number == 0,
                    )
                time.sleep(FRAME_SECONDS)
            self.talk(pause)

    def since(self, moment: float) -> list[Packet]:
        """What came after this moment (monotonic)."""
        return [packet for packet in self.came if packet.at > moment]

    def sound_since(self, moment: float) -> float:
        """Seconds of sound in it."""
        return sum(packet.is_loud for packet in self.since(moment)) * FRAME_SECONDS


class Trunk:
    """One call to ``called`` at the gateway at ``port``; a context manager that ends it."""

    def __init__(self, port: int, called: str = "12345", address: str = LOOPBACK) -> None:
        self.wire = Wire(port, address)
        self.rtp = Rtp()
        self._called = called
        self._contact = f"<sip:13855812345@{address}:{self.wire.local_port}>"
        self._invite = self.wire.request("INVITE", user=called)
        self.sip_call_id = self._invite.call_id
        self._cseq = 0
        self._tag = ""
        self.is_up = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.is_up:
            self.bye()
        self.rtp.close()
        self.wire.__exit__()

    def ask(
        self,
        method: str,
        body: bytes = b"",
        kind: str = "application/sdp",
        more: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send the next request of the call, with more headers; its final answer."""
        self._cseq += 1
        request = self.wire.request(
            method,
            user=self._called,
            call_id=self.sip_call_id,
            cseq=self._cseq,
            to_tag=self._tag,
            body=body,
            headers={"Content-Type": kind if body else None, "Contact": self._contact, **(more or {})},
        )
        self.wire.send(request.encode())
        for answer in self.wire.answers(10):
            if answer.status >= 200 and answer.headers.get("CSeq") == f"{self._cseq} {method}":
                return answer
        raise AssertionError(f"no answer to {method}")

    def invite(self, body: bytes | None = None) -> Answer:
        """INVITE, or re-INVITE, and its ACK; from now on RTP goes to the line that was accepted."""
        answer = self.ask("INVITE", body if body is not None else offer(self.rtp.port))
        self.wire.acknowledge(answer)
        if answer.status == 200:
            found = re.search(r";tag=([^;>\s]+)", answer.headers["To"])
            assert found
            self._tag, self.is_up = found[1], True
            self.rtp.target = (LOOPBACK, next(filter(None, ports(answer)), 9))
        return answer

    def bye(self) -> Answer:
        self.is_up = False
        return self.ask("BYE")

    def wait_for_bye(self, seconds: float) -> bool:
        """Whether the gateway hangs up within so long; it gets its 200."""
        for request in self.wire.answers(seconds):
            if request.raw.startswith(b"BYE "):
                names = ("Via", "From", "To", "Call-ID", "CSeq")
                lines = [
                    "SIP/2.0 200 OK",
                    *(f"{n}: {request.headers[n]}" for n in names),
                    "Content-Length: 0",
                ]
                self.wire.send("".join(f"{line}\r\n" for line in [*lines, ""]).encode())
                self.is_up = False
                return True
        return False


def lines(answer: Answer) -> list[str]:
    """The media lines of an SDP."""
    return re.findall(r"^m=(.*?)\s*$", read_answer(answer.raw).body.decode(), re.MULTILINE)


def ports(answer: Answer) -> list[int]:
    """Their ports, 0 for a line that was refused."""
    return [int(line.split()[1]) for line in lines(answer)]


def directions(answer: Answer) -> list[str]:
    """The direction attributes."""
    return re.findall(r"^a=(sendrecv|sendonly|recvonly|inactive)\s*$", answer.body.decode(), re.MULTILINE)
