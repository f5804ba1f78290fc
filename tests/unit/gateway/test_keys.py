"""A press is counted once, however often and by however many ways it is told."""

from __future__ import annotations

from gateway.sip.keys import Keys


class Phone:
    """Tells keys; ``counted`` are those that were taken for presses."""

    def __init__(self) -> None:
        self.keys, self.at, self.counted = Keys(), 100.0, ""

    def tone(self, key: str, seconds: float = 0.1) -> None:
        if self.keys.begin(int(self.at * 1000), key, self.at):
            self.counted += key
        self.at += seconds
        self.keys.go_on(self.at)

    def info(self, key: str) -> None:
        if self.keys.told(key, self.at):
            self.counted += key

    def wait(self, seconds: float) -> None:
        self.at += seconds


def test_each_way_alone() -> None:
    for way in ("tone", "info"):
        phone = Phone()
        for key in "1135577*#A":
            getattr(phone, way)(key)
            phone.wait(0.1)
        assert phone.counted == "1135577*#A"


def test_a_key_told_both_ways_counts_once() -> None:
    for late in (0.0, 0.3, 0.9):  # INFO that was lost once is sent again after half a second
        phone = Phone()
        for key in "1135577":
            phone.tone(key)
            phone.wait(late)
            phone.info(key)
            phone.wait(0.2)
        assert phone.counted == "1135577"


def test_an_info_that_comes_before_its_tone() -> None:
    phone = Phone()
    for key in "00#":
        phone.info(key)
        phone.wait(0.1)
        phone.tone(key)
        phone.wait(0.2)
    assert phone.counted == "00#"


def test_infos_that_are_a_key_behind() -> None:
    phone = Phone()
    phone.tone("5")
    phone.wait(0.1)
    phone.tone("5")
    phone.info("5")
    phone.wait(0.1)
    phone.info("5")
    assert phone.counted == "55"


def test_the_info_at_the_end_of_a_long_tone() -> None:
    phone = Phone()
    phone.tone("7", seconds=8.5)
    phone.info("7")
    assert phone.counted == "7"


def test_a_tone_lost_on_the_way_costs_no_press() -> None:
    phone = Phone()
    phone.info("4")  # its tone never comes
    phone.wait(0.3)
    phone.tone("4")
    phone.info("4")
    assert phone.counted == "44"


def test_the_same_key_by_the_other_way_later_is_another_press() -> None:
    phone = Phone()
    phone.tone("9")
    phone.wait(1.2)
    phone.info("9")
    assert phone.counted == "99"


def test_other_keys_are_other_presses() -> None:
    phone = Phone()
    phone.tone("1")
    phone.info("2")
    assert phone.counted == "12"


def test_a_tone_that_a_new_stream_tells_once_more() -> None:
    keys = Keys()
    assert keys.begin(4711, "3", 1.0)
    assert not keys.begin(4711, "3", 1.02)  # a re-INVITE in the middle of it
    assert keys.begin(4911, "3", 1.2)


def test_what_tells_more_keys_than_a_phone_can_is_not_followed() -> None:
    phone = Phone()
    for number in range(5000):  # in a second
        phone.keys.begin(number, "0123456789"[number % 10], phone.at)
        phone.wait(0.0001)
        phone.info("5")
        phone.wait(0.0001)
    assert len(phone.counted) <= 20
    phone.wait(1.0)
    dialled = "13855812345#"
    for key in dialled:  # as fast as a phone can
        phone.tone(key, 0.04)
        phone.wait(0.04)
    assert phone.counted.endswith(dialled)
