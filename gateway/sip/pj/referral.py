"""A REFER of ours in the stack (`gateway.sip.channel.Referral`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pjsua2 as pj

from gateway.sip.fault import SipError
from gateway.sip.pj.common import attempt, destroy, header_vector

if TYPE_CHECKING:
    from collections.abc import Mapping


class StackReferral:
    """Sent when it is made; raises SipError. Whoever makes one ends it."""

    def __init__(self, call: pj.Call, uri: str, headers: Mapping[str, str]) -> None:
        self._answer = self._told = 0
        self._over = False
        self._native: pj.Referral | None = pj.Referral()
        native = self._native
        try:
            attempt(f"refer to {uri}", lambda: native.send(call, uri, header_vector(headers)))
        except SipError:
            self.end()
            raise

    @property
    def answer(self) -> int:
        """The final status of its answer, 408 without one; 0 until then."""
        return self._look()[0]

    @property
    def told(self) -> int:
        """The status that NOTIFY told last, 0 while none has."""
        return self._look()[1]

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be told."""
        return self._look()[2]

    def end(self) -> None:
        """Look no more; harmless again."""
        self._look()
        native, self._native = self._native, None
        destroy(native)

    def _look(self) -> tuple[int, int, bool]:
        if self._native is not None:
            self._answer, self._told = self._native.answer(), self._native.told()
            self._over = self._native.over()
        return self._answer, self._told, self._over
