"""A call's sound and its waveform."""

from __future__ import annotations

from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING

import sqlalchemy as sa
from aiohttp import hdrs, web

from console import audit
from console.audit import Action
from console.keys import DATA, DATABASE, PLAYS, session_of
from console.problem import Problem
from recordings import folders
from recordings.peaks import stream_peaks
from recordings.schema import calls
from recordings.threads import Threads
from recordings.wav import NotARecordingError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from aiohttp.abc import AbstractStreamWriter
    from aiohttp.web import BaseRequest

_reading = Threads("recordings", 4)


class _Sound(web.FileResponse):
    """A file with range requests (RFC 9110, 14.2): one range is served, several or senseless ones are ignored."""

    async def prepare(self, request: BaseRequest) -> AbstractStreamWriter | None:
        try:
            _ = request.http_range
        except ValueError:
            headers = request.headers.copy()
            del headers[hdrs.RANGE]
            request = request.clone(headers=headers)
        return await super().prepare(request)


async def play(request: web.Request) -> web.StreamResponse:
    """The sound as WAV, both sides; each play leaves an entry in the audit trail before the first byte leaves."""
    call_id = request.match_info["call_id"]
    audio = await _find(request, call_id)
    asked = request.headers.get(hdrs.RANGE, "")
    at_start = not asked or asked.strip().lower().startswith("bytes=0-")
    if request.app[PLAYS].begins(session_of(request).token_sha256, call_id, at_start=at_start):
        async with request.app[DATABASE].write() as connection:
            await audit.record(connection, request, Action.PLAY, call_id)
    return _Sound(audio, headers={hdrs.CONTENT_TYPE: "audio/wav"})


async def show_peaks(request: web.Request) -> web.StreamResponse:
    """The waveform as ``recordings.peaks.stream_peaks`` tells it, piece by piece."""
    audio = await _find(request, request.match_info["call_id"])
    pieces = stream_peaks(audio)
    try:
        first = await _reading.run(_take, pieces)
    except NotARecordingError as error:
        raise _missing() from error
    response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: "application/octet-stream"})
    with suppress(ConnectionResetError):  # the page has gone
        await response.prepare(request)
        await response.write(first)
        while piece := await _reading.run(_take, pieces):
            await response.write(piece)
    return response


def _take(pieces: Iterator[bytes]) -> bytes:
    return next(pieces, b"")


async def _find(request: web.Request, call_id: str) -> Path:
    """The sound file of a call on file, wherever its folder lies now."""
    async with request.app[DATABASE].read() as connection:
        known = await connection.scalar(sa.select(calls.c.call_id).where(calls.c.call_id == call_id))
    folder = await _reading.run(folders.locate, request.app[DATA], known) if known else None
    if folder is None or not (folder / folders.AUDIO).is_file():
        raise _missing()
    return folder / folders.AUDIO


def _missing() -> Problem:
    return Problem(HTTPStatus.NOT_FOUND, "没有录音", "这通电话没有录音,或者录音不在这台机器上。")
