"""What of a stream's messages the recogniser is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from asr.decoding import Decoding, Request
from asr.protocol import Audio, Finish

FRAME = 160  # bytes, 10 ms


@dataclass
class Recorded:
    """An engine, and its only recogniser: it writes down what it is asked for."""

    heard: list[bytes] = field(default_factory=list)
    partials: int = 0
    ends: bool = False  # of itself, with the next audio

    def recognizer(self, *_: object, **__: object) -> Recorded:
        return self

    def accept(self, pcm: bytes) -> bool:
        self.heard.append(pcm)
        return self.ends

    def partial(self) -> str:
        self.partials += 1
        return f'{{"partial" : "{self.partials}"}}'

    def result(self) -> str:
        return '{"text" : "some"}'

    def final(self) -> str:
        return '{"text" : "all"}'

    def release(self) -> bool:
        return True


@pytest.fixture
def engine():
    return Recorded()


@pytest.fixture
def decoding(engine):
    return Decoding(engine)


def send(decoding: Decoding, *messages: Audio | Finish, behind: bool = False) -> list[str]:
    requests, texts = [Request(message, 0.0) for message in messages], []
    while requests:
        texts += [reply.text for reply in decoding.handle(requests, behind=behind, late=False).replies]
    return texts


def test_samples_that_come_one_by_one_are_decoded_in_frames_and_each_is_answered(engine, decoding):
    pcm = bytes(range(160)) * 100
    answers = send(decoding, *(Audio(pcm[at : at + 2]) for at in range(0, len(pcm), 2)))
    assert len(answers) == 8000
    assert answers[79:81] == ['{"partial" : "1"}'] * 2
    assert {len(heard) for heard in engine.heard} == {FRAME}
    assert engine.partials == len(engine.heard) == 100
    assert b"".join(engine.heard) == pcm


@pytest.mark.parametrize("size", [1, 3, 159, 161, 1000, 3200])
def test_no_sample_is_lost_however_it_is_cut(engine, decoding, size: int):
    pcm = bytes(range(250)) * 7
    answers = send(
        decoding, *(Audio(pcm[at : at + size]) for at in range(0, len(pcm), size)), Finish(close=False)
    )
    assert answers[-1] == '{"text" : "all"}'
    assert b"".join(engine.heard) == pcm
    assert all(len(heard) % FRAME == 0 for heard in engine.heard[:-1])
    send(decoding, Audio(bytes(2 * FRAME)))
    assert engine.heard[-1] == bytes(2 * FRAME), "nothing is left of the phrase before"


def test_half_a_sample_waits_for_its_other_half_over_an_end(engine, decoding):
    send(decoding, Audio(b"\1\2\3"), Finish(close=False), Audio(b"\4" + bytes(FRAME - 2)))
    assert engine.heard == [b"\1\2", b"\3\4" + bytes(FRAME - 2)]


def test_who_was_behind_gets_his_partial_with_the_last_sample(engine, decoding):
    assert send(decoding, Audio(bytes(3 * FRAME)), behind=True) == ['{"partial" : ""}']
    assert send(decoding, Audio(b"\0\0")) == ['{"partial" : "1"}']
    assert send(decoding, Audio(b"\0\0")) == ['{"partial" : "1"}']
    assert engine.partials == 1


@pytest.mark.parametrize("by_itself", [True, False])
def test_a_phrase_that_begins_with_less_than_a_frame_has_no_partial_of_the_one_before(
    engine, decoding, *, by_itself: bool
):
    """Vosk, asked for one before it has heard anything, answers with an empty final, which nobody has asked for."""
    send(decoding, Audio(b"\0\0"), behind=True)
    assert send(decoding, Audio(b"\0\0")) == ['{"partial" : ""}']
    send(decoding, Audio(bytes(3 * FRAME)), behind=True)
    engine.ends = by_itself
    send(decoding, Audio(bytes(FRAME)) if by_itself else Finish(close=False))
    engine.ends = False
    assert send(decoding, Audio(b"\0\0")) == ['{"partial" : ""}']
    assert engine.partials == 0


def test_a_message_of_more_than_a_turn_has_the_partial_of_all_of_it(decoding):
    assert send(decoding, Audio(bytes(80 * FRAME + 2))) == ['{"partial" : "1"}']
