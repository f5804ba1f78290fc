"""Seeing inside: the pages of real processes before, during and after calls, and what `hotline calls` tells."""

from __future__ import annotations

import json
from typing import Any
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families
from waiting import eventually, free_port

SENTENCE = "颍上县慎城镇房子漏雨"
CALLER = "13855812345"
STEPS: list[Any] = [
    {"pause": 1.0},
    {"say": SENTENCE, "over": True},
    {"press": "#"},
    {"pause": 3.0},
    "hang_up",
]
SOCKETS = ("gateway.sock", "asr-health.sock", "worker.sock")


def script(*steps: Any) -> dict[str, Any]:
    return {"name": "seen", "caller": CALLER, "steps": list(steps or STEPS)}


def read(text: str) -> dict[str, float]:
    """Samples by name, followed by their labels' values in braces."""
    return {
        sample.name + "".join(f"{{{value}}}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_house_can_be_seen_through(make_house: Any) -> None:
    ports = {f"{process}_port": free_port() for process in ("gateway", "asr", "worker")}
    house = make_house(sip={"cap": 1}, metrics=ports)
    house.start()

    def numbers(process: str) -> dict[str, float]:
        with urlopen(f"http://127.0.0.1:{ports[process + '_port']}/metrics", timeout=5) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=")
            return read(answer.read().decode())

    def ready(socket: str) -> tuple[int, str, list[str]]:
        status, text = house.page(socket, "/readyz")
        document = json.loads(text)
        return status, document["status"], document["reasons"]

    def hotline(*arguments: str) -> Any:
        return json.loads(house.type("calls", *arguments, "--json").stdout)

    eventually(
        lambda: house.page("worker.sock", "/readyz")[0] == 200, 60, "the worker, which starts by itself"
    )
    assert [ready(socket) for socket in SOCKETS] == [(200, "ready", [])] * 3
    assert [house.page(socket, "/healthz")[0] for socket in SOCKETS] == [200] * 3
    assert numbers("gateway")["hotline_calls_in_progress"] == 0
    assert numbers("gateway")["hotline_demo_model_in_use"] == numbers("gateway")["hotline_asr_up"] == 1
    assert numbers("asr")["hotline_demo_model_in_use"] == 1

    # One call is all this house takes: it says so while the call lasts, and refuses the second.
    calling = house.start_calls([script()])
    eventually(lambda: numbers("gateway")["hotline_calls_in_progress"] == 1, 20, "the call")
    assert ready("gateway.sock") == (503, "unready", ["full: 1 calls of 1"])
    (refused,) = house.calls([script({"pause": 0.1}, "hang_up")])
    assert refused["refused"]
    (result,) = house.results(calling)
    assert not result["failure"]
    (ticket,) = house.final_tickets(result["sip_call_id"])

    eventually(lambda: numbers("gateway")["hotline_calls_filed_total{ticket}"] == 1, 20, "the filing")
    gateway = numbers("gateway")
    assert gateway["hotline_calls_in_progress"] == 0
    assert gateway["hotline_calls_total{caller}"] == 1
    assert sum(v for k, v in gateway.items() if k.startswith("hotline_calls_total")) == 1
    assert gateway["hotline_calls_refused_total{503}"] == 1
    assert gateway["hotline_turned_away_total{listed}"] == 1
    (missed,) = eventually(lambda: [c for c in hotline("list") if not c["tickets"]], 30, "who was refused")
    assert (missed["call"]["caller"], missed["call"]["reason"]) == (CALLER, "refused: no line was free")
    assert gateway["hotline_call_setup_seconds_count"] == 1
    assert 0 < gateway["hotline_call_setup_seconds_sum"] < 2
    assert gateway["hotline_prompt_render_seconds_count"] >= 1
    expected = ticket["call"]["duration_s"] * 50  # a packet each 20 ms
    came, lost = gateway["hotline_rtp_packets_received_total"], gateway["hotline_rtp_packets_lost_total"]
    assert 0.9 * expected <= came + lost <= 1.1 * expected
    assert gateway["hotline_rtp_loss_ratio_count"] == gateway["hotline_rtp_jitter_seconds_count"] == 1
    assert gateway["hotline_rtp_jitter_seconds_sum"] < 0.1
    assert gateway["hotline_recordings_incomplete_total"] == gateway["hotline_calls_deaf_total"] == 0
    assert gateway["hotline_data_free_bytes"] > 0
    speech = numbers("asr")
    said = sum(u["end"] - u["start"] for u in ticket["transcript"]["utterances"])
    assert said <= speech["hotline_asr_audio_seconds_total"] <= ticket["call"]["duration_s"]
    assert 0 < speech["hotline_asr_decoding_seconds_total"] < speech["hotline_asr_audio_seconds_total"]
    assert speech["hotline_asr_final_seconds_count"] >= 1
    assert speech["hotline_asr_streams_opened_total"] >= 1
    assert speech["hotline_asr_queue"] == speech["hotline_asr_failures_total"] == 0
    worker = eventually(
        lambda: (n := numbers("worker"))["hotline_outbox_pending"] == 0 and n, 20, "the delivery"
    )
    revisions = len(house.tickets()[0]["revisions"])
    assert worker["hotline_deliveries_total{accepted}"] == revisions
    assert worker["hotline_delivery_latency_seconds_count"] == revisions
    assert worker["hotline_delivery_latency_seconds_sum"] < 10
    assert worker["hotline_outbox_dead"] == worker["hotline_outbox_oldest_pending_seconds"] == 0
    assert worker["hotline_database_up"] == 1

    # What `hotline calls` tells of it.
    line, _refused = sorted(
        hotline("list", "--since", "1h", "--hotline", "12345"), key=lambda c: not c["tickets"]
    )
    call_id = line["call"]["call_id"]
    assert [(t["number"], t["delivery"]) for t in line["tickets"]] == [(ticket["number"], "accepted")]
    assert hotline("list", "--interrupted", "--without-ticket") == []
    story = hotline("show", call_id)
    kinds = [event["kind"] for event in story["events"]]
    assert kinds.index("incoming") < kinds.index("answered") < kinds.index("heard") < kinds.index("hungup")
    assert {"played", "media", "finished"} <= set(kinds)
    assert "#" in [event["fields"].get("key") for event in story["events"]]
    heard = "".join(u["text"] for u in ticket["transcript"]["utterances"])
    assert "".join(e["fields"]["text"] for e in story["events"] if e["kind"] == "heard") == heard
    (media,) = (event["fields"] for event in story["events"] if event["kind"] == "media")
    assert (media["packets"], media["lost"]) == (came, lost)
    assert [d["state"] for r in story["tickets"][0]["revisions"] for d in r["deliveries"]] == [
        "accepted"
    ] * revisions

    # Every line of the call names it, in each process.
    lines = [json.loads(found) for found in house.log().splitlines() if found.startswith("{")]
    of_call = [found for found in lines if found.get("call_id") == call_id]
    assert {found["process"] for found in of_call} == {"gateway", "worker", "intake"}
    about = ("call", "ticket", "revision")
    assert not [found for found in lines if found["event"].startswith(about) and "call_id" not in found]

    # Speech recognition stops answering: calls go by keys, and the gateway says so.
    with house.hung("asr"):
        why = ["speech recognition is out of reach, calls go by keys"]
        eventually(lambda: ready("gateway.sock") == (200, "degraded", why), 20, "the deafness")
        assert numbers("gateway")["hotline_asr_up"] == 0
    eventually(lambda: ready("gateway.sock")[1] == "ready", 20, "the hearing")

    # A gateway that is told to stop while somebody speaks takes no new call.
    last = house.start_calls([script({"pause": 8}, "hang_up")])
    eventually(lambda: numbers("gateway")["hotline_calls_in_progress"] == 1, 20, "the last call")
    house.child("gateway").terminate()

    def draining() -> tuple[int, float] | None:  # in one look: the gateway ends with the call
        status, _, reasons = ready("gateway.sock")
        return (status, numbers("gateway")["hotline_draining"]) if reasons[0].startswith("draining") else None

    assert eventually(draining, 10, "the draining") == (503, 1)
    assert not house.results(last)[0]["failure"]
