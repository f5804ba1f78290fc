"""The guard before the stack's transactions, by source; see native/sip/source_guard.hpp."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pjsua2 as pj

from gateway.sip.pj.common import attempt
from gateway.sip.unwelcome import Told, Unwelcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.sip.unwelcome import Rules


def set_rules(rules: Rules) -> None:
    """Take requests by these rules from now on; raises SipError for what is no network."""
    allow, peers = _vector(rules.allow), _vector(rules.peers)
    attempt("guard SIP", lambda: pj.setSourceRules(allow, peers, rules.per_second, rules.burst))


def take_unwelcome() -> Unwelcome:
    """What was refused so far; sources are told of once."""
    taken = pj.takeSourceRefusals()
    return Unwelcome(taken.strangers, taken.floods, tuple(_read(line) for line in taken.told))


def _read(line: str) -> Told:
    address, why, requests = line.split()
    return Told(address, "strangers" if why == "strangers" else "floods", int(requests))


def _vector(texts: Iterable[str]) -> pj.StringVector:
    vector = pj.StringVector()
    for text in texts:
        vector.append(text)
    return vector
