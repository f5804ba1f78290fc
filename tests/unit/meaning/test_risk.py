from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickets.meaning.risk import Risk, press, spot, spot_partial
from tickets.meaning.risk_rules import KINDS, open_rules, phrases
from tickets.meaning.watch import Watch
from tickets.meaning.words import plain

DANGERS = [
    ("self_harm", "我站在楼顶上不想下来了"),
    ("self_harm", "你们要是不管我今天就死在这儿"),
    ("fire", "去年就说过线路不行现在真着火了"),
    ("gas", "我闻见好浓的煤气邻居家敲门没人开"),
    ("violence", "小偷进我家了我躲在衣柜里不敢出声"),
    ("medical", "我爹摔了一跤就起不来了说话也不清楚"),
    ("collapse", "墙塌了把我娘压底下了"),
    ("drowning", "两个女生手拉手往河中间走"),
    ("electric", "我爸在屋顶装太阳能被电打下来了"),
    ("traffic", "三轮车钻到大货底下了"),
    ("mass", "村民把挖掘机围了两边都拿着铁锹"),
]
NOTHING = [
    "没有着火就是烟大",
    "去年我们村着过火",
    "听说隔壁县有个厂爆炸了",
    "如果家里着火了应该打什么电话",
    "商场清仓跳楼价",
    "这天热死人了",
    "消防演习在哪报名",
    "手机掉水里了保修不给修",
    "电线杆上的网线耷拉到我家窗户上",
    "上个月我被人打了案子到现在没结果",
    "那个岔路口老出车祸能不能装个红绿灯",
    "上班路上被车撞了算不算工伤",
    "死了好几年的人还在领低保",
    "我的申请表压在抽屉里一年了",
    "变压器装在我卧室墙外头嗡嗡响",
    "垃圾填埋的离我们村三百米",
    "事故车被扣在停车场一天一百",
    "窗口那人刷视频叫他他翻白眼",
    "发水灾的救济粮给了自己人",
    "大车拉着货超载没人管",
    "我跟着伙计去领工资",
    "这水是来自沙颍河的",
    "从铁塔方向过来的车太吵",
    "黄昏到了路灯还不亮",
    "学校往我家菜地里淌水菜全淹死了",
    "",
]


@pytest.mark.parametrize(("kind", "text"), DANGERS)
def test_danger_is_heard(kind: str, text: str) -> None:
    risk = spot(text)
    assert risk is not None
    assert (risk.kind, text[risk.start : risk.end]) == (kind, risk.words)


@pytest.mark.parametrize("text", NOTHING)
def test_what_only_sounds_like_danger_is_none(text: str) -> None:
    assert spot(text) is None


def test_every_kind_has_its_examples() -> None:
    assert {kind for kind, _ in DANGERS} == set(KINDS)


def test_a_partial_waits_for_the_words_that_may_take_it_back() -> None:
    assert spot_partial("去咨询一下着火") is None
    assert spot_partial("我家着火") is None
    assert spot_partial("我家着火了快来人") is not None
    assert spot("我家着火") is not None


def test_what_may_become_danger_is_pressing() -> None:
    text = "这个电线耷拉着哪天电死人谁负责"
    assert (press(plain(text)), spot(text)) == ("电线耷拉", None)


def test_what_is_heard_otherwise_is_as_long_as_what_it_stands_for_and_is_told_of_as_it_was_said() -> None:
    assert [(o, w) for o, w in open_rules().heard.items() if len(o) != len(w)] == []
    risk = spot("路灯坏了,俺娘晕到了")
    assert risk is not None
    assert (risk.words, risk.start) == ("晕到了", 6)


@pytest.mark.parametrize("text", ["两个小孩没掉水里", "我家上回燃气漏了"])
def test_what_is_denied_or_over_amid_the_words_is_no_danger(text: str) -> None:
    assert spot(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "我家变压器爆炸了",
        "没看住孩子掉水里了",
        "没站稳掉河里了快来救",
        "不小心掉井里了",
        "不会游泳掉水里了",
        "没想到他跳楼了",
        "没人救火烧到我家了",
        "消防还没来火越来越大",
        "俺爹昨晚掉河里到现在没捞上来",
        "昨天晚上房子塌了人还压在下面",
        "俺家着货了快来人",
        "老头子昏到了",
        "井壁踏方了",
        "他说要自沙",
        "填埋场塌了埋了两个人",
        "摘棉花晕倒在地里了",
        "护栏被车撞断了车里的人卡在里面",
        "司机翻白眼了车停在路中间",
        "老爸被车撞了躺着不动",
        "着火了烧没了三间房人还没出来",
    ],
)
def test_danger_is_heard_among_words_that_mean_none_elsewhere(text: str) -> None:
    assert spot(text) is not None


