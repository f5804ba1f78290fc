"""Calls that agents make from the page: one telephone after the other, each once, whatever becomes of the process."""

from __future__ import annotations

import asyncio
import errno
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from gateway.calls.live import Board
from gateway.calls.pagecall import PageCall
from gateway.calls.pagecalls import PageCalls
from gateway.calls.pagetalk import Desk
from gateway.prompts.book import Rendered
from gateway.prompts.sounds import SoundError
from gateway.service.flows import read_dialogue
from gateway.sip.fault import SipError
from gateway.sip.leg import Leg
from gateway.sip.pump import MediaPump
from gateway.site.settings import CallbackSettings, DialogueSettings
from gateway.site.sound import Sound
from recordings import agentcalls, callouts
from recordings.agentcalls import AgentCall, Clash, Outcome, Stage, agent_calls
from recordings.callbacks import read_attempts
from recordings.callouts import Pace, Wanted
from recordings.calloutwords import Kind
from recordings.database import migrate, open_database
from recordings.entries import Answered, Finished, HungUp, LegEnded, Placed
from recordings.folders import spool
from recordings.journal import Journal, JournalError, read
from recordings.journals import Journals
from recordings.schema import calls

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncConnection

    from recordings.database import Database
    from recordings.journals import JournalWriter

NOW = datetime(2026, 11, 28, 2, 0, tzinfo=UTC)  # a Saturday: an agent calls whatever the hour
ABOUT = "20261127T020000-00000001"
HOTLINES = read_dialogue(DialogueSettings())
DESK, CITIZEN = "6001", "13800000001"


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - the calls tell nobody
            await asyncio.sleep(0.001)


class Line:
    """A telephone as the SIP stack would tell of it; ``does``: answers, rings, or refuses with a status."""

    def __init__(self, number: str, does: str) -> None:
        loop = asyncio.get_running_loop()
        self.leg = Leg(self, None, lambda function: function(), loop.create_future())
        self.leg.number = number
        self.music = False  # whether any is played to him
        self.unrecorded = ""  # why
        if does.isdigit():
            loop.call_soon(lambda: self.leg.disconnected(int(does), "No", ""))
        elif does == "answers":
            loop.call_soon(self.leg.confirmed)

    def end(self) -> None:
        self.leg.disconnected(487, "Request Terminated", "")

    def bury(self) -> None:
        self.leg.closed.set_result(None)

    def start_playing(self, _sound: Sound, *, loop: bool, first: int) -> int:
        self.music = loop
        return first + 1

    def stop_playing(self) -> None:
        self.music = False

    def stop_recording(self, why: str) -> None:
        self.unrecorded = why

    def seconds(self) -> float:
        return 0.0

    def signs(self) -> int:
        return 0

    def played(self) -> tuple[int, float]:
        return 0, 0.0

    def trouble(self) -> str:
        return ""

    def reception(self) -> Any:
        return SimpleNamespace(packets=0, lost=0, jitter_seconds=0.0)

    def __getattr__(self, _name: str) -> Callable[..., Any]:
        return lambda *_args, **_more: None


class Silence:
    """Prompts none of which can be made: what is said is tried over real SIP."""

    async def render(self, prompt: Any) -> Any:
        raise SoundError(f"{prompt.name}: none")


