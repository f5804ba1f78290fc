"""What may stop a prompt, on real calls; ``tests/integration/gateway/test_barge_in.py`` measures it in peace."""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import TYPE_CHECKING, Any

import pytest
from callfolder import told
from peers.speakerphone import Speakerphone, talk
from peers.trunk import Trunk
from waiting import eventually

from gateway.caller.cough import cough
from gateway.prompts.voice import speak
from recordings import entries

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SAID = (
    "我要投诉颍州区清河街道小区夜间施工噪音扰民",
    "我家停水三天了没人管",
    "转人工",
    "颍上县慎城镇房子漏雨",
)
STOPPED_SECONDS = 0.3
OPENING_SECONDS = 9.0  # the prompt's sound lasts about so long
ON_THE_WAY_SECONDS = 0.1  # between the caller and the gateway, to and fro, a jitter buffer among it
LEVELS = {
    -20: 19,
    -26: 19,
    -32: 17,
}  # dBFS of the caller; of 20 interruptions so many stop the prompt in time


@pytest.fixture(scope="module")
def house(make_house_once: Callable[..., Any]) -> Any:
    house = make_house_once()
    house.start()
    return house


def call(house: Any, sounds: Sequence[bytes], seconds: float) -> list[Speakerphone]:
    """Side by side, one caller for each sound, which he makes at some moment of the opening."""
    dice = random.Random(len(sounds))
    with contextlib.ExitStack() as lines:
        phones = []
        for sound in sounds:
            trunk = lines.enter_context(Trunk(house.sip_port))
            trunk.invite()
            phones.append(Speakerphone(trunk, sound, at=dice.uniform(1.5, OPENING_SECONDS - 2.5)))
        talk(phones, seconds)
    return phones


def journal(house: Any, phone: Speakerphone) -> list[entries.Entry]:
    def closed() -> list[entries.Entry] | None:
        for file in house.data.rglob("events.jsonl"):
            found = told(file.parent)
            mine = any(
                isinstance(e, entries.Incoming) and e.sip_call_id == phone.trunk.sip_call_id for e in found
            )
            if mine and any(isinstance(e, entries.Finished) for e in found):
                return found
        return None

    found: list[entries.Entry] = eventually(closed, 30, "the end of the call")
    return found


def keeps_its_prompt(house: Any, phone: Speakerphone) -> bool:
    """Whether the opening was played to its last sample, and nothing but it before that."""
    kinds = (entries.Played, entries.PromptEndedEvent)
    found = [e for e in journal(house, phone) if isinstance(e, kinds)]
    opening, ended = found[:2]
    assert isinstance(opening, entries.Played)
    return isinstance(ended, entries.PromptEndedEvent) and ended.id == opening.id


def is_paused(house: Any, phone: Speakerphone) -> bool:
    return any(isinstance(e, entries.SpeechStartedEvent) for e in journal(house, phone))


def stops(phone: Speakerphone) -> float:
    """How long after the caller's first sound nothing more was heard, while he spoke, in seconds."""
    began, seconds = phone.spoke_at, len(phone.sound) / 16000
    loud = [p.at - began for p in phone.trunk.rtp.since(began) if p.is_loud]
    return max((at for at in loud if at < seconds + STOPPED_SECONDS), default=0.0)


@pytest.mark.few
def test_who_speaks_stops_the_prompt_and_a_cough_or_its_echo_does_not(house: Any) -> None:
    said = asyncio.run(speak(SAID[0], level=-26))
    coughing, silent, speaking = call(house, [cough(1, -26), b"", said], OPENING_SECONDS + 8)
    assert is_paused(house, coughing)
    assert keeps_its_prompt(house, coughing)
    assert keeps_its_prompt(house, silent)
    assert not is_paused(house, silent)
    assert stops(speaking) <= STOPPED_SECONDS + ON_THE_WAY_SECONDS
    assert not keeps_its_prompt(house, speaking)


@pytest.mark.soak
@pytest.mark.parametrize("level", LEVELS)
def test_coughs_lose_no_prompt(house: Any, level: int) -> None:
    phones = call(house, [cough(seed, level) for seed in range(20)], OPENING_SECONDS + 8)
    assert [seed for seed, phone in enumerate(phones) if not keeps_its_prompt(house, phone)] == []


@pytest.mark.soak
@pytest.mark.parametrize("level", LEVELS)
def test_interruptions_stop_the_prompt(house: Any, level: int) -> None:
    sounds = [asyncio.run(speak(SAID[n % len(SAID)], level=level)) for n in range(20)]
    took = sorted(stops(phone) for phone in call(house, sounds, OPENING_SECONDS + 1))
    assert sum(seconds <= STOPPED_SECONDS + ON_THE_WAY_SECONDS for seconds in took) >= LEVELS[level], took


@pytest.mark.soak
def test_ten_minutes_of_echo_alone_pause_nothing(house: Any) -> None:
    phones = call(house, [b""] * 20, 60)
    assert [phone for phone in phones if is_paused(house, phone)] == []
