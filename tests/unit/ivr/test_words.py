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
        ("我要转人工", "person"),
        ("转人工服务谢谢你了", "person"),
        ("人工", "person"),
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
    ("text", "asks"),
    [
        ("转人工", True),
        ("我要转人工服务", True),
        ("人工湖太脏了没人管", False),
        ("我家停水三天了没人管", False),
    ],
)
def test_who_asks_for_a_person(flow, text, asks):
    assert flow.words.asks_for(text, "person") == asks


def test_a_word_of_two_classes_goes_to_the_first_asked_for(flow):
    assert flow.words.find("没有了", ("done", "no")).answer == "done"
    assert flow.words.find("没有了", ("no", "done")).answer == "no"


def test_digits_said_one_by_one():
    assert digits_in("幺三八,五五八幺 二三四五") == "13855812345"
    assert digits_in("零五五八两") == "05582"
    assert digits_in("不知道") == ""
