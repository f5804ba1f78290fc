from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import typer

from config.duty import DutyError, Order, place_of, read_duty, turn_off, turn_on
from gateway.cli.duty import read_until

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 7, 1, 4, 0, tzinfo=UTC)  # noon in the city
HOUR = timedelta(hours=1)


def test_an_order_holds_for_its_line_until_its_end(tmp_path: Path) -> None:
    assert read_duty(tmp_path).in_force(NOW) == ()
    turn_on(tmp_path, Order(line="12333", since=NOW, until=NOW + HOUR, by="王芳", why="窗口关闭"))
    duty = read_duty(tmp_path)
    assert duty.order_for("12345", NOW) is None
    order = duty.order_for("12333", NOW)
    assert order is not None
    assert (order.by, order.why) == ("王芳", "窗口关闭")
    assert duty.order_for("12333", NOW + HOUR) is None
    everywhere = turn_on(tmp_path, Order(since=NOW, by="李强"))
    assert [o.line for o in everywhere.in_force(NOW)] == ["", "12333"]
    assert everywhere.order_for("12345", NOW + 9 * HOUR) is not None
    assert turn_off(tmp_path, "", NOW).order_for("12345", NOW) is None
    assert read_duty(tmp_path).order_for("12333", NOW) is not None
    turn_off(tmp_path, None, NOW)
    assert read_duty(tmp_path).orders == ()


def test_what_is_over_is_forgotten_and_an_order_replaces_its_lines_last(tmp_path: Path) -> None:
    turn_on(tmp_path, Order(line="12333", since=NOW, until=NOW + HOUR))
    turn_on(tmp_path, Order(line="12331", since=NOW, why="one"))
    duty = turn_on(tmp_path, Order(line="12331", since=NOW + 2 * HOUR, why="two"))
    assert [(o.line, o.why) for o in duty.orders] == [("12331", "two")]


def test_orders_given_at_once_are_all_kept(tmp_path: Path) -> None:
    lines = [f"12{n:03}" for n in range(40)]
    threads = [
        threading.Thread(target=turn_on, args=(tmp_path, Order(line=line, since=NOW))) for line in lines
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(o.line for o in read_duty(tmp_path).orders) == lines
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".")] == []


@pytest.mark.parametrize(
    "content", ["", "{", '{"version": 2}', '{"orders": [{"line": "x"}]}', "[]", '{"orders": 1}', "\xff\x00"]
)
def test_what_is_not_understood_is_said_and_mended_by_the_next_order(tmp_path: Path, content: str) -> None:
    place_of(tmp_path).write_text(content, encoding="latin-1")
    with pytest.raises(DutyError, match=r"duty\.json: not understood: say anew what is to hold"):
        read_duty(tmp_path)
    turn_on(tmp_path, Order(since=NOW))
    assert json.loads(place_of(tmp_path).read_text())["version"] == 1


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        DutyError, match=r"nowhere.*: No such file or directory: the duty switch was not thrown"
    ):
        turn_on(tmp_path / "nowhere", Order(since=NOW))


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("18:00", datetime(2026, 7, 1, 10, 0, tzinfo=UTC)),
        ("8:30", datetime(2026, 7, 2, 0, 30, tzinfo=UTC)),
        ("2026-07-03T08:00", datetime(2026, 7, 3, 0, 0, tzinfo=UTC)),
        ("2026-07-01T04:00:05+00:00", NOW + timedelta(seconds=5)),
    ],
)
def test_an_end_is_read_in_the_citys_time(text: str, end: datetime) -> None:
    assert read_until(text, NOW) == end


@pytest.mark.parametrize("text", ["24:00", "soon", "2026-07-01T11:59", "2020-01-01"])
def test_an_end_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        read_until(text, NOW)
