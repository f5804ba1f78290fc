from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from config.categories import CatalogueEntry, CategoriesDocument, read_catalogue, read_categories
from config.document import ConfigError, embedded, load

if TYPE_CHECKING:
    from pathlib import Path

FIRST = {
    *("城乡建设", "农村农业", "政法", "教育文体", "劳动和社会保障", "民政", "党务政务", "经济管理"),
    *("卫生计生", "商贸旅游", "环境保护", "交通运输", "纪检监察", "国土资源", "科技与信息产业"),
}


def write(folder: Path, text: str) -> Path:
    file = folder / "categories.yaml"
    file.write_text(text)
    return file


def test_the_embedded_catalogue_has_the_petition_offices_categories() -> None:
    entries = read_catalogue()
    assert {e.path[0] for e in entries if not e.path[1]} == FIRST
    assert sum(bool(e.path[2]) for e in entries) == 517
    assert len({e.path for e in entries}) == len(entries)
    assert ("环境保护", "环境污染", "噪音污染") in read_categories()


def test_every_way_to_write_a_category(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        """
categories:
  - 政法
  - 城乡建设: [供水, {排水: [内涝]}]
  - name: 环境保护
    code: "07"
    below:
      - {name: 噪音, code: "0701", words: [扰民, 太吵], below: [施工, {name: 社会生活, words: [广场舞]}]}
""",
    )
    assert read_catalogue(file) == (
        CatalogueEntry(("政法", "", "")),
        CatalogueEntry(("城乡建设", "", "")),
        CatalogueEntry(("城乡建设", "供水", "")),
        CatalogueEntry(("城乡建设", "排水", "")),
        CatalogueEntry(("城乡建设", "排水", "内涝")),
        CatalogueEntry(("环境保护", "", ""), "07"),
        CatalogueEntry(("环境保护", "噪音", ""), "0701", ("扰民", "太吵")),
        CatalogueEntry(("环境保护", "噪音", "施工")),
        CatalogueEntry(("环境保护", "噪音", "社会生活"), "", ("广场舞",)),
    )


@pytest.mark.parametrize(
    "wrong",
    [
        "{words: [扰民]}",  # whose?
        "{name: 噪音, words: [吵]}",  # one character speaks for anything
        "{name: 噪音, code: 零七}",
        "{name: 噪音, word: [扰民]}",
        "{环境保护: [{噪音: [{施工: [夜间]}]}]}",  # a fourth level
    ],
)
def test_a_wrong_category_is_refused_with_its_line(wrong: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"categories\.yaml:2"):
        read_catalogue(write(tmp_path, f"categories:\n  - {wrong}\n"))


def test_no_word_stands_twice_under_one_category() -> None:
    assert load(CategoriesDocument, embedded("categories.yaml")).categories
    for entry in read_catalogue():
        assert len(set(entry.words)) == len(entry.words), entry
