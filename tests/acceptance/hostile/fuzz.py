"""Seeded damage to messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

_NUMBERS = (
    b"0",
    b"-1",
    b"65536",
    b"2147483648",
    b"4294967296",
    b"18446744073709551616",
    b"9" * 300,
    b"1e9",
    b"0x7f",
)
_PIECES = (
    b"\r\n",
    b"\r\n\r\n",
    b"\0",
    b"\xff",
    b"%s%n",
    b'"',
    b"<",
    b">",
    b";",
    b":",
    b"@",
    b",",
    b"\t",
    b"A" * 3000,
)
_LARGEST = 60000


def mutate(dice: Random, message: bytes) -> bytes:
    """A message with one to four injuries; the same dice give the same ones."""
    for _ in range(dice.randint(1, 4)):
        message = dice.choice((_flip, _cut, _repeat, _insert, _number, _swap_lines, _drop_line, _end))(
            dice, message
        )
        message = message[:_LARGEST] or b"\0"
    return message


def _span(dice: Random, message: bytes, longest: int) -> tuple[int, int]:
    start = dice.randrange(len(message))
    return start, min(len(message), start + dice.randint(1, longest))


def _flip(dice: Random, message: bytes) -> bytes:
    damaged = bytearray(message)
    for _ in range(dice.randint(1, 8)):
        damaged[dice.randrange(len(damaged))] = dice.randrange(256)
    return bytes(damaged)


def _cut(dice: Random, message: bytes) -> bytes:
    start, end = _span(dice, message, 40)
    return message[:start] + message[end:]


def _repeat(dice: Random, message: bytes) -> bytes:
    start, end = _span(dice, message, 60)
    return message[:start] + message[start:end] * dice.choice((2, 3, 50)) + message[end:]


def _insert(dice: Random, message: bytes) -> bytes:
    start = dice.randrange(len(message))
    return message[:start] + dice.choice(_PIECES) + message[start:]


def _number(dice: Random, message: bytes) -> bytes:
    places = [i for i, byte in enumerate(message) if chr(byte).isdigit()]
    if not places:
        return message
    start = end = dice.choice(places)
    while end < len(message) and chr(message[end]).isdigit():
        end += 1
    return message[:start] + dice.choice(_NUMBERS) + message[end:]


def _swap_lines(dice: Random, message: bytes) -> bytes:
    lines = message.split(b"\r\n")
    one, other = dice.randrange(len(lines)), dice.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return b"\r\n".join(lines)


def _drop_line(dice: Random, message: bytes) -> bytes:
    lines = message.split(b"\r\n")
    del lines[dice.randrange(len(lines))]
    return b"\r\n".join(lines)


def _end(dice: Random, message: bytes) -> bytes:
    return message[: dice.randint(1, len(message))]
