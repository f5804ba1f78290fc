"""What `hotline asr eval | bench | calibrate` do: recordings and reviewed calls made into figures."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from asr.calibration import Calibration, calibrate
from asr.catalogue import open_model
from asr.evaluation.load import find_most
from asr.evaluation.measuring import hear
from asr.evaluation.own_server import serving
from asr.evaluation.record import FILE, Bench, write_bench
from asr.evaluation.report import judge, tell_delays, total
from asr.evaluation.samples import SamplesError, check_audio, read_audio
from gateway.prompts.voice import speak
from recordings.database import open_database, require_current
from tickets.text.normal import normalise
from tickets.text.reviewed import read_questions, read_reviewed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from asr.calibration import Question
    from asr.evaluation.line import TelephoneLine
    from asr.evaluation.load import Run
    from asr.evaluation.samples import Sample
    from gateway.cli import Site
    from tickets.text.reviewed import Reviewed

# What callers say, of different lengths; a word and a half of silence before, two pauses after.
_SAID: Final = (
    *("我要投诉小区夜间施工噪音扰民", "我家停水三天了没人管", "颍州区清河街道路灯不亮", "老板拖欠工资三个月"),
    *("下水道堵塞污水臭味很大", "医保怎么报销", "是的", "不对", "转人工"),
)
_LEAD, _TAIL = 6400, 24000  # bytes


async def judge_samples(
    site: Site, samples: tuple[Sample, ...], model: Path | None, line: TelephoneLine
) -> dict[str, Any]:
    """The figures of these recordings, as they arrive over ``line``, by ``model`` (None: the one in use)."""
    for sample in samples:  # what is wrong is told before the first is heard; only one is in memory at a time
        check_audio(sample.audio)
    folder = open_model(model or site.paths.model(site.settings))
    judged, measured = [], []
    async with serving(folder, site.settings.asr.threads, site.settings.asr.profile) as client:
        for seed, sample in enumerate(samples):
            sound = line.carry(read_audio(sample.audio), seed)
            heard = await hear(client, sound.astype("<i2").tobytes())
            measured.append(heard)
            judged.append(
                judge(str(sample.audio), sample.line, sample.speaker, (sample.text, heard.text), normalise)
            )
        name = (await client.fingerprint()).name
    seconds = sum(one.seconds for one in measured)
    simulated = (
        line.codec and f"G.711 {line.codec}",
        line.snr_db is not None and f"SNR {line.snr_db:g} dB",
        line.loss and f"loss {line.loss:.1%}",
    )
    return {
        "model": name,
        "channel": ", ".join(each for each in simulated if each),
        **total(judged),
        "seconds": round(seconds, 1),
        "rtf": round(sum(one.took for one in measured) / seconds, 4) if seconds else None,
        "partial": tell_delays([delay for one in measured for delay in one.partials]),
        "final": tell_delays([delay for one in measured for delay in one.finals]),
    }


async def judge_reviewed(site: Site) -> dict[str, Any]:
    """The figures of the calls whose text an agent has corrected. Raises SamplesError when there are none."""
    found = await _read_reviewed(site, live=False)
    judged = [
        judge(f"{one.call_id} {one.heard.start:.1f} s", one.line, "", (one.said, one.heard.text), normalise)
        for one in found
    ]
    models = sorted({one.model.name for one in found if one.model})
    return {"model": ", ".join(models), "channel": "", **total(judged)}


async def calibrate_reviewed(site: Site) -> Calibration:
    """How sure answers must be, by model and question, as such calls show it. Raises SamplesError."""
    asked: dict[str, dict[tuple[float, float], str]] = {}
    shown: dict[tuple[str, str], list[tuple[float, bool]]] = {}
    for one in await _read_reviewed(site, live=True):
        if one.call_id not in asked:
            asked[one.call_id] = read_questions(site.paths.data, one.call_id)
        name = asked[one.call_id].get((one.heard.start, one.heard.end), "")
        if name and one.model and one.heard.text:
            right = normalise(one.said) == normalise(one.heard.text)
            shown.setdefault((one.model.sha256, name), []).append((one.heard.confidence, right))
    models: dict[str, dict[str, Question]] = {}
    for (sha256, name), phrases in sorted(shown.items()):
        if (question := calibrate(phrases)) is not None:
            models.setdefault(sha256, {})[name] = question
    return Calibration(models)


async def bench(site: Site, seconds: float, tell: Callable[[Run], None]) -> tuple[Bench, list[Run]]:
    """How many live calls are carried, kept for the speech server; ``tell`` gets each run as it ends."""
    asr = site.settings.asr
    said = [bytes(_LEAD) + await speak(text) + bytes(_TAIL) for text in _SAID]
    runs = []
    async with serving(open_model(site.paths.model(site.settings)), asr.threads, asr.profile) as client:
        async for run in find_most(client, said, seconds):
            runs.append(run)
            tell(run)
        model = await client.fingerprint()
        found = Bench(
            model.name,
            model.sha256,
            asr.threads,
            len(os.sched_getaffinity(0)),
            max((run.calls for run in runs if run.carried), default=0),
            round(client.capacity, 2),
            datetime.now(UTC).isoformat(timespec="seconds"),
        )
    write_bench(site.paths.data / FILE, found)
    return found, runs


async def _read_reviewed(site: Site, *, live: bool) -> list[Reviewed]:

    db = open_database(site.paths.database_url(site.settings))
    try:
        await require_current(db)
        found = await read_reviewed(db, live=live)
    finally:
        await db.close()
    if not found:
        raise SamplesError(
            "no call with corrected text yet: agents correct lines on the review page, then accept or send back. "
            "还没有改过文字的通话:坐席在审核页改文字并接受或退回之后才有。"
        )
    return found