class Site:
    """One gateway by which agents call; ``does`` says what each telephone does, ``dialled`` which were called."""

    def __init__(self, db: Database, folder: Path, node: int = 1) -> None:
        self.db, self.now, self.room = db, NOW, True
        self.does = {DESK: "answers", CITIZEN: "answers"}
        self.dialled: list[str] = []
        self.lines: dict[str, Line] = {}
        self.filed: list[Path] = []
        self.journals = Journals(spool(folder))
        self.anonymous = False
        self.calls = PageCalls(db, node, self.make, lambda _calls: self.room, self.may_look, lambda: self.now)

    async def may_look(self) -> bool:
        return True

    def dial(self, number: str) -> Leg:
        self.dialled.append(number)
        if self.does[number] == "unsent":
            raise SipError("the trunk is full")
        line = self.lines[number] = Line(number, self.does[number])
        return line.leg

    def make(self, wanted: AgentCall, reach: Callable[[Stage], None]) -> PageCall:
        bounds: Any = SimpleNamespace(longest=60.0)
        house: Any = SimpleNamespace(
            board=Board(),
            pump=MediaPump(),
            is_short_of_disk=lambda: False,
            target_silence=30.0,
            longest_hold=30.0,
            bounds=bounds,
        )
        prompts: Any = Silence()
        desk = Desk(
            self.dial,
            self.journals.begin,
            self.filed.append,
            house,
            next(line for line in HOTLINES if line.anonymous is self.anonymous),
            prompts,
            "12345",
            "carrier",
            1,
            0.05,  # seconds of the real clock
            announce=False,
        )
        return PageCall(wanted, desk, reach)

    async def look(self) -> None:
        await self.calls.look()

    async def row(self) -> Any:
        async with self.db.read() as connection:
            return (
                await connection.execute(sa.select(agent_calls).order_by(agent_calls.c.asked_at.desc()))
            ).first()

    async def over(self) -> Any:
        await until(lambda: self.calls.calls == 0)
        return await self.row()

    async def reaches(self, stage: Stage) -> None:
        async with asyncio.timeout(20):
            while (await self.row()).stage != stage:  # noqa: ASYNC110 - the database tells nobody
                await asyncio.sleep(0.001)


def wanted(call_id: str = "20261128T020000-0000000a", agent: str = "张敏", **more: str) -> AgentCall:
    told = {
        "about": ABOUT,
        "ticket": "202611270001",
        "hotline": "12345",
        "extension": DESK,
        "number": CITIZEN,
    }
    return AgentCall(call_id=call_id, agent=agent, **(told | more))


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite:///{tmp_path / 'hotline.db'}"
    await migrate(url)
    opened = open_database(url)
    about = {"call_id": ABOUT, "sip_call_id": "x", "caller": CITIZEN, "called": "12345", "hotline": "12345"}
    rest = {
        "flow": "",
        "node": 1,
        "started_at": NOW,
        "cause": "",
        "interrupted": False,
        "folder": "",
        "late": "none",
    }
    async with opened.write() as connection:
        await connection.execute(sa.insert(calls).values(about | rest))
    yield opened
    await opened.close()


@pytest.fixture
async def site(db: Database, tmp_path: Path) -> Site:
    return Site(db, tmp_path)


async def ask(db: Database, one: AgentCall, now: datetime = NOW) -> Clash | None:
    async with db.write() as connection:
        return await agentcalls.ask(connection, one, now)


async def attempts(db: Database) -> list[tuple[str, str, str]]:
    async with db.read() as connection:
        return [(one.agent, one.result, one.note) for one in await read_attempts(connection, ABOUT)]


async def test_the_agent_is_called_first_and_then_both_talk(site: Site) -> None:
    assert await ask(site.db, wanted()) is None
    await site.look()
    await site.reaches(Stage.TALKING)
    assert site.dialled == [DESK, CITIZEN]
    assert site.lines[CITIZEN].leg.partners
    site.lines[DESK].leg.disconnected(200, "OK", "")  # he hangs up
    row = await site.over()
    assert (row.stage, row.outcome, row.number) == (Stage.OVER, Outcome.TALKED, "")
    assert await attempts(site.db) == [("张敏", "回拨已接通", "通话 0 秒")]
    (folder,) = site.filed
    told = [written.entry for written in read(folder).entries]
    placed = next(entry for entry in told if isinstance(entry, Placed))
    assert (placed.purpose, placed.ticket) == (agentcalls.PURPOSE, "202611270001")
    assert [type(entry) for entry in told if isinstance(entry, Answered | LegEnded | HungUp | Finished)] == [
        Answered,
        LegEnded,
        HungUp,
        Finished,
    ]


