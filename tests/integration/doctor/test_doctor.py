"""Every complaint of `hotline doctor`, about a trouble that is really there."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hotlinecommand import run_hotline
from waiting import free_port

from asr.catalogue import DEMO_MODEL
from console import bundles
from gateway.doctor import examine
from gateway.service.observe import Readiness, Window, shown
from gateway.site.debian import PACKAGES, find_missing
from gateway.site.settings import DEFAULT_FILE
from recordings.database import migrate, open_database
from tickets import outbox
from tickets.intake.server import serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gateway.doctor.finding import Finding

CLONE = Path(__file__).parents[3]
SECRET = "whsec_dGhlIHNlY3JldCBvZiB0aGUgZG9jdG9yJ3MgdGVzdHM="
OTHER = "whsec_YW5vdGhlciBzZWNyZXQgb2YgdGhlIGRvY3RvcidzIHRlc3Rz"
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make this trouble")


class Installation:
    """Settings, data and runtime folder of an installation that is sound, until the test breaks it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data, self.run = folder, folder / "data", folder / "run"
        for place in (self.data, self.run):
            place.mkdir(mode=0o750)
        self.port = free_port()
        self.settings: dict[str, Any] = {
            "sip": {"host": "127.0.0.1", "port": self.port},
            "console": {"port": free_port()},
            "intake": {"url": f"http://127.0.0.1:{free_port()}/v1/tickets", "secret": SECRET},
        }

    @property
    def config(self) -> Path:
        file = self.folder / "gateway.yaml"
        file.write_text(yaml.safe_dump(self.settings))
        return file

    async def examine(self) -> list[Finding]:
        return [finding async for finding in examine(self.config, self.data)]

    async def look(self, check: str) -> list[tuple[str, str]]:
        """What one check found: level, and what with its remedy."""
        return [(f.level, f"{f.what} → {f.remedy}") for f in await self.examine() if f.check == check]

    async def failure(self, check: str) -> str:
        """The one thing that fails a check."""
        (found,) = [text for level, text in await self.look(check) if level == "failure"]
        return found


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    made = Installation(tmp_path)
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(made.run))
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.delenv("HOTLINE_USER", raising=False)
    return made


@pytest.fixture
def mount(site: Installation) -> Iterator[Callable[[str], None]]:
    """Puts a file system in memory, with these options, where the data lies."""

    def mount_here(options: str) -> None:
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"{options},mode=750", "tmpfs", str(site.data)], check=True
        )

    yield mount_here
    subprocess.run(["umount", "-l", str(site.data)], check=True)


def run_doctor(site: Installation, *options: str) -> subprocess.CompletedProcess[str]:
    return run_hotline("--config", str(site.config), "--data", str(site.data), "doctor", *options)


async def test_a_sound_installation_has_no_failure(site: Installation) -> None:
    await migrate(f"sqlite:///{site.data / 'hotline.db'}")
    site.settings["intake"]["url"] = ""
    async with serve(site.folder / "intake.db", SECRET, "127.0.0.1", 0) as address:
        site.settings["intake"]["reference_port"] = int(address.rpartition(":")[2])
        found = await site.examine()
    assert [f for f in found if f.level == "failure"] == []
    fine = {f.check for f in found if f.level == "ok"}
    assert {"settings", "packages", "folders", "dialogue", "ports", "database", "tickets", "intake"} <= fine
    assert {f.check for f in found if f.level == "warning"} >= {"model", "asr", "intake"}


async def test_wrong_settings_are_told_by_line_and_json_and_exit_code(site: Installation) -> None:
    site.settings["sip"]["prot"] = 5060
    done = run_doctor(site, "--json")
    (only,) = json.loads(done.stdout)
    assert (only["check"], only["level"]) == ("settings", "failure")
    assert "gateway.yaml:9: unknown key 'prot' in sip — did you mean 'port'?" in only["what"]
    assert done.returncode == 1
    shown = run_doctor(site)
    assert shown.returncode == 1
    assert shown.stdout.startswith("✗ settings: ")
    assert "    → " in shown.stdout


