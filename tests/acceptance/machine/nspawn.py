"""A Debian machine of the tests' own: made by debootstrap once, booted by systemd-nspawn with its own systemd.

It has no network but its own loopback. The root folder is kept under ${HOTLINE_CACHE:-~/.cache/minsheng-hotline}
by the content of what it is made of; each machine is a copy.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from peers import debian

CLONE = Path(__file__).parents[3]
SUITE = "bookworm"
REBOOTED = 133  # systemd-nspawn with --keep-unit: start me again


def read_packages() -> list[str]:
    """What the handbook asks for: systemd and Python, and the packages of deploy/apt-run.txt."""
    lines = (CLONE / "deploy" / "apt-run.txt").read_text().splitlines()
    return ["dbus", "python3", "systemd-sysv", *(line for line in lines if not line.startswith("#"))]


def make_root() -> Path:
    """The root folder every machine is copied from."""
    return debian.make_root("machine", SUITE, read_packages())


class Machine:
    """A machine that is booted, or will be."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self._log = folder / "console.log"
        self._nspawn: subprocess.Popen[bytes] | None = None
        subprocess.run(["cp", "-a", "--reflink=auto", str(make_root()), str(self.root)], check=True)

    def install(self) -> str:
        """``hotline install`` of this clone into the machine that is not booted; what it printed."""
        command = [sys.executable, "-m", "gateway", "install", "--root", str(self.root)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=CLONE)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def boot(self) -> None:
        """Switch it on, and wait until everything that starts at boot has."""
        command = ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network"]
        command += [
            f"--directory={self.root}",
            f"--machine=hotline-{os.getpid()}",
            "--console=pipe",
            "--boot",
        ]
        with self._log.open("ab") as log:
            self._nspawn = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError, AssertionError, subprocess.TimeoutExpired):
                # Before its systemd can be asked, systemctl says "offline" or "unknown", and does not wait.
                state = self.try_run("systemctl", "is-system-running", "--wait").strip()
                if state in ("running", "degraded"):
                    return
            time.sleep(0.2)
        raise AssertionError(f"not booted: {self._log.read_text(errors='replace')}")

    def reboot(self) -> None:
        """As systemd-nspawn@.service does it: nspawn ends with status 133 and is started again."""
        assert self._nspawn
        self.try_run("systemctl", "reboot")
        assert self._nspawn.wait(90) == REBOOTED, self._log.read_text(errors="replace")
        self.boot()

    @property
    def leader(self) -> int:
        """The machine's first process."""
        assert self._nspawn
        assert self._nspawn.poll() is None, self._log.read_text(errors="replace")
        children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children").read_text().split()
        assert children, "nothing runs yet"
        return int(children[0])

    def command(self, *command: str) -> list[str]:
        return ["nsenter", f"--target={self.leader}", "--all", "--", *command]

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self.command(*command), stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def try_run(self, *command: str, seconds: float = 120) -> str:
        """What a command prints, whatever its exit code; "" while the machine is not there."""
        done = subprocess.run(
            self.command(*command), capture_output=True, text=True, timeout=seconds, check=False
        )
        return done.stdout

    def run(self, *command: str, seconds: float = 120) -> str:
        done = subprocess.run(
            self.command(*command), capture_output=True, text=True, timeout=seconds, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}\n{self.journal()}"
        return done.stdout

    def show(self, unit: str, name: str) -> str:
        return self.run("systemctl", "show", "--value", f"--property={name}", unit).strip()

    def journal(self) -> str:
        return self.try_run("journalctl", "--no-pager", "--boot", "--unit=hotline*")

    def outside(self, pid: str) -> int:
        """The number that a process of the machine has out here."""
        for status in Path("/proc").glob("[0-9]*/status"):
            with contextlib.suppress(OSError):
                text = status.read_text()
                inner = text.partition("NSpid:")[2].splitlines()[0].split()
                if inner[-1] == pid and self._inside(int(status.parent.name)):
                    return int(status.parent.name)
        raise ProcessLookupError(pid)

    def _inside(self, number: int) -> bool:
        mine, theirs = (Path(f"/proc/{n}/ns/pid").readlink() for n in (self.leader, number))
        return mine == theirs

    def call(self, script: dict[str, Any], port: int = 5060) -> subprocess.Popen[bytes]:
        """``hotline call`` inside the machine; `result` waits for it."""
        file = self.root / "root" / "script.yaml"
        file.write_text(json.dumps(script, ensure_ascii=False))
        target = f"sip:12345@127.0.0.1:{port}"
        return self.start("hotline", "call", target, "--script", "/root/script.yaml", "--json")

    def result(self, call: subprocess.Popen[bytes]) -> dict[str, Any]:
        out, err = call.communicate(timeout=120)
        assert out, err.decode() + self.journal()
        found: dict[str, Any] = json.loads(out)
        return found

    def tickets(self, sip_call_id: str) -> list[dict[str, Any]]:
        """What the machine's reference intake holds of the call: each ticket's newest revision."""
        url = f"http://127.0.0.1:8045/v1/tickets?sip_call_id={sip_call_id}"
        look = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())"
        held = json.loads(self.run("python3", "-c", look, url))["tickets"]
        return [ticket["revisions"][-1]["ticket"] for ticket in held]

    def remove(self) -> None:
        """Switch it off, and give its gigabyte back."""
        self.stop()
        shutil.rmtree(self.root)

    def stop(self) -> None:
        if self._nspawn is None or self._nspawn.poll() is not None:
            return
        with contextlib.suppress(AssertionError, OSError):
            self.try_run("systemctl", "poweroff")
        try:
            self._nspawn.wait(90)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            self._nspawn.wait()
