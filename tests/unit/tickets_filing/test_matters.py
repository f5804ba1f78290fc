from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tickets.matters import describe_matter, find_urging, hour_of_week
from tickets.meaning.topics import name_main_topic
from tickets.meaning.words import plain

NUMBER = "263310100018"


def ticket(content: str, **changes: Any) -> dict[str, Any]:
    caller = {"number": "13855812345", "contact": "13900001111", "anonymous": False}
    return {
        "hotline": "12345",
        "call": {"call_id": "20261127T013000-00000001", "started_at": "2026-11-27T01:30:00Z"},
        "caller": {**caller, **changes.pop("caller", {})},
        "appeal": {
            "content": content,
            "category_1": "城乡建设",
            "category_2": "城市建设和市政管理",
            "category_3": "",
            "urgency": "一般",
        },
        "place": {"code": "341202", "county": "颍州区", "township": "清河街道", "said": "清河街道"},
        "recording": {"path": "calls/x"},
        "transcript": {"utterances": [{"text": content}]},
        **changes,
    }


def test_a_matter_is_what_its_ticket_says():
    row = describe_matter(NUMBER, ticket("清河街道停水两天了,没水做饭,物业说水管坏了,上次反映过"))
    assert (row.number, row.call_id, row.hotline) == (NUMBER, "20261127T013000-00000001", "12345")
    assert row.at == datetime(2026, 11, 27, 1, 30, tzinfo=UTC)
    assert row.hour == 4 * 24 + 9  # Friday, half past nine in the city
    assert (row.caller, row.topic) == ("13900001111", "停水")
    assert row.category == "城乡建设_城市建设和市政管理"
    assert (row.county, row.township, row.code, row.urgency) == ("颍州区", "清河街道", "341202", "一般")
    assert row.words.split() == ["停水", "没水", "物业", "水管"]
    assert row.urged == "上次反映过"


def test_no_place_name_number_or_filler_is_a_word():
    row = describe_matter(
        NUMBER, ticket("喂你好我叫王建国住在颍州区清河街道幸福小区三号楼电话13855812345路灯坏了")
    )
    assert row.words.split() == ["小区", "路灯"]


def test_without_a_topic_the_category_is_it():
    row = describe_matter(NUMBER, ticket("这个事情你们看着办"))
    assert row.topic == "城市建设和市政管理"


@pytest.mark.parametrize("content", ["(录音待转写)", "(语音未能识别,请听录音)", "(来电人未留言)"])
def test_what_stands_in_place_of_words_is_not_counted(content):
    row = describe_matter(NUMBER, ticket(content))
    assert (row.topic, row.words, row.urged) == ("", "", "")


def test_an_anonymous_lines_matter_says_nothing_even_when_an_agent_has_written_into_it():
    document = ticket(
        "停水了",
        caller={"number": "", "contact": "", "anonymous": True},
        recording=None,
        transcript={"utterances": []},
    )
    row = describe_matter(NUMBER, document)
    told = (row.caller, row.topic, row.county, row.township, row.code, row.words, row.urged)
    assert set(told) == {""}
    assert (row.hotline, row.urgency) == ("12345", "一般")


def test_who_withholds_his_number_is_counted_without_it():
    row = describe_matter(NUMBER, ticket("停水了", caller={"number": "", "contact": "", "anonymous": True}))
    assert (row.caller, row.topic, row.township) == ("", "停水", "清河街道")


def test_the_week_begins_on_monday_in_the_city():
    assert hour_of_week(datetime(2026, 11, 29, 16, 0, tzinfo=UTC)) == 0
    assert hour_of_week(datetime(2026, 11, 29, 15, 59, tzinfo=UTC)) == 167


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("物业说没办法 停水两天了 没水用", "停水"),
        ("路灯坏了,井盖也没了", "路灯"),
        ("谢谢你们", ""),
    ],
)
def test_the_main_topic_is_what_is_spoken_of_most_or_first(text, topic):
    assert name_main_topic(plain(text).text) == topic


@pytest.mark.parametrize(
    "text",
    [
        "我上次反映过停水的事到现在还没人来",
        "之前打过两次电话了没人管",
        "反映好几次了",
        "我想查一下我那个工单的进度",
        "帮我催一下",
        "我昨天投诉过了怎么还没处理",
        "我想问一下办得怎么样了",
        "已经报修三次了",
    ],
)
def test_who_asks_again_is_told(text):
    assert find_urging(plain(text).text)


@pytest.mark.parametrize(
    "text",
    [
        "我没反映过,第一次打",
        "催债公司天天打电话骚扰",
        "上次打过疫苗以后发烧",
        "路灯坏了没人修",
        "从来没投诉过",
    ],
)
def test_who_does_not_is_not(text):
    assert find_urging(plain(text).text) == ""
