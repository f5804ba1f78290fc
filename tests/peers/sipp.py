"""sipp as a caller: A-law over RTP and RFC 4733 keys, played from a capture."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from peers.timeline import Timeline, write_capture

_SCENARIO = """<?xml version="1.0" encoding="UTF-8"?>
<scenario name="caller">
  <send retrans="500"><![CDATA[
INVITE sip:{called}@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:{caller}@[local_ip]:[local_port]>;tag=[pid]SIPpTag[call_number]
To: <sip:{called}@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:{caller}@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

v=0
o=peer 1 1 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20
a=sendrecv
]]></send>
  <recv response="100" optional="true"/>
  <recv response="180" optional="true"/>
  <recv response="183" optional="true"/>
  <recv response="200" rrs="true"/>
  <send><![CDATA[
ACK [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:{caller}@[local_ip]:[local_port]>;tag=[pid]SIPpTag[call_number]
To: <sip:{called}@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 1 ACK
Contact: <sip:{caller}@[local_ip]:[local_port]>
[routes]
Max-Forwards: 70
Content-Length: 0

]]></send>
  <nop><action><exec play_pcap_audio="{capture}"/></action></nop>
  <pause milliseconds="{milliseconds}"/>
  <send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:{caller}@[local_ip]:[local_port]>;tag=[pid]SIPpTag[call_number]
To: <sip:{called}@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 2 BYE
[routes]
Max-Forwards: 70
Content-Length: 0

]]></send>
  <recv response="200"/>
</scenario>
"""


@dataclass(frozen=True)
class SippCall:
    """How sipp saw its call; ``log`` is what to read when it failed."""

    call_id: str
    succeeded: bool
    log: str


async def call(
    target: str,
    timeline: Timeline,
    folder: Path,
    *,
    caller: str,
    called: str = "12345",
    local: str = "127.0.0.1",
) -> SippCall:
    """Call ``target`` (host:port) over UDP, play the timeline, and hang up at its end.

    sipp sends the capture through a raw socket, so this needs root.
    """
    capture, scenario = folder / "call.pcap", folder / "call.xml"
    write_capture(timeline.packets(), capture)
    scenario.write_text(
        _SCENARIO.format(
            caller=escape(caller),
            called=escape(called),
            capture=capture,
            milliseconds=round(1000 * timeline.end),
        )
    )
    call_id = f"sipp-{folder.name}@peer"
    process = await asyncio.create_subprocess_exec(
        *("sipp", target, "-sf", str(scenario), "-i", local, "-mi", local, "-m", "1", "-cid_str", call_id),
        *(
            "-nostdin",
            "-trace_err",
            "-error_file",
            str(folder / "sipp.err"),
            "-timeout",
            "170s",
            "-timeout_error",
        ),
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    errors = folder / "sipp.err"
    log = output.decode(errors="replace") + (errors.read_text() if errors.exists() else "")
    return SippCall(call_id, process.returncode == 0, log)
