"""Installing a model from its archive, whole or not at all, and choosing the one in use.

The folder of models holds each as it was packed; ``in-use`` is a link to the one that is used.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import tempfile
import zipfile
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from asr.catalogue import open_model
from config.fault import Fault

if TYPE_CHECKING:
    from asr.catalogue import ModelFolder

_IN_USE: Final = "in-use"
_CHECKSUMS: Final = "checksums.json"
_SPARE: Final = 64 << 20  # bytes that stay free on the disk
_MOST_FILES: Final = 10_000
_PARTS: Final = ("am", "conf", "graph", "ivector", "rescore", "rnnlm")
_GROWS: Final = (
    5  # a look-ahead graph's model in memory, over its files on the disk; 86 MB of archive take 500 MB
)
_GROWS_STATIC: Final = 1.5


class InstallError(Fault):
    """A model cannot be installed, used or removed; the message says why, and what to do."""


class Models:
    """The models in FOLDER, which is made when it is needed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> list[str]:
        """What is installed."""
        found = self.folder.iterdir() if self.folder.is_dir() else ()
        return sorted(
            one.name for one in found if one.is_dir() and not one.is_symlink() and one.name[0] != "."
        )

    @property
    def used(self) -> Path | None:
        """The folder that is used; None: the demonstration model."""
        link = self.folder / _IN_USE
        return link.resolve() if link.is_dir() else None

    def install(self, archive: Path, name: str, sha256: str = "") -> tuple[ModelFolder, str]:
        """Install the archive as NAME; the model, and the archive's checksum, recorded at the first installation.

        ``sha256`` is the operator's. Raises InstallError, and ModelError when it holds no usable model; nothing is
        left of it then.
        """
        self._require_new(name)
        checksum = self._check(archive, name, sha256)
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=self.folder) as place:
            top = _unpack(archive, Path(place))
            os.chmod(top, 0o755)  # noqa: S103, PTH101 - for the services' user to read
            open_model(top)
            top.rename(self.folder / name)
        self._record(name, checksum)
        return self.open(name), checksum

    def open(self, name: str) -> ModelFolder:
        """The model NAME, checked. Raises InstallError, ModelError."""
        return open_model(self._find(name))

    def use(self, name: str) -> ModelFolder:
        """Use the model NAME from the speech server's next start on. Raises InstallError, ModelError."""
        model = self.open(name)
        draft = self.folder / f".{_IN_USE}.new"
        draft.unlink(missing_ok=True)
        draft.symlink_to(name)
        draft.replace(self.folder / _IN_USE)
        return model

    def use_demo(self) -> None:
        """Use the demonstration model again."""
        (self.folder / _IN_USE).unlink(missing_ok=True)

    def remove(self, name: str) -> None:
        """Remove the model NAME. Raises InstallError, also while it is used."""
        source = self._find(name)
        if self.used == source.resolve():
            raise InstallError(
                f"{name} is in use; choose another one first: hotline model use NAME|demo. 正在使用。"
            )
        gone = self.folder / f".gone-{name}"
        shutil.rmtree(gone, ignore_errors=True)  # of a removal that was broken off
        source.rename(gone)  # from here on it is not there, whatever happens
        shutil.rmtree(gone)

    def _find(self, name: str) -> Path:
        if name not in self.names():
            there = ", ".join(self.names()) or "none"
            raise InstallError(
                f"{name} is not installed (installed: {there}); hotline model install {name}. 没有安装。"
            )
        return self.folder / name

    def _require_new(self, name: str) -> None:
        plain = name and name not in (_IN_USE, "demo") and all(c.isalnum() or c in "._-" for c in name)
        if not plain or name[0] in ".-":
            raise InstallError(f"{name!r}: a model's name has letters, digits, . _ and - only. 名称不合规。")
        if name in self.names():
            raise InstallError(
                f"{name} is installed already; to have it anew: hotline model remove {name}. 已经安装。"
            )

    def _check(self, archive: Path, name: str, sha256: str) -> str:
        with archive.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        known = self._checksums().get(name, "")
        for wanted, whose in (
            (sha256.lower(), "the one given"),
            ("" if sha256 else known, "the one first installed"),
        ):
            if wanted and found != wanted:
                raise InstallError(
                    f"{archive}: SHA-256 {found} is not {whose}, {wanted}: damaged or another file. Nothing was "
                    "installed; fetch it again, or give the right --sha256. 校验和不符,没有安装。"
                )
        return found

    def _checksums(self) -> dict[str, str]:
        with suppress(FileNotFoundError, ValueError):
            document = json.loads((self.folder / _CHECKSUMS).read_text())
            if isinstance(document, dict):
                return {str(name): str(checksum) for name, checksum in document.items()}
        return {}

    def _record(self, name: str, checksum: str) -> None:
        draft = self.folder / f".{_CHECKSUMS}.new"
        draft.write_text(json.dumps({**self._checksums(), name: checksum}, indent=1))
        draft.replace(self.folder / _CHECKSUMS)


def estimate_memory(model: ModelFolder) -> int:
    """About how many bytes of memory the model takes once it is loaded."""
    files = [file for part in _PARTS for file in (model.path / part).rglob("*") if file.is_file()]
    return round(
        sum(file.stat().st_size for file in files) * (_GROWS_STATIC if model.static_graph else _GROWS)
    )


def _unpack(archive: Path, place: Path) -> Path:
    """Unpack the archive below PLACE; its one folder. Raises InstallError."""
    try:
        with zipfile.ZipFile(archive) as packed:
            members = packed.infolist()
            tops = {_require_inside(archive, member) for member in members}
            if len(tops) != 1:
                raise InstallError(
                    f"{archive}: holds {len(tops)} folders at its top, a model's archive has one"
                )
            needed, free = sum(member.file_size for member in members), shutil.disk_usage(place).free
            if needed + _SPARE > free or len(members) > _MOST_FILES:
                raise InstallError(
                    f"{archive}: {needed / 1e6:.0f} MB in {len(members)} files when unpacked, {free / 1e6:.0f} MB are "
                    f"free in {place.parent}; make room. 磁盘空间不足。"
                )
            packed.extractall(place)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise InstallError(
            f"{archive}: no whole zip archive ({error}); fetch it again. 压缩包损坏。"
        ) from error
    top = place / tops.pop()
    if not top.is_dir():
        raise InstallError(f"{archive}: holds one file, no model folder")
    return top


def _require_inside(archive: Path, member: zipfile.ZipInfo) -> str:
    """The folder at the top that it lies in; raises InstallError when it would lie anywhere else."""
    path = PurePosixPath(member.filename)
    linked = stat.S_ISLNK(member.external_attr >> 16)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\\" in member.filename or linked:
        raise InstallError(
            f"{archive}: {member.filename!r} would lie outside of the model's folder: no archive of a model. "
            "Nothing was installed. 压缩包里有越界的文件,没有安装。"
        )
    return path.parts[0]
