from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import yaml
from aiohttp import web
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.parser import text_string_to_metric_families
from waiting import free_port

import asr.metrics
import console.metrics
import gateway.site.metrics
import tickets.metrics
from gateway.service import observe
from gateway.service.observe import Readiness, Window, WindowError, shown
from gateway.service.process.worker import watch as watch_worker
from gateway.sip.channel import Reception
from gateway.site.settings import DEFAULT_FILE, MetricsSettings, read_settings
from recordings.database import migrate, open_database
from tickets.client import IntakeClient
from tickets.courier import Courier

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

REPOSITORY = Path(__file__).parents[3]
SECRET = "whsec_bWluc2hlbmctaG90bGluZS1yZWZlcmVuY2UtaW50YWtlIQ=="
UNITS = {"seconds", "bytes", "ratio", "total", "info"}


class Process:
    """A window whose readiness the test decides."""

    def __init__(self, data: Path) -> None:
        self.found = Readiness()
        registry = CollectorRegistry()
        self.counter = Counter("hotline_tests", "Tests.", registry=registry)
        self.window = Window(
            "gateway", data, lambda: {"calls": 3}, self.look, (registry,), refresh=self.refresh
        )

    async def look(self) -> Readiness:
        return self.found

    async def refresh(self) -> None:
        self.counter.inc()


async def ask(path: str, unix: Path | None = None, port: int = 0) -> tuple[int, str]:
    connector = aiohttp.UnixConnector(str(unix)) if unix else aiohttp.TCPConnector()
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.get(f"http://127.0.0.1:{port}{path}") as answer,
    ):
        return answer.status, await answer.text()


async def test_alive_ready_degraded_unready(tmp_path: Path) -> None:
    process, unix = Process(tmp_path), tmp_path / "gateway.sock"
    async with shown(process.window, unix, "127.0.0.1", None):
        assert await ask("/healthz", unix) == (200, '{"status": "alive", "process": "gateway", "calls": 3}')
        assert await ask("/readyz", unix) == (200, '{"status": "ready", "reasons": []}')
        process.found = Readiness(limits=("no speech",))
        assert await ask("/readyz", unix) == (200, '{"status": "degraded", "reasons": ["no speech"]}')
        process.found = Readiness(("full",), ("no speech",))
        assert await ask("/readyz", unix) == (503, '{"status": "unready", "reasons": ["full", "no speech"]}')
        assert (await ask("/healthz", unix))[0] == 200


async def test_the_numbers_are_fresh_and_over_tcp_nothing_else_is_shown(tmp_path: Path) -> None:
    process, unix, port = Process(tmp_path), tmp_path / "gateway.sock", free_port()

    async def secret(_request: web.Request) -> web.Response:
        return web.Response(text="words")

    async with shown(process.window, unix, "127.0.0.1", port, [web.get("/events", secret)]):
        assert await ask("/events", unix) == (200, "words")
        assert (await ask("/events", port=port))[0] == 404
        for expected in (1, 2):
            status, text = await ask("/metrics", port=port)
            assert status == 200
            found = {family.name: family for family in text_string_to_metric_families(text)}
            assert found["hotline_tests"].samples[0].value == expected
        assert found["hotline_data_free_bytes"].samples[0].value > 0
        labels = found["hotline_build_info"].samples[0].labels
        assert labels["process"] == "gateway"
        assert labels["pjsua2"].startswith("2.17")
    with pytest.raises(aiohttp.ClientError):
        await ask("/healthz", port=port)


async def test_a_taken_port_is_told_with_its_setting(tmp_path: Path) -> None:
    process = Process(tmp_path)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(WindowError, match=f"metrics.gateway_port {port} on 127.0.0.1: "):
            async with shown(process.window, tmp_path / "g.sock", "127.0.0.1", port):
                pass


async def test_the_worker_without_tables_is_unready(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'hotline.db'}"
    db = open_database(url)
    intake = IntakeClient("http://127.0.0.1:9/", SECRET, 1)
    window = watch_worker(tmp_path, db, Courier(db, intake, tmp_path / "courier.sock"))
    found = await window.readiness()
    assert found.status == "unready"
    assert "hotline migrate" in found.faults[0]
    await migrate(url)
    assert (await window.readiness()).status == "ready"
    await intake.close()
    await db.close()


