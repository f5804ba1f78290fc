"""What the gateway counts and measures. Names and units: prometheus.io/docs/practices/naming."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY: Final = CollectorRegistry()
PROBES: Final = CollectorRegistry()
"""What the last probe has found: no service's, `hotline probe --textfile` writes it."""

PROBE_OK: Final = Gauge(
    "hotline_probe_ok", "1 when this part of the last probe was well.", ["check"], registry=PROBES
)
PROBE_AT: Final = Gauge("hotline_probe_timestamp_seconds", "When the last probe began.", registry=PROBES)
CALLS_IN_PROGRESS: Final = Gauge(
    "hotline_calls_in_progress", "Calls at this moment, those still ringing included.", registry=REGISTRY
)
CALLS_UNFINISHED: Final = Gauge(
    "hotline_calls_unfinished",
    "Calls whose record is not closed yet: those in progress, and those whose line is down already.",
    registry=REGISTRY,
)
JOURNAL_WAITING: Final = Gauge(
    "hotline_journal_waiting_bytes",
    "What calls have told and the disk has not taken yet; 64 MiB at most.",
    registry=REGISTRY,
)
JOURNAL_STANDSTILL: Final = Gauge(
    "hotline_journal_standstill_seconds",
    "For how long the disk has owed the oldest write of a call's journal.",
    registry=REGISTRY,
)
NATIVE_OBJECTS: Final = Gauge(
    "hotline_native_objects", "Objects of the SIP stack that are alive, by kind.", ["kind"], registry=REGISTRY
)
CALLS_CAP: Final = Gauge("hotline_calls_cap", "Calls answered at once at most (sip.cap).", registry=REGISTRY)
DRAINING: Final = Gauge(
    "hotline_draining", "1 while new calls are refused because the gateway is stopping.", registry=REGISTRY
)
TRUNK_REGISTERED: Final = Gauge(
    "hotline_trunk_registered",
    "1 while the trunk's registrar knows this gateway; only trunks that register.",
    ["trunk"],
    registry=REGISTRY,
)
TRUNK_REACHABLE: Final = Gauge(
    "hotline_trunk_reachable",
    "1 while the trunk's other side answers OPTIONS; only trunks that are asked.",
    ["trunk"],
    registry=REGISTRY,
)
TRUNK_CALLS: Final = Gauge(
    "hotline_trunk_calls", "The trunk's calls at this moment, both ways.", ["trunk"], registry=REGISTRY
)
TRUNK_CAP: Final = Gauge(
    "hotline_trunk_cap", "The trunk's calls at once at most (trunks.cap).", ["trunk"], registry=REGISTRY
)
CALLS: Final = Counter(
    "hotline_calls",
    "Admitted calls that are over, by outcome: hung up by the caller, by the gateway, lost on the way, "
    "unanswered (gone before the answer), redirected (sent to a target by 302), failed (by a fault of ours).",
    ["outcome"],
    registry=REGISTRY,
)
REFUSED: Final = Counter(
    "hotline_calls_refused", "INVITEs refused, by SIP status.", ["status"], registry=REGISTRY
)
TURNED_AWAY: Final = Counter(
    "hotline_turned_away",
    "Refused calls by what is kept of their callers: listed (to be called back), nameless (a withheld number or an "
    "anonymous line, of which none is kept), counted (more than are kept).",
    ["kept"],
    registry=REGISTRY,
)
UNWELCOME: Final = Counter(
    "hotline_sip_requests_unwelcome",
    "Requests that got no answer, by why: strangers (from outside access.allow), floods (beyond a source's rate).",
    ["why"],
    registry=REGISTRY,
)
NUISANCES: Final = Counter(
    "hotline_calls_nuisance", "Calls from numbers on the nuisance list.", registry=REGISTRY
)
SETUP: Final = Histogram(
    "hotline_call_setup_seconds",
    "From the arrival of an INVITE to its 200 OK.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0),
    registry=REGISTRY,
)
DEAF: Final = Counter(
    "hotline_calls_deaf",
    "Calls of which something was not heard: they went by keys there, without speech recognition.",
    registry=REGISTRY,
)
HEARING_LOST: Final = Counter(
    "hotline_hearing_lost",
    "How often a call lost speech recognition: it was busy, was lost, was known to be away, or the gateway itself was "
    "late to listen.",
    ["why"],
    registry=REGISTRY,
)
HEARD_AGAIN: Final = Counter(
    "hotline_heard_again",
    "Phrases heard once more, freely, because a question's words had made danger of them or no answer, by what came of "
    "it: danger, refuted (none, where the question's words told of it), words (other ones), lost (nobody could).",
    ["result"],
    registry=REGISTRY,
)
UNRECORDED: Final = Gauge(
    "hotline_recording_stopped",
    "1 while no call is recorded, to leave room for journals and tickets.",
    registry=REGISTRY,
)
RECORDING_TROUBLE: Final = Counter(
    "hotline_recordings_incomplete", "Calls whose recording lacks something.", registry=REGISTRY
)
FILED: Final = Counter(
    "hotline_calls_filed", "Ended calls on file, by result: ticket, none.", ["result"], registry=REGISTRY
)
FILING_FAILURES: Final = Counter(
    "hotline_filing_failures", "Attempts to file a call that failed and are repeated.", registry=REGISTRY
)
JOURNAL_UNKNOWN: Final = Counter(
    "hotline_journal_unknown",
    "What filed journals held that this version does not know, by what: line, kind, field, value, version.",
    ["what"],
    registry=REGISTRY,
)
ALARMS: Final = Counter(
    "hotline_alarms",
    "Matters in which somebody is in danger, by how that was told: words, key.",
    ["by"],
    registry=REGISTRY,
)
CONNECTS: Final = Counter(
    "hotline_connects",
    "Targets that were called to pass a caller on, by what became of it: connected, handed_over (by the caller's"
    " own side), busy, no_answer, failed.",
    ["outcome"],
    registry=REGISTRY,
)
RING: Final = Histogram(
    "hotline_ring_seconds",
    "From the call to a target to its answer, or to the end of waiting for it.",
    buckets=(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0),
    registry=REGISTRY,
)
OUTGOING: Final = Gauge(
    "hotline_outgoing_lines", "Lines to people that are up, those still ringing included.", registry=REGISTRY
)
CALLOUTS: Final = Counter(
    "hotline_callouts_total",
    "Calls placed by us, by what came of the ringing.",
    ["outcome"],
    registry=REGISTRY,
)
OUTGOING_CAP: Final = Gauge(
    "hotline_outgoing_cap", "Lines to people at once at most (passing.cap).", registry=REGISTRY
)
BRIDGED: Final = Gauge(
    "hotline_calls_bridged", "Callers who talk with a person at this moment.", registry=REGISTRY
)
PROMPT_RENDER: Final = Histogram(
    "hotline_prompt_render_seconds",
    "Time to have a prompt ready to be played.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
    registry=REGISTRY,
)
RTP_RECEIVED: Final = Counter(
    "hotline_rtp_packets_received", "RTP packets of calls that are over.", registry=REGISTRY
)
RTP_LOST: Final = Counter(
    "hotline_rtp_packets_lost", "RTP packets that never came, of calls that are over.", registry=REGISTRY
)
RTP_LOSS: Final = Histogram(
    "hotline_rtp_loss_ratio",
    "Share of a call's RTP packets that never came, by call.",
    buckets=(0.0, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5),
    registry=REGISTRY,
)
RTP_JITTER: Final = Histogram(
    "hotline_rtp_jitter_seconds",
    "Mean interarrival jitter of a call's RTP packets (RFC 3550, 6.4.1), by call.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2),
    registry=REGISTRY,
)
LOOP_DELAY: Final = Histogram(
    "hotline_loop_delay_seconds",
    "By how much the event loop came late to what was due, sampled twenty times a second.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0),
    registry=REGISTRY,
)
LOOP_DELAY_P999: Final = Gauge(
    "hotline_loop_delay_p999_seconds",
    "The same: 99.9 % of the samples of the last five minutes stayed below this.",
    registry=REGISTRY,
)
LOOP_TURN_CPU_MAX: Final = Gauge(
    "hotline_loop_turn_cpu_max_seconds",
    "Processor time of the event loop's costliest turn in the last five minutes; no callback used more.",
    registry=REGISTRY,
)
ASR_UP: Final = Gauge("hotline_asr_up", "1 while speech recognition answers this gateway.", registry=REGISTRY)
DEMO_MODEL: Final = Gauge(
    "hotline_demo_model_in_use",
    "1 while the demonstration speech model is in use, which understands nobody but its own voice.",
    registry=REGISTRY,
)
RELOADS: Final = Counter(
    "hotline_reloads",
    "Reloads of hotlines, flows, prompts and caps, by result: done, refused (what was in force stays).",
    ["result"],
    registry=REGISTRY,
)
DUTY: Final = Gauge(
    "hotline_duty_orders",
    "Orders of the duty switch in force: lines, or all of them, whose callers are passed to a person at once.",
    registry=REGISTRY,
)
MAKESHIFT: Final = Gauge(
    "hotline_dialogue_makeshift",
    "1 while the operator's hotlines, flows or prompts cannot be used and callers are passed to a person at once.",
    registry=REGISTRY,
)


