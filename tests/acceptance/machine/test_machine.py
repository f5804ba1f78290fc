"""A Debian machine is set up by `hotline install`, takes calls, and stands what happens to machines.

One machine for all tests of this file, in their order: each leaves it running. Those marked soak are as real as the
others; together they would take longer than a test run may.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from freezing import frozen
from handbook import pack_model, read_blocks
from nspawn import CLONE, Machine
from wholecall import SENTENCE, STEPS

from gateway.caller.demo import count_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="to boot a machine takes root"),
    pytest.mark.timeout(600),
]

GATEWAY = "hotline-gateway@5060.service"
SERVICES = ("hotline-asr.service", "hotline-worker.service", "hotline-console.service", GATEWAY)
CALLED = '"event": "call"'
PASSWORD = "first of the agents"
SHORT = {
    "name": "short",
    "caller": "",  # withheld: one who called again would be asked whether he goes on
    "steps": [{"pause": 1.5}, {"say": SENTENCE, "over": True}, {"press": "#"}, {"pause": 2.0}, "hang_up"],
}
WHOLE = {"name": "whole", "caller": "13855812345", "steps": STEPS}


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    made = Machine(tmp_path_factory.mktemp("machine"))
    printed = made.install()
    assert "program installed: /opt/hotline" in printed
    made.boot()
    # The reference intake is for trials: the target does not start it.
    assert made.try_run("systemctl", "is-active", "hotline-intake").strip() == "inactive"
    made.run("systemctl", "start", "hotline-intake")
    yield made
    made.remove()


def eventually(look: Callable[[], Any], seconds: float, machine: Machine) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.2)
    raise AssertionError(machine.journal())


def accepted(machine: Machine, result: dict[str, Any]) -> dict[str, Any]:
    """The call's one ticket, once the intake has what was known at the hang-up."""

    def look() -> list[dict[str, Any]]:
        return [t for t in machine.tickets(result["sip_call_id"]) if t["call"]["ended_at"]]

    (ticket,) = eventually(look, 30, machine)
    return ticket


def test_everything_runs_after_the_first_boot(machine: Machine) -> None:
    for unit in SERVICES:
        assert machine.show(unit, "ActiveState") == "active", machine.journal()
        assert machine.show(unit, "User") == "hotline"
    owners = machine.run("find", "/var/lib/hotline", "/run/hotline", "!", "-user", "hotline")
    assert owners == ""
    assert machine.run("stat", "-c", "%a", "/var/lib/hotline").strip() == "750"


@pytest.mark.soak
def test_installing_again_changes_nothing(machine: Machine) -> None:
    printed = machine.run("hotline", "install")
    assert "written" not in printed
    assert "program installed" not in printed
    assert "unchanged: /opt/hotline" in printed


def test_a_call_becomes_an_accepted_ticket(machine: Machine) -> None:
    result = machine.result(machine.call(WHOLE))
    assert result["failure"] == ""
    ticket = accepted(machine, result)
    told = ticket["appeal"]["content"].split("\n")[0]
    assert (
        count_errors(SENTENCE, told) < 0.3
    )  # to the word only where nothing else runs: tests/acceptance/test_demo.py
    assert not ticket["call"]["interrupted"]


def test_the_doctor_finds_nothing_wrong_with_it(machine: Machine) -> None:
    found = json.loads(machine.run("hotline", "doctor", "--json"))
    assert {f["check"] for f in found if f["level"] == "failure"} == set()
    fine = {f["check"] for f in found if f["level"] == "ok"}
    wanted = {"settings", "packages", "folders", "ports", "asr", "database", "tickets", "intake", "services"}
    wanted |= {"worker", "page"}
    assert wanted <= fine


