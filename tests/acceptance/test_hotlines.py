"""One line of each mode over real SIP: its opening heard, its preset in the ticket, the aid line's silence kept."""

from __future__ import annotations

import asyncio
import json
import wave
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from callfolder import told

from config.document import embedded
from gateway.prompts.book import PromptBook
from ivr.actions import Prompt
from recordings.entries import Matter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

RATE = 8000
PIECE, SLACK = RATE // 2, RATE * 60 // 1000
AGREED, KEPT_TO_ITSELF = "13900000356", "13900000357"
TELL = [
    {"wait": "prompt"},
    {"say": "颍州区清河街道小区夜间施工噪音扰民"},
    {"press": "#"},
    {"pause": 1.0},
    "hang_up",
]
CALLS: dict[str, dict[str, Any]] = {
    "总线": {"called": "12345", "steps": TELL},
    "整体并入": {"called": "055812331", "steps": TELL},
    "双号并行": {"called": "12345", "forwarded_from": "+8655812333", "steps": TELL},
    "设分中心": {"called": "12366", "steps": TELL},
    "unknown": {"called": "12399", "steps": TELL},
    "agreed": {"called": "12356", "caller": AGREED, "steps": [{"wait": "prompt"}, {"press": "1"}]},
    "hung up": {"called": "12356", "caller": KEPT_TO_ITSELF, "steps": [{"wait": "prompt"}, "hang_up"]},
}
UNRECORDED = ("agreed", "hung up")
OPENINGS = {
    "总线": Prompt("opening"),
    "整体并入": Prompt("opening_merged", {"hotline": "食品药品举报"}),
    "双号并行": Prompt("opening_parallel", {"hotline": "人力资源社会保障"}),
    "设分中心": Prompt("opening_sub_centre", {"hotline": "税务", "department": "税务局"}),
    "unknown": Prompt("opening"),
    "agreed": Prompt("aid"),
    "hung up": Prompt("aid"),
    "a line that nobody called": Prompt("opening_merged", {"hotline": "商务举报投诉"}),
}


class Round:
    """All these calls through one house, and what has come of them."""

    def __init__(self, house: Any) -> None:
        self.house = house
        self.folder = house.folder / "round"
        scripts = [{"name": name, "caller": "13855812345"} | script for name, script in CALLS.items()]
        results = house.results(house.start_calls(scripts, 0.2, record_to=self.folder))
        assert [r["failure"] for r in results if r["failure"]] == []
        self.sip_ids = {name: result["sip_call_id"] for name, result in zip(CALLS, results, strict=True)}
        book = PromptBook(embedded("prompts.yaml"), None, house.data / "prompts")
        rendered = {name: asyncio.run(book.render(prompt)) for name, prompt in OPENINGS.items()}
        self.words = {name: prompt.text for name, prompt in rendered.items()}
        self.sounds = {
            name: np.frombuffer(prompt.sound.pcm, "<i2").astype(float) for name, prompt in rendered.items()
        }

    def ticket(self, name: str) -> dict[str, Any]:
        (ticket,) = self.house.final_tickets(self.sip_ids[name])
        return ticket


def read_channel(file: Path, channel: int) -> NDArray[np.float64]:
    with wave.open(str(file)) as sound:
        assert sound.getframerate() == RATE
        samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2")
        return samples.reshape(-1, sound.getnchannels())[:, channel].astype(float)


def likeness(heard: NDArray[np.float64], prompt: NDArray[np.float64]) -> NDArray[np.float64]:
    """How surely each half second of the prompt was heard: its correlation, 0 to 1.

    It is looked for where the whole prompt fits best, give or take 60 ms.
    """
    size = 1 << int(np.ceil(np.log2(len(heard) + len(prompt))))
    fit = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(prompt, size)), size)
    begin = int(np.argmax(fit[: len(heard)]))
    found = []
    for at in range(0, len(prompt) - PIECE, PIECE):
        piece = prompt[at : at + PIECE]
        if np.abs(piece).max() < 1000:
            continue  # a pause
        around = heard[max(0, begin + at - SLACK) : begin + at + PIECE + SLACK]
        if len(around) < PIECE:
            return np.zeros(1)
        power = np.convolve(around**2, np.ones(PIECE), "valid")
        match = np.correlate(around, piece, "valid") / np.sqrt(np.maximum(power, 1) * (piece**2).sum())
        found.append(match.max())
    return np.array(found)


@pytest.fixture(scope="module")
def calls(make_house_once: Callable[..., Any]) -> Round:
    house = make_house_once()
    house.start()
    return Round(house)


