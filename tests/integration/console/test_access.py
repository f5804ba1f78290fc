"""Every endpoint of the route table × who asks × whose object it is."""

from __future__ import annotations

import asyncio
import itertools
import json
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from consoleserver import serve_events
from yarl import URL

from console.app import make_app
from console.claims import claim
from console.masking import mask_lines, mask_text
from console.policy import ROLES, Policy, Right, Role
from console.routes import ROUTES
from gateway.calls import live
from recordings import entries, folders, schema, users
from recordings.callbacks import Result, note_attempt
from recordings.matters import surges

SAFE = {"GET"}
FRESH = "another good password"
WATCHED = (
    users.users,
    users.user_roles,
    users.sessions,
    users.claims,
    schema.worksheets,
    schema.tickets,
    schema.reviews,
    schema.outbox,
    schema.audit,
    surges,
)
AUDIT = WATCHED.index(schema.audit)
FIELDS = {
    "type": "求助",
    "title": "房子漏雨",
    "content": "房子漏雨",
    "category_1": "城乡建设",
    "category_2": "",
    "category_3": "",
    "urgency": "一般",
    "county": "",
    "township": "",
    "village": "",
    "address": "来电人没有说明",
    "contact": "",
    "confidential": False,
}
DECISION = {"decision": "accepted", "base": 1, "sheet": {"fields": FIELDS}}


def name_of(route) -> str:
    return f"{route.method} {route.path}"


async def snapshot(site) -> list[list[str]]:
    """Everything that a request may change."""
    async with site.db.read() as connection:
        return [sorted(map(str, await connection.execute(sa.select(table)))) for table in WATCHED]


async def number_of(site, call_id: str) -> str:
    async with site.db.read() as connection:
        query = sa.select(schema.tickets.c.number).where(schema.tickets.c.call_id == call_id)
        return (await connection.execute(query)).scalar_one()


async def hold(site, call_id: str, who: str) -> None:
    async with site.db.write() as connection:
        await connection.execute(users.claims.delete())
        await claim(connection, call_id, who, datetime.now(UTC))


def fill(route, call_id: str, number: str, name: str) -> str:
    path = route.path.replace("{call_id}", call_id).replace("{number}", number)
    path = path.replace("{surge}", "1")
    return path.replace("/static/{name}", "/static/console.css").replace("{name}", name)


async def enter_surge(site) -> None:
    """The one that the paths name."""
    now = datetime.now(UTC)
    told = {"topic": "停水", "county": "颍州区", "township": "清河街道", "reason": "3小时内4件,平时约0.1件"}
    times = dict.fromkeys(("began_at", "last_at", "found_at"), now)
    async with site.db.write() as connection:
        await connection.execute(surges.insert().values(id=1, count=4, expected=0.1, **told, **times))


def body_of(route) -> dict[str, object]:
    """What a page of ours sends there."""
    if route.path.endswith("/worksheet"):
        return {"json": {"version": 0, "edits": {"tickets": {}}}}
    if route.path.endswith("/decision"):
        return {"json": DECISION}
    form = {
        "/login": {"name": "同事", "password": "not this one, sorry"},
        "/account/factor": {"do": "begin"},
        "/account": {"old": "not this one, sorry", "new": FRESH, "again": FRESH},
        "/users": {"name": "新人", "password": FRESH, "role": "坐席"},
        "/users/{name}/active": {"active": ""},
        "/users/{name}/roles": {"质检": "1"},
        "/calls/{call_id}/assign": {"to": "我"},
        "/calls/{call_id}/call-back": {"result": "已接通"},
        "/users/{name}/password": {"password": FRESH},
        "/account/extension": {"extension": ""},
    }
    return {"data": form.get(route.path, {})}


def test_nothing_is_reachable_that_is_not_in_the_table(database, tmp_path):
    app = make_app(database, Policy(), dict, (), tmp_path, tmp_path, ())
    reachable = {(route.method, route.resource.canonical) for route in app.router.routes()}
    assert reachable == {(route.method, route.path) for route in ROUTES}
    assert len(ROUTES) == len(reachable)


