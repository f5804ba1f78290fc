"""A speech server that decodes so many seconds of audio a second and no more: overload without a slow machine.

`python -m bench.throttle unix:/path --rate 20` serves the demonstration model until SIGTERM. It is the product's own
server; only its recognisers take their time.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import threading
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from asr.catalogue import open_model
from asr.engine import Engine, Recognizer
from asr.server import SpeechServer
from gateway.service.courtesy import DECODING, step_back

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from asr.catalogue import ModelFolder

_SAMPLE_BYTES = 2


class SlowEngine(Engine):
    """An engine whose recognisers together decode RATE seconds of audio a second."""

    def __init__(self, folder: ModelFolder, rate: float) -> None:
        super().__init__(folder)
        self.rate = rate
        self._lock = threading.Lock()
        self._free_at = 0.0

    def recognizer(
        self,
        sample_rate: int,
        phrases: Sequence[str] | None = None,
        *,
        words: bool = True,
        max_alternatives: int = 0,
        at: float = 0.0,
        late: bool = False,
    ) -> Recognizer:
        """A recogniser that waits for its share."""
        quick = super().recognizer(
            sample_rate, phrases, words=words, max_alternatives=max_alternatives, at=at, late=late
        )
        return _SlowRecognizer(quick, self, sample_rate)

    def wait_for(self, seconds: float) -> None:
        """Take as long as decoding so many seconds of audio is to take."""
        with self._lock:
            self._free_at = max(self._free_at, time.monotonic()) + seconds / self.rate
            until = self._free_at
        time.sleep(max(0.0, until - time.monotonic()))


class _SlowRecognizer(Recognizer):
    def __init__(self, quick: Recognizer, engine: SlowEngine, sample_rate: int) -> None:
        self._quick, self._engine = quick, engine
        self._bytes_per_second = sample_rate * _SAMPLE_BYTES

    def accept(self, pcm: bytes) -> bool:
        self._engine.wait_for(len(pcm) / self._bytes_per_second)
        return self._quick.accept(pcm)

    def partial(self) -> str:
        return self._quick.partial()

    def result(self) -> str:
        return self._quick.result()

    def final(self) -> str:
        return self._quick.final()

    def release(self) -> bool:
        return self._quick.release()


@asynccontextmanager
async def serve_slowly(folder: Path, rate: float) -> AsyncIterator[tuple[str, int]]:
    """Such a server as a process of its own, with its socket in FOLDER: its address and process number."""
    socket = folder / "asr.sock"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.throttle", f"unix:{socket}", "--rate", f"{rate:g}")
    )
    try:
        while not socket.exists() and process.returncode is None:  # noqa: ASYNC110 - seen from outside
            await asyncio.sleep(0.1)
        yield f"unix:{socket}", process.pid
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _serve(listen: str, rate: float) -> None:
    step_back(DECODING)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    server = SpeechServer(SlowEngine(open_model(None), rate))
    await server.start(listen)
    await stop.wait()
    await server.stop()


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m bench.throttle")
    parser.add_argument("listen", help="unix:/path or tcp:host:port")
    parser.add_argument("--rate", type=float, required=True, help="seconds of audio decoded in a second")
    arguments = parser.parse_args()
    asyncio.run(_serve(arguments.listen, arguments.rate))


if __name__ == "__main__":
    main()
