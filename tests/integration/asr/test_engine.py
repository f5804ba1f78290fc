from __future__ import annotations

import json
import logging
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import vosk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from officialmodel import KOREAN, lay_out
from staticgraph import make_static_model

from asr.admission import Admission
from asr.ahead import Ahead
from asr.calibration import LEAST
from asr.catalogue import DEMO_MODEL, ModelError, open_model
from asr.engine import Engine
from asr.grammar import segment
from asr.hearing import Hearing
from asr.protocol import Configure, ProtocolError, read_reply, read_request
from asr.trial import prove
from asr.turns import Turns
from config.document import embedded, load, read
from gateway.calls.doubt import is_doubtful
from ivr.document import FlowFile, WordsFile
from ivr.words import EMPTY, Words

CHOICES = (
    *(
        "是的",
        "对的",
        "没错",
        "不是",
        "不对",
        "错了",
        "不用了",
        "没有了",
        "转人工",
        "人工",
        "再说一遍",
        "重复",
    ),
    *("投诉", "咨询", "举报", "建议", "求助", "继续", "可以", "不可以", "不需要", "好的"),
    *(
        "转人工服务",
        "找人工",
        "客服",
        "接线员",
        "话务员",
        "救命",
        "没听清",
        "还有",
        "有的",
        "说完了",
        "不要",
        "对",
    ),
    *("表扬", "反映问题", "没别的", "就这样", "就这个", "是"),
)
FOREIGN = (
    *(
        "物业公司",
        "违章停车",
        "非法采砂",
        "缺斤少两",
        "虚假宣传",
        "工作人员",
        "路灯不亮",
        "停水三天",
        "医保怎么报销",
    ),
    *("老板拖欠工资三个月", "我要投诉小区夜间施工噪音扰民", "下水道堵塞污水臭味很大", "我家停水三天了没人管"),
    *(
        "小区停电了",
        "路面坑洼不平",
        "垃圾没人清理",
        "井盖丢失",
        "暖气不热",
        "自来水有异味",
        "公交车不按时",
        "社保卡丢了怎么办",
    ),
    *(
        "噪音太大睡不着觉",
        "树倒了堵住路",
        "有人乱扔垃圾",
        "学校乱收费",
        "油烟扰民",
        "污水直排",
        "违法建筑",
        "消防通道被占",
    ),
    *(
        "宠物扰民",
        "村里修路",
        "低保怎么申请",
        "公积金怎么提取",
        "电梯坏了",
        "天然气泄漏",
        "房产证办理",
        "幸福小区",
    ),
    *("清河街道", "颍州区", "黑车拉客"),
)
CLEAR = 0.8  # confidence of an answer that is taken


def decode(recognizer, pcm: bytes) -> str:
    pieces = (pcm[at : at + 3200] for at in range(0, len(pcm), 3200))
    texts = [json.loads(recognizer.result())["text"] for piece in pieces if recognizer.accept(piece)]
    return "".join([*texts, json.loads(recognizer.final())["text"]]).replace(" ", "")


async def test_speech_is_understood(engine, spoken, silence, matters):
    for matter in matters:
        assert decode(engine.recognizer(8000), silence(0.3) + await spoken(matter) + silence(0.3)) == matter


async def test_phrases_restrict_what_can_be_heard(engine, spoken, silence):
    pcm = silence(0.3) + await spoken("我要投诉路灯") + silence(0.3)
    assert decode(engine.recognizer(8000), pcm) == "我要投诉路灯"
    restricted = decode(engine.recognizer(8000, ("是的", "不对")), pcm)
    assert "投诉" not in restricted
    assert (
        decode(engine.recognizer(8000, ("是的", "不对", "转人工")), silence(0.3) + await spoken("转人工"))
        == "转人工"
    )


async def test_a_phrase_of_several_words_is_split(engine, spoken, silence):
    recognizer = engine.recognizer(8000, ("路灯不亮", "停水三天"))
    result = decode(recognizer, silence(0.3) + await spoken("停水三天") + silence(0.3))
    assert result == "停水三天"


async def test_phrases_outside_the_vocabulary_are_dropped_with_one_warning_that_tells_none(
    engine, spoken, silence, caplog
):
    with caplog.at_level(logging.WARNING):
        for number in range(40):
            engine.recognizer(8000, ("饕餮盛宴甲", "不对", f"饕餮{number}"))
            free = engine.recognizer(8000, ("饕餮盛宴乙",))
    told = [r.getMessage() for r in caplog.records]
    assert len(told) == len(set(told)) == 2
    assert all("unknown to the model" in line and "饕餮" not in line for line in told)
    assert decode(free, silence(0.3) + await spoken("我要投诉路灯") + silence(0.3)) == "我要投诉路灯"


