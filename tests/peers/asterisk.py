"""Asterisk (Debian sid's) as the centre's PBX: a queue with an agent who answers, and calls into the gateway.

It is started by chroot from a root folder made by debootstrap; each instance has its settings in a folder of its own
there, so that one root serves tests side by side.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from peers import debian
from peers.server import Server, require

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

QUEUE = "8000"
"""Rings in the queue, already answered; the agent takes the call after a second and says 660 Hz."""
TONE, NEVER, BUSY, ECHO = "8001", "8002", "8003", "8004"
"""Answers with a tone of 440 Hz; rings for ever; is busy; answers after two seconds of ringing, and echoes."""

PJSIP = """[global]
type = global
user_agent = pbx
[udp]
type = transport
protocol = udp
bind = {host}:{port}
[gateway]
type = endpoint
transport = udp
context = trunk
disallow = all
allow = {codecs}
aors = gateway
direct_media = no
rtp_symmetric = yes
trust_id_inbound = yes
trust_id_outbound = yes
send_pai = yes
{more}
[gateway]
type = aor
contact = sip:{gateway}
[gateway]
type = identify
endpoint = gateway
match = {peer}
"""
"""Its side of the trunk, with the names of this one filled in when it is started."""

_FILES = {
    "asterisk.conf": """[directories]
astetcdir => {inside}
astmoddir => /usr/lib/{machine}/asterisk/modules
astvarlibdir => /usr/share/asterisk
astdbdir => {inside}
astkeydir => {inside}
astdatadir => /usr/share/asterisk
astagidir => /usr/share/asterisk/agi-bin
astspooldir => {inside}
astrundir => {inside}
astlogdir => {inside}
[options]
verbose = 3
nofork = yes
hideconnect = yes
""",
    "logger.conf": "[general]\n[logfiles]\nmessages.log => notice,warning,error,verbose\n",
    "modules.conf": """[modules]
autoload = yes
preload = codec_alaw.so
noload = chan_iax2.so
noload = chan_unistim.so
noload = chan_console.so
noload = chan_motif.so
noload = pbx_dundi.so
noload = pbx_ael.so
noload = pbx_lua.so
noload = res_hep.so
noload = res_hep_pjsip.so
noload = res_hep_rtcp.so
noload = res_ari.so
noload = res_prometheus.so
noload = res_phoneprov.so
noload = app_voicemail.so
noload = app_voicemail_odbc.so
noload = cdr_csv.so
noload = cdr_pgsql.so
noload = cdr_radius.so
noload = cdr_tds.so
noload = cel_pgsql.so
noload = cel_radius.so
noload = cel_tds.so
noload = res_smdi.so
noload = res_snmp.so
noload = res_xmpp.so
noload = res_config_ldap.so
""",
    "rtp.conf": "[general]\nrtpstart = {rtp_first}\nrtpend = {rtp_last}\nstrictrtp = no\n",
    "pjsip.conf": PJSIP,
    "musiconhold.conf": "[default]\nmode = playlist\n",
    "queues.conf": """[general]
persistentmembers = no
[desk]
strategy = ringall
timeout = 20
retry = 1
joinempty = yes
ringinuse = yes
member => Local/agent@agents/n,0,agent,Custom:agent
""",
    "extensions.conf": """[trunk]
exten => {queue},1,Answer()
 same => n,Queue(desk,r)
exten => {tone},1,Answer()
 same => n,Playtones(440)
 same => n,Wait(3600)
exten => {never},1,Ringing()
 same => n,Wait(3600)
exten => {busy},1,Busy(5)
exten => {echo},1,Ringing()
 same => n,Wait(2)
 same => n,Answer()
 same => n,Echo()
[agents]
exten => agent,1,Wait(1)
 same => n,Answer()
 same => n,Playtones(660)
 same => n,Wait(3600)
