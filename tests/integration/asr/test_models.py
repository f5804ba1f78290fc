"""Models are fetched, checked and installed whole or not at all, from real archives and a real HTTP server."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import resource
import shutil
import stat
import zipfile
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from typer.testing import CliRunner

from asr.catalogue import DEMO_MODEL, ModelError
from asr.engine import Engine
from asr.models.fetching import FetchError, fetch
from asr.models.installing import InstallError, Models, estimate_memory
from gateway.cli import app
from gateway.cli import model as _commands  # noqa: F401 - which registers them

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from click.testing import Result

NAME = "vosk-model-small-cn-0.22"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our own model under an official one's name, made as for 16 kHz: it does not say that it may be given less."""
    folder = tmp_path_factory.mktemp("archive")
    shutil.copytree(DEMO_MODEL, folder / NAME)
    options = folder / NAME / "conf" / "mfcc.conf"
    options.write_text(options.read_text().replace("--allow-upsample=true\n", ""))
    decoding = folder / NAME / "conf" / "model.conf"
    decoding.write_text(decoding.read_text().replace("--beam=12.0", "--beam=11.0"))
    shutil.make_archive(str(folder / NAME), "zip", folder, NAME)
    return folder / f"{NAME}.zip"


def run(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["--data", str(data), "model", *arguments])


def left(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()} if folder.exists() else set()


def test_a_local_archive_is_installed_used_and_removed(tmp_path: Path, archive: Path) -> None:
    told = run(tmp_path, "install", NAME, "--zip", str(archive), "--use")
    assert told.exit_code == 0, told.output
    assert hashlib.sha256(archive.read_bytes()).hexdigest() in told.output
    models = Models(tmp_path / "models")
    assert (models.names(), models.used.name) == ([NAME], NAME)
    told = run(tmp_path, "check", NAME)
    assert f"usable: {NAME}" in told.output
    listed = {one["name"]: one for one in json.loads(run(tmp_path, "list", "--json").output)}
    assert listed[NAME] | {"cer": None} == {
        "name": NAME,
        "installed": True,
        "used": True,
        "archive_mb": 42,
        "cer": None,
        "licence": "Apache-2.0",
    }
    assert "in use" in run(tmp_path, "list").output
    assert isinstance(run(tmp_path, "remove", NAME).exception, InstallError)
    assert run(tmp_path, "use", "demo").exit_code == 0
    assert run(tmp_path, "remove", NAME).exit_code == 0
    assert left(tmp_path / "models") <= {"checksums.json"}
    assert "the demonstration model" in run(tmp_path, "list").output
    # The same name is the same archive, from now on.
    other = tmp_path / "other.zip"
    shutil.copy(archive, other)
    with zipfile.ZipFile(other, "a") as packed:
        packed.writestr(f"{NAME}/README", "another")
    with pytest.raises(InstallError, match="is not the one first installed"):
        models.install(other, NAME)
    assert models.names() == []
    models.install(other, NAME, hashlib.sha256(other.read_bytes()).hexdigest())
    models.install(archive, "another-name")
    assert models.names() == ["another-name", NAME]


def test_a_removal_that_was_broken_off_stands_in_no_later_ones_way(tmp_path: Path) -> None:
    for folder in (NAME, f".gone-{NAME}"):
        (tmp_path / folder / "am").mkdir(parents=True)
    models = Models(tmp_path)
    assert models.names() == [NAME]
    models.remove(NAME)
    assert left(tmp_path) == set()


def test_where_the_settings_name_a_model_they_win(tmp_path: Path, archive: Path) -> None:
    config = tmp_path / "gateway.yaml"
    config.write_text(f"asr:\n  model: {DEMO_MODEL}\n")
    Models(tmp_path / "models").install(archive, NAME)
    told = CliRunner().invoke(app, ["--config", str(config), "--data", str(tmp_path), "model", "use", NAME])
    assert isinstance(told.exception, InstallError)
    assert "asr.model" in str(told.exception)


def _evil(folder: Path, *members: tuple[str, bytes, int]) -> Path:
    file = folder / "evil.zip"
    with zipfile.ZipFile(file, "w") as packed:
        for name, content, mode in members:
            told = zipfile.ZipInfo(name)
            told.external_attr = mode << 16
            packed.writestr(told, content)
    return file


@pytest.mark.parametrize(
    "name",
    ["../outside", "/tmp/outside", "model/../../outside", "model\\..\\outside", "link"],
)
def test_nothing_is_written_outside_of_the_models_folder(tmp_path: Path, name: str) -> None:
    member = ("model/conf", b"/etc", stat.S_IFLNK | 0o777) if name == "link" else (name, b"x", 0o644)
    evil = _evil(tmp_path, ("model/am/final.mdl", b"x", 0o644), member)
    with pytest.raises(InstallError, match="would lie outside"):
        Models(tmp_path / "deep" / "models").install(evil, "model")
    assert left(tmp_path / "deep" / "models") == set()
    assert left(tmp_path) == {"evil.zip", "deep"}


