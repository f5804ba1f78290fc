"""A house of one commit, kept as test data: what a later commit must take over unchanged.

Run it in a checkout of the commit to be kept, set up there by ``make setup``, with that checkout's interpreter:

    TREE/.venv/bin/python tests/integration/upgrade/build.py TREE NAME

It starts that commit's ``hotline up`` on SQLite, and once more on PostgreSQL. Fifty scripted callers phone by real SIP
with that commit's own tools, an agent decides some of the tickets, the page is read as the agents see it; then every
process is killed (-9) while the fiftieth caller, who has been told his number, is still talking. What lies on the disk
is packed into ``tests/integration/upgrade/NAME-sqlite.tar.xz`` and ``NAME-postgresql.tar.xz``:

- ``data/``: the data folder. Where all words are in the journal the sound is silenced, so that it packs small;
- ``dump.sql``: PostgreSQL's tables, by pg_dump;
- ``page.json``: the cells of each row of the work list, by call id, before the fiftieth call;
- ``cut_off``: the fiftieth call's id.

``test_upgrade.py`` finds every archive in this folder by itself. The numbers called from are invented.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import time
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener

import asyncpg
import psutil
import yaml

sys.path.insert(0, str(Path(__file__).parents[2]))  # the tests share modules, but are not packages
from pagerows import read_rows
from postgres import Postgres
from waiting import eventually, free_port
from wholecall import SENTENCE, STEPS

HERE = Path(__file__).parent
CALLS = 50
AT_ONCE = 10
AGENT, PASSWORD = "张敏", "huihua-shenhe-2026"

SCRIPTS: list[dict[str, Any]] = [
    {"steps": [*STEPS]},
    {"steps": [{"pause": 1.0}, {"say": "我家停水三天了没人管", "over": True}, {"pause": 1.0}, "hang_up"]},
    {"steps": [{"pause": 0.6}, "hang_up"]},
    {"steps": [{"pause": 1.0}, {"press": "0"}, {"pause": 3.0}, "hang_up"]},
    {
        "steps": [
            {"pause": 1.0},
            {"press": "3"},
            {"pause": 1.5},
            {"say": "我想表扬公交车司机", "over": True},
            {"press": "#"},
            {"pause": 2.0},
            "hang_up",
        ]
    },
    {
        "called": "12333",
        "steps": [{"pause": 1.0}, {"say": SENTENCE, "over": True}, {"pause": 1.5}, "hang_up"],
    },
    {
        "called": "12356",
        "steps": [
            {"wait": "prompt"},
            {"press": "1"},
            {"wait": "prompt"},
            {"press": "1"},
            {"pause": 1.0},
            "hang_up",
        ],
    },
    {"steps": [{"pause": 1.0}, {"say": "颍上县慎城镇路灯不亮", "over": True}, "hang_up"]},
    {
        "caller": "",
        "steps": [{"pause": 1.0}, {"say": "我要举报违建", "over": True}, {"pause": 1.5}, "hang_up"],
    },
    {"steps": [{"pause": 1.0}, {"press": "1"}, {"pause": 1.0}, {"press": "9"}, {"pause": 1.5}, "hang_up"]},
]
CUT_OFF = {
    "name": "cut off",
    "caller": "13900000499",
    "steps": [*STEPS[:-1], {"say": SENTENCE}, {"pause": 60}],
}


class House:
    """``hotline up`` of the checkout at ``tree``, in ``folder``."""

    def __init__(self, tree: Path, folder: Path, postgres: Postgres | None) -> None:
        self.tree, self.data = tree, folder / "data"
        self._folder, self._postgres = folder, postgres
        self._python = str(tree / ".venv" / "bin" / "python")
        self._sip, self._console = free_port(), free_port()
        self._config = folder / "gateway.yaml"
        settings: dict[str, Any] = {
            "sip": {"host": "127.0.0.1", "port": self._sip, "rtp_first_port": 34000, "drain_seconds": 2},
            "intake": {"reference_port": free_port()},
            "console": {"port": self._console},
        }
        default = yaml.safe_load((tree / "config" / "gateway.yaml").read_text())
        settings["intake"]["secret"] = default["intake"]["secret"]
        self._url = ""
        if postgres:
            self._url = postgres.url(postgres.create())
            settings["database"] = {"url": self._url}
        self._config.write_text(yaml.safe_dump(settings))
        self._environment = {**os.environ, "PYTHONPATH": str(tree)}
        self._environment["RUNTIME_DIRECTORY"] = str(folder / "run")
        self._up: subprocess.Popen[bytes] | None = None
        self._opened: OpenerDirector | None = None

    def start(self) -> None:
        log = (self._folder / "up.log").open("ab")
        self._up = subprocess.Popen(
            [*self._hotline, "up"], stdout=log, stderr=log, env=self._environment, start_new_session=True
        )
        eventually(self._is_ready, 120, "the start")

    @property
    def _hotline(self) -> list[str]:
        return [self._python, "-m", "gateway", "--config", str(self._config), "--data", str(self.data)]

    def _is_ready(self) -> bool:
        with socket.socket(socket.AF_UNIX) as door:
            door.settimeout(5)
            door.connect(str(self._folder / "run" / "gateway.sock"))
            door.sendall(b"GET /healthz HTTP/1.0\r\nHost: house\r\n\r\n")
            answer = b"".join(iter(lambda: door.recv(65536), b""))
        return bool(json.loads(answer.partition(b"\r\n\r\n")[2])["asr"] == "up")

    def kill(self) -> None:
        """Every process at once, the one that would start the others again first."""
        assert self._up
        family = psutil.Process(self._up.pid).children(recursive=True)
        self._up.send_signal(signal.SIGKILL)
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._up.wait(10)

    def call(self, scripts: list[dict[str, Any]]) -> subprocess.Popen[bytes]:
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        command = [
            self._python,
            str(self.tree / "tests/acceptance/callers.py"),
            f"127.0.0.1:{self._sip}",
            str(folder),
        ]
        given = folder / "scripts.json"
        given.write_text(json.dumps({"scripts": scripts, "stagger": 0.2, "record": False}))
        with given.open("rb") as file:
            return subprocess.Popen(command, stdin=file, stdout=subprocess.DEVNULL, env=self._environment)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        if self._postgres:
            return asyncio.run(self._ask_postgres(query))
        with contextlib.closing(sqlite3.connect(self.data / "hotline.db", timeout=20)) as connection:
            return connection.execute(query).fetchall()

    async def _ask_postgres(self, query: str) -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(self._url)
        try:
            return [tuple(row) for row in await connection.fetch(query)]
        finally:
            await connection.close()

    def is_settled(self, calls: int) -> bool:
        """Whether so many calls are filed, and nothing is still to be transcribed or delivered."""
        ((filed,),) = self.ask("SELECT count(*) FROM calls WHERE ended_at IS NOT NULL AND late <> 'wanted'")
        ((pending,),) = self.ask("SELECT count(*) FROM outbox WHERE state = 'pending'")
        return bool(filed == calls and not pending and not any((self.data / "spool").iterdir()))

    def decide(self) -> None:
        """Let an agent accept some tickets, with a correction, and send one back."""
        command = [
            self._python,
            str(HERE / "deciding.py"),
            self._url or f"sqlite:///{self.data / 'hotline.db'}",
        ]
        subprocess.run(command, check=True, env=self._environment)

    def read_page(self) -> dict[str, list[str]]:
        """The work list as an agent sees it: each row's cells, by call id."""
        self._command("console", "add-user", AGENT, given=f"{PASSWORD}\n")
        page = self._open("/login")
        token = page.partition('name="csrf" value="')[2].partition('"')[0]
        self._open("/login", csrf=token, name=AGENT, password=PASSWORD)
        found: dict[str, list[str]] = {}
        path = "/?" + urlencode({"state": "全部"})
        while path:
            rows, path = read_rows(self._open(path))
            found |= rows
        return found

    def _command(self, *arguments: str, given: str = "") -> None:
        subprocess.run(
            [*self._hotline, *arguments], input=given, text=True, check=True, env=self._environment
        )

    def _open(self, path: str, **form: str) -> str:
        if self._opened is None:
            self._opened = build_opener(HTTPCookieProcessor(CookieJar()))
        data = urlencode(form).encode() if form else None
        with self._opened.open(f"http://127.0.0.1:{self._console}{path}", data, timeout=30) as answer:
            text: str = answer.read().decode()
            return text

    def pack(self, archive: Path, page: dict[str, list[str]], cut_off: str) -> None:
        """What is left on the disk, with the calls' sound silenced where it is not needed any more."""
        if not self._postgres:
            self.ask("PRAGMA wal_checkpoint(TRUNCATE)")
            for leftover in self.data.glob("hotline.db-*"):
                leftover.unlink()
        for (call_id,) in self.ask("SELECT call_id FROM transcripts WHERE source = 'live' AND complete"):
            for sound in self.data.glob(f"calls/*/*/*/{call_id}/audio.wav"):
                silence(sound)
        with tarfile.open(archive, "w:xz", preset=9) as packed:
            for kept in ("spool", "calls", "numbers", "hotline.db"):
                if (self.data / kept).exists():
                    packed.add(self.data / kept, f"data/{kept}")
            (self._folder / "page.json").write_text(json.dumps(page, ensure_ascii=False, indent=1))
            packed.add(self._folder / "page.json", "page.json")
            (self._folder / "cut_off").write_text(cut_off)
            packed.add(self._folder / "cut_off", "cut_off")
            if self._postgres:
                (self._folder / "dump.sql").write_text(self._dump())
                packed.add(self._folder / "dump.sql", "dump.sql")

    def _dump(self) -> str:
        program = max(Path("/usr/lib/postgresql").glob("*/bin/pg_dump"))
        command = [str(program), "--no-owner", "--no-privileges", self._url]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def silence(sound: Path) -> None:
    """Keep the recording's header and length, and nothing else."""
    content = sound.read_bytes()
    header = content.index(b"data") + 8
    sound.write_bytes(content[:header] + bytes(len(content) - header))