def test_packages_that_are_missing_are_named(tmp_path: Path) -> None:
    assert find_missing(tmp_path) == list(PACKAGES)
    for tool in ("espeak-ng", "ffmpeg"):
        (tmp_path / "usr" / "bin").mkdir(parents=True, exist_ok=True)
        (tmp_path / "usr" / "bin" / tool).touch()
    assert find_missing(tmp_path) == ["libnss3"]
    assert find_missing(Path("/")) == []


def test_the_packages_are_those_that_deploy_installs() -> None:
    lines = (CLONE / "deploy" / "apt-run.txt").read_text().splitlines()
    assert sorted(PACKAGES) == sorted(line for line in lines if not line.startswith("#"))


async def test_a_missing_folder(site: Installation) -> None:
    site.data.rmdir()
    assert f"no folder {site.data}" in await site.failure("folders")


async def test_a_folder_that_anybody_may_enter(site: Installation) -> None:
    site.data.chmod(0o755)
    assert f"chmod 750 {site.data}" in await site.failure("folders")


@needs_root
async def test_a_file_of_another_user_among_the_data(site: Installation) -> None:
    (site.data / "hotline.db").touch()
    os.chown(site.data / "hotline.db", 65534, 65534)
    told = await site.failure("folders")
    assert f"{site.data / 'hotline.db'} 属于 / belongs to nobody, 应属于 / and should to root" in told
    assert f"chown -R root: {site.data}" in told


