"""One process, one pjsua2 endpoint, one scene: `python scenes.py SCENE FOLDER` prints JSON lines.

The tests run each scene in a process of its own, because pjsua2 allows one endpoint a process and because a
crash must be an exit code, not the end of the test run.
"""

# The callbacks' names and arguments are pjsua2's, its functions take flags by position, and a scene reports on stdout.
# ruff: noqa: N802, ARG002, FBT003

from __future__ import annotations

import gc
import json
import sys
import time
from array import array
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pjsua2 as pj
import sound

if TYPE_CHECKING:
    from collections.abc import Callable

TICK_MS = 20
TICK_SAMPLES = sound.RATE * TICK_MS // 1000
CALLER_HZ, PROMPT_HZ = 440, 1000


def tell(**facts: Any) -> None:
    print(json.dumps(facts), flush=True)


def wait_until(reached: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.01)


def start_endpoint(max_calls: int = 4) -> pj.Endpoint:
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    config = pj.EpConfig()
    config.logConfig.level = config.logConfig.consoleLevel = 0
    config.uaConfig.maxCalls = max_calls
    config.medConfig.clockRate = config.medConfig.sndClockRate = sound.RATE
    config.medConfig.noVad = True
    endpoint.libInit(config)
    endpoint.audDevManager().setNullDev()
    return endpoint


def make_tone(hertz: int) -> pj.ToneGenerator:
    tone = pj.ToneDesc()
    tone.freq1, tone.freq2, tone.on_msec, tone.off_msec, tone.volume = hertz, 0, 1000, 0, 8000
    tones = pj.ToneDescVector()
    tones.append(tone)
    generator = pj.ToneGenerator()
    generator.createToneGenerator(sound.RATE, 1)
    generator.play(tones, True)
    return generator


def open_tap(path: Path) -> pj.DuplexTap:
    tap = pj.DuplexTap()
    tap.open(str(path), sound.RATE, TICK_MS)
    return tap


def open_pcm(ring_ms: int) -> pj.PcmPort:
    port = pj.PcmPort()
    port.createPort("pcm", sound.RATE, TICK_MS, ring_ms)
    return port


def close_tap(*taps: pj.DuplexTap) -> None:
    """Close them and wait for their files."""
    for tap in taps:
        tap.close()
    wait_until(lambda: all(tap.finished() for tap in taps))


def settle() -> None:
    """Longer than the tick that may still run after a port has left the bridge."""
    time.sleep(0.3)


def tap_facts(tap: pj.DuplexTap) -> dict[str, int]:
    return {
        "frames": tap.frames(),
        "written": tap.written(),
        "dropped": tap.dropped(),
        "errno": tap.lastErrno(),
    }


def silence(folder: Path) -> None:
    endpoint = start_endpoint()
    port, tap = open_pcm(10_000), open_tap(folder / "tap.wav")
    began = time.monotonic()
    drift = []
    while time.monotonic() < began + 3.5:
        time.sleep(0.05)
        if (age := time.monotonic() - began) >= 3:
            drift.append(abs(age - port.rxFrames() * TICK_MS / 1000))
    port.close()
    close_tap(tap)
    settle()
    heard = port.rxRead(1 << 20)
    tell(
        drift=min(drift),
        pcm_frames=port.rxFrames(),
        pcm_bytes=len(heard),
        silent=not any(heard),
        **tap_facts(tap),
    )
    endpoint.libDestroy()


def separation(folder: Path) -> None:
    endpoint = start_endpoint()
    tap = open_tap(folder / "tap.wav")
    caller, prompt = make_tone(CALLER_HZ), make_tone(PROMPT_HZ)
    wait_until(lambda: tap.frames() >= 25)
    caller.startTransmit(tap.left())
    prompt.startTransmit(tap.right())
    wait_until(lambda: tap.frames() >= 125)
    caller.stopTransmit(tap.left())
    wait_until(lambda: tap.frames() >= 175)
    close_tap(tap)
    tell(**tap_facts(tap))
    endpoint.libDestroy()


