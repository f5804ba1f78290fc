"""Secrets as systemd hands them to a service: files of ``$CREDENTIALS_DIRECTORY`` (systemd.exec(5))."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from config.document import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.site.intake import IntakeSettings
    from gateway.site.sms import SmsSettings
    from gateway.site.trunks import TrunkSettings
    from gateway.site.way_in import WayIn

W = TypeVar("W", bound="WayIn")


def read_secret(file: Path) -> str:
    """What a credential's file holds; "" when there is none. Raises ConfigError."""
    try:
        return file.read_text(encoding="utf-8").strip()
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        raise ConfigError(str(file), 0, f"cannot be read: {error.strerror}", "run as root") from None


def with_password(trunk: TrunkSettings, folder: Path) -> TrunkSettings:
    """The trunk with the password of its name in the credentials' folder, where there is one."""
    secret = _read_of(folder, "trunk", trunk.name)
    if trunk.registration is None or not secret:
        return trunk
    registration = trunk.registration.model_copy(update={"password": secret, "password_file": None})
    return trunk.model_copy(update={"registration": registration})


def with_intake_secrets(intake: IntakeSettings, folder: Path) -> IntakeSettings:
    """The intake's settings with what the credentials' folder has for them: token, secrets, proxy."""
    intake = _with_way_in(intake, folder, "intake")
    if secret := _read_of(folder, "intake", "callback-secret"):
        callbacks = intake.callbacks.model_copy(update={"secret": secret})
        return intake.model_copy(update={"callbacks": callbacks})
    return intake


def with_sms_secrets(sms: SmsSettings, folder: Path) -> SmsSettings:
    """The SMS gateway's settings with what the credentials' folder has for them: secret, token, proxy."""
    sms = _with_way_in(sms, folder, "sms")
    secret = _read_of(folder, "sms", "secret")
    return sms.model_copy(update={"secret": secret}) if secret else sms


def _with_way_in(section: W, folder: Path, name: str) -> W:
    found: dict[str, object] = {
        key: secret for key in ("token", "proxy") if (secret := _read_of(folder, name, key))
    }
    if section.oauth is not None and (secret := _read_of(folder, name, "client-secret")):
        found["oauth"] = section.oauth.model_copy(update={"client_secret": secret})
    return section.model_copy(update=found)


def _read_of(folder: Path, subfolder: str, name: str) -> str:
    """As systemd names the files of a folder, and as they lie in it."""
    return read_secret(folder / f"{subfolder}_{name}") or read_secret(folder / subfolder / name)
