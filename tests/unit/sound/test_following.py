"""A recording that grows, heard as it grows, by a sound card of the tests' own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np
import pytest
from callfolder import CallFolder

from gateway.sound.following import ListenError, find_live, follow
from recordings import folders, wav

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ID = "20260701T083015-0a1b2c3d"


class Loudspeaker:
    """Takes all it can get, in its own time."""

    def __init__(self) -> None:
        self.heard = bytearray()
        self.began = asyncio.Event()
        self.flows = True

    def play(self, _rate: int, channels: int, give: Callable[[int], bytes]) -> Loudspeaker:
        self._playing = asyncio.create_task(self._take(channels, give))
        return self

    async def _take(self, channels: int, give: Callable[[int], bytes]) -> None:
        while self.flows:
            pcm = give(160 * channels * 2)
            if any(pcm):
                self.heard += pcm
                self.began.set()
            await asyncio.sleep(0)

    def close(self) -> None:
        self.flows = False


def sides(pcm: bytes) -> tuple[set[int], set[int]]:
    both = np.frombuffer(pcm, "<i2").reshape(-1, 2)
    return set(both[:, 0].tolist()), set(both[:, 1].tolist())


def grow(folder: Path, left: int, right: int, seconds: float) -> None:
    with (folder / folders.AUDIO).open("ab") as file:
        file.write(np.tile(np.array([left, right], "<i2"), round(seconds * wav.RATE)).tobytes())


@pytest.mark.parametrize(("mixed", "wanted"), [(False, ({1000}, {-300})), (True, {700})])
async def test_what_comes_from_now_on_is_heard_until_the_call_ends(tmp_path: Path, mixed, wanted):
    call = CallFolder(tmp_path, ID).begin().record(b"\x01\x02" * 8000)  # before anybody listened
    assert find_live(tmp_path, ID) == call.folder
    card = Loudspeaker()
    listening = asyncio.create_task(follow(card, tmp_path, ID, mixed=mixed))
    await asyncio.sleep(0)
    grow(call.folder, 1000, -300, 1.0)
    await card.began.wait()
    call.hang_up()
    folders.archive(call.folder, tmp_path)  # as it moves when it is filed
    assert await listening == pytest.approx(1.0)
    pcm = bytes(card.heard)
    assert len(pcm) == 8000 * (2 if mixed else 4)
    assert (set(np.frombuffer(pcm, "<i2").tolist()) if mixed else sides(pcm)) == wanted


async def test_a_loudspeaker_that_stops_is_told(tmp_path: Path):
    CallFolder(tmp_path, ID).begin()
    card = Loudspeaker()
    listening = asyncio.create_task(follow(card, tmp_path, ID, mixed=False))
    await asyncio.sleep(0)
    card.flows = False
    with pytest.raises(Exception, match="the sound card has stopped"):
        await listening


def test_calls_that_cannot_be_listened_to(tmp_path: Path):
    for name in (ID, "../../etc"):
        with pytest.raises(ListenError, match="no such call on this machine"):
            find_live(tmp_path, name)
    aid = CallFolder(tmp_path, ID).begin(hotline="12356", anonymous=True)
    with pytest.raises(ListenError, match="of an anonymous line is not listened to"):
        find_live(tmp_path, ID)
    aid.hang_up()
    over = CallFolder(tmp_path, f"{ID[:-1]}e").begin()
    over.hang_up()
    with pytest.raises(ListenError, match="the call is over"):
        find_live(tmp_path, over.call_id)
    died = CallFolder(tmp_path, f"{ID[:-1]}f").begin()
    died.journal.close()  # as if its gateway had died
    with pytest.raises(ListenError, match="the call is over"):
        find_live(tmp_path, died.call_id)
