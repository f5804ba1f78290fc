"""What each step of an installation works on: a machine's root folder, and a voice that tells what was done."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from config.fault import Fault

if TYPE_CHECKING:
    from collections.abc import Callable


class InstallError(Fault):
    """The machine cannot be set up; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Where things are put: ``/``, or the root of another system's image. ``say`` is told each thing done."""

    root: Path
    say: Callable[[str], None]

    @property
    def is_here(self) -> bool:
        """Whether this is the running system, and systemd runs it."""
        return self.root == Path("/") and Path("/run/systemd/system").is_dir()

    def at(self, path: str) -> Path:
        """Where an absolute path of that system lies here."""
        return self.root / path.lstrip("/")

    def put(self, path: str, content: bytes, mode: int = 0o644) -> None:
        """Make the file be this, at once or not at all."""
        file = self.at(path)
        if file.is_file() and file.read_bytes() == content and file.stat().st_mode & 0o7777 == mode:
            self.say(f"未变 / unchanged: {path}")
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(f".{file.name}.new")
        draft.write_bytes(content)
        draft.chmod(mode)
        draft.rename(file)
        self.say(f"已写入 / written: {path}")

    def link(self, path: str, target: str) -> None:
        """Make the path a symbolic link; a file of somebody else's there is an InstallError."""
        place = self.at(path)
        if place.is_symlink() and str(place.readlink()) == target:
            self.say(f"未变 / unchanged: {path}")
            return
        if place.exists() and not place.is_symlink():
            raise InstallError(
                f"{path} 已存在且不是本程序的 / is there and not ours: "
                "请移走后重试 / move it away, then run this again"
            )
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        place.symlink_to(target)
        self.say(f"已链接 / linked: {path} -> {target}")

    def remove(self, path: str) -> None:
        """Take away a file, a link, or a whole folder of ours; nothing is said of what is not there."""
        place = self.at(path)
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        elif place.is_symlink() or place.exists():
            place.unlink()
        else:
            return
        self.say(f"已删除 / removed: {path}")

    def run(self, tool: str, *arguments: str) -> None:
        """Run a systemd tool on that system; raises InstallError with what it said."""
        root = () if self.root == Path("/") else (f"--root={self.root}",)
        try:
            done = subprocess.run([tool, *root, *arguments], capture_output=True, text=True, check=False)
        except FileNotFoundError:
            raise InstallError(
                f"没有 {tool} / there is no {tool}: 需要 systemd(Debian 12)/ this needs systemd (Debian 12)"
            ) from None
        if done.returncode:
            raise InstallError(f"{tool} {' '.join(arguments)}: {(done.stderr or done.stdout).strip()}")
