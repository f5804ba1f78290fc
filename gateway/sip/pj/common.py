"""What everything that speaks to pjsua2 needs: its errors as ours, callbacks that raise nothing, call settings."""

from __future__ import annotations

import contextlib
import functools
import logging
import threading
from typing import TYPE_CHECKING, Any, ParamSpec

import pjsua2 as pj

from gateway.sip.fault import SipError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

log = logging.getLogger(__name__)

CLOCK_RATE = 8000
FRAME_MS = 20

P = ParamSpec("P")


class _Crossing(threading.local):
    """Whether this thread is just ending, or answering, a call that the other side may have ended in this moment."""

    may = False


_crossing = _Crossing()


@contextlib.contextmanager
def may_cross() -> Iterator[None]:
    """What is told to a call here may cross its end: that is nobody's fault, and no warning (RFC 3261, 15)."""
    before, _crossing.may = _crossing.may, True
    try:
        yield
    finally:
        _crossing.may = before


def is_crossing() -> bool:
    """Whether this thread is within `may_cross`; the stack's log is written by the thread that it is about."""
    return _crossing.may


def sip_callback(function: Callable[P, None]) -> Callable[P, None]:
    """Boundary: an exception must not travel into the stack, which would swallow it and leave the caller hanging."""

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except Exception:  # boundary, SIP callback: the stack would swallow it
            log.exception("SIP callback %s failed", function.__name__)

    return guarded


def attempt(what: str, function: Callable[[], Any]) -> Any:
    """Run it; raises SipError, which says what was tried and the stack's reason."""
    try:
        return function()
    except pj.Error as error:
        raise SipError(f"{what}: {error.info()}") from error


def destroy(thing: Any) -> None:
    """End a native object here and now; harmless a second time.

    Python's half stays, empty: whoever uses it later gets a TypeError, and the collector finds nothing to destroy,
    on whichever thread it runs. A call is destroyed on the event loop only, and never inside one of its callbacks.
    """
    if hasattr(thing, "this"):
        type(thing).__swig_destroy__(thing)
        del thing.this


def call_parameters() -> pj.CallOpParam:
    """For an answer or a call with one audio stream."""
    prm = pj.CallOpParam(True)  # noqa: FBT003 - pjsua2: with the default call setting
    # A text stream would have a clock thread of its own, and each hang-up would wait for it.
    prm.opt.audioCount, prm.opt.videoCount, prm.opt.textCount = 1, 0, 0
    return prm


def header_vector(headers: Mapping[str, str]) -> pj.SipHeaderVector:
    """SIP headers as the stack takes them."""
    vector = pj.SipHeaderVector()
    for name, value in headers.items():
        header = pj.SipHeader()
        header.hName, header.hValue = name, value
        vector.append(header)
    return vector
