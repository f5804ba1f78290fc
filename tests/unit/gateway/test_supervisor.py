from __future__ import annotations

import socket

from gateway.settings import IntakeSettings, Settings, SipSettings
from gateway.supervisor import settle


def test_a_demonstration_moves_taken_ports_and_says_so(caplog) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sip, socket.socket() as intake:
        sip.bind(("127.0.0.1", 0))
        intake.bind(("127.0.0.1", 0))
        taken = sip.getsockname()[1], intake.getsockname()[1]
        settings = Settings(
            sip=SipSettings(host="127.0.0.1", port=taken[0]), intake=IntakeSettings(reference_port=taken[1])
        )
        settled = settle(settings)
    assert settled.sip.port > taken[0]
    assert settled.intake.reference_port > taken[1]
    for port in taken:
        assert f"port {port} on 127.0.0.1 is taken" in caplog.text
