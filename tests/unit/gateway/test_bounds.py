from __future__ import annotations

import pytest

from gateway.calls.bounds import Bounds, Watch

BOUNDS = Bounds(acknowledged=35.0, media=5.0, longest=7200.0)


@pytest.fixture
def watch() -> Watch:
    return Watch(BOUNDS)


def test_a_call_with_all_it_needs_goes_on_to_the_longest(watch: Watch) -> None:
    watch.hear()
    watch.confirm(0.1)
    assert watch.is_acknowledged
    assert watch.overdue(7199.9) == ""
    assert "7200 s" in watch.overdue(7200.0)


def test_an_answer_that_nobody_acknowledges_ends(watch: Watch) -> None:
    watch.hear()
    assert not watch.is_acknowledged
    assert watch.overdue(34.9) == ""
    assert "did not acknowledge the answer within 35 s" in watch.overdue(35.0)


def test_audio_is_waited_for_from_the_moment_the_call_stands(watch: Watch) -> None:
    watch.confirm(20.0)
    assert watch.overdue(24.9) == ""
    assert watch.overdue(25.0) == "no audio was agreed on within 5 s"
    watch.hear()
    assert watch.overdue(25.0) == ""


def test_audio_before_the_acknowledgement_counts(watch: Watch) -> None:
    watch.hear()
    watch.confirm(1.0)
    assert watch.overdue(100.0) == ""