def test_what_anyone_may_ask_is_named_here():
    public = {name_of(route) for route in ROUTES if route.right is None}
    login = {f"{method} /login{step}" for method in ("GET", "POST") for step in ("", "/code")}
    assert public == {"GET /static/{name}", *login}


READS = {"GET /calls/{call_id}" + part for part in ("", "/sheet", "/audio", "/peaks", "/story")} | {
    "GET /",
    "GET /live",
    "GET /live/events",
    "GET /surges",
}
OF_EACH_RIGHT = {
    Right.OWN: {
        "POST /logout",
        "GET /events",
        "POST /stay",
        "GET /account",
        "POST /account",
        "POST /account/logins",
        "POST /account/extension",
        "GET /account/factor",
        "POST /account/factor",
    },
    Right.READ: READS,
    Right.REVIEW: {
        "GET /next",
        "POST /next",
        "POST /calls/{call_id}/claim",
        "POST /calls/{call_id}/release",
        "POST /calls/{call_id}/call-back",
        "PUT /calls/{call_id}/worksheet",
        "POST /calls/{call_id}/tickets/{number}/decision",
        "POST /calls/{call_id}/tickets/{number}/take-back",
        "POST /surges/{surge}/seen",
    },
    Right.NUMBERS: {"GET /calls/{call_id}/number"},
    Right.DIAL: {"POST /calls/{call_id}/dial"},
    Right.AID: set(),  # asked for of single calls; see below
    Right.OVERVIEW: {"GET /overview", "GET /overview/words", "GET /overview/map"},
    Right.EXPORT: {"GET /overview/csv"},
    Right.LEAD: {"POST /calls/{call_id}/assign"},
    Right.DUTY: {"GET /duty", "POST /duty", "POST /duty/off"},
    Right.ACCOUNTS: {"GET /users"},
    Right.USERS: {
        f"POST /users{part}"
        for part in ("", *(f"/{{name}}/{deed}" for deed in ("active", "extension", "password")))
    },
    Right.GRANT: {"POST /users/{name}/roles", "POST /users/{name}/factor"},
    Right.LOGINS: {"GET /logins", "POST /logins/end", "POST /logins/unlock"},
    Right.AUDIT: {"GET /audit"},
}


def test_what_each_right_opens_is_named_here():
    opened = {right: {name_of(route) for route in ROUTES if route.right is right} for right in Right}
    assert opened == OF_EACH_RIGHT


@pytest.mark.parametrize("who", ["nobody", *Role])
async def test_each_role_may_what_its_rights_open_and_nothing_else(site, call, who):
    """Asked without the token that a change needs, so that what is allowed changes nothing either."""
    call_id = await call("房子漏雨")
    await site.add("同事")
    number = await number_of(site, call_id)
    client = site.client() if who == "nobody" else await site.logged_in("我", Role(who))
    rights = frozenset() if who == "nobody" else ROLES[Role(who)]
    before = await snapshot(site)
    for route in ROUTES:
        path, changes = fill(route, call_id, number, "同事"), route.method not in SAFE
        person = await client.ask(route.method, path, **body_of(route))
        script = await client.ask(
            route.method, path, headers={"Accept": "application/json"}, **body_of(route)
        )
        if route.right is None or route.right in rights:
            assert ("页面已过期" in script.text) is changes, name_of(route)
            assert person.status == script.status == 403 if changes else script.status < 400, name_of(route)
        elif who == "nobody":
            assert person.status == (401 if changes else 303), name_of(route)
            assert changes or person.headers["Location"].startswith("/login?next=")
            assert script.status == 401
            assert script.headers["Content-Type"].startswith("application/problem+json")
        else:
            assert (script.status, "没有权限" in script.text) == (403, True), name_of(route)
            home = route.path == "/"  # where a login leads
            assert person.status == (303 if home else 403), name_of(route)
            assert not home or person.headers["Location"] != "/"
    after = await snapshot(site)
    noted = SAFE & {"GET"} and Right.READ in rights
    assert (after == before) is not bool(noted)  # asking changes nothing; reading is noted
    del before[AUDIT], after[AUDIT]
    assert after == before


