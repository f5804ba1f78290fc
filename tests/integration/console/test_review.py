"""The review page's own endpoints: the call's document, saving, deciding, and the call's whole story."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from callfolder import CallFolder

from console.claims import claim, find_claim
from console.policy import Role
from ivr.matter import Matter
from recordings import entries
from recordings.schema import outbox, tickets, worksheets
from recordings.users import claims, sessions
from tickets.filing import file_call
from tickets.meaning.files import RuleFiles
from tickets.meaning.understanding import use
from tickets.number import NumberBook

FIELDS = {
    "type": "求助",
    "title": "房子漏雨",
    "content": "慎城镇房子漏雨",
    "category_1": "城乡建设",
    "category_2": "",
    "category_3": "",
    "urgency": "紧急",
    "county": "颍上县",
    "township": "慎城镇",
    "village": "",
    "address": "",
    "contact": "13900001111",
    "confidential": True,
    "repeats": "",
}


async def ask(client, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    headers = {"Accept": "application/json", "X-CSRF-Token": client.csrf}
    answer = await client.ask(method, path, json=body, headers=headers)
    return answer.status, json.loads(answer.text)


async def read_sheet(client, call_id: str) -> dict[str, Any]:
    status, sheet = await ask(client, "GET", f"/calls/{call_id}/sheet")
    assert status == 200
    return sheet


def decision(kind: str = "accepted", base: int = 1, reason: str = "", **fields: Any) -> dict[str, Any]:
    corrections = [{"start": 1.0, "end": 3.0, "text": "颍上县慎城镇房子漏雨"}]
    sheet = {"fields": {**FIELDS, **fields}, "corrections": corrections, "reason": reason}
    return {"decision": kind, "base": base, "sheet": sheet}


@pytest.fixture
async def work(site, call):
    """An agent at a call: the browser, the call's id, its ticket's number."""
    call_id = await call("颍上县慎城真房子漏雨")
    client = await site.logged_in("张敏")
    sheet = await read_sheet(client, call_id)
    return client, call_id, sheet["tickets"][0]["number"]


async def test_the_document_tells_the_words_the_ticket_and_how_it_left(work):
    client, call_id, number = work
    sheet = await read_sheet(client, call_id)
    assert (sheet["call"]["call_id"], sheet["call"]["ended"], sheet["seconds"]) == (call_id, True, 4.0)
    (line,) = sheet["lines"]
    assert (line["who"], line["heard"], line["start"]) == ("caller", "颍上县慎城真房子漏雨", 1.0)
    assert line["text"] == "颍上县慎城真房子漏雨。"
    assert line["words"] == [["颍上县慎城真房子漏雨。", 1.0, 3.0, 0.9]]
    (ticket,) = sheet["tickets"]
    assert ticket["fields"]["content"] == "颍上县慎城真房子漏雨。"
    assert (ticket["number"], ticket["revision"], ticket["status"]) == (number, 1, "待审核")
    assert set(ticket["fields"]) == set(FIELDS)
    assert (ticket["delivery"]["state"], ticket["review"], sheet["worksheet"]) == ("pending", None, None)


async def test_where_it_lies_is_told_where_the_citys_points_know_it(site, call, tmp_path):
    points = tmp_path / "points.csv"
    points.write_text("name,longitude,latitude,county,township\n阳光花园,115.8,32.9,颍州区,清河街道\n")
    use(RuleFiles(points=points))
    try:
        calls = [await call(f"颍州区清河街道{place}路灯不亮") for place in ("阳光花园", "月光花园")]
    finally:
        use(RuleFiles())
    client = await site.logged_in("张敏")
    told = [(await read_sheet(client, one))["tickets"][0]["point"] for one in calls]
    assert told == ["115.8,32.9", ""]


async def test_what_is_typed_is_there_again_after_another_login(site, work):
    client, call_id, number = work
    edits = {"corrections": [], "tickets": {number: {"title": "漏雨", "contact": "139-half"}}}
    assert await ask(client, "PUT", f"/calls/{call_id}/worksheet", {"version": 0, "edits": edits}) == (
        200,
        {"version": 1},
    )
    sheet = await read_sheet(await site.logged_in("王芳"), call_id)
    assert sheet["worksheet"]["edits"] == edits
    assert (sheet["worksheet"]["agent"], sheet["worksheet"]["version"]) == ("张敏", 1)
    status, problem = await ask(client, "PUT", f"/calls/{call_id}/worksheet", {"version": 0, "edits": edits})
    assert (status, problem["title"]) == (409, "草稿没有存上")


@pytest.mark.parametrize("column", ["seen_at", "created_at"])
async def test_a_draft_outlives_the_login_in_which_it_was_written(site, work, column):
    client, call_id, number = work
    path = f"/calls/{call_id}/worksheet"

    def typed(title: str) -> dict[str, Any]:
        return {"corrections": [], "tickets": {number: {"title": title}}}

    assert (await ask(client, "PUT", path, {"version": 0, "edits": typed("漏雨")}))[0] == 200
    async with site.db.write() as connection:
        moment = datetime.now(UTC) - timedelta(hours=13)
        await connection.execute(sa.update(sessions).values({column: moment}))
        await connection.execute(sa.update(claims).values(until=moment))
    status, problem = await ask(client, "PUT", path, {"version": 1, "edits": typed("漏雨三天")})
    assert (status, problem["title"]) == (401, "请先登录")
    assert (await client.log_in("张敏")).status == 303
    kept = (await read_sheet(client, call_id))["worksheet"]
    assert (kept["version"], kept["agent"], kept["edits"]) == (1, "张敏", typed("漏雨"))
    # The page sends once more what was refused, with the new login's token.
    assert (await ask(client, "PUT", path, {"version": 1, "edits": typed("漏雨三天")})) == (
        200,
        {"version": 2},
    )
    assert (await read_sheet(client, call_id))["worksheet"]["edits"] == typed("漏雨三天")


async def test_a_decision_is_a_revision_on_its_way_and_ends_the_draft(site, work):
    client, call_id, number = work
    edits = {"corrections": [], "tickets": {number: {"title": "漏雨"}}}
    await ask(client, "PUT", f"/calls/{call_id}/worksheet", {"version": 0, "edits": edits})
    path = f"/calls/{call_id}/tickets/{number}/decision"
    told = {"revision": 2, "version": 0, "hold_s": 10.0}
    assert await ask(client, "POST", path, decision()) == (200, told)
    (ticket,) = (await read_sheet(client, call_id))["tickets"]
    assert (ticket["status"], ticket["review"]["agent"], ticket["fields"]) == ("已审核", "张敏", FIELDS)
    async with site.db.read() as connection:
        assert await connection.scalar(sa.select(sa.func.count()).select_from(outbox)) == 2
        assert await connection.scalar(sa.select(sa.func.count()).select_from(worksheets)) == 0
        assert await find_claim(connection, call_id, datetime.now(UTC)) is None  # its work is done
    assert ("张敏", "编辑", call_id) in await site.trail()
    status, problem = await ask(client, "POST", path, decision(base=1))
    assert status == 409
    assert "新的第 2 版" in problem["detail"]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (decision(title=" "), "标题不能为空"),
        (decision(contact="abc"), "联系电话格式不对"),
        (decision(county="合肥市"), "区县“合肥市”不在地名表中"),
        (decision(urgency="加急"), "紧急程度不在可选范围内"),
        (decision(content="\0"), "文字中有不可见字符"),
        ({"decision": "accepted", "base": 1}, "内容没有填写"),
        ([], "内容不符合要求"),
    ],
)
async def test_faults_are_told_by_the_fields_names_and_nothing_is_kept(site, work, body, told):
    client, call_id, number = work
    status, problem = await ask(client, "POST", f"/calls/{call_id}/tickets/{number}/decision", body)
    assert (status, problem["title"]) == (422, "请先改正")
    assert told in problem["detail"]
    async with site.db.read() as connection:
        assert await connection.scalar(sa.select(sa.func.count()).select_from(tickets)) == 1


async def test_a_ticket_is_not_sent_back_without_a_reason(work):
    client, call_id, number = work
    path = f"/calls/{call_id}/tickets/{number}/decision"
    status, problem = await ask(client, "POST", path, decision("returned"))
    assert (status, problem["detail"]) == (409, "请写明退回的原因。")
    assert (await ask(client, "POST", path, decision("returned", reason="重复")))[0] == 200


async def test_another_agents_call_is_looked_at_only(site, work):
    client, call_id, number = work
    await site.add("王芳")
    async with site.db.write() as connection:
        await claim(connection, call_id, "王芳", datetime.now(UTC))
    edits = {"version": 0, "edits": {"tickets": {number: {"title": "我的"}}}}
    for method, path, body in (
        ("PUT", f"/calls/{call_id}/worksheet", edits),
        ("POST", f"/calls/{call_id}/tickets/{number}/decision", decision()),
    ):
        status, problem = await ask(client, method, path, body)
        assert (status, problem["title"]) == (409, "已被领取")
        assert "王芳 正在处理" in problem["detail"]
    assert (await read_sheet(client, call_id))["tickets"][0]["revision"] == 1


async def test_what_callers_say_is_text_on_every_page(site, call):
    hostile = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
    call_id = await call(hostile)
    client = await site.logged_in("张敏")
    for path in (f"/calls/{call_id}", f"/calls/{call_id}/story"):
        page = (await client.get(path)).text
        assert "<script>alert" not in page
        assert "<img" not in page
    answer = await client.ask("GET", f"/calls/{call_id}/sheet")
    assert answer.headers["Content-Type"].startswith("application/json")


async def test_the_story_tells_what_was_said_and_what_became_of_it(work):
    client, call_id, number = work
    await ask(client, "POST", f"/calls/{call_id}/tickets/{number}/decision", decision())
    page = (await client.get(f"/calls/{call_id}/story")).text
    for told in (
        "138****2345 拨打 055812345",
        "颍上县慎城真房子漏雨",
        "来电人挂机",
        number,
        "第 2 版",
        "已审核",
    ):
        assert told in page
    assert "<del>一般</del> <ins>紧急</ins>" in page
    assert "<del>颍上县慎城真房子漏雨</del> <ins>颍上县慎城镇房子漏雨</ins>" in page


@pytest.mark.parametrize("keeper", ["ours", "theirs"])
async def test_the_story_tells_who_took_the_call_and_whose_ticket_it_is(site, tmp_path, keeper):
    told = CallFolder(tmp_path).begin().state(Matter(0, call_back="来电人要求人工，须回电"))
    told.note(
        entries.Dialled(1, 8.0, 0, 0, "person", "人工坐席", "sip:9000@127.0.0.1", keeper, "pbx-1"),
        entries.LegAnswered(1, 12.0),
        entries.ConnectedEvent(12.0, 0, "人工坐席"),
        entries.LegEnded(1, 42.0, "target", "200 OK", 30.0),
    )
    await file_call(site.db, NumberBook(tmp_path / "numbers", 1), told.hang_up(seconds=60.0).folder)
    page = (await (await site.logged_in("张敏")).get(f"/calls/{told.call_id}/story")).text
    assert "呼叫 人工坐席" in page
    assert "转接的通话结束,通话 0:30" in page
    assert ("没有工单:已转人工坐席(对方通话编号 pbx-1),通话 0:30,工单由对方生成" in page) == (
        keeper == "theirs"
    )
    assert ("<ins>人工坐席</ins>" in page) == (keeper == "ours")


LEG = (
    entries.Dialled(leg=1, target="张敏", uri="6001"),
    entries.LegAnswered(1, 1.0),
    entries.LegEnded(1, 48.0, talked=47.0),
)


@pytest.mark.parametrize(
    ("purpose", "more", "told"),
    [
        ("人工回拨", LEG, "人工回拨(工单 263280700013),通话 0:47"),
        ("回访", (entries.Concluded("other"),), "回访外呼,非本人"),
    ],
)
async def test_why_a_call_that_we_placed_has_no_ticket_is_told_in_chinese(
    site, tmp_path, purpose, more, told
):
    folder = CallFolder(tmp_path).begin().note(entries.Placed(purpose, "263280700013"), *more)
    await file_call(site.db, NumberBook(tmp_path / "numbers", 1), folder.hang_up(seconds=48.0).folder)
    page = (await (await site.logged_in("张敏")).get(f"/calls/{folder.call_id}/story")).text
    assert f"没有工单:{told}" in page


async def test_a_call_is_shown_under_the_name_its_line_had(site, call):
    client = await site.logged_in("张敏")
    now = "12333 人力资源社会保障"
    for line, told in (({"name": "劳动保障咨询"}, "12333 劳动保障咨询"), (None, now)):
        call_id = await call("漏雨", line={"hotline": "12333", **(line or {})})
        if line is None:  # as a ticket of before the lines were told
            async with site.db.write() as connection:
                where = tickets.c.call_id == call_id
                document = json.loads(await connection.scalar(sa.select(tickets.c.document).where(where)))
                text = json.dumps({**document, "line": None})
                await connection.execute(sa.update(tickets).where(where).values(document=text))
        shown = (await read_sheet(client, call_id))["call"]
        assert f"{shown['hotline']} {shown['line']}" == told
        assert told in (await client.get(f"/calls/{call_id}/story")).text


async def test_a_call_that_is_not_there(site):
    client = await site.logged_in("张敏")
    for path in ("story", "sheet"):
        assert (await client.get(f"/calls/20990101T000000-00000000/{path}")).status == 404


async def test_what_may_have_been_told_before_is_shown_and_linked_by_a_decision(site, call):
    earlier = await call("颍州区清河街道停水两天了没人管")
    await call("颍州区清河街道路灯坏了")
    call_id = await call("清河街道这边还在停水没水用上次反映过")
    client = await site.logged_in("张敏")
    (ticket,) = (await read_sheet(client, call_id))["tickets"]
    (before,) = (await read_sheet(client, earlier))["tickets"]
    assert (ticket["urged"], ticket["calls"], ticket["fields"]["repeats"]) == ("上次反映过", 2, "")
    (likely,) = ticket["likely"]
    assert (likely["number"], likely["call_id"], likely["own"]) == (before["number"], earlier, True)
    assert (likely["status"], likely["reasons"][:2]) == ("待审核", ["同一来电人", "同说停水"])
    assert 0.3 <= likely["score"] <= 1
    assert before["likely"] == []  # what came later is no earlier ticket
    path = f"/calls/{call_id}/tickets/{ticket['number']}/decision"
    for wrong, why in ((ticket["number"], "不能并到它自己"), ("263280700099", "没有编号为 263280700099")):
        status, problem = await ask(client, "POST", path, decision(repeats=wrong))
        assert (status, why in problem["detail"]) == (409, True)
    assert (await ask(client, "POST", path, decision(repeats="half")))[0] == 422
    assert (await ask(client, "POST", path, decision(repeats=before["number"])))[0] == 200
    query = sa.select(tickets.c.document).where(tickets.c.number == ticket["number"], tickets.c.revision == 2)
    async with site.db.read() as connection:
        document = json.loads((await connection.execute(query)).scalar_one())
    assert document["appeal"]["repeats"] == before["number"]
    (ticket,) = (await read_sheet(client, call_id))["tickets"]
    assert ticket["fields"]["repeats"] == before["number"]


async def test_others_with_the_same_matter_are_proposed_and_other_matters_are_not(site, call):
    same = await call("颍州区清河街道停水两天了没水用", contact="13900000001")
    await call("颍州区清河街道路灯坏了没人修", contact="13900000002")
    await call("颍东区向阳街道停水了", contact="13900000003")
    asked = await call("颍州区清河街道停水了没水用什么时候来水", contact="13900000004")
    client = await site.logged_in("张敏")
    (ticket,) = (await read_sheet(client, asked))["tickets"]
    assert [(one["call_id"], one["own"]) for one in ticket["likely"]] == [(same, False)]
    assert (ticket["calls"], ticket["urged"]) == (0, "")


async def test_a_decision_is_taken_back_until_it_has_left(site, work):
    client, call_id, number = work
    path = f"/calls/{call_id}/tickets/{number}"
    shift = (await read_sheet(client, call_id))["shift"]
    assert (shift["reviewed"], shift["waiting"]) == (0, 1)
    await ask(client, "POST", f"{path}/decision", decision(village="李庄村"))
    sheet = await read_sheet(client, call_id)
    assert (sheet["shift"]["reviewed"], sheet["shift"]["waiting"]) == (1, 0)
    assert sheet["tickets"][0]["take_back"]
    other = await site.logged_in("王芳")
    assert not (await read_sheet(other, call_id))["tickets"][0]["take_back"]
    status, problem = await ask(other, "POST", f"{path}/take-back")
    assert (status, problem["detail"]) == (409, "这个决定是 张敏 作出的,只能由本人撤回。")
    assert await ask(client, "POST", f"{path}/take-back") == (200, {"revision": 1})
    sheet = await read_sheet(client, call_id)
    (ticket,) = sheet["tickets"]
    assert (ticket["status"], ticket["revision"], ticket["take_back"]) == ("待审核", 1, False)
    assert sheet["worksheet"]["edits"]["tickets"][number]["village"] == "李庄村"
    assert sheet["claim"] == {"user": "张敏", "mine": True}
    assert ("张敏", "撤回", call_id) in await site.trail()
    await ask(client, "POST", f"{path}/decision", decision())
    async with site.db.write() as connection:
        await connection.execute(sa.update(outbox).values(attempts=1))  # as a courier's claim does
    assert not (await read_sheet(client, call_id))["tickets"][0]["take_back"]
    status, problem = await ask(client, "POST", f"{path}/take-back")
    assert (status, problem["title"], problem["detail"]) == (409, "没有撤回", "工单已经送出,撤不回了。")


async def test_an_emergency_waits_for_nobody_to_take_it_back(site, work):
    client, call_id, number = work
    path = f"/calls/{call_id}/tickets/{number}/decision"
    assert (await ask(client, "POST", path, decision(urgency="特急")))[1]["hold_s"] == 0
    async with site.db.read() as connection:
        due = await connection.scalar(sa.select(outbox.c.next_at).where(outbox.c.revision == 2))
    assert due <= datetime.now(UTC)


async def test_what_may_be_filled_in_is_offered_to_who_may_fill_it_in(site, call):
    call_id = await call("城关镇停水两天了没人管")
    client = await site.logged_in("张敏")
    (ticket,) = (await read_sheet(client, call_id))["tickets"]
    told = {offer["name"]: offer for offer in ticket["offers"]}
    assert told["太和县城关镇"]["fields"] == {"county": "太和县", "township": "城关镇"}
    assert (told["太和县城关镇"]["sure"], "4 处同名" in told["太和县城关镇"]["reason"]) == ("同名之一", True)
    looker = await site.logged_in("质检员", Role.QUALITY)
    assert (await read_sheet(looker, call_id))["tickets"][0]["offers"] == []
