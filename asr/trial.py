"""Trying a model in a process of its own: what ends a process there ends no server, and is told with its remedy."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from asr.catalogue import ModelError
from asr.overlay import overlaid

if TYPE_CHECKING:
    from asr.catalogue import ModelFolder
    from asr.overlay import Profile

_PATIENCE_SECONDS = 300.0  # a large model on a slow disk
_RATE = 8000
_REMEDY = "unpack the model again, or point asr.model at another Vosk model folder"


async def prove(model: ModelFolder, profile: Profile = "packed") -> None:
    """Load MODEL, decode half a second with and without phrases; raises ModelError with what libvosk said.

    The built-in model was tried when it was built.
    """
    if model.fingerprint.demo:
        return
    with overlaid(model.path, profile) as folder:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "asr.trial", str(folder), "" if model.static_graph else "phrases"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            cwd=Path(__file__).parents[1],
        )
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                _, told = await process.communicate()
        except BaseException as error:
            process.kill()
            await process.wait()
            if not isinstance(error, TimeoutError):
                raise
            raise ModelError(
                f"{model.path}: not loaded within {_PATIENCE_SECONDS:.0f} s; {_REMEDY}"
            ) from error
    if process.returncode:
        why = _why(told.decode(errors="replace"), process.returncode)
        raise ModelError(f"{model.path}: {why.replace(str(folder), str(model.path))}; {_REMEDY}")


def _why(told: str, code: int) -> str:
    """The last of libvosk's complaints, how the process ended, and the file if a complaint has none."""
    lines = told.splitlines()
    complaints = " / ".join([line for line in lines if line.startswith(("ERROR", "ASSERTION"))][-3:])[:500]
    ended = signal.Signals(-code).name if code < 0 else f"exit status {code}"
    if "option" in complaints:
        where = "conf/: "
    elif "/" not in complaints.replace(" / ", ""):
        where = next(
            (f"{line.split(')', 1)[-1].strip()}: " for line in reversed(lines) if "Loading" in line), "am/: "
        )
    else:
        where = ""
    return f"Vosk cannot use this model ({where}{complaints or ended})"


def main(folder: str, *, phrases: bool) -> None:
    """Try the model in FOLDER, in this process; ends it when the model does not work."""
    import vosk  # noqa: PLC0415 - the server's own process imports it elsewhere

    vosk.SetLogLevel(0)  # it names the files it reads
    model = vosk.Model(folder)
    # Words that nobody has to know: what Vosk does not find is dropped, and the graph is composed all the same.
    grammar = json.dumps(["是", "不", "[unk]", "<UNK>"], ensure_ascii=False)
    for arguments in ((), (grammar,)) if phrases else ((),):
        recognizer = vosk.KaldiRecognizer(model, _RATE, *arguments)
        recognizer.AcceptWaveform(bytes(_RATE))
        json.loads(recognizer.FinalResult())


if __name__ == "__main__":
    main(sys.argv[1], phrases=bool(sys.argv[2]))
