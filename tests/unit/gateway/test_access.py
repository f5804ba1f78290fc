"""Who is put through: the list of nuisance callers, and places for those whom nobody acknowledges."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from config.document import ConfigError
from gateway.calls.access import Access, Nuisance
from gateway.calls.access_watch import AccessWatch
from gateway.calls.nuisances import (
    FILE,
    NuisanceError,
    add_nuisance,
    read_entries,
    read_nuisances,
    remove_nuisance,
)
from gateway.calls.unacknowledged import SPARE, Unacknowledged
from gateway.service.opened import read_dialogue, read_nuisance_flow
from gateway.sip.calling import read_number
from gateway.site.settings import read_settings
from ivr.hotline import Called, Found

NOW = datetime(2026, 11, 27, 6, 0, tzinfo=UTC)
NUMBER = "13855812345"
DEPLOY = Path(__file__).parents[3] / "deploy"


def nuisance(until: datetime = NOW + timedelta(days=7), since: datetime = NOW) -> Nuisance:
    return Nuisance(NUMBER, "多次无故拨打", until, "王班长", since)


# --- the list ---
def test_a_refusal_holds_until_its_time_is_over_or_somebody_takes_it_back(tmp_path: Path) -> None:
    add_nuisance(tmp_path, nuisance())
    settings = read_settings(None)
    access = Access(read_nuisance_flow(settings.dialogue), read_nuisances(tmp_path))
    assert access.decide(NUMBER, NOW) == nuisance()
    assert access.decide("13900000000", NOW) is None
    assert access.decide("", NOW) is None
    assert access.decide(NUMBER, NOW + timedelta(days=7)) is None
    remove_nuisance(tmp_path, NUMBER, "李班长", NOW + timedelta(hours=1))
    assert read_nuisances(tmp_path) == {}
    (entry,) = read_entries(tmp_path)
    assert entry.removed is not None
    assert (entry.who, entry.reason, entry.removed.who) == ("王班长", "多次无故拨打", "李班长")
    with pytest.raises(NuisanceError, match="is not on the list"):
        remove_nuisance(tmp_path, NUMBER, "李班长", NOW)


def test_the_list_keeps_what_is_over_for_a_year_and_no_longer(tmp_path: Path) -> None:
    add_nuisance(tmp_path, nuisance())
    add_nuisance(tmp_path, nuisance(NOW + timedelta(days=30), NOW + timedelta(days=1)))
    assert len(read_entries(tmp_path)) == 2
    assert read_nuisances(tmp_path)[NUMBER].until == NOW + timedelta(days=30)
    later = NOW + timedelta(days=500)
    add_nuisance(tmp_path, nuisance(later + timedelta(days=1), later))
    assert len(read_entries(tmp_path)) == 1


def test_a_caller_on_the_list_is_led_by_the_flow_that_refuses_him_but_on_an_anonymous_line(
    tmp_path: Path,
) -> None:
    add_nuisance(tmp_path, nuisance())
    settings = read_settings(None)
    hotlines = read_dialogue(settings.dialogue)
    access = Access(read_nuisance_flow(settings.dialogue), read_nuisances(tmp_path))

    def find(number: str) -> Found:
        return hotlines.find((Called(number, "request-uri"),), date(2026, 11, 27))

    led = access.lead(find("12333"), NUMBER, NOW).hotline
    assert (led.number, led.flow.name, dict(led.openings)) == ("12333", "nuisance", {})
    assert access.lead(find("12356"), NUMBER, NOW) == find("12356")
    assert access.lead(find("12345"), "13900000000", NOW) == find("12345")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"version": 2, "callers": []}',
        '{"version": 1, "callers": [{"number": "13855812345"}]}',
        '{"version": 1, "callers": [], "more": 1}',
    ],
)
def test_a_broken_list_says_where_and_what_to_do(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(ConfigError, match=r"nuisances\.json.*hotline nuisance add"):
        read_entries(tmp_path)


async def test_a_gateway_follows_the_list_and_a_broken_one_leaves_that_of_before(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    watching = AccessWatch(tmp_path, read_nuisance_flow(read_settings(None).dialogue))
    await watching.look()
    assert watching.access.nuisances == {}
    add_nuisance(tmp_path, nuisance())
    await watching.look()
    assert set(watching.access.nuisances) == {NUMBER}
    (tmp_path / FILE).write_text("{")
    await watching.look()
    await watching.look()
    assert set(watching.access.nuisances) == {NUMBER}
    assert len([r for r in caplog.records if r.levelno == logging.ERROR]) == 1
    (tmp_path / FILE).unlink()
    await watching.look()
    assert watching.access.nuisances == {}


@pytest.mark.parametrize(
    ("written", "dialled"),
    [("138 5581 2345", NUMBER), ("+8613855812345", NUMBER), ("0558-2345678", "05582345678"), ("王", "")],
)
def test_a_number_is_listed_as_it_is_dialled(written: str, dialled: str) -> None:
    assert read_number(written) == dialled


# --- what nobody acknowledges ---
class _Leg:
    def __init__(self, source: str) -> None:
        self.incoming = type("Incoming", (), {"source": source})


def test_one_source_may_have_a_quarter_of_the_places_with_calls_that_it_does_not_acknowledge() -> None:
    late, legs = Unacknowledged(), [_Leg(f"192.0.2.1:{port}") for port in range(5000, 5100)]
    for leg in legs[:24]:
        late.add(leg)  # type: ignore[arg-type]
        late.add(leg)  # type: ignore[arg-type]
    assert not late.is_too_many("192.0.2.1:6000", 100)
    late.add(legs[24])  # type: ignore[arg-type]
    assert late.is_too_many("192.0.2.1:6000", 100)
    assert not late.is_too_many("192.0.2.2:6000", 100)
    assert late.placeless == 25
    for leg in legs:
        late.add(leg)  # type: ignore[arg-type]
    assert late.placeless == SPARE
    for leg in legs:
        late.discard(leg)  # type: ignore[arg-type]
        late.discard(leg)  # type: ignore[arg-type]
    assert late.placeless == 0
    assert not late.is_too_many("192.0.2.1:6000", 100)
