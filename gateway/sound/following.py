"""A call that goes on, heard by the recording that grows: the caller on the left, what he hears on the right."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import numpy as np

from config.fault import Fault
from gateway.sound.buffer import Buffer
from gateway.sound.playing import check, drain
from recordings import entries, folders, journal, wav

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.sound.card import Card

_TICK: Final = 0.05
_LOOK: Final = 10  # ticks between two looks whether the call still goes on
_FRAME: Final = wav.CHANNELS * 2
_AHEAD_SECONDS: Final = 0.3  # recordings are written ten times a second
_ROOM_SECONDS: Final = 2.0
_BLOCK: Final = wav.RATE


class ListenError(Fault):
    """A call cannot be listened to; the message says why."""


def find_live(data: Path, call_id: str) -> Path:
    """The folder of a call that goes on, on this machine, and may be listened to. Raises ListenError."""
    folder = folders.locate(data, call_id) if folders.is_call_id(call_id) else None
    if folder is None:
        raise ListenError(
            f"本机没有这通电话 / no such call on this machine: {call_id}; `hotline calls list` 可查 / lists them"
        )
    if not _goes_on(folder):
        raise ListenError(
            f"这通电话已经结束 / the call is over: {call_id}; 录音在页面上听 / its recording is on the page"
        )
    told = [one.entry for one in journal.read(folder).entries]
    invited = next((entry for entry in told if isinstance(entry, entries.Incoming)), None)
    if invited is None or invited.line is None or invited.line.anonymous:
        raise ListenError(
            f"匿名热线的来电不能旁听 / a call of an anonymous line is not listened to: {call_id}"
        )
    return folder


def _goes_on(folder: Path) -> bool:
    return journal.is_live(folder) and not any(
        isinstance(one.entry, entries.HungUp) for one in journal.read(folder).entries
    )


async def follow(card: Card, data: Path, call_id: str, *, mixed: bool) -> float:
    """Play the call from now on until it ends; how many seconds were heard. ``mixed``: both sides on both ears.

    Raises SoundCardError, and OSError when the recording cannot be read.
    """
    channels = 1 if mixed else wav.CHANNELS
    second = wav.RATE * channels * 2
    buffer = Buffer(ahead=int(_AHEAD_SECONDS * second), room=int(_ROOM_SECONDS * second), unit=channels * 2)
    position = first = _count(data, call_id)
    stream = card.play(wav.RATE, channels, buffer.give)
    try:
        tick, goes_on = 0, True
        while goes_on:
            tick += 1
            if tick % _LOOK == 0:  # looked at before the last of it is taken
                folder = folders.locate(data, call_id)
                goes_on = folder is not None and _goes_on(folder)
            check(stream)
            position = _take(data, call_id, position, buffer, mixed=mixed)
            await asyncio.sleep(_TICK)
        await drain(buffer, stream)
    finally:
        stream.close()
    return (position - first) / wav.RATE


def _count(data: Path, call_id: str) -> int:
    """How many frames there are by now."""
    folder = folders.locate(data, call_id)
    return round(wav.duration(folder / folders.AUDIO) * wav.RATE) if folder is not None else 0


def _take(data: Path, call_id: str, position: int, buffer: Buffer, *, mixed: bool) -> int:
    """Put what is new into the buffer; up to where it has been taken."""
    folder = folders.locate(data, call_id)  # it moves once the call is filed
    if folder is None or _count(data, call_id) <= position:
        return position
    for block in wav.read_blocks(folder / folders.AUDIO, position, _BLOCK):
        position += len(block) // _FRAME
        buffer.put(_mix(block) if mixed else block)
    return position


def _mix(block: bytes) -> bytes:
    sides = np.frombuffer(block, "<i2").reshape(-1, wav.CHANNELS).astype(np.int32)
    mixed = np.clip(sides.sum(axis=1), -32768, 32767)
    return bytes(mixed.astype("<i2"))