for _outcome in ("caller", "gateway", "lost", "unanswered", "redirected", "failed"):
    CALLS.labels(_outcome)  # a series that is there from the start can be seen to rise
for _outcome in ("connected", "handed_over", "busy", "no_answer", "failed"):
    CONNECTS.labels(_outcome)
for _by in ("words", "key"):
    ALARMS.labels(_by)
for _status in ("488", "503"):
    REFUSED.labels(_status)
for _kept in ("listed", "nameless", "counted"):
    TURNED_AWAY.labels(_kept)
for _unwelcome in ("strangers", "floods"):
    UNWELCOME.labels(_unwelcome)
for _why in ("busy", "lost", "away", "late"):
    HEARING_LOST.labels(_why)
for _result in ("done", "refused"):
    RELOADS.labels(_result)
for _result in ("ticket", "none"):
    FILED.labels(_result)
for _what in ("line", "kind", "field", "value", "version"):
    JOURNAL_UNKNOWN.labels(_what)


def count_reception(packets: int, lost: int, jitter_seconds: float) -> None:
    """Add an ended call's RTP statistics (seconds of mean jitter); a call without a packet says nothing about loss."""
    RTP_RECEIVED.inc(packets)
    RTP_LOST.inc(lost)
    if expected := packets + lost:
        RTP_LOSS.observe(lost / expected)
        RTP_JITTER.observe(jitter_seconds)
