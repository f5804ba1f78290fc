"""The gateway's settings: one strict YAML file over the embedded default, secrets from systemd credentials."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from asr.models.installing import Models
from config.document import ConfigError, load
from gateway.site.access import AccessSettings
from gateway.site.callback import CallbackSettings, check_callback
from gateway.site.console import ConsoleSettings
from gateway.site.credentials import read_secret, with_intake_secrets, with_password, with_sms_secrets
from gateway.site.disk import DiskSettings
from gateway.site.intake import IntakeSettings
from gateway.site.passing import PassingSettings
from gateway.site.probe import ProbeSettings
from gateway.site.recognition import AsrSettings
from gateway.site.section import Address, Node, Port, Section
from gateway.site.sms import SmsSettings
from gateway.site.trunks import TrunkSettings, check_trunks
from gateway.site.understanding import UnderstandingSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

_SPARE = 64  # calls above the caps: those that are refused
DEFAULT_FILE = Path(__file__).parents[2] / "config" / "gateway.yaml"


class SipSettings(Section):
    """Where calls come in. ``port`` 0 takes any free one; ``cap`` is the number of calls answered at once.

    ``drain_seconds`` is how long calls may go on once the gateway was told to stop, ``hold_seconds`` how long a
    caller may have the line on hold at a time. No call lasts longer than ``longest_call_seconds``, and none goes on
    whose caller's side has not sent any audio ``first_audio_seconds`` after the answer.
    """

    host: Annotated[Address, Field(min_length=1)] = "0.0.0.0"  # noqa: S104 - a front door listens on every address unless told otherwise
    port: Port = 5060
    tcp: bool = True
    media_host: Address = ""
    rtp_first_port: Port = 20000
    cap: Annotated[int, Field(ge=1, le=1000)] = 600
    retry_after_seconds: Annotated[int, Field(ge=1, le=3600)] = 20
    drain_seconds: Annotated[float, Field(ge=0, le=3600)] = 30.0
    hold_seconds: Annotated[float, Field(ge=1, le=7200)] = 300.0
    first_audio_seconds: Annotated[float, Field(ge=2, le=7200)] = 30.0
    longest_call_seconds: Annotated[float, Field(ge=1, le=86400)] = 7200.0


class DatabaseSettings(Section):
    """Where calls and tickets are kept. An empty ``url`` is SQLite in the data folder."""

    url: str = ""


class DialogueSettings(Section):
    """Files that replace the embedded ones; ``replacements`` is a folder of the operator's own WAV prompts.

    ``calendar`` adds to the embedded holidays. ``recall``: who has called before is asked about that call.
    """

    flow: Path | None = None
    prompts: Path | None = None
    hotlines: Path | None = None
    categories: Path | None = None
    calendar: Path | None = None
    replacements: Path | None = None
    recall: bool = True


class GatewaySettings(Section):
    """A further gateway on this machine, known by its SIP port: what it may not share with the first."""

    port: Annotated[int, Field(ge=1, le=65535)]
    node: Node
    rtp_first_port: Annotated[int, Field(ge=1024, le=65535)]
    metrics_port: Annotated[int, Field(ge=1, le=65535)] | None = None


class LogSettings(Section):
    """How each process writes its log, to stderr. ``auto`` is text on a terminal and JSON anywhere else."""

    format: Literal["auto", "json", "text"] = "auto"
    level: Literal["debug", "info", "warning", "error"] = "info"


class MetricsSettings(Section):
    """Where Prometheus may ask over TCP, beside each process's Unix socket. A port of null is not opened."""

    host: Annotated[Address, Field(min_length=1)] = "127.0.0.1"
    gateway_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    asr_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    worker_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    console_port: Annotated[int, Field(ge=1, le=65535)] | None = None