async def test_a_static_graph_takes_no_phrases_says_so_once_and_hears_as_well(
    engine, tmp_path, spoken, silence, matters, caplog
):
    model = open_model(make_static_model(tmp_path / "large"))
    assert model.static_graph
    await prove(model)
    large = Engine(model)
    assert not large.takes_phrases
    with caplog.at_level(logging.WARNING):
        recognizers = [large.recognizer(8000, ("是的", "不对")) for _ in range(3)]
    assert sum("static" in r.message for r in caplog.records) == 1
    for text in matters:
        pcm = silence(0.3) + await spoken(text) + silence(0.3)
        assert decode(recognizers[0], pcm) == decode(engine.recognizer(8000), pcm) == text


async def test_word_times_go_on_counting_after_a_final(engine, spoken, silence):
    """What ``asr.hearing`` relies on: the stream's clock counts all its audio, whatever was ended in between."""
    recognizer = engine.recognizer(8000)
    piece = silence(0.3) + await spoken("路灯不亮") + silence(0.3)
    starts = []
    for number in range(4):
        recognizer.accept(piece)
        words = json.loads(recognizer.final())["result"]
        assert words[0]["word"] == "路灯"
        starts.append(words[0]["start"] - number * len(piece) / 16000)
    assert starts == pytest.approx([starts[0]] * 4, abs=0.031)
    assert starts[0] == pytest.approx(0.3, abs=0.1)


def test_an_empty_stream_has_an_empty_final(engine):
    recognizer = engine.recognizer(8000)
    assert json.loads(recognizer.final())["text"] == ""
    assert not recognizer.accept(b"")
    assert json.loads(recognizer.final())["text"] == ""


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory):
    """The demonstration model in official layout, and the same without any word for what is no answer."""
    folder = tmp_path_factory.mktemp("models")
    return {
        "unknown": Engine(open_model(lay_out(folder / "unknown"))),
        "none": Engine(open_model(lay_out(folder / "none", "<GARBAGE>"))),
    }


@pytest.fixture(scope="module")
def korean():
    return Engine(open_model(KOREAN))


def answer(engine, phrases, pcm: bytes):
    """What a phrase comes to for who has asked: by the messages of the protocol, as in a call."""
    hearing = Hearing(0.5, 0.0)
    hearing.feed(pcm + bytes(16000))
    hearing.finish()
    recognizer = engine.recognizer(8000, phrases)
    utterance = None
    while hearing.outgoing:
        message = hearing.outgoing.popleft()
        if message is None:
            utterance = hearing.take(read_reply(recognizer.final()))
        else:
            reply = recognizer.result() if recognizer.accept(message) else recognizer.partial()
            hearing.take(read_reply(reply))
    return utterance


@pytest.fixture(scope="module")
def understand():
    """The words of the class that an answer is of to the dialogue, none when it takes it for no answer."""
    classes = (
        load(WordsFile, embedded("words.yaml")).words
        | read(FlowFile, embedded("flows/default.yaml")).value.words
    )
    asked = {
        name: words for name, words in classes.items() if set(words) & set(CHOICES) and name not in EMPTY[:3]
    }
    listed = {word for words in asked.values() for word in words}
    words = Words(asked | {choice: (choice,) for choice in CHOICES if choice not in listed})

    def find(utterance, phrases) -> tuple[str, ...]:
        if utterance is None or is_doubtful(utterance.text, utterance.confidence, LEAST, phrases, words):
            return ()
        found = words.find(utterance.text, words.classes)
        return words.classes[found.answer] if found else ()

    return find


@pytest.mark.parametrize("kind", ["unknown", "none"])
async def test_a_closed_question_takes_its_answers_and_nothing_else(
    laid_out, spoken, silence, understand, kind
):
    """As the dialogue does: in free speech by the words that are said, among phrases by how sure they are, too."""
    engine = laid_out[kind]
    assert engine.takes_phrases == (kind == "unknown")
    assert engine.unknown == {"unknown": "<UNK>", "none": None}[kind]
    assert len(FOREIGN) == len(CHOICES) == 40
    for phrases in (CHOICES, CHOICES[:5]):
        known = [p for p in phrases if segment(p, engine.knows)]
        missed = [
            p
            for p in known
            if p not in understand(answer(engine, known, silence(0.5) + await spoken(p)), known)
        ]
        assert len(missed) <= 0.05 * len(known), missed
        wrong = [
            p for p in FOREIGN if understand(answer(engine, known, silence(0.5) + await spoken(p)), known)
        ]
        assert len(wrong) <= 0.05 * len(FOREIGN), wrong


