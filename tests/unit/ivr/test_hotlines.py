from __future__ import annotations

import pytest

from config.document import ConfigError, embedded
from ivr.hotlines import normalise, read_hotlines

SPELLINGS = (
    "{}",
    "0558{}",
    "0558-{}",
    "+86558{}",
    "0086558{}",
    "tel:+86-558-{}",
    "sip:{}@10.0.0.1:5060;user=phone",
    "<sip:+86558{}@example.org>",
    "SIPS:0558{};phone-context=+86@x",
    "+860558{}",
    "86558{}",
    "+86{}",
)


@pytest.fixture(scope="module")
def hotlines(flow):
    return read_hotlines(embedded("hotlines.yaml"), flow)


def test_all_thirty_three_are_there(hotlines):
    assert len(hotlines) == 33
    modes = [h.mode for h in hotlines.by_number.values()]
    assert [modes.count(m) for m in ("总线", "整体并入", "双号并行", "设分中心", "转接")] == [1, 12, 14, 5, 1]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_each_is_found_in_every_spelling(hotlines, spelling):
    for number in hotlines.by_number:
        found = hotlines.find(spelling.format(number))
        assert (found.number, found.known) == (number, True)


@pytest.mark.parametrize(
    "called", ["", "99999", "055112345", "sip:@", "gateway", "0558", "+86", "1234512345"]
)
def test_an_unknown_number_is_answered_as_the_front_door(hotlines, called):
    found = hotlines.find(called)
    assert (found.number, found.known) == ("12345", False)
    assert found.name == hotlines.front.name


def test_another_city_has_its_own_12345():
    assert normalise("055112345", "0558") == "055112345"
    assert normalise("+8655112345", "0558") == "55112345"


LINE = '  - {number: "12345", name: a, department: b, mode: 总线}'


def write(area_code: str = '"0558"', front: str = '"12345"', lines: str = LINE) -> str:
    return f"area_code: {area_code}\nfront: {front}\nhotlines:\n{lines}\n"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (write(lines="  []"), "hotlines"),
        (write(area_code="558"), ":1: area_code"),
        (write(front='"999"'), "the front door '999' is not among"),
        (write(lines=f"{LINE}\n{LINE}"), "12345 is listed twice"),
        (write(lines=LINE.replace("}", ", opening: nothing}")), ":4: the opening 'nothing' is no prompt"),
        (write(lines=LINE.replace("总线", "别的")), ":4: hotlines.0.mode"),
        (write(lines=LINE.replace("name", "nmae")), ":4: unknown key 'nmae'"),
    ],
)
def test_a_wrong_file_is_refused(flow, tmp_path, body, message):
    (tmp_path / "h.yaml").write_text(body)
    with pytest.raises(ConfigError) as caught:
        read_hotlines(tmp_path / "h.yaml", flow)
    assert message in str(caught.value)
