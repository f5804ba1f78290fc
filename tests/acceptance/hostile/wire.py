"""SIP by hand: messages as bytes, well-formed or not, over UDP and TCP on the loopback."""

from __future__ import annotations

import itertools
import re
import secrets
import socket
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LOOPBACK = "127.0.0.1"
_marks = itertools.count(1)


def sdp(host: str = LOOPBACK, *, port: int = 40000, direction: str = "", more: str = "") -> bytes:
    """An offer of A-law (RFC 4566). The port is one nobody listens on."""
    lines = ["v=0", f"o=- 1 1 IN IP4 {LOOPBACK}", "s=-", f"c=IN IP4 {host}", "t=0 0"]
    lines += [f"m=audio {port} RTP/AVP 8 101", "a=rtpmap:8 PCMA/8000", "a=rtpmap:101 telephone-event/8000"]
    lines += [line for line in (direction and f"a={direction}", more) if line]
    return "".join(f"{line}\r\n" for line in lines).encode()


@dataclass(frozen=True)
class Answer:
    """A message from the gateway: ``status`` is 0 for a request."""

    raw: bytes
    status: int
    headers: Mapping[str, str]

    @property
    def body(self) -> bytes:
        return self.raw.partition(b"\r\n\r\n")[2]


def read_answer(raw: bytes) -> Answer:
    start, *lines = raw.partition(b"\r\n\r\n")[0].decode(errors="surrogateescape").split("\r\n")
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers.setdefault(name.strip(), value.strip())
    return Answer(raw, int(start.split(" ")[1]) if start.startswith("SIP/2.0 ") else 0, headers)


def follow(answer: Answer, method: str, local_port: int, body: bytes = b"") -> bytes:
    """The ACK or BYE that belongs to a final answer to an INVITE, made from nothing but that answer."""
    number = int(answer.headers["CSeq"].split()[0])
    branch = re.search(r"branch=([^;,\s]+)", answer.headers["Via"])
    refused = method == "ACK" and answer.status >= 300
    lines = [
        f"{method} sip:12345@{LOOPBACK} SIP/2.0",
        f"Via: SIP/2.0/UDP {LOOPBACK}:{local_port};rport;branch={branch[1] if refused and branch else new_branch()}",
        *(f"{name}: {answer.headers.get(name, '')}" for name in ("From", "To", "Call-ID")),
        f"CSeq: {number + (method == 'BYE')} {method}",
        *(["Content-Type: application/sdp"] if body else []),
        f"Content-Length: {len(body)}",
    ]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode(errors="surrogateescape") + body


def new_branch() -> str:
    return f"z9hG4bK{secrets.token_hex(8)}"


@dataclass
class Request:
    """A request as it goes to the wire; by default one that has nothing wrong with it.

    ``target`` is the Request-URI instead of a right one. ``headers`` replace those of the same name, or take them
    away when None. ``more`` is put in as it is. The body is an SDP offer for INVITE,
    else empty; ``Content-Length`` is right unless it is given.
    """

    method: str = "INVITE"
    user: str = "12345"
    host: str = LOOPBACK
    port: int = 5060
    local_port: int = 5060
    transport: str = "UDP"
    target: str | None = None
    headers: dict[str, str | None] = field(default_factory=dict)
    more: bytes = b""
    body: bytes | None = None
    call_id: str = ""
    branch: str = ""
    to_tag: str = ""
    cseq: int = 1

    def __post_init__(self) -> None:
        self.call_id = self.call_id or f"{secrets.token_hex(8)}.{next(_marks)}@hostile"
        self.branch = self.branch or new_branch()

    @property
    def uri(self) -> str:
        return self.target if self.target is not None else f"sip:{self.user}@{self.host}:{self.port}"

    def encode(self) -> bytes:
        body = self.body if self.body is not None else sdp() if self.method == "INVITE" else b""
        near = f"{LOOPBACK}:{self.local_port}"
        tag = f";tag={self.to_tag}" if self.to_tag else ""
        headers: dict[str, str | None] = {
            "Via": f"SIP/2.0/{self.transport} {near};rport;branch={self.branch}",
            "Max-Forwards": "70",
            "From": f"<sip:13855812345@{LOOPBACK}>;tag={self.call_id[:8]}",
            "To": f"<sip:{self.user}@{self.host}>{tag}",
            "Call-ID": self.call_id,
            "CSeq": f"{self.cseq} {self.method}",
            "Contact": f"<sip:13855812345@{near};transport={self.transport.lower()}>",
            "Content-Type": "application/sdp" if body else None,
            "Content-Length": str(len(body)),
            **self.headers,
        }
        lines = [
            f"{self.method} {self.uri} SIP/2.0",
            *(f"{n}: {v}" for n, v in headers.items() if v is not None),
        ]
        head = "".join(f"{line}\r\n" for line in lines).encode(errors="surrogateescape")
        return head + self.more + b"\r\n" + body


