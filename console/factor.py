"""The second factor: a code of a telephone's clock (TOTP, RFC 6238), and ten recovery codes for when that is lost.

A code counts once, and within a step of 30 s before or after its own. A secret that is not confirmed guards nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyotp
import sqlalchemy as sa

from recordings.database import insert
from recordings.users import recovery_codes, second_factors

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

ISSUER: Final = "12345热线"
RECOVERY_CODES: Final = 10
_DIGITS: Final = 6
_STEP_S: Final = 30
_DRIFT: Final = (-1, 0, 1)  # steps that a telephone's clock may be off
_RECOVERY_BYTES: Final = 10  # 80 bits: a plain hash of them is not to be reversed
_GROUP: Final = 4
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


@dataclass(frozen=True, slots=True)
class Factor:
    """A user's second factor; it guards his logins once it is ``confirmed``. ``left`` counts his recovery codes."""

    secret: str
    confirmed: bool
    left: int

    def tell_address(self, user: str) -> str:
        """What a telephone's app scans."""
        return pyotp.TOTP(self.secret).provisioning_uri(name=user, issuer_name=ISSUER)


def name_of(user: str) -> str:
    """Under what name wrong codes are counted: whoever knows the password must not wipe out his guesses by it."""
    return f"动态码:{user}"


async def read_factor(connection: AsyncConnection, user: str) -> Factor | None:
    """The user's second factor, confirmed or not."""
    left = sa.select(sa.func.count()).where(recovery_codes.c.user_name == user).scalar_subquery()
    query = sa.select(second_factors.c.secret, second_factors.c.confirmed_at, left.label("left"))
    row = (await connection.execute(query.where(second_factors.c.user_name == user))).first()
    return Factor(row.secret, row.confirmed_at is not None, row.left) if row else None


async def list_guarded(connection: AsyncConnection) -> Collection[str]:
    """The names of those who have one."""
    query = sa.select(second_factors.c.user_name).where(second_factors.c.confirmed_at.is_not(None))
    return set(await connection.scalars(query))


async def begin(connection: AsyncConnection, user: str) -> None:
    """Give the user a fresh secret to be confirmed; none when he has confirmed one already."""
    statement = insert(connection, second_factors).values(user_name=user, secret=pyotp.random_base32())
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=["user_name"],
            set_={"secret": statement.excluded.secret, "last_step": statement.excluded.last_step},
            where=second_factors.c.confirmed_at.is_(None),
        )
    )


async def confirm(connection: AsyncConnection, user: str, now: datetime) -> None:
    """Let the secret guard the user's logins from here on."""
    await connection.execute(
        sa.update(second_factors).where(second_factors.c.user_name == user).values(confirmed_at=now)
    )


async def renew_codes(connection: AsyncConnection, user: str) -> Sequence[str]:
    """Ten new recovery codes in place of those before, in words to be written down; only their hashes are kept."""
    codes = [
        "".join(secrets.choice(_LETTERS) for _ in range(_RECOVERY_BYTES * 8 // 5))
        for _ in range(RECOVERY_CODES)
    ]
    await connection.execute(sa.delete(recovery_codes).where(recovery_codes.c.user_name == user))
    rows = [{"user_name": user, "code_sha256": _hash(user, code)} for code in codes]
    await connection.execute(sa.insert(recovery_codes), rows)
    return ["-".join(code[at : at + _GROUP] for at in range(0, len(code), _GROUP)) for code in codes]


async def drop(connection: AsyncConnection, user: str) -> bool:
    """Take it away, recovery codes and all; False when there was none."""
    await connection.execute(sa.delete(recovery_codes).where(recovery_codes.c.user_name == user))
    gone = await connection.execute(sa.delete(second_factors).where(second_factors.c.user_name == user))
    return gone.rowcount > 0


def read_typed(typed: str) -> str:
    """A code as it is compared: without the blanks and dashes that are shown in it, wide characters as narrow ones."""
    return "".join(unicodedata.normalize("NFKC", typed).upper().replace("-", " ").split())


def is_clocks(code: str) -> bool:
    """Whether it is one of the telephone's, and no recovery code."""
    return len(code) == _DIGITS


async def check(connection: AsyncConnection, user: str, typed: str, now: datetime) -> bool:
    """Whether it is a code of now, or a recovery code, that has not been used; it is used by that."""
    code = read_typed(typed)
    if is_clocks(code):
        return await _use_code(connection, user, code, now)
    gone = await connection.execute(
        sa.delete(recovery_codes).where(
            recovery_codes.c.user_name == user, recovery_codes.c.code_sha256 == _hash(user, code)
        )
    )
    return gone.rowcount > 0


async def _use_code(connection: AsyncConnection, user: str, code: str, now: datetime) -> bool:
    secret = await connection.scalar(
        sa.select(second_factors.c.secret).where(second_factors.c.user_name == user)
    )
    if secret is None:
        return False
    clock, here = pyotp.TOTP(secret), int(now.timestamp()) // _STEP_S
    steps = [here + off for off in _DRIFT]
    right = [step for step in steps if hmac.compare_digest(clock.generate_otp(step).encode(), code.encode())]
    if not right:
        return False
    # In one statement: of two who send the same code at once one is let in.
    used = await connection.execute(
        sa.update(second_factors)
        .where(second_factors.c.user_name == user, second_factors.c.last_step < max(right))
        .values(last_step=max(right))
    )
    return used.rowcount > 0


def _hash(user: str, code: str) -> str:
    return hashlib.sha256(f"{user}\0{code}".encode()).hexdigest()
