from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asr.endpoint import Began, Ended, Endpointer, Piece

KEYS = [(low, high) for low in (697, 770, 852, 941) for high in (1209, 1336, 1477, 1633)]


def hear(pcm: bytes, end_silence: float = 0.6):
    ear = Endpointer(end_silence)
    return ear.feed(pcm) + ear.finish()


def phrases(events):
    return [e for e in events if isinstance(e, Ended)]


def test_a_phrase_lies_where_it_was_spoken(silence, voice):
    (phrase,) = phrases(hear(silence(1) + voice(2, -20) + silence(1)))
    assert phrase.start == pytest.approx(1.0, abs=0.1)
    assert phrase.end == pytest.approx(3.0, abs=0.1)
    assert phrase.level == pytest.approx(-20, abs=2)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(1, 4000), max_size=60))
def test_any_chunking_gives_the_same_events(silence, voice, noise, cuts):
    pcm = silence(0.4) + voice(0.7, -25) + noise(0.9, -55) + voice(0.5, -22) + silence(0.3)
    ear, events, at = Endpointer(0.5), [], 0
    for cut in cuts:
        events += ear.feed(pcm[at : at + cut])
        at += cut
    events += ear.feed(pcm[at:]) + ear.finish()
    assert events == hear(pcm, 0.5)
    assert len(phrases(events)) == 2


def test_pieces_are_the_audio_itself_without_gaps(silence, voice):
    pcm = silence(1) + voice(1.3, -20) + silence(0.5) + voice(0.7, -20) + silence(2)
    events = hear(pcm, end_silence=1.0)
    (began,) = [e for e in events if isinstance(e, Began)]
    pieces = [e for e in events if isinstance(e, Piece)]
    audio = b"".join(p.pcm for p in pieces)
    start = round(began.audio_from * 16000)
    assert pcm[start : start + len(audio)] == audio
    assert began.audio_from == pytest.approx(began.at - 0.3, abs=1e-6)
    end = began.audio_from
    for piece in pieces:
        end += len(piece.pcm) / 16000
        assert piece.until == pytest.approx(end, abs=1e-6)
        assert len(piece.pcm) <= 3200
    (phrase,) = phrases(events)
    assert end == pytest.approx(phrase.end + 0.3, abs=1e-6), "the rest of the pause is not decoded"


def test_speech_is_handed_on_before_the_pause_is_over(silence, voice):
    ear = Endpointer(1.0)
    events = ear.feed(silence(0.5) + voice(1.05, -20) + silence(0.5))
    sent = sum(len(e.pcm) for e in events if isinstance(e, Piece)) / 16000
    assert not phrases(events)
    assert sent == pytest.approx(0.3 + 1.05 + 0.3, abs=0.1)


def test_a_pause_shorter_than_the_end_silence_does_not_end_a_phrase(silence, voice):
    pcm = silence(0.5) + voice(1, -20) + silence(0.7) + voice(1, -20) + silence(1.5)
    assert len(phrases(hear(pcm, 1.0))) == 1
    assert len(phrases(hear(pcm, 0.5))) == 2


def test_no_audio_is_handed_on_twice(silence, voice):
    pcm = silence(0.5) + voice(1, -20) + silence(0.36) + voice(1, -20) + silence(1)
    events = hear(pcm, 0.3)
    spans, start = [], 0.0
    for event in events:
        if isinstance(event, Began):
            start = event.audio_from
        elif isinstance(event, Piece):
            spans.append((start, event.until))
            start = event.until
    assert len(phrases(events)) == 2
    assert all(a_end <= b_start + 1e-9 for (_, a_end), (b_start, _) in pairwise(spans))


@pytest.mark.parametrize("level", [-45, -50, -55, -58])
def test_the_too_quiet_are_heard_with_their_level(silence, voice, level):
    found = phrases(hear(silence(0.5) + voice(3, level) + silence(1)))
    assert found
    assert found[0].level == pytest.approx(level, abs=4)


def test_silence_and_comfort_noise_are_nothing(silence, noise):
    assert hear(silence(5)) == []
    for level in (-65, -70, -78):
        assert hear(noise(5, level)) == []


@pytest.mark.parametrize("level", [-35, -45, -55])
def test_a_noisy_line_is_no_speech_and_hides_none(silence, voice, noise, level):
    assert hear(noise(5, level)) == []
    assert hear(silence(1) + noise(5, level)) == []
    mixed = np.frombuffer(silence(2) + voice(1.5, -18) + silence(2), "<i2").astype(int)
    mixed = mixed + np.frombuffer(noise(5.5, level), "<i2")
    (phrase,) = phrases(hear(mixed.astype("<i2").tobytes()))
    assert phrase.start == pytest.approx(2.0, abs=0.15)
    assert phrase.end == pytest.approx(3.5, abs=0.2)


