from __future__ import annotations

from datetime import datetime

import pytest

from tickets.divisions import read_divisions
from tickets.gazetteer import open_gazetteer
from tickets.meaning.address import DOOR
from tickets.meaning.appeal import name_kind
from tickets.meaning.matters import split
from tickets.meaning.occasion import find_occasion
from tickets.meaning.personal import find_personal
from tickets.meaning.title import LONGEST
from tickets.meaning.topics import compare
from tickets.meaning.understanding import understand, version
from tickets.meaning.words import plain
from tickets.number import CITY_TIME
from tickets.numerals import read_amount, write_digits

AT = datetime(2026, 11, 27, 9, 30, tzinfo=CITY_TIME)  # a Friday


@pytest.mark.parametrize(
    ("text", "phone", "identity", "plate"),
    [
        ("我电话幺五六 零零二 八八七六五", "15600288765", "", ""),
        ("我电话幺五六,嗯零零二八,八七六五谢谢", "15600288765", "", ""),
        ("幺五六 后面是零零二八 再八七六五", "15600288765", "", ""),
        ("一三六五五八八七七零二不对是七七零三", "13655887703", "", ""),
        ("座机零五五八二二六五三幺八", "05582265318", "", ""),
        ("我的座机是二二六五三幺八", "2265318", "", ""),
        ("身份证三四幺二零四一九七零零三幺二零零二叉", "", "34120419700312002X", ""),
        ("车牌皖k九八a二七", "", "", "皖K98A27"),
        ("打一二三四五没人接", "", "", ""),
        ("一共欠我们三万两千六", "", "", ""),
        ("我住六十铺镇五十铺社区", "", "", ""),
    ],
)
def test_personal_numbers_are_found(text: str, phone: str, identity: str, plate: str) -> None:
    found = find_personal(plain(text).text)
    assert (found.phone, found.identity, found.plate) == (phone, identity, plate)


@pytest.mark.parametrize(
    ("spoken", "amount"),
    [
        ("八万六", 86000),
        ("两千三", 2300),
        ("三万四千五", 34500),
        ("一百二十", 120),
        ("30", 30),
        ("十五", 15),
        ("一亿", 10**8),
    ],
)
def test_amounts_are_read(spoken: str, amount: int) -> None:
    assert read_amount(spoken) == amount


def test_no_number_is_read_out_of_a_name() -> None:
    gazetteer = open_gazetteer()
    names = {*gazetteer.codes, *gazetteer.township_counties, *read_divisions().townships.values()}
    names |= {village.name for villages in gazetteer.villages.values() for village in villages}
    assert len(names) > 1500
    for name in names:
        assert write_digits(name, DOOR) == name
        assert find_personal(name).kinds == ()


@pytest.mark.parametrize(
    ("text", "when", "lasting", "often", "sums"),
    [
        ("前天晚上十点有人打架", "前天晚上十点(2026-11-25)", "", "", ()),
        ("停水三天了", "", "三天了", "", ()),
        ("上周三交了五百块钱", "上周三(2026-11-18)", "", "", (500,)),
        ("三天前来过", "三天前(2026-11-24)", "", "", ()),
        ("十月三号签的合同", "十月三号(2026-10-03)", "", "", ()),
        ("去年三月五号签的合同", "去年三月五号(2025-03-05)", "", "", ()),
        ("二零二四年三月五号签的合同", "二零二四年三月五号(2024-03-05)", "", "", ()),
        ("明年三月五号开庭", "明年三月五号", "", "", ()),
        ("下周三要停电", "下周三", "", "", ()),
        ("拖了三个月今天才说", "今天(2026-11-27)", "", "", ()),
        ("去年今天就报修过", "去年", "", "", ()),
        ("天天晚上放音乐", "", "", "天天", ()),
        ("路灯坏了", "", "", "", ()),
    ],
)
def test_the_occasion_is_told(text: str, when: str, lasting: str, often: str, sums: tuple[int, ...]) -> None:
    found = find_occasion(text, AT)
    assert (found.when, found.lasting, found.often, found.sums) == (when, lasting, often, sums)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("清河街道路灯坏了还有一件事我要投诉物业乱收费", 2),
        ("路灯坏了好几天另外下水道也堵了再一个垃圾没人拉走", 3),
        ("先说垃圾没人清完了再说个事孩子上学学籍转不了", 2),
        ("一呢是路灯不亮二呢是垃圾桶太少", 2),
        ("路口坑洼不平顺便问下几岁退休", 2),
        ("礼拜二是赶集的日子路堵得走不动", 1),
        ("老二来电话说路灯坏了一直没修", 1),
        ("房间号二零二呢楼上漏水了一直不修", 1),
        ("路灯坏了好几天了顺便问下啥时候能修好谢谢", 1),
        ("垃圾没人清还想问一下你们多久能处理", 1),
        ("我家停水三天了没人管", 1),
        ("家里还有小孩和老人要用水", 1),
        ("", 0),
    ],
)
def test_matters_are_split(text: str, count: int) -> None:
    assert len(split(plain(text))) == count


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("我不是投诉我就是想问一下物业费怎么收", "咨询"),
        ("我不咨询我要投诉", "投诉"),
        ("我家着火了我要投诉物业", "求助"),
        ("老板不给工资", "投诉"),
        ("有人半夜往河里偷排废水", "举报"),
    ],
)
def test_the_kind_is_what_is_meant(text: str, kind: str) -> None:
    meant = understand(text, AT)
    assert meant.appeal == kind
    assert meant.reasons["type"]


def test_the_kind_that_a_line_presets_is_taken_when_the_words_say_little() -> None:
    assert name_kind(plain("就是那个食堂"), "举报").appeal == "举报"
    assert name_kind(plain("我想咨询一下食堂"), "举报").appeal == "咨询"


def test_a_text_is_always_understood_alike() -> None:
    text = "喂你好,我是睡镇镇的,昨天老板欠我两千块钱,电话幺三九五五八幺二三八八"
    one, two = understand.__wrapped__(text, AT), understand.__wrapped__(text, AT)
    assert one == two
    assert one.version == version()
    assert all(one.reasons.values())


def test_a_title_is_short_and_tells_no_number_of_a_person() -> None:
    text = (
        "喂你好我想反映一下我们颍东区插花镇的路灯坏了好多天了没有人来修,"
        "我电话幺三九五五八幺二三八八,麻烦你们尽快派人来修一修谢谢"
    )
    title = understand(text, AT).title
    assert "路灯坏了" in title
    assert len(title) <= LONGEST
    assert "幺三九" not in title
    assert understand("", AT).title == ""


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("慎城镇管仲社区停水三天了", "颍上慎城镇管仲社区水龙头一滴水都没有", True),
        ("老板欠我们工资不给", "包工头干完活不给工钱", True),
        ("清河街道路灯坏了", "鼓楼街道路灯坏了", False),
        ("王店镇停水了", "王店镇停电了", False),
    ],
)
def test_two_texts_are_of_one_matter_or_not(one: str, other: str, *, same: bool) -> None:
    likeness = compare(one, other)
    assert likeness.same == same
    assert likeness.reasons
    assert compare(other, one).score == pytest.approx(likeness.score)
