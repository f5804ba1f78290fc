from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.sip import address
from gateway.sip.fault import SipError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nameserver 192.0.2.1\nsearch example.test\nnameserver 2001:db8::1\n", ["192.0.2.1", "2001:db8::1"]),
        ("# nameserver 192.0.2.9\n; nameserver 192.0.2.8\n", ["127.0.0.1"]),
        ("nameserver\nnameserver fe80::1%eth0\nnameserver nonsense\n", ["127.0.0.1"]),
        ("".join(f"nameserver 192.0.2.{n}\n" for n in range(1, 6)), ["192.0.2.1", "192.0.2.2", "192.0.2.3"]),
    ],
)
def test_name_servers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, expected: list[str]
) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text(text)
    monkeypatch.setattr(address, "_RESOLVER", file)
    assert address.name_servers() == expected


def test_name_servers_of_a_machine_without_any(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "_RESOLVER", tmp_path / "none")
    assert address.name_servers() == ["127.0.0.1"]


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("sip:12345@localhost", "sip:12345@127.0.0.1"),
        ("sip:12345@localhost:5070", "sip:12345@127.0.0.1:5070"),
        ("sip:localhost:5070;transport=tcp", "sip:127.0.0.1:5070;transport=tcp"),
        ("sip:12345@192.0.2.7:5060", "sip:12345@192.0.2.7:5060"),
    ],
)
async def test_a_host_is_looked_up(uri: str, expected: str) -> None:
    assert await address.look_up(uri) == expected


@pytest.mark.parametrize("uri", ["sip:12345@nowhere.invalid", "12345", "tel:12345"])
async def test_a_host_that_there_is_not(uri: str) -> None:
    with pytest.raises(SipError, match=uri):
        await address.look_up(uri)