@pytest.mark.parametrize(
    ("desk", "citizen", "dialled", "outcome", "noted"),
    [
        ("rings", "answers", [DESK], Outcome.AGENT_AWAY, ("回拨坐席未接听", "")),
        ("486", "answers", [DESK], Outcome.AGENT_AWAY, ("回拨坐席未接听", "")),
        ("unsent", "answers", [DESK], Outcome.FAILED, ("回拨呼叫失败", "")),
        ("answers", "rings", [DESK, CITIZEN], Outcome.NO_ANSWER, ("无人接听", "回拨")),
        ("answers", "486", [DESK, CITIZEN], Outcome.BUSY, ("占线或关机", "回拨")),
        ("answers", "603", [DESK, CITIZEN], Outcome.DECLINED, ("无人接听", "回拨,对方拒接")),
        ("answers", "500", [DESK, CITIZEN], Outcome.FAILED, ("回拨呼叫失败", "")),
        ("answers", "unsent", [DESK, CITIZEN], Outcome.FAILED, ("回拨呼叫失败", "")),
    ],
)
async def test_what_has_come_of_it_is_an_attempt(
    site: Site, desk: str, citizen: str, dialled: list[str], outcome: Outcome, noted: tuple[str, str]
) -> None:
    site.does = {DESK: desk, CITIZEN: citizen}
    await ask(site.db, wanted())
    await site.look()
    row = await site.over()
    assert (site.dialled, row.outcome, row.number) == (dialled, outcome, "")
    assert await attempts(site.db) == [("张敏", *noted)]
    assert all(line.leg.is_hanging_up or line.leg.ended for line in site.lines.values())
    assert site.filed == []  # nobody has answered: there was no call


async def test_an_exchange_that_tells_why_in_gbk_is_understood_by_its_status(site: Site) -> None:
    await _ring(site, CITIZEN)
    reason = "用户忙".encode("gbk").decode(errors="surrogateescape")  # as the SIP stack's bindings read it
    site.lines[CITIZEN].leg.disconnected(486, f"Busy {reason}\x1b", "")
    row = await site.over()
    assert (row.outcome, row.cause[:8], row.cause.isprintable()) == (Outcome.BUSY, "486 Busy", True)


async def test_an_agent_who_hangs_up_while_it_rings_leaves_nobody_ringing(site: Site) -> None:
    await _ring(site, CITIZEN)
    site.lines[DESK].leg.disconnected(200, "OK", "")
    row = await site.over()
    assert (row.outcome, site.lines[CITIZEN].leg.is_hanging_up) == (Outcome.AGENT_LEFT, True)


async def _ring(site: Site, who: str) -> None:
    """An agent's call is asked for, and WHO does not answer."""
    site.does[who] = "rings"
    site.calls._make = lambda one, reach: _patient(site.make(one, reach))
    await ask(site.db, wanted())
    await site.look()
    await until(lambda: who in site.lines)


def _patient(call: PageCall) -> PageCall:
    """It waits for an answer as long as it takes."""
    return _changed(call, ring_seconds=60.0)


def _changed(call: PageCall, **more: Any) -> PageCall:
    call._desk = replace(call._desk, **more)
    return call


async def test_one_call_an_agent_and_one_a_citizen(site: Site) -> None:
    assert await ask(site.db, wanted()) is None
    assert await ask(site.db, wanted("b")) is Clash.AGENT  # a double click
    assert await ask(site.db, wanted("c", "王芳")) is Clash.CITIZEN
    assert await ask(site.db, wanted("d", "王芳", number="13800000002")) is None
    await site.look()
    await site.reaches(Stage.TALKING)
    assert await ask(site.db, wanted("e")) is Clash.AGENT
    site.lines[CITIZEN].leg.disconnected(200, "OK", "")
    await site.over()
    assert await ask(site.db, wanted("f"), NOW + timedelta(minutes=1)) is None


async def test_nobody_is_called_by_an_agent_and_a_list_at_once(site: Site) -> None:
    pace = Pace(60, timedelta(hours=1), timedelta(hours=1), timedelta(hours=2))
    async with site.db.write() as connection:
        await callouts.add(connection, "一", [Wanted(Kind.CARE, CITIZEN)], 1, "operator", NOW)
        await callouts.turn(connection, on=True, by="operator", now=NOW)
    await ask(site.db, wanted())
    async with site.db.write() as connection:
        assert await callouts.claim(connection, 1, "x", pace, NOW) is None
    async with site.db.write() as connection:
        await agentcalls.conclude(connection, wanted().call_id, Outcome.BUSY, NOW)
        assert await callouts.claim(connection, 1, "y", pace, NOW) is not None
    assert await ask(site.db, wanted("z")) is Clash.CITIZEN


