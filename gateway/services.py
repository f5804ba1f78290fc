"""The processes of an installation: what each one opens, runs and closes."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import resource
import signal
from functools import partial
from typing import TYPE_CHECKING

from asr.catalogue import open_model
from asr.client import AsrClient
from asr.server import serve as serve_asr
from config.document import ConfigError, embedded, load
from config.prompts import PromptTexts
from gateway import live
from gateway.attendance import attend, wait_for_first
from gateway.call import House
from gateway.ears import DEMO_WARNING, EarWatch
from gateway.filer import Filer
from gateway.notify import serving
from gateway.observe import shown
from gateway.pj import UserAgent
from gateway.prompts import PromptBook
from gateway.pump import MediaPump
from gateway.reach import AWAY, reach, tell
from gateway.sweep import sweep
from gateway.switchboard import Switchboard
from gateway.windows import watch_asr, watch_gateway, watch_worker
from ivr.compile import compile_flow
from ivr.hotlines import read_hotlines
from recordings.database import open_database
from recordings.nodes import claim_nodes
from tickets.client import IntakeClient
from tickets.courier import SOCKET, Courier
from tickets.intake.server import serve as serve_intake
from tickets.late import LateTranscriber
from tickets.number import NumberBook

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from pathlib import Path

    from asr.server import SpeechServer
    from gateway.settings import DialogueSettings, Paths, Settings
    from ivr.flow import Flow
    from ivr.hotlines import Hotlines

log = logging.getLogger(__name__)

_DATABASE_SECONDS = 5.0
_CLOSE_SECONDS = 30.0  # for what follows a drain: calls cut short, the stack's end, the last filings
_FILES = 16384  # a call has two RTP sockets, a recording and a prompt open


class AlreadyRunningError(Exception):
    """Another process of the same kind works on the same data."""


@contextlib.contextmanager
def alone(data: Path, name: str) -> Iterator[None]:
    """Hold the lock ``data/NAME.lock``; raises AlreadyRunningError naming the holder's process number."""
    with (data / f"{name}.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise AlreadyRunningError(
                f"`hotline {name}` already works on {data} (process {file.read().strip() or 'unknown'}): "
                "stop it first, or give this one its own --data. 该数据目录已有实例在运行。"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def stop_signal() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def read_dialogue(dialogue: DialogueSettings) -> tuple[Flow, Hotlines]:
    """The flow, proved, and the hotlines; raises ConfigError."""
    texts = load(PromptTexts, dialogue.prompts or embedded("prompts.yaml"))
    flow = compile_flow(dialogue.flow or embedded("flows/default.yaml"), texts)
    return flow, read_hotlines(dialogue.hotlines or embedded("hotlines.yaml"), flow)


def open_prompts(dialogue: DialogueSettings, paths: Paths) -> PromptBook:
    """The prompts in use; raises PromptError or ConfigError."""
    return PromptBook(dialogue.prompts or embedded("prompts.yaml"), dialogue.replacements, paths.prompts)


def open_intake(settings: Settings) -> IntakeClient:
    """The client of the configured intake; raises ConfigError for a bad address or secret."""
    try:
        return IntakeClient(settings.intake.address, settings.intake.secret, settings.intake.timeout_seconds)
    except ValueError as error:
        raise ConfigError("settings", 0, f"intake: {error}", "correct intake.url or intake.secret") from None


async def _claim_if_there(claim: Callable[[], Awaitable[None]]) -> bool:
    """Claim, if the database is there; a database that is away is no reason not to start."""
    try:
        async with asyncio.timeout(_DATABASE_SECONDS):
            await claim()
    except AWAY as error:
        log.warning("database out of reach, going on without it: %s", tell(error))
        return False
    return True


async def run_gateway(settings: Settings, paths: Paths, door: Path) -> None:
    """Answer calls until SIGTERM, then drain. ``door`` is the socket of its events and its health."""
    stop = stop_signal()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(_FILES, hard), hard))
    with alone(paths.data, f"gateway-{settings.node}"):
        flow, hotlines = read_dialogue(settings.dialogue)
        prompts = open_prompts(settings.dialogue, paths)
        await prompts.prepare()
        db = open_database(paths.database_url(settings))
        claim = partial(claim_nodes, db, {settings.node}, paths.data)
        await _claim_if_there(claim)
        client = AsrClient(paths.asr_url(settings))
        numbers = NumberBook(paths.data / "numbers", settings.node)
        filer = Filer(db, numbers, paths, claim)
        board, pump, ears = live.Board(), MediaPump(), EarWatch(client)
        agent = UserAgent(
            host=settings.sip.host,
            port=settings.sip.port,
            tcp=settings.sip.tcp,
            media_host=settings.sip.media_host,
            rtp_first_port=settings.sip.rtp_first_port,
        )
        house = House(client, prompts, pump, board, numbers, filer.file)
        switchboard = Switchboard(
            settings,
            paths.data,
            house,
            flow,
            hotlines,
            lambda: ears.model,
            lambda f: filer.file(f, final=True),
        )
        agent.on_invite, agent.admit = switchboard.take, switchboard.admit
        await ears.look()
        for folder in await asyncio.to_thread(lambda: list(sweep(paths.data))):
            filer.file(folder, final=True)

        window, where = watch_gateway(paths.data, agent, switchboard, db, ears), settings.metrics
        background = [
            asyncio.create_task(pump.run(), name="the media pump"),
            asyncio.create_task(ears.run(), name="the ear watch"),
        ]
        try:
            agent.start(max_calls=min(1024, settings.sip.cap + 64))
            async with (
                shown(window, door, where.host, where.gateway_port, [live.route(board)]),
                serving(lambda: agent.beats) as stopping,
            ):
                log.info("ready", extra={"sip": agent.address, "cap": settings.sip.cap})
                await attend(stop, background)
                stopping(settings.sip.drain_seconds + _CLOSE_SECONDS)
                await switchboard.drain()
        finally:
            for task in background:
                task.cancel()
            await agent.stop()
            await filer.drain(5)
            await client.close()
            await db.close()


