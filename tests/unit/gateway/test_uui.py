"""User-to-User: what goes out as ISDN has it, and what exchanges send back."""

from __future__ import annotations

import pytest

from gateway.sip import uui


def test_what_is_told_is_read_again() -> None:
    value = uui.encode("call=1;line=12345")
    assert value == "0463616c6c3d313b6c696e653d3132333435;encoding=hex;purpose=isdn-uui;content=isdn-uui"
    assert uui.decode(value) == "call=1;line=12345"
    assert uui.decode(uui.encode("x" * 300)) == "x" * 127


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("3132", "12"),  # without a discriminator
        ("00414243;encoding=hex", "ABC"),  # a user's own protocol
        ('"PBX 1";purpose=x', "PBX 1"),
        ("PBX-17", "PBX-17"),
        ("04", ""),
        ("04ff41", "\ufffdA"),
        ("", ""),
    ],
)
def test_what_exchanges_send(value: str, text: str) -> None:
    assert uui.decode(value) == text