@pytest.mark.parametrize("name", [name for name in CALLS if name not in UNRECORDED])
def test_the_opening_was_heard_by_the_recording(calls: Round, name: str) -> None:
    heard = read_channel(calls.house.data / calls.ticket(name)["recording"]["path"], 1)
    assert likeness(heard, calls.sounds[name]).min() > 0.9
    others = {words: calls.sounds[n] for n, words in calls.words.items() if words != calls.words[name]}
    assert len(others) == 5
    for words, sound in others.items():
        assert likeness(heard, sound).min() < 0.5, words


@pytest.mark.parametrize("name", UNRECORDED)
def test_the_aid_line_was_heard_by_its_caller(calls: Round, name: str) -> None:
    """The house has no recording; the caller's own has crossed the network, and may have lost or late packets."""
    heard = read_channel(calls.folder / f"caller{list(CALLS).index(name)}.wav", 1)
    assert np.median(likeness(heard, calls.sounds[name])) > 0.9
    for other in OPENINGS.keys() - set(UNRECORDED):
        assert np.median(likeness(heard, calls.sounds[other])) < 0.5


@pytest.mark.parametrize(
    ("name", "hotline", "line", "kind", "category"),
    [
        ("总线", "12345", ("总线", "request-uri", "12345"), "投诉", "环境保护"),
        ("整体并入", "12331", ("整体并入", "request-uri", "055812331"), "举报", "环境保护"),
        ("双号并行", "12333", ("双号并行", "diversion", "+8655812333"), "投诉", "环境保护"),
        ("设分中心", "12366", ("设分中心", "request-uri", "12366"), "投诉", "环境保护"),
        ("unknown", "12345", ("总线", None, ""), "投诉", "环境保护"),
    ],
)
def test_the_accepted_ticket_tells_the_line(
    calls: Round, name: str, hotline: str, line: tuple[str, ...], kind: str | None, category: str
) -> None:
    ticket = calls.house.whole_ticket(calls.sip_ids[name])
    assert ticket["hotline"] == hotline
    assert (ticket["line"]["mode"], ticket["line"]["found_by"], ticket["line"]["found_as"]) == line
    assert ticket["line"]["opening"] == calls.words[name]
    assert ticket["call"]["called"] == CALLS[name]["called"]
    assert (ticket["appeal"]["type"], ticket["appeal"]["category_1"]) == (kind, category)
    assert "清河街道" in ticket["place"]["township"]


def test_a_sub_centre_has_to_call_back(calls: Round) -> None:
    assert "税务局会给您回电话" in calls.words["设分中心"]
    assert calls.ticket("设分中心")["caller"]["call_back"] == "12366税务热线未能转接,须由税务局回电"
    assert calls.ticket("整体并入")["caller"]["call_back"] == ""


def test_an_unknown_number_is_warned_of(calls: Round) -> None:
    assert "所拨号码“12399”不是登记的热线,按12345受理" in calls.ticket("unknown")["notes"]
    warnings = [line for line in calls.house.log().splitlines() if "an unknown line was called" in line]
    assert len(warnings) == 1
    assert "12399" in warnings[0]


def test_who_agreed_on_the_aid_line_is_called_back_without_a_number_leaving(calls: Round) -> None:
    ticket = calls.ticket("agreed")
    assert (ticket["hotline"], ticket["line"]["mode"], ticket["appeal"]["urgency"]) == (
        "12356",
        "转接",
        "特急",
    )
    assert ticket["caller"]["call_back"] == "心理援助热线来电，来电人同意回电"
    assert (ticket["recording"], ticket["transcript"]["utterances"]) == (None, [])
    held = calls.house.tickets(sip_call_id=calls.sip_ids["agreed"])
    assert AGREED not in json.dumps(held), "not in any revision"
    assert not any(
        "12345" in word or "幺二三四五" in word for word in (calls.words["agreed"], ticket["notes"][0])
    )
    folder = calls.house.data / "calls"
    (journal,) = [j for j in folder.rglob("events.jsonl") if ticket["call"]["call_id"] in str(j)]
    agreed = [e for e in told(journal.parent) if isinstance(e, Matter) and e.contact == AGREED]
    assert agreed, "this house knows whom to call"
    assert agreed[0].contact_confirmed
    assert [f.name for f in journal.parent.iterdir() if f.suffix == ".wav"] == []


def test_of_who_did_not_nothing_is_kept(calls: Round) -> None:
    assert calls.house.tickets(sip_call_id=calls.sip_ids["hung up"]) == []
    files = [file for file in calls.house.data.rglob("*") if file.is_file()]
    assert any(calls.sip_ids["hung up"].encode() in f.read_bytes() for f in files), "the call has its record"
    telling = [str(f) for f in files if KEPT_TO_ITSELF.encode() in f.read_bytes()]
    assert telling == []
    assert KEPT_TO_ITSELF not in calls.house.log()
