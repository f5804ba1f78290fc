"""Callers whom their own exchange is asked to pass on (REFER, 302), over real SIP, through the whole house."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from acceptance.people import People, passing_house
from callfolder import told
from peers.trunk import Trunk
from waiting import eventually

from recordings.entries import Dialled, Finished, HandedOverEvent, Interrupted, LegAnswered, LegEnded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from acceptance.hostile.wire import Answer

ELSEWHERE = "127.0.0.3"
"""The address of an exchange that nobody says takes calls back."""
RING_SECONDS = 3
DEEDS: dict[str, list[Any]] = {"811": ["answers"], "812": ["answers"]}


class Exchange(Trunk):
    """The caller's exchange: takes REFER, or does not, and tells what becomes of it."""

    def comes(self, method: str, seconds: float = 60.0) -> Answer:
        """The next request of that kind."""
        start = f"{method} ".encode()
        found = next((r for r in self.wire.answers(seconds) if r.raw.startswith(start)), None)
        assert found, f"no {method} within {seconds} s"
        return found

    def answer(self, request: Answer, status: str) -> None:
        names = ("Via", "From", "To", "Call-ID", "CSeq")
        head = [f"SIP/2.0 {status}", *(f"{name}: {request.headers[name]}" for name in names)]
        self.wire.send("".join(f"{line}\r\n" for line in [*head, "Content-Length: 0", ""]).encode())

    def notify(self, status: str, *, last: bool = False) -> int:
        """Tell what has become of it; what that is answered with."""
        state = "terminated;reason=noresource" if last else "active;expires=60"
        headers = {"Event": "refer", "Subscription-State": state}
        return self.ask("NOTIFY", f"SIP/2.0 {status}\r\n".encode(), "message/sipfrag", headers).status

    def take(self) -> None:
        """Say that he will be passed on."""
        refer = self.comes("REFER")
        assert refer.headers["Refer-To"] == f"<{COLD['uri']}>"
        assert "X-Hotline-Call" in refer.headers
        assert refer.headers["Referred-By"].startswith("<sip:")
        self.answer(refer, "202 Accepted")
        assert self.notify("100 Trying") == 200

    def agree_to_bye(self, seconds: float = 60.0) -> None:
        self.answer(self.comes("BYE", seconds), "200 OK")
        self.is_up = False


def handed_over(far: Exchange) -> None:
    far.take()
    assert far.notify("180 Ringing") == 200
    assert far.notify("200 OK", last=True) == 200
    far.agree_to_bye()


def busy(far: Exchange) -> None:
    far.take()
    assert far.notify("486 Busy Here", last=True) == 200
    assert not far.wait_for_bye(3)


def refusing(status: str) -> Callable[[Exchange], None]:
    def act(far: Exchange) -> None:
        far.answer(far.comes("REFER"), status)
        assert not far.wait_for_bye(3)

    return act


def silent(far: Exchange) -> None:
    far.answer(far.comes("REFER"), "202 Accepted")
    assert not far.wait_for_bye(RING_SECONDS + 3)


def hangs_up(far: Exchange) -> None:
    far.take()
    assert far.bye().status == 200
    assert far.notify("487 Request Terminated", last=True) == 200


def leaves_with_him(far: Exchange) -> None:
    """It ends the call as soon as the caller is its own again, and tells afterwards that the target has answered."""
    far.take()
    assert far.bye().status == 200
    assert far.notify("180 Ringing") == 200
    assert far.notify("200 OK", last=True) == 200


def crosses(far: Exchange) -> None:
    """Its BYE and ours meet on the way."""
    far.take()
    assert far.notify("200 OK", last=True) == 200
    ours = far.comes("BYE")
    assert far.bye().status in {200, 481}
    far.answer(ours, "200 OK")


def elsewhere(far: Exchange) -> None:
    assert not far.wait_for_bye(6)