def feed(folder: Path) -> None:
    """A writer that is late, then in time, then far too fast: 60 ms are held, 300 at most."""
    endpoint = start_endpoint()
    port, pcm = pj.FeedPort(), open_pcm(60_000)
    port.write(b"\1\0")  # goes nowhere yet
    port.createPort("feed", sound.RATE, TICK_MS, 60)
    port.startTransmit(pcm)

    def write(first: int, count: int) -> None:
        port.write(array("h", range(first, first + count)).tobytes())

    def pass_on(ticks: int) -> None:
        until = pcm.rxFrames() + ticks
        wait_until(lambda: pcm.rxFrames() >= until)

    write(1, 400)
    pass_on(5)
    early = any(pcm.rxRead(1 << 20))
    write(401, 560)
    pass_on(10)
    write(10_001, 2000)
    write(12_001, 2000)
    pass_on(20)
    port.close()
    (folder / "heard.raw").write_bytes(pcm.rxRead(1 << 20))
    tell(early=early, dropped=port.txDropped(), alive=pj.liveObjects().feedPorts)
    pcm.close()
    endpoint.libDestroy()
    port.close()


def endless(folder: Path) -> None:
    """For a test that kills us: says how far the tap is."""
    endpoint = start_endpoint()
    tap = open_tap(folder / "tap.wav")
    caller = make_tone(CALLER_HZ)
    caller.startTransmit(tap.left())
    while endpoint:
        tell(frames=tap.frames())
        time.sleep(0.01)


def fill_disk(folder: Path) -> Path:
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as out:
        try:
            while True:
                out.write(bytes(4096))
        except OSError as error:
            tell(ballast_errno=error.errno)
    return ballast


def disk_full(folder: Path) -> None:
    """Full for a moment (nothing lost), full for longer than the memory lasts (some lost), full at the end."""
    endpoint = start_endpoint()
    caller = make_tone(CALLER_HZ)
    tap = open_tap(folder / "tap.wav")
    caller.startTransmit(tap.left())

    wait_until(lambda: tap.written() > 0)
    ballast = fill_disk(folder)
    wait_until(lambda: tap.lastErrno() != 0)
    time.sleep(1)
    stuck = tap_facts(tap)
    ballast.unlink()
    wait_until(lambda: tap.written() > stuck["written"] + sound.RATE)
    tell(stuck=stuck, recovered=tap_facts(tap))

    ballast = fill_disk(folder)
    wait_until(lambda: tap.dropped() > sound.RATE)
    lost = tap_facts(tap)
    ballast.unlink()
    wait_until(lambda: tap.written() > lost["frames"] * TICK_SAMPLES + sound.RATE)
    tell(lost=lost, resumed=tap_facts(tap))

    fill_disk(folder)
    time.sleep(1)
    before = time.monotonic()
    close_tap(tap)
    tell(closed=tap_facts(tap), seconds=time.monotonic() - before)
    endpoint.libDestroy()


def no_space(folder: Path) -> None:
    """Not even for the file, at first and then for good."""
    endpoint = start_endpoint()
    ballast = fill_disk(folder)
    tap = open_tap(folder / "tap.wav")
    caller = make_tone(CALLER_HZ)
    caller.startTransmit(tap.left())
    wait_until(lambda: tap.frames() > 50)
    tell(refused=tap_facts(tap), left_behind=(folder / "tap.wav").exists())
    ballast.unlink()
    wait_until(lambda: tap.written() > 50 * TICK_SAMPLES)
    close_tap(tap)
    tell(closed=tap_facts(tap))

    fill_disk(folder)
    second = open_tap(folder / "second.wav")
    wait_until(lambda: second.frames() > 50)
    close_tap(second)
    tell(second=tap_facts(second), second_left_behind=(folder / "second.wav").exists())
    endpoint.libDestroy()


