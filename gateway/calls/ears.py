"""Whether speech recognition answers, and by which model."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from asr.client import AsrUnavailable
from gateway.site import metrics
from gateway.site.demo_model import DEMO_WARNING

if TYPE_CHECKING:
    from asr.client import AsrClient
    from asr.transcript import ModelFingerprint

log = logging.getLogger(__name__)

_WATCH_SECONDS = 2.0


class EarWatch:
    """Knows whether speech recognition answers, and by which model, without any call waiting for it."""

    def __init__(self, client: AsrClient) -> None:
        self._client = client
        self._away_since: float | None = None
        self.model: ModelFingerprint | None = None

    async def run(self) -> None:
        """Look every two seconds until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(_WATCH_SECONDS)

    def is_away_for(self, seconds: float) -> bool:
        """Whether nobody has answered for so long."""
        since = self._away_since
        return since is not None and asyncio.get_running_loop().time() - since >= seconds

    async def look(self) -> None:
        """Ask once; ``model`` is None when nobody answers."""
        before = self.model
        try:
            self.model = await self._client.fingerprint()
        except AsrUnavailable as error:
            self.model = None
            if self._away_since is None:
                self._away_since = asyncio.get_running_loop().time()
            if before is not None:
                log.warning("speech recognition is out of reach, calls go by keys: %s", error)
        else:
            self._away_since = None
            if self.model != before:
                log.info("speech recognition", extra={"model": self.model.name, "demo": self.model.demo})
                if self.model.demo:
                    log.warning(DEMO_WARNING)
        metrics.ASR_UP.set(self.model is not None)
        metrics.DEMO_MODEL.set(self.model is not None and self.model.demo)
