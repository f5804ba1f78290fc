"""Answering calls as a process."""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from asr import calibration
from config.document import ConfigError
from gateway.calls import live
from gateway.calls.bounds import Bounds
from gateway.calls.ears import EarWatch
from gateway.calls.filer import Filer
from gateway.calls.followed import follow
from gateway.calls.house import House
from gateway.calls.outgoing import Outgoing
from gateway.calls.refusing import follow_nuisances, keep_refused, refuse_by
from gateway.calls.reserve import Reserve
from gateway.calls.sweep import take_up
from gateway.calls.switchboard import Switchboard
from gateway.calls.turned_away import TurnedAway
from gateway.service.attendance import attend
from gateway.service.dialogues import open_some_dialogue
from gateway.service.duty import follow_duty
from gateway.service.flows import read_nuisance_flow
from gateway.service.guarding import Teller, rules_of
from gateway.service.leaving import close_books
from gateway.service.limits import find_limits
from gateway.service.notify import serving
from gateway.service.observe import Readiness, Window, check_disk, shown
from gateway.service.placing import place_calls
from gateway.service.process.common import alone, open_many_files, stop_signal
from gateway.service.process.database import claim_if_there, look_at_database
from gateway.service.reload import Reload
from gateway.service.rules import choose_some_rules
from gateway.service.steering import duty_at, reload_at, reload_on_signal
from gateway.service.trunks import open_trunks, show_trunks
from gateway.sip.pj import UserAgent
from gateway.sip.pump import MediaPump
from gateway.site import metrics
from gateway.site.demo_model import DEMO_WARNING
from gateway.site.heap import keep, uncollected
from gateway.site.settings import DialogueSettings
from gateway.site.speech import speech_client
from recordings.database import open_database
from recordings.folders import spool
from recordings.journals import Journals
from recordings.nodes import claim_nodes
from tickets.inquiry import Inquiries
from tickets.number import NumberBook

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from gateway.calls.access import Nuisance
    from gateway.calls.dialogue import Dialogue
    from gateway.calls.followed import Followed
    from gateway.service.loop import LoopMeter
    from gateway.site.renewal import Source
    from gateway.site.settings import Paths, Settings
    from ivr.flow import Flow
    from recordings.database import Database

log = logging.getLogger(__name__)

_CLOSE_SECONDS = 30.0  # for what follows a drain: calls cut short, the stack's end, the last filings
_PROOF_SECONDS = 1.0  # in which a disk that works takes a write


