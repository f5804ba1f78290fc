"""Passwords: argon2id (RFC 9106), hashed off the event loop, a few at a time."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST: Final = 10
LONGEST: Final = 200

_USUAL: Final = (
    "password",
    "passw0rd",
    "123456",
    "12345",
    "qwerty",
    "admin",
    "hotline",
    "mima",
    "fuyang",
    "iloveyou",
)
_MORE: Final = 6  # characters beside a usual word, from which on it is another password
_ROWS: Final = ("1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "abcdefghijklmnopqrstuvwxyz")

_hasher = PasswordHasher()  # the library's defaults are RFC 9106's second choice, 64 MiB
# Each hash takes its memory and a core: a flood of logins waits here instead.
_hands = ThreadPoolExecutor(2, "passwords")


def find_fault(password: str, name: str) -> str:
    """What is wrong with a new password, in Chinese; "" when nothing is."""
    if not SHORTEST <= len(password) <= LONGEST:
        return f"密码须有 {SHORTEST} 至 {LONGEST} 个字符。"
    if name.casefold() in password.casefold():
        return "密码不能包含用户名。"
    if len(set(password)) < SHORTEST // 2:
        return "密码太简单,请少用重复的字符。"
    plain = password.casefold()
    if (
        password.isdigit()
        or any(word in plain and len(plain) - len(word) < _MORE for word in _USUAL)
        or _is_run(plain)
    ):
        return "密码太常见,请不要只用数字、连续的键位或“password”“12345”这样的词。"
    return ""


def _is_run(password: str) -> bool:
    """Whether most of it is keys that lie, or letters that stand, side by side."""
    pairs = {a + b for row in _ROWS for a, b in pairwise(row)}
    pairs |= {pair[::-1] for pair in pairs}
    return sum(a + b in pairs for a, b in pairwise(password)) > len(password) // 2


async def hash_password(password: str) -> str:
    """The hash to keep, with its parameters in it."""
    return await asyncio.get_running_loop().run_in_executor(_hands, _hasher.hash, password)


async def check_password(password: str, kept: str | None) -> bool:
    """Whether it is the one; takes as long when there is none to compare with (``kept`` None)."""
    return await asyncio.get_running_loop().run_in_executor(_hands, _check, password, kept)


def is_outdated(kept: str) -> bool:
    """Whether the hash was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(kept)


def _check(password: str, kept: str | None) -> bool:
    try:
        _hasher.verify(kept or _nobodys(), password)
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None


@cache
def _nobodys() -> str:
    return _hasher.hash("nobody's password")
