"""What an agent is offered to fill in at once, and what not."""

from __future__ import annotations

from typing import Any

from tickets.offers import make_offers


def document(content: str, *, anonymous: bool = False, **said: str) -> dict[str, Any]:
    appeal = {"content": content, **{f"category_{n}": "" for n in (1, 2, 3)}}
    place = dict.fromkeys(("county", "township", "village", "address"), "")
    return {
        "caller": {"anonymous": anonymous},
        "appeal": appeal | {name: value for name, value in said.items() if name in appeal},
        "place": place | {name: value for name, value in said.items() if name in place},
    }


def names(content: str, spoken: str = "", **said: Any) -> list[tuple[str, str]]:
    return [(offer.name, offer.sure) for offer in make_offers(document(content, **said), spoken)]


def test_a_category_is_offered_whole_with_how_likely_it_is_and_by_which_words():
    first = make_offers(document("颍州区清河街道停水两天了"), "")[0]
    assert first.fields == {
        "category_1": "城乡建设",
        "category_2": "城市建设和市政管理",
        "category_3": "自来水供应",
    }
    assert int(first.sure.rstrip("%")) > 70
    assert "“停水”" in first.reason


def test_several_are_offered_the_likeliest_first_and_none_without_a_word_for_it():
    categories = [sure for name, sure in names("太和县拖欠农民工工资要求尽快解决") if "›" in name]
    assert len(categories) > 1
    shares = [int(sure.rstrip("%")) for sure in categories]
    assert shares == sorted(shares, reverse=True)
    assert names("嗯") == []
    assert names("(来电人没有说话)") == []


def test_the_place_that_the_ticket_has_already_is_not_offered():
    place = {"county": "颍州区", "township": "清河街道"}
    for content in ("颍州区清河街道停水两天了", "颍州区停水两天了"):  # a coarser place is no better one
        assert [name for name, _ in names(content, **place) if "›" not in name] == []


def test_of_places_of_one_name_each_is_offered():
    places = [one for one in names("城关镇我家房子漏雨") if "›" not in one[0]]
    assert ("太和县城关镇", "同名之一") in places
    assert ("阜南县鹿城镇", "同名之一") in places


def test_a_place_that_was_said_elsewhere_in_the_call_or_heard_by_its_sound():
    offers = make_offers(document("睡镇镇停水"), "睡镇镇停水 我在颍上县慎城镇")
    places = [offer for offer in offers if "county" in offer.fields]
    assert [(offer.name, offer.sure) for offer in places] == [
        ("太和县税镇镇", "按读音"),
        ("颍上县慎城镇", "说得明确"),
    ]
    assert "别处" in places[1].reason


def test_a_road_alone_leaves_the_county_that_stands_there():
    (road,) = [
        offer
        for offer in make_offers(document("人民西路38号路灯坏了", county="颍州区"), "")
        if "address" in offer.fields
    ]
    assert road.fields == {"address": "人民西路38号"}


def test_of_an_anonymous_line_nothing_is_offered():
    assert names("颍州区清河街道停水两天了", anonymous=True) == []
