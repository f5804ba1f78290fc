"""Scenes of PromptPort, run as those of scenes.py are: `python prompt_scenes.py SCENE FOLDER` prints JSON lines.

What a port gives is heard by a PcmPort whose ring holds all of it, sample by sample.
"""

# pjsua2's functions take flags by position.
# ruff: noqa: FBT003

from __future__ import annotations

import gc
import sys
import time
from array import array
from pathlib import Path
from typing import TYPE_CHECKING

import pjsua2 as pj
import sound
from scenes import TICK_MS, TICK_SAMPLES, open_pcm, settle, start_endpoint, tell, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

LEVEL = 8000


def count_up(samples: int, first: int = 1) -> array[int]:
    """Every sample tells where it comes from."""
    return array("h", range(first, first + samples))


def make_sound(samples: array[int]) -> pj.PromptSound:
    return pj.PromptSound(samples.tobytes())


def open_prompt(sink: pj.AudioMedia | None) -> pj.PromptPort:
    port = pj.PromptPort()
    connect(port, sink)
    return port


def connect(port: pj.PromptPort, sink: pj.AudioMedia | None) -> None:
    """Paused, so that nothing goes by before there is somebody to hear it."""
    port.pause()
    port.createPort("prompt", sound.RATE, TICK_MS)
    if sink is not None:
        port.startTransmit(sink)
    port.resume()


def wait_ticks(pcm: pj.PcmPort, ticks: int) -> None:
    until = pcm.rxFrames() + ticks
    wait_until(lambda: pcm.rxFrames() >= until)


def finish(port: pj.PromptPort, number: int) -> None:
    wait_until(lambda: port.finished() == number)


def heard(pcm: pj.PcmPort, path: Path) -> None:
    """Write down everything the port has given; a file, because it is much for a line."""
    wait_ticks(pcm, 3)
    path.write_bytes(pcm.rxRead(1 << 24))
    tell(lost=pcm.rxDropped())


def whole(folder: Path) -> None:
    """Ordered before there is a port, it begins with the port's first tick; once more, it is the same."""
    endpoint = start_endpoint()
    prompt, pcm = make_sound(count_up(8020)), open_pcm(10_000)
    port = pj.PromptPort()
    number = port.play(prompt)
    wait_ticks(pcm, 5)
    tell(waiting=port.position(), number=number)
    connect(port, pcm)
    finish(port, number)
    tell(end=pcm.rxFramesAt(port.finishedAt()), position=port.position(), samples=prompt.samples())
    again = port.play(prompt)
    finish(port, again)
    tell(again=again)
    heard(pcm, folder / "heard.raw")
    endpoint.libDestroy()


def pauses(folder: Path) -> None:
    endpoint = start_endpoint()
    pcm = open_pcm(10_000)
    port = open_prompt(pcm)
    number = port.play(make_sound(count_up(16_000)))
    wait_until(lambda: port.position() > 4000)
    port.pause()
    at_once = port.position()
    wait_ticks(pcm, 3)
    stood = port.position()
    wait_ticks(pcm, 20)
    tell(at_once=at_once, stood=stood, later=port.position(), finished=port.finished())
    port.resume()
    finish(port, number)
    port.pause()
    last = port.play(make_sound(count_up(400)))
    wait_ticks(pcm, 10)
    tell(held=port.position(), finished_held=port.finished() == last)
    port.resume()
    finish(port, last)
    heard(pcm, folder / "heard.raw")
    endpoint.libDestroy()


def loops(folder: Path) -> None:
    endpoint = start_endpoint()
    pcm = open_pcm(10_000)
    port = open_prompt(pcm)
    port.play(make_sound(count_up(1003, first=1000)), True)
    wait_ticks(pcm, 60)
    port.stop()
    wait_ticks(pcm, 3)
    stood = port.position()
    wait_ticks(pcm, 3)
    tell(finished=port.finished(), stood=stood, later=port.position())
    heard(pcm, folder / "heard.raw")
    endpoint.libDestroy()


def replaces(folder: Path) -> None:
    endpoint = start_endpoint()
    pcm = open_pcm(10_000)
    port = open_prompt(pcm)
    port.play(make_sound(count_up(16_000)))
    wait_until(lambda: port.position() > 3000)
    second = port.play(make_sound(count_up(2000, first=20_000)))
    finish(port, second)
    tell(second=second)
    heard(pcm, folder / "heard.raw")
    endpoint.libDestroy()


def smooth(folder: Path) -> None:
    """Everything that may click, at full level, over and over."""
    endpoint = start_endpoint()
    pcm = open_pcm(20_000)
    port = open_prompt(pcm)
    loud, short = make_sound(array("h", [LEVEL]) * 3000), make_sound(array("h", [LEVEL]) * 30)
    for number in range(40):
        port.play(loud, number % 3 == 0)
        time.sleep(0.013 * (number % 5))
        port.play(short)
        time.sleep(0.007 * (number % 4))
        port.play(loud)
        time.sleep(0.03 + 0.011 * (number % 7))
        port.pause()
        time.sleep(0.009 * (number % 6))
        port.resume()
        time.sleep(0.008 * (number % 5))
        port.stop()
    heard(pcm, folder / "heard.raw")
    endpoint.libDestroy()


