import struct

import pytest
from peers.timeline import Timeline


def test_capture_is_one_unbroken_stream():
    timeline = Timeline(keys=[(0.2, "5"), (0.6, "#")], end=1.0)
    packets = timeline.packets()
    assert [at for at, _ in packets] == pytest.approx([n * 0.02 for n in range(50)])
    sequence = [struct.unpack("!H", rtp[2:4])[0] for _, rtp in packets]
    assert sequence == list(range(50))
    events = [rtp[12:] for _, rtp in packets if rtp[1] & 0x7F == 101]
    assert {event[0] for event in events} == {5, 11}
    assert sum(bool(event[1] & 0x80) for event in events) == 6
    assert sum(bool(rtp[1] & 0x80) for _, rtp in packets) == 3
