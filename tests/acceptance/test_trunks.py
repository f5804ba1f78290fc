"""A registered trunk in the whole house: lost and found again it is told in every place, and calls come by it."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

import callfolder
import pytest
from acceptance.conftest import HOTLINE
from peers import kamailio
from peers.kamailio import DOMAIN, PASSWORD, USER, Kamailio
from waiting import eventually, free_port

from recordings.entries import Claim, Incoming

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def carrier(tmp_path: Path) -> Iterator[Kamailio]:
    with kamailio.running(Kamailio(tmp_path / "carrier", "127.0.0.1", free_port())) as started:
        yield started


@pytest.fixture
def house(make_house: Callable[..., Any], carrier: Kamailio, tmp_path: Path) -> Any:
    secret = tmp_path / "credentials" / "trunk" / "carrier"
    secret.parent.mkdir(parents=True)
    secret.write_text(f"{PASSWORD}\n")
    there = f"{carrier.host}:{carrier.port}"
    trunk = {
        "name": "carrier",
        "peers": ["127.0.0.1/32"],
        "address": there,
        "proxy": there,
        "registration": {"user": USER, "domain": DOMAIN, "password_file": str(secret), "expires_seconds": 10},
        "options_seconds": 1,
        "believes": ["p-asserted-identity"],
    }
    house = make_house(trunks=[trunk])
    house.start()
    return house


def status(house: Any) -> tuple[int, list[dict[str, Any]]]:
    done = house.type("trunk", "status", "--json")
    return done.returncode, json.loads(done.stdout)


def measured(house: Any, name: str) -> float | None:
    """The trunk's metric of that name; None before there is one."""
    text = house.page("gateway.sock", "/metrics")[1]
    found = re.search(rf'^hotline_trunk_{name}{{trunk="carrier"}} (\S+)$', text, re.MULTILINE)
    return float(found[1]) if found else None


def reasons(house: Any) -> list[str]:
    """Of the trunk, on the gateway's /readyz, which it does not make unready."""
    code, text = house.page("gateway.sock", "/readyz")
    assert code == 200
    told: list[str] = json.loads(text)["reasons"]
    return [reason for reason in told if "trunk carrier" in reason]


def call(carrier: Kamailio) -> None:
    """A call to the carrier's subscriber, as any other of its callers would place it, is answered and heard."""
    target = f"sip:{USER}@{carrier.host}:{carrier.port}"
    done = subprocess.run([*HOTLINE, "call", target], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


FORGED = {
    "name": "forged",
    "caller": "13855812345",
    "forwarded_from": "12333",
    "steps": [{"pause": 1.0}, "hang_up"],
}


def check_forged(house: Any) -> None:
    """This trunk may say who calls, but not where a call was forwarded: that is noted, and changes nothing."""
    (result,) = house.calls([FORGED])
    assert result["failure"] == ""

    def find() -> Incoming | None:
        told = [e for file in house.data.rglob("events.jsonl") for e in callfolder.told(file.parent)]
        return next(
            (e for e in told if isinstance(e, Incoming) and e.sip_call_id == result["sip_call_id"]), None
        )

    noted = eventually(find, 10, "the journal of the forged call")
    assert (noted.hotline, noted.trunk, noted.claims) == ("12345", "carrier", (Claim("diversion", "12333"),))


def test_a_registration_is_lost_and_found(house: Any, carrier: Kamailio) -> None:
    eventually(carrier.registered, 10, "the registration")
    eventually(
        lambda: not reasons(house) and measured(house, "reachable") == 1, 10, "the trunk's first signs"
    )
    code, (trunk,) = status(house)
    assert (code, trunk["registered"], trunk["reachable"], trunk["reason"]) == (0, True, True, "")
    assert measured(house, "registered") == 1
    call(carrier)
    check_forged(house)

    carrier.stop()
    (reason,) = eventually(lambda: reasons(house), 20, "the loss in /readyz")
    assert "does not answer" in reason
    eventually(lambda: measured(house, "registered") == 0, 20, "the loss in the metrics")
    assert measured(house, "reachable") == 0
    code, (trunk,) = status(house)
    assert (code, trunk["registered"], trunk["reachable"]) == (1, False, False)
    assert "registration lost" in house.log()
    assert "no sign of life" in house.log()

    carrier.start()  # and has forgotten everything
    eventually(carrier.registered, 20, "the new registration")
    eventually(lambda: not reasons(house), 10, "the end of the loss in /readyz")
    assert (measured(house, "registered"), measured(house, "reachable")) == (1, 1)
    assert status(house)[0] == 0
    call(carrier)
    assert house.faults() == []
