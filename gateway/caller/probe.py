"""One call to the service as a citizen makes it, and what of it went as it should.

The answer and its time, the opening by its sound, the course of the dialogue, the keys by the number that was keyed in,
the words by the ticket, and the ticket's way to the intake and back.
"""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
import wave
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import sqlalchemy as sa

from config.script import Press
from gateway.caller.call import run_call
from gateway.caller.demo import count_errors
from gateway.caller.likeness import compare
from recordings.schema import calls, outbox, tickets
from tickets.probed import is_probed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.script import Script
    from gateway.caller.result import CallResult
    from gateway.sip.pj import UserAgent
    from gateway.site.probe import ProbeSettings
    from recordings.database import Database

LIKENESS: Final = 0.8
"""How alike the opening and what is heard of it must be: over G.711 the same is above 0.95, another below 0.6."""

_EARLIER: Final = timedelta(seconds=5)  # the gateway's clock need not be quite ours
_LOOK_SECONDS: Final = 0.2
_KEYED: Final = re.compile(r"([0-9]{7,})#")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried; ``what`` is what was found, in Chinese and English."""

    name: str
    ok: bool
    what: str


@dataclass(frozen=True, slots=True)
class _Filed:
    """The ticket that came of the call, as it was filed last, and whether the intake has it."""

    document: dict[str, Any]
    accepted: bool


async def probe(
    agent: UserAgent,
    target: str,
    script: Script,
    settings: ProbeSettings,
    db: Database,
    openings: Sequence[bytes],
    base: Path,
) -> tuple[Check, ...]:
    """Call ``target`` and look at what came of it; ``openings`` are the sounds, one of which must be heard first.

    Of a call that was not answered there is nothing else to tell.
    Raises SipError when the target cannot be dialled, VoiceError or SoundError when the script cannot be said, and
    what the database raises.
    """
    with tempfile.TemporaryDirectory(prefix="hotline-probe-") as folder:
        record = Path(folder) / "heard.wav"
        result = await run_call(agent, target, script, folder=Path(folder), base=base, record=record)
        heard = await asyncio.to_thread(_read_heard, record)
    took = result.answered_ms
    if took is None:
        return (Check("answer", ok=False, what=f"没有接听 / not answered: {result.status} {result.reason}"),)
    filed = await _await_ticket(db, script.caller, result, settings.ticket_seconds)
    return (
        Check("answer", took <= settings.answer_ms, f"{took:.0f} ms 接听 / until the answer"),
        Check("dialogue", not result.failure, result.failure or "照剧本走完 / as scripted"),
        _judge_opening(heard, openings),
        *_judge_ticket(filed, script, settings),
    )


def _judge_opening(heard: bytes, openings: Sequence[bytes]) -> Check:
    if not np.frombuffer(heard, "<i2").any():
        return Check("prompt", ok=False, what="什么都没听到 / nothing was heard")
    likeness = max((compare(heard, opening) for opening in openings), default=0.0)
    return Check("prompt", likeness >= LIKENESS, f"开场白相似度 / likeness of the opening: {likeness:.2f}")


def _judge_ticket(filed: _Filed | None, script: Script, settings: ProbeSettings) -> tuple[Check, ...]:
    if filed is None:
        what = (
            f"没有工单;没有主叫 {script.caller} 的来电时,probe.caller 与呼入时显示的号码不同 / no ticket came of it; "
            "where there is no call of that number, probe.caller is not the number as it arrives"
        )
        return (Check("ticket", ok=False, what=what),)
    number, marked = filed.document["number"], is_probed(filed.document)
    told = f"工单 / ticket: {number}"
    if not marked:
        told += (
            " 没有标为拨测:请重启网关,并请坐席退回它 / is not marked as a probe's: restart the gateways, "
            "and have an agent send it back"
        )
    checks = [Check("ticket", marked, told)]
    text = "".join(one["text"] for one in filed.document["transcript"]["utterances"])
    errors = count_errors(script.spoken, text)
    what = f"字错率 / character errors: {errors:.0%}" if text else "一个字也没听到 / not a word was heard"
    checks.append(Check("speech", errors <= settings.error_rate, what))
    keyed = [_KEYED.search(step.press) for step in script.steps if isinstance(step, Press)]
    wanted = next((found[1] for found in keyed if found), None)
    if wanted is not None:
        got = filed.document["caller"]["contact"]
        what = f"按了 / keyed {wanted}, 收到 / arrived {got or '-'}"
        checks.append(Check("keys", got == wanted, what))
    what = (
        "平台已受理 / the intake has it"
        if filed.accepted
        else "平台没有受理 / the intake has not accepted it"
    )
    return (*checks, Check("intake", filed.accepted, what))


async def _await_ticket(db: Database, caller: str, result: CallResult, seconds: float) -> _Filed | None:
    """The call's ticket as soon as the intake has accepted all of it; after so long, what there is."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        filed = await _find(db, caller, result)
        if loop.time() >= deadline or (filed is not None and filed.accepted):
            return filed
        await asyncio.sleep(_LOOK_SECONDS)


async def _find(db: Database, caller: str, result: CallResult) -> _Filed | None:
    """By the calling number and the time: on its way over a trunk a call gets other ids."""
    query = (
        sa.select(tickets.c.document, outbox.c.state)
        .join(calls, calls.c.call_id == tickets.c.call_id)
        .join(outbox, sa.and_(outbox.c.number == tickets.c.number, outbox.c.revision == tickets.c.revision))
        .where(
            calls.c.caller == caller,
            calls.c.started_at >= result.dialled_at - _EARLIER,
            calls.c.ended_at.is_not(None),
        )
        .order_by(calls.c.started_at.desc(), tickets.c.revision.desc())
        .limit(1)
    )
    async with db.read() as connection:
        row = (await connection.execute(query)).first()
    return None if row is None else _Filed(json.loads(row[0]), row[1] == "accepted")


def _read_heard(file: Path) -> bytes:
    """What was heard, mono: the right channel."""
    if not file.exists():
        return b""
    with wave.open(str(file)) as sound:
        both = np.frombuffer(sound.readframes(sound.getnframes()), "<i2")
    return both[1::2].tobytes()