def test_the_doctor_sees_with_the_eyes_of_the_services(machine: Machine) -> None:
    """Root could write there; the services cannot, and the doctor that root calls says so."""
    data = machine.root / "var" / "lib" / "hotline"
    owner = data.stat()
    os.chown(data, 0, 0)
    try:
        found = json.loads(machine.try_run("hotline", "doctor", "--json"))
    finally:
        os.chown(data, owner.st_uid, owner.st_gid)
    (told,) = [f for f in found if f["check"] == "folders"]
    assert told["level"] == "failure"
    assert "Permission denied" in told["what"]
    assert told["remedy"] == "chown -R hotline: /var/lib/hotline && chmod 750 /var/lib/hotline"


def test_the_doctor_names_a_service_that_failed(machine: Machine) -> None:
    settings = machine.root / "etc" / "hotline" / "gateway.yaml"
    text = settings.read_text()
    settings.write_text(text.replace("model: null ", "model: /srv/none "))
    machine.try_run("systemctl", "restart", "hotline-asr")
    found = json.loads(machine.try_run("hotline", "doctor", "--json"))
    failures = {f["check"]: f for f in found if f["level"] == "failure"}
    assert failures["services"]["remedy"] == "journalctl -u hotline-asr.service -n 30"
    assert "/srv/none: no such folder" in failures["model"]["what"]
    assert "asr" in failures  # a gateway runs, and misses it
    settings.write_text(text)
    machine.run("systemctl", "restart", "hotline-asr")


@pytest.mark.soak
def test_the_doctor_names_a_service_that_ends_again_and_again(machine: Machine) -> None:
    """systemd never counts it as failed; here another program has the page's port."""
    console = "hotline-console.service"
    listen = "import socket, time; s = socket.create_server(('127.0.0.1', 8080)); time.sleep(600)"
    machine.run("systemctl", "stop", console)
    found = json.loads(machine.try_run("hotline", "doctor", "--json"))
    (resting,) = [f for f in found if f["check"] == "services"]
    assert (resting["level"], resting["what"]) == ("failure", f"没有运行 / not running: {console}")
    machine.run("systemd-run", "--quiet", "--unit=other", "python3", "-c", listen)
    machine.run("systemctl", "start", "--no-block", console)
    eventually(lambda: int(machine.show(console, "NRestarts")) > 1, 60, machine)
    found = json.loads(machine.try_run("hotline", "doctor", "--json"))
    machine.run("systemctl", "stop", "other")
    failures = {f["check"]: f for f in found if f["level"] == "failure"}
    assert set(failures) == {"ports", "page", "services"}
    assert "taken by another program: 127.0.0.1:8080/TCP" in failures["ports"]["what"]
    assert f"is started again: {console}" in failures["services"]["what"]
    eventually(lambda: machine.show(console, "ActiveState") == "active", 60, machine)
    found = json.loads(machine.run("hotline", "doctor", "--json"))
    (lately,) = [f for f in found if f["check"] == "services"]
    assert lately["level"] == "warning"
    machine.run("systemctl", "restart", console)
    found = json.loads(machine.run("hotline", "doctor", "--json"))
    assert [f["level"] for f in found if f["check"] == "services"] == ["ok"]


def test_a_command_of_root_leaves_nothing_of_roots_behind(machine: Machine) -> None:
    machine.run("hotline", "prompts")
    machine.run("hotline", "migrate")
    assert machine.run("find", "/var/lib/hotline", "!", "-user", "hotline") == ""


def test_a_hung_sip_thread_is_restarted(machine: Machine) -> None:
    before = machine.show(GATEWAY, "MainPID")
    period = machine.show(GATEWAY, "WatchdogUSec")
    assert period == "10s"
    process = machine.outside(before)
    tasks = {int(t.name): (t / "comm").read_text() for t in Path(f"/proc/{process}/task").iterdir()}
    (worker,) = [number for number, name in tasks.items() if name.startswith("pjsua_")]
    began = time.monotonic()
    with frozen(worker):
        eventually(lambda: machine.show(GATEWAY, "MainPID") not in (before, "0"), 60, machine)
        took = time.monotonic() - began
    print(f"a new gateway process after {took:.1f} s")
    assert took <= 10 + 5
    assert "Failed with result 'watchdog'" in machine.journal()
    eventually(lambda: machine.show(GATEWAY, "ActiveState") == "active", 60, machine)
    print(f"which answered after {time.monotonic() - began:.1f} s")
    assert accepted(machine, machine.result(machine.call(SHORT)))["appeal"]["content"]


