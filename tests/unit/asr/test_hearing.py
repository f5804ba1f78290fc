from __future__ import annotations

import pytest

from asr.hearing import Hearing, PartialText, SpeechStarted
from asr.protocol import Final, Partial
from asr.transcript import Word


@pytest.fixture
def two_phrases(silence, voice):
    hearing = Hearing(0.5, 100.0)
    hearing.feed(silence(1) + voice(1, -20) + silence(2) + voice(1, -20) + silence(1))
    return hearing


def test_speech_is_told_in_recording_time(silence, voice):
    hearing = Hearing(0.5, 100.0)
    assert hearing.feed(silence(1)) == []
    assert hearing.outgoing == type(hearing.outgoing)()
    (started,) = hearing.feed(voice(1, -20))
    assert isinstance(started, SpeechStarted)
    assert started.at == pytest.approx(101.0, abs=0.1)


def test_word_times_of_the_stream_become_times_of_the_recording(two_phrases):
    """The stream's clock counts only what is sent: the silence between phrases is not."""
    first, *_ = [n for n, m in enumerate(two_phrases.outgoing) if m is None]
    sent = [m or b"" for m in two_phrases.outgoing]
    stream = sum(map(len, sent[:first])) / 16000
    answers = []
    for message in list(two_phrases.outgoing):
        if message is not None:
            answers.append(two_phrases.take(Partial("")))
        else:
            base = 0.0 if not any(answers) else stream
            answers.append(two_phrases.take(Final("投诉", (Word("投诉", base + 0.3, base + 0.8, 0.9),))))
    one, two = filter(None, answers)
    assert one.words[0].start == pytest.approx(one.start, abs=0.02)
    assert two.words[0].start == pytest.approx(two.start, abs=0.02)
    assert one.start == pytest.approx(101.0, abs=0.1)
    assert two.start == pytest.approx(104.0, abs=0.1)
    assert one.confidence == 0.9
    assert one.confirmed
    assert two_phrases.unanswered == 0


def test_partials_are_told_when_they_change(silence, voice):
    hearing = Hearing(0.5, 0.0)
    hearing.feed(silence(0.5) + voice(1.5, -20))
    assert hearing.take(Partial("")) is None
    told = hearing.take(Partial("我"))
    assert isinstance(told, PartialText)
    assert told.text == "我"
    assert hearing.take(Partial("我")) is None


def test_an_end_that_vosk_saw_in_the_middle_just_joins_on(silence, voice):
    hearing = Hearing(0.5, 0.0)
    hearing.feed(silence(0.5) + voice(1, -20) + silence(1))
    told = [hearing.take(Final("我要", (Word("我要", 0.3, 0.6, 1.0),)))]
    while hearing.unanswered > 1:
        told.append(hearing.take(Partial("投")))
    assert told[0].text == "我要"
    assert told[1].text == "我要投"
    utterance = hearing.take(Final("投诉", (Word("投诉", 0.7, 1.0, 0.5),)))
    assert utterance.text == "我要投诉"
    assert [w.text for w in utterance.words] == ["我要", "投诉"]
    assert utterance.confidence == 0.75


def test_an_answer_amid_unknown_words_is_heard_less_surely(silence, voice):
    hearing = Hearing(0.5, 0.0)
    hearing.feed(silence(0.5) + voice(1, -20) + silence(1))
    while hearing.unanswered > 1:
        hearing.take(Partial(""))
    words = (Word("", 0.3, 0.6, 0.9), Word("不对", 0.6, 0.9, 0.8), Word("", 0.9, 1.2, 0.9))
    utterance = hearing.take(Final("不对", words))
    assert (utterance.text, [w.text for w in utterance.words]) == ("不对", ["不对"])
    assert utterance.confidence == pytest.approx(0.8 / 3, abs=1e-3)


@pytest.mark.parametrize(("sound", "text"), [("noise", ""), ("voice", "嗯")])
def test_noise_says_no_yes(silence, voice, noise, sound, text):
    hearing = Hearing(0.5, 0.0)
    made = voice(1, -20) if sound == "voice" else noise(1, -20)
    hearing.feed(silence(0.5) + made + silence(1))
    while hearing.unanswered > 1:
        hearing.take(Partial("嗯"))
    utterance = hearing.take(Final("嗯", (Word("嗯", 0.3, 0.9, 1.0),)))
    assert (utterance.text, utterance.pitched) == (text, sound == "voice")


def test_what_is_not_understood_has_no_confidence(two_phrases):
    utterance = None
    while utterance is None:
        utterance = two_phrases.take(Final("", ()))
        utterance = utterance if hasattr(utterance, "level") else None
    assert (utterance.text, utterance.words, utterance.confidence) == ("", (), 0.0)


def test_giving_up_keeps_what_was_understood(two_phrases):
    two_phrases.take(Partial("我要"))
    first, second = two_phrases.abandon()
    assert (first.text, first.confirmed) == ("我要", False)
    assert (second.text, second.confirmed) == ("", False)
    assert two_phrases.unanswered == 0
    assert not two_phrases.outgoing
    assert two_phrases.abandon() == []


def test_finish_says_whether_somebody_was_speaking(silence, voice):
    hearing = Hearing(0.5, 0.0)
    hearing.feed(silence(1))
    assert not hearing.finish()
    hearing = Hearing(0.5, 0.0)
    hearing.feed(silence(1) + voice(1, -20))
    assert hearing.speaking
    assert hearing.finish()
    assert hearing.outgoing[-1] is None


@pytest.mark.parametrize("late", [False, True])
def test_that_he_rests_is_told_once_all_that_he_said_is_understood(silence, voice, late):
    hearing = Hearing(1.0, 0.0)
    told = hearing.feed(silence(0.5) + voice(1, -20) + silence(0.4))
    told += [] if late else [hearing.take(Partial("我家着火了")) for _ in range(hearing.unanswered)]
    told += hearing.feed(silence(0.2))
    while hearing.unanswered:
        told.append(hearing.take(Partial("我家着火了")))
    settled = [p for p in told if isinstance(p, PartialText) and p.settled]
    (rested,) = settled
    assert (rested.text, rested.level < -10) == ("我家着火了", True)
    assert 1.5 < rested.at < 2.0
    told = hearing.feed(voice(0.5, -20))
    while hearing.unanswered:
        told.append(hearing.take(Partial("我家着火了快来")))
    assert not any(isinstance(p, PartialText) and p.settled for p in told), "he speaks on"


def test_who_has_said_nothing_yet_does_not_rest(silence, voice):
    hearing = Hearing(1.0, 0.0)
    hearing.feed(silence(0.5) + voice(1, -20) + silence(0.6))
    assert {hearing.take(Partial("")) for _ in range(hearing.unanswered)} == {None}
