"""What an order of the duty switch does not do, whoever gave it is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

import pytest

from config.duty import Duty, Order
from gateway.service.duty import find_idle
from gateway.service.flows import read_dialogue
from gateway.site.settings import DialogueSettings
from ivr.target import Target

if TYPE_CHECKING:
    from ivr.hotline import Hotlines

NOW = datetime(2026, 7, 1, 4, 0, tzinfo=UTC)
AGENT = (Target("坐席", "sip:801@192.0.2.7"),)


@pytest.fixture(scope="module")
def hotlines() -> Hotlines:
    return read_dialogue(DialogueSettings())


def name_people(hotlines: Hotlines, *numbers: str) -> Hotlines:
    by_number = {
        number: tuple(replace(line, targets={"person": AGENT} if number in numbers else {}) for line in lines)
        for number, lines in hotlines.by_number.items()
    }
    return replace(hotlines, by_number=MappingProxyType(by_number))


def test_an_order_for_a_line_that_is_not_there(hotlines: Hotlines) -> None:
    (told,) = find_idle(Duty(orders=(Order(line="12354", since=NOW),)), hotlines, NOW)
    assert told.startswith("12354: 没有这条热线 / there is no such line")


def test_an_order_for_lines_that_have_nobody(hotlines: Hotlines) -> None:
    named = name_people(hotlines, "12333")
    assert list(find_idle(Duty(orders=(Order(line="12333", since=NOW),)), named, NOW)) == []
    (told,) = find_idle(Duty(orders=(Order(line="12345", since=NOW),)), named, NOW)
    assert told.startswith("12345: 没有可转接的人")
    (told,) = find_idle(Duty(orders=(Order(since=NOW),)), named, NOW)
    assert told.startswith("12345, 12300, 12301 … (32): 没有可转接的人")
    over = Order(since=NOW, until=NOW)
    assert list(find_idle(Duty(orders=(over,)), named, NOW)) == []
