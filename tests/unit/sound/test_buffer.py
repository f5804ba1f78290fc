"""Sound between two clocks: gathered, given, cut, never torn."""

from __future__ import annotations

from gateway.sound.buffer import Buffer


def test_what_is_gathered_is_given_in_order_and_silence_where_there_is_too_little():
    buffer = Buffer(ahead=4, room=12)
    buffer.put(b"ab")
    assert buffer.give(2) == bytes(2)  # not enough is gathered yet
    buffer.put(b"cd")
    assert [buffer.give(2), buffer.give(2)] == [b"ab", b"cd"]
    assert buffer.give(2) == bytes(2)
    buffer.put(b"ef")
    assert buffer.give(2) == bytes(2)  # it gathers again
    buffer.put(b"gh")
    assert buffer.give(4) == b"efgh"


def test_the_end_is_given_with_silence_behind_it():
    buffer = Buffer(ahead=2, room=12)
    buffer.put(b"abcdef")
    assert buffer.give(4) == b"abcd"
    assert buffer.give(4) == b"ef" + bytes(2)
    assert len(buffer) == 0


def test_what_comes_too_fast_loses_its_oldest_whole_samples():
    buffer = Buffer(ahead=4, room=8, unit=4)
    buffer.put(b"LLRR" * 2)
    buffer.put(b"ABCD")
    assert (buffer.lost, buffer.take()) == (8, b"ABCD")
    assert buffer.take() == b""
