"""The settings of the city's intake: where it is, how it is reached, what it is sent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path  # noqa: TC003 - pydantic reads it at run time
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, model_validator

from gateway.site.section import Address, Port, Section
from gateway.site.way_in import WayIn

if TYPE_CHECKING:
    from tickets.access import Access


class CallbackSettings(Section):
    """Where the worker takes the intake's status messages; a ``port`` of null: nowhere.

    ``secret`` is a Standard Webhooks secret, better the credential ``intake/callback-secret``; empty: that of
    ``intake``. With ``certificate`` and ``key`` (PEM files) it speaks TLS.
    """

    host: Annotated[Address, Field(min_length=1)] = "127.0.0.1"
    port: Port | None = None
    secret: str = ""
    certificate: Path | None = None
    key: Path | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key belong together: give both or neither")
        return self


class IntakeSettings(WayIn):
    """The city's intake API. ``secret`` is a Standard Webhooks secret (``whsec_…``).

    An empty ``url`` is the reference intake on this machine, at ``reference_port``, which `hotline up` runs. Alerts go
    to ``alerts_url``; empty: beside ``url``, with ``alerts`` for its last part. Without ``alerts`` none is posted, for
    an intake that takes none. ``per_second`` posts of tickets are begun at the most, on average; 0: no limit.

    ``mapping`` is a file that says what the tickets of another city's intake look like (`tickets.mapping`).
    ``token_for`` and the rest of the way there are `tickets.access.Access`.
    """

    url: str = ""
    alerts: bool = True
    alerts_url: str = ""
    reference_port: Port = 8045
    secret: str = ""
    timeout_seconds: Annotated[float, Field(gt=0, le=120)] = 5.0
    per_second: Annotated[float, Field(ge=0, le=1000)] = 0.0
    token_for: tuple[str, ...] = ()
    callbacks: CallbackSettings = CallbackSettings()
    mapping: Path | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.alerts_url and not self.alerts:
            raise ValueError("alerts is off and alerts_url says where they go: take one of them away")
        if self.mapping is not None and (self.alerts or not self.url):
            raise ValueError("with a mapping give the intake's url, and alerts: false, for it takes none")
        return self

    @property
    def address(self) -> str:
        """Where tickets are posted."""
        return self.url or f"http://127.0.0.1:{self.reference_port}/v1/tickets"

    @property
    def access(self) -> Access:
        """The way there. Raises ValueError for what contradicts itself, or is incomplete."""
        return replace(super().access, token_for=self.token_for)
