"""The codecs of a session description, in the order one side of a call wants them (RFC 4566, RFC 3264)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_STATIC = {"0": "pcmu", "8": "pcma", "9": "g722"}  # RFC 3551, 6: these need no rtpmap
_EVENTS = "telephone-event"
_OF_PAYLOAD = re.compile(r"a=(?:rtpmap|fmtp|rtcp-fb):([0-9]+)\b")
_RTPMAP = re.compile(r"a=rtpmap:([0-9]+) ([^/\s]+)")


def order_codecs(session: str, order: Sequence[str], offer: str = "") -> str:
    """Our description with no codecs but those of ``order`` in its audio, and in that order.

    In an answer to ``offer`` only the first of them that the offer has is left: the other side's own order would
    decide otherwise. Where it has none of them all of ours stay, and the stack refuses. Keys (RFC 4733) stay.
    """
    theirs = _read_audio(offer)
    head, *medias = re.split(r"(?m)^(?=m=)", session)
    number = 0
    for n, media in enumerate(medias):
        if media.startswith("m=audio "):
            offered = theirs[number] if number < len(theirs) else None
            medias[n] = _order_media(media, order, offered if offer else None)
            number += 1
    return head + "".join(medias)


def _order_media(media: str, order: Sequence[str], offered: frozenset[str] | None) -> str:
    first, *lines = media.splitlines(keepends=True)
    names = _names(media)
    ranks = [name.lower() for name in order]
    codecs = sorted((p for p, name in names.items() if name in ranks), key=lambda p: ranks.index(names[p]))
    if offered is not None:
        codecs = [payload for payload in codecs if names[payload] in offered][:1] or codecs
    if not codecs:
        return media
    kept = [*codecs, *(payload for payload, name in names.items() if name == _EVENTS)]
    kind, port, protocol = first.split()[:3]
    rest = [line for line in lines if not (found := _OF_PAYLOAD.match(line)) or found[1] in kept]
    return f"{kind} {port} {protocol} {' '.join(kept)}\r\n" + "".join(rest)


def _names(media: str) -> dict[str, str]:
    """The codec of each payload type of a media description, in lower case and in its order."""
    told = {found[1]: found[2].lower() for found in _RTPMAP.finditer(media)}
    payloads = media.splitlines()[0].split()[3:]
    return {payload: told.get(payload, _STATIC.get(payload, "")) for payload in payloads}


def _read_audio(session: str) -> list[frozenset[str]]:
    """What codecs each audio description of a session has."""
    medias = re.split(r"(?m)^(?=m=)", session)[1:]
    return [frozenset(_names(media).values()) for media in medias if media.startswith("m=audio ")]