def test_a_stop_lets_a_running_call_end_by_itself(machine: Machine) -> None:
    before = machine.journal().count(CALLED)
    call = machine.call(SHORT)
    eventually(lambda: machine.journal().count(CALLED) > before, 60, machine)
    stopping = machine.start("systemctl", "stop", GATEWAY)
    eventually(lambda: machine.show(GATEWAY, "ActiveState") == "deactivating", 10, machine)
    refused = machine.run("python3", "-c", Path(__file__).with_name("invite.py").read_text())
    assert refused.startswith("SIP/2.0 503 ")
    assert "Retry-After: 20" in refused.splitlines()
    result = machine.result(call)
    assert result["failure"] == "", machine.journal()
    assert stopping.wait(60) == 0
    assert machine.show(GATEWAY, "Result") == "success"
    ticket = accepted(machine, result)
    assert not ticket["call"]["interrupted"]
    machine.run("systemctl", "start", "hotline.target")
    assert machine.show(GATEWAY, "ActiveState") == "active"


def test_a_reboot_comes_back(machine: Machine) -> None:
    machine.run("systemctl", "enable", "hotline-intake")
    machine.reboot()
    for unit in SERVICES:
        assert machine.show(unit, "ActiveState") == "active", machine.journal()
    result = machine.result(machine.call(SHORT))
    assert accepted(machine, result)["appeal"]["content"]


@pytest.mark.soak
def test_a_second_sip_port_is_a_line_in_the_settings(machine: Machine) -> None:
    settings = machine.root / "etc" / "hotline" / "gateway.yaml"
    text = settings.read_text()
    assert "\ngateways: []" in text
    settings.write_text(
        text.replace("\ngateways: []", "\ngateways:\n- {port: 5061, node: 2, rtp_first_port: 26000}\n#")
    )
    assert "hotline-gateway@5061.service" in machine.run("hotline", "install")
    machine.run("systemctl", "start", "hotline.target")
    ticket = accepted(machine, machine.result(machine.call(SHORT, 5061)))
    assert ticket["number"][5:7] == "02"
    assert machine.show(GATEWAY, "ActiveState") == "active"


@pytest.mark.soak
def test_a_secret_comes_as_a_credential(machine: Machine) -> None:
    """The intake and the worker agree on a new secret that stands in no settings file."""
    secret = machine.root / "etc" / "hotline" / "credentials" / "intake-secret"
    assert secret.stat().st_mode & 0o777 == 0o600
    secret.write_text("whsec_bmV3IHNlY3JldCBvZiB0aGUgdGVzdCBtYWNoaW5lIQ==")
    machine.run("systemctl", "restart", "hotline-intake", "hotline-worker")
    assert accepted(machine, machine.result(machine.call(SHORT)))["appeal"]["content"]
    secret.write_text("whsec_YW5vdGhlciBzZWNyZXQsIHdoaWNoIGlzIHdyb25nISE=")
    found = json.loads(machine.try_run("hotline", "doctor", "--json"))
    assert any(f["check"] == "intake" and "HTTP 401" in f["what"] for f in found)


