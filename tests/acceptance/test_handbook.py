"""The handbook's commands do what it says, on a real house, chapter after chapter.

The reader's files are the test's: ``_PLACES`` says what stands for what. One house lives through all chapters, in
their order here. `operate.md` is run on a machine of its own, see machine/test_machine.py.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import wave
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import numpy as np
import pytest
from browser import log_in, opening_browser, opening_page
from handbook import pack_model, read_blocks
from waiting import RTP_PORTS, eventually, free_port

from gateway.prompts.voice import speak
from gateway.site.settings import DEFAULT_FILE, Paths
from recordings.database import open_database
from tickets.calls import CallFilter, list_calls

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import HouseUp
    from handbook import Block
    from postgres import Postgres

    from tickets.calls import CallLine

PASSWORD = "huihua-shenhe-2026"
SENTENCE = "颍州区清河街道路灯不亮"
SPEAKER = {
    "name": "speaker",
    "caller": "13855812345",
    "steps": [{"pause": 0.5}, {"say": SENTENCE, "over": True}, {"press": "#"}, {"pause": 2}, "hang_up"],
}
_PLACES = re.compile(
    r"""/run/hotline                         # the house's sockets
      | /(?:etc|var/lib|srv|tmp)(?=[/\s"'])  # below the house's folder
      | \.venv/bin/hotline                   # the command on the PATH, which knows settings and data
      | (?<=[@:.1])5060\b                    # the house's SIP port
      | 20261125T104738-fcef99da             # a call that was made
      | chown\ -R\ hotline:                  # the services' user: who runs the test
    """,
    re.VERBOSE,
)
_SERVICES = re.compile(r"^systemctl (start|stop|restart) '?hotline\S+$")


class Operator:
    """Types commands of the handbook; ``systemctl`` of our units starts and stops the house."""

    def __init__(self, house: HouseUp) -> None:
        self.house = house
        self.root = house.folder
        self.call_id = ""
        self._desk = self.root / "desk"
        self._desk.mkdir()
        (self.root / "tmp").mkdir()
        command = self.root / "hotline"
        command.write_text(f'#!/bin/sh\nexec {sys.executable} -m gateway "$@"\n')
        command.chmod(0o755)

    @property
    def run(self) -> Path:
        return Paths(self.house.data, self.house.environment).run

    @property
    def environment(self) -> dict[str, str]:
        return {
            **self.house.environment,
            "PATH": f"{self.root}:{os.environ['PATH']}",
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "HOTLINE_CONFIG": str(self.house.config),
            "HOTLINE_DATA": str(self.house.data),
            "RUNTIME_DIRECTORY": str(self.run),
            "CREDENTIALS_DIRECTORY": str(self.root / "etc" / "hotline" / "credentials"),
        }

    def place(self, text: str) -> str:
        """The text with the reader's places replaced by the test's."""

        def replace(found: re.Match[str]) -> str:
            match found[0]:
                case "/run/hotline":
                    return str(self.run)
                case ".venv/bin/hotline":
                    return "hotline"
                case "5060":
                    return str(self.house.sip_port)
                case path if path.startswith("/"):
                    return f"{self.root}{path}"
                case owner if owner.startswith("chown"):
                    return 'chown -R "$(id -un):"'
                case _:
                    return self.call_id

        return _PLACES.sub(replace, text)

    def type(self, text: str, *, answer: str = "", code: int = 0) -> str:
        """Run a block and give what it printed; it must end with this code."""
        printed, waiting = "", ""
        for line in [*text.splitlines(), "systemctl stop hotline.nothing"]:
            service = _SERVICES.match(line)
            if service is None:
                waiting += f"{line}\n"
                continue
            if waiting.strip():
                printed += self._shell(waiting, answer, code)
                waiting = ""
            if line.endswith(".nothing"):
                break
            if service[1] != "start":
                self.house.stop()
            if service[1] != "stop":
                self.house.start()
        return printed

    def _shell(self, text: str, answer: str, code: int) -> str:
        done = subprocess.run(
            ["sh", "-euc", self.place(text)],
            cwd=self._desk,
            env=self.environment,
            input=answer,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == code, f"{text}\n{done.stdout}\n{self.house.log()[-4000:]}"
        return done.stdout

    def list_calls(self) -> list[CallLine]:
        """All calls on file, newest first."""

        async def ask() -> list[CallLine]:
            db = open_database(f"sqlite:///{self.house.data / 'hotline.db'}")
            try:
                async with db.read() as connection:
                    return await list_calls(connection, CallFilter(), 100)
            finally:
                await db.close()

        return asyncio.run(ask())

    def wait_for_calls(self, count: int) -> list[CallLine]:
        """The same, once there are so many and all are over."""

        def look() -> list[CallLine] | None:
            found = self.list_calls()
            return found if len(found) == count and all(line.call.ended_at for line in found) else None

        found: list[CallLine] = eventually(look, 30, f"{count} calls on file")
        return found

    def start_speaking(self) -> subprocess.Popen[bytes]:
        """A caller who says one sentence."""
        return self.house.start_calls([SPEAKER])

    def speak(self, caller: subprocess.Popen[bytes] | None = None) -> dict[str, Any]:
        """The ticket of the whole call of that caller, or of a new one."""
        (result,) = self.house.results(caller or self.start_speaking())
        assert result["failure"] == ""
        (ticket,) = self.house.final_tickets(result["sip_call_id"])
        return ticket


class Chapter:
    """Hands out a chapter's blocks in order; all of them have to be taken."""

    def __init__(self, name: str) -> None:
        self._left = read_blocks("en", name)

    def next(self, kind: str = "sh") -> str:
        while self._left[0].kind not in ("sh", kind):
            self._left.pop(0)
        block: Block = self._left.pop(0)
        assert block.kind == kind
        return block.text

    def end(self) -> None:
        assert [block.text for block in self._left if block.kind == "sh"] == []


@pytest.fixture(scope="module")
def operator(make_house_once: Callable[..., HouseUp]) -> Operator:
    """An operator of a house that lies as on an installed machine, with the embedded settings but for the ports."""
    house: HouseUp = make_house_once()
    house.data = house.folder / "var" / "lib" / "hotline"
    house.config = house.folder / "etc" / "hotline" / "gateway.yaml"
    house.config.parent.mkdir(parents=True)
    (house.config.parent / "credentials").mkdir(mode=0o700)
    house.data.parent.mkdir(parents=True)
    text = DEFAULT_FILE.read_text()
    for old, new in {
        "host: 0.0.0.0 ": "host: 127.0.0.1 ",
        "port: 5060\n": f"port: {house.sip_port}\n",
        "rtp_first_port: 20000": f"rtp_first_port: {RTP_PORTS}",
        "reference_port: 8045": f"reference_port: {house.intake.rpartition(':')[2]}",
        "port: 8080": f"port: {free_port()}",
        "recall: true ": "recall: false ",  # each call is to be met as a caller's first
    }.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    house.config.write_text(text)
    return Operator(house)


@pytest.fixture(scope="module")
def first_login(operator: Operator) -> tuple[str, str, str]:
    """What `make run` shows once all is set up: the page's address, its first user's name and password."""
    house = operator.house
    log = (house.folder / "up.log").open("ab")
    command = [*house.hotline, "--config", str(house.config), "--data", str(house.data), "up", "--demo"]
    house.process = subprocess.Popen(command, stderr=log, stdout=log, env=house.environment)
    eventually(lambda: "a demonstration call" in house.log(), 60, "the login and the first call")
    shown = house.log()
    address = re.search(r"http://127\.0\.0\.1:\d+/", shown)
    login = re.search(r"user: (\w+)\W+密码 / password: ([\w-]+)", shown)
    assert address, shown
    assert login, shown
    return address[0], login[1], login[2]


def test_a_first_call(operator: Operator, first_login: tuple[str, str, str]) -> None:
    assert first_login[1] == "admin"
    chapter = Chapter("first-call")
    # The demonstration goes on meanwhile.
    assert "heard 1 prompts" in operator.type(chapter.next())
    assert "颍上县慎城镇房子漏雨" in operator.type(chapter.next())
    eventually(lambda: "call in" in operator.house.log(), 60, "the invitation")
    newest, listener, first = operator.wait_for_calls(3)
    assert ([t.delivery for t in first.tickets], listener.tickets) == (["accepted"], ())
    assert listener.call.reason
    (ticket,) = newest.tickets
    operator.call_id = newest.call.call_id
    told = operator.type(chapter.next())
    assert "颍上县慎城镇房子漏雨" in told
    assert ticket.number in told
    assert heard_of(operator, "heard.wav").any()
    assert "✗" not in operator.type(chapter.next())
    chapter.end()


def heard_of(operator: Operator, name: str) -> np.ndarray[Any, Any]:
    """The right channel of a recording on the desk's /tmp: what the caller heard."""
    with wave.open(str(operator.root / "tmp" / name)) as sound:
        assert (sound.getnchannels(), sound.getframerate()) == (2, 8000)
        return np.frombuffer(sound.readframes(sound.getnframes()), "<i2")[1::2].astype(float)


@pytest.fixture
def started(operator: Operator) -> Operator:
    """The operator, with the house running, whichever test is the first to be run."""
    if operator.house.process is None:
        operator.house.start()
    return operator


def test_see_what_it_does(started: Operator) -> None:
    operator = started
    operator.call_id = operator.call_id or operator.speak()["call"]["call_id"]
    chapter = Chapter("observe")
    assert '{"status": "ready", "reasons": []}' in operator.type(chapter.next())
    assert operator.call_id in operator.type(chapter.next())
    assert "to be tried again: 0" in operator.type(chapter.next())
    assert "没有热点 / no surges\n[" in operator.type(chapter.next())
    chapter.end()


def test_read_the_page(operator: Operator, first_login: tuple[str, str, str]) -> None:
    chapter = Chapter("page")
    address, *admin = first_login
    with opening_browser() as browser, opening_page(browser) as page:
        log_in(page, address, *admin)
        links = page.get_by_role("navigation", name="主导航").get_by_role("link")
        assert links.all_inner_texts() == [
            *("工作列表", "正在通话", "热点", "概览"),
            *("转人工", "用户", "登录", "审计"),
        ]
        assert page.locator("#list tbody tr").count() == 2  # the listener made no ticket
    # (There is an administrator already, and a second one ends his having all rights.)
    assert "王芳(安全管理员)" in operator.type(chapter.next(), answer=f"{PASSWORD}\n")
    chapter.end()


def chirp(rate: int) -> np.ndarray[Any, Any]:
    """What no voice says: from 400 to 1600 Hz in two seconds."""
    at = np.arange(2 * rate) / rate
    return 4600 * np.sin(2 * np.pi * (400 * at + 300 * at**2))


def test_replace_a_prompt(started: Operator) -> None:
    operator = started
    with wave.open(str(operator.root / "desk" / "opening.wav"), "wb") as sound:
        sound.setparams((2, 2, 44100, 0, "NONE", ""))
        sound.writeframes(np.repeat(chirp(44100), 2).astype("<i2").tobytes())
    chapter = Chapter("prompts")
    operator.type(chapter.next())
    copied = {file.name for file in (operator.root / "tmp" / "prompts").iterdir()}
    assert {"opening.wav", "number.1.wav", "confirm.1.wav", "confirm.2.wav", "beep.wav"} <= copied
    operator.type(chapter.next())
    script = (operator.root / "tmp" / "script.txt").read_text()
    assert "\n1. " in script
    assert "opening\n   您好，阜阳幺二三四五，我是语音助手" in script
    told = operator.type(chapter.next())
    assert "opening: 2.0 s, -20.0 dBFS" in told
    assert "recorded 1, " in told
    assert "your own recordings: 1" in told
    stray = operator.house.config.parent / "prompts" / "openning.wav"
    stray.touch()
    assert f"no prompt to replace by {stray}" in operator.type("hotline check", code=78)
    stray.unlink()
    operator.type(chapter.next())
    assert "heard 1 prompts" in operator.type(chapter.next())
    chapter.end()
    heard, own = heard_of(operator, "heard.wav"), chirp(8000)[:8000]
    power = np.sqrt(np.convolve(heard**2, np.ones(len(own)), "valid") * (own @ own))
    likeness = np.correlate(heard, own, "valid") / np.maximum(power, 1)
    assert np.abs(likeness).max() > 0.5  # a frame more or less in the middle, and half of it is in step


def test_change_it_while_calls_go_on(started: Operator) -> None:
    operator = started
    chapter = Chapter("change")
    assert "drawn: " in operator.type(chapter.next())
    assert (operator.root / "tmp" / "flow.svg").read_text().startswith("<svg ")
    assert "hotlines: 33" in operator.type(chapter.next())
    assert "of: identity" in chapter.next("yaml")  # tests/unit/ivr/test_asked.py takes calls by it
    told = operator.type(chapter.next())
    assert told.count("line 12333") == 2
    assert "系统演练" in told
    assert "none is passed on at once" in told
    chapter.end()


def put_recording(folder: Path, text: str) -> None:
    """A recording of the text, with the text beside it."""
    folder.mkdir()
    with wave.open(str(folder / "a.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(8000) + asyncio.run(speak(text)) + bytes(8000))
    (folder / "a.txt").write_text(text)


@pytest.mark.soak
def test_install_an_official_model(started: Operator) -> None:
    operator = started
    desk = operator.root / "desk"
    # Another model by its fingerprint, as good as the one it was made of.
    pack_model(
        desk,
        "vosk-model-cn-0.22",
        beam=("conf/model.conf", "--beam=12.0", "--beam=12.5"),
        only=("conf/mfcc.conf", "--allow-upsample=true", ""),
    )
    chapter = Chapter("model")
    printed = operator.type(chapter.next())
    assert "模型 / model: vosk-model-cn-0.22" in printed
    assert "demonstration" not in printed
    models = operator.house.data / "models"
    network, aside = models / "vosk-model-cn-0.22" / "am" / "final.mdl", desk / "final.mdl"
    network.rename(aside)
    assert operator.place(chapter.next("text")).strip() in operator.type("hotline check", code=78)
    aside.rename(network)
    operator.type(chapter.next())
    speaker = operator.start_speaking()
    told = operator.type(chapter.next())
    put_recording(desk / "recordings", SENTENCE)
    (desk / "recordings.csv").write_text(f"audio,text,line\nrecordings/a.wav,{SENTENCE},12345\n")
    measured = operator.type(chapter.next())
    assert f"CER 0.00% ({len(SENTENCE)} " in measured
    assert '"by_line": {"12345": {"cer": 0.0' in measured
    assert SENTENCE in (desk / "report.html").read_text()
    chapter.end()
    health = json.loads(told[: told.index("}") + 1])
    assert (health["model"], health["demo_model"], health["warning"]) == ("vosk-model-cn-0.22", False, None)
    assert "speech recognition answers: vosk-model-cn-0.22" in told
    ticket = operator.speak(speaker)
    assert ticket["transcript"]["model"]["name"] == "vosk-model-cn-0.22"
    assert ticket["transcript"]["model"]["demo"] is False
    assert ticket["appeal"]["content"] == SENTENCE


@pytest.mark.soak
def test_connect_a_trunk(started: Operator) -> None:
    operator = started
    before = len(operator.list_calls())
    chapter = Chapter("trunk")
    listening = operator.type(chapter.next())
    assert re.search(rf"udp .*127\.0\.0\.1:{operator.house.sip_port}\b", listening)
    assert re.search(rf"tcp .*127\.0\.0\.1:{operator.house.sip_port}\b", listening)
    assert operator.type(chapter.next()).count("heard 1 prompts") == 2
    operator.type(chapter.next())
    chapter.end()
    calls = operator.wait_for_calls(before + 3)
    told = [(line.call.hotline, line.call.caller, line.tickets) for line in calls[:3]]
    assert told == [("12345", "", ()), ("12333", "02155512345", ()), ("12345", "13855812345", ())]


def test_back_up_and_restore(started: Operator) -> None:
    operator = started
    house = operator.house
    chapter = Chapter("backup")
    database, files = re.split(r"(?m)^(?=tar -C /var/lib)", chapter.next())
    operator.type(database)
    late = operator.speak()  # the copied database does not know this call
    eventually(lambda: not list((house.data / "spool").iterdir()), 20, "the archiving")
    known = {line.call.call_id: line.tickets for line in operator.list_calls()}
    operator.type(files)
    with sqlite3.connect(operator.root / "srv" / "backup" / "hotline.db") as copy:
        counted = copy.execute("SELECT count(*) FROM calls WHERE ended_at IS NOT NULL").fetchone()
    assert counted == (len(known) - 1,)

    settings = house.config.read_text()
    house.config.unlink()
    operator.type(chapter.next())
    assert house.config.read_text() == settings
    # The intake is another system, and remembers.
    shutil.copy(house.data.with_name("hotline.before") / "intake.db", house.data)
    operator.type(chapter.next())
    assert not list(house.data.glob("calls/*/*/*/*"))
    operator.type(chapter.next())
    eventually(lambda: not list((house.data / "spool").iterdir()), 20, "the filing")
    speaker = operator.start_speaking()
    shown = operator.type(chapter.next())
    assert "no dead letters" in shown
    assert "heard 1 prompts" in shown
    new = operator.speak(speaker)
    restored = {line.call.call_id: line.tickets for line in operator.list_calls()}
    assert {call_id: restored.get(call_id) for call_id in known} == known
    assert late["call"]["call_id"] in known
    assert len(restored) == len(known) + 2
    assert not any(line.call.interrupted for line in operator.list_calls())
    assert (house.data / late["recording"]["path"]).stat().st_size > 16000
    (only,) = house.tickets(number=late["number"])
    assert [r["ticket"]["call"]["call_id"] for r in only["revisions"]] == [late["call"]["call_id"]]
    assert int(new["number"][7:-1]) > 1_000_000  # beyond all that may have been given out since the backup


@pytest.mark.soak
def test_back_up_postgresql(make_house_once: Callable[..., HouseUp], postgres: Postgres) -> None:
    operator = Operator(make_house_once())
    credential = operator.root / "etc" / "hotline" / "credentials" / "database-url"
    credential.parent.mkdir(parents=True)
    credential.write_text(postgres.url(postgres.create()))
    (operator.root / "srv" / "backup").mkdir(parents=True)
    operator.type("hotline migrate\nhotline console add-user 王芳", answer=f"{PASSWORD}\n")
    dump, restore = [b.text for b in read_blocks("en", "backup") if b.kind == "sh"][-2:]
    operator.type(dump)
    empty = postgres.create()
    credential.write_text(postgres.url(empty))
    operator.type(restore)
    assert "no dead letters" in operator.type("hotline check")
    folder = postgres.url(empty).rpartition("=")[2].replace("%2F", "/")

    async def read_names() -> list[str]:
        connection = await asyncpg.connect(user="postgres", database=empty, host=folder)
        try:
            return [row[0] for row in await connection.fetch("SELECT name FROM users")]
        finally:
            await connection.close()

    assert asyncio.run(read_names()) == ["王芳"]
