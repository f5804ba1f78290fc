from __future__ import annotations

import json
import logging
from dataclasses import replace

import pytest

from asr.catalogue import open_model
from asr.engine import Engine


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


async def test_phrases_outside_the_vocabulary_are_dropped_with_one_warning(engine, spoken, silence, caplog):
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            engine.recognizer(8000, ("饕餮盛宴甲", "不对"))
            free = engine.recognizer(8000, ("饕餮盛宴乙",))
    assert sum("饕餮盛宴甲" in r.message for r in caplog.records) == 1
    assert sum("饕餮盛宴乙" in r.message for r in caplog.records) == 1
    assert decode(free, silence(0.3) + await spoken("我要投诉路灯") + silence(0.3)) == "我要投诉路灯"


async def test_a_static_graph_takes_no_phrases_and_says_so_once(spoken, silence, caplog):
    engine = Engine(replace(open_model(None), static_graph=True))
    with caplog.at_level(logging.WARNING):
        recognizers = [engine.recognizer(8000, ("是的", "不对")) for _ in range(3)]
    assert sum("static" in r.message for r in caplog.records) == 1
    pcm = silence(0.3) + await spoken("我要投诉路灯") + silence(0.3)
    assert decode(recognizers[0], pcm) == "我要投诉路灯"


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