async def run(source: Source, paths: Paths, door: Path, meter: LoopMeter) -> None:
    """Answer calls until SIGTERM, then drain; take the dialogue anew on SIGHUP or when asked to.

    ``source`` is where its settings stand, ``door`` the socket of its events and its health, ``meter`` measures the
    loop that this runs in.
    """
    stop, settings = stop_signal(), source.running
    open_many_files()
    with alone(paths.data, f"gateway-{settings.node}"):
        trunks = open_trunks(settings)
        with uncollected():
            dialogue = await open_some_dialogue(settings, paths)
            choose_some_rules(settings, warm=True)  # in no call's time, and while there is a file to be had
        db = open_database(paths.database_url(settings))
        claim = partial(claim_nodes, db, {settings.node}, paths.data)
        await claim_if_there(claim)
        client = speech_client(settings, paths)
        duty, nuisances = follow_duty(paths.data), follow_nuisances(paths.data)
        await duty.look()
        numbers = NumberBook(paths.data / "numbers", settings.node)
        journals, reserve = Journals(spool(paths.data)), Reserve(paths.data, settings.disk.reserve_mib << 20)
        filer = Filer(db, numbers, paths, claim, journals)
        board, pump, ears = live.Board(), MediaPump(), EarWatch(client)
        agent = UserAgent(
            host=settings.sip.host,
            port=settings.sip.port,
            tcp=settings.sip.tcp,
            media_host=settings.sip.media_host,
            rtp_first_port=settings.sip.rtp_first_port,
            trunks=trunks,
        )
        outgoing = Outgoing(
            lambda target, caller, headers: agent.dial(
                target.uri, caller=caller, headers=headers, trunk=target.trunk
            ),
            settings.passing.cap,
            settings.passing.kept_for_danger,
        )
        house = House(
            client,
            lambda: ears.model,
            pump,
            board,
            numbers,
            filer.file,
            outgoing,
            settings.sip.hold_seconds,
            settings.passing.silent_seconds,
            _deaf_for_long(settings, ears),
            lambda: reserve.is_short,
            Bounds(sound=settings.sip.first_audio_seconds, longest=settings.sip.longest_call_seconds),
            Inquiries(db).answer,
            settings.dialogue.recall,
            calibration.read_calibration(paths.data / calibration.FILE),
        )
        switchboard = Switchboard(
            settings,
            journals,
            house,
            dialogue,
            lambda: duty.value,
            lambda f: filer.file(f, final=True),
        )
        await _guard(settings, agent, switchboard, nuisances)
        agent.on_invite, agent.admit = switchboard.take, switchboard.admit
        agent.retry_after = lambda: settings.sip.retry_after_seconds if switchboard.trouble else 0
        placing = place_calls(settings, trunks, agent, switchboard, house, journals, db, filer, duty)
        await asyncio.gather(ears.look(), reserve.look())
        sweeping = asyncio.create_task(
            take_up(paths.data, partial(filer.file, final=True, orphan=True)), name="the start-up sweep"
        )
        reload = Reload(source, paths, partial(_take, agent, outgoing, switchboard))
        window = watch(paths.data, agent, switchboard, db, ears, reload, journals, reserve)
        background = [
            asyncio.create_task(follow(duty, nuisances), name="the watch of duty switch and nuisance list"),
            asyncio.create_task(pump.run(), name="the media pump"),
            asyncio.create_task(ears.run(), name="the ear watch"),
            asyncio.create_task(journals.watch(), name="the watch of the disk"),
            asyncio.create_task(reserve.run(), name="the watch of its room"),
            asyncio.create_task(
                keep_refused(
                    TurnedAway(paths.data, settings.node, db, claim, journals.moves), switchboard, nuisances
                ),
                name="the list of those refused",
            ),
            asyncio.create_task(placing.run(), name="the calls that we place"),
        ]
        own = [live.route(board), reload_at(reload), duty_at(duty, lambda: switchboard.dialogue.hotlines)]
        try:
            agent.start(max_calls=settings.lines)
            background.append(asyncio.create_task(meter.run(), name="the loop's meter"))
            keep()
            async with (
                shown(window, door, settings.metrics.host, settings.metrics.gateway_port, own),
                serving(lambda: agent.beats) as stopping,
            ):
                reload_on_signal(reload)
                log.info("ready", extra={"sip": agent.address, "cap": settings.sip.cap})
                await attend(stop, background)
                reload.close()
                stopping(settings.sip.drain_seconds + _CLOSE_SECONDS)
                await asyncio.gather(switchboard.drain(), placing.stop(settings.sip.drain_seconds))
        finally:
            for task in (sweeping, *background):
                task.cancel()
            await agent.stop()
            await filer.drain(5)
            await client.close()
            await close_books(db, journals)


def _deaf_for_long(settings: Settings, ears: EarWatch) -> Callable[[], bool]:
    """Whether callers are to be offered a person first, because nobody has been able to hear them for long."""
    seconds = settings.passing.deaf_seconds
    return lambda: seconds is not None and ears.is_away_for(seconds)


async def _guard(
    settings: Settings,
    agent: UserAgent,
    switchboard: Switchboard,
    nuisances: Followed[Mapping[str, Nuisance]],
) -> None:
    """Let in who may call, and lead who is refused."""
    agent.guard(rules_of(settings))
    agent.on_unwelcome = Teller().take
    agent.on_full = lambda incoming: switchboard.refused(incoming)  # noqa: PLW0108 - set by who lists them
    await nuisances.look()
    switchboard.lead = refuse_by(_open_refusal(settings), nuisances)


