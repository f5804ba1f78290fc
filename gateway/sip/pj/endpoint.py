"""The stack itself: its settings, its log, and the heartbeat of the thread that takes its messages."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

import pjsua2 as pj

from gateway.sip.pj.common import CLOCK_RATE, FRAME_MS, is_crossing, sip_callback

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

_PORTS_PER_CALL = 6
_MOST_CALLS = 2048  # of the stack's build
_BEAT_MS = 250
_FIRST_TRANSPORT = 0
_TERMINATED = "INVITE session already terminated"  # PJSIP_ESESSIONTERMINATED


class Endpoint(pj.Endpoint):
    """The stack, with a timer on its SIP worker: the one thread that takes messages also fires timers."""

    def __init__(
        self, retry_after: Callable[[], int], select: Callable[[pj.OnSelectAccountParam], None] | None = None
    ) -> None:
        super().__init__()
        self._retry_after = retry_after
        self._select = select
        self.beats = 0

    def beat(self) -> None:
        """Have the SIP worker call `onTimer` once."""
        self.utilTimerSchedule(_BEAT_MS, None)

    @sip_callback
    def onSelectAccount(self, prm: pj.OnSelectAccountParam) -> None:  # noqa: N802 - pjsua2's name
        """Whose a request is; without ``select`` that of the address it names."""
        if self._select is not None:
            self._select(prm)

    @sip_callback
    def onTimer(self, _prm: pj.OnTimerParam) -> None:  # noqa: N802 - pjsua2's name
        """The SIP worker has come round."""
        self.beat()
        pj.refuseOptions(self._retry_after())
        # What this tells is nothing to us, but it takes the stack's one lock.
        with contextlib.suppress(pj.Error):
            self.transportGetInfo(_FIRST_TRANSPORT)
        self.beats += 1


class StackLog(pj.LogWriter):
    """The stack's own errors, as records of this process's log.

    Only their first lines: what follows is the message it could not read, with the numbers of caller and called.
    """

    def write(self, entry: pj.LogEntry) -> None:
        """One entry."""
        crossed = _TERMINATED in entry.msg and is_crossing()
        level = logging.DEBUG if crossed else logging.WARNING
        log.log(level, "pjsip: %s", entry.msg.strip().partition("\n")[0])


def endpoint_config(max_calls: int, writer: StackLog) -> pj.EpConfig:
    """For so many calls with media at once, G.711 at 8 kHz, frames of 20 ms."""
    config = pj.EpConfig()
    config.logConfig.writer = writer
    # A call that is over keeps its place until its last messages are through, up to a minute with a peer that is gone.
    config.uaConfig.maxCalls = min(_MOST_CALLS, 2 * max_calls)
    config.uaConfig.threadCnt = 1
    config.uaConfig.userAgent = "minsheng-hotline"
    config.logConfig.level = config.logConfig.consoleLevel = 1
    media = config.medConfig
    media.clockRate = media.sndClockRate = CLOCK_RATE
    media.channelCount = 1
    media.audioFramePtime = FRAME_MS
    media.maxMediaPorts = max_calls * _PORTS_PER_CALL + 16
    media.noVad = True
    media.ecTailLen = 0
    media.threadCnt = 1
    return config
