"""Calls that the house places over real SIP: to telephones in a process of their own, by the one trunk it may use."""

from __future__ import annotations

import asyncio
import csv
import json
import sqlite3
from collections import Counter
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml
from acceptance.people import RATE, People, loudest, read_channel
from callfolder import told
from handbook import read_blocks
from typer.testing import CliRunner
from waiting import eventually

from gateway.cli import _register, app
from recordings import agentcalls
from recordings.agentcalls import PURPOSE, AgentCall, Outcome, Stage
from recordings.calloutwords import Result
from recordings.database import open_database
from recordings.entries import Concluded, Incoming, Placed, Played

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from recordings.agentcalls import Clash

CHAPTER = "callback.md"
CAMPAIGN = "冬季关爱"
NEUTRAL = {"placed_care_greeting", "placed_by_key", "placed_wrong_person"}
TALKS = ["answers", {"talks": 2.0}, {"presses": "1"}, {"talks": 1.0}, {"presses": "1"}]
HE, OTHER, ENGAGED, AWAY, CUT, TALKER = (f"138{n}000" for n in range(6))
DESK, *HASTY = (str(n) for n in range(6001, 6005))
DOES: dict[str, list[Any]] = {
    HE: TALKS,
    OTHER: ["answers", {"talks": 1.0}, {"presses": "2"}],
    ENGAGED: ["busy"],
    AWAY: [{"rings": 60.0}],
    CUT: ["answers", {"talks": 60.0}],
    TALKER: ["answers", {"talks": 4.0}, {"sounds": 3.0}, "hangs_up"],
    DESK: ["answers", *[{"sounds": 4.0}] * 6],
    **{
        own: ["answers", {"talks": 0.2}, {"presses": "1"}] for own in HASTY
    },  # who hears the sentence every day
}

COMES_TO = {HE: Result.DONE, OTHER: Result.WRONG, ENGAGED: Result.BUSY, AWAY: Result.NO_ANSWER}