def late_folder(folder: Path) -> None:
    """One that is made when the recording is over already; meanwhile another has come and gone."""
    endpoint = start_endpoint()
    tap = open_tap(folder / "late" / "tap.wav")
    caller = make_tone(CALLER_HZ)
    caller.startTransmit(tap.left())
    wait_until(lambda: tap.frames() > 100)
    tap.close()
    other = open_tap(folder / "tap.wav")
    wait_until(lambda: other.frames() > 10)
    close_tap(other)
    tell(waiting=tap_facts(tap), finished=tap.finished())
    (folder / "late").mkdir()
    close_tap(tap)
    tell(closed=tap_facts(tap))
    endpoint.libDestroy()


def shared_memory(folder: Path) -> None:
    """A disk that is full for longer than one tap's own memory lasts, with more to share."""
    endpoint = start_endpoint()
    pj.DuplexTap.share(16 * 1024 * 1024)
    tap = open_tap(folder / "tap.wav")
    caller = make_tone(CALLER_HZ)
    caller.startTransmit(tap.left())
    wait_until(lambda: tap.written() > 0)
    ballast = fill_disk(folder)
    wait_until(lambda: tap.frames() > tap.written() / TICK_SAMPLES + 550)  # eleven seconds
    full = tap_facts(tap)
    ballast.unlink()
    wait_until(lambda: tap.written() > full["frames"] * TICK_SAMPLES)
    close_tap(tap)
    tell(full=full, closed=tap_facts(tap))
    endpoint.libDestroy()


def refusals(folder: Path) -> None:
    def message_of(action: Callable[[], object]) -> str:
        try:
            action()
        except pj.Error as error:
            return str(error)
        return "no error"

    before = message_of(lambda: open_tap(folder / "early.wav"))
    endpoint = start_endpoint()
    tap, port = open_tap(folder / "tap.wav"), open_pcm(1000)
    wait_until(lambda: tap.written() > 0)
    again = open_tap(folder / "tap.wav")
    wait_until(lambda: again.lastErrno() != 0)
    close_tap(again)
    tell(
        exists=again.lastErrno(),
        before=before,
        twice=message_of(lambda: tap.open(str(folder / "other.wav"), sound.RATE, TICK_MS)),
        ptime=message_of(lambda: pj.DuplexTap().open(str(folder / "other.wav"), sound.RATE, 30)),
        rate=message_of(lambda: pj.PcmPort().createPort("pcm", 4_000_000_000, TICK_MS, 100)),
        ring=message_of(lambda: open_pcm(10)),
        port_twice=message_of(lambda: port.createPort("pcm", sound.RATE, TICK_MS, 1000)),
        files=sorted(path.name for path in folder.iterdir()),
    )
    endpoint.libDestroy()


def half_forgotten(path: Path) -> pj.AudioMedia:
    """One side of a tap that nobody else holds or closes."""
    tap = open_tap(path)
    wait_until(lambda: tap.frames() >= 10)
    return tap.left()


def endings(folder: Path) -> None:
    """Every order in which a program may let go of its ports."""
    endpoint = start_endpoint()
    for number in range(20):
        tap, port = open_tap(folder / f"early-{number}.wav"), open_pcm(100)
        tap.close()  # perhaps before the bridge's first tick
        tap.close()
        port.close()
        port.close()
    side = half_forgotten(folder / "unclosed.wav")
    make_tone(CALLER_HZ).startTransmit(side)  # the side keeps its tap open
    del side
    gc.collect()
    first, second, port = open_tap(folder / "first.wav"), open_tap(folder / "second.wav"), open_pcm(100)
    wait_until(lambda: second.frames() >= 10)
    endpoint.libDestroy()
    close_tap(first, first, second)
    port.close()
    tell(first=tap_facts(first), second=tap_facts(second), dropped_port=port.rxDropped())


