from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from recordings.schema import outbox as table
from tickets import letters, outbox
from tickets.alerting import enqueue_alerts

NOW = datetime(2026, 11, 24, 1, 2, 3, tzinfo=UTC)


def after(seconds):
    return NOW + timedelta(seconds=seconds)


@pytest.fixture
def put(database):
    async def put(number, *revisions, now=NOW):
        async with database.write() as connection:
            for revision in revisions:
                await outbox.enqueue(connection, number, revision, f'{{"r": {revision}}}', now)

    return put


@pytest.fixture
def claim(database):
    async def claim(now=NOW, lease_s=30.0, limit=10, kinds=outbox.KINDS):
        async with database.write() as connection:
            return await outbox.claim(connection, now, lease_s, limit, kinds)

    return claim


@pytest.fixture
def change(database):
    async def change(verb, *arguments, **options):
        async with database.write() as connection:
            return await verb(connection, *arguments, **options)

    return change


async def test_a_row_is_claimed_once_until_its_lease_ends(put, claim):
    await put("1", 1)
    (parcel,) = await claim()
    assert (parcel.number, parcel.revision, parcel.key, parcel.document, parcel.attempt) == (
        "1",
        1,
        "1-r1",
        '{"r": 1}',
        1,
    )
    assert await claim(after(29)) == []
    (again,) = await claim(after(30))
    assert (again.id, again.attempt) == (parcel.id, 2)


async def test_revisions_go_in_order_and_tickets_side_by_side(put, claim, change):
    await put("1", 1, 2, 3)
    await put("2", 2)
    first, other = await claim()
    assert (first.number, first.revision, other.number) == ("1", 1, "2")
    assert await claim() == []
    await change(outbox.postpone, first.id, "away", after(5), held=False)
    assert await claim(after(4)) == []
    assert [p.revision for p in await claim(after(5))] == [1]
    await change(outbox.accept, first.id, {"number": "FY1"}, after(6))
    (second,) = await claim(after(6))
    assert second.revision == 2
    await change(outbox.bury, second.id, "HTTP 422: no", after(7))
    assert [p.revision for p in await claim(after(7))] == [3]


async def test_the_limit_takes_the_longest_waiting(put, claim):
    await put("2", 1, now=after(-1))
    await put("1", 1, now=after(-2))
    await put("3", 1, now=after(-3))
    assert {p.number for p in await claim(limit=2)} == {"1", "3"}


async def test_has_due_agrees_with_claim(put, claim, database):
    async def has_due(now):
        async with database.read() as connection:
            return await outbox.has_due(connection, now)

    assert not await has_due(NOW)
    await put("1", 1)
    assert await has_due(NOW)
    assert not await has_due(after(-1))
    await claim()
    assert not await has_due(after(29))
    assert await has_due(after(30))


async def test_what_is_settled_stays_settled(put, claim, change, database):
    await put("1", 1)
    (parcel,) = await claim()
    await change(outbox.accept, parcel.id, {"number": "FY1"}, NOW)
    await change(outbox.postpone, parcel.id, "late answer of another courier", NOW, held=False)
    await change(outbox.bury, parcel.id, "and another", NOW)
    await change(outbox.release)
    await change(outbox.rouse, NOW)
    assert await claim(after(100)) == []
    async with database.read() as connection:
        row = (await connection.execute(sa.select(table))).one()
    assert (row.state, row.receipt, row.last_error, row.settled_at) == (
        "accepted",
        {"number": "FY1"},
        None,
        NOW,
    )


async def test_rousing_wakes_those_who_wait_but_not_those_held_nor_those_under_way(put, claim, change):
    for number in ("waiting", "held", "under way"):
        await put(number, 1)
    parcels = {p.number: p.id for p in await claim()}
    await change(outbox.postpone, parcels["waiting"], "HTTP 500", after(50), held=False)
    await change(outbox.postpone, parcels["held"], "HTTP 429", after(50), held=True)
    await change(outbox.rouse, after(1))
    assert [p.number for p in await claim(after(1))] == ["waiting"]
    assert {p.number for p in await claim(after(50))} == {"held", "waiting", "under way"}


async def test_releasing_gives_back_what_a_dead_courier_had_claimed(put, claim, change):
    await put("1", 1)
    await put("held", 1)
    first, held = await claim()
    await change(outbox.postpone, held.id, "HTTP 429", after(50), held=True)
    await change(outbox.release)
    assert [p.id for p in await claim()] == [first.id]


async def test_a_clock_set_back_by_an_hour_strands_nothing(put, claim):
    await put("1", 1)
    assert len(await claim(after(-3600))) == 1


async def test_dead_letters_say_why(put, claim, change, database):
    await put("1", 1)
    await put("2", 1)
    one, two = await claim()
    await change(outbox.bury, two.id, "HTTP 422: number: not known", after(1))
    await change(outbox.accept, one.id, {"number": "FY1"}, after(1))
    async with database.read() as connection:
        assert await letters.read_dead_letters(connection) == [
            letters.DeadLetter("2", 1, "HTTP 422: number: not known", after(1))
        ]