async def test_what_is_allowed_is_done_and_to_ones_own_calls_alone(site, call, subtests):
    for name in ("我", "同事"):  # whom the forms name
        await site.add(name)
    await enter_surge(site)
    for n, route in enumerate(r for r in ROUTES if r.method not in SAFE or r.right):
        async with site.db.write() as connection:
            await connection.execute(sa.update(schema.worklist).values(state="已审核"))
        with subtests.test(name_of(route)):
            await ask_for_both(site, await call("房子漏雨"), route, str(n))


async def ask_for_both(site, call_id: str, route, n: str) -> None:
    """What becomes of a request about another's call, and about one's own; whoever it is about is ``n``'s alone."""
    await site.add(f"同事{n}")
    number = await number_of(site, call_id)
    for who, whose in ((f"我{n}", "another's"), (f"他{n}", "own")):
        client = await site.logged_in(who, founder=True)
        holder = who if whose == "own" else f"同事{n}"
        await hold(site, call_id, holder)
        path, changes = fill(route, call_id, number, holder), route.method not in SAFE
        token = {"X-CSRF-Token": client.csrf} if changes else {}
        before = await snapshot(site)
        answer = await client.ask(route.method, path, headers=token, **body_of(route))
        after = await snapshot(site)
        if route.right is None:
            assert answer.status == 401
        elif whose == "another's" and changes and "{call_id}" in route.path and route.right is not Right.LEAD:
            # Nobody, a lead neither, works on a call that another holds.
            assert answer.status == 409
            assert after == before
        else:
            # A wrong password, and what nobody does to himself, are refused for what they are.
            told = {
                "/account": 422,
                "/account/logins": 404,
                "/account/factor": 422,  # the password is missing
                "/users/{name}/factor": 409 if whose == "own" else 404,
                "/logins/end": 404,
                "/logins/unlock": 404,
                "/users": 422 if whose == "own" else 200,  # the name is taken by then
                "/users/{name}/roles": 409 if whose == "own" else 200,
                "/users/{name}/password": 403
                if whose == "own"
                else 200,  # who may do all: by the machine alone
                "/next": 303 if whose == "own" else 200,
                "/stay": 204,
                "/calls/{call_id}/call-back": 409,  # nobody waits for one
                "/calls/{call_id}/dial": 409,  # there is no trunk to call by
                "/calls/{call_id}/tickets/{number}/take-back": 409,  # nothing has been decided
                "/calls/{call_id}/assign": 303,
                "/logout": 303,
                "/calls/{call_id}/claim": 303,
                "/calls/{call_id}/release": 303,
                "/surges/{surge}/seen": 303,
            }
            asked = 303 if route.path == "/next" else 200
            assert answer.status == (told.get(route.path, 200) if changes else asked)
            noted = route.path in {
                "/",
                "/live/events",
                "/surges",
                "/overview",
                "/overview/csv",
                *(f"/calls/{{call_id}}/{p}" for p in ("sheet", "story", "number", "audio")),
            }
            assert changes or (after == before) is not noted


async def test_calls_of_an_anonymous_line_are_known_to_who_may_know_of_them(make_site, call):
    async with make_site(Policy(), anonymous={"12356"}) as site:
        secret, plain = await call("请回电", danger=True), await call("房子漏雨")
        async with site.db.write() as connection:
            for table in (schema.calls, schema.worklist):
                await connection.execute(
                    sa.update(table).where(table.c.call_id == secret).values(hotline="12356")
                )
        agent, lead = await site.logged_in("坐席"), await site.logged_in("班长", Role.LEAD)
        number = await number_of(site, secret)
        listed = {who: (await who.get("/?state=全部")).text for who in (agent, lead)}
        assert [secret in listed[who] for who in (agent, lead)] == [False, True]
        assert all(plain in text for text in listed.values())
        for route in ROUTES:
            if "{call_id}" not in route.path:
                continue
            path = fill(route, secret, number, "")
            token = {"X-CSRF-Token": agent.csrf, "Accept": "application/json"}
            answer = await agent.ask(route.method, path, headers=token, **body_of(route))
            assert (answer.status, "没有权限" in answer.text) == (403, True), name_of(route)
        assert (await lead.get(f"/calls/{secret}/sheet")).status == 200
        for call_id, offered in ((secret, 0), (plain, 1)):  # who could not open it is not given it
            assert (await lead.get(f"/calls/{call_id}")).text.count("<option>坐席</option>") == offered
            given = await lead.post(f"/calls/{call_id}/assign", {"to": "坐席"})
            assert given.status == (303 if offered else 404)
            await lead.post(f"/calls/{call_id}/assign", {"to": ""})
        script = {"Accept": "application/json"}
        given = await agent.post("/next", headers=script)
        assert plain in given.text
        assert (await agent.post("/next", {"besides": plain}, headers=script)).status == 204
        assert secret in (await lead.post("/next", headers=script)).text