async def test_where_a_whole_class_of_answers_is_unknown_speech_is_free(tmp_path, spoken, silence, caplog):
    """Else whoever gives that answer would be heard to give another."""
    engine = Engine(open_model(lay_out(tmp_path / "model")), classes=(frozenset({"鳜鱼", "鳗鱼"}),))
    said = silence(0.5) + await spoken("路灯不亮")
    with caplog.at_level(logging.WARNING):
        assert answer(engine, ("是的", "鳜鱼"), said).text != "路灯不亮"
        assert answer(engine, ("是的", "鳜鱼", "鳗鱼"), said).text == "路灯不亮"
    assert "whole class" in caplog.text


@pytest.mark.parametrize("kind", ["unknown", "none"])
def test_noise_hum_and_fax_are_no_answer(laid_out, silence, kind):
    dice, time = np.random.default_rng(3), np.arange(24000) / 8000
    sounds = [dice.standard_normal(24000) * level for level in (100, 800, 3000)]
    sounds += [np.sin(2 * np.pi * hertz * time) * 3000 for hertz in (50, 300, 1100, 2100)]
    for sound in sounds:
        heard = answer(laid_out[kind], CHOICES, silence(0.5) + sound.astype("<i2").tobytes())
        assert heard is None or heard.text not in CHOICES or heard.confidence < CLEAR


def test_a_model_that_takes_noise_for_an_answer_gets_free_speech(korean, caplog):
    noise = (np.random.default_rng(1).standard_normal(16000) * 1500).astype("<i2").tobytes()
    with caplog.at_level(logging.WARNING):
        recognizer = korean.recognizer(8000, ("네", "아니요"))
    recognizer.accept(noise)
    assert read_reply(recognizer.final()).text not in ("네", "아니요")
    assert "takes noise for an answer" in caplog.text


async def test_the_official_layout_decodes_the_same_however_often_and_on_however_many_threads(
    korean, spoken, silence, matters
):
    """A recogniser that has served others hears what a new one hears, as surely."""
    calls = [silence(0.3) + await spoken(matter) + silence(0.2) for matter in matters[:4]]

    def words(pcm: bytes) -> list[tuple[str, float]]:
        recognizer = korean.recognizer(8000)
        pieces = (pcm[at : at + 3200] for at in range(0, len(pcm), 3200))
        ends = [recognizer.result() for piece in pieces if recognizer.accept(piece)] + [recognizer.final()]
        assert recognizer.release()
        return [(w["word"], w["conf"]) for end in ends for w in json.loads(end).get("result", ())]

    first = [words(pcm) for pcm in calls]
    assert sum(map(len, first)) > 4
    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(words, calls * 2)) == first * 2


async def test_recognisers_made_ahead_hear_what_new_ones_hear(korean, spoken, silence, matters, monkeypatch):
    made = []

    class Counted(vosk.KaldiRecognizer):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments)
            made.append(1)

    monkeypatch.setattr("vosk.KaldiRecognizer", Counted)
    monkeypatch.setattr("asr.ahead._SOUND_SECONDS", 0.4)
    turns = Turns(2)
    await Ahead(korean, turns, Admission(2, 1.6)).begin()
    turns.close()
    assert korean.spare(8000, 4) is None, "as many as may speak"
    before = len(made)
    ready = [korean.recognizer(8000) for _ in range(4)]
    assert len(made) == before
    new = korean.recognizer(8000)
    assert len(made) == before + 1
    pcm = silence(0.3) + await spoken(matters[0]) + silence(0.3)

    def hear(recognizer) -> list[tuple[str, float, float]]:
        for at in range(0, len(pcm), 3200):
            recognizer.accept(pcm[at : at + 3200])
        heard = json.loads(recognizer.final())["result"]
        return [(w["word"], w["conf"], round(w["start"], 2)) for w in heard]

    assert hear(ready[0]) == hear(ready[1]) == hear(new)
    for recognizer in (*ready[:3], new):
        recognizer.release()
    assert korean.spare(8000, 4) is None
    del ready, recognizer
    assert korean.spare(8000, 4) is not None, "one was never given back"


def test_a_recogniser_is_used_again_and_its_clock_begins_anew(laid_out):
    engine = laid_out["none"]
    one = engine.recognizer(8000)
    one.accept(bytes(16000))
    assert not one.release(), "in the middle of an utterance it is its stream's"
    one.final()
    assert one.release()
    assert engine.recognizer(8000, at=5.0) is one
    other = engine.recognizer(8000)
    assert other is not one
    assert engine.recognizer(16000) is not one
    assert engine.recognizer(8000, ("是的",)) is not one
    many = [engine.recognizer(8000) for _ in range(30)]
    assert all(recognizer.release() for recognizer in many)
    kept = {id(engine.recognizer(8000)) for _ in range(30)} & set(map(id, many))
    assert 4 <= len(kept) <= 16


