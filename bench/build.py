"""The load generator, compiled when its source has changed."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("rtpgen.c")
BUILD = Path(__file__).parents[1] / "build" / "bench"
FLAGS = ("-std=gnu11", "-O2", "-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Werror")


class BuildError(Exception):
    """There is no compiler, or it refused; the message says what to do."""


def build_rtpgen(folder: Path = BUILD) -> Path:
    """Compile `rtpgen` into FOLDER, named by its source's hash; returns the program. Raises BuildError."""
    parts = [SOURCE, *sorted(SOURCE.with_suffix("").glob("*.h"))]
    key = hashlib.sha256(" ".join(FLAGS).encode())
    for file in parts:
        key.update(file.read_bytes())
    program = folder / f"rtpgen-{key.hexdigest()[:16]}"
    if program.exists():
        return program
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise BuildError("no C compiler: install gcc and libc6-dev")
    folder.mkdir(parents=True, exist_ok=True)
    draft = program.with_suffix(".draft")
    done = subprocess.run(
        [compiler, *FLAGS, "-o", str(draft), str(SOURCE)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BuildError(f"{compiler} cannot compile {SOURCE} (libc6-dev installed?):\n{done.stderr}")
    draft.rename(program)
    return program
