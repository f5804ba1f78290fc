from __future__ import annotations

import pytest

from asr.address import TcpAddress, UnixAddress, read_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("unix:/run/hotline/asr.sock", UnixAddress("/run/hotline/asr.sock")),
        ("tcp:127.0.0.1:2700", TcpAddress("127.0.0.1", 2700)),
        ("tcp:[::1]:2700", TcpAddress("::1", 2700)),
        ("ws://asr.example:2700", TcpAddress("asr.example", 2700)),
        ("ws://asr.example:2700/", TcpAddress("asr.example", 2700)),
        ("wss://asr.example:443", TcpAddress("asr.example", 443, tls=True)),
    ],
)
def test_addresses_are_read(text, address):
    assert read_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "unix:",
        "unix:asr.sock",
        "tcp:host",
        "tcp::2700",
        "ws://host:x",
        "ws://host:99999",
        "http://host:1",
        "ws://h:1/x",
    ],
)
def test_other_addresses_are_refused(text):
    with pytest.raises(ValueError, match=r"asr|Port|port|speech server"):
        read_address(text)


def test_a_path_too_long_for_a_socket_is_refused():
    with pytest.raises(ValueError, match="at most 107 bytes"):
        read_address("unix:/" + "a" * 107)