async def run_asr(settings: Settings, paths: Paths) -> None:
    """Serve speech recognition until SIGTERM."""
    stop = stop_signal()
    model = open_model(settings.asr.model)
    if model.fingerprint.demo:
        log.warning(DEMO_WARNING)
    where = settings.metrics

    @contextlib.asynccontextmanager
    async def watched(server: SpeechServer) -> AsyncIterator[None]:
        window = watch_asr(paths.data, server)
        async with shown(window, paths.asr_health_socket, where.host, where.asr_port), serving():
            yield

    await serve_asr(paths.asr_url(settings), model, settings.asr.threads, stop, watched)


async def _reach(attempt: Callable[[], Awaitable[None]], stop: asyncio.Event) -> bool:
    """Repeat ``attempt`` until the database is there; False when ``stop`` is set before."""
    reaching = asyncio.create_task(reach(attempt))
    await wait_for_first(stop, [reaching])
    if not reaching.done():
        reaching.cancel()
        await asyncio.wait([reaching])
        return False
    await reaching
    return True


async def run_worker(settings: Settings, paths: Paths) -> None:
    """Deliver tickets and transcribe what could not be heard live, until SIGTERM."""
    stop = stop_signal()
    with alone(paths.data, f"worker-{settings.node}"):
        db = open_database(paths.database_url(settings))
        claim = partial(claim_nodes, db, settings.nodes, paths.data)
        async with serving():  # also while the database is waited for
            if not (await _claim_if_there(claim) or await _reach(claim, stop)):
                return
            numbers = NumberBook(paths.data / "numbers", settings.node)
            client = AsrClient(paths.asr_url(settings))
            intake = open_intake(settings)
            courier = Courier(db, intake, paths.run / SOCKET)
            late = LateTranscriber(db, client, numbers, paths.data, settings.nodes)
            window, where = watch_worker(paths.data, db, courier), settings.metrics
            jobs = [
                asyncio.create_task(courier.run(stop), name="the courier"),
                asyncio.create_task(late.run(stop), name="late transcription"),
            ]
            try:
                async with shown(window, paths.worker_socket, where.host, where.worker_port):
                    log.info("ready", extra={"intake": settings.intake.address})
                    await attend(stop, jobs)
                    await asyncio.gather(*jobs)
            finally:
                for job in jobs:
                    job.cancel()
                await asyncio.wait(jobs)
                await intake.close()
                await client.close()
                await db.close()


async def run_intake(settings: Settings, paths: Paths, host: str, port: int) -> None:
    """Serve the reference intake until SIGTERM."""
    stop = stop_signal()
    async with (
        serve_intake(paths.data / "intake.db", settings.intake.secret, host, port) as address,
        serving(),
    ):
        log.info("ready", extra={"address": f"{address}/"})
        await stop.wait()
