from __future__ import annotations

import pytest

from ivr.words import digits_in

ALL = ("yes", "no", "more", "done", "person", "repeat", "unknown")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("是的", "yes"),
        ("行", "yes"),
        ("行吧", "yes"),
        ("对对对", "yes"),
        ("没错", "yes"),
        ("没错了", "yes"),
        ("没问题", "yes"),
        ("不对", "no"),
        ("不是的", "no"),
        ("不行", "no"),
        ("没有", "no"),
        ("还没说完", "no"),
        ("有", "more"),
        ("还有", "more"),
        ("请再说一遍", "repeat"),
        ("我不知道", "unknown"),
        ("银行门口", None),
        ("对面小区施工", None),
        ("", None),
    ],
)
def test_what_answers(flow, text, answer):
    found = flow.words.find(text, ALL)
    assert (found.answer if found else None) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("满意", "satisfied"),
        ("很满意的", "satisfied"),
        ("基本满意", "fair"),
        ("还算满意吧", "fair"),
        ("不满意", "dissatisfied"),
        ("我不是很满意", "dissatisfied"),
        ("不怎么满意", "dissatisfied"),
        ("谈不上满意", "dissatisfied"),
        ("我对这个结果不是很满意的", "dissatisfied"),
    ],
)
def test_who_is_not_satisfied_is_not_taken_to_be(flow, text, answer):
    found = flow.words.find(text, ("satisfied", "fair", "dissatisfied"))
    assert found is not None
    assert found.answer == answer


@pytest.mark.parametrize(
    ("text", "answer", "rest"),
    [
        ("不是,是颍州区", "no", "颍州区"),
        ("不对不对应该是颍东区", "no", "颍东区"),
        ("不是的,应该是颍州区清河街道的路灯", "no", "颍州区清河街道的路灯"),
        ("还有我家停水三天了没人管", "more", "我家停水三天了没人管"),
        ("还有一个,那边路灯坏了", "more", "那边路灯坏了"),
        ("好的,还有一件事,路灯坏了", "more", "路灯坏了"),
        ("还有", "more", ""),
    ],
)
def test_what_follows_an_answer(flow, text, answer, rest):
    found = flow.words.find(text, ALL)
    assert (found.answer, found.rest) == (answer, rest)


@pytest.mark.parametrize(
    ("text", "beside"),
    [
        ("转人工", ""),
        ("人工", ""),
        ("人工人工", ""),
        ("找人", ""),
        ("真人", ""),
        ("客服", ""),
        ("人工服务", ""),
        ("我要找人", ""),
        ("我想找人", ""),
        ("给我找个人", ""),
        ("找接线员", ""),
        ("我找接线员", ""),
        ("找话务员", ""),
        ("我想找真人", ""),
        ("我要人工客服", ""),
        ("我要找人工客服", ""),
        ("人工坐席", ""),
        ("我要转人工", ""),
        ("请给我转人工", ""),
        ("喂你好我要找人", ""),
        ("找个人跟我说话", ""),
        ("转人工服务谢谢你了", ""),
        ("特别想转人工", ""),
        ("要不要转人工", ""),
        ("不行转人工", ""),
        ("你听不懂我说话转人工", "你听不懂我说话转人工"),
        ("转人工我家着火", "我家着火"),
        ("找人救命啊", "找人救命啊"),
        ("我家停水了转人工", "我家停水了转人工"),
    ],
)
def test_who_asks_for_a_person_and_what_is_said_with_it(flow, text, beside):
    found = flow.words.find_request(text)
    assert found is not None
    assert found.beside == beside


@pytest.mark.parametrize(
    "text",
    [
        "人工湖太脏",
        "人工湖太脏了没人管",
        "人工费没给",
        "我找人修水管",
        "我要找个人修水管",
        "找人打架",
        "不要转人工",
        "不用给我转人工",
        "别转人工",
        "客服态度不好",
        "接线员不理我",
        "我打了三次电话转人工都没人接",
        "救命",
        "我家停水三天了没人管",
        "你好",
        "",
    ],
)
def test_who_does_not_ask_for_a_person(flow, text):
    assert flow.words.find_request(text) is None


def test_a_word_of_two_classes_goes_to_the_first_asked_for(flow):
    assert flow.words.find("没有了", ("done", "no")).answer == "done"
    assert flow.words.find("没有了", ("no", "done")).answer == "no"


def test_digits_said_one_by_one():
    assert digits_in("幺三八,五五八幺 二三四五") == "13855812345"
    assert digits_in("零五五八两") == "05582"
    assert digits_in("不知道") == ""