async def test_the_live_board_tells_of_an_anonymous_lines_calls_who_may_know_of_them(make_site, tmp_path):
    events, socket = live.Board(), tmp_path / "gateway.sock"
    gateway = await serve_events(events, socket)
    secret, plain = "20260701T083001-00000001", "20260701T083002-00000002"
    async with make_site(Policy(), anonymous={"12356"}, gateways=[socket]) as site:
        agent, lead = await site.logged_in("坐席"), await site.logged_in("班长", Role.LEAD)
        for call_id, line in ((secret, "12356"), (plain, "12345")):
            events.publish(call_id, entries.Incoming(caller="13855812345", called=line, hotline=line))
        told = {}
        for client in (agent, lead, agent):  # the third time all of it is known before
            async with client.http.get(f"{client.address}/live/events") as stream, asyncio.timeout(15):
                told[client] = ""
                while plain not in told[client]:
                    told[client] += (await stream.content.readuntil(b"\n\n")).decode()
        assert [secret in told[client] for client in (agent, lead)] == [False, True]
    await gateway.cleanup()


async def test_emergencies_that_somebody_may_not_know_of_push_out_no_others(make_site, call):
    async with make_site(Policy(), anonymous={"12356"}) as site:
        for _ in range(21):
            await call("请回电", danger=True)
        async with site.db.write() as connection:
            await connection.execute(sa.update(schema.worklist).values(hotline="12356"))
        plain, agent = await call("颍州区有人打架", danger=True), await site.logged_in("坐席")
        async with agent.http.get(f"{agent.address}/events") as stream, asyncio.timeout(15):
            told = json.loads((await stream.content.readuntil(b"\n\n")).removeprefix(b"data: "))
        assert [one["call_id"] for one in told["urgent"]] == [plain]


async def test_who_has_no_right_to_numbers_sees_them_masked(site, call):
    call_id = await call("颍上县慎城镇漏雨", identity="341202199001011232")
    agent, quality = await site.logged_in("坐席"), await site.logged_in("质检", Role.QUALITY)
    sheet = {"fields": {**FIELDS, "contact": "13855812345"}}
    path = f"/calls/{call_id}/tickets/{await number_of(site, call_id)}/decision"
    headers = {"X-CSRF-Token": agent.csrf}
    assert (await agent.ask("POST", path, json={**DECISION, "sheet": sheet}, headers=headers)).status == 200
    for part in ("sheet", "story"):
        told = [(await who.get(f"/calls/{call_id}/{part}")).text for who in (agent, quality)]
        for whole, masked in (("13855812345", "138****2345"), ("341202199001011232", "341****1232")):
            assert [whole in text for text in told] == [True, False], part
            assert masked in told[1], part


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("我的电话是幺三八五五八幺二三四五", "我的电话是幺三八****二三四五"),
        ("我的电话是13855812345。", "我的电话是138****2345。"),
        ("您的号码是138，5581，2345，对吗", "您的号码是138****2345，对吗"),
        ("家里电话二三四五六七八", "家里电话****六七八"),
        ("打12345没人接，2025年3月5号", "打12345没人接，2025年3月5号"),
        ("", ""),
    ],
)
def test_a_number_in_a_text_is_masked_as_it_is_written(text, masked):
    assert mask_text(text) == masked


