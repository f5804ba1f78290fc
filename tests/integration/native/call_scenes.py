"""Scenes of calls and of how they end: `python call_scenes.py SCENE FOLDER`, told like those of scenes.py."""

# The callbacks' names and arguments are pjsua2's, its functions take flags by position, and a scene reports on stdout.
# ruff: noqa: N802, FBT003

from __future__ import annotations

import ctypes
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pjsua2 as pj
from scenes import LoopAccount, LoopCall, open_tap, start_endpoint, tell, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

_CALLS = 6


class Desk(LoopAccount):
    """Answers every call, records it where it is told to, and keeps all."""

    def __init__(self, endpoint: pj.Endpoint, record: Path | None = None) -> None:
        super().__init__()
        transport = pj.TransportConfig()
        transport.boundAddress = "127.0.0.1"
        number = endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
        port = endpoint.transportGetInfo(number).localName.rpartition(":")[2]
        endpoint.libStart()
        config = pj.AccountConfig()
        config.idUri = self.uri = f"sip:12345@127.0.0.1:{port}"
        config.mediaConfig.transportConfig.boundAddress = "127.0.0.1"
        self.create(config)
        self.record = record
        self.taken: list[DeskCall] = []

    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:
        call = DeskCall(self, prm.callId)
        call.record = self.record
        self.taken.append(call)
        reply = pj.CallOpParam()
        reply.statusCode = 200
        call.answer(reply)


class DeskCall(LoopCall):
    """An answered call with its recording."""

    record: Path | None = None
    tap: pj.DuplexTap | None = None

    def onCallMediaState(self, prm: pj.OnCallMediaStateParam) -> None:
        super().onCallMediaState(prm)
        if self.record is not None and self.tap is None:
            self.tap = open_tap(self.record)
            self.tap.closeWith(self)
            assert self.media is not None
            self.media.startTransmit(self.tap.left())


def connect(desk: Desk) -> tuple[LoopCall, LoopCall]:
    """Both ends of a new call."""
    calling = LoopCall(desk)
    calling.makeCall(desk.uri, pj.CallOpParam(True))
    wait_until(lambda: calling.media is not None)
    wait_until(lambda: bool(desk.taken) and desk.taken[-1].media is not None)
    return calling, desk.taken.pop()


def hang_up(*calls: tuple[LoopCall, LoopCall]) -> None:
    for calling, _ in calls:
        calling.hangup(pj.CallOpParam(True))
    wait_until(lambda: all(end.over for call in calls for end in call))
    wait_until(lambda: pj.liveObjects().stackCalls == 0)


def destroy(call: pj.Call) -> None:
    pj.Call.__swig_destroy__(call)  # type: ignore[attr-defined]
    del call.this  # type: ignore[attr-defined]


def elsewhere(work: Callable[[], None]) -> None:
    """On a thread that the stack does not know."""
    thread = threading.Thread(target=work)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()


def outlived(_folder: Path) -> None:
    """Calls that are over are destroyed late, on any thread, while others talk in their slots."""
    endpoint = start_endpoint(2 * _CALLS)
    desk = Desk(endpoint)
    pj.watchCalls()
    over = [connect(desk) for _ in range(_CALLS)]
    before = {end.getId() for call in over for end in call}
    hang_up(*over)
    talking = [connect(desk) for _ in range(_CALLS)]
    ends = [end for call in talking for end in call]
    slots = {end.getId() for end in ends}
    for calling, answered in over:
        destroy(calling)
        elsewhere(lambda answered=answered: destroy(answered))  # type: ignore[misc]
    time.sleep(0.5)
    tell(
        reused=len(before & slots),
        talking=sum(end.isActive() and end.holdsSlot() and not end.over for end in ends),
        strays=pj.liveObjects().strays,
    )

    # A live call may die the wrong way, too: its own line is lost, and nobody else's.
    lost, kept = talking[0], talking[1:]
    elsewhere(lambda: destroy(lost[1]))
    destroy(lost[0])  # hangs up
    wait_until(lambda: pj.liveObjects().stackCalls == 2 * len(kept))
    again = connect(desk)  # no lock was left behind
    tell(kept=sum(end.isActive() for call in kept for end in call))
    hang_up(again, *kept)
    for call in (again, *kept):
        for end in call:
            destroy(end)
    alive = pj.liveObjects()
    tell(calls=alive.calls, stack_calls=alive.stackCalls)
    desk.shutdown()
    endpoint.libDestroy()


def unseen(folder: Path) -> None:
    """The caller hangs up while Python stands still: the recording ends all the same."""
    endpoint = start_endpoint()
    desk = Desk(endpoint, folder / "tap.wav")
    pj.watchCalls()
    calling, answered = connect(desk)
    assert isinstance(answered, DeskCall)
    tap = answered.tap
    assert tap is not None
    wait_until(lambda: tap.frames() >= 50)
    calling.hangup(pj.CallOpParam(True))
    at_hang_up = tap.frames()
    ctypes.PyDLL(None).usleep(1_500_000)  # with the interpreter's lock in hand
    tell(at_hang_up=at_hang_up, frames=tap.frames(), finished=tap.finished(), written=tap.written())
    wait_until(lambda: answered.over)
    second = open_tap(folder / "second.wav")
    second.closeWith(answered)  # it is over by now
    wait_until(second.finished)
    for end in (calling, answered):
        destroy(end)
    pj.DuplexTap.__swig_destroy__(second)  # type: ignore[attr-defined]
    del second.this  # type: ignore[attr-defined]
    desk.shutdown()
    endpoint.libDestroy()


def held_up(folder: Path) -> None:
    """One file hangs (the test's own pwrite() waits as long as `hold` is there); the others are finished."""
    endpoint = start_endpoint()
    stuck = [open_tap(folder / f"stuck-{number}.wav") for number in range(2)]
    wait_until(lambda: all(tap.written() > 0 for tap in stuck))
    (folder / "hold").touch()
    time.sleep(0.3)
    others = [open_tap(folder / f"free-{number}.wav") for number in range(20)]
    wait_until(lambda: all(tap.written() > 0 for tap in others))
    began = time.monotonic()
    for tap in (*stuck, *others):
        tap.close()
    closing = time.monotonic() - began
    wait_until(lambda: all(tap.finished() for tap in others))
    tell(
        closing=closing,
        finishing=time.monotonic() - began,
        stuck=[tap.finished() for tap in stuck],
        recordings=pj.liveObjects().recordings,
    )
    (folder / "hold").unlink()
    wait_until(lambda: all(tap.finished() for tap in stuck))
    tell(dropped=sum(tap.dropped() for tap in (*stuck, *others)), frames=[tap.frames() for tap in stuck])
    stuck.clear()
    others.clear()
    del tap
    endpoint.libDestroy()
    alive = pj.liveObjects()
    tell(taps=alive.taps, recordings=alive.recordings)


def main() -> None:
    scene, folder = sys.argv[1], Path(sys.argv[2])
    {"outlived": outlived, "unseen": unseen, "held_up": held_up}[scene](folder)


if __name__ == "__main__":
    main()
