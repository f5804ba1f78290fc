from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest

from config.calendar import Calendar
from config.document import ConfigError, embedded
from gateway.doctor.parts import check_calendar
from ivr.actions import Prompt
from ivr.hotline import normalise
from ivr.hotlines import read_hotlines
from ivr.target import Hours, Target

TODAY = date(2026, 11, 25)
SPELLINGS = (
    "{}",
    "0558{}",
    "0558-{}",
    "+86558{}",
    "0086558{}",
    "tel:+86-558-{}",
    "sip:{}@10.0.0.1:5060;user=phone",
    "<sip:+86558{}@example.org>",
    "SIPS:0558{};phone-context=+86@x",
    "+860558{}",
    "86558{}",
    "+86{}",
)


def test_all_thirty_three_are_there(hotlines):
    assert len(hotlines) == 33
    modes = [h.mode for h in hotlines if h.is_in_force(TODAY)]
    assert [modes.count(m) for m in ("总线", "整体并入", "双号并行", "设分中心", "转接")] == [1, 12, 14, 5, 1]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_each_is_found_in_every_spelling(hotlines, spelling):
    for number in hotlines.by_number:
        found = hotlines.look_up(spelling.format(number), TODAY)
        assert found is not None
        assert found.number == number


@pytest.mark.parametrize("called", ["", "99999", "055112345", "sip:@", "0558", "+86", "1234512345"])
def test_another_number_is_none_of_them(hotlines, called):
    assert hotlines.look_up(called, TODAY) is None


def test_another_city_has_its_own_12345():
    assert normalise("055112345", "0558") == "055112345"
    assert normalise("+8655112345", "0558") == "55112345"


def test_a_line_speaks_its_own_name(hotlines):
    (line,) = hotlines.by_number["12301"]
    assert line.openings == {
        "opening": Prompt("opening_merged", {"hotline": "旅游投诉"}),
        "opening_by_keys": Prompt("opening_merged_by_keys", {"hotline": "旅游投诉"}),
    }
    (line,) = hotlines.by_number["12366"]
    assert line.openings["opening"].slots == {"department": "税务局", "hotline": "税务"}
    assert hotlines.front.openings == {}


def test_only_the_aid_line_has_a_dialogue_of_its_own_and_it_never_speaks_as_12345(hotlines, texts):
    own = [h for h in hotlines if h.flow is not hotlines.front.flow]
    assert [(h.number, h.mode, h.anonymous) for h in own] == [("12356", "转接", True)]
    said = [
        str(texts.prompts[p]) for node in own[0].flow.nodes.values() for p in getattr(node, "prompts", ())
    ]
    assert len(said) > 10
    assert not any("12345" in text or "幺二三四五" in text or "热线" in text for text in said)
    ends = [node for node in own[0].flow.nodes.values() if type(node).__name__ == "End"]
    assert all("幺二零" in str(texts.prompts[p]) for end in ends for p in end.prompts)


CATALOGUE = [("城乡建设", "", ""), ("城乡建设", "路灯", "")]
LINE = '  - {number: "12345", name: a, department: b, mode: 总线}'


OTHER = LINE.replace("12345", "12331").replace("总线", "整体并入")


def write(area_code: str = '"0558"', front: str = '"12345"', lines: str = LINE) -> str:
    return f"area_code: {area_code}\nfront: {front}\nhotlines:\n{lines}\n"


