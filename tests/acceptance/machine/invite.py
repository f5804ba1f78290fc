"""One INVITE to 127.0.0.1:5060, in the standard library's words: prints the first answer that is not provisional."""

from __future__ import annotations

import socket

SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n"

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
    line.bind(("127.0.0.1", 0))
    line.settimeout(10)
    port = line.getsockname()[1]
    head = (
        "INVITE sip:12345@127.0.0.1:5060 SIP/2.0",
        f"Via: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bKlate{port};rport",
        "Max-Forwards: 70",
        f"From: <sip:13855812345@127.0.0.1:{port}>;tag=late",
        "To: <sip:12345@127.0.0.1:5060>",
        f"Call-ID: late-{port}@127.0.0.1",
        "CSeq: 1 INVITE",
        f"Contact: <sip:13855812345@127.0.0.1:{port}>",
        "Content-Type: application/sdp",
        f"Content-Length: {len(SDP)}",
    )
    line.sendto(("\r\n".join(head) + "\r\n\r\n" + SDP).encode(), ("127.0.0.1", 5060))
    answer = "SIP/2.0 100"
    while answer.startswith("SIP/2.0 1"):
        answer = line.recv(65536).decode()
    print(answer)
