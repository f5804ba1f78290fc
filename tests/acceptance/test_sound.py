"""This machine's sound: a desk phone, a prompt studio and an ear on a call, through ALSA on a sound server of its own.

The handbook's chapter on it is what is typed.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import wave
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import yaml
from callfolder import told
from handbook import read_blocks
from peers.pulse import running_pulse
from waiting import eventually

from config.document import embedded, load
from config.prompts import PromptTexts
from gateway.caller.hearing import Hearing
from gateway.prompts.sounds import write_wav
from gateway.prompts.takes import list_pieces
from gateway.prompts.voice import speak
from recordings import entries
from recordings.database import open_database
from recordings.schema import audit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import HouseUp
    from peers.pulse import Pulse, Seat

pytestmark = pytest.mark.few

SENTENCE = "我要投诉颍州区清河街道小区夜间施工噪音扰民"
CHAPTER = Path("sound.md")
PHONE, OTHER_PHONE, LISTEN, RECORD, PLAY = (block.text.strip() for block in read_blocks("en", CHAPTER.stem))


@pytest.fixture(scope="module")
def pulse() -> Iterator[Pulse]:
    with running_pulse() as server:
        yield server


@pytest.fixture(scope="module")
def house(make_house_once: Callable[..., HouseUp], tmp_path_factory: pytest.TempPathFactory) -> HouseUp:
    folder = tmp_path_factory.mktemp("recordings")
    up: HouseUp = make_house_once(dialogue={"replacements": str(folder)})
    up.start()
    return up


@pytest.fixture(scope="module")
def sentence(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("said") / "sentence.wav"
    write_wav(file, asyncio.run(speak(SENTENCE)))
    return file


def start(house: HouseUp, typed: str, environment: dict[str, str]) -> subprocess.Popen[str]:
    """Type a command of the handbook."""
    name, *words = typed.split()
    assert name == "hotline"
    peer = subprocess.Popen(
        [sys.executable, "-m", "gateway", "--config", str(house.config), "--data", str(house.data), *words],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    house.peers.append(peer)
    return peer


def run(house: HouseUp, typed: str, environment: dict[str, str], code: int = 0) -> str:
    peer = start(house, typed, environment)
    shown, _ = peer.communicate(timeout=60)
    assert peer.returncode == code, shown
    return shown


def spans(pcm: bytes) -> float:
    """Seconds with sound."""
    hearing = Hearing()
    hearing.feed(pcm)
    return sum(span.end - span.start for span in hearing.spans)


def live(house: HouseUp, count: int) -> list[Path]:
    """The folders of the calls that go on, answered, once there are so many."""

    def look() -> list[Path] | None:
        found = [
            journal.parent
            for journal in (house.data / "spool").glob("2*/events.jsonl")
            if any(isinstance(entry, entries.Answered) for entry in told(journal.parent))
        ]
        return found if len(found) == count else None

    found: list[Path] = eventually(look, 60, f"{count} answered calls")
    return found


class Desk:
    """Somebody at a desk phone, who speaks once he has heard the gateway, and types keys."""

    def __init__(self, house: HouseUp, typed: str, seat: Seat) -> None:
        self.seat = seat
        self.phone = start(house, typed, seat.environment)

    def type(self, key: str) -> None:
        assert self.phone.stdin
        self.phone.stdin.write(key)
        self.phone.stdin.flush()

    def hang_up(self) -> str:
        """What the phone has shown."""
        self.type("q")
        assert self.phone.stdin
        shown, _ = self.phone.communicate(timeout=60)
        assert self.phone.returncode == 0, shown
        return shown


def test_a_desk_phone_ends_in_an_accepted_ticket_and_is_listened_to(
    house: HouseUp, pulse: Pulse, sentence: Path
) -> None:
    seats = [pulse.seat("first"), pulse.seat("second")]
    ear = pulse.seat("ear")
    with seats[0].heard() as one, seats[1].heard() as other, ear.heard(channels=2) as overheard:
        desks = [Desk(house, typed, seat) for typed, seat in zip((PHONE, OTHER_PHONE), seats, strict=True)]
        calls = live(house, 2)
        listened = next(folder for folder in calls if caller_of(folder) == "13855812345")
        listener = start(house, LISTEN.rpartition(" ")[0] + f" {listened.name}", ear.environment)
        eventually(lambda: all(spans(file.read_bytes()) > 0.5 for file in (one, other)), 60, "the opening")
        eventually(lambda: spans(sides(overheard)[1]) > 0.2, 60, "the opening, overheard")
        saying = [seat.start_saying(sentence) for seat in seats]
        assert [player.wait(60) for player in saying] == [0, 0]
        for folder in calls:
            eventually(lambda folder=folder: heard(folder), 60, f"what was said in {folder.name}")
        for desk in desks:
            desk.type("#")
        for folder in calls:
            eventually(lambda folder=folder: pressed(folder) == "#", 60, f"the key in {folder.name}")
        shown = [desk.hang_up() for desk in desks]
        told_by_listener, _ = listener.communicate(timeout=60)
        assert listener.returncode == 0, told_by_listener
        left, right = sides(overheard)
    assert "通话结束 / the call is over" in told_by_listener
    # The caller spoke on the left for as long as his sentence is, the gateway on the right.
    with wave.open(str(sentence)) as said:
        length = said.getnframes() / said.getframerate()
    assert spans(left) == pytest.approx(length, abs=0.5 * length)  # a busy machine tears gaps
    assert spans(right) > 0.2
    assert trail(house) == [("(命令)", "旁听", listened.name)]
    for each in shown:
        assert "已接通 / answered" in each
        assert "按键 / key #" in each
        sip_call_id = re.search(r"SIP Call-ID (\S+)", each)
        assert sip_call_id, each
        ticket = house.whole_ticket(sip_call_id[1])
        assert "清河街道" in "".join(u["text"] for u in ticket["transcript"]["utterances"])
        assert ticket["recording"]["seconds"] > length
    assert "is over" in run(house, f"hotline listen {listened.name}", ear.environment, code=1)


def caller_of(folder: Path) -> str:
    return next(e.caller for e in told(folder) if isinstance(e, entries.Incoming))


def heard(folder: Path) -> bool:
    return any(isinstance(e, entries.Heard) and e.text for e in told(folder))


def pressed(folder: Path) -> str:
    return "".join(e.key for e in told(folder) if isinstance(e, entries.DigitEvent))


def sides(file: Path) -> tuple[bytes, bytes]:
    whole = file.read_bytes()
    both = np.frombuffer(whole[: len(whole) // 4 * 4], "<i2").reshape(-1, 2)
    return both[:, 0].tobytes(), both[:, 1].tobytes()


def trail(house: HouseUp) -> list[tuple[str, str, str]]:
    async def look() -> list[tuple[str, str, str]]:
        db = open_database(f"sqlite:///{house.data / 'hotline.db'}")
        try:
            async with db.read() as connection:
                rows = await connection.execute(audit.select().where(audit.c.action == "旁听"))
                return [(row.user_name, row.action, row.subject) for row in rows]
        finally:
            await db.close()

    return asyncio.run(look())


def test_prompts_are_recorded_and_played_by_both_backends(
    house: HouseUp, pulse: Pulse, tmp_path: Path
) -> None:
    names = {"sounddevice": "speak_up", "pyaudio": "not_heard"}
    seats = {backend: pulse.seat(backend) for backend in names}
    said = {}
    for backend, text in zip(names, ("对不起，请您大声一点，好吗", "对不起，我没听清"), strict=True):
        said[backend] = tmp_path / f"{backend}.wav"
        write_wav(said[backend], 20 * asyncio.run(speak(text, level=-32.0)))  # whenever the recording begins
    players = [seats[b].start_saying(said[b]) for b in names]
    typed = {b: f"{RECORD.replace('speak_up', name)} --backend {b}" for b, name in names.items()}
    recorders = {b: start(house, typed[b], seats[b].environment) for b in names}
    for recorder in recorders.values():
        assert recorder.stdout
        assert recorder.stdout.readline().startswith("请念 / read: 对不起")
    lengths = {}
    for backend, recorder in recorders.items():
        shown, _ = recorder.communicate(timeout=60)
        assert recorder.returncode == 0, shown
        told = re.search(rf"^{names[backend]}: ([\d.]+) s, (-[\d.]+) dBFS", shown, re.MULTILINE)
        assert told, shown
        assert -23.0 < float(told[2]) < -18.5  # the peaks of this voice may keep it lower
        lengths[backend] = float(told[1])
    for player in players:
        player.terminate()
        player.wait(60)
    with seats["sounddevice"].heard() as one, seats["pyaudio"].heard() as other:
        typed = {b: f"{PLAY.replace('speak_up', name)} --backend {b}" for b, name in names.items()}
        for player in [start(house, typed[b], seats[b].environment) for b in names]:
            shown, _ = player.communicate(timeout=60)
            assert player.returncode == 0, shown
        for backend, file in (("sounddevice", one), ("pyaudio", other)):
            eventually(
                lambda f=file, b=backend: abs(spans(f.read_bytes()) - lengths[b]) < 1.0, 30, "all of it"
            )
    texts = load(PromptTexts, embedded("prompts.yaml"))
    pieces = list_pieces(texts, Path(yaml.safe_load(house.config.read_text())["dialogue"]["replacements"]))
    assert {one.name for one in pieces.values() if one.state == "recorded"} == {"speak_up", "not_heard"}


def test_without_a_sound_card_there_is_one_sentence(house: HouseUp, tmp_path: Path) -> None:
    (tmp_path / "asound.conf").write_text(
        "pcm.!default { type hw card 99 }\nctl.!default { type hw card 99 }\n"
    )
    silent = {**os.environ, "ALSA_CONFIG_PATH": str(tmp_path / "asound.conf")}
    typed = [
        f"hotline {words} --backend {backend}"
        for words in ("phone", "prompts record speak_up --seconds 1")
        for backend in ("sounddevice", "pyaudio")
    ]
    for peer in [start(house, each, silent) for each in typed]:
        shown, _ = peer.communicate(timeout=60)
        assert peer.returncode == 1, shown
        (sentence,) = [line for line in shown.splitlines() if not line.startswith("请念 / read: ")]
        assert "打不开麦克风 / cannot open the microphone: " in sentence
