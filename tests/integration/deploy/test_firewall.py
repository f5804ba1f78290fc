"""What `deploy/` gives a firewall: real nft takes the rules and lets in whom they name, real fail2ban reads our log."""

from __future__ import annotations

import ast
import contextlib
import logging
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from handbook import LANGUAGES, read_blocks
from peers import debian
from peers.namespace import namespace
from waiting import eventually

from gateway.service.guarding import Teller
from gateway.service.logs import configure_logs
from gateway.sip.unwelcome import Told, Unwelcome
from gateway.site.settings import LogSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from peers.namespace import Namespace

DEPLOY = Path(__file__).parents[3] / "deploy"
ECHO = """
import socket, sys
line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
line.bind((sys.argv[1], int(sys.argv[2])))
print("there", flush=True)
while True:
    line.sendto(*line.recvfrom(100))
"""
SIP, OTHER = 5060, 5555


@pytest.fixture
def space() -> Iterator[Namespace]:
    with namespace() as made:
        yield made


def nft(space: Namespace, *words: str, given: str | None = None) -> str:
    """Run nft in the namespace, whose firewall is not this machine's."""
    done = subprocess.run(
        space.command("nft", *words), input=given, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextlib.contextmanager
def echoing(space: Namespace, port: int) -> Iterator[None]:
    """Somebody in the namespace who answers every datagram to that port."""
    command = space.command(sys.executable, "-c", ECHO, space.far, str(port))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "there\n"
            yield
        finally:
            process.kill()


def is_answered(space: Namespace, port: int, seconds: float) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.settimeout(seconds)
        line.sendto(b"x", (space.far, port))
        with contextlib.suppress(TimeoutError):
            return line.recv(100) == b"x"
        return False


def test_the_rules_let_in_the_trunks_and_nobody_else_and_close_no_other_port(space: Namespace) -> None:
    rules = (DEPLOY / "nftables" / "hotline.nft").read_text()
    nft(space, "-c", "-f", "-", given=rules)
    assert nft(space, "list", "ruleset") == "", "it was only looked at"
    with echoing(space, SIP), echoing(space, OTHER):
        assert is_answered(space, SIP, 5)
        nft(space, "-f", "-", given=rules)
        assert not is_answered(space, SIP, 0.5)
        assert is_answered(space, OTHER, 5)
        nft(space, "-f", "-", given=rules.replace("192.0.2.10,", f"{space.near},"))  # and once more
        assert is_answered(space, SIP, 5)
    assert nft(space, "list", "ruleset").count("chain callers {") == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_handbooks_rules_are_taken(space: Namespace, language: str) -> None:
    (rules,) = [block.text for block in read_blocks(language, "trunk") if block.kind == "nft"]
    nft(space, "-c", "-f", "-", given=rules)


@pytest.fixture(scope="module")
def fail2ban(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Its files, which are not installed: that would have it watch this machine; and its settings with ours."""
    files, settings = debian.unpack("fail2ban"), tmp_path_factory.mktemp("fail2ban") / "settings"
    shutil.copytree(files / "etc" / "fail2ban", settings)
    for file in (settings / "jail.d").iterdir():
        file.unlink()
    for kind in ("filter.d", "jail.d"):
        shutil.copy(DEPLOY / "fail2ban" / kind / "hotline-sip.conf", settings / kind)
    return files, settings


def run(fail2ban: tuple[Path, Path], program: str, *words: str) -> str:
    files, settings = fail2ban
    library = files / "usr" / "lib" / "python3" / "dist-packages"
    command = ["/usr/bin/python3", str(files / "usr" / "bin" / program), "-c", str(settings), *words]
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(library)}, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("address", ["203.0.113.9", "2001:db8::9"])
@pytest.mark.parametrize("why", ["strangers", "floods"])
def test_fail2ban_finds_in_our_log_who_was_refused(
    fail2ban: tuple[Path, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str], address: str, why: str
) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        configure_logs("gateway", LogSettings(format="json"))
        Teller().take(Unwelcome(0, 3, (Told(address, why, 3),)))  # type: ignore[arg-type]
        log = logging.getLogger("gateway.calls.switchboard")
        log.warning("call", extra={"source": f"{address}:5060", "hotline": "12345"})
    finally:
        root.handlers[0].close()  # what it has not written yet
        root.handlers[:], root.level = handlers, level
    file = tmp_path / "gateway.log"
    file.write_text(capfd.readouterr().err)
    ours = str(fail2ban[1] / "filter.d" / "hotline-sip.conf")
    told = run(fail2ban, "fail2ban-regex", "--out", "ip", str(file), ours)
    assert told.split() == [address]


def test_whom_it_bans_is_not_heard_over_udp_either(fail2ban: tuple[Path, Path], space: Namespace) -> None:
    told = run(fail2ban, "fail2ban-client", "-d")
    (action,) = (one for one in map(read, told.splitlines()) if one[:1] == ["multi-set"])
    does = dict(action[4])
    for name in ("actionstart", "actionban"):
        command = does[name]
        filled = {"addr_set": "banned", "addr_type": "ipv4_addr", "addr_family": "ip", "ip": space.near}
        for what, value in filled.items():
            command = command.replace(f"<{what}>", value)
        if name == "actionban":
            with echoing(space, SIP):
                assert is_answered(space, SIP, 5)
        subprocess.run(space.command("sh", "-ec", command), check=True)
    with echoing(space, SIP):
        assert not is_answered(space, SIP, 0.5)
        subprocess.run(
            space.command("sh", "-ec", command.replace("add element", "delete element")), check=True
        )
        eventually(lambda: is_answered(space, SIP, 1), 5, "an answer to who is banned no more")


def read(line: str) -> list[object]:
    """One command of those that fail2ban would give its server; [] where the line is none."""
    return ast.literal_eval(line) if line.startswith("[") else []
