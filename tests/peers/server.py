"""A SIP server of somebody else's as a process of the tests' own: started, known to answer, and ended."""

from __future__ import annotations

import secrets
import shutil
import socket
import subprocess
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def require(program: str, package: str) -> str:
    """The program's path; a test without it fails and says what to install."""
    found = shutil.which(program)
    assert found, f"{program} is not installed: apt-get install {package} (deploy/apt-test.txt)"
    return found


def answers(host: str, port: int, seconds: float = 0.5) -> bool:
    """Whether somebody there answers OPTIONS over UDP, with whatever it be."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as wire:
        wire.settimeout(seconds)
        wire.connect((host, port))
        near = f"[{host}]" if ":" in host else host
        mark = secrets.token_hex(8)
        lines = [
            f"OPTIONS sip:{near}:{port} SIP/2.0",
            f"Via: SIP/2.0/UDP {near}:{wire.getsockname()[1]};rport;branch=z9hG4bK{mark}",
            "Max-Forwards: 70",
            f"From: <sip:tester@{near}>;tag={mark}",
            f"To: <sip:{near}:{port}>",
            f"Call-ID: {mark}",
            "CSeq: 1 OPTIONS",
            "Content-Length: 0",
        ]
        try:
            wire.send("".join(f"{line}\r\n" for line in [*lines, ""]).encode())
            return wire.recv(4000).startswith(b"SIP/2.0 ")
        except OSError:
            return False


class Server:
    """A process that answers SIP at ``host:port`` (UDP); ``log`` is the file it writes to."""

    def __init__(self, command: list[str], host: str, port: int, log: Path) -> None:
        self._command, self._host, self._port, self._log = command, host, port, log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, seconds: float = 30.0) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + seconds
        while not answers(self._host, self._port):
            ended = self._process.poll()
            assert ended is None, f"{self._command[0]} ended with {ended}: {self.told()[-3000:]}"
            assert time.monotonic() < deadline, f"{self._command[0]} does not answer: {self.told()[-3000:]}"
            time.sleep(0.05)

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def told(self) -> str:
        """Its log so far."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""
