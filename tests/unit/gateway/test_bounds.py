from __future__ import annotations

import pytest

from gateway.calls.bounds import Bounds, Watch

BOUNDS = Bounds(acknowledged=35.0, media=5.0, sound=30.0, longest=7200.0)


@pytest.fixture
def watch() -> Watch:
    return Watch(BOUNDS, lambda: True)


def test_a_call_with_all_it_needs_goes_on_to_the_longest(watch: Watch) -> None:
    watch.hear(0.0)
    watch.confirm(0.1)
    assert watch.is_acknowledged
    assert watch.overdue(7199.9) == ""
    assert "7200 s" in watch.overdue(7200.0)


def test_an_answer_that_nobody_acknowledges_ends(watch: Watch) -> None:
    watch.hear(0.0)
    assert not watch.is_acknowledged
    assert watch.overdue(34.9) == ""
    assert "did not acknowledge the answer within 35 s" in watch.overdue(35.0)


def test_audio_is_waited_for_from_the_moment_the_call_stands(watch: Watch) -> None:
    watch.confirm(20.0)
    assert watch.overdue(24.9) == ""
    assert watch.overdue(25.0) == "no audio was agreed on within 5 s"
    watch.hear(0.0)
    assert watch.overdue(25.0) == ""


def test_audio_before_the_acknowledgement_counts(watch: Watch) -> None:
    watch.hear(0.0)
    watch.confirm(1.0)
    assert watch.overdue(100.0) == ""


SILENT = "the caller's side sent no audio at all within 30 s"


def test_a_call_in_which_nothing_comes_ends() -> None:
    watch = Watch(BOUNDS, lambda: False)
    watch.confirm(0.1)
    watch.hear(1.0)
    assert watch.overdue(30.9) == ""
    assert watch.overdue(31.0) == SILENT


def test_who_holds_the_line_need_not_send_until_he_is_back() -> None:
    watch = Watch(BOUNDS, lambda: False)
    watch.confirm(0.1)
    watch.hear(1.0)
    watch.hold()
    assert watch.overdue(100.0) == ""
    watch.hear(100.0)
    assert watch.overdue(129.9) == ""
    assert watch.overdue(130.0) == SILENT


def test_who_has_sent_anything_may_fall_silent() -> None:
    sent = True
    watch = Watch(BOUNDS, lambda: sent)
    watch.confirm(0.1)
    watch.hear(1.0)
    assert watch.overdue(31.0) == ""
    sent = False  # another stream, which counts from nothing
    watch.hold()
    watch.hear(50.0)
    assert watch.overdue(1000.0) == ""