async def test_a_full_disk_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert observe.check_disk(tmp_path) == ()
    monkeypatch.setattr(observe, "LEAST_FREE_BYTES", observe.free_bytes(tmp_path) + 2**40)
    (fault,) = observe.check_disk(tmp_path)
    assert str(tmp_path) in fault


def test_what_came_over_several_streams_is_one_reception() -> None:
    both = Reception(300, 3, 0.010).plus(Reception(100, 1, 0.002))
    assert both == Reception(400, 4, pytest.approx(0.008))
    assert Reception().plus(Reception()) == Reception()


def families() -> list[Metric]:
    registries = [module.metrics.REGISTRY for module in (asr, console, gateway.site, tickets)]
    registries.append(gateway.site.metrics.PROBES)
    return [family for registry in registries for family in registry.collect()]


def test_names_follow_the_rules_of_prometheus() -> None:
    for family in families():
        assert re.fullmatch(r"hotline_[a-z]+(_[a-z]+|_p[0-9]+)*", family.name)
        assert family.documentation.endswith("."), family.name
        assert not {"ms", "minutes", "hours", "kb", "mb", "percent", "count", "total"} & set(
            family.name.split("_")
        ), family.name
        if family.type == "histogram":
            assert family.name.rsplit("_", 1)[-1] in UNITS, family.name
        assert not {"caller", "number", "contact", "call_id"} & {
            label for sample in family.samples for label in sample.labels
        }, family.name


def known() -> set[str]:
    """Every name a query may use."""
    names = {"hotline_build_info", "hotline_data_free_bytes", "hotline_data_size_bytes"}
    for family in families():
        match family.type:
            case "counter":
                names.add(f"{family.name}_total")
            case "histogram":
                names |= {f"{family.name}_{part}" for part in ("bucket", "sum", "count")}
            case _:
                names.add(family.name)
    return names


def test_the_rules_ask_for_what_there_is() -> None:
    document = yaml.safe_load((REPOSITORY / "deploy" / "prometheus" / "hotline.rules.yml").read_text())
    rules = [rule for group in document["groups"] for rule in group["rules"]]
    asked = {name for rule in rules for name in re.findall(r"\bhotline_[a-z0-9_]+", rule["expr"])}
    assert len(asked) > 20
    assert asked <= known()
    recorded = {rule["record"] for rule in rules if "record" in rule}
    assert {name for rule in rules for name in re.findall(r"\bhotline:[a-z0-9_:]+", rule["expr"])} <= recorded
    for rule in rules:
        if "alert" in rule:
            assert rule["labels"]["severity"] in {"page", "ticket"}, rule["alert"]
            assert set(rule["annotations"]) == {"summary", "summary_zh"}, rule["alert"]


def test_the_example_scrapes_each_process_once() -> None:
    document = yaml.safe_load((REPOSITORY / "deploy" / "prometheus" / "prometheus.yml").read_text())
    jobs = {job["job_name"] for job in document["scrape_configs"]}
    assert jobs == {f"hotline-{process}" for process in ("gateway", "asr", "worker", "console")}
    text = (REPOSITORY / "deploy" / "prometheus" / "hotline.rules.yml").read_text()
    assert set(re.findall(r'job="([^"]+)"', text)) <= jobs


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_handbook_names_every_number(language: str) -> None:
    text = (REPOSITORY / "docs" / language / "observe.md").read_text()
    written = set(re.findall(r"`(hotline_[a-z0-9_]+)", text))
    base = {re.sub(r"_(bucket|sum|count)$", "", name) for name in known()}
    assert written == base


def test_every_setting_of_log_and_metrics_is_in_the_default_file() -> None:
    settings = read_settings(None)
    text = DEFAULT_FILE.read_text()
    section: dict[str, Any] = {**settings.log.model_dump(), **settings.metrics.model_dump()}
    assert settings.metrics == MetricsSettings()
    for key in section:
        assert re.search(rf"^  {key}:", text, re.MULTILINE), key