def other(more: str) -> str:
    """The front door, and one more line with these keys, on line 5."""
    return write(lines=f"{LINE}\n{OTHER.replace('}', f', {more}}}')}")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (write(lines="  []"), "hotlines"),
        (write(area_code="558"), ":1: area_code"),
        (write(front='"999"'), "the front door '999' is not among"),
        (write(lines=f"{LINE}\n{LINE}"), ":5: 12345: this number is listed twice for the same days"),
        (
            write(lines=LINE.replace("}", ", opening: nothing}")),
            ":4: 12345: the opening 'nothing' is no prompt",
        ),
        (write(lines=LINE.replace("}", ", from: 2026-01-01}")), ":4: 12345: the front door is always open"),
        (write(lines=LINE.replace("总线", "转接")), ":4: 12345: only the front door is a 总线"),
        (other("opening: confirm"), ":5: 12331: the opening 'confirm' has the slot 'brief', which nothing"),
        (other("opening_by_keys: nothing"), ":5: 12331: the opening_by_keys 'nothing' is no prompt"),
        (other("from: 2026-02-30"), ":5: hotlines.1.from"),
        (other("from: 2026-02-01, until: 2026-01-31"), ":5: 12331: it ends before it begins"),
        (other("category: 一_二_三_四"), ":5: 12331: the category '一_二_三_四' has not one to three levels"),
        (other("category: 一_"), ":5: 12331: the category '一_' has not one to three levels"),
        (other("flow: nowhere.yaml"), ":5: 12331: the flow 'nowhere.yaml' is neither beside this file"),
        (
            other("anonymous: false").replace("整体并入", "转接"),
            ":5: 12331: a line that is passed on would be answered as the front door",
        ),
        (other("anonymous: true"), ":5: 12331: an anonymous line needs a flow of its own"),
        (
            other("anonymous: true, flow: flows/default.yaml"),
            ":5: 12331: the flow 'flows/default.yaml' takes down what the caller says: connect_centre",
        ),
        (
            other("flow: flows/psychological_aid.yaml, opening: opening"),
            ":5: 12331: the flow 'psychological_aid' has no question for the opening",
        ),
        (
            other("category: 城乡"),
            ":5: 12331: the category '城乡' is not in the catalogue",
        ),
        (write(lines=LINE.replace("总线", "别的")), ":4: hotlines.0.mode"),
        (write(lines=LINE.replace("name", "nmae")), ":4: unknown key 'nmae'"),
    ],
)
def test_a_wrong_file_is_refused(flow, texts, tmp_path, body, message):
    (tmp_path / "h.yaml").write_text(body)
    with pytest.raises(ConfigError) as caught:
        read_hotlines(tmp_path / "h.yaml", texts, flow, CATALOGUE)
    assert message in str(caught.value)
    assert f"{tmp_path / 'h.yaml'}:" in str(caught.value)


def test_every_fault_is_told(flow, texts, tmp_path):
    (tmp_path / "h.yaml").write_text(other("opening: nothing, category: 一_, flow: nowhere.yaml"))
    with pytest.raises(ConfigError) as caught:
        read_hotlines(tmp_path / "h.yaml", texts, flow, CATALOGUE)
    assert len(str(caught.value).splitlines()) == 3


def test_a_flow_beside_the_file_is_proved_with_it(flow, texts, tmp_path):
    (tmp_path / "h.yaml").write_text(other("flow: own.yaml"))
    good = embedded("flows/psychological_aid.yaml").read_text()
    (tmp_path / "own.yaml").write_text(good)
    assert [f.name for f in read_hotlines(tmp_path / "h.yaml", texts, flow, CATALOGUE).flows] == [
        "default",
        "psychological_aid",
    ]
    (tmp_path / "own.yaml").write_text(good.replace("next: promised", "next: nowhere"))
    with pytest.raises(ConfigError) as caught:
        read_hotlines(tmp_path / "h.yaml", texts, flow, CATALOGUE)
    assert f"{tmp_path / 'own.yaml'}:" in str(caught.value)
    assert "'nowhere', which is no node" in str(caught.value)


def test_a_line_has_its_entries_in_the_order_of_time_and_the_name_of_the_day(flow, texts, tmp_path):
    times = {
        "第三": "from: 2026-01-01, until: 2026-06-30",
        "第一": "until: 2024-12-31",
        "第四": "from: 2027-01-01",
        "第二": "from: 2025-01-01, until: 2025-12-31",
    }
    lines = [OTHER.replace("name: a", f"name: {n}").replace("}", f", {t}}}") for n, t in times.items()]
    coming = LINE.replace("12345", "12333").replace("总线", "双号并行").replace("}", ", from: 2027-01-01}")
    (tmp_path / "h.yaml").write_text(write(lines="\n".join([LINE, *lines, coming])))
    hotlines = read_hotlines(tmp_path / "h.yaml", texts, flow, CATALOGUE)
    assert [line.name for line in hotlines.by_number["12331"]] == ["第一", "第二", "第三", "第四"]
    days = ("2020-01-01", "2025-12-31", "2026-06-30", "2026-11-25", "2027-01-01")
    names = [hotlines.names_on(date.fromisoformat(day))["12331"] for day in days]
    assert names == ["第一", "第二", "第三", "第三", "第四"]
    assert hotlines.names_on(TODAY) == {"12345": "a", "12331": "第三", "12333": "a"}


def test_a_category_may_be_as_fine_as_the_catalogue(flow, texts, tmp_path):
    for category in ("城乡建设", "城乡建设_路灯"):
        (tmp_path / "h.yaml").write_text(other(f"category: {category}"))
        (line,) = read_hotlines(tmp_path / "h.yaml", texts, flow, CATALOGUE).by_number["12331"]
        assert line.category == tuple(category.split("_"))


