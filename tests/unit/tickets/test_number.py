from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import date
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import damm

from tickets.number import NumberBook, is_valid

if TYPE_CHECKING:
    from pathlib import Path

DAY = date(2026, 11, 24)


def take(folder: Path, count: int) -> list[str]:
    book = NumberBook(folder, 7)
    return [book.next(DAY) for _ in range(count)]


def test_a_number_says_its_day_node_and_place_in_the_day(tmp_path: Path) -> None:
    first, second = take(tmp_path, 2)
    assert first[:-1] == "26328070001"
    assert second[:-1] == "26328070002"
    assert len(first) == 12
    assert is_valid(first)
    assert is_valid(second)


def test_a_new_book_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    numbers = [NumberBook(tmp_path, 7).next(DAY)[7:11] for _ in range(5)]
    assert numbers == ["0001", "0002", "0003", "0004", "0005"]


def test_a_new_day_begins_at_one_and_a_clock_set_back_repeats_nothing(tmp_path: Path) -> None:
    book = NumberBook(tmp_path, 0)
    today, tomorrow = DAY, date(2026, 11, 25)
    numbers = [book.next(day) for day in (today, today, tomorrow, today, tomorrow, date(2070, 1, 1), today)]
    assert [n[:5] + n[7:11] for n in numbers] == [
        "263280001",
        "263280002",
        "263290001",
        "263280003",
        "263290002",
        "700010001",
        "263280004",
    ]


def test_who_skips_ahead_repeats_nothing_that_was_given_out_elsewhere(tmp_path: Path) -> None:
    lost = take(tmp_path / "lost", 50)
    NumberBook(tmp_path / "new", 7).skip_ahead(DAY)
    after = take(tmp_path / "new", 3)
    assert not set(after) & set(lost)
    counters = [int(number[7:-1]) for number in after]
    assert counters == list(range(counters[0], counters[0] + 3))
    assert counters[0] > 1_000_000
    assert all(is_valid(number) for number in after)
    NumberBook(tmp_path / "new", 7).skip_ahead(DAY)
    assert int(take(tmp_path / "new", 1)[0][7:-1]) > counters[-1]
    NumberBook(tmp_path / "lost", 7).skip_ahead(DAY)
    assert int(take(tmp_path / "lost", 1)[0][7:-1]) > 1_000_000


def test_nodes_do_not_meet(tmp_path: Path) -> None:
    assert NumberBook(tmp_path, 1).next(DAY)[5:11] == "010001"
    assert NumberBook(tmp_path, 2).next(DAY)[5:11] == "020001"


@pytest.mark.parametrize("node", [-1, 100])
def test_a_node_that_does_not_fit_is_refused(tmp_path: Path, node: int) -> None:
    with pytest.raises(ValueError, match="0 to 99"):
        NumberBook(tmp_path, node)


def test_past_9999_a_number_grows_by_a_digit(tmp_path: Path) -> None:
    (file,) = make_book(tmp_path)
    write_counter(file, 9998)
    last, longer = take(tmp_path, 2)
    assert (last[7:-1], longer[7:-1]) == ("9999", "10000")
    assert is_valid(longer)


def make_book(folder: Path) -> list[Path]:
    take(folder, 2)
    return [file for file in folder.iterdir() if file.suffix != ".lock"]


def write_counter(file: Path, counter: int) -> None:
    import zlib  # noqa: PLC0415

    text = f"{counter:020d}"
    slot = f"{text} {zlib.crc32(text.encode()):08x}".encode().ljust(63) + b"\n"
    file.write_bytes(slot * 2)


@pytest.mark.parametrize("torn", [0, 1])
@pytest.mark.parametrize("at", [0, 19, 21, 40, 63])
def test_one_damaged_slot_repeats_nothing(tmp_path: Path, torn: int, at: int) -> None:
    (file,) = make_book(tmp_path)
    given_out = {*take(tmp_path, 3)}
    raw = bytearray(file.read_bytes())
    raw[torn * 64 + at] ^= 0xFF
    file.write_bytes(raw)
    later = take(tmp_path, 3)
    assert not given_out & {*later}
    assert len({*later}) == 3
    assert all(len(number) == 12 for number in later)


@pytest.mark.parametrize("damage", [b"", b"\0" * 128, b"garbage", os.urandom(500)])
def test_a_lost_counter_skips_ahead_and_goes_on(tmp_path: Path, damage: bytes) -> None:
    (file,) = make_book(tmp_path)
    given_out = {*take(tmp_path, 20)}
    file.write_bytes(damage)
    later = take(tmp_path, 20)
    assert not given_out & {*later}
    assert len({*later}) == 20
    assert all(is_valid(number) and int(number[7:-1]) > 1_000_000 for number in later)


def test_two_losses_in_a_day_repeat_nothing(tmp_path: Path) -> None:
    (file,) = make_book(tmp_path)
    file.write_bytes(b"")
    given_out = {*take(tmp_path, 2)}
    time.sleep(0.4)  # two numbers in 0.4 s: fewer than the ten a second that the jump allows for
    file.write_bytes(b"")
    assert not given_out & {*take(tmp_path, 20)}


def test_two_processes_and_their_threads_share_one_node(tmp_path: Path) -> None:
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as processes:
        elsewhere = [processes.submit(take, tmp_path, 60) for _ in range(2)]
        with ThreadPoolExecutor(3) as threads:
            here = [threads.submit(take, tmp_path, 40) for _ in range(3)]
        numbers = [number for part in (*elsewhere, *here) for number in part.result()]
    assert sorted(int(number[7:11]) for number in numbers) == list(range(1, 241))


def test_kill_9_repeats_nothing(tmp_path: Path) -> None:
    program = (
        "import sys; from datetime import date; from pathlib import Path; from tickets.number import NumberBook\n"
        "book = NumberBook(Path(sys.argv[1]), 7)\n"
        "while True: print(book.next(date(2026, 11, 24)), flush=True)\n"
    )
    numbers: list[str] = []
    for round_ in range(5):
        child = subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout
        numbers += [child.stdout.readline().strip() for _ in range(5 + round_)]
        child.send_signal(signal.SIGKILL)
        numbers += [line.strip() for line in child.stdout.read().splitlines() if len(line.strip()) == 12]
        child.wait()
    assert len(numbers) >= 35
    assert len({*numbers}) == len(numbers)
    assert all(is_valid(number) for number in numbers)


@given(st.integers(1, 366), st.integers(0, 99), st.integers(1, 10**7), st.data())
def test_the_check_digit_finds_slips(day: int, node: int, counter: int, data: st.DataObject) -> None:
    digits = f"26{day:03d}{node:02d}{counter:04d}"
    number = digits + damm.calc_check_digit(digits)
    assert is_valid(number)
    at = data.draw(st.integers(0, len(number) - 1))
    wrong = data.draw(st.sampled_from([d for d in "0123456789" if d != number[at]]))
    assert not is_valid(number[:at] + wrong + number[at + 1 :])
    at = data.draw(st.integers(0, len(number) - 2))
    if number[at] != number[at + 1]:
        assert not is_valid(number[:at] + number[at + 1] + number[at] + number[at + 2 :])


@pytest.mark.parametrize(
    "text", ["", "12345", "26328 070001", "263280700010", "26000070001", "26328070001", "abc"]
)
def test_what_is_no_number(text: str) -> None:
    assert not is_valid(text)