[talk]
exten => caller,1,Answer()
 same => n,Playtones(440)
 same => n,Wait(3600)
exten => _X.,1,Dial(PJSIP/${{EXTEN}}@gateway)
""",
    "indications.conf": "[general]\ncountry = cn\n[cn]\ndescription = China\nringcadence = 1000,4000\n"
    "dial = 450\nbusy = 450/350,0/350\nring = 450/1000,0/4000\ncongestion = 450/700,0/700\n",
}


class Asterisk(Server):
    """Takes calls of the gateway at ``gateway`` (host:port) by its address, and calls it; media from ``rtp_first`` on.

    ``codecs`` in its own order; ``more`` are further lines of its pjsip endpoint.
    """

    def __init__(
        self,
        host: str,
        port: int,
        gateway: str,
        *,
        rtp_first: int,
        codecs: Sequence[str] = ("alaw", "ulaw"),
        more: str = "",
        peer: str = "",
    ) -> None:
        require("chroot", "coreutils")
        require("debootstrap", "debootstrap")
        self.host, self.port = host, port
        self._root = debian.make_root("asterisk", "sid", ["asterisk"])
        inside = f"/srv/pbx-{os.getpid()}-{port}"
        self._inside, self.folder = inside, self._root / inside[1:]
        (self.folder / "outgoing").mkdir(parents=True)
        machine = next((self._root / "usr/lib").glob("*/asterisk/modules")).parents[1].name
        values = {
            "inside": inside,
            "machine": machine,
            "host": host,
            "port": port,
            "rtp_first": rtp_first,
            "rtp_last": rtp_first + 98,
            "codecs": ",".join(codecs),
            "gateway": gateway,
            "peer": peer or host,
            "more": more,
            "queue": QUEUE,
            "tone": TONE,
            "never": NEVER,
            "busy": BUSY,
            "echo": ECHO,
        }
        for name, text in _FILES.items():
            (self.folder / name).write_text(text.format(**values))
        command = ["chroot", str(self._root), "asterisk", "-f", "-C", f"{inside}/asterisk.conf"]
        super().__init__(command, host, port, self.folder / "console.log")

    def ask(self, command: str) -> str:
        """What a command of its console prints."""
        line = ["chroot", str(self._root), "asterisk", "-C", f"{self._inside}/asterisk.conf", "-rx", command]
        return subprocess.run(line, capture_output=True, text=True, check=False, timeout=20).stdout

    def trace(self) -> None:
        """From now on its log has every SIP message, as it came and went."""
        self.ask("pjsip set logger on")

    def call(self, called: str, caller: str) -> None:
        """Call the gateway as ``caller``: who answers hears a tone of 440 Hz."""
        self._order(f"PJSIP/{called}@gateway", caller, "caller")

    def put_through(self, called: str, caller: str) -> None:
        """Put a caller of its own through to the gateway, whom it can take back; he says a tone of 440 Hz."""
        self._order("Local/caller@talk/n", caller, called)

    def _order(self, channel: str, caller: str, extension: str) -> None:
        order = self.folder / "order.call"
        lines = [f"Channel: {channel}", f"CallerID: {caller}", "MaxRetries: 0", "WaitTime: 30"]
        order.write_text("\n".join([*lines, "Context: talk", f"Extension: {extension}", "Priority: 1", ""]))
        order.rename(self.folder / "outgoing" / order.name)

    def calls(self) -> list[str]:
        """Its channels, as `core show channels concise` prints them."""
        return [line for line in self.ask("core show channels concise").splitlines() if line]

    def told(self) -> str:
        """Its log so far."""
        messages = self.folder / "messages.log"
        return super().told() + (messages.read_text(errors="replace") if messages.exists() else "")

    def remove(self) -> None:
        """End it, and take its folder away."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def running(pbx: Asterisk) -> Iterator[Asterisk]:
    try:
        pbx.start()
        yield pbx
    finally:
        pbx.remove()
