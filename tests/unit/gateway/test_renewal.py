from __future__ import annotations

from pathlib import Path

import pytest

from config.document import ConfigError
from gateway.site.renewal import RENEWED, Source, flatten
from gateway.site.settings import Settings, read_settings


def write(folder: Path, text: str) -> Path:
    file = folder / "gateway.yaml"
    file.write_text(text)
    return file


def test_what_a_reload_takes_are_settings_there_are() -> None:
    assert {name for name, _ in flatten(Settings())} >= RENEWED


def test_a_reload_takes_what_it_may_and_names_the_rest(tmp_path: Path) -> None:
    file = write(tmp_path, "sip: {cap: 40}\n")
    source = Source(file, read_settings(file, {}))
    more = "dialogue: {flow: /etc/flow.yaml}\nlog: {level: debug}\naccess: {peers: [192.0.2.1]}\npassing: {cap: 90}\n"
    write(tmp_path, f"sip: {{cap: 30, port: 5070}}\n{more}")
    settings, late = source.read()
    assert (settings.sip.cap, settings.sip.port, settings.dialogue.flow) == (30, 5060, Path("/etc/flow.yaml"))
    assert (settings.access.peers, settings.passing.cap) == (("192.0.2.1/32",), 90)
    assert late == ("sip.port", "log.level")
    assert source.running.sip.cap == 40, "nothing is taken before all is proved"


def test_a_child_with_settled_ports_takes_what_the_operators_own_file_says(tmp_path: Path) -> None:
    file = write(tmp_path, "gateways:\n  - {port: 5061, node: 2, rtp_first_port: 26000}\n")
    settled = read_settings(file, {}).of_gateway(5061)
    settled = settled.model_copy(update={"sip": settled.sip.model_copy(update={"port": 7061})})
    source = Source(file, settled)
    write(tmp_path, "sip: {cap: 30}\ngateways:\n  - {port: 5061, node: 2, rtp_first_port: 26000}\n")
    settings, late = source.read()
    assert (settings.node, settings.sip.cap, settings.sip.port, late) == (2, 30, 7061, ())
    write(tmp_path, "sip: {cap: 30}\n")
    with pytest.raises(
        ConfigError, match=r"no gateway has the node 2 any more, but one runs — give its node back"
    ):
        source.read()


def test_a_file_broken_since_the_house_has_read_it_stops_no_start(tmp_path: Path) -> None:
    source = Source(write(tmp_path, "sip: {cpa: 40}\n"), Settings())
    assert source.running == Settings()
    with pytest.raises(ConfigError, match=r":1: unknown key 'cpa' in sip — did you mean"):
        source.read()