def test_those_of_a_rate_that_is_used_no_more_are_let_go(engine):
    first, open_ = engine.recognizer(9000), engine.recognizer(9000)
    assert first.release()
    assert engine.recognizer(9000) is first, "kept"
    assert first.release()
    for rate in range(9001, 9011):
        assert engine.recognizer(rate).release()
    assert open_.release()
    assert engine.recognizer(9000) not in (first, open_)
    assert len(engine._pools) <= 8


async def test_times_are_those_of_the_stream_that_has_it_now(laid_out, spoken, silence):
    pcm = silence(0.3) + await spoken("路灯不亮") + silence(0.3)
    for at in (0.0, 7.5, 0.0):
        recognizer = laid_out["none"].recognizer(8000, at=at, max_alternatives=2)
        recognizer.accept(pcm)
        told = json.loads(recognizer.final())["alternatives"][0]["result"]
        recognizer.release()
        assert told[0]["start"] == pytest.approx(at + 0.3, abs=0.1)
        assert told[-1]["end"] < at + len(pcm) / 16000


phrases = st.text("是不对路灯\u0000 \t<>[]#!eps0unk\u3000\U0001f600", max_size=8) | st.sampled_from(
    ["<eps>", "#0", "<s>", "</s>", "[unk]", "<UNK>", "!SIL", "是的", "路灯 不亮", "<eps> 是的", "", " "]
)
configurations = st.fixed_dictionaries(
    {},
    optional={
        "sample_rate": st.sampled_from(
            [8000, "8000", 8000.5, 8001, 11025, 16000, 44100, 47999, 48000, 1e9, -1]
        ),
        "phrase_list": st.none() | st.lists(phrases, max_size=5),
        "grammar": st.lists(phrases, max_size=5).map(json.dumps),
        "words": st.sampled_from([0, 1, True, "false", 7]),
        "max_alternatives": st.sampled_from([0, 1, 3, "2", 20, 10**6, -1]),
        "model": st.just(""),
        "unheard of": st.none(),
    },
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(config=configurations, kind=st.sampled_from(["unknown", "none"]))
def test_no_configuration_ends_the_process(laid_out, config, kind):
    try:
        read = read_request(json.dumps({"config": config}))
    except ProtocolError:
        return
    assert isinstance(read, Configure)
    recognizer = laid_out[kind].recognizer(
        read.sample_rate, read.phrases, words=read.words, max_alternatives=read.max_alternatives
    )
    noise = (np.random.default_rng(1).standard_normal(read.sample_rate // 4) * 2000).astype("<i2").tobytes()
    recognizer.accept(noise)
    assert json.loads(recognizer.partial()).keys() == {"partial"}
    assert json.loads(recognizer.final())


def break_off(share: float):
    return lambda content: content[: int(len(content) * share)]


BROKEN = [
    *(
        (name, name, change)
        for name in ("am/final.mdl", "graph/HCLr.fst", "graph/Gr.fst")
        for change in (
            break_off(0.2),
            break_off(0.9),
            break_off(0.9999),
            lambda _: b"",
            lambda _: b"<html>404</html>",
        )
    ),
    *(
        ("conf/", name, lambda _, option=option: option)
        for name, option in (
            ("conf/mfcc.conf", b"--sample-frequency=8k"),
            ("conf/mfcc.conf", b"--sample-frequency=8000\n--num-mel-bins=forty"),
            ("conf/mfcc.conf", b"--sample-frequency=8000\n--no-such-option=1"),
            ("conf/model.conf", b"--beam=wide"),
            ("conf/model.conf", b"--max-active=1.5"),
            ("conf/model.conf", b"beam=10"),
            ("conf/mfcc.conf", b"\xff\xfe"),
        )
    ),
]


@pytest.mark.parametrize(("told", "name", "change"), BROKEN)
async def test_a_broken_model_is_refused_before_anybody_calls(tmp_path, told, name, change):
    model = lay_out(tmp_path / "broken")
    (model / name).write_bytes(change((model / name).read_bytes()))
    with pytest.raises(ModelError, match="unpack the model again") as caught:
        await prove(open_model(model))
    assert told in str(caught.value) or told.split("/")[0] in str(caught.value)
    assert caught.value.exit_code == 78


async def test_what_only_a_recogniser_can_tell_is_told_by_a_process_of_its_own(tmp_path):
    """libvosk dies of it: SIGSEGV."""
    model = lay_out(tmp_path / "later")
    folder = open_model(model)
    graph = model / "graph" / "HCLr.fst"
    graph.write_bytes(graph.read_bytes()[:100_000])
    with pytest.raises(ModelError, match=r"HCLr\.fst"):
        await prove(folder)
    shutil.copy(DEMO_MODEL / "graph" / "HCLr.fst", graph)
    await prove(folder)
