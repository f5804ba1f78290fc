"""What the speech server counts and measures. Real-time factor: decoding seconds over audio seconds, as rates."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from asr.protocol import PURPOSES

REGISTRY: Final = CollectorRegistry()

STREAMS: Final = Gauge("hotline_asr_streams", "Streams open now.", registry=REGISTRY)
STREAMS_OPENED: Final = Counter("hotline_asr_streams_opened", "Streams opened.", registry=REGISTRY)
TURNED_AWAY: Final = Counter(
    "hotline_asr_connections_turned_away",
    "Connections closed at once: as many as may be are open.",
    registry=REGISTRY,
)
QUEUE: Final = Gauge(
    "hotline_asr_queue", "Streams whose audio waits for a decoding thread.", registry=REGISTRY
)
BACKLOG: Final = Gauge(
    "hotline_asr_backlog_seconds",
    "Audio that has come and is not decoded yet, by what its stream is for.",
    ["purpose"],
    registry=REGISTRY,
)
CAPACITY: Final = Gauge(
    "hotline_asr_capacity_speakers",
    "Callers who may speak at once, by the decoding speed measured lately: its seconds of audio a second.",
    registry=REGISTRY,
)
REFUSED: Final = Counter(
    "hotline_asr_streams_refused",
    "Streams told that the server is busy, by what they were for, and when: at their begin, or behind in their midst.",
    ["purpose", "when"],
    registry=REGISTRY,
)
PARTIALS_SKIPPED: Final = Counter(
    "hotline_asr_partials_skipped",
    "Messages of late transcription, or of a stream that was behind, answered without a new partial.",
    registry=REGISTRY,
)
THREADS: Final = Gauge("hotline_asr_threads", "Decoding threads.", registry=REGISTRY)
AUDIO: Final = Counter("hotline_asr_audio_seconds", "Audio decoded, in seconds of speech.", registry=REGISTRY)
DECODING: Final = Counter(
    "hotline_asr_decoding_seconds", "Time spent decoding, over all threads.", registry=REGISTRY
)
FINALS: Final = Histogram(
    "hotline_asr_final_seconds",
    "From a client's request for the final text of a phrase to the answer, decoding of what is left included.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0),
    registry=REGISTRY,
)
FAILURES: Final = Counter("hotline_asr_failures", "Streams ended by a decoding error.", registry=REGISTRY)
DEMO_MODEL: Final = Gauge(
    "hotline_demo_model_in_use",
    "1 while the demonstration speech model is in use, which understands nobody but its own voice.",
    registry=REGISTRY,
)

for _purpose in PURPOSES:
    for _when in ("begin", "behind"):
        REFUSED.labels(_purpose, _when)  # a series that is there from the start can be seen to rise
