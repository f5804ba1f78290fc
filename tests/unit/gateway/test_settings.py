from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from config.document import ConfigError
from gateway.site.settings import Paths, read_settings

if TYPE_CHECKING:
    from pathlib import Path

FURTHER = "gateways:\n  - {port: 5061, node: 2, rtp_first_port: 26000}\n"


def write(folder: Path, text: str) -> Path:
    file = folder / "gateway.yaml"
    file.write_text(text)
    return file


def test_each_gateway_has_its_own_node_and_ports(tmp_path: Path) -> None:
    settings = read_settings(write(tmp_path, FURTHER), {})
    assert settings.nodes == {1, 2}
    assert settings.of_gateway(5060) == settings
    second = settings.of_gateway(5061)
    assert (second.node, second.sip.port, second.sip.rtp_first_port) == (2, 5061, 26000)
    assert second.sip.cap == settings.sip.cap
    paths = Paths(tmp_path, {"RUNTIME_DIRECTORY": "/run/hotline"})
    assert str(paths.socket_of_gateway(settings, 5060)) == "/run/hotline/gateway.sock"
    assert str(paths.socket_of_gateway(settings, 5061)) == "/run/hotline/gateway-5061.sock"


def test_a_port_without_a_gateway_is_refused_and_told_where_to_add_it(tmp_path: Path) -> None:
    settings = read_settings(write(tmp_path, FURTHER), {})
    with pytest.raises(ConfigError, match=r"no gateway has the SIP port 5099 — set sip.port to it, or add"):
        settings.of_gateway(5099)


@pytest.mark.parametrize(
    ("further", "complaint"),
    [
        ("{port: 5061, node: 1, rtp_first_port: 26000}", "two gateways have node 1"),
        ("{port: 5060, node: 2, rtp_first_port: 26000}", "two gateways have port 5060"),
        ("{port: 5061, node: 2, rtp_first_port: 20000}", "two gateways have rtp_first_port 20000"),
    ],
)
def test_gateways_that_would_collide_are_refused(tmp_path: Path, further: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        read_settings(write(tmp_path, f"gateways:\n  - {further}\n"), {})


def test_credentials_win_over_the_file_unless_they_are_empty(tmp_path: Path) -> None:
    file = write(tmp_path, "intake: {secret: whsec_ZnJvbSB0aGUgZmlsZQ==}\ndatabase: {url: sqlite:////x}\n")
    environment = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    (tmp_path / "intake-secret").write_text("whsec_YSBjcmVkZW50aWFsIQ==\n")
    (tmp_path / "database-url").write_text("\n")
    settings = read_settings(file, environment)
    assert settings.intake.secret == "whsec_YSBjcmVkZW50aWFsIQ=="
    assert settings.database.url == "sqlite:////x"
    (tmp_path / "database-url").write_text("postgresql://hotline:word@db/hotline")
    assert read_settings(file, environment).database.url == "postgresql://hotline:word@db/hotline"


def test_what_opens_the_intake_comes_from_a_folder_of_credentials(tmp_path: Path) -> None:
    told = (
        "intake: {url: https://city/v1/tickets, oauth: {token_url: https://city/token, client_id: hotline}}\n"
    )
    file, folder = write(tmp_path, told), tmp_path / "credentials"
    (folder / "intake").mkdir(parents=True)
    environment = {"CREDENTIALS_DIRECTORY": str(folder)}
    with pytest.raises(ValueError, match="put it into the credential intake/client-secret"):
        _ = read_settings(file, environment).intake.access
    (folder / "intake" / "client-secret").write_text("hush\n")
    (folder / "intake_proxy").write_text("http://us:word@proxy:3128\n")  # as systemd lays it down
    access = read_settings(file, environment).intake.access
    assert access.oauth is not None
    assert (access.oauth.secret, access.proxy) == ("hush", "http://us:word@proxy:3128")
    assert "hush" not in repr(access)
    assert "word" not in repr(access)


TRUNK = "trunks: [{name: carrier, peers: [192.0.2.1], address: '192.0.2.1:5060'}]\n"


@pytest.mark.parametrize(
    ("callback", "complaint"),
    [
        ("{trunk: nowhere}", "there is no trunk 'nowhere'"),
        ("{trunk: inward}", "inward has no address to call"),
        ("{trunk: carrier, keep_free: 1000}", "1000 of 600 lines leave none to call anybody by"),
        ("{trunk: carrier, numbers: ['[']}", "is no regular expression"),
    ],
)
def test_calls_that_could_never_go_out_are_refused(tmp_path: Path, callback: str, complaint: str) -> None:
    trunks = TRUNK.replace("}]", "}, {name: inward, peers: [192.0.2.2]}]")
    with pytest.raises(ConfigError, match=complaint):
        read_settings(write(tmp_path, f"{trunks}callback: {callback}\n"), {})


@pytest.mark.parametrize(
    "number",
    [
        "12345",
        "110",
        "96110",
        "4008123456",
        "04008123456",
        "16812345",
        "0085291234567",
        "116114",
        "057112345",
        "95588",
    ],
)
def test_nobody_but_a_citizen_is_called_whatever_the_patterns_are(tmp_path: Path, number: str) -> None:
    settings = read_settings(write(tmp_path, f"{TRUNK}callback: {{trunk: carrier, numbers: ['.*']}}\n"), {})
    assert not settings.callback.allows(number)
    assert settings.callback.allows("13855812345")
    assert settings.callback.allows("05582212345")
    assert not read_settings(write(tmp_path, TRUNK), {}).callback.allows("01088812345")