def _take(
    agent: UserAgent, outgoing: Outgoing, switchboard: Switchboard, settings: Settings, dialogue: Dialogue
) -> None:
    """After a reload: let in who may call from now on, and lead him so. Raises SipError, with nothing changed."""
    agent.guard(rules_of(settings))
    outgoing.cap, outgoing.for_danger = settings.passing.cap, settings.passing.kept_for_danger
    switchboard.lead_by(dialogue)


def _open_refusal(settings: Settings) -> Flow:
    """What a caller on the nuisance list hears: with the operator's prompts, or, where these lack it, the embedded."""
    try:
        return read_nuisance_flow(settings.dialogue)
    except ConfigError as fault:
        log.error(  # noqa: TRY400 - the message says what, where, and what to do
            "callers on the nuisance list are refused by a prompt that may be missing: %s", fault
        )
        return read_nuisance_flow(DialogueSettings())


def _count(agent: UserAgent, kind: str) -> int:
    return agent.native_objects()[kind]


def watch(
    data: Path,
    agent: UserAgent,
    switchboard: Switchboard,
    db: Database,
    ears: EarWatch,
    reload: Reload,
    journals: Journals,
    reserve: Reserve,
) -> Window:
    """The gateway is ready when it would take a call: SIP listens, it is neither full nor draining, and can record."""
    metrics.CALLS_IN_PROGRESS.set_function(lambda: switchboard.calls)
    metrics.CALLS_UNFINISHED.set_function(lambda: switchboard.unfinished)
    for kind in agent.native_objects():
        metrics.NATIVE_OBJECTS.labels(kind).set_function(partial(_count, agent, kind))
    outgoing = switchboard.outgoing
    metrics.CALLS_CAP.set_function(lambda: switchboard.cap)
    metrics.OUTGOING.set_function(lambda: outgoing.lines)
    metrics.OUTGOING_CAP.set_function(lambda: outgoing.cap)
    metrics.BRIDGED.set_function(lambda: outgoing.bridged)
    metrics.JOURNAL_WAITING.set_function(lambda: journals.waiting_bytes)
    metrics.JOURNAL_STANDSTILL.set_function(lambda: journals.standstill)
    metrics.MAKESHIFT.set_function(lambda: bool(switchboard.dialogue.makeshift))
    metrics.UNRECORDED.set_function(lambda: reserve.is_short)
    metrics.DRAINING.set_function(lambda: switchboard.is_draining)

    def health() -> dict[str, Any]:
        model = ears.model
        return {
            "pid": os.getpid(),
            "sip": agent.address,
            "calls": switchboard.calls,
            "outgoing_lines": outgoing.lines,
            "bridged": outgoing.bridged,
            "trunks": [asdict(standing) for standing in agent.standings],
            "asr": "up" if model else "down",
            "model": model.name if model else None,
            "demo_model": model.demo if model else None,
            "warning": DEMO_WARNING if model and model.demo else None,
            "dialogue_since": switchboard.dialogue.since.isoformat(),
            "makeshift": switchboard.dialogue.makeshift or None,
        }

    async def readiness() -> Readiness:
        faults = list(check_disk(data))
        limits = [*reserve.limits, *find_limits(switchboard, agent, ears, reload)]
        if not agent.listens:
            faults.append("SIP does not listen yet")
        if trouble := switchboard.trouble:
            faults.append(trouble)
        # The database may lie on the disk, too: a look could hold up all.
        if not await journals.moves(_PROOF_SECONDS):
            limits.append(f"the disk of {data} stands still: calls go on, what they tell waits in memory")
            return Readiness(tuple(faults), tuple(limits))
        wrong, away = await look_at_database(db)
        faults += wrong
        return Readiness(tuple(faults), (*away, *limits))

    async def refresh() -> None:
        show_trunks(agent.standings)

    return Window("gateway", data, health, readiness, (metrics.REGISTRY,), refresh)
