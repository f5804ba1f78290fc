"""A child that says in time that it lives, and one that does not; the supervisor with both in its care."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.service import watchdog
from gateway.service.notify import serving
from gateway.service.watchdog import Watch, end_hung

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

SOON = 0.6  # seconds a child may be silent here


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    monkeypatch.setattr(watchdog, "PERIOD_SECONDS", SOON)
    monkeypatch.setattr(watchdog, "_LOOK_SECONDS", 0.05)
    made = Watch(tmp_path / "watch.sock")
    made.begin()
    yield made
    made.close()


def say(watch: Watch, *messages: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as child:
        child.connect(watch.environment["NOTIFY_SOCKET"])
        for message in messages:
            child.send(message.encode("latin-1"))


async def is_overdue(watch: Watch, seconds: float) -> bool:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(watch.overdue(os.getpid()), seconds)
        return True
    return False


async def test_a_child_may_take_its_time_to_start(watch: Watch) -> None:
    assert not await is_overdue(watch, 2 * SOON)


@pytest.mark.parametrize("said", ["READY=1", "WATCHDOG=1"])
async def test_a_child_that_serves_and_falls_silent_is_overdue(watch: Watch, said: str) -> None:
    say(watch, said)
    assert await is_overdue(watch, 3 * SOON)


async def test_a_child_that_goes_on_feeding_is_never_overdue(watch: Watch) -> None:
    say(watch, "READY=1")
    late = asyncio.create_task(watch.overdue(os.getpid()))
    for _ in range(10):
        await asyncio.sleep(SOON / 3)
        say(watch, "WATCHDOG=1")
    assert not late.done()
    late.cancel()


async def test_a_child_that_stops_has_the_time_it_asked_for_and_no_more(watch: Watch) -> None:
    say(watch, "READY=1", f"STOPPING=1\nEXTEND_TIMEOUT_USEC={round(3 * SOON * 1e6)}")
    assert not await is_overdue(watch, 2 * SOON)
    assert await is_overdue(watch, 3 * SOON)


async def test_a_successor_is_not_judged_by_what_its_predecessor_said(watch: Watch) -> None:
    say(watch, "READY=1", "WATCHDOG=1")
    watch.begin()
    assert not await is_overdue(watch, 2 * SOON)


@pytest.mark.parametrize(
    "garbage",
    ["", "\n\n", "READY", "EXTEND_TIMEOUT_USEC=soon", "EXTEND_TIMEOUT_USEC=-1", "=", "X" * 9000, "\xff\xfe"],
)
async def test_what_nobody_meant_is_no_sign_of_life(watch: Watch, garbage: str) -> None:
    say(watch, "READY=1", garbage)
    assert await is_overdue(watch, 3 * SOON)


async def test_time_in_which_the_watcher_itself_stood_still_counts_for_nobody(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(watch, "READY=1")
    late = asyncio.create_task(watch.overdue(os.getpid()))
    await asyncio.sleep(0.1)
    loop, real = asyncio.get_running_loop(), asyncio.get_running_loop().time
    monkeypatch.setattr(
        loop, "time", lambda: real() + 30
    )  # as after SIGSTOP and SIGCONT, or a machine's sleep
    await asyncio.sleep(0.2)
    assert not late.done()
    await asyncio.wait_for(late, 3 * SOON)


FEEDER = """
import os, socket, sys, time
os.sched_setaffinity(0, {int(sys.argv[2])})
os.nice(10)  # a tenth of what the hog gets
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
    manager.connect(sys.argv[1])
    manager.send(b"READY=1")
    while True:
        until = time.thread_time() + 0.4
        while time.thread_time() < until:
            pass
        manager.send(b"WATCHDOG=1")