async def test_a_credential_that_others_may_read(site: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = site.folder / "credentials"
    folder.mkdir(mode=0o700)
    (folder / "intake-secret").write_text(SECRET)
    (folder / "intake-secret").chmod(0o640)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    assert f"chmod 600 {folder / 'intake-secret'}" in await site.failure("credentials")


@needs_root
async def test_a_full_disk(site: Installation, mount: Callable[[str], None]) -> None:
    mount("size=2m")
    with pytest.raises(OSError, match="No space left"):
        (site.data / "fill").write_bytes(b"\0" * (3 << 20))
    assert "只剩 / has only 0.0 GiB" in await site.failure("disk")


@needs_root
async def test_a_disk_without_inodes(site: Installation, mount: Callable[[str], None]) -> None:
    mount("size=20g,nr_inodes=100")
    assert "room for only 9" in await site.failure("disk")


@needs_root
async def test_a_disk_that_is_getting_full(site: Installation, mount: Callable[[str], None]) -> None:
    mount("size=4g")
    assert [level for level, _ in await site.look("disk")] == ["warning"]


async def test_a_clock_that_went_back(site: Installation) -> None:
    (site.data / "numbers").mkdir()
    later = time.time() + 3600
    os.utime(site.data / "numbers", (later, later))
    assert "the clock is 3600 s behind" in (await site.failure("clock")).replace("3599", "3600")


@pytest.mark.parametrize(("kind", "name"), [(socket.SOCK_DGRAM, "UDP"), (socket.SOCK_STREAM, "TCP")])
async def test_a_taken_port(site: Installation, kind: socket.SocketKind, name: str) -> None:
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", site.port))
        if kind is socket.SOCK_STREAM:
            other.listen()
        told = await site.failure("ports")
    assert f"taken by another program: 127.0.0.1:{site.port}/{name}" in told
    assert f"ss -lnp 'sport = :{site.port}'" in told


async def test_the_port_of_the_page_is_taken(site: Installation) -> None:
    port = site.settings["console"]["port"]
    with socket.create_server(("127.0.0.1", port)):
        told = await site.failure("ports")
    assert f"taken by another program: 127.0.0.1:{port}/TCP" in told
    assert "set another console.port" in told
    site.settings["console"]["host"] = "192.0.2.1"
    assert "correct console.host" in await site.failure("ports")


async def test_page_and_worker_are_asked_whether_they_live(site: Installation) -> None:
    """Without a gateway nobody misses them yet; beside one they have to answer."""
    for check in ("page", "worker"):
        assert [level for level, _ in await site.look(check)] == ["warning"]
    async with shown(
        window("gateway", {"sip": f"127.0.0.1:{site.port}"}), site.run / "gateway.sock", "", None
    ):
        assert "hotline-console" in await site.failure("page")
        assert "hotline-worker" in await site.failure("worker")
        taken = socket.create_server(("127.0.0.1", site.settings["console"]["port"]))  # by the page itself
        async with (
            shown(window("console", {}), site.run / "console.sock", "", None),
            shown(window("worker", {}), site.run / "worker.sock", "", None),
        ):
            for check in ("page", "worker"):
                assert [level for level, _ in await site.look(check)] == ["ok"]
            assert {level for level, _ in await site.look("ports")} == {"ok"}
        taken.close()


def window(process: str, health: dict[str, str]) -> Window:
    async def readiness() -> Readiness:
        return Readiness(())

    return Window(process, Path("/"), lambda: health, readiness, ())


async def test_a_certificate_that_the_page_cannot_use(site: Installation) -> None:
    files = certificate, key = site.folder / "page.crt", site.folder / "page.key"
    site.settings["console"] |= {"certificate": str(certificate), "key": str(key)}
    told = await site.failure("page")
    assert "No such file" in told
    assert "chown root:hotline" in told
    for file in files:
        file.write_text("no certificate")
    assert "PEM" in await site.failure("page")


async def test_a_page_in_the_clear_for_other_machines(site: Installation) -> None:
    assert not [what for level, what in await site.look("page") if level == "warning" and "clear" in what]
    site.settings["console"] |= {"host": "0.0.0.0"}
    (told,) = [what for level, what in await site.look("page") if level == "warning" and "clear" in what]
    assert "console.host: 0.0.0.0" in told
    site.settings["console"] |= {"behind_tls_proxy": True}
    assert not [what for level, what in await site.look("page") if level == "warning" and "clear" in what]


async def test_a_page_without_its_bundles(site: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "STATIC", site.folder)
    assert "lacks console.js, console.css" in await site.failure("page")


async def test_an_address_of_another_machine(site: Installation) -> None:
    site.settings["sip"] |= {"host": "192.0.2.1", "tcp": False}
    assert "not an address of this machine: 192.0.2.1" in await site.failure("ports")


async def test_the_port_of_a_further_gateway_is_looked_at_too(site: Installation) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        site.settings["gateways"] = [{"port": port, "node": 2, "rtp_first_port": 26000}]
        assert f"127.0.0.1:{port}/UDP" in await site.failure("ports")


async def test_a_flow_that_is_wrong(site: Installation) -> None:
    flow = site.folder / "flow.yaml"
    flow.write_text("name: nothing\n")
    site.settings["dialogue"] = {"flow": str(flow)}
    assert str(flow) in await site.failure("dialogue")


async def test_a_model_with_a_file_missing(site: Installation) -> None:
    model = site.folder / "model"
    shutil.copytree(DEMO_MODEL, model)
    (model / "am" / "final.mdl").unlink()
    site.settings["asr"] = {"model": str(model)}
    assert f"{model / 'am' / 'final.mdl'}: missing" in await site.failure("model")


async def test_no_speech_recognition_where_it_is_said_to_be(site: Installation) -> None:
    ((level, told),) = await site.look("asr")
    assert level == "warning"  # no gateway runs that would miss it
    assert f"no speech server at unix:{site.run}/asr.sock" in told
    site.settings["asr"] = {"url": "nonsense"}
    assert "nonsense" in await site.failure("asr")


async def test_a_database_of_another_version(site: Installation) -> None:
    file = site.data / "hotline.db"
    assert [level for level, _ in await site.look("database")] == ["warning"]  # not made yet
    sqlite3.connect(file).close()
    file.write_bytes(b"")
    assert "has no tables yet: run `hotline migrate`" in await site.failure("database")
    await migrate(f"sqlite:///{file}")
    with sqlite3.connect(file) as db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
    db.close()
    assert "is at revision 9999, which this program" in await site.failure("database")


async def test_a_file_that_is_no_database(site: Installation) -> None:
    (site.data / "hotline.db").write_bytes(b"recordings of last year" * 100)
    assert "file is not a database" in await site.failure("database")


async def test_a_database_server_that_is_not_there(site: Installation) -> None:
    site.settings["database"] = {"url": f"postgresql://hotline:t0psecret@127.0.0.1:{free_port()}/hotline"}
    told = await site.failure("database")
    assert "postgresql+asyncpg://hotline:***@127.0.0.1" in told
    assert "t0psecret" not in told
    site.settings["database"] = {"url": "mysql://hotline:t0psecret@db/hotline"}
    told = await site.failure("database")
    assert "is not a database address" in told
    assert "t0psecret" not in told


async def test_a_database_that_the_server_does_not_have(site: Installation, postgres: Any) -> None:
    site.settings["database"] = {"url": postgres.url("no_such_database")}
    assert "no_such_database" in await site.failure("database")


async def test_tickets_that_are_stuck(site: Installation) -> None:
    url = f"sqlite:///{site.data / 'hotline.db'}"
    await migrate(url)
    db = open_database(url)
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    try:
        async with db.write() as connection:
            for number in ("263290100018", "263290100026"):
                await outbox.enqueue(connection, number, 1, "{}", long_ago)
            dead, waiting = await outbox.claim(connection, datetime.now(UTC), 30, 2)
            await outbox.bury(connection, dead.id, "HTTP 401: signature not accepted", datetime.now(UTC))
            await outbox.postpone(connection, waiting.id, "HTTP 503", datetime.now(UTC), held=False)
    finally:
        await db.close()
    told = dict(enumerate(text for _, text in await site.look("tickets")))
    assert "263290100018" in told[0]
    assert "HTTP 401: signature not accepted" in told[0]
    assert "hotline outbox retry" in told[0]
    assert "1 份工单等待超过十分钟" in told[1]
    assert "HTTP 503" in told[1]


async def test_no_intake_listens(site: Installation) -> None:
    assert "Cannot connect" in await site.failure("intake")


async def test_an_intake_that_refuses_our_signature(site: Installation) -> None:
    async with serve(site.folder / "intake.db", OTHER, "127.0.0.1", 0) as address:
        site.settings["intake"]["url"] = f"{address}/v1/tickets"
        told = await site.failure("intake")
        assert "HTTP 401: signature not accepted" in told
        assert "intake-secret" in told
        site.settings["intake"]["secret"] = OTHER
        assert [level for level, _ in await site.look("intake")] == ["ok"]
        site.settings["intake"]["url"] = f"{address}/v2/tickets"
        assert "takes no tickets: HTTP 404" in await site.failure("intake")
        site.settings["intake"] |= {"url": f"{address}/v1/tickets", "alerts_url": f"{address}/v2/alerts"}
        assert "takes no alerts: HTTP 404" in await site.failure("intake")
        del site.settings["intake"]["alerts_url"]
        site.settings["intake"]["alerts"] = False
        assert [level for level, _ in await site.look("intake")] == ["warning", "ok"]


async def test_the_published_secret_is_no_secret(site: Installation) -> None:
    published = yaml.safe_load(DEFAULT_FILE.read_text())["intake"]["secret"]
    async with serve(site.folder / "intake.db", published, "127.0.0.1", 0) as address:
        site.settings["intake"] = {"url": f"{address}/v1/tickets", "secret": published}
        assert "the published one" in await site.failure("intake")


async def test_a_secret_that_is_none(site: Installation) -> None:
    site.settings["intake"]["secret"] = "whsec_dG9vIHNob3J0"
    assert "signing secret has 9 bytes" in await site.failure("intake")
