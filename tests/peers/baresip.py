"""baresip as a caller: a softphone in a network namespace (it refuses loopback), driven through its control port."""

import asyncio
import audioop  # in Python until 3.12, which is as far as the project goes
import contextlib
import json
import wave
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from peers import tones
from peers.namespace import Namespace
from peers.timeline import Timeline

from gateway.prompts import sounds

_CONTROL_PORT = 4444
_CONFIG = """
module_path /usr/lib/baresip/modules
sip_listen {far}:5060
module g711.so
module aufile.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen {far}:{control}
audio_source aufile,{folder}/said.wav
audio_srate 8000-8000
audio_channels 1
"""
_MORE = """
module g722.so
module opus.so
module srtp.so
module sndfile.so
snd_path {folder}
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
"""


@dataclass
class _Control:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    events: list[dict[str, Any]] = field(default_factory=list)

    async def tell(self, command: str, params: str = "") -> None:
        """Give a command and wait until it is done."""
        message = json.dumps({"command": command, "params": params})
        self.writer.write(f"{len(message)}:{message},".encode())
        while not (answer := await self._receive()).get("response"):
            self.events.append(answer)
        assert answer["ok"], f"baresip refused {command} {params}: {answer}"

    async def hear_of(self, kind: str) -> dict[str, Any]:
        """Wait for an event."""
        while True:
            for event in self.events:
                if event["type"] == kind:
                    return event
                assert event["type"] != "CALL_CLOSED", f"the call ended before {kind}: {event}"
            self.events.append(await self._receive())

    async def _receive(self) -> dict[str, Any]:
        length = int((await self.reader.readuntil(b":"))[:-1])
        return json.loads((await self.reader.readexactly(length + 1))[:-1])


@dataclass(frozen=True)
class Phone:
    """What a softphone speaks: SIP over ``transport``, ``codec`` as baresip names it, SRTP as its ``mediaenc``.

    ``answers``: who calls it is answered at once.

    ``keys`` is a folder with ``ca.pem`` and its own ``peer.pem`` (certificate, then key), for TLS.
    """

    transport: str = "udp"
    codec: str = "PCMA/8000/1"
    mediaenc: str = ""
    keys: Path | None = None
    ipv6: bool = False
    answers: bool = False


@contextlib.asynccontextmanager
async def _softphone(
    space: Namespace, folder: Path, caller: str, phone: Phone | None = None
) -> AsyncIterator[_Control]:
    config = _CONFIG.format(far=space.far, control=_CONTROL_PORT, folder=folder)
    if phone is not None:
        config += _MORE.format(folder=folder)
    phone = phone or Phone()
    if phone.ipv6:
        config = config.replace(f"sip_listen {space.far}:5060", f"sip_listen [{space.far6}]:5060")
    if phone.keys is not None:
        config += f"sip_certificate {phone.keys}/peer.pem\nsip_cafile {phone.keys}/ca.pem\n"
    (folder / "config").write_text(config)
    host = f"[{space.far6}]" if phone.ipv6 else space.far
    account = f"<sip:{caller}@{host};transport={phone.transport}>;regint=0;audio_codecs={phone.codec}"
    account += f";mediaenc={phone.mediaenc}" if phone.mediaenc else ""
    account += ";answermode=auto" if phone.answers else ""
    (folder / "accounts").write_text(account + "\n")
    (folder / "contacts").touch()
    with (folder / "baresip.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *space.command(
                "baresip",
                "-f",
                str(folder),
                *(["-6"] if phone.ipv6 else []),
                *(["-s"] if phone.answers else []),
            ),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        reader, writer = await _connect(space.far, process)
        yield _Control(reader, writer)
        writer.close()
    finally:
        if process.returncode is None:
            process.terminate()  # it closes what it records
            try:
                await asyncio.wait_for(process.wait(), 5)
            except TimeoutError:
                process.kill()
                await process.wait()


async def _connect(
    host: str, process: asyncio.subprocess.Process
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    while process.returncode is None:
        with contextlib.suppress(ConnectionRefusedError):
            return await asyncio.open_connection(host, _CONTROL_PORT)
        await asyncio.sleep(0.05)
    raise AssertionError("baresip ended before it could be told anything: see its log")


async def call(
    space: Namespace, target: str, timeline: Timeline, folder: Path, *, caller: str, called: str = "12345"
) -> str:
    """Call ``target`` (host:port) from the namespace, follow the timeline, hang up; returns baresip's call id.

    ``folder`` gets ``said.wav`` and ``baresip.log``.
    """
    # At the end of its file baresip would end the call: the file outlasts the timeline.
    sounds.write_wav(folder / "said.wav", timeline.audio() + sounds.make_silence(10))
    async with _softphone(space, folder, caller) as phone:
        await phone.tell("dial", f"sip:{called}@{target}")
        event = await phone.hear_of("CALL_ESTABLISHED")
        loop = asyncio.get_running_loop()
        start = loop.time()
        for at, key in sorted(timeline.keys):
            await asyncio.sleep(start + at - loop.time())
            await phone.tell("sndcode", key)
        await asyncio.sleep(start + timeline.end - loop.time())
        await phone.tell("hangup")
        await phone.hear_of("CALL_CLOSED")
        return str(event["id"])


@contextlib.asynccontextmanager
async def talking(
    space: Namespace, uri: str, folder: Path, *, caller: str, phone: Phone, said: bytes
) -> AsyncIterator[None]:
    """A call to ``uri`` that says ``said`` (16-bit mono, 8 kHz) while the block runs; it is up when the block begins.

    After it `heard` tells what the softphone took in.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sounds.write_wav(folder / "said.wav", said)
    async with _softphone(space, folder, caller, phone) as control:
        await control.tell("dial", uri)
        await control.hear_of("CALL_ESTABLISHED")
        yield
        await control.tell("hangup")
        await control.hear_of("CALL_CLOSED")


@contextlib.asynccontextmanager
async def waiting(
    space: Namespace, folder: Path, *, user: str, phone: Phone, said: bytes
) -> AsyncIterator[str]:
    """A softphone that answers calls, and says ``said``, while the block runs: the SIP URI by which it is reached.

    After it `heard` tells what the softphone took in.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sounds.write_wav(folder / "said.wav", said)
    port = 5061 if phone.transport == "tls" else 5060
    async with _softphone(space, folder, user, replace(phone, answers=True)):
        yield f"sip:{user}@{space.far}:{port};transport={phone.transport}"


def heard(folder: Path) -> bytes:
    """What came to the softphone of `talking`, decoded: 16-bit mono at 8 kHz."""
    (file,) = folder.glob("dump-*-dec.wav")
    with wave.open(str(file)) as sound:
        pcm, channels, rate = sound.readframes(sound.getnframes()), sound.getnchannels(), sound.getframerate()
    if channels == 2:
        pcm = audioop.tomono(pcm, 2, 0.5, 0.5)
    return audioop.ratecv(pcm, 2, 1, rate, tones.RATE, None)[0]
