"""Calls that we place, on a fake clock: hours, rate, tries; and nobody twice, whatever becomes of the process."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, time, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from config.calendar import Calendar, CalendarDays
from config.duty import Duty, Order
from gateway.calls.callouts import Callouts
from gateway.calls.campaign import Campaign
from gateway.service.flows import read_dialogue, read_placed
from gateway.service.placing import _Placing
from gateway.sip.fault import SipError
from gateway.sip.leg import Leg
from gateway.site.settings import DialogueSettings, Settings
from ivr.target import Hours
from recordings import calloutreport, callouts
from recordings.callouts import Wanted
from recordings.calloutwords import Kind, Result
from recordings.database import migrate, open_database
from tickets.number import CITY_TIME

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable
    from pathlib import Path

    from recordings.callouts import Callout
    from recordings.database import Database

DAY = datetime(2026, 11, 25, 9, 0, tzinfo=CITY_TIME)  # a Wednesday
WORKDAYS = CalendarDays(Calendar(), work=True)
CAMPAIGN = Campaign(
    hours=(Hours(WORKDAYS, time(9), time(12)), Hours(WORKDAYS, time(14, 30), time(18))),
    per_minute=6,
    at_once=5,
    ring_seconds=0.02,  # of the real clock
    busy_seconds=600,
    no_answer_seconds=3600,
    longest_call_seconds=7200,
)
BUSY, SILENT, THERE = "1380000", "1390000", "1370000"


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(15):
        while not holds():  # noqa: ASYNC110 - the calls tell nobody
            await asyncio.sleep(0)


class Line:
    """A telephone as the SIP stack would tell of it, by its number: engaged, unanswered, or answered."""

    def __init__(self, number: str) -> None:
        self.leg = Leg(self, None, lambda function: function(), asyncio.get_running_loop().create_future())
        self.leg.number = number
        loop = asyncio.get_running_loop()
        if number.startswith(BUSY):
            loop.call_soon(lambda: self.leg.disconnected(486, "Busy Here", ""))
        elif number.startswith(THERE):
            loop.call_soon(self.leg.confirmed)

    def end(self) -> None:
        self.leg.disconnected(487, "Request Terminated", "")

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *_args: 0.0 if name == "seconds" else None


class Site:
    """One gateway that places calls; ``dialled`` tells whom, and when by the fake clock."""

    def __init__(self, db: Database, campaign: Campaign = CAMPAIGN, node: int = 1) -> None:
        self.db, self.now = db, DAY
        self.dialled: list[tuple[str, datetime]] = []
        self.free = True
        self.led: list[Callout] = []
        self.callouts = Callouts(
            db,
            node,
            campaign,
            self.dial,
            self.lead,
            lambda _callout: self.free,
            self.may_look,
            lambda: self.now,
        )

    async def may_look(self) -> bool:
        return True

    def dial(self, number: str) -> Leg:
        self.dialled.append((number, self.now))
        return Line(number).leg

    async def lead(self, leg: Leg, callout: Callout) -> None:
        """The call, and its filing."""
        self.led.append(callout)
        leg.hang_up()
        async with self.db.write() as connection:
            await callouts.settle(connection, callout.call_id, Result.DONE, self.now)

    async def look(self) -> None:
        """One look, and whoever is to be called by it is."""
        await self.callouts.look()
        await until(lambda: self.callouts.calls == len(self.callouts._legs))

    async def go_through(self, *stretches: tuple[str, str]) -> None:
        """Every second of these stretches of the day, from one time of the city to another."""
        for begin, end in stretches:
            self.now = datetime.combine(DAY.date(), time.fromisoformat(begin), CITY_TIME)
            while self.now <= datetime.combine(DAY.date(), time.fromisoformat(end), CITY_TIME):
                await self.callouts.look()
                await until(lambda: not self.callouts.calls)
                self.now += timedelta(seconds=1)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite:///{tmp_path / 'hotline.db'}"
    await migrate(url)
    opened = open_database(url)
    yield opened
    await opened.close()


async def want(db: Database, numbers: Iterable[str], tries: int = 3, campaign: str = "一") -> None:
    async with db.write() as connection:
        wanted = [Wanted(Kind.CARE, number) for number in numbers]
        await callouts.add(connection, campaign, wanted, tries, "operator", DAY - timedelta(days=1))
        await callouts.turn(connection, on=True, by="operator", now=DAY)


def at(text: str) -> datetime:
    return datetime.combine(DAY.date(), time.fromisoformat(text), CITY_TIME)


async def standing(db: Database) -> calloutreport.Standing:
    async with db.read() as connection:
        (one,) = await calloutreport.count(connection)
    return one


async def test_hours_rate_and_tries_are_kept_to_the_second(db: Database) -> None:
    busy, silent, there = ([f"{head}{n:04}" for n in range(10)] for head in (BUSY, SILENT, THERE))
    await want(db, [*busy, *silent, *there])
    site = Site(db)
    await site.go_through(
        ("08:59:50", "09:06:00"),  # each of the thirty, ten seconds apart
        ("09:09:30", "09:12:00"),  # who was engaged, ten minutes later
        ("09:29:30", "09:32:00"),  # and twenty minutes after that
        ("10:01:00", "10:04:00"),  # who did not answer, an hour later
        ("11:59:30", "12:04:00"),  # and two hours after that it is noon
        ("14:29:30", "14:33:00"),
    )
    ten = timedelta(seconds=10)
    first = {number: at("09:00:00") + ten * n for n, number in enumerate([*busy, *silent, *there])}
    expected = list(first.items())
    expected += [(number, first[number] + timedelta(minutes=10)) for number in busy]
    expected += [(number, first[number] + timedelta(minutes=30)) for number in busy]
    expected += [(number, first[number] + timedelta(hours=1)) for number in silent]
    expected += [(number, at("14:30:00") + ten * n) for n, number in enumerate(silent)]
    assert site.dialled == expected
    told = await standing(db)
    assert told.states == {"done": 10, "given_up": 20}
    assert told.results == {Result.BUSY: 30, Result.NO_ANSWER: 30, Result.DONE: 10}


async def test_nobody_is_called_on_a_day_off_nor_before_it_is_said_so(db: Database) -> None:
    async with db.write() as connection:
        await callouts.add(connection, "一", [Wanted(Kind.CARE, f"{THERE}0000")], 3, "operator", DAY)
    site = Site(db)
    await site.go_through(("10:00:00", "10:00:30"))
    assert site.dialled == []
    await want(db, ())
    site.now = datetime(2026, 11, 28, 10, 0, tzinfo=CITY_TIME)  # a Saturday
    await site.callouts.look()
    assert site.dialled == []
    await site.go_through(("10:00:00", "10:00:30"))
    assert len(site.dialled) == 1


async def test_callers_come_first(db: Database) -> None:
    await want(db, [f"{THERE}{n:04}" for n in range(3)])
    site = Site(db)
    site.free = False
    await site.go_through(("10:00:00", "10:00:30"))
    assert site.dialled == []
    site.free = True
    await site.go_through(("10:01:00", "10:01:30"))
    assert len(site.dialled) == 3


async def test_no_more_are_called_at_once_than_is_set(db: Database) -> None:
    await want(db, [f"{THERE}{n:04}" for n in range(9)])
    site = Site(db)
    over = asyncio.Event()

    async def talk(leg: Leg, _callout: Callout) -> None:
        await over.wait()
        leg.hang_up()

    site.callouts._lead = talk
    for _ in range(120):
        await site.look()
        site.now += timedelta(seconds=1)
    assert site.callouts.calls == len(site.dialled) == CAMPAIGN.at_once
    over.set()
    await site.callouts.stop(15)
    assert site.callouts.calls == 0


async def test_a_gateway_that_dies_in_the_middle_calls_nobody_twice(db: Database) -> None:
    numbers = [f"{THERE}{n:04}" for n in range(6)]
    await want(db, numbers, tries=2)
    dying = Site(db)

    async def die(_leg: Leg, _callout: Callout) -> None:
        await asyncio.Event().wait()

    dying.callouts._lead = die
    for _ in range(25):  # three of them are called, and it is gone without a word
        await dying.look()
        dying.now += timedelta(seconds=1)
    assert [number for number, _ in dying.dialled] == numbers[:3]
    for task in tuple(dying.callouts._under_way):
        task.cancel()

    next_one = Site(db)
    await next_one.go_through(("09:00:25", "09:05:00"))
    assert [number for number, _ in next_one.dialled] == numbers[3:]
    told = await standing(db)
    assert told.results == {"": 3, Result.DONE: 3}  # what came of three is unknown
    await next_one.go_through(
        ("10:00:00", "10:00:25")
    )  # when the time for another try has come, and not before
    assert next_one.dialled[3:] == [(number, moment + timedelta(hours=1)) for number, moment in dying.dialled]


async def test_the_attempt_is_written_down_before_anybody_is_called(db: Database) -> None:
    await want(db, [f"{THERE}0000"])
    site = Site(db)
    known: list[int] = []

    def dial(number: str) -> Leg:
        with sa.create_engine(str(db.name).replace("+aiosqlite", "")).connect() as connection:
            known.append(connection.execute(sa.text("SELECT count(*) FROM callout_attempts")).scalar_one())
        return Line(number).leg

    site.callouts._dial = dial
    await site.go_through(("10:00:00", "10:00:02"))
    assert known == [1]


async def test_two_gateways_share_one_rate_and_call_nobody_twice(db: Database) -> None:
    await want(db, [f"{THERE}{n:04}" for n in range(12)])
    sites = [Site(db), Site(db, node=2)]
    for _ in range(150):
        await asyncio.gather(*(site.callouts.look() for site in sites))
        await until(lambda: not any(site.callouts.calls for site in sites))
        for site in sites:
            site.now += timedelta(seconds=1)
    dialled = sorted((moment, number) for site in sites for number, moment in site.dialled)
    assert [moment for moment, _ in dialled] == [DAY + timedelta(seconds=10 * n) for n in range(12)]
    assert max(Counter(number for _, number in dialled).values()) == 1


async def test_the_database_is_written_to_only_when_somebody_may_be_called(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await want(db, [f"{THERE}{n:04}" for n in range(600)])  # more than one statement takes
    assert (await standing(db)).states == {"waiting": 600}
    site, begun, write = Site(db), [], db.write

    def begin() -> Any:
        begun.append(site.now)
        return write()

    monkeypatch.setattr(db, "write", begin)
    await site.go_through(("10:00:00", "10:00:29"))
    assert len(site.dialled) == 3
    assert len(begun) == 1 + 3 + 3  # what it held before; each claim, and each result


async def test_the_rate_is_kept_when_the_clock_is_set_back(db: Database) -> None:
    await want(db, [f"{THERE}{n:04}" for n in range(5)])
    site = Site(db)
    await site.go_through(("10:00:00", "10:00:09"), ("09:30:00", "09:30:29"))
    moments = ["10:00:00", "09:30:00", "09:30:10", "09:30:20"]
    assert [moment for _, moment in site.dialled] == [at(moment) for moment in moments]


async def test_a_number_of_two_lists_is_not_called_for_both_at_once(db: Database) -> None:
    await want(db, [f"{THERE}0000"], campaign="一")
    await want(db, [f"{THERE}0000"], campaign="二")
    site = Site(db)
    await site.go_through(("10:00:00", "10:01:00"), ("10:59:50", "11:00:10"))
    assert [moment for _, moment in site.dialled] == [at("10:00:00"), at("11:00:00")]


async def test_a_list_taken_twice_is_called_once(db: Database) -> None:
    for _ in range(2):
        await want(db, [f"{THERE}0000"])
    site = Site(db)
    await site.go_through(("10:00:00", "10:01:00"))
    assert len(site.dialled) == 1


async def test_what_cannot_be_dialled_is_tried_again_and_then_given_up(db: Database) -> None:
    await want(db, [f"{THERE}0000"], tries=2)
    site = Site(db)

    def refuse(number: str) -> Leg:
        site.dialled.append((number, site.now))
        raise SipError("the trunk is full")

    site.callouts._dial = refuse
    await site.go_through(("10:00:00", "10:00:20"), ("10:59:50", "11:00:20"))
    assert [moment for _, moment in site.dialled] == [at("10:00:00"), at("11:00:00")]
    assert (await standing(db)).states == {"given_up": 1}


async def test_what_is_dropped_is_not_called(db: Database) -> None:
    await want(db, [f"{THERE}0000"])
    async with db.write() as connection:
        assert await callouts.drop(connection, "一", DAY) == 1
    site = Site(db)
    await site.go_through(("10:00:00", "10:00:20"))
    assert site.dialled == []


async def test_who_is_being_called_when_his_list_is_dropped_is_not_called_again(db: Database) -> None:
    await want(db, [f"{SILENT}0000"])
    site = Site(db)
    await site.look()  # it rings
    async with db.write() as connection:
        assert await callouts.drop(connection, "一", DAY) == 1
    await site.go_through(("09:00:10", "09:00:12"), ("10:00:00", "10:00:10"))
    assert len(site.dialled) == 1
    assert (await standing(db)).states == {"given_up": 1}


async def test_a_reload_while_it_rings_changes_nothing_for_who_answers() -> None:
    class BegunError(Exception):
        """So far it has come."""

    def begin(_call_id: str) -> None:
        raise BegunError

    hotlines, flows = read_dialogue(DialogueSettings()), read_placed(DialogueSettings(), None)
    dialogue: Any = SimpleNamespace(hotlines=hotlines, placed=flows)
    board: Any = SimpleNamespace(dialogue=dialogue)
    trunk: Any = SimpleNamespace(name="carrier", asserted=lambda number: f"sip:{number}@192.0.2.1")
    agent: Any = SimpleNamespace(dial=lambda number, **_more: Line(number).leg)
    journals: Any = SimpleNamespace(begin=begin)
    house: Any = None
    placing = _Placing(Settings(), trunk, agent, board, house, journals, house, house)
    leg = placing.dial(f"{THERE}0000")
    board.dialogue = SimpleNamespace(hotlines=hotlines, placed={})  # the flows cannot be read any more
    with pytest.raises(BegunError):
        await placing.lead(leg, callouts.Callout(1, "x", Kind.CARE, f"{THERE}0000", "", 1))


async def test_a_result_is_written_once(db: Database) -> None:
    await want(db, [f"{THERE}0000"])
    site = Site(db)
    await site.go_through(("10:00:00", "10:00:05"))
    async with db.write() as connection:
        assert not await callouts.settle(connection, site.led[0].call_id, Result.BUSY, datetime.now(UTC))
    assert (await standing(db)).results == {Result.DONE: 1}


def test_nobody_is_called_by_machine_while_callers_are_to_have_people() -> None:
    hotlines, flows = read_dialogue(DialogueSettings()), read_placed(DialogueSettings(), None)
    dialogue: Any = SimpleNamespace(hotlines=hotlines, placed=flows, makeshift="")
    board: Any = SimpleNamespace(dialogue=dialogue, trouble="", calls=0, cap=100)
    trunk: Any = SimpleNamespace(name="carrier")
    agent: Any = SimpleNamespace(standings=[SimpleNamespace(name="carrier", trouble="", calls=0, cap=100)])
    house: Any = SimpleNamespace(model=object, is_short_of_disk=lambda: False)
    duty: Any = SimpleNamespace(value=Duty())
    rest: Any = None
    placing = _Placing(Settings(), trunk, agent, board, house, rest, rest, duty)
    assert placing.is_free(None)
    for line, holds in (("12333", True), ("12345", False), ("", False)):
        duty.value = Duty(orders=(Order(line=line, since=DAY),))
        assert placing.is_free(None) is holds
        assert placing.has_room(0), "an agent calls by himself"
    agent.standings[0].calls = 80
    assert not placing.has_room(0), "the last lines are those of who calls us"
