"""What many calls come to, on both databases, over a few that can be counted by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from mattermaking import told

from recordings import matters
from recordings.callbacks import Missed, Result, call_backs
from recordings.schema import calls, legs, reviews, tickets, worklist
from tickets.legs import HANDED_OVER
from tickets.missed import GONE, LEFT
from tickets.overview.measures import measure
from tickets.overview.scope import Scope
from tickets.overview.volume import count_volume

if TYPE_CHECKING:
    from recordings.database import Database

DAY = date(2026, 7, 2)
MIDNIGHT = datetime(2026, 7, 1, 16, tzinfo=UTC)  # of that day, in the city


class Days:
    """Calls as filing leaves them."""

    def __init__(self) -> None:
        self.rows: dict[sa.Table, list[dict[str, Any]]] = {}
        self.matters: list[matters.MatterRow] = []

    def add(self, table: sa.Table, **values: Any) -> None:
        self.rows.setdefault(table, []).append(values)

    def call(self, at: float, line: str = "12345", *, rings: float | None = 2.0, **more: Any) -> str:
        """A call so many hours after midnight, that lasted a minute; its id."""
        moment = MIDNIGHT + timedelta(hours=at)
        call_id = f"{moment:%Y%m%dT%H%M%S}-{len(self.rows.get(calls, ())):08x}"
        values: dict[str, Any] = {
            "call_id": call_id,
            "sip_call_id": f"sip-{call_id}",
            "caller": "13855812345",
            "called": line,
            "hotline": line,
            "flow": "default",
            "node": 1,
            "started_at": moment,
            "answered_at": None if rings is None else moment + timedelta(seconds=rings),
            "ended_at": moment + timedelta(minutes=1),
            "cause": "",
            "interrupted": False,
            "reason": None,
            "folder": "x",
            "late": "none",
        }
        self.add(calls, **{**values, **more})
        return call_id

    def ticket(self, call_id: str, county: str = "", category: str = "", line: str = "12345") -> str:
        """One more of the call; its number."""
        at = datetime.strptime(call_id[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        row = told(len(self.matters), at, "停水", (county, ""))
        values = {name: getattr(row, name) for name in row.__slots__}
        self.matters.append(
            matters.MatterRow(**{**values, "call_id": call_id, "hotline": line, "category": category})
        )
        self.add(
            tickets,
            number=row.number,
            revision=1,
            call_id=call_id,
            matter=len(self.matters),
            document="{}",
            content_sha256="",
            created_at=at,
        )
        return row.number

    def review(self, number: str, after: timedelta, corrected: str | None, review: int = 1) -> None:
        one = next(each for each in self.matters if each.number == number)
        self.add(
            reviews,
            number=number,
            review=review,
            call_id=one.call_id,
            revision=1,
            agent="张敏",
            decision="accepted",
            document="{}",
            words_sha256="",
            created_at=one.at + timedelta(minutes=1) + after,
            corrected=corrected,
        )

    def leg(self, call_id: str, leg: int, began: float, answered: float | None, by: str, **more: Any) -> None:
        """A leg to a target; times in seconds after the call came."""
        at = datetime.strptime(call_id[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        values: dict[str, Any] = {
            "call_id": call_id,
            "leg": leg,
            "direction": "out",
            "target": "坐席",
            "uri": "sip:x",
            "reason": "person",
            "sip_call_id": f"leg-{call_id}-{leg}",
            "began_at": at + timedelta(seconds=began),
            "answered_at": None if answered is None else at + timedelta(seconds=answered),
            "ended_at": at + timedelta(seconds=40),
            "ended_by": by,
            "cause": "",
        }
        self.add(legs, **{**values, **more})

    async def store(self, db: Database) -> None:
        async with db.write() as connection:
            order = (calls, legs, tickets, reviews, worklist, call_backs)
            for table in (each for each in order if each in self.rows):
                await connection.execute(sa.insert(table), self.rows[table])
            if self.matters:
                await matters.store(connection, self.matters)


@pytest.fixture
def days() -> Days:
    return Days()


async def test_each_hour_day_line_county_and_category_comes_to_the_whole(database, days):
    days.call(-0.01)  # the evening before
    first = days.call(0.0)
    days.ticket(first, "颍州区", "城乡建设_供水")
    days.ticket(first, "颍上县", "城乡建设")
    days.ticket(days.call(9.5, "12333"), "颍州区", "劳动和社会保障_欠薪", "12333")
    days.ticket(days.call(9.9), "阜阳经济技术开发区", "城乡建设规划")  # another one, though it begins alike
    days.ticket(days.call(23.99))
    days.call(33.0)  # the day after, at nine
    days.ticket(
        days.call(10.0, ended_at=None), "颍州区"
    )  # still lasts: filed with its ticket, and not counted
    placed = days.call(11.0)  # we have called somebody
    days.leg(placed, 0, 0.0, 5.0, "caller")
    days.ticket(placed, "颍泉区")
    await days.store(database)
    async with database.read() as connection:
        one = await count_volume(connection, Scope(DAY, DAY))
        both = await count_volume(connection, Scope(DAY, DAY + timedelta(days=1)))
        line = await count_volume(connection, Scope(DAY, DAY, "12333"))
    assert (one.calls, one.tickets) == (4, 5)
    assert one.hours == {0: 1, 9: 2, 23: 1}
    assert one.days == {DAY: 4}
    assert one.lines == {"12345": 3, "12333": 1}
    assert one.counties == {"颍州区": 2, "颍上县": 1, "阜阳经济技术开发区": 1, "": 1}
    assert one.categories == {"城乡建设": 2, "劳动和社会保障": 1, "城乡建设规划": 1, "": 1}
    assert (both.calls, both.hours[9], both.days[DAY + timedelta(days=1)]) == (5, 3, 1)
    assert (line.calls, line.tickets, line.lines, line.counties) == (1, 1, {"12333": 1}, {"颍州区": 1})


async def test_nothing_is_counted_of_a_line_that_is_not_to_be_known(database, days):
    days.ticket(days.call(8.0), "颍州区", "城乡建设")
    secret = days.call(8.5, "12356")
    number = days.ticket(secret, "颍泉区", "卫生计生", "12356")
    days.review(number, timedelta(minutes=5), "type")
    days.leg(secret, 1, 5, 15, "target")
    days.add(
        worklist,
        call_id=secret,
        hotline="12356",
        started_at=MIDNIGHT,
        title="",
        appeal="",
        county="",
        township="",
        urgency="一般",
        interrupted=False,
        call_back=True,
        low_confidence=False,
        place_missing=False,
        rank=3,
        state="待审核",
    )
    await days.store(database)
    async with database.read() as connection:
        hidden = Scope(DAY, DAY, hidden=frozenset({"12356"}))
        volume, found = await count_volume(connection, hidden), await measure(connection, hidden)
        asked = await count_volume(connection, Scope(DAY, DAY, "12356", frozenset({"12356"})))
        known = await measure(connection, Scope(DAY, DAY))
    assert (volume.calls, volume.tickets, volume.lines) == (1, 1, {"12345": 1})
    assert (volume.counties, volume.categories) == ({"颍州区": 1}, {"城乡建设": 1})
    assert (found.offered, found.passed, found.owed, found.reviewed) == (1, 0, 0, 0)
    assert (asked.calls, asked.tickets, asked.counties) == (0, 0, {})
    assert (known.offered, known.passed, known.owed, known.reviewed) == (2, 1, 1, 1)


async def test_measures_are_what_their_formulas_say(database, days):
    answered = [days.call(8.0, rings=1.0), days.call(8.1, rings=15.0), days.call(8.2, rings=20.0)]
    days.call(8.3, rings=None, reason=GONE)
    days.call(8.4, rings=None, reason=f"{HANDED_OVER}专线: its own side has put him through")
    answered.append(days.call(8.5, rings=4.0, reason=LEFT))
    days.call(8.0, rings=None, sip_call_id=f"sip-{answered[0]}")  # another gateway had no line for the first
    # Taken by the second; abandoned; refused, after which he spoke on; put through by his own side (who knows?)
    days.leg(answered[0], 1, 5.0, None, "target")
    days.leg(answered[0], 2, 8.0, 17.0, "target")
    days.leg(answered[1], 1, 20.0, None, "caller")
    days.leg(answered[2], 1, 20.0, None, "target")
    days.leg(answered[3], 1, 9.0, None, "gateway", sip_call_id=f"sip-{answered[3]}")
    owing = {"title": "", "appeal": "", "county": "", "township": "", "urgency": "一般", "interrupted": False}
    owing |= {"low_confidence": False, "place_missing": False, "rank": 3, "state": "待审核"}
    refused = days.call(8.6, rings=None)  # he tried three times, then he was called back
    for n, call_id in enumerate([*answered, refused]):
        how: dict[str, Any] = (
            {"missed": Missed.REFUSED, "tries": 3} if call_id == refused else {"missed": "", "tries": 1}
        )
        asked = {"call_id": call_id, "started_at": MIDNIGHT, "call_back": n < 3}
        days.add(worklist, hotline="12345", **asked, **how, **owing)
    answered.append(refused)
    ends = [datetime.strptime(one[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC) for one in answered]
    for n, minutes, result in (
        (0, 11, Result.NO_ANSWER),
        (0, 61, Result.REACHED),
        (1, 31, Result.REACHED),
        (2, 5, Result.NO_MORE),
        (4, 21, Result.REACHED),
    ):
        at = ends[n] + timedelta(minutes=minutes)
        days.add(call_backs, call_id=answered[n], at=at, agent="张敏", result=result, note="")
    for hours, corrected in ((1, ""), (2, "type place"), (3, "category"), (6, None)):
        days.review(days.ticket(answered[0]), timedelta(hours=hours), corrected)
    days.review(days.matters[0].number, timedelta(hours=90), "type category place", review=2)
    await days.store(database)
    async with database.read() as connection:
        found = await measure(connection, Scope(DAY, DAY))
        none = await measure(connection, Scope(DAY - timedelta(days=9), DAY - timedelta(days=9)))
    assert (found.offered, found.answered, found.promptly, found.unheard) == (8, 4, 3, 1)
    assert found.ring_s == pytest.approx(10.0, abs=0.001)
    assert (found.passed, found.connected, found.abandoned) == (3, 1, 1)
    assert found.wait_s == pytest.approx(12.0, abs=0.001)
    assert (found.owed, found.called) == (3, 3)
    assert found.call_back_s == pytest.approx(20 * 60, abs=0.001)
    assert (found.reviewed, found.compared, found.corrected) == (4, 3, 2)
    assert found.review_s == pytest.approx(3 * 3600, abs=0.001)
    assert found.corrections == {"type": 1, "category": 1, "place": 1}
    assert (none.offered, none.ring_s, none.wait_s, none.call_back_s, none.review_s) == (
        0,
        None,
        None,
        None,
        None,
    )