PERSON = 'person: [{name: 人工坐席, uri: "sip:9000@10.0.0.5"}]'
FRONT_TARGETS = LINE.replace("}", f", targets: {{{PERSON}, centre: [{{name: c, uri: 'sip:c@h'}}]}}}}")


def reach(lines: str, flow, texts, tmp_path):
    (tmp_path / "h.yaml").write_text(write(lines=lines))
    return {
        line.number: {reason: [t.name for t in listed] for reason, listed in line.targets.items()}
        for line in read_hotlines(tmp_path / "h.yaml", texts, flow, CATALOGUE)
    }


def test_a_line_reaches_whom_it_names_and_else_whom_the_front_door_does(flow, texts, tmp_path):
    own = OTHER.replace("}", ", targets: {danger: [{name: 指挥席, uri: 'sip:9110@h'}]}}")
    aid = OTHER.replace("12331", "12356").replace("整体并入", "转接")
    aid = aid.replace("}", ", anonymous: true, flow: flows/psychological_aid.yaml}")
    nobody = OTHER.replace("12331", "12333").replace("}", ", targets: {person: []}}")
    assert reach(f"{FRONT_TARGETS}\n{own}\n{aid}\n{nobody}", flow, texts, tmp_path) == {
        "12345": {"person": ["人工坐席"], "centre": ["c"]},
        "12331": {"person": ["人工坐席"], "danger": ["指挥席"]},
        "12356": {},
        "12333": {},
    }


def test_a_target_is_wrong_at_its_line(flow, texts, tmp_path):
    for wrong, message in (
        (
            "{persons: [{name: a, uri: 'sip:9000@h'}]}",
            ":5: 12331: nothing in the flow 'default' passes a call on",
        ),
        ("{person: [{name: a, uri: 'sip:a@h', ring_second: 5}]}", "did you mean 'ring_seconds'?"),
        *(
            (f"{{person: [{{name: a, uri: '{uri}'}}]}}", f":5: hotlines.1.targets.person.0.uri: {told}")
            for uri, told in (
                ("9000", "'9000' is no SIP address: write sip:USER@HOST"),
                ("tel:110", "'tel:110' is no"),
                ("sip:9000@", "'sip:9000@' is no"),
                ("sip:9000@10.0.0.5:99999", "'sip:9000@10.0.0.5:99999' is no"),
                ("sip:9000@2001:db8::1", "'sip:9000@2001:db8::1' is no"),
                ("sip:9000@[2001:db8::zz]", "'sip:9000@[2001:db8::zz]' is no"),
                ("sip:9000@[2001:db8::1::2]", "'2001:db8::1::2' is no IP address"),
                ("sip:9000@10.0.0.256", "'10.0.0.256' is no IP address"),
                ("sip:人工@10.0.0.5", "'sip:人工@10.0.0.5' is no"),
                ("sip:9000@10.0.0.5?Replaces=x", "'sip:9000@10.0.0.5?Replaces=x' is no"),
                (f"sip:{'9' * 300}@h", "'sip:99"),
            )
        ),
        ("{person: [{name: a, uri: 'sip:a@h', hours: [{from: '8:30', until: '17:30'}]}]}", "hours.0.from"),
        (
            "{person: [{name: a, uri: 'sip:a@h', hours: [{days: [0], from: '08:30', until: '17:30'}]}]}",
            "days.0",
        ),
        ("{person: [{name: a, uri: 'sip:a@h', transfer: cold}]}", "add `trunk:`"),
        (
            "{person: [{name: a, uri: 'sip:a@h', trunk: pbx, transfer: cold, kind: personal}]}",
            "a personal telephone is to press 1",
        ),
        (
            "{person: [{name: a, uri: 'sip:a@h', three_way: true}]}",
            ":5: 12331: a target may bring in somebody",
        ),
        (
            "{third: [{name: a, uri: 'sip:a@h', trunk: pbx, transfer: cold}]}",
            ":5: 12331: who is brought in as 'third'",
        ),
    ):
        with pytest.raises(ConfigError) as caught:
            reach(f"{LINE}\n{OTHER.replace('}', f', targets: {wrong}}}')}", flow, texts, tmp_path)
        assert message in str(caught.value)


def test_whom_an_agent_may_bring_in_may_stand_at_the_front_door(flow, texts, tmp_path):
    front = LINE.replace("}", ", targets: {third: [{name: 专家, uri: 'sip:9100@h'}]}}")
    own = OTHER.replace("}", ", targets: {person: [{name: a, uri: 'sip:a@h', three_way: true}]}}")
    reached = reach(f"{front}\n{own}", flow, texts, tmp_path)
    assert reached["12331"] == {"third": ["专家"], "person": ["a"]}


