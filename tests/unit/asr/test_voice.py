from __future__ import annotations

import pytest

from asr.hearing import Hearing, SpeechStarted
from asr.transcript import Utterance
from asr.voice import Voice


async def test_voice_tells_the_phrases_an_ear_would_hear_in_the_same_audio(silence, voice):
    told: list[SpeechStarted | Utterance] = []
    follower, hearing = Voice(0.5, 100.0, told.append), Hearing(0.5, 100.0)
    pcm = silence(1) + voice(1, -20) + silence(2) + voice(1.5, -26) + silence(1)
    begun = []
    for start in range(0, len(pcm), 1234):
        follower.feed(pcm[start : start + 1234])
        begun += hearing.feed(pcm[start : start + 1234])
    assert [event for event in told if isinstance(event, SpeechStarted)] == begun
    one, two = [event for event in told if isinstance(event, Utterance)]
    assert one.end - one.start == pytest.approx(1.0, abs=0.2)
    assert two.end - two.start == pytest.approx(1.5, abs=0.2)
    assert (one.text, one.words, one.confidence, one.confirmed) == ("", (), 0.0, False)
    assert one.level == pytest.approx(-20, abs=3)
    assert await follower.finish(0.6) is None
    follower.feed(pcm)
    assert follower.close() == []
    assert len(told) == 4, "nothing more once it is finished"
