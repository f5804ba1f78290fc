from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from config.document import ConfigError
from config.places import read_points

if TYPE_CHECKING:
    from pathlib import Path

POINTS = """name,longitude,latitude,county,township
阳光花园,115.8123,32.8901,颍州区,清河街道
阳光花园,115.9,33.1,太和县,城关镇
王寨村,115.7,33.2,太和县,肖口镇
人民西路,115.8,32.9
"""


def write(folder: Path, text: str | bytes) -> Path:
    file = folder / "points.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


@pytest.mark.parametrize(
    ("place", "point"),
    [
        (("颍州区", "清河街道", "", "阳光花园3号楼"), (115.8123, 32.8901)),
        (("太和县", "", "", "阳光花园"), (115.9, 33.1)),
        (("", "", "", "阳光花园3号楼"), None),
        (("颍东区", "", "", "阳光花园"), None),
        (("太和县", "肖口镇", "王寨村", ""), (115.7, 33.2)),
        (("颍州区", "", "", "人民西路128号"), (115.8, 32.9)),
        (("颍州区", "清河街道", "", ""), None),
    ],
)
def test_a_point_is_found_where_only_one_can_be_meant(tmp_path: Path, place, point) -> None:
    points = read_points(write(tmp_path, POINTS))
    assert len(points) == 4
    assert points.find(*place) == point


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name,lon,lat\n", "points.csv:1: the column 'longitude' is missing"),
        ("name,longitude,latitude\n阳光花园,115.8,\n", "points.csv:2: '阳光花园'"),
        ("name,longitude,latitude\n阳光花园,115.8,99\n", "points.csv:2: '阳光花园'"),
        ("name,longitude,latitude\n阳,115.8,33\n", "points.csv:2: '阳'"),
        ('name,longitude,latitude\n"阳光,1,2\n', "not CSV"),
        ("名称\n".encode("gbk"), "not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_its_line(tmp_path: Path, text, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        read_points(write(tmp_path, text))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.csv: cannot be read"):
        read_points(tmp_path / "none.csv")