def test_of_a_number_that_was_keyed_no_key_is_told():
    choice, keyed = [("prompt", "请按1"), ("key", "1")], [("key", key) for key in "13855812345#"]
    told = [*choice, ("prompt", "请按电话号码"), *keyed, ("system", "生成工单 263280700013")]
    assert mask_lines(told) == ["请按1", "1", "请按电话号码", *["•"] * 12, "生成工单 263280700013"]


async def test_who_has_no_right_to_numbers_reads_none_in_what_was_said(site, call):
    call_id = await call("房子漏雨请打幺三八五五八幺二三四五")
    agent, quality = await site.logged_in("坐席"), await site.logged_in("质检", Role.QUALITY)
    full = ("13855812345", "幺三八五五八幺二三四五")
    for path in (f"/calls/{call_id}/sheet", f"/calls/{call_id}/story", "/?state=全部&q=房子漏雨"):
        told = [(await who.get(path)).text for who in (agent, quality)]
        assert [any(number in text for number in full) for text in told] == [True, False], path
        assert "****" in told[1], path
    sheet = json.loads((await quality.get(f"/calls/{call_id}/sheet")).text)
    (line,) = sheet["lines"]
    assert "".join(word for word, *_ in line["words"]) == line["text"] == "房子漏雨请打138****2345。"
    assert sheet["tickets"][0]["fields"]["content"] == line["text"]


async def test_nor_in_the_notes_that_repeat_it(site, call):
    call_id = await call("房子漏雨请打幺三八五五八幺二三四五还有一件事我要投诉物业乱收费")
    agent, quality = await site.logged_in("坐席"), await site.logged_in("质检", Role.QUALITY)
    sheets = [json.loads((await who.get(f"/calls/{call_id}/sheet")).text) for who in (agent, quality)]
    told = ["".join(sheet["tickets"][0]["notes"]) for sheet in sheets]
    assert ["幺三八五五八幺二三四五" in notes for notes in told] == [True, False]
    assert "(1)房子漏雨请打幺三八****二三四五" in told[1]


async def test_nor_in_what_people_and_the_intake_write(site, call):
    call_id, later = await call("房子漏雨", danger=True), await call("房子漏雨")
    agent, quality = await site.logged_in("坐席"), await site.logged_in("质检", Role.QUALITY)
    wrote = "房子漏雨请打13855812345"
    number = await number_of(site, call_id)
    path = f"/calls/{call_id}/tickets/{number}/decision"
    sheet = {"fields": {**FIELDS, "title": wrote, "address": wrote}, "reason": wrote}
    returned = {"decision": "returned", "base": 1, "sheet": sheet}
    headers = {"X-CSRF-Token": agent.csrf}
    assert (await agent.ask("POST", path, json=returned, headers=headers)).status == 200
    async with site.db.write() as connection:
        await note_attempt(connection, call_id, "坐席", Result.NO_ANSWER, wrote, datetime.now(UTC))
        posted = sa.update(schema.outbox).where(schema.outbox.c.number == number)
        await connection.execute(posted.values(last_error=f"HTTP 503: {wrote}"))
        await connection.execute(sa.update(schema.worklist).values(title=wrote, state="待审核", rank=0))
    shown = {"sheet": 5, "story": 5, "repeats": 1, "urgent": 2}  # how often, at least, of each page
    told: dict[str, list[str]] = {name: [] for name in shown}
    for who in (agent, quality):
        told["sheet"].append((await who.get(f"/calls/{call_id}/sheet")).text)
        told["story"].append((await who.get(f"/calls/{call_id}/story")).text)
        told["repeats"].append((await who.get(f"/calls/{later}/sheet")).text)
        async with who.http.get(f"{who.address}/events") as stream, asyncio.timeout(15):
            told["urgent"].append((await stream.content.readuntil(b"\n\n")).decode())
    for name, (whole, masked) in told.items():
        assert whole.count("13855812345") >= shown[name], name
        assert "13855812345" not in masked, name
        assert masked.count("138****2345") >= shown[name], name


