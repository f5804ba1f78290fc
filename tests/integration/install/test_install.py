"""`hotline install` into a root folder, and what systemd's own tools say of what it put there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from config.document import ConfigError
from console import bundles
from gateway.install import install, program, uninstall
from gateway.install.step import InstallError, Machine
from gateway.site.debian import PACKAGES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may install")

CLONE = Path(__file__).parents[3]
UNITS = (
    "hotline.target",
    "hotline-asr-second.service",
    "hotline-asr.service",
    "hotline-console.service",
    "hotline-gateway@5060.service",
    "hotline-intake.service",
    "hotline-migrate.service",
    "hotline-probe.timer",
    "hotline-probe.service",
    "hotline-worker.service",
)
EXPOSURE_MOST = 2.5


@dataclass
class Image:
    """A root folder, and what was said about the work on it."""

    root: Path
    said: list[str]
    bare: frozenset[str] = frozenset()  # what files there were before
    first: tuple[str, ...] = ()  # what the first installation said

    def install(self) -> list[str]:
        self.said.clear()
        install(Machine(self.root, self.said.append))
        return self.said

    def uninstall(self) -> list[str]:
        self.said.clear()
        uninstall(Machine(self.root, self.said.append))
        return self.said

    def tree(self) -> dict[str, tuple[int, int, int]]:
        """Every file's change time, size and mode."""
        found = {}
        for file in sorted(self.root.rglob("*")):
            state = file.lstat()
            found[str(file.relative_to(self.root))] = (state.st_mtime_ns, state.st_size, state.st_mode)
        return found

    def enabled(self) -> set[str]:
        return {f.name for f in (self.root / "etc/systemd/system/hotline.target.wants").iterdir()}


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Path]]:
    """Makes root folders of a Debian that has this machine's Python, packages and units, and nothing of ours."""

    roots: list[Path] = []

    def make() -> Path:
        root: Path = tmp_path_factory.mktemp("root")
        roots.append(root)
        (root / "usr" / "bin").mkdir(parents=True)
        (root / "etc").mkdir()
        shutil.copytree("/usr/lib/systemd/system", root / "usr/lib/systemd/system", symlinks=True)
        python = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        wanted = [f"/usr/bin/{python}"]
        wanted += [str(next(Path("/").glob(places[0]))) for places in PACKAGES.values()]
        for path in wanted:
            place = root / path.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(path)
        return root

    yield make
    for root in roots:  # a quarter of a gigabyte each
        shutil.rmtree(root)


@pytest.fixture(scope="module")
def image(bare: Callable[[], Path]) -> Image:
    """An image with an installation, shared: a test that changes it puts it right again."""
    made = Image(bare(), [])
    made.bare = frozenset(made.tree())
    made.first = tuple(made.install())
    return made


def test_each_thing_done_is_told(image: Image) -> None:
    told = "\n".join(image.first)
    for path in (
        "program installed: /opt/hotline",
        "linked: /usr/local/bin/hotline",
        "written: /usr/local/lib/systemd/system/hotline-gateway@.service",
        "written: /usr/local/lib/systemd/system/hotline-.service.d/50-confinement.conf",
        "written: /usr/local/lib/sysusers.d/hotline.conf",
        "written: /usr/local/lib/tmpfiles.d/hotline.conf",
        "user ready: hotline",
        "folders ready: /etc/hotline",
        "written: /etc/hotline/gateway.yaml",
        "enabled at boot: hotline.target",
    ):
        assert path in told


def test_the_second_time_nothing_changes(image: Image) -> None:
    image.install()
    before = image.tree()
    told = image.install()
    assert image.tree() == before
    assert not [line for line in told if "written" in line or "installed" in line]


def test_settings_that_an_operator_changed_are_kept_and_a_changed_unit_is_renewed(image: Image) -> None:
    settings = image.root / "etc/hotline/gateway.yaml"
    unit = image.root / "usr/local/lib/systemd/system/hotline-asr.service"
    text, shipped = settings.read_text(), unit.read_bytes()
    settings.write_text(text.replace("cap: 600", "cap: 30"))
    unit.write_text("[Service]\nExecStart=/bin/false\n")
    told = image.install()
    assert "保留 / kept: /etc/hotline/gateway.yaml" in told
    assert "cap: 30" in settings.read_text()
    assert "已写入 / written: /usr/local/lib/systemd/system/hotline-asr.service" in told
    assert unit.read_bytes() == shipped
    settings.write_text(text)


