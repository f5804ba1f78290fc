"""The whole house, as `hotline up` starts it, on free loopback ports and a data folder of the test's own."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import psutil
import pytest
import yaml
from hotlinecommand import run_hotline
from waiting import RTP_PORTS, eventually, free_port

from gateway.site.settings import Paths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HOTLINE = [sys.executable, "-m", "gateway"]
GOLDEN = Path(__file__).parents[1] / "golden"
MADE_PROMPTS = Path(__file__).parents[2] / "var" / "prompts"  # by deploy/setup


@dataclass
class HouseUp:
    """A running `hotline up`."""

    folder: Path
    data: Path
    config: Path
    sip_port: int
    intake: str
    database: Path | None = None
    """One with tables and nothing in them."""
    hotline: tuple[str, ...] = tuple(HOTLINE)
    process: subprocess.Popen[bytes] | None = None
    peers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def sip(self) -> str:
        return f"127.0.0.1:{self.sip_port}"

    def start(self) -> None:
        self.launch()
        eventually(self.is_ready, 150, "the house's start")

    def launch(self) -> None:
        if not self.data.exists():
            # As at a second start: what the first makes of nothing, the demonstration and the handbook show.
            self.data.mkdir(mode=0o750, parents=True)
            if MADE_PROMPTS.is_dir():
                shutil.copytree(MADE_PROMPTS, self.data / "prompts")
            if self.database:
                shutil.copy(self.database, self.data / "hotline.db")
        log = (self.folder / "up.log").open("ab")
        command = [*self.hotline, "--config", str(self.config), "--data", str(self.data), "up"]
        self.process = subprocess.Popen(command, stderr=log, stdout=log, env=self.environment)

    @property
    def environment(self) -> dict[str, str]:
        return {k: v for k, v in os.environ.items() if k != "RUNTIME_DIRECTORY"}

    def is_ready(self) -> bool:
        health = self.health()
        return health is not None and health["asr"] == "up"

    def health(self) -> dict[str, Any] | None:
        try:
            _status, text = self.page("gateway.sock", "/healthz")
        except OSError:
            return None
        health: dict[str, Any] = json.loads(text)
        return health

    def page(self, name: str, path: str) -> tuple[int, str]:
        """A page of the process whose Unix socket has this name: HTTP status and body; raises OSError."""
        with socket.socket(socket.AF_UNIX) as door:
            door.settimeout(5)
            door.connect(str(Paths(self.data, self.environment).run / name))
            door.sendall(f"GET {path} HTTP/1.0\r\nHost: house\r\n\r\n".encode())
            answer = b"".join(iter(lambda: door.recv(65536), b""))
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split(b" ", 2)[1]), body.decode()

    def child(self, name: str) -> psutil.Process:
        assert self.process
        for child in psutil.Process(self.process.pid).children():
            with contextlib.suppress(psutil.Error):
                if name in child.cmdline()[3:]:
                    return child
        raise ProcessLookupError(name)

    def kill(self, name: str) -> None:
        self.child(name).send_signal(signal.SIGKILL)

    @contextlib.contextmanager
    def hung(self, name: str) -> Iterator[None]:
        """The child does nothing while the block runs, and neither does any that replaces it for that."""
        over = threading.Event()
        held: list[psutil.Process] = []

        def hold() -> None:
            while not over.wait(0.02):
                with contextlib.suppress(ProcessLookupError, psutil.Error):
                    child = self.child(name)
                    if child not in held:
                        child.suspend()
                        held.append(child)

        holding = threading.Thread(target=hold)
        holding.start()
        try:
            eventually(lambda: held, 10, f"the {name} to be held")
            yield
        finally:
            over.set()
            holding.join()
            for child in held:
                with contextlib.suppress(psutil.Error):
                    child.resume()

    def stop(self) -> None:
        for peer in self.peers:
            peer.kill()
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)

    def type(self, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command of ``hotline`` on this house, ``typed`` given to it."""
        where = ("--config", str(self.config), "--data", str(self.data))
        return run_hotline(*where, *words, environment=self.environment, typed=typed)

    def call(self, script: Path, *options: str) -> subprocess.Popen[bytes]:
        command = [*HOTLINE, "--data", str(self.folder / "caller"), "call", f"sip:12345@{self.sip}"]
        peer = subprocess.Popen(
            [*command, "--script", str(script), "--json", *options],
            stdout=subprocess.PIPE,
            env=self.environment,
        )
        self.peers.append(peer)
        return peer

    def start_calls(
        self, scripts: list[dict[str, Any]], stagger: float = 0.0, record_to: Path | None = None
    ) -> subprocess.Popen[bytes]:
        """Place all these calls from one process; `results` waits for them.

        ``record_to`` gets each caller's own recording, ``caller0.wav`` and so on.
        """
        folder = record_to or self.folder / f"calls{len(self.peers)}"
        folder.mkdir()
        command = [sys.executable, str(Path(__file__).with_name("callers.py")), self.sip, str(folder)]
        root = str(Path(__file__).parents[2])
        peer = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**self.environment, "PYTHONPATH": root},
        )
        assert peer.stdin
        given = {"scripts": scripts, "stagger": stagger, "record": record_to is not None}
        peer.stdin.write(json.dumps(given).encode())
        peer.stdin.close()
        self.peers.append(peer)
        return peer

    def results(self, peer: subprocess.Popen[bytes]) -> list[dict[str, Any]]:
        assert peer.stdout
        found: list[dict[str, Any]] = json.loads(peer.stdout.read())
        peer.wait(30)
        return found

    def calls(self, scripts: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return self.results(self.start_calls(scripts))

    def tickets(self, **filters: str) -> list[dict[str, Any]]:
        query = "&".join(["limit=1000", *(f"{k}={v}" for k, v in filters.items())])
        with urlopen(f"{self.intake}/v1/tickets?{query}", timeout=5) as answer:  # noqa: S310
            found: list[dict[str, Any]] = json.load(answer)["tickets"]
            return found

    def alerts(self) -> list[dict[str, Any]]:
        with urlopen(f"{self.intake}/v1/alerts?limit=1000", timeout=5) as answer:  # noqa: S310
            return [held["alert"] for held in json.load(answer)["alerts"]]

    def final_tickets(self, sip_call_id: str, wanted: int = 1) -> list[dict[str, Any]]:
        """The newest revision of each ticket of an ended call, once there are so many."""

        def look() -> list[dict[str, Any]] | None:
            newest = [t["revisions"][-1]["ticket"] for t in self.tickets(sip_call_id=sip_call_id)]
            done = [t for t in newest if t["call"]["ended_at"]]
            return done if len(done) == len(newest) >= wanted else None

        found: list[dict[str, Any]] = eventually(look, 30, f"the tickets of {sip_call_id}")
        return found

    def whole_ticket(self, sip_call_id: str) -> dict[str, Any]:
        """The call's one ticket with all its words: on a busy machine some follow from the recording."""

        def look() -> dict[str, Any] | None:
            (ticket,) = self.final_tickets(sip_call_id)
            return ticket if ticket["transcript"]["complete"] else None

        found: dict[str, Any] = eventually(look, 90, f"the whole text of {sip_call_id}")
        return found

    def native_objects(self) -> dict[str, float]:
        """What is alive in the gateway's SIP stack, by kind."""
        _status, text = self.page("gateway.sock", "/metrics")
        found = re.findall(r'^hotline_native_objects{kind="(\w+)"} (\S+)$', text, re.MULTILINE)
        return {kind: float(count) for kind, count in found}

    def faults(self, since: int = 0) -> list[str]:
        """What the log tells of exceptions, from its character SINCE on: our records', and what Python prints."""
        return [
            line for line in self.log()[since:].splitlines() if re.search('"exception": |Traceback', line)
        ]

    def log(self) -> str:
        return (self.folder / "up.log").read_text(errors="replace")


@contextlib.contextmanager
def building_houses(place: Path, database: Path) -> Iterator[Callable[..., HouseUp]]:
    houses: list[HouseUp] = []

    def make(**settings: Any) -> HouseUp:
        sip_port, intake_port = free_port(), free_port()
        intake = settings.pop("intake", {})
        default = yaml.safe_load((Path(__file__).parents[2] / "config" / "gateway.yaml").read_text())
        merged = {
            "sip": {
                "host": "127.0.0.1",
                "port": sip_port,
                "rtp_first_port": RTP_PORTS,
                **settings.pop("sip", {}),
            },
            "intake": {
                "reference_port": intake_port,
                "secret": default["intake"]["secret"],
                **intake,
            },
            # (Tests call from one number again and again, and each call is to be met as a caller's first.)
            "dialogue": {"recall": False, **settings.pop("dialogue", {})},
            "console": {"port": free_port(), **settings.pop("console", {})},
            **settings,
        }
        folder = place / f"house{len(houses)}"
        folder.mkdir()
        config = folder / "gateway.yaml"
        config.write_text(yaml.safe_dump(merged))
        house = HouseUp(
            folder,
            folder / "data",
            config,
            sip_port,
            f"http://127.0.0.1:{intake_port}",
            None if "database" in merged else database,
        )
        houses.append(house)
        return house

    try:
        yield make
    finally:
        for house in houses:
            house.stop()


@pytest.fixture
def make_house(tmp_path: Path, sqlite_template: Path) -> Iterator[Callable[..., HouseUp]]:
    with building_houses(tmp_path, sqlite_template) as make:
        yield make


@pytest.fixture(scope="module")
def make_house_once(
    tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path
) -> Iterator[Callable[..., HouseUp]]:
    """For a house that a whole module of tests lives in."""
    with building_houses(tmp_path_factory.mktemp("module"), sqlite_template) as make:
        yield make


@pytest.fixture
def house(make_house: Callable[..., HouseUp]) -> HouseUp:
    up: HouseUp = make_house()
    up.start()
    return up