@pytest.mark.parametrize(
    "uri",
    [
        "sip:9000@10.0.0.5",
        "sips:queue.one@pbx_1.fuyang.example:5061;transport=tls",
        "sip:%2B8612345@[2001:db8::1]:5080",
        "sip:10.0.0.5",
        "sip:+86558;phone-context=x@h",
    ],
)
def test_addresses_that_can_be_called(uri, flow, texts, tmp_path):
    line = OTHER.replace("}", f", targets: {{person: [{{name: a, uri: '{uri}'}}]}}}}")
    assert reach(f"{LINE}\n{line}", flow, texts, tmp_path)["12331"] == {"person": ["a"]}


def test_hours_hold_on_their_days_and_past_midnight():
    day = Hours(frozenset({1, 2, 3, 4, 5}), time(8, 30), time(17, 30))
    night = Hours(frozenset({7}), time(22), time(6))
    monday = datetime(2026, 11, 23, 8, 30)  # noqa: DTZ001 - a time of the city
    assert day.holds(monday)
    assert not day.holds(monday.replace(hour=17))
    assert not day.holds(monday + timedelta(days=5))
    assert night.holds(monday.replace(hour=5))
    assert night.holds(monday.replace(hour=23) + timedelta(days=6))
    assert not night.holds(monday.replace(hour=23))
    target = Target("坐席", "sip:9000@h", hours=(day, night))
    assert target.is_open(monday)
    assert not target.is_open(monday.replace(hour=20))
    assert Target("坐席", "sip:9000@h").is_open(monday)


def test_hours_by_working_days_are_of_the_given_calendar(flow, texts, tmp_path):
    kept = "hours: [{days: workdays, from: '08:30', until: '17:30'}]"
    (tmp_path / "h.yaml").write_text(other(f"targets: {{person: [{{name: a, uri: 'sip:a@h', {kept}}}]}}"))
    friday = date(2026, 11, 27)
    for rest, is_open in ((frozenset(), True), (frozenset({friday}), False)):
        lines = read_hotlines(tmp_path / "h.yaml", texts, flow, CATALOGUE, Calendar(rest=rest))
        (target,) = lines.by_number["12331"][0].targets["person"]
        assert target.is_open(datetime.combine(friday, time(12))) == is_open
        assert not list(check_calendar(lines, date(2026, 11, 27)))
        assert [f.level for f in check_calendar(lines, date(2026, 12, 2))] == ["warning"]


def test_without_own_flows_a_line_keeps_what_it_is_and_is_led_by_an_embedded_one(flow, texts, tmp_path):
    (tmp_path / "h.yaml").write_text(other("flow: own.yaml, category: 城乡建设"))
    (tmp_path / "own.yaml").write_text("nodes: broken")
    catalogue = (("城乡建设", "", ""),)
    hotlines = read_hotlines(tmp_path / "h.yaml", texts, flow, catalogue, own_flows=False)
    (line,) = hotlines.by_number["12331"]
    assert (line.flow, line.category) == (flow, ("城乡建设",))
    (tmp_path / "h.yaml").write_text(other("flow: own.yaml, anonymous: true"))
    with pytest.raises(ConfigError, match="takes down what the caller says"):
        read_hotlines(tmp_path / "h.yaml", texts, flow, catalogue, own_flows=False)


@pytest.mark.parametrize("asked", ["identity", "day"])
def test_no_anonymous_line_is_led_by_a_flow_that_asks_who_calls_or_when_it_was(flow, texts, tmp_path, asked):
    text = embedded("flows/psychological_aid.yaml").read_text()
    leads = "来电人同意回电}, next: file}"
    assert text.count(leads) == 2
    question = f"digits: ask_{asked}, of: {asked}, invalid: wrong_{asked}"
    waits = 'timeout: 10, gap: 5, on: {"no": file}, next: file, tries: 2, then: file'
    text = text.replace(leads, leads.replace("file", "who")) + f"  who: {{{question}, {waits}}}\n"
    (tmp_path / "aid.yaml").write_text(text)
    (tmp_path / "h.yaml").write_text(other("flow: aid.yaml"))
    read_hotlines(tmp_path / "h.yaml", texts, flow, CATALOGUE)
    (tmp_path / "h.yaml").write_text(other("flow: aid.yaml, anonymous: true"))
    with pytest.raises(ConfigError) as caught:
        read_hotlines(tmp_path / "h.yaml", texts, flow, CATALOGUE)
    told = f":5: 12331: the flow 'aid.yaml' asks for '{asked}', of which nothing may be kept: who"
    assert told in str(caught.value)
    assert caught.value.remedy == "delete who and what leads to it, or name another flow"
