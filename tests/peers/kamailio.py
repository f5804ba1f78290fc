"""Kamailio (Debian's 5.6) as a carrier: a registrar that asks for a password, and the proxy for calls both ways.

It forks one process a socket and core; its first process, which we start and end, takes the others with it.
"""

from __future__ import annotations

import contextlib
import subprocess
from typing import TYPE_CHECKING, Any

from peers.server import Server, require

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

USER, PASSWORD = "055812345", "Kou-Ling-42"
DOMAIN = "ims.test"
_CONFIG = """#!KAMAILIO
debug=2
log_stderror=yes
children=2
tcp_children=2
auto_aliases=no
{listen}
{tls}
loadmodule "jsonrpcs.so"
loadmodule "ctl.so"
loadmodule "kex.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "xlog.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
modparam("jsonrpcs", "transport", 0)
modparam("ctl", "binrpc", "unix:{folder}/ctl")
modparam("usrloc", "db_mode", 0)
modparam("registrar", "min_expires", 5)
modparam("registrar", "default_expires", 60)
modparam("rr", "enable_full_lr", 1)

request_route {{
    if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    if (is_method("OPTIONS") && !has_totag()) {{ sl_send_reply("200", "OK"); exit; }}
    if (is_method("REGISTER")) {{
        if (!pv_www_authenticate("{domain}", "{password}", "0")) {{ www_challenge("{domain}", "1"); exit; }}
        xlog("L_NOTICE", "registered $fu at $ct over $pr\\n");
        save("location");
        exit;
    }}
    if (has_totag()) {{
        if (!loose_route() && !is_method("ACK")) {{ sl_send_reply("404", "Not here"); exit; }}
        t_relay();
        exit;
    }}
    if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
    if (!is_method("INVITE")) {{ sl_send_reply("405", "Method Not Allowed"); exit; }}
    record_route();
    if ($fU == "{user}" || $ai =~ "{user}") {{  # the subscriber calls out, and has to prove who he is
        if (!pv_proxy_authenticate("{domain}", "{password}", "0")) {{ proxy_challenge("{domain}", "1"); exit; }}
        consume_credentials();
        xlog("L_NOTICE", "calls $ru as $fu\\n");
        {out}
        t_relay();
        exit;
    }}
    $rd = "{domain}";
    $rp = $null;
    if (!lookup("location")) {{ sl_send_reply("404", "Nobody registered as this"); exit; }}
    t_relay();
}}
"""


class Kamailio(Server):
    """The subscriber ``USER`` with ``PASSWORD`` registers in ``DOMAIN``; who else calls a registered user reaches him.

    What the subscriber calls goes to ``out`` (host:port), or to the host he names.
    """

    def __init__(
        self,
        folder: Path,
        host: str,
        port: int,
        *,
        tls_port: int = 0,
        keys: Path | None = None,
        out: str = "",
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.host, self.port, self.tls_port = folder, host, port, tls_port
        self._control = folder / "ctl"
        near = f"[{host}]" if ":" in host else host
        listen = f"listen=udp:{near}:{port}\nlisten=tcp:{near}:{port}"
        tls = ""
        if keys is not None:
            listen += f"\nlisten=tls:{near}:{tls_port}"
            profile = folder / "tls.cfg"
            own = f"method = TLSv1.2+\ncertificate = {keys}/peer.pem\nprivate_key = {keys}/peer.key\n"
            own += f"ca_list = {keys}/ca.pem\nverify_certificate = yes\n"
            profile.write_text(
                f"[server:default]\n{own}require_certificate = no\n[client:default]\n{own}require_certificate = yes\n"
            )
            tls = f'enable_tls=yes\nloadmodule "tls.so"\nmodparam("tls", "config", "{profile}")'
        config = folder / "kamailio.cfg"
        config.write_text(
            _CONFIG.format(
                listen=listen,
                tls=tls,
                folder=folder,
                domain=DOMAIN,
                user=USER,
                password=PASSWORD,
                out=f'$du = "sip:{out}";' if out else "",
            )
        )
        program = require("kamailio", "kamailio kamailio-tls-modules")
        # 64 MiB shared, 16 private; its own run folder, so that two of them do not meet.
        command = [
            program,
            "-DD",
            "-E",
            "-m",
            "64",
            "-M",
            "16",
            "-f",
            str(config),
            "-Y",
            str(folder),
            "-w",
            str(folder),
        ]
        super().__init__(command, host, port, folder / "kamailio.log")

    def ask(self, method: str, *arguments: str) -> Any:
        """What a command of its control socket answers."""
        program = require("kamcmd", "kamailio")
        command = [program, "-s", f"unix:{self._control}", "-f", "%v\n", method, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
        return done.stdout + done.stderr

    def registered(self) -> str:
        """What it knows of the subscriber's contact; "" while he is not registered."""
        told = str(self.ask("ul.lookup", "location", f"{USER}@{DOMAIN}"))
        return told if "Contact" in told or "sip:" in told else ""


@contextlib.contextmanager
def running(server: Server) -> Iterator[Server]:
    server.start()
    try:
        yield server
    finally:
        server.stop()