@pytest.mark.soak
def test_a_trunks_password_is_a_file_of_its_name(machine: Machine) -> None:
    """With no unit edited, systemd hands the gateway what lies in the folder; without it, the gateway says so."""
    settings = machine.root / "etc" / "hotline" / "gateway.yaml"
    before = settings.read_text()
    trunk = {
        "name": "carrier",
        "peers": ["127.0.0.1/32"],
        "bind": "127.0.0.1",
        "registration": {"user": "12345", "domain": "127.0.0.1:9"},
    }
    settings.write_text(before.replace("\ntrunks: []", f"\ntrunks: {json.dumps([trunk])}\n#"))
    assert settings.read_text() != before
    machine.try_run("systemctl", "restart", "--no-block", GATEWAY)
    eventually(lambda: "the registration has no password" in machine.journal(), 60, machine)
    (machine.root / "etc" / "hotline" / "credentials" / "trunk" / "carrier").write_text("of the carrier\n")
    machine.try_run("systemctl", "reset-failed", GATEWAY)
    machine.run("systemctl", "restart", GATEWAY)
    (told,) = json.loads(machine.try_run("hotline", "trunk", "status", "--json"))
    assert (told["name"], told["registered"]) == ("carrier", False)  # nobody is there
    settings.write_text(before)
    machine.run("systemctl", "restart", GATEWAY)


@pytest.mark.soak
def test_calls_are_answered_while_the_database_is_away(machine: Machine) -> None:
    credential = machine.root / "etc" / "hotline" / "credentials" / "database-url"
    credential.write_text("postgresql://hotline:word@127.0.0.1:9/hotline")
    machine.run("systemctl", "restart", "hotline.target")
    assert machine.show(GATEWAY, "ActiveState") == "active", machine.journal()
    assert machine.show("hotline-migrate.service", "ActiveState") == "activating"
    call = machine.result(machine.call(SHORT))
    assert call["failure"] == ""
    credential.write_text("")
    machine.run("systemctl", "restart", "hotline.target")
    assert accepted(machine, call)["appeal"]["content"]


@pytest.mark.soak
def test_taken_away_and_installed_anew_it_still_has_its_data(machine: Machine) -> None:
    machine.run("cp", "-a", "/opt/hotline", "/srv/copy")
    held = machine.run("sh", "-c", "ls -R /var/lib/hotline/calls | grep -c audio.wav")
    machine.run("hotline", "install", "--uninstall")
    assert not (machine.root / "opt" / "hotline").exists()
    assert machine.try_run("systemctl", "list-unit-files", "--no-legend", "hotline*") == ""
    assert machine.run("sh", "-c", "ls -R /var/lib/hotline/calls | grep -c audio.wav") == held
    machine.run("/srv/copy/bin/python", "-I", "-m", "gateway", "install")
    machine.run("systemctl", "start", "hotline.target")
    for unit in SERVICES:
        assert machine.show(unit, "ActiveState") == "active", machine.journal()
    found = json.loads(machine.try_run("hotline", "doctor", "--json"))
    assert [f for f in found if f["check"] == "database" and f["level"] == "ok"]


def type_block(machine: Machine, text: str) -> str:
    return machine.run("sh", "-euc", f"cd /root\n{text}", seconds=300)


@pytest.mark.soak
def test_the_chapters_for_an_installed_machine_leave_its_files_to_the_services(machine: Machine) -> None:
    """What the chapters do is shown in ../test_handbook.py; here it is root who types, and the services are others."""
    prompts, model, backup = (
        [block.text for block in read_blocks("en", chapter) if block.kind == "sh"]
        for chapter in ("prompts", "model", "backup")
    )
    machine.run("systemctl", "enable", "--now", "hotline-intake")
    settings = ("stat", "-c", "%a %U %G", "/etc/hotline/gateway.yaml")
    owners = machine.run(*settings)
    type_block(machine, prompts[0])
    machine.run("cp", "/tmp/prompts/more.wav", "/root/opening.wav")
    printed = "".join(type_block(machine, block) for block in prompts[1:])
    assert "your own recordings: 1" in printed
    assert "heard 1 prompts" in printed
    pack_model(
        machine.root / "root", "vosk-model-cn-0.22", beam=("conf/model.conf", "beam=12.0", "beam=12.5")
    )
    assert "demonstration" not in type_block(machine, model[0])
    type_block(machine, model[1])
    ticket = accepted(machine, machine.result(machine.call(SHORT)))
    assert ticket["transcript"]["model"]["name"] == "vosk-model-cn-0.22"
    assert machine.run(*settings) == owners

    def list_calls() -> set[str]:
        listed = json.loads(machine.run("hotline", "calls", "list", "--limit", "1000", "--json"))
        return {line["call"]["call_id"] for line in listed}

    known = list_calls()
    *whole, _dump, _restore = backup
    printed = "".join(type_block(machine, block) for block in whole)
    assert "heard 1 prompts" in printed
    assert machine.run("find", "/var/lib/hotline", "!", "-user", "hotline") == ""
    assert machine.run(*settings) == owners
    assert ticket["call"]["call_id"] in known < list_calls()
    after = accepted(machine, machine.result(machine.call(SHORT)))
    assert int(after["number"][7:-1]) > 1_000_000
    for unit in SERVICES:
        assert machine.show(unit, "ActiveState") == "active", machine.journal()


