"""The settings of speech recognition."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - pydantic reads it at run time
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gateway.site.section import Section


class AsrSettings(Section):
    """Where speech is recognised.

    An empty ``url`` is the server on this machine's Unix socket, which `hotline up` runs; several, separated by blanks,
    share the work, and each takes over for another. ``token`` is shown to them, ``authority`` (PEM) is who signed
    their certificates. `hotline asr` listens at ``listen`` (empty: at ``url``), with ``certificate`` and ``key`` (PEM
    files) over TLS, and asks for ``token``; ``profile`` is how hard its ``model`` tries.

    Once a call is over its phrases are heard again by the server at ``second_url``, or by that of ``second_model`` on
    this machine, which `hotline up` runs too; with neither there is no second pass.
    """

    url: str = ""
    listen: str = ""
    token: str = ""
    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    model: Path | None = None
    profile: Literal["packed", "fast", "accurate"] = "packed"
    threads: Annotated[int, Field(ge=0, le=256)] = 0
    second_url: str = ""
    second_model: Path | None = None

    @property
    def runs_second(self) -> bool:
        """Whether this machine has a server of its own for the second pass."""
        return self.second_model is not None and not self.second_url

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key belong together: give both or neither")
        return self