def overflow(folder: Path) -> None:
    """A ramp, so that every sample tells where it comes from."""
    endpoint = start_endpoint()
    del folder
    port, prompt = open_pcm(200), pj.PromptPort()
    prompt.play(pj.PromptSound(array("h", range(1, 32_001)).tobytes()))
    prompt.createPort("prompt", sound.RATE, TICK_MS)
    prompt.startTransmit(port)
    wait_until(lambda: port.rxFrames() >= 100)
    port.close()
    settle()
    available, dropped = port.rxAvailable(), port.rxDropped()
    odd = port.rxRead(101)
    heard = array("h", odd + port.rxRead(1 << 20))
    tell(
        frames=port.rxFrames(),
        available=available,
        dropped=dropped,
        odd=len(odd),
        left=port.rxAvailable(),
        first=heard[0],
        last=heard[-1],
        contiguous=heard == array("h", range(heard[0], heard[0] + len(heard))),
    )
    prompt.close()
    endpoint.libDestroy()


class LoopCall(pj.Call):
    """Either end of a call to oneself; holds its media while the call has any."""

    def __init__(self, account: pj.Account, call_id: int = -1) -> None:
        super().__init__(account, call_id)
        self.media: pj.AudioMedia | None = None
        self.over = False

    def onCallMediaState(self, prm: pj.OnCallMediaStateParam) -> None:
        self.media = self.getAudioMedia(-1)

    def onCallState(self, prm: pj.OnCallStateParam) -> None:
        self.over = self.getInfo().state == pj.PJSIP_INV_STATE_DISCONNECTED


class LoopAccount(pj.Account):
    """Answers every call at once."""

    answered: LoopCall | None = None

    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:
        self.answered = LoopCall(self, prm.callId)
        reply = pj.CallOpParam()
        reply.statusCode = 200
        self.answered.answer(reply)


def call(folder: Path) -> None:
    """A call over loopback; the tap outlives it."""
    endpoint = start_endpoint()
    transport = pj.TransportConfig()
    transport.boundAddress = "127.0.0.1"
    number = endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
    port = endpoint.transportGetInfo(number).localName.rpartition(":")[2]
    endpoint.libStart()
    config = pj.AccountConfig()
    config.idUri = f"sip:12345@127.0.0.1:{port}"
    config.mediaConfig.transportConfig.boundAddress = "127.0.0.1"
    account = LoopAccount()
    account.create(config)
    talk(account, config.idUri, folder / "tap.wav")
    gc.collect()
    account.shutdown()
    endpoint.libDestroy()


def talk(account: LoopAccount, uri: str, path: Path) -> None:
    outgoing = LoopCall(account)
    outgoing.makeCall(uri, pj.CallOpParam(True))
    wait_until(lambda: outgoing.media is not None)
    wait_until(lambda: account.answered is not None and account.answered.media is not None)
    answered, account.answered = account.answered, None
    assert answered is not None
    assert answered.media is not None
    assert outgoing.media is not None

    tap = open_tap(path)
    caller, prompt = make_tone(CALLER_HZ), make_tone(PROMPT_HZ)
    caller.startTransmit(outgoing.media)
    answered.media.startTransmit(tap.left())
    prompt.startTransmit(answered.media)
    prompt.startTransmit(tap.right())
    wait_until(lambda: tap.frames() >= 150)
    outgoing.hangup(pj.CallOpParam(True))
    wait_until(lambda: answered.over and outgoing.over)
    gone = tap.frames()
    wait_until(lambda: tap.frames() >= gone + 25)
    close_tap(tap)
    tell(gone=gone, **tap_facts(tap))


def main() -> None:
    scene, folder = sys.argv[1], Path(sys.argv[2])
    scenes: dict[str, Callable[[Path], None]] = {
        play_it.__name__: play_it
        for play_it in (
            silence,
            late_folder,
            shared_memory,
            separation,
            feed,
            endless,
            disk_full,
            no_space,
            refusals,
            endings,
            overflow,
            call,
        )
    }
    scenes[scene](folder)


if __name__ == "__main__":
    main()
