"""A sound system of the test's own: PulseAudio without any hardware, reached through ALSA as programs do."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from peers.server import require
from waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

ALSA = """
pcm_type.pulse { lib "libasound_module_pcm_pulse.so" }
ctl_type.pulse { lib "libasound_module_ctl_pulse.so" }
pcm.!default { type pulse }
ctl.!default { type pulse }
"""


class Pulse:
    """A running server; ``environment`` is of a program that is to find it."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.environment = folder, environment

    def seat(self, name: str) -> Seat:
        """A place to sit at, with a microphone and a loudspeaker of its own."""
        for sink in (f"{name}_mouth", f"{name}_ear"):
            # Without rewinds it works in steps of 50 ms, else of 2 s: nobody would be heard at first.
            self.control("load-module", "module-null-sink", f"sink_name={sink}", "norewinds=1", "rate=8000")
        return Seat(self, name)

    def control(self, *words: str) -> str:
        done = subprocess.run(
            ["pactl", *words], env=self.environment, check=True, capture_output=True, text=True, timeout=30
        )
        return done.stdout


class Seat:
    """One desk: what is played into its mouth is what its microphone hears."""

    def __init__(self, pulse: Pulse, name: str) -> None:
        self._pulse, self._name = pulse, name

    @property
    def environment(self) -> dict[str, str]:
        """Of a program whose default devices are this desk's."""
        return {
            **self._pulse.environment,
            "PULSE_SINK": f"{self._name}_ear",
            "PULSE_SOURCE": f"{self._name}_mouth.monitor",
        }

    def start_saying(self, wav: Path) -> subprocess.Popen[bytes]:
        """Play a sound file into the microphone; it ends with the sound."""
        command = ["paplay", f"--device={self._name}_mouth", str(wav)]
        return subprocess.Popen(command, env=self._pulse.environment)

    @contextlib.contextmanager
    def heard(self, channels: int = 1) -> Iterator[Path]:
        """A file that grows by all that comes out of the loudspeaker, silence too: s16le at 8 kHz."""
        file = self._pulse.folder / f"{self._name}.heard"
        command = ["parec", f"--device={self._name}_ear.monitor", "--rate=8000", "--format=s16le"]
        with file.open("wb") as out:
            recorder = subprocess.Popen(
                [*command, f"--channels={channels}", "--latency-msec=50"],
                env=self._pulse.environment,
                stdout=out,
            )
            try:
                eventually(lambda: file.stat().st_size, 30, "the monitor to be listened to")
                yield file
            finally:
                recorder.terminate()
                recorder.wait(60)


@contextlib.contextmanager
def running_pulse() -> Iterator[Pulse]:
    program = require("pulseaudio", "pulseaudio")
    with tempfile.TemporaryDirectory(prefix="pulse-") as place:  # short: a socket lies in it
        folder = Path(place)
        (folder / "asound.conf").write_text(ALSA)
        environment = {
            **{
                k: v for k, v in os.environ.items() if not k.startswith("PULSE_") and k != "RUNTIME_DIRECTORY"
            },
            "XDG_RUNTIME_DIR": place,
            "HOME": place,
            "ALSA_CONFIG_PATH": str(folder / "asound.conf"),
            "PULSE_SERVER": f"unix:{folder / 'native'}",
        }
        log = (folder / "pulse.log").open("wb")
        server = subprocess.Popen(
            [
                *(program, "-n", "--exit-idle-time=-1", "--daemonize=no", "--use-pid-file=no"),
                *("--disallow-exit", "--realtime=no", "--high-priority=no"),
                *("-L", f"module-native-protocol-unix socket={folder / 'native'} auth-anonymous=1"),
            ],
            env=environment,
            stdout=log,
            stderr=log,
        )
        try:
            pulse = Pulse(folder, environment)
            eventually((folder / "native").exists, 30, "the sound server's socket")
            yield pulse
        finally:
            server.terminate()
            server.wait(60)
            log.close()
