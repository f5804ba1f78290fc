"""The Debian packages the program needs beside Python, known by a file of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PACKAGES = {
    "espeak-ng": ("usr/bin/espeak-ng", "usr/local/bin/espeak-ng"),
    "ffmpeg": ("usr/bin/ffmpeg", "usr/local/bin/ffmpeg"),
    # libsrtp in our pjsua2 has its ciphers from NSS, which loads them by name at run time.
    "libnss3": ("usr/lib/*/libsoftokn3.so", "usr/lib/*/nss/libsoftokn3.so"),
}
"""Package name -> places of the file, relative to the root folder; any one of them will do."""


def find_missing(root: Path) -> list[str]:
    """The packages that the system below ROOT lacks."""
    return [
        package
        for package, places in PACKAGES.items()
        if not any(next(root.glob(place), None) for place in places)
    ]
