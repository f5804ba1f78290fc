from __future__ import annotations

import contextlib
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from config.document import ConfigError, load, read


class Trunk(BaseModel):
    host: str
    port: int = 5060


class Settings(BaseModel):
    name: str = "x"
    on: bool = False
    since: date | None = None
    level: float = 0.0
    folder: Path | None = None
    codes: tuple[str, ...] = ()
    trunks: list[Trunk] = Field(default=[])
    by_name: dict[str, Trunk] = Field(default={})


def refused(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(Settings, text)
    return caught.value


def test_a_good_file_is_read_with_its_lines(tmp_path: Path):
    file = tmp_path / "a.yaml"
    file.write_text(
        "\ufeff# 注释\nname: 阜阳\non: true\nsince: 2025-05-01\nlevel: 3\nfolder: /tmp/x\n"
        "codes: [0558, no, 'on']\ntrunks:\n  - host: a\n  - host: b\n    port: 5080\n"
    )
    document = read(Settings, file)
    assert document.value == Settings(
        name="阜阳",
        on=True,
        since=date(2025, 5, 1),
        level=3.0,
        folder=Path("/tmp/x"),
        codes=("0558", "no", "on"),
        trunks=[Trunk(host="a"), Trunk(host="b", port=5080)],
    )
    assert document.line("trunks", 1, "port") == 11
    assert str(document.error(("trunks", 1), "what", "remedy")) == f"{file}:10: what — remedy"


def test_an_empty_file_is_all_defaults():
    assert load(Settings, "# nothing\n") == Settings()


def test_an_unknown_key_names_line_and_likely_key():
    error = refused("name: a\ntrunks:\n  - host: a\n    prt: 1\n")
    assert (error.line, error.what, error.remedy) == (
        4,
        "unknown key 'prt' in trunks.0",
        "did you mean 'port'?",
    )
    assert refused("by_name:\n  a:\n    host: b\n    zzz: 1").remedy == "known keys: host, port"


def test_a_key_given_twice():
    error = refused("name: a\non: true\nname: b\n")
    assert (error.line, error.what) == (3, "the key 'name' stands here a second time")


@pytest.mark.parametrize(
    ("text", "line", "remedy"),
    [
        ("name: 12345", 1, 'quotes: "12345"'),
        ("on: 1", 1, "true or false"),
        ("on: yes", 1, "true or false"),
        ("\ntrunks:\n  - host: a\n    port: '5060'", 4, "without quotes"),
        ("trunks:\n  host: a", 1, "write a list"),
        ("trunks:\n  - a", 2, "pairs"),
        ("trunks:\n  - port: 1", 2, "add it"),
        ("- a", 1, "pairs"),
        ("since: 2025-13-01", 1, "correct"),
    ],
)
def test_a_wrong_type_is_never_converted(text: str, line: int, remedy: str):
    error = refused(text)
    assert error.line == line
    assert remedy in error.remedy


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("name: a\n  on: true", 2),
        ("name: [a", 1),
        ("a: 1\n---\nb: 2", 2),
        ("name: !!python/object:os.system x", 1),
        ("name: a\nfolder: \x07", 2),
        ("? [a, b]\n: c", 1),
        ("trunks: &a\n  - *a", 1),
        ("name: *nowhere", 1),
        ("name: a\nfolder: " + "[" * 100_000, 2),
    ],
)
def test_broken_yaml_names_its_line(text: str, line: int):
    assert refused(text).line == line


def test_every_fault_is_told_at_once():
    error = refused("name: 1\non: 2\n")
    assert str(error).splitlines()[0].startswith("<text>:1: name")
    assert str(error).splitlines()[1].startswith("<text>:2: on")


def test_a_missing_and_an_unreadable_file(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: cannot be read: No such file"):
        load(Settings, tmp_path / "nowhere.yaml")
    (tmp_path / "gbk.yaml").write_bytes("on: true\nname: 阜阳".encode("gbk"))
    with pytest.raises(ConfigError, match=r"gbk\.yaml:2: not UTF-8"):
        load(Settings, tmp_path / "gbk.yaml")


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_any_text_is_read_or_refused_as_configuration(text: str):
    with contextlib.suppress(ConfigError):
        load(Settings, text)


def test_what_stands_in_a_file_is_parsed_once_and_never_stale(tmp_path: Path):
    file, other = tmp_path / "a.yaml", tmp_path / "b.yaml"
    file.write_text("name: 颍州\n")
    other.write_text("name: 颍州\n")
    assert load(Settings, file) is load(Settings, file)
    assert read(Settings, other).file == str(other)
    file.write_text("name: 颍泉\n")
    assert load(Settings, file).name == "颍泉"
