"""Whether anybody speaks SIP at an address: an OPTIONS of its own (RFC 3261, 11) over UDP, beside any stack.

The stack tells nothing of an INVITE that was heard (100) before it rings, and waits for 32 s where nobody hears it.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from typing import Final

_PLACE: Final = re.compile(r"sips?:(?:[^@]*@)?([^:;?]+)(?::(\d+))?", re.IGNORECASE)
_PORT: Final = 5060
_AGAIN_SECONDS: Final = (0.5, 1.0, 2.0)  # RFC 3261, 17.1.2.2: timer E, from T1 on; 4 s from then on
_LATER_SECONDS: Final = 4.0


async def is_there(uri: str, seconds: float) -> bool:
    """Whether anything answers at this URI, whose host is an IPv4 address: whatever status it answers with.

    False at once where the network says that nobody listens there, otherwise after so many ``seconds``.
    """
    found = _PLACE.match(uri)
    if found is None:
        return False
    host, port = found[1], int(found[2] or _PORT)
    loop = asyncio.get_running_loop()
    try:
        transport, ear = await loop.create_datagram_endpoint(_Ear, remote_addr=(host, port))
    except OSError:  # there is no way to that network
        return False
    request = _compose(f"sip:{host}:{port}", *transport.get_extra_info("sockname"))
    try:
        async with asyncio.timeout(seconds):
            for pause in (*_AGAIN_SECONDS, *[_LATER_SECONDS] * int(seconds)):
                transport.sendto(request)
                await asyncio.wait((ear.answer,), timeout=pause)
                if ear.answer.done():
                    return ear.answer.result()
    except TimeoutError:
        pass
    finally:
        transport.close()
    return False


class _Ear(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, _source: tuple[str, int]) -> None:
        if data.startswith(b"SIP/2.0 "):
            self._settle(there=True)

    def error_received(self, _error: Exception) -> None:
        self._settle(there=False)  # ICMP: port or host unreachable

    def _settle(self, *, there: bool) -> None:
        if not self.answer.done():
            self.answer.set_result(there)


def _compose(uri: str, host: str, port: int) -> bytes:
    lines = (
        f"OPTIONS {uri} SIP/2.0",
        f"Via: SIP/2.0/UDP {host}:{port};rport;branch=z9hG4bK{secrets.token_hex(8)}",
        "Max-Forwards: 70",
        f"From: <sip:anonymous@anonymous.invalid>;tag={secrets.token_hex(8)}",
        f"To: <{uri}>",
        f"Call-ID: {secrets.token_hex(16)}",
        "CSeq: 1 OPTIONS",
        "Accept: application/sdp",
        "Content-Length: 0",
    )
    return "\r\n".join((*lines, "", "")).encode()
