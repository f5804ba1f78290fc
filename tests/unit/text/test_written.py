"""What is said, as an agent reads it: the sentences written down beforehand, and each step's own rules."""

import json
from collections import Counter
from pathlib import Path

import pytest

from asr.joining import join
from asr.transcript import Utterance, Word
from ivr.matter import Matter, Spoken
from tickets.text.display import read_matter, read_phrase, write_phrase
from tickets.text.numbers import find_numbers

SET = Path(__file__).parents[2] / "text" / "written.tsv"


def write(text: str) -> str:
    for start, end, figures in reversed(find_numbers(text)):
        text = text[:start] + figures + text[end:]
    return text


def say(spec: str, *, confirmed: bool = True) -> Utterance:
    """Words with blanks between, ``+0.4`` a pause; every character takes 0.2 s, the n-th word is 0.9 - n/100 sure."""
    at, words = 0.0, []
    for part in spec.split():
        if part.startswith("+"):
            at = round(at + float(part), 3)
        else:
            end = round(at + 0.2 * len(part), 3)
            words.append(Word(part, at, end, round(0.9 - len(words) / 100, 2)))
            at = end
    return Utterance(join([w.text for w in words]), tuple(words), 0.0, at, 0.9, -20.0, confirmed)


def test_sentences_are_written_as_written_down_beforehand():
    lines = [line.split("\t") for line in SET.read_text().splitlines()]
    wrong = [(kind, said, write(said), meant) for kind, said, meant in lines if write(said) != meant]
    assert Counter(kind for kind, *_ in lines) == dict.fromkeys(
        ("number", "time", "money", "plate", "phone"), 40
    )
    assert len(wrong) <= 0.03 * len(lines), json.dumps(wrong, ensure_ascii=False, indent=1)


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("希望早一点解决", "希望早一点解决"),
        ("晚两点再打", "晚两点再打"),
        ("收到一点补偿", "收到一点补偿"),
        ("从早上到晚上一点水都没有", "从早上到晚上一点水都没有"),
        ("晚上一点多还在施工", "晚上1点多还在施工"),
        ("凌晨一点施工到两点半", "凌晨1点施工到2点半"),
        ("中午十二点到一点停电", "中午12点到1点停电"),
        ("早八点到晚六点", "早8点到晚6点"),
    ],
)
def test_a_little_is_no_hour(said: str, written: str):
    assert write(said) == written


@pytest.mark.parametrize(
    "said",
    ["四五六栋都没电", "一二三单元没水", "七八九月份天热", "小区一二三期", "三四五组的人", "七八九个人"],
)
def test_numbers_in_a_row_are_none(said: str):
    assert write(said) == said


def test_a_phrase_gets_figures_marks_and_no_fillers():
    said = say(
        "嗯 +0.3 那个 +0.3 我 我家 楼下 有 三十 五 盏 路灯 不 亮 了 +0.4 从 三月 五 号 到 现在 没有 人 管 吗"
    )
    assert read_phrase(said) == "我家楼下有35盏路灯不亮了，从3月5号到现在没有人管吗？"
    assert said.text.startswith("嗯那个我我家")


def test_each_word_keeps_its_time_and_confidence():
    said = say("嗯 +0.3 欠 我 八 万 六 千块 +0.5 三 年 了")
    words = {w.text: (w.start, w.end, w.confidence) for w in write_phrase(said)}
    heard = {w.text: w for w in said.words}
    assert words["我"] == (heard["我"].start, heard["我"].end, heard["我"].confidence)
    # From the first character of the number to its last, as sure as the least sure; the rest of a cut word stays.
    assert words["8.6万"] == (heard["八"].start, heard["千块"].start + 0.2, heard["千块"].confidence)
    assert words["块，"] == (heard["千块"].start + 0.2, heard["千块"].end, heard["千块"].confidence)
    assert words["了。"][1] == said.end


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("嗯", "嗯。"),  # an answer
        ("嗯 啊", "啊。"),
        ("天天 有 人 来", "天天有人来。"),
        ("那个 人 不 走", "那个人不走。"),
        ("请问 医保 怎么 交", "请问医保怎么交？"),
        ("我 不知道 找 谁", "我不知道找谁。"),
        ("什么 都 没有", "什么都没有。"),
        ("我家 住 在 +0.8 清河路 一百 二十 号", "我家住在清河路120号。"),
        ("停水 三天 了 +0.2 但是 没 人 来", "停水三天了，但是没人来。"),
        ("open the door 打 不 开", "open the door打不开。"),
        ("E T C 扣 了 我 十 块 钱", "ETC扣了我10块钱。"),
        ("皖 K 八 A 五 六 七 挡 路", "皖K8A567挡路。"),
    ],
)
def test_reading(said: str, read: str):
    assert read_phrase(say(said)) == read


def test_a_torn_phrase_says_so():
    assert read_phrase(say("我家 漏", confirmed=False)) == "我家漏……"


def test_what_has_no_words_of_its_own_is_read_by_its_text():
    assert read_phrase(Utterance("停了二十天的水", (), 0.0, 2.0, 0.5, -20.0)) == "停了20天的水。"
    assert read_phrase(Utterance("", (), 0.0, 2.0, 0.0, -20.0)) == ""
    assert read_phrase(Utterance(" ", (), 0.0, 2.0, 0.0, -20.0)) == ""
    noise = Word("", 0.0, 0.5, 0.3)
    assert (
        read_phrase(Utterance("停水", (noise, Word("停水", 0.5, 1.0, 0.9)), 0.0, 1.0, 0.9, -20.0)) == "停水。"
    )


def test_a_matter_is_read_phrase_by_phrase():
    first, second = say("停水 +0.7 二十 天 了"), say("没 人 管")
    matter = Matter(
        0,
        spoken=(
            Spoken(first.text, first.start, first.end, 0.9),
            Spoken("没人", second.start, second.end, 0.9),  # parted from its phrase
        ),
    )
    words = type("Words", (), {"utterances": (first, second)})()
    assert read_matter(matter, words) == "停水，20天了。没人。"
