"""Do the parts work together: dialogue, model, speech recognition, database, tickets on their way, intake."""

from __future__ import annotations

import asyncio
import os
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from asr.catalogue import ModelError, open_model
from asr.client import AsrUnavailable
from config.calendar import CalendarDays
from config.document import ConfigError, load
from gateway.calls.nuisances import read_entries
from gateway.doctor.finding import Finding
from gateway.doctor.outlook import look_ahead
from gateway.service.flows import read_dialogue
from gateway.service.guarding import OPEN, is_open, rules_of
from gateway.service.intakes import open_intake
from gateway.service.texting import prove_texting
from gateway.site.demo_model import DEMO_WARNING
from gateway.site.settings import DEFAULT_FILE, Settings
from gateway.site.speech import second_client, speech_client
from recordings import jobs
from recordings.database import AddressError, WrongRevision, open_database, require_current
from tickets.client import Accepted, Barred, Rejected
from tickets.letters import read_dead_letters, read_overdue
from tickets.number import CITY_TIME

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from datetime import date

    from gateway.doctor.finding import Level, Patient
    from gateway.site.intake import IntakeSettings
    from ivr.hotline import Hotlines
    from recordings.database import Database

_LATE = timedelta(minutes=10)
_SOON = timedelta(days=31)
_NO_SUCH_PLACE = (404, 405)
_LET_IN = (
    "改正凭据 intake-secret、intake/token、intake/client-secret 或代理,并检查时钟;工单会等待 / "
    "correct the credentials, or the proxy; check the clock; tickets wait meanwhile"
)
_NO_ALERTS = "改正 intake.alerts_url,或设 intake.alerts: false / correct it, or set intake.alerts: false"


def check_dialogue(patient: Patient) -> Iterator[Finding]:
    """The flows are proved, and the hotlines and prompts fit them."""
    try:
        hotlines = read_dialogue(patient.settings.dialogue)
    except ConfigError as error:
        yield Finding("dialogue", "failure", str(error), "改正文件 / correct the file: hotline flow check")
    else:
        flows = ", ".join(flow.name for flow in hotlines.flows)
        what = f"流程 / flows: {flows}; 热线 / hotlines: {len(hotlines)}"
        yield Finding("dialogue", "ok", what)
        yield from check_calendar(hotlines, datetime.now(CITY_TIME).date())


def check_calendar(hotlines: Hotlines, today: date) -> Iterator[Finding]:
    """The holidays are known for as long as targets will soon go by them."""
    year = (today + _SOON).year
    listed = (target for line in hotlines for targets in line.targets.values() for target in targets)
    kept = (hours.days for target in listed for hours in target.hours)
    if any(isinstance(days, CalendarDays) and not days.calendar.is_known(year) for days in kept):
        what = f"不知道 {year} 年的节假日,按星期算 / the holidays of {year} are not known, weekdays decide"
        remedy = "按国务院办公厅通知写入 dialogue.calendar / write the notice's days into dialogue.calendar"
        yield Finding("calendar", "warning", what, remedy)


def check_access(patient: Patient) -> Iterator[Finding]:
    """Not everybody may call, and the list of those who may not can be read."""
    rules = rules_of(patient.settings)
    if is_open(patient.settings):
        yield Finding("access", "warning", *OPEN)
    elif rules.allow or rules.peers:
        yield Finding("access", "ok", f"可呼入 / may call: {', '.join((*rules.allow, *rules.peers))}")
    try:
        read_entries(patient.paths.data)
    except ConfigError as error:
        yield Finding("access", "failure", f"{error.file}: {error.what}", error.remedy)
    except OSError as error:
        yield Finding("access", "failure", f"{error.filename}: {error.strerror}", "chown hotline: FILE")


def check_model(patient: Patient) -> Iterator[Finding]:
    """The model folder is whole, and not the demonstration's."""
    asr = patient.settings.asr
    if asr.url and not asr.listen:
        return  # another machine's server has its own
    try:
        model = open_model(patient.paths.model(patient.settings)).fingerprint
    except ModelError as error:
        yield Finding("model", "failure", str(error), "改正 asr.model / correct asr.model")
        return
    except OSError as error:
        mend = f"让服务用户可读 / make it readable for the services' user: chmod -R a+rX {asr.model}"
        yield Finding("model", "failure", f"{error.filename}: {error.strerror}", mend)
        return
    if model.demo:
        remedy = (
            "装入正式中文模型 / install an official model: hotline model install vosk-model-cn-0.22 --use"
        )
        yield Finding("model", "warning", DEMO_WARNING, remedy)
    else:
        yield Finding("model", "ok", f"模型 / model: {model.name} {model.sha256[:12]}")


