"""What the dialogue is told of a caller's words: places of one name, and where another matter begins."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tickets.lookup import look_up
from tickets.meaning.matters import find_further
from tickets.place import find


@pytest.mark.parametrize("said", ["城关镇停水了", "城关停水", "我在城关镇,停水三天了"])
def test_a_township_that_several_are_called_finds_no_county(said: str) -> None:
    place = find(said)
    if place is not None:  # 城关 alone may be no name at all
        assert (place.county, place.township, place.code, place.division) == ("", "", "", "")
        assert set(place.rivals) == {"太和县城关镇", "临泉县城关街道", "阜南县鹿城镇", "颍上县慎城镇"}
        assert place.name.startswith("城关")


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("阜南城关镇停水了", "阜南县鹿城镇"),
        ("太和县城关镇停水了", "太和县城关镇"),
        ("颍上县城关镇停水", "颍上县慎城镇"),
        ("城关镇管仲社区停水了", "颍上县慎城镇管仲社区"),
    ],
)
def test_what_is_said_beside_it_settles_it(said: str, name: str) -> None:
    place = find(said)
    assert place is not None
    assert (place.name, place.rivals) == (name, ())


def test_each_candidate_is_called_by_what_tells_it_from_the_others() -> None:
    found = look_up("张庄村路灯不亮")
    assert (found.place_name, found.brief) == ("张庄村", "路灯不亮")
    assert [c.name for c in found.candidates] == ["太和县", "颍上县", "界首市"]
    assert [c.place for c in found.candidates] == ["太和县清浅镇", "颍上县黄桥镇", "界首市西城街道"]
    assert {*found.candidates[0].phrases} == {
        *("太和县", "太和", "清浅镇", "清浅"),
        *("太和县清浅镇", "太和县清浅", "太和清浅镇", "太和清浅"),
    }
    names = [c.name for c in look_up("王寨村路灯不亮").candidates]
    assert len(names) == len(set(names)) == 9
    assert "阜南县柴集镇" in names
    assert "太和县" in names
    assert [c.name for c in look_up("阜南县王寨村路灯不亮").candidates] == [
        "柴集镇",
        "赵集镇",
        "王化镇",
        "王店孜乡",
    ]


@pytest.mark.parametrize(
    ("answer", "name", "left"),
    [
        ("太和县肖口镇的", "太和县肖口镇王寨村", 0),
        ("不是太和是临泉", "临泉县谭棚镇王寨村", 0),
        ("伍明镇", "颍泉区伍明镇王寨村", 0),
        ("阜南的", "阜南县王寨村", 4),
        ("我也说不上来", "王寨村", 9),
    ],
)
def test_the_answer_is_looked_up_with_the_name(answer: str, name: str, left: int) -> None:
    found = look_up(answer, "王寨村")
    assert (found.place_name, len(found.candidates)) == (name, left)


@pytest.mark.parametrize(
    ("said", "parts"),
    [
        ("清河街道路灯坏了,还有一件事,物业乱收费", ["清河街道路灯坏了,", "还有一件事,物业乱收费"]),
        (
            "家里停水三天了另外楼下饭店油烟大得很再一个电梯老是坏",
            ["家里停水三天了", "另外楼下饭店油烟大得很", "再一个电梯老是坏"],
        ),
        ("路灯坏了好几天了另外晚上黑得看不见路", ["路灯坏了好几天了另外晚上黑得看不见路"]),
        ("我家停水三天了没人管", ["我家停水三天了没人管"]),
        ("清河街道路灯坏了还有一件事我家着火了快来人", ["清河街道路灯坏了还有一件事我家着火了快来人"]),
        ("", [""]),
    ],
)
def test_only_what_surely_is_another_matter_is_parted(said: str, parts: list[str]) -> None:
    cuts = (0, *find_further(said), len(said))
    assert [said[a:b] for a, b in pairwise(cuts)] == parts


def test_place_and_title_are_those_of_the_first_matter() -> None:
    said = "清河街道路灯坏了还有一件事慎城镇物业乱收费"
    found = look_up(said, several=True)
    assert (found.place_name, found.brief, found.further) == ("颍州区清河街道", "路灯坏了", (8,))
    assert look_up(said).further == ()
    second = look_up(said[8:])
    assert (second.place_name, second.brief) == ("颍上县慎城镇", "物业乱收费")