class Settings(Section):
    """Everything an operator may set. ``node`` tells this gateway's ticket numbers from another's."""

    node: Node = 1
    sip: SipSettings = SipSettings()
    passing: PassingSettings = PassingSettings()
    callback: CallbackSettings = CallbackSettings()
    access: AccessSettings = AccessSettings()
    asr: AsrSettings = AsrSettings()
    database: DatabaseSettings = DatabaseSettings()
    disk: DiskSettings = DiskSettings()
    intake: IntakeSettings = IntakeSettings()
    sms: SmsSettings = SmsSettings()
    probe: ProbeSettings = ProbeSettings()
    dialogue: DialogueSettings = DialogueSettings()
    understanding: UnderstandingSettings = UnderstandingSettings()
    console: ConsoleSettings = ConsoleSettings()
    gateways: tuple[GatewaySettings, ...] = ()
    trunks: tuple[TrunkSettings, ...] = ()
    log: LogSettings = LogSettings()
    metrics: MetricsSettings = MetricsSettings()

    @model_validator(mode="after")
    def _keep_apart(self) -> Settings:
        """Two gateways with one node would give two callers the same ticket number."""
        for what, values in (
            ("node", [self.node, *(g.node for g in self.gateways)]),
            ("port", self.ports),
            ("rtp_first_port", [self.sip.rtp_first_port, *(g.rtp_first_port for g in self.gateways)]),
        ):
            twice = next((value for value in values if values.count(value) > 1), None)
            if twice is not None:
                raise ValueError(f"two gateways have {what} {twice}: give each its own")
        check_trunks(self.trunks, (self.node, *(g.node for g in self.gateways)))
        check_callback(self.callback, self.trunks, self.sip.cap)
        return self

    @property
    def ports(self) -> tuple[int, ...]:
        """The SIP port of every gateway on this machine, that of ``sip`` first."""
        return (self.sip.port, *(g.port for g in self.gateways))

    @property
    def lines(self) -> int:
        """Calls that a gateway's stack has room for: each cap, and those that are refused."""
        placed = self.callback.at_once + 2 * self.callback.agents_at_once if self.callback.trunk else 0
        return self.sip.cap + self.passing.cap + placed + _SPARE

    @property
    def nodes(self) -> frozenset[int]:
        """The nodes of every gateway on this machine."""
        return frozenset({self.node, *(g.node for g in self.gateways)})

    def of_gateway(self, port: int) -> Settings:
        """The settings of the gateway at this SIP port; raises ConfigError when none is set up there."""
        if port == self.sip.port:
            return self
        for one in self.gateways:
            if one.port == port:
                sip = self.sip.model_copy(update={"port": port, "rtp_first_port": one.rtp_first_port})
                metrics = self.metrics.model_copy(update={"gateway_port": one.metrics_port})
                return self.model_copy(update={"node": one.node, "sip": sip, "metrics": metrics})
        raise ConfigError(
            "settings",
            0,
            f"no gateway has the SIP port {port}",
            f"set sip.port to it, or add to gateways: - {{port: {port}, node: …, rtp_first_port: …}}",
        )


_CREDENTIALS = {"intake-secret": ("intake", "secret"), "database-url": ("database", "url")}
"""systemd credentials (``LoadCredential=``), and the settings they stand for."""


