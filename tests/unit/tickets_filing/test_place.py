from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickets.gazetteer import open_gazetteer
from tickets.numerals import read_number, write_digits
from tickets.place import brief, find

WORDS = [
    "颍州区",
    "颍上",
    "太和",
    "慎城镇",
    "清河街道",
    "人民西路",
    "双清路",
    "阳光小区",
    "张村",
    "一百二十八号",
    "三号楼",
    "不是",
    "我家在",
    "路灯",
    "停水",
    ",",
    "的",
    "a",
    "1",
]


@pytest.mark.parametrize(
    ("text", "name", "code", "said"),
    [
        ("清河街道", "颍州区清河街道", "341202", "清河街道"),
        ("人民西路一百二十八号", "人民西路128号", "", "人民西路一百二十八号"),
        ("清河街道 人民西路一百二十八号", "颍州区清河街道人民西路128号", "341202", None),
        ("颍上县慎城镇房子漏雨", "颍上县慎城镇", "341226", "颍上县慎城镇"),
        ("颍上慎城下水道堵塞", "颍上县慎城镇", "341226", "颍上慎城"),
        ("颍州区清河街道路灯不亮", "颍州区清河街道", "341202", "颍州区清河街道"),
        ("颍州区人民西路路灯坏了", "颍州区人民西路", "341202", None),
        ("我家在颍东的插花镇张庄村", "颍东区插花镇张庄村", "341203", "颍东插花镇张庄村"),
        ("我在双清路和颍州中路路口", "双清路和颍州中路路口", "", None),
        ("阳光小区三号楼二单元幺零二室漏水", "阳光小区3号楼2单元102室", "", None),
        ("太和小区停电", "太和小区", "", "太和小区"),
        ("太和县停电", "太和县", "341222", "太和县"),
        ("太和停电", "太和县", "341222", "太和"),
        ("太和路停电", "太和路", "", "太和路"),
        ("颍州中路", "颍州中路", "", "颍州中路"),
        ("阜城人民西路", "人民西路", "", "人民西路"),
        ("经开区京九街道", "阜阳经济技术开发区京九街道", "341272", None),
        ("不是,是颍州区", "颍州区", "341202", "颍州区"),
        ("不是鼓楼街道,是清河街道", "颍州区清河街道", "341202", "清河街道"),
        ("是清河街道不是鼓楼街道", "颍州区清河街道", "341202", "清河街道"),
        ("不在颍泉区,在颍东区", "颍东区", "341203", "颍东区"),
        ("老家临泉现在住颍泉区闻集镇", "颍泉区闻集镇", "341204", "颍泉区闻集镇"),
        ("临泉县的车在闻集镇坏了", "临泉县", "341221", "临泉县"),  # 闻集 is another name, no 陈集 misheard
        ("界首市心马集镇的路坏了", "界首市新马集镇", "341282", None),
        ("颍上县杨湖镇陈巷村的低保", "颍上县杨湖镇陈巷村", "341226", None),
        ("阜南县段郢乡围孜新村的路", "阜南县段郢乡围孜新村", "341225", None),
        ("太和县秒老集镇", "太和县苗老集镇", "341222", None),
        ("颍泉区慎城镇", "颍泉区", "341204", "颍泉区"),  # no such township there: the county is believed
    ],
)
def test_a_place_is_found(text: str, name: str, code: str, said: str | None):
    place = find(text)
    assert place
    assert (place.name, place.code) == (name, code)
    assert said is None or place.said == said


def test_what_sounds_like_a_longer_name_and_ends_in_another_is_no_certain_place():
    place = find("心马集镇的路坏了")
    assert place
    assert (place.county, place.township, place.called) == ("", "", "心马集镇")
    assert set(place.rivals) == {"界首市新马集镇", "太和县马集镇"}


def test_the_levels_are_told_apart():
    place = find("我家在阜阳市太和县城关镇解放路十二号")
    assert place
    assert (place.county, place.township, place.village, place.address) == (
        "太和县",
        "城关镇",
        "",
        "解放路12号",
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "我要投诉小区夜间施工噪音扰民",
        "我家停水三天了没人管",
        "电梯坏了",
        "路面塌陷",
        "马路塌陷",
        "水泥路坏了",
        "修路太慢",
        "下水道堵塞污水臭味很大",
        "我们村没有路灯",
        "村民都反映没有路灯",
        "老板拖欠工资三个月",
        "不是颍州区",
        "三号楼",
    ],
)
def test_no_place_is_made_up(text: str):
    assert find(text) is None


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("颍上县慎城镇房子漏雨", "房子漏雨"),
        ("我要投诉小区夜间施工噪音扰民", "小区夜间施工噪音扰民"),
        ("我家停水三天了没人管", "我家停水三天了没人管"),
        ("喂你好我要投诉垃圾没人管在颍州区人民西路", "垃圾没人管"),
        ("人民西路一百二十八号垃圾没人管清理", "垃圾没人管清理"),
        ("我想表扬公交车司机", "表扬公交车司机"),
        ("要求退款", "要求退款"),
        ("颍州区清河街道", "颍州区清河街道"),
        ("我家在颍州区清河街道", "我家在颍州区清河街道"),
        ("", ""),
        ("老板拖欠工资" * 10, ("老板拖欠工资" * 10)[:20]),
    ],
)
def test_the_title_leaves_out_place_and_formalities(text: str, title: str):
    assert brief(text) == title


@given(st.lists(st.sampled_from(WORDS), max_size=8).map("".join) | st.text(max_size=40))
def test_any_text_is_taken(text: str):
    place = find(text)
    assert len(brief(text)) <= 20
    if place:
        assert place.name
        assert place.said
        assert set(place.said) <= set(text)
        assert (place.code == "") == (place.county == "")


def test_every_name_of_the_gazetteer_finds_itself():
    gazetteer = open_gazetteer()
    assert len(gazetteer.codes) == 10
    assert len(gazetteer.township_counties) == 171
    for said, county in gazetteer.counties.items():
        place = find(said)
        assert place
        assert (place.county, place.code) == (county, gazetteer.codes[county])
    for township, county in gazetteer.township_counties.items():
        for said in (township, f"{county}{township}"):
            place = find(said)
            assert place
            if said in gazetteer.aliases:  # 城关镇: others are called so, too
                assert (place.county, place.township, place.called) == ("", "", said)
                assert f"{county}{township}" in place.rivals
            else:
                assert (place.county, place.township, place.address) == (county, township, ""), said


@pytest.mark.parametrize(
    ("spoken", "figures"),
    [
        ("八", "8"),
        ("十", "10"),
        ("十二", "12"),
        ("二十", "20"),
        ("一百二十八", "128"),
        ("一百二", "120"),
        ("一百零二", "102"),
        ("一百一十", "110"),
        ("两千三", "2300"),
        ("一千零五十", "1050"),
        ("一千零五", "1005"),
        ("幺零二", "102"),
        ("三零四", "304"),
    ],
)
def test_spoken_numbers_become_figures(spoken: str, figures: str):
    assert read_number(spoken) == figures
    assert write_digits(f"人民西路{spoken}号", "号") == f"人民西路{figures}号"
