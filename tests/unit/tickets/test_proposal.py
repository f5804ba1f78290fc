"""The city's own files: who should handle a matter and where it is, on the ticket and after a review."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from config.document import ConfigError
from gateway.service.rules import choose_rules, choose_some_rules, name_rules
from gateway.site.settings import DialogueSettings, Settings
from gateway.site.understanding import UnderstandingSettings
from tickets.categories.storage import ModelError
from tickets.divisions import DivisionsError
from tickets.meaning.files import RuleFiles, chosen
from tickets.meaning.understanding import go_by, prove, understand, use, version
from tickets.place import find
from tickets.review import Fields, Review, Sheet, lay_over

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AT = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)
SAID = "颍州区清河街道阳光花园3号楼路灯不亮"
DISPATCH = """
city: 阜阳市
days: 7
entries:
  - {category: 城乡建设, department: "{area}住建局", assisting: [城管局], days: 4}
  - {category: 环境保护, place: 颍州区清河街道, department: 清河街道办事处}
"""
POINTS = "name,longitude,latitude,county,township\n阳光花园,115.8,32.9,颍州区,清河街道\n"


@pytest.fixture(autouse=True)
def back_again() -> Iterator[None]:
    yield
    use(RuleFiles())


def write(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text)
    return file


def of(folder: Path, **texts: str) -> Settings:
    files: dict[str, Any] = {key: write(folder, key, text) for key, text in texts.items()}
    return Settings(understanding=UnderstandingSettings(**files))


def test_the_citys_files_are_gone_by_and_are_part_of_the_version(tmp_path: Path) -> None:
    before = version()
    choose_rules(of(tmp_path, dispatch=DISPATCH, points=POINTS))
    meant = understand(SAID, AT)
    assert meant.assigned is not None
    assert (meant.department, meant.assigned.assisting, meant.assigned.days) == (
        "颍州区住建局",
        ("城管局",),
        4,
    )
    assert meant.point == (115.8, 32.9)
    assert version() != before
    use(RuleFiles())
    assert version() == before
    assert understand(SAID, AT).point is None


def test_another_city_is_two_files(tmp_path: Path) -> None:
    gazetteer = 'counties:\n  - {code: "340111", name: 包河区, townships: [芜湖路街道]}\n'
    divisions = "340111\t包河区\n340111003\t芜湖路街道\n340111003001\t太湖社区居委会\n"
    choose_rules(of(tmp_path, gazetteer=gazetteer, divisions=divisions))
    place = find("芜湖路街道太湖社区路灯不亮")
    assert place is not None
    assert (place.county, place.village, place.division) == ("包河区", "太湖社区", "340111003001")
    assert find("颍州区停水") is None or find("颍州区停水").county == ""  # type: ignore[union-attr]


def test_files_are_proved_beside_those_gone_by_and_taken_at_once_as_they_stand_now(tmp_path: Path) -> None:
    settings = of(tmp_path, dispatch=DISPATCH, points=POINTS)
    choose_rules(settings)
    before = version()
    write(tmp_path, "dispatch", DISPATCH.replace("days: 4", "days: 2"))
    write(tmp_path, "points", POINTS.replace("115.8", "115.9"))
    proved = prove(name_rules(settings))
    assert version() == before
    meant = understand(SAID, AT)
    assert meant.assigned is not None
    assert (meant.assigned.days, meant.point) == (4, (115.8, 32.9))
    go_by(proved)
    assert version() != before
    meant = understand(SAID, AT)
    assert meant.assigned is not None
    assert (meant.assigned.days, meant.point) == (2, (115.9, 32.9))
    write(tmp_path, "points", "name\n")
    with pytest.raises(ConfigError, match="points"):
        prove(name_rules(settings))
    assert understand(SAID, AT) is meant


@pytest.mark.parametrize(
    ("file", "text", "fault"),
    [
        ("dispatch", DISPATCH.replace("环境保护", "环保"), ConfigError),
        ("points", "name\n", ConfigError),
        ("gazetteer", "counties: {}\n", ConfigError),
        ("divisions", "one line\n", DivisionsError),
    ],
)
def test_a_file_that_cannot_be_used_is_told_and_gone_without(
    tmp_path: Path, file: str, text: str, fault: type[Exception]
) -> None:
    settings = of(tmp_path, **{file: text})
    with pytest.raises(fault, match=file):
        choose_rules(settings)
    assert chosen() == RuleFiles()
    choose_some_rules(settings)
    assert understand(SAID, AT).place is not None


def test_a_folder_without_a_classifier_and_a_catalogue_of_ones_own_reach_the_suggestion(
    tmp_path: Path,
) -> None:
    with pytest.raises(ModelError, match="no classifier here"):
        choose_rules(Settings(understanding=UnderstandingSettings(classifier=tmp_path)))
    with pytest.raises(ConfigError, match="none"):
        choose_rules(Settings(dialogue=DialogueSettings(categories=tmp_path / "none.yaml")))


def ticket() -> dict[str, Any]:
    choose_rules(Settings())
    return {
        "appeal": {"category_1": "城乡建设", "category_2": "", "category_3": "", "related": []},
        "place": {
            "code": "341202",
            "county": "颍州区",
            "township": "清河街道",
            "village": "",
            "address": "阳光花园3号楼",
            "longitude": 115.8,
            "latitude": 32.9,
            "said": "",
        },
        "caller": {},
        "transcript": {"utterances": []},
        "proposal": {"lead_unit": "颍州区住建局", "support_units": ["城管局"], "days": 4, "reason": ""},
    }


def review(**changes: Any) -> Review:
    fields = {
        "type": "投诉",
        "title": "路灯不亮",
        "content": SAID,
        "category_1": "城乡建设",
        "category_2": "",
        "category_3": "",
        "urgency": "一般",
        "county": "颍州区",
        "township": "清河街道",
        "village": "",
        "address": "阳光花园3号楼",
        "contact": "",
        "confidential": False,
    }
    sheet = Sheet(fields=Fields.model_validate({**fields, **changes}))
    return Review("263297000014", 1, "x", 2, "a", "accepted", sheet, "", AT)


def test_what_an_agent_finds_it_to_be_is_proposed_for_anew(tmp_path: Path) -> None:
    from asr.transcript import Transcript  # noqa: PLC0415 - only here

    drafted, words = ticket(), Transcript(None, ())
    choose_rules(of(tmp_path, dispatch=DISPATCH, points=POINTS))
    same = lay_over(drafted, review(), words)
    assert same["proposal"] == drafted["proposal"]
    assert same["place"]["longitude"] == 115.8
    other = lay_over(drafted, review(category_1="环境保护"), words)
    assert other["proposal"]["lead_unit"] == "清河街道办事处"
    moved = lay_over(drafted, review(county="颍东区", township="", address="人民路"), words)
    assert (moved["place"]["longitude"], moved["place"]["latitude"]) == (None, None)
    assert moved["proposal"]["lead_unit"] == "颍东区住建局"
    assert lay_over(drafted, review(category_1=""), words)["proposal"] is None
