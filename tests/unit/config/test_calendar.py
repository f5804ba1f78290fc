import itertools
import logging
from datetime import date, datetime, time, timedelta

import pytest

from config.calendar import Calendar, CalendarDays, _warn_once, read_calendar
from config.document import ConfigError
from ivr.target import Hours, Target

# By the notices of the State Council's office (国办发明电〔2024〕12号 and 〔2025〕7号), written down by hand.
OFF = {
    2025: [
        ("0101", "0101"),
        ("0128", "0204"),
        ("0404", "0406"),
        ("0501", "0505"),
        ("0531", "0602"),
        ("1001", "1008"),
    ],
    2026: [
        ("0101", "0103"),
        ("0215", "0223"),
        ("0404", "0406"),
        ("0501", "0505"),
        ("0619", "0621"),
        ("0925", "0927"),
        ("1001", "1007"),
    ],
}
AT_WORK = {
    2025: ["0126", "0208", "0427", "0928", "1011"],
    2026: ["0104", "0214", "0228", "0509", "0920", "1010"],
}
FILE = """
years: [{year}]
rest:
  - {{from: {year}-01-01, until: {year}-01-03, name: 元旦}}
  - {{from: 2026-12-08, name: 全市停电检修}}
work:
  - {{from: {saturday}, name: 调休}}
"""


def every_day(year):
    return [date(year, 1, 1) + timedelta(n) for n in range((date(year + 1, 1, 1) - date(year, 1, 1)).days)]


@pytest.mark.parametrize("year", [2025, 2026])
def test_each_day_of_a_year_is_as_the_notice_says(year):
    calendar = Calendar()
    assert calendar.is_known(year)
    for day in every_day(year):
        told = f"{day:%m%d}"
        off = any(first <= told <= last for first, last in OFF[year])
        works = told in AT_WORK[year] or (day.weekday() < 5 and not off)
        assert calendar.is_workday(day) == works, day
        assert (day in CalendarDays(calendar, work=True)) == works
        assert (day in CalendarDays(calendar, work=False)) != works


def test_an_unknown_year_goes_by_weekdays_and_says_so_once_until_a_file_knows_it(tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    alone = Calendar()
    year = next(year for year in itertools.count(2027) if not alone.is_known(year))  # the notices grow
    days = every_day(year)
    _warn_once.cache_clear()
    assert [alone.is_workday(day) for day in days] == [day.weekday() < 5 for day in days]
    assert [record.getMessage() for record in caplog.records] == [
        f"the holidays of {year} are not known, weekdays decide: name them in dialogue.calendar"
    ]
    caplog.clear()
    _warn_once.cache_clear()
    saturday = next(day for day in days[7:] if day.weekday() == 5)
    (tmp_path / "calendar.yaml").write_text(FILE.format(year=year, saturday=saturday))
    told = read_calendar(tmp_path / "calendar.yaml")
    assert told.is_known(year)
    differ = [day for day in days if told.is_workday(day) != (day.weekday() < 5)]
    assert differ == [*(day for day in days[:3] if day.weekday() < 5), saturday]
    assert not told.is_workday(date(2026, 12, 8))  # a Tuesday; the rest of that year is as embedded
    assert told.is_workday(date(2026, 10, 10))
    assert not caplog.records


def test_experts_keep_the_hours_of_working_days_past_midnight_too():
    work, rest = (CalendarDays(Calendar(), work) for work in (True, False))
    expert = Target("税务专家", "sip:9100@h", hours=(Hours(work, time(8, 30), time(17, 30)),))
    night = Target("值班", "sip:9101@h", hours=(Hours(rest, time(20), time(6)),))
    noon = time(12)
    assert expert.is_open(datetime.combine(date(2026, 10, 10), noon))  # a Saturday, 调休
    assert not expert.is_open(datetime.combine(date(2026, 10, 5), noon))  # a Monday, 国庆
    assert not expert.is_open(datetime.combine(date(2026, 10, 10), time(17, 30)))
    assert night.is_open(datetime.combine(date(2026, 10, 7), time(23)))
    assert night.is_open(datetime.combine(date(2026, 10, 8), time(5, 59)))  # the night of the last day off
    assert not night.is_open(datetime.combine(date(2026, 10, 8), time(23)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rest: [{from: 2027-01-03, until: 2027-01-01}]", ":1: it ends before it begins"),
        ("rest: [{from: 2027-01-03, until: 2028-01-03}]", ":1: it lasts 366 days"),
        ("rest: [{from: 2027-02-30}]", "rest.0.from"),
        (
            "rest: [{from: 2027-01-01}]\nwork: [{from: 2027-01-01}]",
            ":2: 2027-01-01 is a day off and a working",
        ),
        ("years: [2027]", ":1: no day off of 2027"),
        ("holidays: []", "unknown key 'holidays'"),
    ],
)
def test_a_wrong_file_says_what_is_wrong(text, message, tmp_path):
    (tmp_path / "calendar.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_calendar(tmp_path / "calendar.yaml")
    assert message in str(caught.value)
