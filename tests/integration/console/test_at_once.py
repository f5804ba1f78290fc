"""Several agents at the same calls in the same moment, on both databases: nobody is told of a fault of ours."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest
import sqlalchemy as sa

from console.policy import Role
from recordings.schema import reviews, tickets, worksheets

_TOLD = {200, 204, 303, 409}


async def ask(client: Any, method: str, path: str, body: Any = None, **form: str) -> tuple[int, Any]:
    """As a page's script does; the status, and what was answered."""
    headers = {"Accept": "application/json", "X-CSRF-Token": client.csrf}
    answer = await client.ask(method, path, headers=headers, **({"data": form} if form else {"json": body}))
    return answer.status, json.loads(answer.text) if answer.text.startswith("{") else None


async def read_ticket(client: Any, call_id: str) -> dict[str, Any]:
    (ticket,) = (await ask(client, "GET", f"/calls/{call_id}/sheet"))[1]["tickets"]
    return dict(ticket)


def decision(ticket: dict[str, Any], kind: str = "accepted", reason: str = "") -> dict[str, Any]:
    fields = {**ticket["fields"], "type": "求助", "category_1": "城乡建设"}
    sheet = {"fields": fields, "corrections": [], "reason": reason}
    return {"decision": kind, "base": ticket["revision"], "sheet": sheet}


async def test_agents_who_claim_decide_save_and_give_back_at_once_are_told_and_nothing_is_torn(
    site, call, database
):
    calls = [await call(f"颍上县慎城镇房子漏雨第{n}次", appeal="求助") for n in range(5)]
    first, second = await site.logged_in("张敏"), await site.logged_in("王芳")
    lead = await site.logged_in("班长", Role.LEAD)
    dice = random.Random(28)
    for _ in range(3):
        deeds = []
        for call_id in calls:
            ticket, here = await read_ticket(lead, call_id), f"/calls/{call_id}"
            numbered = f"{here}/tickets/{ticket['number']}"
            edits = {"corrections": [], "tickets": {ticket["number"]: {"title": "漏雨"}}}
            for client in (first, second):
                deeds += [
                    ask(client, "POST", f"{here}/claim"),
                    ask(client, "POST", f"{numbered}/decision", decision(ticket)),
                    ask(client, "PUT", f"{here}/worksheet", {"version": 0, "edits": edits}),
                    ask(client, "POST", f"{numbered}/take-back"),
                    ask(client, "POST", f"{numbered}/decision", decision(ticket, "returned", "重复")),
                    ask(client, "POST", f"{here}/release"),
                    ask(client, "POST", "/next", besides=""),
                ]
            deeds.append(ask(lead, "POST", f"{here}/assign", to="王芳"))
        dice.shuffle(deeds)
        answers = await asyncio.gather(*deeds)
        assert {status for status, _ in answers} <= _TOLD, answers
    async with database.read() as connection:
        made = (await connection.execute(sa.select(tickets.c.number, tickets.c.revision))).all()
        decided = (await connection.execute(sa.select(reviews.c.number, reviews.c.revision))).all()
    for number in {row.number for row in made}:
        revisions = sorted(row.revision for row in made if row.number == number)
        assert revisions == list(range(1, len(revisions) + 1))
        assert sorted(row.revision for row in decided if row.number == number) == revisions[1:]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("deed", ["decision", "take-back"])
async def test_a_draft_saved_between_reading_and_writing_is_told_with_what_to_do(site, call, database, deed):
    call_id, client = await call("颍上县慎城镇房子漏雨"), await site.logged_in("张敏")
    ticket = await read_ticket(client, call_id)
    path = f"/calls/{call_id}/tickets/{ticket['number']}"
    if deed == "take-back":
        assert (await ask(client, "POST", f"{path}/decision", decision(ticket)))[0] == 200
    edits = {"corrections": [], "tickets": {"900000000001": {"title": "另一张"}}}
    assert (await ask(client, "PUT", f"/calls/{call_id}/worksheet", {"version": 0, "edits": edits}))[0] == 200

    async def is_waiting() -> bool:
        query = sa.text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        async with database.read() as connection:
            return bool(await connection.scalar(query))

    async with database.write() as elsewhere:  # as another version's process, which knows no claims
        await elsewhere.execute(sa.update(worksheets).values(version=worksheets.c.version + 1))
        asked = asyncio.create_task(ask(client, "POST", f"{path}/{deed}", decision(ticket)))
        async with asyncio.timeout(30):
            while not await is_waiting():  # noqa: ASYNC110 - a database tells nobody
                await asyncio.sleep(0.02)
    status, problem = await asked
    assert (status, "请重新载入后再改" in problem["detail"]) == (409, True)
    async with database.read() as connection:
        kept = json.loads(await connection.scalar(sa.select(worksheets.c.document)))
    assert kept["tickets"] == edits["tickets"]