class Scene:
    """A house and those whom it may call; ``hotline`` runs the command."""

    def __init__(self, make_house: Callable[..., Any], tmp_path: Path, numbers: Sequence[str]) -> None:
        self.people = People({number: DOES[number[:7]] for number in numbers}, tmp_path)
        trunk = {
            "name": "carrier",
            "peers": ["127.0.0.1/32"],
            "address": self.people.address,
            "options_seconds": 0,
        }
        settings, *_ = read_blocks("en", CHAPTER.removesuffix(".md"))
        callback = yaml.safe_load(settings.text)["callback"] | {
            "hours": [{"from": "00:00", "until": "00:00"}],
            "per_minute": 120,
            "keep_free": 1,
            "ring_seconds": 2,
        }
        self.house = make_house(trunks=[trunk], callback=callback)
        self.house.peers.append(self.people.process)  # so that it ends with the house, were this not to start
        self.house.start()
        self.folder = tmp_path

    def hotline(self, *words: str) -> str:
        _register(["callback"])
        options = ["--config", str(self.house.config), "--data", str(self.house.data)]
        done = CliRunner().invoke(app, [*options, "callback", *words], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    def add(self, numbers: Sequence[str]) -> None:
        file = self.folder / "list.csv"
        with file.open("w", newline="") as opened:
            csv.writer(opened).writerows([["号码", "类型"], *([number, "关爱"] for number in numbers)])
        self.hotline("add", str(file), "--campaign", CAMPAIGN)

    def results(self) -> dict[str, str | None]:
        """What has come of each number's attempt by now."""
        with sqlite3.connect(f"file:{self.house.data / 'hotline.db'}?mode=ro", uri=True) as db:
            query = "SELECT number, result FROM callout_attempts JOIN callouts ON callouts.id = callout"
            return dict(db.execute(query).fetchall())

    def ring_back(self, extension: str, number: str) -> str:
        """An agent asks on the page for a call to that citizen; its id."""
        call_id = f"20261128T0800{extension[-2:]}-00000000"
        about = read_calls(self.house.data)[f"{HE}0001"]
        wanted = AgentCall(call_id, about, "", "12345", f"坐席{extension}", extension, number)

        async def ask() -> Clash | None:
            db = open_database(f"sqlite:///{self.house.data / 'hotline.db'}")
            try:
                async with db.write() as connection:
                    return await agentcalls.ask(connection, wanted, datetime.now(UTC))
            finally:
                await db.close()

        assert asyncio.run(ask()) is None
        return call_id

    def stands(self, call_id: str, stage: Stage, outcome: Outcome | None = None) -> bool:
        with sqlite3.connect(f"file:{self.house.data / 'hotline.db'}?mode=ro", uri=True) as db:
            query = "SELECT stage, outcome FROM agent_calls WHERE call_id = ?"
            return bool(db.execute(query, [call_id]).fetchone() == (stage, outcome))

    def wait_for(self, numbers: Sequence[str]) -> None:
        wanted = {number: COMES_TO[number[:7]] for number in numbers}

        def known() -> bool:
            results = self.results()
            return all(results.get(number) == result for number, result in wanted.items())

        eventually(known, 180, f"{wanted}; see callout_attempts")

    def calls(self) -> dict[str, list[Any]]:
        """What the journal of each call of a list tells, by its number; of one that just moves perhaps not."""
        found = [told(file.parent) for file in self.house.data.rglob("events.jsonl")]
        return {
            entry.caller: entries
            for entries in found
            for entry in entries
            if isinstance(entry, Incoming)
            and not any(isinstance(e, Placed) and e.purpose == PURPOSE for e in entries)
        }

    def archived(self, number: str) -> Path | None:
        """The folder of the call of that number, once it is filed."""
        files = (self.house.data / "calls").rglob("events.jsonl")
        callers = ((file.parent, told(file.parent)) for file in files)
        return next((f for f, said in callers if any(getattr(e, "caller", "") == number for e in said)), None)

    def kill_in_the_call_of(self, number: str) -> None:
        """The gateway dies once that person hears something."""
        eventually(lambda: any(isinstance(e, Played) for e in self.calls().get(number, ())), 60, "the call")
        gateway = self.house.child("gateway").pid
        self.house.kill("gateway")
        eventually(lambda: (self.house.health() or {}).get("pid", gateway) != gateway, 60, "another gateway")


def read_calls(data: Path) -> dict[str, str]:
    """The id of each citizen's call on file."""
    with sqlite3.connect(f"file:{data / 'hotline.db'}?mode=ro", uri=True) as db:
        return dict(db.execute("SELECT caller, call_id FROM calls").fetchall())


def play(
    scene: Scene,
    first: list[str],
    second: list[str],
    killed: str,
    *,
    known: bool,
    before: Callable[[], Any] = lambda: None,
) -> None:
    """The first list is called, the gateway dies in the call of one of them; then the second one.

    ``known``: not before it is known what has come of the others, and ``before`` has been done.
    """
    others = [number for number in first if number != killed]
    scene.add(others if known else first)
    scene.hotline("run")
    if known:  # his call must not have come to its own end before that
        scene.wait_for(others)
        before()
        scene.add([killed])
    scene.kill_in_the_call_of(killed)
    scene.add(second)
    scene.wait_for(second)
    listed = {*first, *second}
    rung = Counter(fact["invited"] for fact in scene.people.told("invited") if fact["invited"] in listed)
    assert rung == Counter([*first, *second]), "each was called once"
    assert scene.results()[killed] is None, "of whom the gateway died, nothing is known"


def check_discretion(scene: Scene, answered: set[str]) -> None:
    """Who has not said that he is the one heard nothing but the neutral prompts; who has, heard the question."""
    calls = eventually(
        lambda: found if (found := scene.calls()).keys() == answered else None, 60, "the journal of each call"
    )
    for number, entries in calls.items():
        said = [entry.name for entry in entries if isinstance(entry, Played)]
        concluded = [entry.outcome for entry in entries if isinstance(entry, Concluded)]
        assert any(isinstance(entry, Placed) for entry in entries)
        if number.startswith(HE):
            assert concluded == ["confirmed", "done"]
            assert said[:2] == ["placed_care_greeting", "placed_well"]
        else:
            assert set(said) <= NEUTRAL
            assert concluded == (["other"] if number.startswith(OTHER) else [])


def check_agents_calls(scene: Scene) -> None:
    """Both telephones of one call hear each other; what comes of others whom nobody answers, is told."""
    talked, engaged, away = (
        scene.ring_back(extension, f"{number}0001")
        for extension, number in ((DESK, TALKER), (HASTY[0], ENGAGED), (HASTY[1], AWAY))
    )
    for call_id, outcome in (
        (engaged, Outcome.BUSY),
        (away, Outcome.NO_ANSWER),
        (talked, Outcome.TALKED),
    ):
        eventually(partial(scene.stands, call_id, Stage.OVER, outcome), 60, f"{call_id}: {outcome}")

    def ends() -> list[dict[str, Any]]:
        return [fact for fact in scene.people.told("ended") if fact["ended"] in {DESK, f"{TALKER}0001"}]

    heard = eventually(lambda: found if len(found := ends()) > 1 else None, 20, "the end of both")
    assert all(fact["toned"] > 2.0 for fact in heard), "each hears the other's tone"
    assert "From: <sip:12345@127.0.0.1" in scene.people.invite(f"{TALKER}0001")
    invites = [fact["invited"] for fact in scene.people.told("invited")]
    assert invites.index(DESK) < invites.index(f"{TALKER}0001")
    folder = eventually(lambda: scene.archived(f"{TALKER}0001"), 30, "the archived call")
    entries = told(folder)
    assert [e.name for e in entries if isinstance(e, Played)] == ["agent_call_recorded"]
    assert [e.purpose for e in entries if isinstance(e, Placed)] == [PURPOSE]
    assert all(loudest(read_channel(folder / "audio.wav", side)) > 2000 for side in (0, 1)), (
        "both are recorded"
    )


def test_a_list_is_called_once_whatever_becomes_of_the_gateway(
    make_house: Callable[..., Any], tmp_path: Path
) -> None:
    _, listed, typed = read_blocks("en", CHAPTER.removesuffix(".md"))
    first = [*(row["号码"] for row in csv.DictReader(listed.text.splitlines())), f"{OTHER}0001", f"{CUT}0001"]
    second = [f"{HE}0002"]
    rest = [DESK, *HASTY, f"{CUT}0002", f"{TALKER}0001"]
    scene = Scene(make_house, tmp_path, [*first, *second, *rest])
    try:
        cut: list[str] = []

        def ring_back() -> None:
            cut.append(scene.ring_back(HASTY[2], f"{CUT}0002"))
            eventually(lambda: scene.stands(cut[0], Stage.TALKING), 60, "the agent's talk")

        play(scene, first, second, f"{CUT}0001", known=True, before=ring_back)
        assert scene.stands(cut[0], Stage.OVER, Outcome.CUT), "the gateway has died in it"
        assert [fact["invited"] for fact in scene.people.told("invited")].count(f"{CUT}0002") == 1
        check_discretion(scene, {f"{HE}0001", f"{OTHER}0001", f"{CUT}0001", f"{HE}0002"})
        check_agents_calls(scene)
        invite = scene.people.invite(f"{HE}0001")
        assert "P-Asserted-Identity: <sip:12345@127.0.0.1>" in invite
        assert "From: <sip:12345@127.0.0.1" in invite

        folder = eventually(lambda: scene.archived(f"{HE}0001"), 30, "the archived call")
        person, line = (read_channel(folder / "audio.wav", n) for n in (0, 1))
        assert min(len(person), len(line)) > RATE
        assert np.abs(person[: 2 * RATE].astype(int)).max() > 1000, "he is heard from the answer on"
        assert np.abs(line[: 5 * RATE].astype(int)).max() > 300, "and so is what he is asked"

        report = json.loads(scene.hotline("report", "--campaign", CAMPAIGN, "--json"))
        assert {row["number"] for row in report["rows"]} == {"138****0001", "138****0002"}
        (campaign,) = report["campaigns"]
        assert campaign["states"] == {"done": 3, "waiting": 3}
        add, run, *more = [line.split()[2:] for line in typed.text.splitlines()]
        assert (add, run) == (["add", "list.csv", "--campaign", CAMPAIGN], ["run"])
        said = [scene.hotline(*words) for words in more]
        assert "138****0001" in said[1]
        assert "given up: 3" in said[-1]
    finally:
        scene.people.stop()


@pytest.mark.soak
def test_thirty_are_called_once_whatever_becomes_of_the_gateway(
    make_house: Callable[..., Any], tmp_path: Path
) -> None:
    numbers = [f"{head}{n:04}" for n in range(10) for head in (ENGAGED, AWAY, HE)]
    first, second = [f"{CUT}0001", *numbers[:15]], numbers[15:]
    scene = Scene(make_house, tmp_path, [*first, *second])
    try:
        play(scene, first, second, f"{CUT}0001", known=False)
    finally:
        scene.people.stop()
