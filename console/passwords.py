"""Passwords: argon2id (RFC 9106), hashed off the event loop, a few at a time."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST: Final = 10
LONGEST: Final = 200

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
    return ""


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