async def test_a_gateway_that_dies_calls_nobody_twice_and_the_attempt_says_so(
    site: Site, tmp_path: Path
) -> None:
    await ask(site.db, wanted())
    await site.look()
    await site.reaches(Stage.TALKING)
    next_one = Site(site.db, tmp_path / "next")  # of the same node: the first is gone without a word
    await next_one.look()
    assert next_one.dialled == []
    row = await site.row()
    assert (row.stage, row.outcome, row.number) == (Stage.OVER, Outcome.CUT, "")
    assert await attempts(site.db) == [("张敏", "回拨中断", "")]
    for line in site.lines.values():
        line.leg.disconnected(200, "OK", "")
    await until(lambda: site.calls.calls == 0)


async def test_a_gateway_that_never_comes_back_holds_nobody_up(site: Site) -> None:
    await ask(site.db, wanted())
    async with site.db.write() as connection:
        assert await agentcalls.take(connection, 7, NOW) == wanted()
        assert await agentcalls.take(connection, 1, NOW) is None
    later = NOW + agentcalls.LEASE + timedelta(seconds=1)
    async with site.db.read() as connection:
        (shown,) = await agentcalls.read_progress(connection, later)
    assert (shown.stage, shown.outcome) == (Stage.OVER, Outcome.CUT)
    site.now = later
    await site.look()
    assert (site.dialled, (await site.row()).outcome) == ([], Outcome.CUT)


async def test_a_gateway_that_dies_holds_nobody_up_under_a_clock_that_is_set_back(site: Site) -> None:
    await ask(site.db, wanted())
    async with site.db.write() as connection:
        assert await agentcalls.take(connection, 7, NOW)
        await connection.execute(sa.update(agent_calls).values(lease_until=NOW + timedelta(hours=5)))
    async with site.db.read() as connection:
        (shown,) = await agentcalls.read_progress(connection, NOW)
    assert shown.outcome == Outcome.CUT
    await site.look()
    assert (site.dialled, (await site.row()).outcome) == ([], Outcome.CUT)


async def test_how_a_call_goes_is_shown_also_after_one_of_a_clock_that_is_set_back(site: Site) -> None:
    later = NOW + timedelta(hours=5)
    for call_id, now in (("20261128T070000-0000000b", later), ("20261128T020000-0000000a", NOW)):
        assert await ask(site.db, wanted(call_id), now) is None
        async with site.db.write() as connection:
            if now == later:
                await agentcalls.conclude(connection, call_id, Outcome.BUSY, now)
            (shown,) = await agentcalls.read_progress(connection, now)
    assert (shown.stage, shown.outcome) == (Stage.WAITING, "")


async def test_what_no_gateway_can_make_in_time_is_not_made_later(site: Site) -> None:
    await ask(site.db, wanted())
    site.room = False
    await site.look()
    assert (await site.row()).stage == Stage.WAITING
    site.now, site.room = NOW + agentcalls.PATIENCE, True
    await site.look()
    assert (site.dialled, (await site.row()).outcome) == ([], Outcome.NO_LINE)


async def test_two_gateways_make_one_call(site: Site, tmp_path: Path) -> None:
    other = Site(site.db, tmp_path / "other", node=2)
    await ask(site.db, wanted())
    await asyncio.gather(site.look(), other.look())
    await site.reaches(Stage.TALKING)
    assert sorted(site.dialled + other.dialled) == sorted([DESK, CITIZEN])
    for line in (site.lines | other.lines).values():
        line.leg.disconnected(200, "OK", "")
    await until(lambda: site.calls.calls + other.calls.calls == 0)


async def test_a_gateway_that_stops_ends_what_rings(site: Site) -> None:
    await _ring(site, DESK)
    await site.calls.stop(20)
    assert (site.dialled, (await site.row()).outcome) == ([DESK], Outcome.CUT)


