"""A speech server of one's own for a measurement: a process beside, on a socket that nobody else knows."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from asr.catalogue import open_model
from asr.client import AsrClient, AsrUnavailable
from asr.server import ServerError, serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from asr.catalogue import ModelFolder
    from asr.overlay import Profile

_START_SECONDS: Final = 600.0  # a large model on a slow disk, loaded twice
_STOP_SECONDS: Final = 10.0
_ROOT: Final = Path(__file__).parents[2]


@asynccontextmanager
async def serving(
    model: ModelFolder, threads: int = 0, profile: Profile = "packed"
) -> AsyncIterator[AsrClient]:
    """Give a client of such a server; raises ServerError with what it said when it does not start."""
    with tempfile.TemporaryDirectory(prefix="hotline-asr-") as folder, tempfile.TemporaryFile() as told:
        url = f"unix:{Path(folder) / 'asr.sock'}"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "asr.evaluation.own_server", url, str(model.path), str(threads), profile),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=told,
            stderr=told,
            cwd=_ROOT,
        )
        try:
            async with AsrClient(url) as client:
                await _wait(client, process)
                yield client
        except AsrUnavailable as error:
            told.seek(0)
            said = told.read().decode(errors="replace").strip().splitlines() or [str(error)]
            raise ServerError(f"{model.path}: the speech server did not go on: {said[-1]}") from error
        finally:
            with suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), _STOP_SECONDS)
            except TimeoutError:
                process.kill()
                await process.wait()


async def _wait(client: AsrClient, process: asyncio.subprocess.Process) -> None:
    until = asyncio.get_running_loop().time() + _START_SECONDS
    while True:
        try:
            await client.fingerprint()
        except AsrUnavailable:
            if process.returncode is not None or asyncio.get_running_loop().time() > until:
                raise
            await asyncio.sleep(0.1)
        else:
            return


async def _serve(url: str, model: str, threads: str, profile: str) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    parent = os.getppid()

    async def follow() -> None:
        while os.getppid() == parent:  # noqa: ASYNC110 - nobody tells of a parent's death
            await asyncio.sleep(1)
        stop.set()

    follower = asyncio.create_task(follow())
    try:
        await serve(url, open_model(Path(model)), int(threads), stop, profile=cast("Profile", profile))
    finally:
        follower.cancel()


if __name__ == "__main__":
    asyncio.run(_serve(*sys.argv[1:5]))
