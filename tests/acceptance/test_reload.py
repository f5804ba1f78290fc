"""Hotlines, flows and prompts taken anew while people talk: nobody notices, and a broken file changes nothing."""

from __future__ import annotations

import asyncio
import json
import shutil
from datetime import datetime
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import yaml
from callfolder import told
from hotlinecommand import run_hotline
from waiting import eventually

from bench.loop import read_loop
from config.document import embedded
from gateway.site.settings import Paths
from recordings.entries import Incoming, Played
from tickets.meaning.files import RuleFiles
from tickets.meaning.understanding import use, version

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from conftest import HouseUp

OPENING = "您好，阜阳幺二三四五，我是语音助手，通话会录音。您直接说事儿；要找人，说“人工”或按零。"
GOODBYE = "感谢您的来电，再见。"
NEW_OPENING, NEW_GOODBYE = "您好，这里是阜阳幺二三四五，通话会录音，请讲。", "谢谢您，再见。"
TURN_MS = 30.0


def talker(number: int) -> dict[str, Any]:
    """Asks for a person, and lets the dialogue lead him to its goodbye without a word."""
    steps = [{"pause": 1.0}, {"press": "0"}]
    return {"name": f"talker {number}", "caller": f"138558{number:05}", "steps": steps}


def copy_files(house: HouseUp) -> Path:
    """The operator's own copy of flow, hotlines and prompts, named in his settings."""
    folder = house.folder / "dialogue"
    folder.mkdir()
    names = {"flow": "flows/default.yaml", "hotlines": "hotlines.yaml", "prompts": "prompts.yaml"}
    for name, file in names.items():
        shutil.copy(embedded(file), folder / f"{name}.yaml")
    set_settings(house, dialogue={name: str(folder / f"{name}.yaml") for name in names})
    return folder


def set_settings(house: HouseUp, **changes: Any) -> None:
    settings = yaml.safe_load(house.config.read_text())
    for section, values in changes.items():
        settings.setdefault(section, {}).update(values)
    house.config.write_text(yaml.safe_dump(settings, allow_unicode=True))


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1, old
    file.write_text(text.replace(old, new))


def hotline(house: HouseUp, *words: str) -> subprocess.CompletedProcess[str]:
    return run_hotline("--data", str(house.data), *words, environment=house.environment)


def told_to(house: HouseUp, sip_call_id: str) -> list[str]:
    """Opening and goodbye, as that caller heard them."""
    for journal in house.data.glob("**/events.jsonl"):
        entries = told(journal.parent)
        if any(isinstance(e, Incoming) and e.sip_call_id == sip_call_id for e in entries):
            return [e.text for e in entries if isinstance(e, Played) and e.name in {"opening", "goodbye"}]
    raise AssertionError(sip_call_id)


def since(house: HouseUp) -> datetime:
    health = house.health()
    assert health
    return datetime.fromisoformat(health["dialogue_since"])


@pytest.mark.parametrize("count", [5, pytest.param(30, marks=pytest.mark.soak)])
def test_nobody_notices_a_reload_and_a_broken_file_changes_nothing(
    make_house: Callable[..., HouseUp], count: int
) -> None:
    house = make_house(sip={"cap": 40})
    folder = copy_files(house)
    house.start()
    began = since(house)
    peer = house.start_calls([talker(number) for number in range(count)], stagger=0.05)
    eventually(lambda: (h := house.health()) and h["calls"] == count, 20, "the calls")

    edit(folder / "prompts.yaml", f"opening: {OPENING}", f"opening: {NEW_OPENING}")
    edit(folder / "prompts.yaml", f"goodbye: {GOODBYE}", f"goodbye: {NEW_GOODBYE}")
    dispatch = folder / "dispatch.yaml"
    dispatch.write_text("city: 阜阳市\ndays: 3\nentries:\n  - {category: 城乡建设, department: 住建局}\n")
    set_settings(house, sip={"cap": 35, "hold_seconds": 200}, understanding={"dispatch": str(dispatch)})
    done = hotline(house, "reload")
    assert (done.returncode, done.stderr) == (0, ""), done
    assert (
        "gateway: 已重新读入 / reloaded: 热线 / hotlines: 33; 流程 / flows: default, psychological_aid"
        in done.stdout
    )
    assert "cap: 35" in done.stdout
    use(RuleFiles(dispatch=dispatch))
    rules = version()
    use(RuleFiles())
    assert f"rules of understanding: {rules}\n" in done.stdout
    assert "a restart is needed for: sip.hold_seconds\n" in done.stdout
    reloaded = since(house)
    assert reloaded > began

    edit(folder / "flow.yaml", "then: parting", "then: partng")
    line = next(
        n for n, text in enumerate((folder / "flow.yaml").read_text().splitlines(), 1) if "partng" in text
    )
    refused = hotline(house, "reload")
    assert refused.returncode == 78
    reason = f"{folder / 'flow.yaml'}:{line}: farewell: then leads to 'partng', which is no node"
    assert reason in refused.stderr
    assert "name a node of this file" in refused.stderr
    assert since(house) == reloaded
    status, ready = house.page("gateway.sock", "/readyz")
    assert status == 200
    assert "the last reload was refused, what was in force stays" in " ".join(json.loads(ready)["reasons"])
    eventually(lambda: reason in house.log(), 5, "the reason in the log")

    (new,) = house.calls([{**talker(99999), "steps": [{"pause": 1.5}, "hang_up"]}])
    assert told_to(house, new["sip_call_id"]) == [NEW_OPENING]
    talked = house.results(peer)
    wrong = [(r["failure"], r["hung_up_by"], r["missing"]) for r in talked]
    assert wrong == [("", "gateway", 0)] * count
    for result in talked:
        assert told_to(house, result["sip_call_id"]) == [OPENING, GOODBYE]
        assert len(house.final_tickets(result["sip_call_id"])) == 1
    figures = asyncio.run(read_loop(Paths(house.data, house.environment).gateway_socket))
    assert figures["turn_cpu_max_ms"] <= TURN_MS, figures
    assert house.faults() == []


def test_files_that_cannot_be_used_cost_no_call_and_a_signal_takes_the_mended_ones(
    make_house: Callable[..., HouseUp],
) -> None:
    house = make_house()
    folder = copy_files(house)
    edit(folder / "flow.yaml", "start: opening", "start: openning")
    house.start()
    health = house.health()
    assert health
    assert health["makeshift"].startswith(f"{folder / 'flow.yaml'}:")
    (passed_on,) = house.calls([{**talker(99997), "steps": [{"pause": 1.5}, "hang_up"]}])
    assert told_to(house, passed_on["sip_call_id"]) == []
    edit(folder / "flow.yaml", "start: openning", "start: opening")
    psutil.Process(health["pid"]).send_signal(1)  # SIGHUP
    eventually(lambda: (h := house.health()) and h["makeshift"] is None, 20, "the mended dialogue")
    (result,) = house.calls([{**talker(99998), "steps": [{"pause": 1.5}, "hang_up"]}])
    assert told_to(house, result["sip_call_id"]) == [OPENING]
    house.stop()
    nobody = hotline(house, "reload")
    assert nobody.returncode == 1
    assert "no gateway runs" in nobody.stderr
