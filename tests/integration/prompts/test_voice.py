import audioop
import math

import numpy as np
import pytest
from pydub import AudioSegment

from gateway.prompts.sounds import convert
from gateway.prompts.voice import KilledError, VoiceError, measure_level, speak
from gateway.site.sound import SAMPLE_RATE

OPENING = "您好,阜阳12345,我是语音助手,通话会录音。您直接说事儿;要找人,说“人工”或按0。"


def segment(pcm: bytes) -> AudioSegment:
    return AudioSegment(pcm, sample_width=2, frame_rate=SAMPLE_RATE, channels=1)


@pytest.mark.parametrize("text", ["行", "没有了", OPENING])
async def test_speech_is_levelled_and_trimmed(text):
    pcm = await speak(text)
    said = segment(pcm)
    assert abs(measure_level(said) + 20) < 1.5
    assert said.max_dBFS < -3
    for edge in (pcm[:1600], pcm[-1600:]):  # 100 ms at either end hold the edge of the speech
        assert audioop.max(edge, 2) > 50


async def test_length_follows_the_text():
    short, long = await speak("您好"), await speak("您好,颍上县慎城镇房子漏雨")
    assert 0.3 < len(short) / 16000 < 1.2
    assert len(long) > 3 * len(short)


async def test_level_is_the_callers_choice():
    assert abs(measure_level(segment(await speak("我家停水三天了", level=-50))) + 50) < 1.5


async def test_same_text_same_samples():
    assert await speak("路灯不亮") == await speak("路灯不亮")


async def test_resampling_leaves_no_alias():
    # 四十四 hisses far above 4 kHz; folded back, the hiss would fill the band above 3.8 kHz.
    samples = np.frombuffer(await speak("四十四只石狮子"), "<i2").astype(float)
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    hertz = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE)
    share = power[hertz > 3850].sum() / power[(hertz > 300) & (hertz < 3400)].sum()
    assert 10 * math.log10(share) < -20


@pytest.mark.parametrize("text", ["", "  ", "🙂"])
async def test_nothing_to_say_is_an_error(text):
    with pytest.raises(VoiceError, match="can be said"):
        await speak(text)


async def test_unknown_voice_is_named():
    with pytest.raises(VoiceError, match="xx-nope"):
        await speak("您好", voice="xx-nope")


async def test_missing_program_names_the_remedy(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(VoiceError, match="apt install espeak-ng"):
        await speak("您好")


@pytest.mark.parametrize(("program", "work"), [("espeak-ng", speak), ("ffmpeg", convert)])
async def test_a_killed_program_is_worth_another_try(program, work, tmp_path, monkeypatch):
    killed = tmp_path / program
    killed.write_text("#!/bin/sh\nkill -9 $$\n")
    killed.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(KilledError, match=f"{program} was killed by signal 9") as ended:
        await work("您好")
    assert ended.value.exit_code == 1
