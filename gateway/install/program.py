"""The program as services need it: a copy under /opt/hotline, run by the system's Python, needing nothing else.

What is copied is what this very process runs: our packages and every distribution they require, file by file,
from wherever they are installed (a source tree, a wheel, an earlier copy). No package index is asked.
"""

from __future__ import annotations

import compileall
import hashlib
import importlib.metadata
import shutil
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

from console.bundles import AssetsMissingError, find_assets
from gateway.install.step import InstallError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.install.step import Machine

HOME = "/opt/hotline"
PROJECT = "minsheng-hotline"
_PYTHON = f"python{sys.version_info[0]}.{sys.version_info[1]}"
_SITE = f"lib/{_PYTHON}/site-packages"
_STAMP = "stamp"
_TREE = Path(__file__).parents[2]
_UNITS = "gateway/units"  # where the files of systemd/ lie in an installed copy

_OPTIONAL = ("sound",)
"""Extras that services do without: copied where they are installed."""

Files = dict[str, Path | bytes]


def units() -> Path:
    """The folder of units and their like: in the source tree, or where an installed copy has it."""
    inside = _TREE / _UNITS
    return inside if inside.is_dir() else _TREE / "systemd"


def copy_program(machine: Machine) -> None:
    """Put the program in place, or leave it when it is there already; raises InstallError."""
    python = _find_python(machine)
    try:
        find_assets()
    except AssetsMissingError as error:  # the page would not start
        raise InstallError(str(error)) from None
    files = {f"{_SITE}/{name}": content for name, content in _gather().items()}
    files["pyvenv.cfg"] = f"home = {Path(python).parent}\ninclude-system-site-packages = false\n".encode()
    files["bin/hotline"] = (units() / "bin" / "hotline").read_bytes()
    stamp = _digest(files, python)
    home = machine.at(HOME)
    if (home / _STAMP).is_file() and (home / _STAMP).read_text() == stamp:
        machine.say(f"未变 / unchanged: {HOME}")
        return
    draft = home.with_name(f"{home.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    for name, content in files.items():
        target = draft / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            target.write_bytes(content)
        else:
            shutil.copyfile(content, target)
    (draft / "bin" / "hotline").chmod(0o755)
    for name in ("python", _PYTHON):
        (draft / "bin" / name).symlink_to(python)
    # The services may not write here: compiled now or never.
    compileall.compile_dir(draft / _SITE, quiet=2, workers=0, stripdir=str(draft), prependdir=HOME)
    (draft / _STAMP).write_text(stamp)
    _exchange(draft, home)
    machine.say(f"已安装程序 / program installed: {HOME} ({len(files)} files, {python})")


def _find_python(machine: Machine) -> str:
    """The system's Python: one below a home folder may go away with its owner, and services may not enter there."""
    for folder in ("/usr/bin", "/usr/local/bin"):
        if machine.at(f"{folder}/{_PYTHON}").exists():
            return f"{folder}/{_PYTHON}"
    raise InstallError(
        f"/usr/bin 与 /usr/local/bin 中没有 {_PYTHON} / there is no {_PYTHON} in /usr/bin or /usr/local/bin: "
        f"apt-get install {_PYTHON},或用系统的 Python 重建环境 / or make this environment with the system's Python"
    )


def _exchange(draft: Path, home: Path) -> None:
    """The old copy stays whole until the new one is; processes that run keep what they have open."""
    old = home.with_name(f"{home.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if home.exists():
        home.rename(old)
    draft.rename(home)
    shutil.rmtree(old, ignore_errors=True)


def _digest(files: Files, python: str) -> str:
    total = hashlib.sha256(python.encode())
    for name, content in sorted(files.items()):
        data = content if isinstance(content, bytes) else content.read_bytes()
        total.update(name.encode() + b"\0" + hashlib.sha256(data).digest())
    return total.hexdigest()


def _gather() -> Files:
    """Every file of site-packages by its name there."""
    files: Files = {}
    for distribution in _required():
        own = distribution.name == PROJECT
        if own and (_TREE / "pyproject.toml").is_file():
            files |= _gather_tree(distribution)
        else:
            files |= _gather_installed(distribution)
    return files


def _gather_installed(distribution: importlib.metadata.Distribution) -> Files:
    return {
        str(file): Path(str(distribution.locate_file(file)))
        for file in distribution.files or ()
        if ".." not in file.parts and "__pycache__" not in file.parts and file.name != "direct_url.json"
    }


def _gather_tree(distribution: importlib.metadata.Distribution) -> Files:
    """Our own packages from their source tree, with the record a wheel of them would have."""
    wheel = tomllib.loads((_TREE / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"][
        "wheel"
    ]
    places = {name: name for name in wheel["packages"]} | wheel["force-include"]
    left_out = [_TREE / name for name in wheel["exclude"]]
    files: Files = {
        f"{target}/{file.relative_to(_TREE / source).as_posix()}": file
        for source, target in places.items()
        for file in sorted((_TREE / source).rglob("*"))
        if file.is_file()
        and "__pycache__" not in file.parts
        and not any(file.is_relative_to(place) for place in left_out)
    }
    # Of an editable installation only its description counts.
    described = {n: c for n, c in _gather_installed(distribution).items() if ".dist-info/" in n}
    record = next(name for name in described if name.endswith("RECORD"))
    files |= described
    files[record] = "".join(f"{name},,\n" for name in files).encode()
    return files


def _required() -> Iterator[importlib.metadata.Distribution]:
    """Our distribution and all it requires at run time, each once."""
    seen: set[tuple[str, str]] = set()
    names: set[str] = set()
    waiting = [(PROJECT, ""), *((PROJECT, extra) for extra in _OPTIONAL if _is_here(extra))]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            raise InstallError(
                f"缺少 Python 软件包 {name} / the Python package {name} is missing: "
                "重新运行 deploy/setup run / run deploy/setup run again"
            ) from None
        if name not in names:
            names.add(name)
            yield distribution
        for text in distribution.requires or ():
            wanted = Requirement(text)
            if wanted.marker is None or wanted.marker.evaluate({"extra": extra}):
                waiting += [(wanted.name, e) for e in ("", *wanted.extras)]


def _is_here(extra: str) -> bool:
    """Whether all that this extra of ours requires is installed."""
    wanted = map(Requirement, importlib.metadata.distribution(PROJECT).requires or ())
    names = [one.name for one in wanted if one.marker is not None and one.marker.evaluate({"extra": extra})]
    try:
        return bool(names) and all(importlib.metadata.distribution(name) for name in names)
    except importlib.metadata.PackageNotFoundError:
        return False
