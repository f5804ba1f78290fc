"""Calls passed on over real SIP, through the whole house: to people in a process of their own."""

from __future__ import annotations

import re
import signal
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from acceptance.people import RATE, People, loudest, passing_house, read_channel
from callfolder import told
from waiting import eventually

from recordings import folders, journal
from recordings.entries import (
    AlarmedEvent,
    Answered,
    Dialled,
    DigitEvent,
    Heard,
    LegAnswered,
    LegEnded,
    PartedEvent,
    RefusedEvent,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

pytestmark = pytest.mark.few  # when a target rings is told in tenths of a second

CALLER = "13855812345"
WAIT, NOISE = {"wait": "prompt"}, {"say": "颍州区清河街道小区夜间施工噪音扰民"}
DEEDS: dict[str, list[Any]] = {
    "801": [{"rings": 1.0}, "answers"],
    "802": [{"speaks": ["G722"]}, "answers", {"talks": 6.0}, "hangs_up"],
    "803": [{"tells": {"X-PBX-Call": "Q-17"}}, {"talks": 12.5}, "hangs_up"],
    "804": ["answers", {"talks": 6.0}, "hangs_up"],
    "805": ["busy"],
    "806": [{"moved": "sip:801@127.0.0.1:9"}],
    "807": [],
}
DANGERS = (
    *("我家着火了", "厨房煤气泄漏了", "有人持刀打人", "老人晕倒了", "孩子落水了"),
    *("有人触电了", "房子坍塌了", "工厂爆炸了", "我不想活了", "出车祸了"),
)
LOOK_ALIKES = (
    *(
        "热死了没有空调",
        "没有着火",
        "听说以前着火",
        "去年这里着火过",
        "我没有自杀",
        "不想自杀",
        "担心爆炸",
        "怕漏电",
    ),
    *("没有爆炸", "听说有人跳楼", "以前有人自杀", "前年有火灾", "笑死我了", "不是火灾", "没有人受伤"),
)
CALLS: dict[str, dict[str, Any]] = {
    "talk": {"steps": [WAIT, {"press": "0"}, {"pause": 10.0}, NOISE, {"pause": 0.5}, "hang_up"]},
    "danger": {"steps": [WAIT, WAIT, {"press": "9"}, {"pause": 14.0}, "hang_up"]},
    "centre": {"called": "12366", "steps": [WAIT, {"pause": 40.0}, "hang_up"]},
    "aid": {"called": "12356", "steps": [WAIT, {"pause": 14.0}, "hang_up"]},
    "said": {"steps": [WAIT, {"say": "我家着火了"}, {"pause": 14.0}, "hang_up"]},
    "asked": {
        "steps": [
            *(WAIT, NOISE, {"press": "#"}, WAIT, {"say": "是的"}, WAIT),
            *({"say": "着火了"}, {"pause": 14.0}, "hang_up"),
        ]
    },
    "idiom": {
        "steps": [
            *(WAIT, {"say": "热死了没有空调"}, {"pause": 1.0}, {"say": "听说以前着火"}, {"pause": 1.0}),
            *({"say": "没有着火"}, {"pause": 3.0}, "hang_up"),
        ]
    },
    "nobody": {"called": "12331", "steps": [WAIT, {"press": "0"}, {"pause": 12.0}, "hang_up"]},
}


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    people = People(DEEDS, tmp_path_factory.mktemp("people"))
    yield people
    people.stop()


class Round:
    """All these calls through one house, and what has come of them."""

    def __init__(self, house: Any) -> None:
        self.house = house
        scripts = [{"name": name, "called": "12345", "caller": CALLER} | s for name, s in CALLS.items()]
        self.folder = house.folder / "round"
        results = house.results(house.start_calls(scripts, 0.1, record_to=self.folder))
        self.sip_ids = {name: result["sip_call_id"] for name, result in zip(CALLS, results, strict=True)}
        eventually(lambda: len(self._ended()) == len(CALLS), 30, "the calls' ends")

    def _ended(self) -> list[Path]:
        return [f.parent for f in (self.house.data / "calls").rglob("events.jsonl")]

    def entries(self, name: str, kind: type) -> list[Any]:
        return [entry for entry in told(self.place(name)) if isinstance(entry, kind)]

    def place(self, name: str) -> Path:
        wanted = self.sip_ids[name]
        return next(f for f in self._ended() if wanted in (f / "events.jsonl").read_text())

    def channel(self, name: str, number: int) -> NDArray[np.int16]:
        return read_channel(self.place(name) / folders.AUDIO, number)


@pytest.fixture(scope="module")
def calls(make_house_once: Callable[..., Any], people: People) -> Round:
    at = people.target
    return Round(
        passing_house(
            make_house_once,
            people,
            {
                "12345": {"person": [at("801")], "danger": [at("802")]},
                "12366": {"centre": [at("803", ticket="theirs", call_id_header="X-PBX-Call")]},
                "12356": {"centre": [at("804")]},
                "12331": {"person": [at("805"), at("806"), at("807", ring_seconds=2)]},
            },
            sip={"cap": len(CALLS)},  # a full house
        )
    )


def answered(place: Path) -> float:
    """When that call was answered, in seconds since 1970."""
    return next(e.wall for e in journal.read(place).entries if isinstance(e.entry, Answered)).timestamp()


def ringing(place: Path, people: People, alarmed_at: float) -> float:
    """How long after the end of the caller's words the target rang, in seconds."""
    said = read_channel(place / folders.AUDIO, 0)[: round(alarmed_at * RATE)]
    end = float(np.flatnonzero(np.abs(said.astype(int)) > 400)[-1] / RATE)
    late = people.invited(place.name) - answered(place) - end
    print(f"{place.name}: the target rang {late:.2f} s after the word's end")
    return late


def test_a_caller_who_asks_for_a_person_talks_with_one_and_both_are_recorded(
    calls: Round, people: People
) -> None:
    (answered,) = calls.entries("talk", LegAnswered)
    (ended,) = calls.entries("talk", LegEnded)
    assert ended.by == "caller"
    assert ended.talked > 5
    heard = calls.channel("talk", 1)
    begin, end = round((answered.at + 0.5) * RATE), round((ended.at - 0.5) * RATE)
    assert loudest(heard[begin:end]) > 3000
    assert loudest(heard[: begin - RATE]) < 1000
    said = calls.channel("talk", 0)[begin:end].astype(float)
    assert np.sqrt(np.mean(said**2)) > 100
    heard_by_agent = next(f["heard"] for f in people.told("ended") if f["ended"] == "801")
    assert heard_by_agent > 2
    caller_heard = read_channel(calls.folder / "caller0.wav", 1)
    assert loudest(caller_heard) > 3000
    ticket = calls.house.whole_ticket(calls.sip_ids["talk"])
    invite = people.invite("801")
    assert f"X-Hotline-Ticket: {ticket['number']}" in invite
    assert CALLER in invite
    said_to_agent = [u for u in ticket["transcript"]["utterances"] if u["start"] > answered.at and u["text"]]
    assert "caller" in {u["speaker"] for u in said_to_agent}


def test_danger_rings_within_a_second_of_the_key(calls: Round, people: People) -> None:
    key = next(e for e in calls.entries("danger", DigitEvent) if e.key == "9")
    (dialled,) = calls.entries("danger", Dialled)
    assert 0 <= dialled.at - key.at < 1
    (parted,) = calls.entries("danger", PartedEvent)
    assert parted.by == "target"
    assert loudest(calls.channel("danger", 1)) > 3000  # in another codec than the caller's
    (ticket,) = calls.house.final_tickets(calls.sip_ids["danger"])
    assert ticket["appeal"]["urgency"] == "特急"
    assert "X-Hotline-Call" in people.invite("802")


@pytest.mark.parametrize(("name", "words"), [("said", "我家着火了"), ("asked", "着火了")])
def test_words_of_danger_ring_within_a_second_and_are_told_to_the_intake_at_once(
    calls: Round, people: People, name: str, words: str
) -> None:
    """In a dictation, and in a question that listens for a yes, a no and digits alone."""
    (alarmed,) = calls.entries(name, AlarmedEvent)
    assert (alarmed.risk, alarmed.words) == ("fire", words)
    assert ringing(calls.place(name), people, alarmed.at) < 1
    (ticket,) = calls.house.final_tickets(calls.sip_ids[name])
    assert ticket["appeal"]["urgency"] == "特急"
    assert words in ticket["appeal"]["content"]
    (alert,) = [a for a in calls.house.alerts() if a["call_id"] == calls.place(name).name]
    assert (alert["kind"], alert["risk"], alert["words"], alert["caller"]) == (
        "danger",
        "fire",
        words,
        CALLER,
    )
    assert (
        abs(datetime.fromisoformat(alert["at"]).timestamp() - answered(calls.place(name)) - alarmed.at) < 0.5
    )


def test_idioms_hearsay_and_denials_call_nobody(calls: Round) -> None:
    assert calls.entries("idiom", AlarmedEvent) == calls.entries("idiom", Dialled) == []
    assert [e.text for e in calls.entries("idiom", Heard) if "着火" in e.text]
    (ticket,) = calls.house.final_tickets(calls.sip_ids["idiom"])
    assert ticket["appeal"]["urgency"] == "一般"
    alerted = {calls.place(name).name for name in ("danger", "said", "asked")}
    assert {alert["call_id"] for alert in calls.house.alerts()} == alerted


def test_another_centres_line_is_passed_on_at_once(calls: Round, people: People) -> None:
    (ended,) = calls.entries("centre", LegEnded)
    assert (ended.by, ended.talked > 10, ended.their_id) == ("target", True, "Q-17")
    assert re.search(r"^X-Hotline-Line: 12366\r?$", people.invite("803"), re.MULTILINE)


def test_the_aid_line_is_passed_on_without_a_word_about_the_caller(calls: Round, people: People) -> None:
    invite = people.invite("804")
    assert "X-Hotline" not in invite
    assert "User-to-User" not in invite
    assert CALLER not in invite
    (ended,) = calls.entries("aid", LegEnded)
    assert ended.by == "target"
    assert not (calls.place("aid") / folders.AUDIO).exists()
    assert CALLER not in (calls.place("aid") / "events.jsonl").read_text()


def test_who_finds_nobody_leaves_a_message(calls: Round) -> None:
    assert [e.target for e in calls.entries("nobody", Dialled)] == ["805号席", "806号席", "807号席"]
    causes = [e.cause[:3] for e in calls.entries("nobody", LegEnded)]
    assert causes == ["486", "302", ""]
    (refused,) = calls.entries("nobody", RefusedEvent)
    assert refused.why == "no_answer"
    (ticket,) = calls.house.final_tickets(calls.sip_ids["nobody"])
    assert ticket["caller"]["call_back"]


def test_nothing_is_left_of_the_legs(calls: Round) -> None:
    wanted = {
        "calls": 0,
        "stack_calls": 0,
        "recordings": 0,
        "taps": 0,
        "pcm_ports": 1,
        "prompt_ports": 0,
        "strays": 0,
    }
    eventually(lambda: calls.house.native_objects() == wanted, 70, "the stack to be empty")
    assert calls.house.faults() == []
    _, text = calls.house.page("gateway.sock", "/metrics")
    assert "hotline_outgoing_lines 0.0" in text
    assert 'hotline_connects_total{outcome="connected"} 6.0' in text
    assert 'hotline_connects_total{outcome="busy"} 1.0' in text


@pytest.mark.soak
def test_a_caller_whose_agent_is_gone_without_a_word_is_told_and_goes_on(
    make_house: Callable[..., Any], tmp_path: Path
) -> None:
    people = People({"801": ["answers"]}, tmp_path)
    try:
        house = passing_house(
            make_house,
            people,
            {"12345": {"person": [people.target("801")]}},
            passing={"cap": 40, "kept_for_danger": 20, "silent_seconds": 10},
        )
        script = {
            "name": "left alone",
            "called": "12345",
            "caller": CALLER,
            "steps": [WAIT, {"press": "0"}, {"pause": 40.0}, "hang_up"],
        }
        peer = house.start_calls([script])
        eventually(lambda: (house.health() or {}).get("bridged") == 1, 30, "the talk")
        people.process.kill()
        (result,) = house.results(peer)
        (ticket,) = house.final_tickets(result["sip_call_id"])
        assert ticket["caller"]["call_back"]
        place = next(f.parent for f in (house.data / "calls").rglob("events.jsonl"))
        (parted,) = [e for e in told(place) if isinstance(e, PartedEvent)]
        assert parted.by == "lost"
        assert house.faults() == []
    finally:
        people.stop(signal.SIGKILL)


@pytest.mark.soak
def test_a_gateway_that_is_stopped_while_thirty_callers_talk_loses_none(
    make_house: Callable[..., Any], tmp_path: Path
) -> None:
    people = People({"801": ["answers"]}, tmp_path)
    try:
        house = passing_house(
            make_house, people, {"12345": {"person": [people.target("801")]}}, sip={"drain_seconds": 2}
        )
        steps = [WAIT, {"press": "0"}, {"pause": 90.0}, "hang_up"]
        scripts = [
            {"name": f"{n}", "called": "12345", "caller": f"138558123{n:02}", "steps": steps}
            for n in range(30)
        ]
        peer = house.start_calls(scripts, 0.1)
        eventually(lambda: (house.health() or {}).get("bridged") == 30, 60, "thirty talks")
        house.process.terminate()
        assert house.process.wait(90) == 0
        results = house.results(peer)
        house.start()
        tickets = [house.final_tickets(result["sip_call_id"]) for result in results]
        assert [len(of_call) for of_call in tickets] == [1] * 30
        assert house.faults() == []
    finally:
        people.stop()


@pytest.mark.soak
def test_ten_dangers_ring_within_a_second_and_fifteen_look_alikes_call_nobody(
    make_house: Callable[..., Any], tmp_path: Path
) -> None:
    """Phrases of the demonstration model's vocabulary, over G.711 of 8 kHz; ten callers at once."""
    people = People({"801": ["answers", {"talks": 2.0}, "hangs_up"]}, tmp_path)
    try:
        house = passing_house(make_house, people, {"12345": {"danger": [people.target("801")]}})
        scripts = [
            {
                "name": text,
                "called": "12345",
                "caller": CALLER,
                "steps": [WAIT, {"say": text}, {"pause": 8.0}, "hang_up"],
            }
            for text in (*DANGERS, *LOOK_ALIKES)
        ]
        results = house.results(house.start_calls(scripts, 1.5))
        sip_ids = [result["sip_call_id"] for result in results]

        def ended() -> dict[str, Path]:
            found = (house.data / "calls").rglob("events.jsonl")
            texts = {file.parent: file.read_text() for file in found}
            return {sip: place for sip in sip_ids for place, text in texts.items() if sip in text}

        eventually(lambda: len(ended()) == len(scripts), 60, "the calls' ends")
        places = [ended()[sip] for sip in sip_ids]
        alarms = [[e for e in told(place) if isinstance(e, AlarmedEvent)] for place in places]
        heard = {
            s["name"]: [e.text for e in told(p) if isinstance(e, Heard)]
            for s, p in zip(scripts, places, strict=True)
        }
        dangers = len(DANGERS)
        assert [len(found) for found in alarms] == [1] * dangers + [0] * len(LOOK_ALIKES), heard
        late = [
            ringing(place, people, found[0].at) for place, found in zip(places, alarms, strict=True) if found
        ]
        assert max(late) < 1, late
        urgencies = [house.final_tickets(sip)[0]["appeal"]["urgency"] for sip in sip_ids]
        assert urgencies[:dangers] == ["特急"] * dangers
        assert "特急" not in urgencies[dangers:]
        assert {alert["call_id"] for alert in house.alerts()} == {place.name for place in places[:dangers]}
        assert house.faults() == []
    finally:
        people.stop()