"""
HOG = "import os, sys; os.sched_setaffinity(0, {int(sys.argv[1])})\nwhile True: pass"


async def test_who_waits_for_a_processor_is_not_blamed_and_who_stands_still_is(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "PERIOD_SECONDS", 2.0)
    processor = str(min(os.sched_getaffinity(0)))
    hog = await asyncio.create_subprocess_exec(sys.executable, "-c", HOG, processor)
    path = watch.environment["NOTIFY_SOCKET"]
    feeder = await asyncio.create_subprocess_exec(sys.executable, "-c", FEEDER, path, processor)
    late = asyncio.create_task(watch.overdue(feeder.pid))
    try:
        await asyncio.sleep(8)
        assert not late.done()
        feeder.send_signal(signal.SIGSTOP)
        if watch._allowed > 2.0:  # on a very busy machine it has not even begun to serve
            say(watch, "READY=1")
        await asyncio.wait_for(late, 10)
    finally:
        hog.kill()
        feeder.kill()
        await asyncio.gather(hog.wait(), feeder.wait())


async def test_a_manager_that_does_not_listen_never_stops_the_child(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in watch.environment.items():
        monkeypatch.setenv(name, value)
    queue = 1 + int(Path("/proc/sys/net/unix/max_dgram_qlen").read_text())
    told, full = 0, asyncio.Event()

    def beat() -> tuple[int, ...]:
        nonlocal told
        told += 1
        if told > 2 * queue:  # more than the socket holds; a blocking one would have stopped the loop
            full.set()
        return (told,)

    async with serving(beat) as stopping:
        await asyncio.wait_for(full.wait(), 30)
        stopping(3)


async def test_one_beat_that_stands_still_among_several_is_a_hang(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in watch.environment.items():
        monkeypatch.setenv(name, value)
    worker, clock = [0], [0]

    async def beat() -> None:
        while True:
            worker[0] += 1
            clock[0] += 0 if stuck else 1
            await asyncio.sleep(0.01)

    stuck = False
    beating = asyncio.create_task(beat())
    async with serving(lambda: (worker[0], clock[0])):
        late = asyncio.create_task(watch.overdue(os.getpid()))
        await asyncio.sleep(3 * SOON)
        assert not late.done()
        stuck = True
        await asyncio.wait_for(late, 4 * SOON)
    beating.cancel()


@pytest.mark.parametrize(
    ("deafness", "stopped", "end"),
    [
        ("", False, signal.SIGABRT),
        ("", True, signal.SIGABRT),
        ("signal.signal(signal.SIGABRT, signal.SIG_IGN);", True, signal.SIGKILL),
    ],
)
async def test_what_hangs_is_ended_with_its_stacks_or_without(
    deafness: str, stopped: bool, end: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "_ABORT_SECONDS", 1.0)
    code = f"import signal, time; {deafness} print('up', flush=True); time.sleep(600)"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        code,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONFAULTHANDLER": "1"},
    )
    assert process.stdout
    assert process.stderr
    assert await process.stdout.readline() == b"up\n"
    if stopped:
        process.send_signal(signal.SIGSTOP)
    await end_hung(process, "a child")
    assert process.returncode == -end
    assert ("most recent call first" in (await process.stderr.read()).decode()) is (end is signal.SIGABRT)


@pytest.fixture
async def collecting_on_the_loop() -> AsyncIterator[None]:
    """The loop takes exit statuses when it comes round to it, as from Python 3.12 on by itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        policy = asyncio.get_event_loop_policy()
        before, watcher = policy.get_child_watcher(), asyncio.PidfdChildWatcher()
        watcher.attach_loop(asyncio.get_running_loop())
        policy.set_child_watcher(watcher)
        yield
        policy.set_child_watcher(before)


@pytest.mark.usefixtures("collecting_on_the_loop")
async def test_who_is_signalled_when_he_has_just_ended_keeps_his_exit_status() -> None:
    process = await asyncio.create_subprocess_exec("sleep", "600")
    os.kill(process.pid, signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # noqa: ASYNC222 - the loop must not come round
    assert process.returncode is None
    await end_hung(process, "a child")
    assert process.returncode == -signal.SIGKILL
