"""Many INVITEs of hostile kinds, one after the other, at a bounded rate: what a scanner or a broken PBX does."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from acceptance.hostile import torture
from acceptance.hostile.fuzz import mutate
from acceptance.hostile.wire import Answer, Request, Wire, follow, sdp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random


@dataclass
class Storm:
    """Sends through ``wire``; ``statuses`` counts the final answers by kind. No request of the gateway is answered."""

    wire: Wire
    dice: Random
    kinds: dict[str, str] = field(default_factory=dict)  # of each Call-ID
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)

    def blow(self, invites: int, rate: float) -> None:
        kinds = itertools.cycle(
            (self.unacknowledged, self.deserted, self.parted, self.cancelled, self.broken)
        )
        start = time.monotonic()
        for number, kind in zip(range(1, invites + 1), kinds, strict=False):
            kind()
            self.react(max(0.001, start + number / rate - time.monotonic()))
        self.react(2.0)

    def react(self, seconds: float) -> None:
        for answer in self.wire.answers(seconds):
            kind = self.kinds.get(answer.headers.get("Call-ID", ""), "")
            if answer.status >= 200 and answer.headers.get("CSeq", "").endswith("INVITE"):
                self.statuses[kind, answer.status] += 1
                for message in self.follow(kind, answer):
                    self.wire.send(message)

    def follow(self, kind: str, answer: Answer) -> Iterator[bytes]:
        if kind == "deserted" or (kind == "parted" and answer.status >= 300):
            yield follow(answer, "ACK", self.wire.local_port)
        elif kind == "parted":  # BYE before ACK, and the ACK for a call that is no more
            yield follow(answer, "BYE", self.wire.local_port)
            yield follow(answer, "ACK", self.wire.local_port)

    def invite(self, kind: str, body: bytes | None = None) -> Request:
        request = self.wire.request(body=body)
        self.kinds[request.call_id] = kind
        self.wire.send(request.encode())
        return request

    # --- the kinds
    def unacknowledged(self) -> None:
        """Nobody acknowledges, nobody speaks."""
        self.invite("unacknowledged")

    def deserted(self) -> None:
        """Acknowledged, and then nothing more: no RTP, no BYE, no answer to a BYE."""
        self.invite("deserted")

    def parted(self) -> None:
        """Ended before it was acknowledged."""
        self.invite("parted")

    def cancelled(self) -> None:
        """Cancelled, at once or in the moment of the answer."""
        request = self.invite("cancelled")
        time.sleep(self.dice.choice((0.0, 0.0005, 0.002, 0.005)))
        cancel = self.wire.request("CANCEL", call_id=request.call_id, branch=request.branch)
        self.wire.send(cancel.encode())

    def broken(self) -> None:
        """SDP that is none or odd, headers that are wrong, or any damage."""
        offers = [*torture.bad_offers().values(), *torture.odd_offers().values()]
        headers = [
            *torture.odd_headers(self.wire.request).values(),
            *torture.without(self.wire.request).values(),
        ]
        match self.dice.randrange(3):
            case 0:
                self.invite("broken", self.dice.choice(offers))
            case 1:
                self.wire.send(self.dice.choice(headers))
            case _:
                self.wire.send(mutate(self.dice, self.wire.request(body=sdp()).encode()))