COLD: dict[str, Any] = {}
SCENES: dict[str, tuple[str, str, Callable[[Exchange], None]]] = {
    "handed over": ("12345", "0", handed_over),
    "ours": ("12331", "0", handed_over),
    "busy": ("12345", "0", busy),
    "405": ("12345", "0", refusing("405 Method Not Allowed")),
    "603": ("12345", "0", refusing("603 Decline")),
    "silent": ("12345", "0", silent),
    "hangs up": ("12345", "0", hangs_up),
    "leaves with him": ("12345", "0", leaves_with_him),
    "crosses": ("12345", "0", crosses),
    "centre": ("12313", "", handed_over),
    "elsewhere": ("12345", "0", elsewhere),
}


@dataclass
class Round:
    """All these calls through one house, and what has come of them."""

    house: Any
    sip_ids: dict[str, str]

    def place(self, name: str) -> Path:
        wanted = self.sip_ids[name]

        def find() -> Path | None:
            files = (self.house.data / "calls").rglob("events.jsonl")
            place = next((f.parent for f in files if wanted in f.read_text()), None)
            return place if place and any(isinstance(e, Finished) for e in told(place)) else None

        found: Path = eventually(find, 30, f"the end of the call {name!r}")
        return found

    def entries(self, name: str, kind: type) -> list[Any]:
        return [entry for entry in told(self.place(name)) if isinstance(entry, kind)]

    def reason(self, name: str) -> str:
        """Why there is no ticket of it."""
        done = self.house.type("calls", "show", self.place(name).name, "--json")
        assert self.house.tickets(sip_call_id=self.sip_ids[name]) == []
        return str(yaml.safe_load(done.stdout)["call"]["reason"])


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    people = People(DEEDS, tmp_path_factory.mktemp("people"))
    yield people
    people.stop()


@pytest.fixture(scope="module")
def calls(make_house_once: Callable[..., Any], people: People) -> Round:
    cold = people.target(
        "811", trunk="pbx", transfer="cold", ring_seconds=RING_SECONDS, ticket="theirs", whisper=False
    )
    COLD.update(cold)
    house = passing_house(
        make_house_once,
        people,
        {
            "12345": {"person": [cold, people.target("812", ticket="theirs", whisper=False)]},
            "12331": {"person": [cold | {"ticket": "ours"}]},
            "12366": {"centre": [cold]},
            "12313": {"centre": [cold | {"trunk": "refers"}]},
        },
        trunks=[
            {
                "name": "pbx",
                "peers": ["127.0.0.1/32"],
                "transfers": ["refer", "redirect"],
                "options_seconds": 0,
            },
            {"name": "refers", "peers": ["127.0.0.2/32"], "transfers": ["refer"], "options_seconds": 0},
            {"name": "other", "peers": [f"{ELSEWHERE}/32"], "options_seconds": 0},
        ],
    )

    def play(name: str) -> str:
        called, key, act = SCENES[name]
        address = {"elsewhere": ELSEWHERE, "centre": "127.0.0.2"}.get(name, "127.0.0.1")
        with Exchange(house.sip_port, called, address) as far:
            assert far.invite().status == 200
            far.rtp.talk(0.5)
            if key:
                far.rtp.press(key)
            act(far)
        return far.sip_call_id

    with ThreadPoolExecutor(len(SCENES)) as pool:
        ids = dict(zip(SCENES, pool.map(play, SCENES), strict=True))
    return Round(house, ids)


@pytest.mark.parametrize("name", ["handed over", "leaves with him", "crosses", "centre"])
def test_who_was_handed_over_has_his_ticket_there(calls: Round, name: str) -> None:
    (dialled,) = calls.entries(name, Dialled)
    (ended,) = calls.entries(name, LegEnded)
    assert (dialled.target, dialled.sip_call_id) == ("811号席", calls.sip_ids[name])
    assert (ended.handed_over, ended.cause) == (True, "REFER: 200")
    assert calls.entries(name, Interrupted) == calls.entries(name, LegAnswered) == []
    assert len(calls.entries(name, HandedOverEvent)) == (name != "leaves with him")
    assert calls.reason(name).startswith(f"handed over to 811号席, there {calls.sip_ids[name]}")


def test_who_was_handed_over_and_whose_ticket_is_ours_has_one(calls: Round) -> None:
    (ticket,) = calls.house.final_tickets(calls.sip_ids["ours"])
    assert ticket["passed"]["target"] == "811号席"
    assert not ticket["caller"].get("call_back")


