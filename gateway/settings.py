"""The gateway's settings: one strict YAML file over the embedded default, secrets from systemd credentials."""

from __future__ import annotations

import hashlib
import ipaddress
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from config.document import load

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_FILE = Path(__file__).parents[1] / "config" / "gateway.yaml"

Port = Annotated[int, Field(ge=0, le=65535)]


def _check_address(text: str) -> str:
    if text:
        ipaddress.IPv4Address(text)  # its ValueError says what is wrong with it
    return text


Address = Annotated[str, AfterValidator(_check_address)]
"""An IPv4 address, no name: the SIP stack looks up none. "" where the setting has a default of its own."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SipSettings(_Section):
    """Where calls come in. ``port`` 0 takes any free one; ``cap`` is the number of calls answered at once.

    ``drain_seconds`` is how long calls may go on once the gateway was told to stop.
    """

    host: Annotated[Address, Field(min_length=1)] = "0.0.0.0"  # noqa: S104 - a front door listens on every address unless told otherwise
    port: Port = 5060
    tcp: bool = True
    media_host: Address = ""
    rtp_first_port: Port = 20000
    cap: Annotated[int, Field(ge=1, le=1000)] = 600
    retry_after_seconds: Annotated[int, Field(ge=1, le=3600)] = 20
    drain_seconds: Annotated[float, Field(ge=0, le=3600)] = 30.0


class AsrSettings(_Section):
    """Where speech is recognised.

    An empty ``url`` is the server on this machine's Unix socket, which `hotline up` runs.
    """

    url: str = ""
    model: Path | None = None
    threads: Annotated[int, Field(ge=0, le=256)] = 0


class DatabaseSettings(_Section):
    """Where calls and tickets are kept. An empty ``url`` is SQLite in the data folder."""

    url: str = ""


class IntakeSettings(_Section):
    """The city's intake API. ``secret`` is a Standard Webhooks secret (``whsec_…``).

    An empty ``url`` is the reference intake on this machine, at ``reference_port``, which `hotline up` runs.
    """

    url: str = ""
    reference_port: Port = 8045
    secret: str = ""
    timeout_seconds: Annotated[float, Field(gt=0, le=120)] = 5.0

    @property
    def address(self) -> str:
        """Where tickets are posted."""
        return self.url or f"http://127.0.0.1:{self.reference_port}/v1/tickets"


class DialogueSettings(_Section):
    """Files that replace the embedded ones; ``replacements`` is a folder of the operator's own WAV prompts."""

    flow: Path | None = None
    prompts: Path | None = None
    hotlines: Path | None = None
    replacements: Path | None = None


class Settings(_Section):
    """Everything an operator may set. ``node`` tells this gateway's ticket numbers from another's."""

    node: Annotated[int, Field(ge=0, le=99)] = 1
    sip: SipSettings = SipSettings()
    asr: AsrSettings = AsrSettings()
    database: DatabaseSettings = DatabaseSettings()
    intake: IntakeSettings = IntakeSettings()
    dialogue: DialogueSettings = DialogueSettings()


def read_settings(file: Path | None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read FILE (or the embedded default) and the secret credential.

    The intake's secret may come as a systemd credential named ``intake-secret``
    (``LoadCredential=``), which wins over the file. Raises ``config.document.ConfigError``.
    """
    settings = load(Settings, file or DEFAULT_FILE)
    credential = Path(environment.get("CREDENTIALS_DIRECTORY", "/nonexistent")) / "intake-secret"
    if credential.is_file():
        secret = credential.read_text(encoding="utf-8").strip()
        settings = settings.model_copy(
            update={"intake": settings.intake.model_copy(update={"secret": secret})}
        )
    return settings


class Paths:
    """Where this installation keeps things: ``data`` lasts, ``run`` holds sockets and is short.

    A Unix socket's path may have 107 bytes (sun_path), so ``run`` never lies below ``data``.
    """

    def __init__(self, data: Path, environment: Mapping[str, str] = os.environ) -> None:
        self.data = data.absolute()
        given = environment.get("RUNTIME_DIRECTORY", "").split(":")[0]
        name = hashlib.sha256(str(self.data).encode()).hexdigest()[:10]
        self.run = Path(given) if given else Path(tempfile.gettempdir()) / f"hotline-{os.getuid()}-{name}"

    def make(self) -> None:
        """Create both folders, readable by this user alone; refuse a runtime folder of somebody else's."""
        self.data.mkdir(parents=True, exist_ok=True, mode=0o750)
        self.run.mkdir(parents=True, exist_ok=True, mode=0o750)
        if self.run.stat().st_uid != os.getuid():
            raise PermissionError(f"{self.run} belongs to another user: remove it or set RUNTIME_DIRECTORY")

    @property
    def asr_socket(self) -> Path:
        """The speech server's socket."""
        return self.run / "asr.sock"

    @property
    def gateway_socket(self) -> Path:
        """The gateway's event stream and health page."""
        return self.run / "gateway.sock"

    @property
    def prompts(self) -> Path:
        """Rendered prompts."""
        return self.data / "prompts"

    def asr_url(self, settings: Settings) -> str:
        """The speech server's address for clients."""
        return settings.asr.url or f"unix:{self.asr_socket}"

    def database_url(self, settings: Settings) -> str:
        """The database's SQLAlchemy address."""
        return settings.database.url or f"sqlite+aiosqlite:///{self.data / 'hotline.db'}"