def read_handbook(language: str) -> list[tuple[str, str]]:
    """The fenced blocks of the operators' page: language of the block, and text."""
    text = (CLONE / "docs" / language / "operate.md").read_text()
    return re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_both_languages_give_the_same_commands() -> None:
    assert read_handbook("en") == read_handbook("zh")
    assert len(read_handbook("en")) > 10


def write_into(settings: str, block: str) -> str:
    """The settings with the lines of the block in place of theirs."""
    section, *lines = block.splitlines()
    if section == "gateways:":
        return settings.replace("\ngateways: []", f"\n{block}#")
    before, found, after = settings.partition(f"\n{section} ")
    assert found
    for line in lines:
        name, _, _ = line.partition(":")
        after, count = re.subn(rf"(?m)^{name}:.*$", line, after, count=1)
        assert count
    return before + found + after


def make_certificate(folder: Path) -> None:
    """What a certificate authority would give: page.crt and page.key."""
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=hotline",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
    ]
    command += ["-days", "2", "-keyout", str(folder / "page.key"), "-out", str(folder / "page.crt")]
    subprocess.run(command, check=True, capture_output=True)


@pytest.mark.soak
def test_the_handbooks_commands_do_what_it_says(machine: Machine) -> None:
    """All of them, in order, on the machine as the last test left it: without settings and secrets of its own."""
    machine.run("hotline", "install", "--uninstall")
    machine.run("rm", "-r", "/etc/hotline")
    tree = machine.root / "srv" / "tree" / ".venv" / "bin"
    tree.mkdir(parents=True)
    (tree / "hotline").write_text('#!/bin/sh\nexec /srv/copy/bin/python -I -m gateway "$@"\n')
    (tree / "hotline").chmod(0o755)
    (machine.root / "srv" / "password").write_text(f"{PASSWORD}\n")
    make_certificate(machine.root / "srv" / "tree")
    settings = machine.root / "etc" / "hotline" / "gateway.yaml"
    further, added = "hotline-gateway@5061.service", False
    for kind, text in read_handbook("en"):
        if kind == "yaml":
            settings.write_text(write_into(settings.read_text(), text))
            added = added or text.startswith("gateways:")
            continue
        printed = machine.run("sh", "-ec", f"cd /srv/tree; exec < /srv/password; {text}")
        match text.strip().splitlines()[-1].split():
            case [*_, "doctor"]:
                assert "✗" not in printed
                assert "✓ page: " in printed
                script = Path(__file__).with_name("login.py").read_text()
                assert (
                    machine.run("python3", "-c", script, "王芳", PASSWORD).strip()
                    == "https://127.0.0.1:8080/"
                )
            case ["systemctl", "stop", _]:
                assert machine.show(further, "ActiveState") == "inactive"
            case ["systemctl", "start" | "restart", _] if added:
                assert machine.show(further, "ActiveState") == "active", machine.journal()
    assert not (machine.root / "opt" / "hotline").exists()
    assert settings.exists()