class Wire:
    """A UDP socket of a caller, aimed at the gateway, from any address of the loopback."""

    def __init__(self, port: int, address: str = LOOPBACK) -> None:
        self._gateway = (LOOPBACK, port)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 0))
        self.local_port: int = self._socket.getsockname()[1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, message: bytes) -> None:
        self._socket.sendto(message, self._gateway)

    def request(self, method: str = "INVITE", **fields: object) -> Request:
        return Request(method, port=self._gateway[1], local_port=self.local_port, **fields)  # type: ignore[arg-type]

    def answers(self, seconds: float) -> Iterator[Answer]:
        """What comes within so many seconds, as it comes."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                yield read_answer(self._socket.recv(65536))
            except TimeoutError:
                return

    def final(self, call_id: str, seconds: float = 10.0) -> Answer | None:
        """The final answer (200 and above) in this call, or None."""
        of_call = (a for a in self.answers(seconds) if a.headers.get("Call-ID") == call_id)
        return next((a for a in of_call if a.status >= 200), None)

    def ask(self, request: Request, seconds: float = 10.0) -> Answer | None:
        self.send(request.encode())
        return self.final(request.call_id, seconds)

    def acknowledge(self, answer: Answer, body: bytes = b"") -> None:
        """ACK the final answer to an INVITE."""
        self.send(follow(answer, "ACK", self.local_port, body))

    def agree(self, request: Answer) -> None:
        """Answer a request of the gateway with 200."""
        lines = [f"{name}: {request.headers[name]}" for name in ("Via", "From", "To", "Call-ID", "CSeq")]
        self.send(
            "".join(f"{line}\r\n" for line in ["SIP/2.0 200 OK", *lines, "Content-Length: 0", ""]).encode()
        )

    def end(self, answer: Answer | None) -> None:
        """What must follow a final answer to an INVITE: ACK, and BYE when it was accepted."""
        if answer is None or not answer.headers.get("CSeq", "").endswith("INVITE"):
            return
        self.acknowledge(answer)
        if answer.status < 300:
            self.send(follow(answer, "BYE", self.local_port))


class Stream:
    """A TCP connection of a caller to the gateway."""

    def __init__(self, port: int, address: str = LOOPBACK) -> None:
        self._gateway = port
        self._socket = socket.create_connection((LOOPBACK, port), 10, (address, 0))
        self.local_port: int = self._socket.getsockname()[1]
        self._waiting = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, message: bytes) -> None:
        self._socket.sendall(message)

    def request(self, method: str = "INVITE", **fields: object) -> Request:
        return Request(method, port=self._gateway, local_port=self.local_port, transport="TCP", **fields)  # type: ignore[arg-type]

    def answer(self, seconds: float = 10.0) -> Answer | None:
        """The next message; None when none comes or the connection is closed."""
        deadline = time.monotonic() + seconds
        while True:
            head, end, rest = self._waiting.partition(b"\r\n\r\n")
            if end:
                found = read_answer(head + end)
                length = int(found.headers["Content-Length"])
                if len(rest) >= length:
                    self._waiting = rest[length:]
                    return read_answer(head + end + rest[:length])
            if not self._read(deadline - time.monotonic()):
                return None

    def is_closed(self, seconds: float = 10.0) -> bool:
        """Whether the gateway closes the connection within so many seconds."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                if not self._socket.recv(65536):
                    return True
            except TimeoutError:
                return False
            except ConnectionError:
                return True
        return False

    def _read(self, seconds: float) -> bool:
        if seconds <= 0:
            return False
        self._socket.settimeout(seconds)
        try:
            data = self._socket.recv(65536)
        except (TimeoutError, ConnectionError):
            return False
        self._waiting += data
        return bool(data)