@pytest.mark.parametrize("detuning", [0.985, 1.0, 1.015])
@pytest.mark.parametrize("on", [0.05, 0.1, 0.25])
def test_keys_pressed_in_band_are_not_speech(silence, tones, noise, detuning, on):
    dialled = b"".join(tones(on, -10, low * detuning, high * detuning) + silence(0.08) for low, high in KEYS)
    line = np.frombuffer(noise(len(dialled) / 16000, -45), "<i2").astype(int) + np.frombuffer(dialled, "<i2")
    assert hear(silence(0.5) + dialled + silence(1)) == []
    assert hear(line.clip(-32768, 32767).astype("<i2").tobytes()) == []


@pytest.mark.parametrize("frequency", [425, 440, 450, 460])
def test_ring_back_is_not_speech(silence, tones, frequency):
    assert hear(silence(1) + (tones(1, -15, frequency) + silence(4)) * 2) == []


def narrow(seconds: float, level: float, frequency: float, width: float) -> bytes:
    """Noise around a frequency: an engine."""
    noise = np.random.default_rng(5).standard_normal(round(8000 * seconds))
    spectrum = np.fft.rfft(noise) * np.exp(
        -(((np.fft.rfftfreq(len(noise), 1 / 8000) - frequency) / width) ** 2)
    )
    wave = np.fft.irfft(spectrum, len(noise))
    return (wave / wave.std() * 32768 * 10 ** (level / 20)).clip(-32768, 32767).astype("<i2").tobytes()


def spoken_seconds(events) -> float:
    return sum(p.end - p.start for p in phrases(events))


@pytest.mark.parametrize("level", [-50, -30])
@pytest.mark.parametrize("width", [10, 30, 60])
def test_rumble_is_speech_for_a_moment_at_most(silence, level, width):
    assert spoken_seconds(hear(silence(0.5) + narrow(20, level, 300, width))) < 4


def test_a_chord_that_is_held_is_no_speech(silence, tones):
    assert spoken_seconds(hear(silence(0.5) + tones(15, -20, 262, 330, 392))) < 2


@pytest.mark.parametrize("frequency", [1100, 2100, 1000, 950, 1800])
def test_a_fax_and_other_machines_say_nothing(silence, tones, noise, frequency):
    calling = (tones(0.5, -15, frequency) + silence(3)) * 4
    line = np.frombuffer(noise(len(calling) / 16000, -55), "<i2").astype(int) + np.frombuffer(calling, "<i2")
    assert hear(calling) == []
    assert hear(line.clip(-32768, 32767).astype("<i2").tobytes()) == []


@pytest.mark.parametrize("level", [-50, -35])
def test_who_speaks_beside_an_engine_is_heard(voice, level):
    engine = np.frombuffer(narrow(10, level, 300, 30), "<i2").astype(int)
    said = np.frombuffer(bytes(80000) + voice(2, -18) + bytes(48000), "<i2")
    found = [
        p
        for p in phrases(hear((engine[: len(said)] + said).clip(-32768, 32767).astype("<i2").tobytes()))
        if p.start > 3
    ]
    assert [(p.start, p.end) for p in found] == [(pytest.approx(5, abs=0.2), pytest.approx(7, abs=0.3))]


def test_what_sounds_like_a_tone_for_a_moment_hides_nothing_of_what_follows_it(silence, tones):
    """A vowel may; whoever goes on without a pause is heard."""
    vowels = tones(1, -20, 140, 280, 560, 700, 840) + tones(1, -20, 150, 300, 450, 1650, 1800)
    (phrase,) = phrases(hear(silence(0.5) + tones(0.1, -20, 450) + vowels + silence(1)))
    assert (phrase.start, phrase.end) == (pytest.approx(0.6, abs=0.1), pytest.approx(2.6, abs=0.1))


def test_a_click_is_not_speech(silence, noise):
    assert hear((silence(0.5) + noise(0.03, -10)) * 6 + silence(1)) == []


def test_speech_before_a_key_stays_one_phrase(silence, voice, tones):
    found = phrases(
        hear(silence(0.5) + voice(1, -20) + silence(0.3) + tones(0.1, -10, 941, 1477) + silence(1.5))
    )
    assert len(found) == 1
    assert found[0].end < 2.0


def test_a_phrase_soon_after_another_has_its_whole_pre_roll(silence, voice):
    events = hear(silence(0.5) + voice(1, -20) + silence(0.65) + voice(1, -20) + silence(1), 0.6)
    first, second = [e for e in events if isinstance(e, Began)]
    assert second.audio_from == pytest.approx(second.at - 0.3, abs=1e-6)
    assert first.audio_from == pytest.approx(first.at - 0.3, abs=1e-6)


def test_finish_ends_an_open_phrase(silence, voice):
    ear = Endpointer(1.0)
    assert not phrases(ear.feed(silence(0.3) + voice(1.03, -20)))
    assert len(phrases(ear.finish())) == 1
    assert ear.finish() == []


def test_endless_sound_is_cut(silence, voice):
    found = phrases(hear(silence(0.5) + voice(130, -20) + silence(1)))
    assert len(found) == 3
    assert all(p.end - p.start <= 60.02 for p in found)
