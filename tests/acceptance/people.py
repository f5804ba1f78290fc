"""People to whom calls are passed on over real SIP, and houses whose lines name them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import wave
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml
from acceptance.targets import HERTZ
from waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

RATE = 8000


class People:
    """The process of telephones to which calls are passed on."""

    def __init__(self, deeds: dict[str, list[Any]], folder: Path) -> None:
        script = Path(__file__).with_name("targets.py")
        root = str(Path(__file__).parents[2])
        self.log = (folder / "people.jsonl").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, str(script)],
            stdin=subprocess.PIPE,
            stdout=self.log,
            env={**os.environ, "PYTHONPATH": root},
            text=True,
        )
        assert self.process.stdin
        json.dump(deeds, self.process.stdin)
        self.process.stdin.close()
        self.address = eventually(lambda: self.told("address"), 20, "the telephones")[0]["address"]

    def told(self, kind: str) -> list[dict[str, Any]]:
        lines = Path(self.log.name).read_text().splitlines()
        return [fact for line in lines if line.endswith("}") and kind in (fact := json.loads(line))]

    def target(self, user: str, **more: Any) -> dict[str, Any]:
        return {"name": f"{user}号席", "uri": f"sip:{user}@{self.address}", **more}

    def invited(self, call_id: str) -> float:
        """When a target was called for that call, in seconds since 1970."""
        head = f"X-Hotline-Call: {call_id}"
        return next(float(f["at"]) for f in self.told("invited") if head in f["head"])

    def invite(self, user: str) -> str:
        return next(str(f["head"]) for f in self.told("invited") if f["invited"] == user)

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(20)
        self.log.close()


def read_lines() -> dict[str, Any]:
    """The hotlines file that is shipped."""
    lines: dict[str, Any] = yaml.safe_load(
        (Path(__file__).parents[2] / "config" / "hotlines.yaml").read_text()
    )
    return lines


def passing_house(make: Callable[..., Any], people: People, targets: dict[str, Any], **settings: Any) -> Any:
    """A house whose lines have these targets."""
    lines = read_lines()
    for line in lines["hotlines"]:
        if line["number"] in targets:
            line["targets"] = targets[line["number"]]
    return house_of_lines(make, lines, Path(people.log.name).parent, **settings)


def house_of_lines(make: Callable[..., Any], lines: dict[str, Any], folder: Path, **settings: Any) -> Any:
    """A house with this hotlines file."""
    file = folder / "hotlines.yaml"
    file.write_text(yaml.safe_dump(lines, allow_unicode=True))
    house = make(dialogue={"hotlines": str(file)}, **settings)
    house.start()
    return house


def read_channel(file: Path, number: int) -> NDArray[np.int16]:
    with wave.open(str(file)) as source:
        return np.frombuffer(source.readframes(source.getnframes()), "<i2").reshape(-1, 2)[:, number]


def loudest(samples: NDArray[np.int16]) -> float:
    """The agent's tone, where it is loudest for a quarter of a second."""
    turns = np.exp(2j * np.pi * HERTZ / RATE * np.arange(RATE // 4))
    pieces = [samples[at : at + len(turns)] for at in range(0, len(samples) - len(turns), len(turns))]
    return max(float(2 * abs(np.dot(piece, turns)) / len(turns)) for piece in pieces)
