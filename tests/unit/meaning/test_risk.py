from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickets.meaning.risk import KINDS, Watch, open_rules, spot, spot_partial

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
    "上个月我被人打了案子到现在没结果",
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


def test_one_alarm_a_matter_at_the_first_moment() -> None:
    watch = Watch()
    for at, text in ((2.0, "我家"), (3.0, "我家着火"), (4.0, "我家着火了快来"), (5.0, "我家着火了快来人")):
        watch = watch.hear(text, at, 1.5, final=False)
    assert watch.alarmed is not None
    assert (watch.alarmed.at, watch.alarmed.kind, watch.alarmed.start) == (4.0, "fire", 1.5)
    assert watch.hear("我妈晕倒了", 9.0, 8.0, final=True) == watch


def test_a_final_needs_no_words_behind() -> None:
    assert Watch().hear("我家着火", 3.0, 1.0, final=True).alarmed is not None


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