@pytest.mark.parametrize("later", ["accepted", "under way", "waiting"])
async def test_a_dead_letter_that_a_later_revision_makes_good_stays_dead(put, claim, change, database, later):
    await put("1", 1, 2)
    (first,) = await claim()
    await change(outbox.bury, first.id, "HTTP 422: no", NOW)
    if later != "waiting":
        (second,) = await claim()
    if later == "accepted":
        await change(outbox.accept, second.id, {"number": "FY1"}, NOW)
    assert await change(letters.revive, after(1)) == 0
    async with database.read() as connection:
        assert await letters.read_dead_letters(connection) == []
    assert [p.revision for p in await claim(after(1))] == ([2] if later == "waiting" else [])


async def test_dead_letters_come_back_to_life_in_order(put, claim, change):
    await put("1", 1, 2, 3)
    await put("2", 1)
    for _ in range(3):
        for parcel in await claim():
            await change(outbox.bury, parcel.id, "HTTP 422: no", NOW)
    assert await change(letters.revive, after(1)) == 4
    posted = []
    for _ in range(3):
        for parcel in await claim(after(1)):
            posted.append((parcel.number, parcel.revision))
            await change(outbox.accept, parcel.id, {"number": "FY1"}, after(1))
    assert posted == [("1", 1), ("2", 1), ("1", 2), ("1", 3)]
    assert await change(letters.revive, after(2)) == 0


async def test_what_is_given_up_is_kept_and_asked_about_no_more(put, claim, change, database):
    await put("1", 1, 2)
    await put("2", 1)
    refused, waiting = await claim()
    await change(outbox.bury, refused.id, "HTTP 404: no such line", after(1))
    assert await change(letters.drop, "1", "值班", "另行登记", after(2)) == 2, "with the revision behind it"
    assert await change(letters.drop, "1", "值班", "另行登记", after(3)) == 0
    async with database.read() as connection:
        assert await letters.read_dead_letters(connection) == []
        assert (await outbox.take_stock(connection)).dead == 0
        given_up = await letters.list_letters(connection, ["dropped"], 10)
        assert [(row.revision, row.settled_at, row.dropped, row.last_error) for row in given_up] == [
            (1, after(1), "值班: 另行登记", "HTTP 404: no such line"),
            (2, after(2), "值班: 另行登记", None),
        ]
        (opened, _) = await letters.open_letters(connection, "1")
        assert (opened.letter, opened.document, opened.receipt) == (given_up[0], '{"r": 1}', None)
        assert [row.number for row in await letters.list_letters(connection, ["pending"], 10)] == ["2"]
    assert await claim(after(4)) == []
    assert await change(letters.revive, after(4)) == 0
    assert await change(letters.revive, after(4), ["1"]) == 2, "its number brings it back"
    assert [parcel.revision for parcel in await claim(after(4))] == [1]
    # Given up while it is being posted: what the intake has, it has.
    await change(letters.drop, "2", "值班", "重复", after(5))
    await change(outbox.accept, waiting.id, {"number": "FY2"}, after(6))
    async with database.read() as connection:
        assert await letters.list_letters(connection, ["dropped"], 10) == []
        assert [row.number for row in await letters.list_letters(connection, ["accepted"], 10)] == ["2"]


async def test_what_is_on_its_way_for_an_hour_is_told_with_its_last_error(put, claim, change, database):
    for number, age in (("old", -3601), ("untried", -7200), ("new", -3599), ("done", -9000)):
        await put(number, 1, now=after(age))
    parcels = {p.number: p.id for p in await claim(after(-10))}
    await change(outbox.postpone, parcels["old"], "HTTP 429", after(50), held=True)
    await change(outbox.accept, parcels["done"], {"number": "FY1"}, NOW)
    async with database.read() as connection:
        assert await letters.read_overdue(connection, NOW) == [
            letters.Overdue("untried", 1, 1, None, after(-7200)),
            letters.Overdue("old", 1, 1, "HTTP 429", after(-3601)),
        ]


async def test_the_same_revision_twice_is_refused(put):
    await put("1", 1)
    with pytest.raises(sa.exc.IntegrityError):
        await put("1", 1)


async def test_two_couriers_never_claim_the_same(put, database_url, database):
    from recordings.database import open_database  # noqa: PLC0415

    for number in range(40):
        await put(str(number), 1)
    other = open_database(database_url)
    claimed = []
    for db in (database, other) * 5:
        async with db.write() as connection:
            claimed += await outbox.claim(connection, NOW, 30.0, 4)
    await other.close()
    assert len(claimed) == 40
    assert len({parcel.id for parcel in claimed}) == 40


async def test_an_alert_is_put_there_once_and_waits_for_no_ticket(put, claim, change, make_alert):
    await put("1", 1, now=after(-60))
    alert = make_alert(1)
    await change(enqueue_alerts, [alert, make_alert(2)], NOW)
    await change(enqueue_alerts, [alert], after(1))
    (first,) = await claim(limit=1, kinds=("alert",))
    assert (first.kind, first.key, first.document) == ("alert", alert.id, alert.model_dump_json())
    (second,) = await claim(limit=1, kinds=("alert",))
    assert (second.kind, second.number) == ("alert", make_alert(2).id)
    await change(outbox.accept, first.id, {"number": "YJ1"}, after(2))
    await change(enqueue_alerts, [alert], after(3))
    (left,) = await claim(after(4))
    assert (left.kind, left.number) == ("ticket", "1")