async def test_what_is_taken_while_the_gateway_stops_rings_nobody(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = agentcalls.take

    async def stop_meanwhile(*args: Any) -> AgentCall | None:
        taken = await take(*args)
        await site.calls.stop(20)
        return taken

    monkeypatch.setattr(agentcalls, "take", stop_meanwhile)
    await ask(site.db, wanted())
    await site.look()
    row = await site.over()
    assert (site.dialled, row.outcome) == ([], Outcome.CUT)


async def test_who_hangs_up_as_he_answers_leaves_a_finished_record(site: Site) -> None:
    begin = site.journals.begin

    def begin_and_lose_him(call_id: str) -> JournalWriter:
        site.lines[CITIZEN].leg.disconnected(200, "OK", "")
        return begin(call_id)

    site.journals.begin = begin_and_lose_him  # type: ignore[method-assign]
    await ask(site.db, wanted())
    await site.look()
    row = await site.over()
    assert row.outcome == Outcome.NO_ANSWER, "who hangs up again has taken no call"
    (folder,) = site.filed
    told = [type(written.entry) for written in read(folder).entries]
    assert told[-1] is Finished, "else it stands as a call that goes on until the next start"
    assert HungUp in told


@pytest.mark.parametrize(
    ("number", "status", "outcome"),
    [
        (CITIZEN, 200, Outcome.NO_ANSWER),  # he hangs up while he is told of the recording
        (CITIZEN, 488, Outcome.FAILED),  # there is no sound in common
        (DESK, 200, Outcome.AGENT_LEFT),
        ("", 0, Outcome.CUT),  # the gateway ends
    ],
)
async def test_a_call_in_which_nobody_was_talked_with_does_not_count_as_reached(
    site: Site, number: str, status: int, outcome: Outcome
) -> None:
    made: list[PageCall] = []

    def announce(one: AgentCall, reach: Callable[[Stage], None]) -> PageCall:
        made.append(_announcing(site.make(one, reach)))
        return made[0]

    site.calls._make = announce
    await ask(site.db, wanted())
    await site.look()
    await until(lambda: CITIZEN in site.lines and bool(site.lines[CITIZEN].leg.partners._hears))
    if number:
        site.lines[number].leg.disconnected(status, "No", "")
    else:
        made[0].cut()
    row = await site.over()
    assert (row.outcome, row.talked_s) == (outcome, 0.0)


@pytest.mark.parametrize("holds", [False, True])
async def test_who_holds_the_line_while_he_is_told_of_the_recording_is_not_recorded(
    site: Site, *, holds: bool
) -> None:
    site.calls._make = lambda one, reach: _announcing(site.make(one, reach))
    await ask(site.db, wanted())
    await site.look()
    await until(lambda: CITIZEN in site.lines and bool(site.lines[CITIZEN].leg.partners._hears))
    citizen = site.lines[CITIZEN]
    if holds:
        citizen.leg.media_changed(held=True)
        citizen.leg.media_changed(held=False)
    citizen.leg.key_told("1")  # which ends what he is told
    await site.reaches(Stage.TALKING)
    assert bool(citizen.unrecorded) is holds
    citizen.leg.disconnected(200, "OK", "")
    await site.over()


@pytest.mark.parametrize("talk", [False, True])
async def test_a_disk_that_fills_ends_no_talk_and_what_is_missing_is_told(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, *, talk: bool
) -> None:
    """It fills before they talk, or while they do."""
    full, write = not talk, Journal.write

    def fill(self: Journal, line: bytes) -> None:
        if full:
            raise JournalError(errno.ENOSPC, "No space left on device", "journal")
        write(self, line)

    monkeypatch.setattr(Journal, "write", fill)
    await ask(site.db, wanted())
    await site.look()
    await site.reaches(Stage.TALKING)
    full = True
    assert site.lines[CITIZEN].leg.partners.hear(site.lines[DESK].leg), "they talk"
    site.lines[CITIZEN].leg.disconnected(200, "OK", "")
    row = await site.over()
    assert (row.outcome, row.cause) == (Outcome.TALKED, agentcalls.UNWRITTEN)
    assert await attempts(site.db) == [("张敏", "回拨已接通", "通话 0 秒,磁盘已满,没有录音")]
    assert site.lines[CITIZEN].unrecorded == agentcalls.UNWRITTEN
    told = [record.levelname for record in caplog.records if "talks on" in record.message]
    assert told == ["ERROR"], "once"
    await until(lambda: not site.journals.waiting_bytes)


@pytest.mark.parametrize(("holds", "hears"), [(DESK, CITIZEN), (CITIZEN, DESK)])
async def test_who_waits_for_one_on_hold_hears_music_also_when_the_hold_began_before(
    site: Site, holds: str, hears: str
) -> None:
    site.does[CITIZEN] = "rings"
    site.calls._make = lambda one, reach: _playing(site.make(one, reach))
    await ask(site.db, wanted())
    await site.look()
    await until(lambda: CITIZEN in site.lines)
    site.lines[holds].leg.media_changed(held=True)
    site.lines[CITIZEN].leg.confirmed()
    await site.reaches(Stage.TALKING)
    heard = []
    for held in (False, True, False):
        heard.append(site.lines[hears].music)
        site.lines[holds].leg.media_changed(held=held)
    assert (heard, site.lines[hears].music) == ([True, False, True], False)
    site.lines[CITIZEN].leg.disconnected(200, "OK", "")
    await site.over()


def _playing(call: PageCall) -> PageCall:
    """It has music for who waits, and nothing else to say."""

    class Prompts(Silence):
        async def render(self, prompt: Any) -> Any:
            if prompt.name != "hold_music":
                return await super().render(prompt)
            return Rendered(Sound(bytes(16000)), "")

    return _changed(call, prompts=Prompts(), ring_seconds=60.0)


def _announcing(call: PageCall) -> PageCall:
    """It tells the citizen of the recording, which takes its time."""

    class Prompts(Silence):
        async def render(self, prompt: Any) -> Any:
            if prompt.name != "agent_call_recorded":
                return await super().render(prompt)
            return Rendered(Sound(bytes(16000 * 60)), "您好")

    return _changed(call, prompts=Prompts(), announce=True)


async def test_who_talks_while_the_gateway_stops_keeps_his_call(site: Site) -> None:
    await ask(site.db, wanted())
    await site.look()
    await site.reaches(Stage.TALKING)
    stopping = asyncio.create_task(site.calls.stop(60))
    await until(lambda: site.calls._stopping)
    site.now = NOW + agentcalls.LEASE - timedelta(seconds=1)
    site.calls._renewed = -60.0  # of the loop's clock
    await ask(site.db, wanted("b", "王芳", number="13800000002", extension="6002"), site.now)
    await site.look()
    async with site.db.write() as connection:
        await agentcalls.sweep(connection, site.now + timedelta(seconds=5))
    async with site.db.read() as connection:
        stages = {row.agent: row.stage for row in await connection.execute(sa.select(agent_calls))}
    assert stages == {"张敏": Stage.TALKING, "王芳": Stage.WAITING}
    site.lines[CITIZEN].leg.disconnected(200, "OK", "")
    await stopping
    assert site.dialled == [DESK, CITIZEN]


async def test_a_call_for_which_the_database_was_waited_for_too_long_is_not_made(site: Site) -> None:
    await ask(site.db, wanted())

    class Late:
        """The database, which answers the second question when whoever asked has gone for lunch."""

        read = site.db.read

        @asynccontextmanager
        async def write(self) -> AsyncIterator[AsyncConnection]:
            async with site.db.write() as connection:
                site.now = NOW + timedelta(seconds=30)
                yield connection

    late: Any = Late()
    site.calls._db, site.calls._is_rid = late, True
    await site.look()
    site.calls._db = site.db
    assert (site.dialled, (await site.row()).outcome) == ([], Outcome.NO_LINE)


async def test_a_call_of_an_anonymous_line_keeps_no_number(site: Site) -> None:
    site.anonymous = True
    await ask(site.db, wanted(hotline="12356"))
    await site.look()
    await site.reaches(Stage.TALKING)
    site.lines[CITIZEN].leg.disconnected(200, "OK", "")
    await site.over()
    (folder,) = site.filed
    assert CITIZEN not in (folder / "events.jsonl").read_text()
    assert "202611270001" not in (folder / "events.jsonl").read_text()


def test_an_agents_telephone_is_one_of_the_house() -> None:
    callback = CallbackSettings()
    allowed = ("6001", "80123", "201")
    assert all(callback.allows_extension(number) for number in allowed)
    refused = ("", "110", "12345", "96110", "13800000001", "00441234567", "sip:6001", "6001;x", "95588")
    assert [number for number in refused if callback.allows_extension(number)] == []
