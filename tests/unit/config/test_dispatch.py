from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from config.categories import read_categories
from config.dispatch import Assignment, read_dispatch
from config.document import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

CITY = """
city: 阜阳市
days: 7
entries:
  - {category: 环境保护, department: "{area}生态环境分局"}
  - {category: 环境保护_环境污染_噪音污染, department: "{area}公安局", assisting: ["{area}城管局"], days: 5}
  - {category: 环境保护_环境污染_噪音污染, place: 颍州区, department: 颍州区城管局}
  - {category: 环境保护_环境污染_噪音污染, place: 颍州区清河街道, department: 清河街道办事处, days: 1}
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "dispatch.yaml"
    file.write_text(text)
    return file


def test_the_lowest_category_counts_and_then_the_narrowest_place(tmp_path: Path) -> None:
    dispatch = read_dispatch(read_categories(), write(tmp_path, CITY))
    noise = ("环境保护", "环境污染", "噪音污染")
    assert dispatch.assign(noise) == Assignment(
        "阜阳市公安局", ("阜阳市城管局",), 5, "派单目录:环境保护_环境污染_噪音污染"
    )
    assert dispatch.assign(noise, "太和县") == Assignment(
        "太和县公安局", ("太和县城管局",), 5, "派单目录:环境保护_环境污染_噪音污染"
    )
    assert dispatch.assign(noise, "颍州区", "文峰街道") == Assignment(
        "颍州区城管局", (), 7, "派单目录:环境保护_环境污染_噪音污染,颍州区"
    )
    found = dispatch.assign(noise, "颍州区", "清河街道")
    assert found is not None
    assert (found.department, found.days) == ("清河街道办事处", 1)
    found = dispatch.assign(("环境保护", "环境污染", ""), "颍州区")
    assert found == Assignment("颍州区生态环境分局", (), 7, "派单目录:环境保护")
    assert dispatch.assign(("政法", "", "")) is None
    assert dispatch.assign(("", "", "")) is None


def test_every_category_of_the_embedded_catalogue_has_somebody_to_handle_it() -> None:
    dispatch = read_dispatch(read_categories())
    for path in read_categories():
        assert dispatch.assign(path, "颍东区") is not None, path


def test_every_fault_is_told_with_its_line(tmp_path: Path) -> None:
    wrong = CITY + "  - {category: 环保, department: 环保局}\n  - {category: 环境保护, department: 环保局}\n"
    with pytest.raises(ConfigError) as caught:
        read_dispatch(read_categories(), write(tmp_path, wrong))
    assert [line.split(":")[1] for line in str(caught.value).splitlines()] == ["9", "10"]
    assert "'环保' is not in the catalogue" in str(caught.value)
    assert "stands here a second time" in str(caught.value)
    with pytest.raises(ConfigError, match="days"):
        read_dispatch(read_categories(), write(tmp_path, CITY.replace("days: 5", "days: 0")))