def test_folders_and_secrets_are_closed_to_others(image: Image) -> None:
    def mode(path: str) -> str:
        return oct((image.root / path).stat().st_mode & 0o777)

    user = re.search(r"^hotline:x:(\d+):(\d+):", (image.root / "etc/passwd").read_text(), re.MULTILINE)
    assert user
    uid, gid = int(user[1]), int(user[2])
    data, settings = image.root / "var/lib/hotline", image.root / "etc/hotline/gateway.yaml"
    assert (data.stat().st_uid, data.stat().st_gid, mode("var/lib/hotline")) == (uid, gid, "0o750")
    assert (settings.stat().st_uid, settings.stat().st_gid) == (0, gid)
    assert mode("etc/hotline/gateway.yaml") == "0o640"
    assert mode("etc/hotline/credentials") == "0o700"
    assert mode("etc/hotline/credentials/intake-secret") == "0o600"


def test_each_port_of_the_settings_gets_a_gateway_and_loses_it_again(image: Image) -> None:
    settings = image.root / "etc/hotline/gateway.yaml"
    text = settings.read_text()
    first = {
        "hotline-asr.service",
        "hotline-console.service",
        "hotline-worker.service",
        "hotline-gateway@5060.service",
    }
    assert image.enabled() == first
    settings.write_text(
        text.replace("\ngateways: []", "\ngateways: [{port: 5061, node: 2, rtp_first_port: 26000}]\n#")
    )
    image.install()
    assert image.enabled() == first | {"hotline-gateway@5061.service"}
    settings.write_text(text)
    told = image.install()
    assert image.enabled() == first
    assert any(
        "no longer needed by the settings, disabled: hotline-gateway@5061.service" in line for line in told
    )


def test_speech_recognition_elsewhere_is_not_started_here_but_what_was_enabled_by_hand_is(
    image: Image,
) -> None:
    settings = image.root / "etc/hotline/gateway.yaml"
    intake = image.root / "etc/systemd/system/hotline.target.wants/hotline-intake.service"
    intake.symlink_to("/usr/local/lib/systemd/system/hotline-intake.service")
    probes = image.root / "etc/systemd/system/timers.target.wants/hotline-probe.timer"
    assert not probes.exists()
    probes.parent.mkdir(exist_ok=True)
    probes.symlink_to("/usr/local/lib/systemd/system/hotline-probe.timer")
    text, before = settings.read_text(), image.enabled()
    settings.write_text(text.replace('asr:\n  url: ""', 'asr:\n  url: "ws://10.0.0.2:8090"'))
    told = image.install()
    assert image.enabled() == before - {"hotline-asr.service"}
    assert any("disabled: hotline-asr.service" in line for line in told)
    settings.write_text(text)
    image.install()
    assert image.enabled() == before
    assert probes.is_symlink()
    probes.unlink()
    intake.unlink()


def test_wrong_settings_stop_it_and_say_where(image: Image) -> None:
    settings = image.root / "etc/hotline/gateway.yaml"
    text = settings.read_text()
    settings.write_text(text.replace("node: 1 ", "node: 100 "))
    with pytest.raises(ConfigError, match=r"gateway.yaml:4: node: "):
        image.install()
    settings.write_text(text)


def test_the_copy_needs_nothing_of_this_clone(image: Image, tmp_path: Path) -> None:
    """It runs by the system's Python, from a folder without a source tree, with every module its own."""
    home = image.root / "opt/hotline"
    look = (
        "import sys, gateway.service.process.gateway, gateway.doctor, asr.engine, pjsua2, sdnotify;"
        "print('\\n'.join(sorted({m.__file__ for m in sys.modules.values() if getattr(m, '__file__', None)})))"
    )
    command = [str(home / "bin/python"), "-I", "-c", look]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=tmp_path, env={"PATH": "/usr/bin:/bin"}
    )
    assert done.returncode == 0, done.stderr
    files = done.stdout.split()
    strange = [f for f in files if not f.startswith((str(home), "/usr/lib/python3"))]
    assert strange == []
    assert not [f for f in home.rglob("*") if f.is_symlink() and "/usr/bin/" not in str(f.readlink())]
    for file in (*home.glob("bin/hotline"), home / "pyvenv.cfg"):
        assert str(CLONE) not in file.read_text()
    assert not list(home.rglob("*.pth"))
    assert not list(home.rglob("direct_url.json"))