async def test_a_ticket_is_decided_as_one_of_its_own_call(site, call):
    mine, other = await call("房子漏雨"), await call("停水")
    await site.add("同事")
    client = await site.logged_in("我")
    async with site.db.write() as connection:
        await claim(connection, mine, "我", datetime.now(UTC))
        await claim(connection, other, "同事", datetime.now(UTC))
    before = await snapshot(site)
    path = f"/calls/{mine}/tickets/{await number_of(site, other)}/decision"
    headers = {"X-CSRF-Token": client.csrf, "Accept": "application/json"}
    answer = await client.ask("POST", path, json=DECISION, headers=headers)
    assert (answer.status, "没有编号为" in answer.text) == (409, True)
    after = await snapshot(site)
    held = WATCHED.index(users.claims)
    del before[held], after[held]  # one's own claim lasts longer
    assert after == before


async def test_ones_own_account_is_all_that_the_account_page_changes(site):
    await site.add("同事")
    client = await site.logged_in("我")
    form = {"old": "correct horse battery", "new": FRESH, "again": FRESH}
    named = {"name": "同事", "username": "同事", "user": "同事", "role": "系统管理员"}
    assert (await client.post("/account?name=同事", {**form, **named})).status == 200
    assert (await site.client().log_in("同事")).status == 303
    assert (await site.client().log_in("我", FRESH)).status == 303
    assert (await client.get("/users")).status == 403


async def test_a_change_without_its_token_is_refused(site, call):
    call_id = await call("房子漏雨")
    await site.add("同事")
    await enter_surge(site)
    client, other = await site.logged_in("我", founder=True), await site.logged_in("张敏", founder=True)
    number, before = await number_of(site, call_id), await snapshot(site)
    for route in ROUTES:
        if route.method in SAFE:
            continue
        path, body = fill(route, call_id, number, "同事"), body_of(route)
        for form, headers in (
            ({}, {}),
            ({"csrf": "x"}, {}),
            ({"csrf": ""}, {}),
            ({"csrf": other.csrf}, {}),
            ({}, {"X-CSRF-Token": "x"}),
            ({}, {"X-CSRF-Token": ""}),
            ({}, {"X-CSRF-Token": other.csrf}),
            ({"csrf": client.csrf}, {"X-CSRF-Token": "x"}),
            ({"csrf": client.csrf}, {"Sec-Fetch-Site": "cross-site"}),
            ({"csrf": client.csrf}, {"Sec-Fetch-Site": "same-site"}),
        ):
            given = body if "json" in body and not form else {"data": {**body.get("data", {}), **form}}
            answer = await client.ask(route.method, path, headers=headers, **given)
            assert answer.status == 403, (name_of(route), form, headers)
            assert "没有改动任何内容" in answer.text
        in_address = await client.ask(route.method, f"{path}?csrf={client.csrf}", **body)
        assert in_address.status == 403, name_of(route)
    assert await snapshot(site) == before


async def test_a_script_sends_the_token_as_a_header(site, call):
    call_id = await call("房子漏雨")
    client = await site.logged_in("我")
    headers = {"X-CSRF-Token": client.csrf, "HX-Request": "true"}
    assert (await client.ask("POST", f"/calls/{call_id}/claim", headers=headers)).status == 200


