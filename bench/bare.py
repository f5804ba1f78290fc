"""pjsua2 and nothing else: what the gateway is compared with.

Every call is answered, hears a sound over and over, has its audio drained from a ring buffer every 50 ms and
both sides recorded into one file: the same ports as in the gateway, without dialogue, speech or tickets. With
``--target`` each call is passed on: the target is called, and caller and target hear each other instead of the sound.
Prints its address, and after SIGTERM how many samples its recordings lost.
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import signal
import time
import wave
from pathlib import Path

import pjsua2 as pj

_RATE, _FRAME_MS, _RING_MS = 8000, 20, 4000
_DRAIN_SECONDS = 0.05
_PORTS_PER_CALL = 6


class _Account(pj.Account):
    def __init__(self, prompt: Path, folder: Path, target: str) -> None:
        super().__init__()
        self._target = target
        with wave.open(str(prompt)) as source:
            self.prompt = pj.PromptSound(source.readframes(source.getnframes()))
        self.calls: list[_Call] = []
        self.files = (folder / f"{number}.wav" for number in itertools.count())

    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:  # noqa: N802 - pjsua2's name
        call = _Call(self, prm.callId)
        self.calls.append(call)
        answer = pj.CallOpParam(True)  # noqa: FBT003 - pjsua2: with the default call setting
        answer.statusCode = 200
        call.answer(answer)
        if self._target:
            call.target = _Target(self, call)
            call.target.makeCall(self._target, pj.CallOpParam(True))  # noqa: FBT003 - as above


class _Call(pj.Call):
    def __init__(self, account: _Account, number: int) -> None:
        super().__init__(account, number)
        self._account = account
        self._file = next(account.files)
        self.pcm: pj.PcmPort | None = None
        self.tap: pj.DuplexTap | None = None
        self._prompt = pj.PromptPort()
        self.target: _Target | None = None
        self.over = False

    def onCallMediaState(self, _prm: pj.OnCallMediaStateParam) -> None:  # noqa: N802
        if self.pcm is not None:
            return
        media = self.getAudioMedia(-1)
        pcm, tap, prompt = pj.PcmPort(), pj.DuplexTap(), self._prompt
        pcm.createPort("pcm", _RATE, _FRAME_MS, _RING_MS)
        tap.open(str(self._file), _RATE, _FRAME_MS)
        prompt.createPort("prompt", _RATE, _FRAME_MS)
        prompt.play(self._account.prompt, True)  # noqa: FBT003 - pjsua2: over and over
        media.startTransmit(pcm)
        media.startTransmit(tap.left())
        prompt.startTransmit(media)
        prompt.startTransmit(tap.right())
        self.pcm, self.tap = pcm, tap
        if self.target is not None and self.target.media is not None:
            self.bridge(self.target.media)

    def bridge(self, other: pj.AudioMedia) -> None:
        """SIP thread: the target has audio; nothing to do before this call has."""
        if self.tap is None:
            return
        media = self.getAudioMedia(-1)
        self._prompt.stop()
        media.startTransmit(other)
        other.startTransmit(media)
        other.startTransmit(self.tap.right())

    def onCallState(self, _prm: pj.OnCallStateParam) -> None:  # noqa: N802
        self.over = self.getInfo().state == pj.PJSIP_INV_STATE_DISCONNECTED
        if self.over and self.target is not None and not self.target.over:
            self.target.hangup(pj.CallOpParam())

    def drain(self) -> None:
        if self.pcm is not None:
            self.pcm.rxRead(self.pcm.rxAvailable())

    def close(self) -> int:
        """Close the media; returns how many samples the recording lost."""
        tap, pcm = self.tap, self.pcm
        self.pcm = self.tap = None
        self._prompt.close()
        if pcm is not None:
            pcm.close()
        if tap is None:
            return 0
        tap.close()
        return int(tap.dropped())


class _Target(pj.Call):
    """The call to whom a caller is passed on."""

    def __init__(self, account: _Account, caller: _Call) -> None:
        super().__init__(account)
        self._caller = caller
        self.media: pj.AudioMedia | None = None
        self.over = False

    def onCallMediaState(self, _prm: pj.OnCallMediaStateParam) -> None:  # noqa: N802
        if self.media is None and self.getInfo().state == pj.PJSIP_INV_STATE_CONFIRMED:
            self.media = self.getAudioMedia(-1)
            self._caller.bridge(self.media)

    def onCallState(self, _prm: pj.OnCallStateParam) -> None:  # noqa: N802
        state = self.getInfo().state
        self.over = state == pj.PJSIP_INV_STATE_DISCONNECTED
        if state == pj.PJSIP_INV_STATE_CONFIRMED:
            self.onCallMediaState(pj.OnCallMediaStateParam())


def _open_endpoint(calls: int) -> pj.Endpoint:
    config = pj.EpConfig()
    config.uaConfig.maxCalls = calls
    config.uaConfig.threadCnt = 1
    config.logConfig.level = config.logConfig.consoleLevel = 0  # stdout is for the results
    media = config.medConfig
    media.clockRate = media.sndClockRate = _RATE
    media.channelCount = 1
    media.audioFramePtime = _FRAME_MS
    media.maxMediaPorts = calls * _PORTS_PER_CALL + 16
    media.noVad = True
    media.ecTailLen = 0
    media.threadCnt = 1
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    endpoint.libInit(config)
    endpoint.audDevManager().setNullDev()
    return endpoint


def _listen(endpoint: pj.Endpoint) -> str:
    transport = pj.TransportConfig()
    transport.boundAddress = "127.0.0.1"
    number = endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
    endpoint.libStart()
    for codec in endpoint.codecEnum2():
        endpoint.codecSetPriority(codec.codecId, 255 if codec.codecId.startswith("PCMU/") else 0)
    return endpoint.transportGetInfo(number).localName


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.bare")
    parser.add_argument("--calls", type=int, required=True, help="at most so many at once")
    parser.add_argument("--prompt", type=Path, required=True, help="WAV, 8 kHz mono s16le")
    parser.add_argument("--folder", type=Path, required=True, help="where the recordings go")
    parser.add_argument("--target", default="", help="a SIP URI: pass each call on to it")
    return parser.parse_args()


def main() -> None:
    """Answer calls until SIGTERM."""
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: stopped.append(number))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(16384, hard), hard))
    arguments = _read_arguments()
    endpoint = _open_endpoint(arguments.calls * (2 if arguments.target else 1))
    address = _listen(endpoint)
    account = _Account(arguments.prompt, arguments.folder, arguments.target)
    config = pj.AccountConfig()
    config.idUri = f"sip:bare@{address}"
    config.mediaConfig.transportConfig.boundAddress = "127.0.0.1"
    config.mediaConfig.transportConfig.publicAddress = "127.0.0.1"
    config.mediaConfig.transportConfig.port = 0
    account.create(config)
    print(address, flush=True)
    lost = 0
    due = time.monotonic()
    while not stopped:
        for call in tuple(account.calls):
            call.drain()
            if call.over:
                lost += call.close()
                account.calls.remove(call)
        due = max(due + _DRAIN_SECONDS, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))
    endpoint.hangupAllCalls()
    lost += sum(call.close() for call in account.calls)
    account.calls.clear()
    account.shutdown()
    endpoint.libDestroy()
    print(json.dumps({"lost_samples": lost}), flush=True)


if __name__ == "__main__":
    main()
