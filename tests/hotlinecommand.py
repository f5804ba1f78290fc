"""One command of ``hotline`` in a process of its own, which need not load again what commands before it have loaded.

A process beside the tests forks for each: the fork goes the command's whole way from ``main`` on, and ends as a command
does. That a command can be started anew as well is shown by the handbook's and the machine's tests, and by every house.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROOT = Path(__file__).parents[1]
_STREAMS = ("in", "out", "errors")
_one_at_a_time = threading.Lock()
_forking: subprocess.Popen[str] | None = None


def run_hotline(
    *words: str, folder: Path | None = None, environment: Mapping[str, str] | None = None, typed: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run ``hotline WORDS…`` in that folder and with that environment (this process's own), ``typed`` given to it."""
    with _one_at_a_time, tempfile.TemporaryDirectory() as place:
        streams = [Path(place) / name for name in _STREAMS]
        streams[0].write_text(typed)
        code = _ask(
            {
                "words": words,
                "folder": str(folder or Path.cwd()),
                "environment": dict(os.environ if environment is None else environment),
                "streams": [str(stream) for stream in streams],
            }
        )
        _, out, errors = (stream.read_text() for stream in streams)
        return subprocess.CompletedProcess(["hotline", *words], code, out, errors)


def _ask(job: dict[str, Any]) -> int:
    """The exit code of what the process that forks was asked for."""
    global _forking  # noqa: PLW0603 - one process for all tests of this one
    if _forking is None:
        _forking = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=_ROOT,
            env=os.environ | {"PYTHONPATH": str(_ROOT)},
            start_new_session=True,
        )
    assert _forking.stdin
    assert _forking.stdout
    try:
        _forking.stdin.write(f"{json.dumps(job)}\n")
        _forking.stdin.flush()
        return int(_forking.stdout.readline())
    except BaseException:  # the test's time is over
        os.killpg(_forking.pid, signal.SIGKILL)
        _forking.wait()
        _forking = None
        raise


def _fork_for_each() -> None:
    from gateway import cli  # noqa: PLC0415 - the tests' process needs none of it

    for line in sys.stdin:
        job = json.loads(line)
        cli._register(job["words"])
        child = os.fork()
        if not child:
            _be_command(cli, job)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _be_command(cli: Any, job: dict[str, Any]) -> NoReturn:
    code: object = 1
    try:
        for number, (stream, mode) in enumerate(zip(job["streams"], ("r", "w", "w"), strict=True)):
            with open(stream, mode) as opened:  # noqa: PTH123
                os.dup2(opened.fileno(), number)
        sys.stdin = open(0, closefd=False)  # noqa: SIM115
        sys.stdout, sys.stderr = (open(n, "w", closefd=False) for n in (1, 2))  # noqa: SIM115
        os.chdir(job["folder"])
        os.environ.clear()
        os.environ.update(job["environment"])
        sys.argv = ["hotline", *job["words"]]
        cli.main()
        code = 0
    except SystemExit as ending:
        code = ending.code or 0
    except BaseException:  # noqa: BLE001 - as the interpreter ends
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    _fork_for_each()