def unheard(folder: Path) -> None:
    """Nobody listens at first, nor for a while in the middle."""
    endpoint = start_endpoint()
    pcm = open_pcm(10_000)
    port = open_prompt(None)
    number = port.play(make_sound(count_up(16_000)))
    wait_until(lambda: port.position() > 2000)
    port.startTransmit(pcm)
    wait_until(lambda: port.position() > 6000)
    port.stopTransmit(pcm)
    wait_until(lambda: port.position() > 10_000)
    port.startTransmit(pcm)
    finish(port, number)
    heard(pcm, folder / "heard.raw")
    endpoint.libDestroy()


def shares(_folder: Path) -> None:
    """One sound in many ports: in one copy, freed when the last is done with it."""
    endpoint = start_endpoint()
    pcm = open_pcm(1000)
    prompt = make_sound(count_up(8000))
    ports = [open_prompt(pcm) for _ in range(40)]
    numbers = [port.play(prompt) for port in ports]
    wait_ticks(pcm, 10)
    tell(playing=prompt.users() - 1)
    for port in ports[:10]:
        port.stop()
    wait_ticks(pcm, 3)
    for port in ports[:10]:
        port.finished()
    tell(stopped=prompt.users() - 1)
    for port, number in zip(ports[20:], numbers[20:], strict=True):
        finish(port, number)
    del ports[:20]  # ten of them are done, and have not been asked
    settle()
    tell(left=prompt.users() - 1)
    for port in ports:
        port.play(prompt)
        port.stop()  # perhaps before any tick has seen it
    wait_ticks(pcm, 3)
    for port in ports:
        port.finished()
    tell(taken_back=prompt.users() - 1)
    endpoint.libDestroy()


def leaves(folder: Path) -> None:
    """Nobody but the port holds the sound, and then nobody the port."""
    endpoint = start_endpoint()
    pcm = open_pcm(10_000)
    port = open_prompt(pcm)
    number = port.play(make_sound(count_up(4000)))
    gc.collect()
    finish(port, number)
    heard(pcm, folder / "heard.raw")
    prompt = make_sound(count_up(8000))
    port.play(prompt)
    wait_ticks(pcm, 5)
    port.close()
    port.close()
    del port
    settle()
    tell(gone=prompt.users() - 1)
    outlives = open_prompt(pcm)
    outlives.play(prompt, True)
    wait_ticks(pcm, 5)
    endpoint.libDestroy()
    outlives.play(prompt)
    outlives.close()
    del outlives
    tell(outlived=prompt.users() - 1)


def ends(folder: Path) -> None:
    """Ports let go of around the end of what they play, closed or just dropped."""
    del folder
    endpoint = start_endpoint()
    prompt, pcm = make_sound(count_up(3 * TICK_SAMPLES)), open_pcm(100)
    for number in range(60):
        ports = [open_prompt(pcm) for _ in range(20)]
        for port in ports:
            port.play(prompt)
        time.sleep(0.03 + number % 50 / 1000)
        if number % 2:
            for port in ports:
                port.close()
        del ports, port
    settle()
    tell(users=prompt.users() - 1, ports=endpoint.mediaActivePorts())
    endpoint.libDestroy()


def burst(_folder: Path) -> None:
    """Many prompts that end in one tick: each must tell."""
    endpoint = start_endpoint()
    prompt, pcm = make_sound(count_up(50 * TICK_SAMPLES)), open_pcm(100)
    ports = [open_prompt(pcm) for _ in range(200)]
    numbers = [port.play(prompt) for port in ports]
    wait_ticks(pcm, 60)
    ended = [port.finished() == number for port, number in zip(ports, numbers, strict=True)]
    tell(started=len(ports), ended=sum(ended))
    endpoint.libDestroy()


def refuses(_folder: Path) -> None:
    def message_of(action: Callable[[], object]) -> str:
        try:
            action()
        except pj.Error as error:
            return str(error)
        return "no error"

    tell(
        empty=message_of(lambda: pj.PromptSound(b"")),
        half=message_of(lambda: pj.PromptSound(b"abc")),
        before=message_of(lambda: open_prompt(None)),
    )
    endpoint = start_endpoint()
    port = open_prompt(None)
    tell(twice=message_of(lambda: port.createPort("prompt", sound.RATE, TICK_MS)))
    endpoint.libDestroy()


def main() -> None:
    scene, folder = sys.argv[1], Path(sys.argv[2])
    scenes: dict[str, Callable[[Path], None]] = {
        play_it.__name__: play_it
        for play_it in (
            whole,
            pauses,
            loops,
            replaces,
            smooth,
            unheard,
            shares,
            leaves,
            ends,
            burst,
            refuses,
        )
    }
    scenes[scene](folder)


if __name__ == "__main__":
    main()
