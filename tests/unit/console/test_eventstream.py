"""Events out of bytes, however they come and whatever stands between them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.eventstream import LINE_BYTES, EventStream
from console.livecalls import LiveCall, UnreadableEventError

EVENT = {"call_id": "20261124T010203-0badcafe", "kind": "heard", "text": "路灯不亮"}
LINE = f"data: {json.dumps(EVENT, ensure_ascii=False)}\n\n".encode()


@given(st.lists(st.integers(0, 2 * len(LINE)), max_size=20))
def test_an_event_is_read_however_it_is_cut(cuts: list[int]) -> None:
    stream, seen, whole = EventStream(), [], LINE + b":\n\n" + LINE
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(whole)], strict=True):
        seen += stream.feed(whole[start:end])
    assert seen == [EVENT, EVENT]
    assert stream.skipped == 0


@pytest.mark.parametrize(
    "garbage",
    [
        b"data: \n",
        b"data: {\n",
        b"data: 1\n",
        b"data: []\n",
        b"data: {}\n",
        b'data: {"call_id": 1, "kind": "heard"}\n',
        b'data: {"call_id": "a", "kind": ["heard"]}\n',
        b'data: {"call_id": {}, "kind": "heard"}\n',
        b"data: \xff\xfe\n",
        b"data: " + b"[" * 100_000 + b"\n",
        b"data: " + b"x" * LINE_BYTES + b"\n",
        b"x" * 3 * LINE_BYTES + b"\n",
    ],
)
def test_garbage_is_skipped_counted_once_and_what_follows_is_read(garbage: bytes) -> None:
    stream = EventStream()
    seen = [event for at in range(0, len(garbage), 65536) for event in stream.feed(garbage[at : at + 65536])]
    assert seen + stream.feed(LINE) == [EVENT]
    assert stream.skipped == 1


@given(st.binary(max_size=300))
def test_no_bytes_end_it(data: bytes) -> None:
    stream = EventStream()
    stream.feed(data + b"\n")
    assert stream.feed(LINE) == [EVENT]


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
_KINDS = st.sampled_from(
    ["incoming", "partial", "heard", "played", "matter", "alarm", "number", "deaf", "hungup", "new"]
)
_FIELDS = st.sampled_from(
    [
        "wall",
        "caller",
        "called",
        "hotline",
        "text",
        "brief",
        "place",
        "place_name",
        "danger",
        "risk",
        "words",
        "call_back",
        "matter",
        "number",
        "unknown",
    ]
)


@given(_KINDS, st.dictionaries(_FIELDS, _ANY))
def test_an_event_of_any_shape_changes_a_call_or_nothing(kind: str, fields: dict[str, Any]) -> None:
    call = LiveCall("20261124T010203-0badcafe", "gateway")
    before = json.dumps(call.show())
    try:
        call.take({**fields, "call_id": call.call_id, "kind": kind})
    except UnreadableEventError:
        assert json.dumps(call.show()) == before
    assert json.loads(json.dumps(call.show()))["call_id"] == call.call_id