def build(tree: Path, archive: Path, folder: Path, postgres: Postgres | None) -> None:
    house = House(tree, folder, postgres)
    scripts = [
        {"name": f"call {n}", "caller": f"139000004{n:02}", **SCRIPTS[n % len(SCRIPTS)]}
        for n in range(CALLS - 1)
    ]
    house.start()
    try:
        for start in range(0, len(scripts), AT_ONCE):
            house.call(scripts[start : start + AT_ONCE]).wait(timeout=180)
        eventually(lambda: house.is_settled(CALLS - 1), 180, "filing the calls")
        house.decide()
        eventually(lambda: house.is_settled(CALLS - 1), 60, "delivering the decisions")
        page = house.read_page()
        peer = house.call([CUT_OFF])

        def talking() -> Path | None:
            for place in (house.data / "spool").iterdir():
                lines = (place / "events.jsonl").read_text().splitlines()
                kinds = [json.loads(line)["kind"] for line in lines]
                if "number" in kinds and "heard" in kinds[kinds.index("number") :]:
                    return place
            return None

        cut_off: Path = eventually(talking, 60, "the last caller's words after his number")
        time.sleep(0.5)
    finally:
        house.kill()
    peer.kill()
    house.pack(archive, page, cut_off.name)


def main() -> None:
    tree, name = Path(sys.argv[1]).resolve(), sys.argv[2]
    for kind, server in (("sqlite", None), ("postgresql", Postgres)):
        folder = Path(tempfile.mkdtemp(prefix="hotline-upgrade-"))
        postgres = server() if server else None
        try:
            build(tree, HERE / f"{name}-{kind}.tar.xz", folder, postgres)
        finally:
            if postgres:
                postgres.stop()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
