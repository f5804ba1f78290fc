"""The door: who is let in, one task per call, and a clean way out."""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gateway.call import Call
from recordings.folders import spool
from recordings.journal import Journal, JournalError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from asr.transcript import ModelFingerprint
    from gateway.call import House
    from gateway.incoming import Incoming
    from gateway.leg import Leg
    from gateway.settings import Settings
    from ivr.flow import Flow
    from ivr.hotlines import Hotline, Hotlines

log = logging.getLogger(__name__)

_HANGUP_SECONDS = 8.0  # for a call that is cut short to be closed

Refusal = tuple[int, "Mapping[str, str]"]


class Switchboard:
    """Admits calls up to the cap and runs each as one task."""

    def __init__(
        self,
        settings: Settings,
        data: Path,
        house: House,
        flow: Flow,
        hotlines: Hotlines,
        model: Callable[[], ModelFingerprint | None],
        closed: Callable[[Path], None],
    ) -> None:
        self._settings, self._data = settings, data
        self._house, self._flow, self._hotlines = house, flow, hotlines
        self._model, self._closed = model, closed
        self._lock = threading.Lock()
        self._admitted = 0
        self._draining = False
        self._calls: dict[asyncio.Task[None], Leg] = {}

    @property
    def calls(self) -> int:
        """Calls at this moment, those still ringing included."""
        return self._admitted

    def admit(self, incoming: Incoming) -> Refusal | None:
        """SIP thread: None lets the call in; else the status and headers to refuse it with."""
        if not incoming.offers_media:
            return 488, {"Warning": '399 minsheng-hotline "The INVITE carries no SDP offer"'}
        with self._lock:
            if self._draining or self._admitted >= self._settings.sip.cap:
                return 503, {"Retry-After": str(self._settings.sip.retry_after_seconds)}
            self._admitted += 1
        return None

    def take(self, leg: Leg) -> None:
        """Loop: run an admitted call."""
        task = asyncio.create_task(self._run(leg))
        self._calls[task] = leg
        task.add_done_callback(self._calls.pop)

    async def drain(self) -> None:
        """Refuse new calls, give those in progress ``sip.drain_seconds`` to end by themselves, then hang up."""
        with self._lock:
            self._draining = True
        if not self._calls:
            return
        log.info("draining", extra={"calls": len(self._calls)})
        _done, late = await asyncio.wait(self._calls, timeout=self._settings.sip.drain_seconds)
        for task in late:
            self._calls[
                task
            ].hang_up()  # the dialogue takes it as any other hang-up: what was said becomes tickets
        if late:
            log.warning("calls cut short: %d", len(late))
            await asyncio.wait(late, timeout=_HANGUP_SECONDS)

    def _leave(self) -> None:
        with self._lock:
            self._admitted -= 1

    async def _run(self, leg: Leg) -> None:
        call_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
        try:
            await self._answer(leg, call_id)
        except Exception:  # boundary, call task: one call's trouble must not become another's
            log.exception("the call broke off", extra={"call_id": call_id})
            leg.hang_up()
        finally:
            self._leave()

    async def _answer(self, leg: Leg, call_id: str) -> None:
        incoming = leg.incoming
        assert incoming is not None  # noqa: S101 - only invited legs come here
        hotline = self._hotlines.find(incoming.called)
        try:
            journal = self._begin(call_id, incoming, hotline)
        except JournalError as error:
            log.error(  # noqa: TRY400 - the message says what, where, and what to do
                "no record can be begun, the call is refused: %s", error, extra={"call_id": call_id}
            )
            leg.refuse(503, {"Retry-After": str(self._settings.sip.retry_after_seconds)})
            return
        log.info("call", extra={"call_id": call_id, "hotline": hotline.number, "source": incoming.source})
        if not hotline.known:
            log.warning("an unknown line was called, answered as the front door", extra={"call_id": call_id})
        try:
            await Call(leg, journal, self._house, self._flow, hotline).run(self._model())
            await journal.sync()
        finally:
            journal.close()
            self._closed(journal.folder)

    def _begin(self, call_id: str, incoming: Incoming, hotline: Hotline) -> Journal:
        """The call's journal, before anything is answered; raises JournalError."""
        journal = Journal.create(spool(self._data), call_id)
        try:
            journal.append(
                "incoming",
                call_id=call_id,
                sip_call_id=incoming.sip_call_id,
                caller=incoming.caller,
                called=incoming.called,
                hotline=hotline.number,
                flow=self._flow.name,
                node=self._settings.node,
            )
        except JournalError:
            journal.close()
            raise
        return journal