async def check_recognition(patient: Patient) -> AsyncIterator[Finding]:
    """The speech servers answer. Without any gateway running they are not missed yet."""
    settings, paths = patient.settings, patient.paths
    asked = [("asr.url", "hotline-asr", speech_client)]
    if paths.second_url(settings):
        asked.append(("asr.second_url", "hotline-asr-second", second_client))
    for key, unit, make in asked:
        try:
            async with make(settings, paths) as client:
                model = await client.fingerprint()
        except ValueError as error:
            yield Finding("asr", "failure", f"{key}: {error}", f"改正 {key} / correct {key}")
        except AsrUnavailable as error:
            level: Level = "failure" if patient.running else "warning"
            yield Finding("asr", level, str(error), f"systemctl start {unit}; journalctl -u {unit} -n 30")
        else:
            yield Finding("asr", "ok", f"语音识别应答 / speech recognition answers: {model.name}")


async def check_database(patient: Patient) -> AsyncIterator[Finding]:
    """It can be reached, has this program's tables, and no ticket is stuck in it."""
    settings, paths = patient.settings, patient.paths
    if not settings.database.url and not os.access(paths.data, os.X_OK):
        return  # nothing can be seen there: `check_folders` says so
    if not settings.database.url and not (paths.data / "hotline.db").exists():
        what = "数据库尚未建立 / the database has not been made yet"
        yield Finding(
            "database", "warning", what, "hotline migrate(启动时自动 / the services do it at their start)"
        )
        return
    try:
        db = open_database(paths.database_url(settings))
    except AddressError as error:
        yield Finding("database", "failure", str(error), "改正 database.url / correct database.url")
        return
    try:
        await require_current(db)
        yield Finding("database", "ok", f"数据库正常 / the database is in order: {db.name}")
        async for finding in _check_tickets(db):
            yield finding
        async for finding in look_ahead(patient, db):
            yield finding
    except WrongRevision as error:
        remedy = "systemctl restart hotline.target(会先升级 / migrates first),或 / or hotline migrate"
        yield Finding("database", "failure", str(error), remedy)
    except (sa.exc.SQLAlchemyError, OSError) as error:
        reason = str(getattr(error, "orig", None) or error)
        remedy = "检查数据库服务、地址和口令 / check the database's server, address and password"
        yield Finding("database", "failure", f"{db.name}: {reason}", remedy)
    finally:
        await db.close()


async def _check_tickets(db: Database) -> AsyncIterator[Finding]:
    async with db.read() as connection:
        dead = await read_dead_letters(connection)
        late = await read_overdue(connection, datetime.now(UTC), _LATE)
        failed = sum(n for (_, state), n in (await jobs.count(connection)).items() if state == "failed")
    for letter in dead:
        what = f"未能投递 / dead letter: {letter.number} 第{letter.revision}版: {letter.reason}"
        yield Finding(
            "tickets", "failure", what, "改正原因后 / mend the cause, then: hotline outbox retry --all"
        )
    if late:
        why = max((ticket.reason for ticket in late if ticket.reason), default="-")
        what = f"{len(late)} 份工单等待超过十分钟 / tickets have waited for more than ten minutes: {why}"
        yield Finding("tickets", "failure", what, "systemctl status hotline-worker; 见 intake / see intake")
    if failed:
        what = f"{failed} 个通话之后的任务失败 / jobs that follow calls have failed"
        yield Finding(
            "jobs", "warning", what, "hotline jobs list; 改正后 / once mended: hotline jobs retry --all"
        )
    if not dead and not late:
        yield Finding("tickets", "ok", "没有滞留的工单 / no ticket is stuck")


