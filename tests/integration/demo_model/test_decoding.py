"""The committed model, loaded by the real Vosk, on speech made while the test runs."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from asr.demo_model.espeak import Espeak
from asr.demo_model.lexicon import read_pinyin, spoken_phones
from asr.demo_model.vocabulary import load_lexicon, load_vocabulary
from asr.engine import Engine

DIGITS = tuple("零一二三四五六七八九幺两")
Say = Callable[..., bytes]
ROOT = Path(__file__).parents[3]
# Calls that tell of what the demonstration model has not learnt: their dialogue is proved by their words as written.
BEYOND_THE_MODEL = {
    "ambiguous_village",
    "ambiguous_village_by_key",
    "corrected_county",
    "danger_at_goodbye",
    "danger_idioms",
    "danger_in_mid_phrase",
    "danger_in_second_matter",
    "no_person",  # "找人修" is now and then "找人工修": the synthesiser says nothing twice alike
    "self_harm",
    "self_harm_nobody",
    "two_matters_not_sure",
}


def said_in_scripts() -> list[str]:
    """Everything the scripted callers say that the model should know: the golden calls and the demonstration."""
    golden = {path.stem: path for path in (ROOT / "tests" / "golden").glob("*.yaml")}
    assert golden.keys() >= BEYOND_THE_MODEL
    scripts = [path for name, path in golden.items() if name not in BEYOND_THE_MODEL]
    scripts.append(ROOT / "config" / "demo.yaml")
    steps = [step for path in scripts for step in yaml.safe_load(path.read_text(encoding="utf-8"))["steps"]]
    return sorted({step["say"] for step in steps if isinstance(step, dict) and "say" in step})


def hear(engine: Engine, pcm: bytes, phrases: tuple[str, ...] = ()) -> str:
    recognizer = engine.recognizer(8000, phrases)
    packets = (pcm[first : first + 640] for first in range(0, len(pcm), 640))
    results = [recognizer.result() for packet in packets if recognizer.accept(packet)]
    results.append(recognizer.final())
    return "".join(json.loads(result)["text"] for result in results).replace(" ", "")


@pytest.mark.parametrize(
    "text",
    [
        "我要投诉小区夜间施工噪音扰民",
        "颍上县慎城镇房子漏雨",
        "我家停水三天了没人管",
        "颍州区清河街道路灯不亮",
        "老板拖欠工资三个月",
        "医保怎么报销",
        "下水道堵塞污水臭味很大",
        "电梯坏了",
        "人民西路一百二十八号垃圾没人清理",
        "我想表扬公交车司机",
        "就打这个电话",
        "我要转人工",
        "幺三八五五八幺二三四五",
        "有人打架",
        "我不想活了",
    ],
)
def test_sentences(engine: Engine, say: Say, text: str) -> None:
    assert hear(engine, say(text)) == text


@pytest.mark.parametrize(
    "text", ["转人工", "是的", "不对", "没有了", "还有", "行", "说完了", "重复", "谢谢", "不知道"]
)
def test_short_answers(engine: Engine, say: Say, text: str) -> None:
    assert hear(engine, say(text)) == text


@pytest.mark.parametrize("text", said_in_scripts())
def test_what_scripted_callers_say(engine: Engine, say: Say, text: str) -> None:
    assert hear(engine, say(text)) == "".join(c for c in text if c.isalnum())


@pytest.mark.parametrize("peak", [-1, -35])
def test_loud_and_quiet(engine: Engine, say: Say, peak: float) -> None:
    text = "颍州区清河街道路灯坏了请尽快处理"
    assert hear(engine, say(text, peak=peak)) == text


def test_speech_that_begins_almost_with_the_stream(engine: Engine, say: Say) -> None:
    assert hear(engine, say("我要投诉", before=0.15, after=0.3)) == "我要投诉"


@pytest.mark.parametrize("variant", ["+m7", "+f5"])
def test_voices_that_training_never_heard(engine: Engine, say: Say, variant: str) -> None:
    text = "我要投诉颍泉区中市街道垃圾没人清理"
    assert hear(engine, say(text, variant=variant)) == text


@pytest.mark.parametrize(
    "number", ["幺三九零零五五二二七八", "幺八六六四三三九九零幺", "幺五八八八二二三三五五"]
)
def test_a_telephone_number_with_digits_only(engine: Engine, say: Say, number: str) -> None:
    assert hear(engine, say(number), DIGITS) == number


@pytest.mark.parametrize("answer", ["是的", "对", "不是", "不对", "可以", "不行"])
def test_yes_and_no_by_phrases(engine: Engine, say: Say, answer: str) -> None:
    phrases = ("是的", "是", "对", "对的", "可以", "行", "不是", "不对", "不行", "不可以")
    assert hear(engine, say(answer), phrases) == answer


@pytest.mark.parametrize("kind", ["silence", "comfort noise", "noise", "dial tone", "keys"])
def test_no_words_where_nobody_speaks(engine: Engine, kind: str) -> None:
    generator = np.random.default_rng(1)
    time = np.arange(3 * 8000) / 8000
    sound = {
        "silence": np.zeros(len(time)),
        "comfort noise": generator.normal(0, 15, len(time)),
        "noise": generator.normal(0, 300, len(time)),
        "dial tone": 8000 * np.sin(2 * np.pi * 450 * time),
        "keys": 5000
        * (np.sin(2 * np.pi * 697 * time) + np.sin(2 * np.pi * 1336 * time))
        * (time % 0.2 < 0.1),
    }[kind]
    assert hear(engine, sound.astype("<i2").tobytes()) == ""


def test_decoding_twice_gives_the_same(engine: Engine, say: Say) -> None:
    pcm = say("太和县城关镇自来水浑浊")
    results = {engine_final(engine, pcm) for _ in range(3)}
    assert len(results) == 1


def engine_final(engine: Engine, pcm: bytes) -> str:
    recognizer = engine.recognizer(8000)
    recognizer.accept(pcm)
    return recognizer.final()


def test_the_lexicon_is_what_espeak_says(espeak: Espeak) -> None:
    vocabulary = load_vocabulary()
    lexicon = load_lexicon(vocabulary)
    for word in vocabulary.words[::12]:
        pinyin = tuple(vocabulary.pinyin[word].split()) or read_pinyin(word)
        assert lexicon[word].pinyin == pinyin, word
        assert lexicon[word].phones == spoken_phones(espeak, pinyin), word