def test_words_said_over_and_over_are_looked_at_only_where_others_are_near(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: list[object] = []
    monkeypatch.setattr("tickets.meaning.risk._holds", lambda *match: looked.append(match))
    assert spot("人" * 5000) is None
    assert looked == []


@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from([t for _, t in DANGERS] + NOTHING), max_size=5).map("".join)
)
def test_any_text_is_taken(text: str) -> None:
    risk = spot(text)
    assert risk is None or (risk.words and risk.start < risk.end)


def test_no_pattern_is_empty_and_none_takes_long() -> None:
    rules = open_rules()
    for _, pattern in rules.kinds:
        assert pattern.search("") is None
    text = re.sub(r"\s", "", "我们小区这个路灯坏了好几天了没有人来修老人出门看不见" * 60)
    began = time.process_time()
    assert spot(text) is None
    assert time.process_time() - began < 1.0


def test_what_a_recogniser_is_given_to_hear_tells_of_danger() -> None:
    assert [phrase for phrase in phrases() if spot(phrase) is None] == []
    assert [phrase for phrase in phrases() if not phrase.isalnum()] == []


def say(watch: Watch, text: str, start: float = 1.0) -> list[tuple[int, Risk]]:
    """Speak, one character a partial, and rest; how much of it was said when danger was told, and what."""
    told = [
        (length, risk)
        for length in range(1, len(text) + 1)
        if (risk := watch.follow(text[:length], start, settled=False))
    ]
    if risk := watch.follow(text, start, settled=True):
        told.append((len(text), risk))
    if risk := watch.end(text, start):
        told.append((len(text), risk))
    return told


@pytest.mark.parametrize(("kind", "text"), DANGERS)
def test_danger_is_told_once_a_phrase(kind: str, text: str) -> None:
    ((_, risk),) = say(Watch(), text)
    assert risk.kind == kind


@pytest.mark.parametrize("text", NOTHING)
def test_nothing_is_told_of_what_only_sounds_so_however_it_grows(text: str) -> None:
    assert say(Watch(), text) == []


def test_it_is_told_before_the_phrase_has_ended() -> None:
    ((length, _),) = say(Watch(), "我家着火了快来人楼上还有老人")
    assert length <= len("我家着火了快来")


def test_the_next_words_may_take_it_back_until_he_rests() -> None:
    watch = Watch()
    assert watch.follow("我家着火", 1.0, settled=False) is None
    assert watch.follow("我家着火了", 1.0, settled=False) is None
    assert watch.follow("我家着火了", 1.0, settled=True) is not None


def test_each_phrase_is_told_of() -> None:
    watch = Watch()
    assert len(say(watch, "我家着火了", 1.0)) == 1
    assert len(say(watch, "煤气也漏了", 4.0)) == 1


def test_what_was_said_before_bears_on_a_phrase() -> None:
    watch = Watch()
    assert say(watch, "去年", 1.0) == []
    assert say(watch, "我们家着火了", 4.0) == []
    watch = Watch()
    assert say(watch, "我在楼顶上站着呢", 1.0) == []
    assert len(say(watch, "不想下来了", 4.0)) == 1


def test_what_shrinks_is_looked_at_anew() -> None:
    watch = Watch()
    assert watch.follow("我家这个路灯不亮了好几天", 1.0, settled=False) is None
    assert watch.follow("我家着火了快", 1.0, settled=False) is not None


def test_a_long_phrase_costs_little() -> None:
    watch, text = Watch(), "我们小区这个路灯坏了好几天了没有人来修老人出门看不见" * 10
    began = time.process_time()
    assert say(watch, text) == []
    assert (time.process_time() - began) / len(text) < 0.005
