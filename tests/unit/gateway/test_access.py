"""Who may call: the settings, the list of nuisance callers, and what is said of who was refused."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from config.document import ConfigError
from gateway.calls.access import Access, Nuisance, keep_here
from gateway.calls.nuisances import (
    FILE,
    NuisanceError,
    add_nuisance,
    read_entries,
    read_nuisances,
    remove_nuisance,
)
from gateway.calls.refusing import follow_nuisances, refuse_by
from gateway.calls.unacknowledged import SPARE, Unacknowledged
from gateway.service.flows import read_dialogue, read_nuisance_flow
from gateway.service.guarding import Teller, is_open, rules_of
from gateway.service.logs import configure_logs
from gateway.sip.calling import read_number
from gateway.sip.unwelcome import Told, Unwelcome
from gateway.site import metrics
from gateway.site.access import AccessSettings
from gateway.site.settings import LogSettings, read_settings
from ivr.hotline import Called, Found

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 27, 6, 0, tzinfo=UTC)
NUMBER = "13855812345"


def nuisance(until: datetime = NOW + timedelta(days=7), since: datetime = NOW) -> Nuisance:
    return Nuisance(NUMBER, "多次无故拨打", until, "王班长", since)


# --- settings ---
def test_nobody_is_limited_before_the_trunks_are_named() -> None:
    settings = read_settings(None)
    assert is_open(settings)
    assert rules_of(settings).per_second == 0
    named = settings.model_copy(update={"access": AccessSettings(peers=("192.0.2.10",))})
    assert not is_open(named)
    assert rules_of(named).peers == ("192.0.2.10/32",)
    assert rules_of(named).per_second == named.access.per_source_per_second > 0
    for everybody in ({"peers": ("0.0.0.0/0",)}, {"allow": ("192.0.2.0/24", "::/0")}):
        assert is_open(settings.model_copy(update={"access": AccessSettings(**everybody)}))


@pytest.mark.parametrize("text", ["192.0.2.1/24", "192.0.2.0/33", "sip.example.cn", "", "2001:db8::/129"])
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        AccessSettings(allow=(text,))


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


def test_a_probe_is_answered_as_any_caller_and_put_through_to_nobody() -> None:
    found = read_dialogue(read_settings(None).dialogue).find(
        (Called("12345", "request-uri"),), date(2026, 11, 27)
    )
    called = replace(found, hotline=replace(found.hotline, targets={"person": (), "danger": ()}))
    assert keep_here(called) == replace(found, hotline=replace(found.hotline, targets={}))


async def test_a_gateway_follows_the_list_and_a_broken_one_leaves_that_of_before(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = read_settings(None)
    list_ = follow_nuisances(tmp_path)
    lead = refuse_by(read_nuisance_flow(settings.dialogue), list_)
    found = read_dialogue(settings.dialogue).find((Called("12345", "request-uri"),), date(2026, 11, 27))
    await list_.look()
    assert lead(found, NUMBER) is found
    now = datetime.now(UTC)
    add_nuisance(tmp_path, nuisance(now + timedelta(days=1), now))
    await list_.look()
    assert lead(found, NUMBER).hotline.flow.name == "nuisance"
    (tmp_path / FILE).write_text("{")
    await list_.look()
    await list_.look()
    assert "hotline nuisance add" in list_.trouble
    assert lead(found, NUMBER).hotline.flow.name == "nuisance"
    assert len([r for r in caplog.records if r.levelno == logging.ERROR]) == 1
    (tmp_path / FILE).unlink()
    await list_.look()
    assert (lead(found, NUMBER), list_.trouble) == (found, "")


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
        self.is_confirmed = False


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


def test_another_source_that_acknowledges_nothing_leaves_the_spare_places_to_others_at_once() -> None:
    waiting, legs = Unacknowledged(), [_Leg(f"192.0.2.1:{port}") for port in range(5000, 5025)]
    for _ in legs[:24]:
        waiting.expect("192.0.2.1:5000")
    assert waiting.spare("192.0.2.2:5060", 100) == 0
    waiting.expect("192.0.2.1:5000")
    assert waiting.spare("192.0.2.2:5060", 100) == SPARE
    assert waiting.spare("192.0.2.1:5060", 100) == 0, "not to itself"
    for leg in legs:
        waiting.begin(leg)  # type: ignore[arg-type]
    assert waiting.spare("192.0.2.2:5060", 100) == SPARE
    legs[0].is_confirmed = True  # one more than those who only call fast
    assert waiting.spare("192.0.2.2:5060", 100) == 0
    for leg in legs[:3]:
        waiting.add(leg)  # type: ignore[arg-type]
        waiting.discard(legs[0])  # type: ignore[arg-type]
    assert waiting.spare("192.0.2.1:5060", 100) == waiting.placeless == 2


# --- what is told ---
def test_who_was_refused_is_told_and_counted(capfd: pytest.CaptureFixture[str]) -> None:
    before = metrics.REGISTRY.get_sample_value("hotline_sip_requests_unwelcome_total", {"why": "floods"}) or 0
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        configure_logs("gateway", LogSettings(format="json"))
        teller = Teller()
        teller.take(Unwelcome(0, 3, (Told("203.0.113.9", "floods", 3),)))
        teller.take(Unwelcome(0, 4))
    finally:
        root.handlers[0].close()  # what it has not written yet
        root.handlers[:], root.level = handlers, level
    (line,) = [line for line in capfd.readouterr().err.splitlines() if "SIP source" in line]
    told = json.loads(line)
    assert (told["address"], told["why"], told["requests"]) == ("203.0.113.9", "floods", 3)
    after = metrics.REGISTRY.get_sample_value("hotline_sip_requests_unwelcome_total", {"why": "floods"})
    assert after == before + 4