OTHERS = ("HEAD", "OPTIONS", "GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_path_answers_to_the_methods_of_the_table_alone(site, call):
    call_id = await call("房子漏雨")
    client = await site.logged_in("我", founder=True)
    number, before = await number_of(site, call_id), await snapshot(site)
    for route in ROUTES:
        allowed = {other.method for other in ROUTES if other.path == route.path}
        address = fill(route, call_id, number, "我")
        for method in set(OTHERS) - allowed:
            answer = await client.ask(method, address, headers={"X-CSRF-Token": client.csrf})
            assert answer.status == 405, (method, address)
            assert set(answer.headers["Allow"].split(",")) == allowed
            assert ("不能这样操作" in answer.text) == (method != "HEAD")
    assert await snapshot(site) == before


STRANGE = (
    "..%2f..%2fpyproject.toml",
    "..%2fapp.py",
    "%2e%2e%2fapp.py",
    "..%5capp.py",
    "....%2f%2fapp.py",
    "%2fetc%2fpasswd",
    "..",
    "%2e%2e",
    ".source",
    "console.js%00.css",
    "console.js%2f",
    "CONSOLE.JS",
    "console.js%ff",
    "x" * 5000,
)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_nothing_is_read_outside_of_the_static_files(site):
    client = site.client()
    for path in (f"/static/{name}{version}" for name in STRANGE for version in ("", "?v=0")):
        async with client.http.get(URL(client.address + path, encoded=True), allow_redirects=False) as answer:
            assert answer.status == 404, path
            assert "没有" in (await answer.json(content_type=None))["title"]


async def test_a_calls_name_is_no_path(site, call, tmp_path):
    """The review's page itself knows nothing of a call, and is the same for every name."""
    call_id = await call("房子漏雨")
    client = await site.logged_in("我", founder=True)
    (tmp_path / "secret").mkdir()
    inside = folders.locate(tmp_path, call_id)
    for name in (folders.AUDIO, "events.jsonl"):
        (tmp_path / "secret" / name).write_bytes((inside / name).read_bytes())
    number = await number_of(site, call_id)
    headers = {"X-CSRF-Token": client.csrf, "Accept": "application/json"}
    before = await snapshot(site)
    for name, route in itertools.product(
        (
            "..%2fsecret",
            "%2e%2e%2fsecret",
            f"..%2fspool%2f{call_id}",
            f"{call_id}%2f..%2f{call_id}",
            f"{call_id}%2f",
            f"{call_id}%00",
            f"{call_id}%20",
            f"{call_id}%ff",
            str(tmp_path / "secret").replace("/", "%2f"),
            "x" * 5000,
        ),
        [r for r in ROUTES if "{call_id}" in r.path],
    ):
        url = URL(client.address + fill(route, name, number, ""), encoded=True)
        async with client.http.request(route.method, url, headers=headers, **body_of(route)) as answer:
            # (Nobody holds what there is not: so a release is refused.)
            assert answer.status in ({404, 409} if route.path.endswith("/release") else {404}), name
            assert b"RIFF" not in await answer.read()
    assert await snapshot(site) == before


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "how", ["none", "made up", "logged out", "idle", "old", "disabled", "another's visitor"]
)
async def test_no_recording_leaves_without_a_session_that_holds(site, call, how):
    call_id = await call("房子漏雨")
    client = await site.logged_in("我")
    parts = [f"/calls/{call_id}/{what}" for what in ("audio", "peaks", "sheet", "story")]
    assert [(await client.get(path)).status for path in parts] == [200] * 4
    cookie = next(c.value for c in client.http.cookie_jar if c.key == "hotline-session")
    heard = await site.trail()
    now = datetime.now(UTC)
    old = {"idle": {"seen_at": now - timedelta(minutes=31)}, "old": {"created_at": now - timedelta(hours=13)}}
    if how == "logged out":
        await client.post("/logout")
        heard.append(("我", "退出", ""))
    if how in old:
        async with site.db.write() as connection:
            await connection.execute(sa.update(users.sessions).values(old[how]))
    if how == "disabled":
        async with site.db.write() as connection:
            await connection.execute(sa.update(users.users).values(active=False))
    stranger = site.client()
    sent = {
        "none": "",
        "made up": f"hotline-session={'x' * 43}",
        "another's visitor": f"hotline-visitor={cookie}; __Host-session={cookie}; session={cookie}",
    }.get(how, f"hotline-session={cookie}")
    for extra in ({}, {"Range": "bytes=0-"}, {"If-None-Match": "*"}, {"Authorization": f"Bearer {cookie}"}):
        headers = {"Accept": "*/*", "Cookie": sent, **extra}
        for path in (*parts, *(f"{part}?session={cookie}" for part in parts)):
            async with stranger.http.get(stranger.address + path, headers=headers) as answer:
                assert answer.status == 401
                assert set(json.loads(await answer.read())) == {"title", "status", "detail"}
    assert await site.trail() == heard