def test_the_copy_can_install_itself(image: Image, bare: Callable[[], Path], tmp_path: Path) -> None:
    other = bare()
    python = str(image.root / "opt/hotline/bin/python")
    command = [python, "-I", "-m", "gateway", "install", "--root", str(other)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    stamp = "opt/hotline/stamp"
    assert (other / stamp).read_text() == (image.root / stamp).read_text()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A source tree that somebody works in, with the page's bundles."""
    made = tmp_path / "tree"
    wheel = tomllib.loads((CLONE / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"][
        "wheel"
    ]
    for folder in (*wheel["packages"], *wheel["force-include"]):
        shutil.copytree(
            CLONE / folder, made / folder, ignore=shutil.ignore_patterns("__pycache__", "node_modules")
        )
    shutil.copy(CLONE / "pyproject.toml", made)
    return made


def test_the_tools_that_made_the_bundles_are_not_installed(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tree / "console" / "assets" / "node_modules" / "bundler" / "index.js"
    tool.parent.mkdir(parents=True)
    tool.write_text("bundle();")
    monkeypatch.setattr(program, "_TREE", tree)
    files = program._gather()
    assert files["console/static/console.js"] == tree / "console" / "static" / "console.js"
    assert files["console/assets/build"] == tree / "console" / "assets" / "build"
    assert tool not in files.values()
    (record,) = [content for name, content in files.items() if re.search("^minsheng_hotline.*/RECORD$", name)]
    assert isinstance(record, bytes)
    assert b"console/static/console.js,,\n" in record
    assert b"node_modules" not in record


def test_a_tree_without_the_pages_bundles_is_not_installed(
    bare: Callable[[], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundles, "STATIC", tmp_path)
    root = bare()
    with pytest.raises(InstallError, match="run deploy/setup, or console/assets/build"):
        Image(root, []).install()
    assert not (root / "opt").exists()


def test_missing_packages_are_named_and_nothing_is_touched(tmp_path: Path) -> None:
    with pytest.raises(InstallError, match="apt-get install espeak-ng ffmpeg libnss3"):
        Image(tmp_path, []).install()
    assert list(tmp_path.iterdir()) == []


def test_without_the_systems_python_it_says_which(bare: Callable[[], Path]) -> None:
    root = bare()
    python = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    (root / "usr/bin" / python).unlink()
    with pytest.raises(InstallError, match=f"apt-get install {python}"):
        Image(root, []).install()
    assert not (root / "opt").exists()


def test_a_command_of_somebody_elses_is_left_alone(image: Image) -> None:
    other = image.root / "usr/local/bin/hotline"
    ours = other.readlink()
    other.unlink()
    other.write_text("#!/bin/sh\n")
    with pytest.raises(InstallError, match="move it away"):
        image.install()
    assert other.read_text() == "#!/bin/sh\n"
    other.unlink()
    other.symlink_to(ours)


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_finds_nothing_to_complain_about(image: Image, unit: str) -> None:
    command = ["systemd-analyze", "verify", "--man=no", f"--root={image.root}", unit]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("unit", [unit for unit in UNITS if unit.endswith(".service")])
def test_systemd_calls_it_confined(image: Image, unit: str) -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", f"--root={image.root}", unit]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    exposure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", told)
    assert exposure
    assert float(exposure[1]) <= EXPOSURE_MOST


def test_decoding_weighs_less_than_calls() -> None:
    unit = (CLONE / "systemd/system/hotline-gateway@.service").read_text()
    started = re.search(r"^CPUWeight=(\d+)$", unit, re.MULTILINE)
    decoding = re.search(
        r"^CPUWeight=(\d+)$", (CLONE / "systemd/system/hotline-asr.service").read_text(), re.MULTILINE
    )
    assert started
    assert decoding
    assert int(started[1]) >= 10 * int(decoding[1])


def test_no_service_is_repeated_that_only_an_operator_can_help() -> None:
    units = {unit.name: unit.read_text() for unit in (CLONE / "systemd" / "system").glob("*.service")}
    repeated = {name: text for name, text in units.items() if "\nRestart=" in text}
    assert set(units) - set(repeated) == {"hotline-probe.service"}  # its timer has it tried again
    for name, text in repeated.items():
        assert "\nRestartPreventExitStatus=78\n" in text, name


def test_uninstalling_takes_away_what_it_brought_and_no_data(image: Image) -> None:
    """The last of them: then there is no installation any more."""
    probes = image.root / "etc/systemd/system/timers.target.wants/hotline-probe.timer"
    probes.parent.mkdir(exist_ok=True)
    probes.symlink_to("/usr/local/lib/systemd/system/hotline-probe.timer")
    recording = image.root / "var/lib/hotline/calls/2026/audio.wav"
    recording.parent.mkdir(parents=True)
    recording.write_bytes(b"RIFF")
    told = image.uninstall()
    assert recording.read_bytes() == b"RIFF"
    left = [path for path in image.tree() if path not in image.bare and not (image.root / path).is_dir()]
    strange = [p for p in left if not p.startswith(("etc/hotline/", "var/lib/hotline/"))]
    assert set(strange) <= {f"etc/{name}" for name in (".pwd.lock", "passwd", "group", "shadow", "gshadow")}
    assert "已删除 / removed: /opt/hotline" in told
    assert any("kept: /etc/hotline, /var/lib/hotline" in line for line in told)
    assert image.uninstall() == [told[-1]]  # there is nothing left to take away
