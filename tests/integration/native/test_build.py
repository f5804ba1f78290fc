"""native/build.sh: what it says when it cannot build, and that it builds only once."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

BUILD = Path(__file__).parents[3] / "native" / "build.sh"


def run_build(cache: Path | None, **environ: str) -> subprocess.CompletedProcess[str]:
    if cache:
        environ["HOTLINE_CACHE"] = str(cache)
    return subprocess.run(
        [BUILD, sys.executable], check=False, capture_output=True, text=True, env=os.environ | environ
    )


def refused(cache: Path, **environ: str) -> str:
    done = run_build(cache, **environ)
    assert done.returncode == 1
    assert done.stdout == ""
    return done.stderr.splitlines()[-1]


@pytest.fixture
def make_tarball(tmp_path: Path):
    def make(files: dict[str, str]) -> Path:
        source = tmp_path / "pjproject"
        for name, text in files.items():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_text(text)
        with tarfile.open(tmp_path / "source.tar.xz", "w:xz") as tar:
            tar.add(source, "pjproject")
        return tmp_path / "source.tar.xz"

    return make


def version_mak(major: int, minor: int) -> str:
    return (
        f"export PJ_VERSION_MAJOR  := {major}\nexport PJ_VERSION_MINOR  := {minor}\n"
        "export PJ_VERSION_REV    :=\nexport PJ_VERSION_SUFFIX :=\n"
    )


def test_the_second_build_only_prints_the_path() -> None:
    first = run_build(None)
    assert first.returncode == 0, first.stderr
    second = run_build(None)
    assert second.stderr == ""  # no step was run
    assert second.stdout == first.stdout.splitlines()[-1] + "\n"
    assert Path(second.stdout.strip()).name.startswith("pjsua2-2.17+minsheng.")


def test_a_tarball_that_is_not_there(tmp_path: Path) -> None:
    message = refused(tmp_path, PJPROJECT_TARBALL="/nowhere/pjproject.tar.xz")
    assert "/nowhere/pjproject.tar.xz" in message
    assert "give the path" in message


def test_a_tarball_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "source.tar").write_text("no tar")
    message = refused(tmp_path, PJPROJECT_TARBALL=str(tmp_path / "source.tar"))
    assert "not a readable tar archive" in message


def test_a_tarball_of_something_else(tmp_path: Path, make_tarball) -> None:
    message = refused(tmp_path, PJPROJECT_TARBALL=str(make_tarball({"README": "else"})))
    assert "no version.mak" in message


def test_another_upstream_version(tmp_path: Path, make_tarball) -> None:
    message = refused(tmp_path, PJPROJECT_TARBALL=str(make_tarball({"version.mak": version_mak(2, 18)})))
    assert "pjproject 2.18" in message
    assert "2.17" in message
    assert "native/README.md" in message


def test_a_patch_that_does_not_apply(tmp_path: Path, make_tarball) -> None:
    source = {"version.mak": version_mak(2, 17), "pjmedia/build/Makefile": "changed\n"}
    message = refused(tmp_path, PJPROJECT_TARBALL=str(make_tarball(source)))
    assert "0002-no-bdimad.patch does not apply" in message


def test_no_registry(tmp_path: Path) -> None:
    """The real apt, told that its archive is where nobody is."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    apt = bin_folder / "apt-get"
    apt.write_text(
        '#!/bin/sh\n[ "$1" = indextargets ] && echo http://127.0.0.1:9 && exit\nexec /usr/bin/apt-get "$@"\n'
    )
    apt.chmod(0o755)
    message = refused(tmp_path, PATH=f"{bin_folder}:{os.environ['PATH']}")
    assert "no Debian registry answered" in message
    assert "PJPROJECT_TARBALL" in message


def test_a_missing_tool(tmp_path: Path) -> None:
    """A PATH with everything but swig."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    for folder in ("/bin", "/usr/bin"):
        for tool in Path(folder).iterdir():
            link = bin_folder / tool.name
            if not tool.name.startswith("swig") and not link.exists():
                link.symlink_to(tool)
    message = refused(tmp_path, PATH=str(bin_folder))
    assert "missing: swig. Install" in message
    assert "native/apt.txt" in message


def test_a_python_that_is_not_there() -> None:
    done = subprocess.run([BUILD, "python3.99"], check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert "there is no python3.99" in done.stderr
