"""What is usual, and how surprising a count is."""

from __future__ import annotations

import pytest
from scipy.stats import nbinom

from tickets.surges.rhythm import WEEK_H, History, Usual, expect, tail

OFFICE = {day * 24 + hour: 10 for day in range(5) for hour in range(8, 18)}  # 500 in the whole city
NINE = 9.0  # on a Monday


@pytest.mark.parametrize(
    ("count", "mean", "shape"), [(1, 0.1, 1), (4, 0.05, 3), (5, 2.0, 40), (12, 0.3, 1.5)]
)
def test_the_tail_is_the_negative_binomials(count, mean, shape):
    wanted = nbinom.sf(count - 1, shape, shape / (shape + mean))
    assert tail(count, Usual(mean, shape, "")) == pytest.approx(wanted, rel=1e-6)


def test_the_tail_at_its_ends():
    assert tail(0, Usual(3.0, 1.0, "")) == 1.0
    assert tail(3, Usual(0.0, 1.0, "")) == 0.0


def test_a_topic_has_its_own_hours():
    quiet = History(4, OFFICE, [], 170)
    assert expect(quiet, NINE + 1, 1).mean > 5 * expect(quiet, 3.0, 1).mean
    weekend = 5 * 24 + NINE + 1
    assert expect(quiet, NINE + 1, 1).mean > 2 * expect(quiet, weekend, 1).mean


def test_a_whole_week_holds_what_a_week_has():
    ages = [WEEK_H + 3.0 + n * 17 for n in range(39)]  # evenly over the four weeks before the window
    usual = expect(History(4, OFFICE, ages, 10**9), NINE, WEEK_H)
    assert usual.mean == pytest.approx(len(ages) / 4, rel=0.05)


def test_what_comes_every_day_at_this_time_is_usual():
    daily = [24.0 * day - 0.5 for day in range(1, 15) for _ in range(3)]
    usual = expect(History(4, OFFICE, daily, 170), 22.0, 1)
    assert usual.by == "往日此时"
    assert 2 < usual.mean < 3.5
    assert tail(4, usual) > 0.05


def test_what_comes_every_week_at_this_time_is_usual():
    weekly = [168.0 * week - 0.5 for week in range(1, 5) for _ in range(5)]
    usual = expect(History(4, OFFICE, weekly, 170), NINE + 1, 1)
    assert usual.by == "往周此时"
    assert tail(4, usual) > 0.05
    elsewhere = expect(History(4, OFFICE, [age + 72 for age in weekly], 170), NINE + 1, 1)
    assert tail(4, elsewhere) < 0.003


def test_what_has_risen_in_the_last_week_is_usual():
    spread = [24.0 * day + 11 for day in range(7) for _ in range(4)]
    slow = expect(History(8, OFFICE, spread, 170), NINE + 3, 3)
    assert slow.mean > 3 * expect(History(8, OFFICE, [age + 300 for age in spread], 170), NINE + 3, 3).mean


def test_four_at_a_quiet_place_are_a_surprise():
    quiet = expect(History(4, OFFICE, [50.0, 400.0], 170), NINE + 3, 3)
    assert tail(3, quiet) < 0.0002
