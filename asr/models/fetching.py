"""Fetching an archive over HTTP: what has arrived stays, and a broken transfer goes on where it broke."""

from __future__ import annotations

import asyncio
import re
import shutil
from typing import TYPE_CHECKING, Final

import aiohttp

from config.fault import Fault

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_TRIES: Final = 6  # in a row without a byte between them
_PAUSE_S: Final = 1.0
_BLOCK: Final = 1 << 18
_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, connect=20, sock_read=60)
_SPARE: Final = 64 << 20  # bytes that stay free on the disk
_RANGE: Final = re.compile(r"bytes (\d+)-\d+/(\d+)")
_PASSING: Final = (408, 425, 429, 500, 502, 503, 504)


class FetchError(Fault):
    """The archive cannot be had; the message says why, and what to do."""


class _Broken(Exception):  # noqa: N818 - an event on the way, not a mistake
    """The transfer ended before its end; another try goes on with it."""


async def fetch(url: str, file: Path, tell: Callable[[int, int], None]) -> None:
    """Fetch URL into FILE, by way of ``FILE.part``, which is gone on with, also by a later call.

    ``tell`` is given the bytes there are and the bytes there will be. Raises FetchError; what has arrived is kept.
    """
    part, tag = file.with_name(f"{file.name}.part"), file.with_name(f"{file.name}.etag")
    without = 0
    async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
        while True:
            before = _size(part)
            try:
                await _go_on(session, url, part, tag, tell)
                break
            except (
                aiohttp.ClientConnectionError,
                aiohttp.ClientPayloadError,
                TimeoutError,
                _Broken,
            ) as error:
                without = 0 if _size(part) > before else without + 1
                if without >= _TRIES:
                    raise FetchError(
                        f"{url}: {str(error) or type(error).__name__}; what has arrived is kept: run the command "
                        "again, or bring the archive here and give it with --zip. "
                        "已下载的部分保留,可重试,或用 --zip 安装本地文件。"
                    ) from error
                await asyncio.sleep(_PAUSE_S)
            except aiohttp.InvalidURL as error:
                raise FetchError(f"{url}: no address of an archive; correct --from") from error
    tag.unlink(missing_ok=True)
    part.replace(file)


async def _go_on(
    session: aiohttp.ClientSession, url: str, part: Path, tag: Path, tell: Callable[[int, int], None]
) -> None:
    """Fetch what is missing. Raises _Broken and what aiohttp raises when the rest has to be asked for again."""
    have, known = _size(part), _read(tag)
    headers = {"Accept-Encoding": "identity"}
    if have:  # only of the very file that the beginning is of
        headers |= {"Range": f"bytes={have}-", **({"If-Range": known} if known else {})}
    async with session.get(url, headers=headers) as answer:
        if answer.status == 416:  # noqa: PLR2004 - Range Not Satisfiable: what lies here is no beginning of it
            part.unlink()  # noqa: ASYNC240 - a command's own loop, which nobody else waits for
            raise _Broken("the archive has changed")
        if answer.status in _PASSING:
            raise _Broken(f"HTTP {answer.status}")
        if answer.status not in (200, 206):
            raise FetchError(
                f"{url}: HTTP {answer.status} {answer.reason}; see `hotline model list`, or give --from another address"
            )
        have, whole = _where(answer, have)
        _require_space(part, whole - have)
        _write(tag, answer.headers.get("ETag") or answer.headers.get("Last-Modified") or "")
        with part.open("r+b" if have else "wb") as stream:
            stream.seek(have)
            async for block in answer.content.iter_chunked(_BLOCK):
                stream.write(block)
                have += len(block)
                tell(have, max(whole, have))
    if have < whole:
        raise _Broken(f"broken off after {have} of {whole} bytes")


def _where(answer: aiohttp.ClientResponse, have: int) -> tuple[int, int]:
    """From which byte on it answers, and how many there are in all."""
    if answer.status == 206:  # noqa: PLR2004 - Partial Content
        found = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        if found is None or int(found[1]) != have:
            raise FetchError(
                f"{answer.url}: answers another part than was asked for; remove the .part file and try again"
            )
        return have, int(found[2])
    return 0, answer.content_length or 0


def _require_space(part: Path, needed: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if needed + _SPARE > free:
        raise FetchError(
            f"{part.parent}: {needed / 1e6:.0f} MB are to come, {free / 1e6:.0f} MB are free; make room. 磁盘空间不足。"
        )


def _read(tag: Path) -> str:
    return tag.read_text() if tag.exists() else ""


def _write(tag: Path, text: str) -> None:
    tag.write_text(text)


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0
