"""A host of the tests' own: a network namespace, joined to this machine by a pair of virtual interfaces."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Namespace:
    """``near`` is this machine's address on the link, ``far`` the namespace's; both again of IPv6."""

    name: str
    near: str
    far: str
    near6: str
    far6: str

    def command(self, *argv: str) -> tuple[str, ...]:
        """The command line that runs ``argv`` inside."""
        return ("ip", "netns", "exec", self.name, *argv)


def _ip(*argv: str) -> None:
    subprocess.run(["ip", *argv], check=True, capture_output=True)


@contextlib.contextmanager
def namespace() -> Iterator[Namespace]:
    """Make a namespace and its link; remove both at the end. Needs root.

    The addresses are of the blocks for benchmarks between networks (198.18.0.0/15, RFC 2544; 2001:2::/48, RFC 5180),
    a /30 and a /126 of its own by this process's id.
    """
    mark = os.getpid() % 0x7FFF
    base = 4 * mark
    near, far = (f"198.{18 + (base >> 16)}.{base >> 8 & 255}.{(base & 255) + n}" for n in (1, 2))
    near6, far6 = (f"2001:2::{mark:x}:{n}" for n in (1, 2))
    name, link = f"peer{mark:x}", f"pv{mark:x}"
    try:
        _ip("netns", "add", name)
        _ip("link", "add", f"{link}n", "type", "veth", "peer", "name", f"{link}f", "netns", name)
        _ip("addr", "add", f"{near}/30", "dev", f"{link}n")
        _ip("link", "set", f"{link}n", "up")
        _ip("-n", name, "addr", "add", f"{far}/30", "dev", f"{link}f")
        _ip("-n", name, "link", "set", f"{link}f", "up")
        _ip("-n", name, "link", "set", "lo", "up")
        # Nobody else is there to have the address already: it is usable at once.
        _ip("addr", "add", f"{near6}/126", "dev", f"{link}n", "nodad")
        _ip("-n", name, "addr", "add", f"{far6}/126", "dev", f"{link}f", "nodad")
        yield Namespace(name, near, far, near6, far6)
    finally:
        subprocess.run(["ip", "link", "del", f"{link}n"], check=False, capture_output=True)
        subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