def read_settings(file: Path | None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read FILE (or the embedded default) and the credentials.

    A file of ``$CREDENTIALS_DIRECTORY`` named ``intake-secret`` or ``database-url`` wins over the settings,
    unless it is empty; so does one of a trunk, in its folder ``trunk`` or as ``trunk_NAME``, over its password, and one
    of the folder ``intake``: ``token``, ``client-secret``, ``proxy``,
    ``callback-secret``, or ``sms``: the first three, and ``secret``.
    Raises ``config.document.ConfigError``.
    """
    settings = load(Settings, file or DEFAULT_FILE)
    folder = Path(environment.get("CREDENTIALS_DIRECTORY", "/nonexistent"))
    for name, (section, key) in _CREDENTIALS.items():
        if secret := read_secret(folder / name):
            changed = getattr(settings, section).model_copy(update={key: secret})
            settings = settings.model_copy(update={section: changed})
    trunks = tuple(with_password(trunk, folder) for trunk in settings.trunks)
    intake = with_intake_secrets(settings.intake, folder)
    sms = with_sms_secrets(settings.sms, folder)
    return settings.model_copy(update={"trunks": trunks, "intake": intake, "sms": sms})


class Paths:
    """Where this installation keeps things: ``data`` lasts, ``run`` holds sockets and is short.

    A Unix socket's path may have 107 bytes (sun_path), so ``run`` never lies below ``data``.
    """

    def __init__(self, data: Path, environment: Mapping[str, str] = os.environ) -> None:
        self.data = data.absolute()
        given = environment.get("RUNTIME_DIRECTORY", "").split(":")[0]
        name = hashlib.sha256(str(self.data).encode()).hexdigest()[:10]
        self.run = Path(given) if given else Path(tempfile.gettempdir()) / f"hotline-{os.getuid()}-{name}"
        self._given = bool(given)

    def make(self) -> None:
        """Create both folders, readable by this user alone; refuse a runtime folder of somebody else's."""
        self.data.mkdir(parents=True, exist_ok=True, mode=0o750)
        self.run.mkdir(parents=True, exist_ok=True, mode=0o750)
        if not self._given and self.run.stat().st_uid != os.getuid():
            raise PermissionError(f"{self.run} belongs to another user: remove it or set RUNTIME_DIRECTORY")

    @property
    def asr_socket(self) -> Path:
        """The speech server's socket."""
        return self.run / "asr.sock"

    @property
    def gateway_socket(self) -> Path:
        """The event stream of the gateway at ``sip.port``, and its health and metrics."""
        return self.run / "gateway.sock"

    def sockets_of_gateways(self, settings: Settings) -> tuple[Path, ...]:
        """Those of every gateway on this machine."""
        return tuple(self.socket_of_gateway(settings, port) for port in settings.ports)

    def socket_of_gateway(self, settings: Settings, port: int) -> Path:
        """The same of the gateway at any SIP port: ``gateway.sock``, ``gateway-PORT.sock`` for a further one."""
        return self.gateway_socket if port == settings.sip.port else self.run / f"gateway-{port}.sock"

    @property
    def asr_health_socket(self) -> Path:
        """The speech server's health and metrics, apart from what its clients reach."""
        return self.run / "asr-health.sock"

    @property
    def worker_socket(self) -> Path:
        """The worker's health and metrics."""
        return self.run / "worker.sock"

    @property
    def console_socket(self) -> Path:
        """The page's health and metrics."""
        return self.run / "console.sock"

    @property
    def prompts(self) -> Path:
        """Rendered prompts."""
        return self.data / "prompts"

    def asr_url(self, settings: Settings) -> str:
        """The speech servers' addresses for clients."""
        return settings.asr.url or f"unix:{self.asr_socket}"

    def asr_listen(self, settings: Settings) -> str:
        """Where this machine's own speech server listens."""
        return settings.asr.listen or self.asr_url(settings)

    @property
    def models(self) -> Path:
        """Models that `hotline model` has installed."""
        return self.data / "models"

    def model(self, settings: Settings) -> Path | None:
        """The live model's folder: that of the settings, or the installed one in use; None: the demonstration model."""
        return settings.asr.model or Models(self.models).used

    @property
    def second_socket(self) -> Path:
        """The socket of the speech server for the second pass."""
        return self.run / "asr-second.sock"

    @property
    def second_health_socket(self) -> Path:
        """Its health and metrics."""
        return self.run / "asr-second-health.sock"

    def second_url(self, settings: Settings) -> str | None:
        """The address of the speech server for the second pass; None: there is no second pass."""
        return settings.asr.second_url or (f"unix:{self.second_socket}" if settings.asr.runs_second else None)

    def database_url(self, settings: Settings) -> str:
        """The database's SQLAlchemy address."""
        return settings.database.url or f"sqlite+aiosqlite:///{self.data / 'hotline.db'}"