async def check_call_backs(patient: Patient) -> AsyncIterator[Finding]:
    """Where the intake is to tell what became of its tickets, somebody listens."""
    door = patient.settings.intake.callbacks
    if door.port is None:
        return
    where = f"{door.host}:{door.port}"
    try:
        _, writer = await asyncio.open_connection(door.host, door.port)
    except OSError as error:
        level: Level = "failure" if patient.running else "warning"
        what = f"无人接收平台的状态回传 / nobody takes status messages: {where}: {error.strerror}"
        yield Finding("intake", level, what, "journalctl -u hotline-worker | grep callbacks")
        return
    writer.close()
    yield Finding("intake", "ok", f"接收平台的状态回传 / status messages are taken: {where}")


def _check_secret(intake: IntakeSettings) -> Iterator[Finding]:
    """It is a city's intake, and the secret is nobody else's."""
    if not intake.url:
        what = (
            "用的是本机参考受理平台,工单不会到市平台 / the reference intake is in use: tickets reach no city"
        )
        yield Finding("intake", "warning", what, "设 intake.url 和凭据 intake-secret / set both")
    elif intake.secret == load(Settings, DEFAULT_FILE).intake.secret:
        what = "受理平台用的是公开的演示密钥 / the intake's secret is the published one of the demonstration"
        yield Finding(
            "intake", "failure", what, "向平台索取密钥 / get one from the intake: credential intake-secret"
        )


def check_sms(patient: Patient) -> Iterator[Finding]:
    """Where callers are sent messages, the gateway's file can be used. It is not tried: somebody would get it."""
    provider = patient.settings.sms.provider
    if provider is None:
        return
    try:
        prove_texting(patient.settings.sms)
    except ConfigError as error:
        yield Finding(
            "sms", "failure", str(error), "改正文件和 sms 一节 / correct the file and the section sms"
        )
    else:
        what = f"短信网关的文件可用,未试发 / the SMS gateway's file is good, not tried: {provider}"
        yield Finding("sms", "ok", what, "hotline sms test 手机号 / NUMBER")


async def check_intake(patient: Patient) -> AsyncIterator[Finding]:
    """The intake answers and takes our signature: it is sent an empty ticket, and an empty alert, to refuse."""
    intake = patient.settings.intake
    for finding in _check_secret(intake):
        yield finding
    try:
        client = open_intake(patient.settings)
    except ConfigError as error:
        yield Finding("intake", "failure", str(error), "改正设置 / correct the settings")
        return
    if not intake.alerts:
        what = "不发预警 / no alerts are posted: intake.alerts: false"
        yield Finding(
            "intake", "warning", what, "平台收预警时去掉它 / take it away where the intake takes alerts"
        )
    if intake.mapping is not None:
        await client.close()
        what = f"按映射文件投递,未试投 / posted by a mapping, not tried: {intake.mapping}"
        yield Finding("intake", "ok", what)
        return
    try:
        outcome = await client.post("{}", f"hotline-doctor-{time.time_ns()}")
        alert = (
            await client.post("{}", f"hotline-doctor-{time.time_ns()}", "alert") if intake.alerts else None
        )
    finally:
        await client.close()
    where = intake.address
    match outcome:
        case Barred(status, detail):
            what = f"{where} 不认签名或身份,工单在等 / takes neither signature nor token: HTTP {status}: {detail}"
            yield Finding("intake", "failure", what, _LET_IN)
        case Rejected(status, _) if status in _NO_SUCH_PLACE:
            what = f"{where} 不收工单 / takes no tickets: HTTP {status}"
            yield Finding("intake", "failure", what, "改正 intake.url / correct intake.url")
        case Rejected() if isinstance(alert, Rejected) and alert.status in _NO_SUCH_PLACE:
            what = f"受理平台不收预警 / the intake takes no alerts: HTTP {alert.status}"
            yield Finding("intake", "failure", what, _NO_ALERTS)
        case Rejected():
            yield Finding("intake", "ok", f"受理平台应答,签名有效 / answers, our signature is good: {where}")
        case Accepted():
            what = f"{where} 收下了空工单 / took an empty ticket: 不像受理平台 / hardly an intake"
            yield Finding("intake", "failure", what, "改正 intake.url / correct intake.url")
        case _:
            what = f"{where}: {outcome.reason}"
            remedy = "检查网络与平台;工单会等待 / check network and intake; tickets wait meanwhile"
            yield Finding("intake", "failure", what, remedy)
