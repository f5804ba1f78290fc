"""A model's options, changed without touching its files: a folder of links to them, with a ``conf/`` of its own.

Vosk reads options from the model folder alone, and while it loads; the overlay is needed no longer than that.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Profile = Literal["packed", "fast", "accurate"]
"""How hard a model tries: as its makers set it, with less decoding for each second of speech, or with more."""
PROFILES: tuple[Profile, ...] = get_args(Profile)

# Kaldi dithers audio with random noise: the same recording would give other words each time it is transcribed.
# A public client may send audio of any rate, higher ones than the model's among them.
_FEATURES: Final[Mapping[str, str]] = {"dither": "0", "allow-upsample": "true", "allow-downsample": "true"}
_DECODER: Final[Mapping[Profile, Mapping[str, str]]] = {
    "packed": {},
    "fast": {"beam": "8", "max-active": "1500", "lattice-beam": "2"},
    "accurate": {
        "beam": "13",
        "max-active": "7000",
        "lattice-beam": "6",
    },  # those of the official large models
}
_FEATURE_FILES = ("mfcc.conf", "fbank.conf")


@contextmanager
def overlaid(model: Path, profile: Profile = "packed") -> Iterator[Path]:
    """Give a folder that loads as MODEL does, with the options of PROFILE and without dither."""
    with tempfile.TemporaryDirectory(prefix="hotline-model-") as name:
        folder = Path(name)
        for part in model.resolve().iterdir():
            if part.name != "conf":
                (folder / part.name).symlink_to(part)
        shutil.copytree(model / "conf", folder / "conf")
        for file in _FEATURE_FILES:
            if (folder / "conf" / file).exists():
                _append(folder / "conf" / file, _FEATURES)
        _append(folder / "conf" / "model.conf", _DECODER[profile])
        yield folder


def _append(file: Path, options: Mapping[str, str]) -> None:
    """The last of an option's values counts."""
    file.chmod(0o600)
    lines = "".join(f"--{name}={value}\n" for name, value in options.items())
    file.write_text(f"{file.read_text(encoding='utf-8')}\n{lines}", encoding="utf-8")