def test_a_damaged_archive_leaves_nothing(tmp_path: Path, archive: Path) -> None:
    whole = archive.read_bytes()
    damaged = bytearray(whole)
    damaged[len(whole) // 2 : len(whole) // 2 + 64] = bytes(64)
    models = Models(tmp_path / "models")
    for content in (b"", whole[: len(whole) // 2], bytes(damaged), b"<html>not found</html>"):
        file = tmp_path / "broken.zip"
        file.write_bytes(content)
        with pytest.raises(InstallError, match="no whole zip archive"):
            models.install(file, NAME)
        assert left(models.folder) == set()
    with pytest.raises(InstallError, match="is not the one given"):
        models.install(archive, NAME, "0" * 64)
    with pytest.raises(ModelError, match="missing"):
        models.install(_evil(tmp_path, ("m/am/final.mdl", b"\0B", 0o644), ("m/conf/x", b"", 0o644)), NAME)
    assert (left(models.folder), models.names()) == (set(), [])
    for name in ("", "../x", "in-use", "demo", ".hidden"):
        with pytest.raises(InstallError, match="letters, digits"):
            models.install(archive, name)


def test_a_disk_that_has_no_room_is_told_before(tmp_path: Path, archive: Path, monkeypatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=65 << 20))
    with pytest.raises(InstallError, match="make room"):
        Models(tmp_path / "models").install(archive, NAME)
    assert left(tmp_path / "models") == set()


def test_a_disk_that_fills_while_it_is_unpacked_leaves_nothing(tmp_path: Path, archive: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            Models(tmp_path / "models").install(archive, NAME)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert left(tmp_path / "models") == set()


def test_the_estimate_covers_what_is_taken(tmp_path: Path, archive: Path) -> None:
    model, _ = Models(tmp_path / "models").install(archive, NAME)
    assert estimate_memory(model) > 5 * (DEMO_MODEL / "graph" / "Gr.fst").stat().st_size
    Engine(model)


class Publisher:
    """Serves an archive, and breaks off after so many bytes, each time."""

    def __init__(self, content: bytes, most: int) -> None:
        self.content, self.most, self.asked = content, most, list[str]()
        self.etag = '"one"'

    async def give(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.headers.get("Range", ""))
        found = re.fullmatch(r"bytes=(\d+)-", self.asked[-1])
        start = int(found[1]) if found and request.headers.get("If-Range", self.etag) == self.etag else 0
        if start >= len(self.content):
            return web.Response(status=416)
        headers = {"ETag": self.etag, "Content-Length": str(len(self.content) - start)}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(self.content) - 1}/{len(self.content)}"
        answer = web.StreamResponse(status=206 if start else 200, headers=headers)
        await answer.prepare(request)
        await answer.write(self.content[start : start + self.most])
        if start + self.most < len(self.content):
            assert request.transport is not None
            request.transport.abort()
        return answer


@asynccontextmanager
async def serving(publisher: Publisher) -> AsyncIterator[str]:
    application = web.Application()
    application.router.add_get(f"/{NAME}.zip", publisher.give)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    yield f"http://127.0.0.1:{port}"
    await runner.cleanup()


async def test_a_broken_transfer_goes_on_where_it_broke(tmp_path: Path, archive: Path) -> None:
    content = archive.read_bytes()
    publisher = Publisher(content, len(content) // 3 + 1)
    async with serving(publisher) as base:
        told = await asyncio.to_thread(run, tmp_path, "install", NAME, "--from", base, "--use")
    assert told.exit_code == 0, (told.output, told.exception)
    assert publisher.asked[0] == ""
    starts = [int(asked[6:-1]) for asked in publisher.asked[1:]]
    assert starts == sorted(set(starts))
    assert starts[0] > 0
    assert Models(tmp_path / "models").used.name == NAME
    assert left(tmp_path / "models") == {NAME, "in-use", "checksums.json"}


async def test_what_has_changed_meanwhile_is_fetched_from_its_beginning(tmp_path: Path) -> None:
    file = tmp_path / "a.zip"
    (tmp_path / "a.zip.part").write_bytes(b"former")
    (tmp_path / "a.zip.etag").write_text('"another"')
    async with serving(Publisher(b"the new one", 100)) as base:
        await fetch(f"{base}/{NAME}.zip", file, lambda _have, _whole: None)
    assert file.read_bytes() == b"the new one"
    assert left(tmp_path) == {"a.zip"}


async def test_a_wrong_checksum_installs_nothing(tmp_path: Path, archive: Path) -> None:
    async with serving(Publisher(archive.read_bytes(), 1 << 30)) as base:
        told = await asyncio.to_thread(run, tmp_path, "install", NAME, "--from", base, "--sha256", "ab" * 32)
    assert isinstance(told.exception, InstallError)
    assert "is not the one given" in str(told.exception)
    assert left(tmp_path / "models") == set()


async def test_an_address_without_the_archive_is_told(tmp_path: Path) -> None:
    async with serving(Publisher(b"x", 1)) as base:
        with pytest.raises(FetchError, match="HTTP 404"):
            await fetch(f"{base}/nothing.zip", tmp_path / "a.zip", lambda _have, _whole: None)
    assert left(tmp_path) == set()
