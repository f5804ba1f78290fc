"""Certificates of the tests' own: an authority, and what it has signed."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def make(folder: Path, name: str, *, address: str, days: int = 365) -> None:
    """``NAME.crt``, ``NAME.key`` and both in ``NAME.pem``, good for so many days, signed by ``ca.pem`` there."""
    folder.mkdir(parents=True, exist_ok=True)
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    authority, key = folder / "ca.pem", folder / "ca.key"
    if not authority.exists():
        made = [
            "-x509",
            "-days",
            "3650",
            "-subj",
            "/CN=trunk tests",
            "-keyout",
            str(key),
            "-out",
            str(authority),
        ]
        _openssl("req", *curve, *made)
    request, extension = folder / f"{name}.csr", folder / f"{name}.ext"
    extension.write_text(f"subjectAltName=IP:{address}\n")
    _openssl(
        "req", *curve, "-subj", f"/CN={name}", "-keyout", str(folder / f"{name}.key"), "-out", str(request)
    )
    signed = ["-CA", str(authority), "-CAkey", str(key), "-CAcreateserial", "-days", str(days)]
    files = ["-in", str(request), "-extfile", str(extension), "-out", str(folder / f"{name}.crt")]
    _openssl("x509", "-req", *signed, *files)
    both = (folder / f"{name}.crt").read_text() + (folder / f"{name}.key").read_text()
    (folder / f"{name}.pem").write_text(both)
