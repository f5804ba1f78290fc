"""The ``hotline`` command as a whole: every command can be built, which is what `hotline --help` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typer.main import get_command
from typer.testing import CliRunner

from gateway.cli import _COMMANDS, _register, app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import click


def walk(command: click.Command) -> Iterator[click.Command]:
    yield command
    for below in getattr(command, "commands", {}).values():
        yield from walk(below)


def test_every_command_is_registered_and_says_in_both_languages_what_it_does():
    _register([])
    root = get_command(app)
    assert set(root.commands) == set(_COMMANDS)
    every = [command for each in root.commands.values() for command in walk(each)]
    assert len(every) > len(_COMMANDS)
    assert [command.name for command in every if "/ " not in command.help] == []


def test_a_mapping_is_proved_by_its_command(tmp_path: Path):
    _register(["intake-map"])
    file = tmp_path / "theirs.yaml"
    file.write_text("version: 1\nfields: {gdbh: {from: number}}\nanswer: {number: id}\n")
    words = ["--data", str(tmp_path / "data"), "intake-map", "check", str(file)]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0
    assert "1 个字段" in done.output
    assert "caller" in done.output  # goes nowhere


def test_the_check_refuses_a_way_to_the_sms_gateway_that_contradicts_itself(tmp_path: Path):
    _register(["check"])
    file, config = tmp_path / "sms.yaml", tmp_path / "gateway.yaml"
    file.write_text('version: 1\nurl: "http://h/{to}/{text}"\nmethod: GET\ntaken: [{contains: OK}]\n')
    config.write_text(f"sms: {{provider: {file}, proxy: nowhere}}\n")
    words = ["--config", str(config), "--data", str(tmp_path / "data"), "check"]
    done = CliRunner().invoke(app, words)
    assert "is not of the form http(s)" in str(done.exception)