def test_of_a_target_that_is_busy_the_next_is_called(calls: Round) -> None:
    assert [e.target for e in calls.entries("busy", Dialled)] == ["811号席", "812号席"]
    assert calls.entries("busy", LegEnded)[0].cause == "REFER: 486"
    assert len(calls.entries("busy", LegAnswered)) == 1


@pytest.mark.parametrize(
    ("name", "cause"), [("405", "405 to REFER"), ("603", "603 to REFER"), ("silent", "202 to REFER")]
)
def test_who_is_not_passed_on_by_his_own_side_is_by_us(calls: Round, name: str, cause: str) -> None:
    dialled = calls.entries(name, Dialled)
    assert [e.target for e in dialled] == ["811号席"] * 2
    assert dialled[0].sip_call_id == calls.sip_ids[name] != dialled[1].sip_call_id
    first, _ = calls.entries(name, LegEnded)
    assert (first.cause, first.handed_over, first.by) == (cause, False, "gateway")
    (answered,) = calls.entries(name, LegAnswered)
    assert answered.leg == 2


def test_who_hangs_up_meanwhile_is_owed_a_call(calls: Round) -> None:
    (ended,) = calls.entries("hangs up", LegEnded)
    assert (ended.by, ended.cause, ended.handed_over) == ("caller", "REFER: 487", False)
    (ticket,) = calls.house.final_tickets(calls.sip_ids["hangs up"])
    assert ticket["caller"]["call_back"]


def test_the_warm_way_is_taken_for_who_came_by_another_trunk(calls: Round) -> None:
    (dialled,) = calls.entries("elsewhere", Dialled)
    assert dialled.sip_call_id != calls.sip_ids["elsewhere"]
    assert len(calls.entries("elsewhere", LegAnswered)) == 1


def test_a_line_that_would_be_passed_on_at_once_is_redirected_unanswered(calls: Round) -> None:
    with Exchange(calls.house.sip_port, "12366") as far:
        answer = far.invite()
        calls.sip_ids["moved"] = far.sip_call_id
    assert (answer.status, answer.headers["Contact"]) == (302, f"<{COLD['uri']}>")
    (ended,) = calls.entries("moved", LegEnded)
    assert (ended.handed_over, ended.cause) == (True, "302")
    assert calls.reason("moved").startswith("handed over to 811号席")
    with Exchange(calls.house.sip_port, "12366", ELSEWHERE) as far:
        assert far.invite().status == 200


def test_nothing_is_left_of_them(calls: Round) -> None:
    wanted = {"calls": 0, "stack_calls": 0, "recordings": 0, "taps": 0}
    wanted |= {"pcm_ports": 1, "prompt_ports": 0, "strays": 0}
    eventually(lambda: calls.house.native_objects() == wanted, 70, "the stack to be empty")
    assert calls.house.faults() == []


def test_a_cold_target_on_a_trunk_that_is_not_said_to_take_it_is_refused(
    calls: Round, tmp_path: Path
) -> None:
    settings = yaml.safe_load(calls.house.config.read_text())
    del settings["trunks"][0]["transfers"]
    config = tmp_path / "gateway.yaml"
    config.write_text(yaml.safe_dump(settings))
    done = replace(calls.house, config=config).type("check")
    assert done.returncode == 1
    assert re.search("12345 → 811号席: .*'pbx'.*trunks.transfers", done.stderr)


@pytest.mark.soak
def test_a_refer_that_is_never_answered_ends_no_call(calls: Round) -> None:
    """For longer than the transaction lasts (32 s): within the call's dialog its end would be the call's."""
    with Exchange(calls.house.sip_port) as far:
        assert far.invite().status == 200
        far.rtp.talk(0.5)
        far.rtp.press("0")
        far.comes("REFER")
        assert not far.wait_for_bye(40)
        assert far.bye().status == 200
        calls.sip_ids["unanswered"] = far.sip_call_id
    first, _ = calls.entries("unanswered", LegEnded)
    assert first.cause == "no answer to REFER"
