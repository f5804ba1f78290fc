from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.protocol import (
    EOF,
    PURPOSES,
    RESET,
    Audio,
    BusyError,
    Configure,
    Final,
    Finish,
    Partial,
    ProtocolError,
    read_reply,
    read_request,
    write_busy,
    write_config,
)
from asr.transcript import Word


@pytest.mark.parametrize(
    ("message", "request_"),
    [
        (b"\0\0\1\1", Audio(b"\0\0\1\1")),
        (b"", Audio(b"")),
        (b"\0", Audio(b"\0")),
        (b'{"eof" : 1}', Finish(close=True)),
        (b'{ "reset":1}', Finish(close=False)),
        (b'{"config": {"words": 0}}', Configure(words=False)),
        (b"{nonsense}", Audio(b"{nonsense}")),
        (EOF, Finish(close=True)),
        (RESET, Finish(close=False)),
        ('{"eof":1}', Finish(close=True)),
        ('{"reset":1}', Finish(close=False)),
        ('{ "config" : { "sample_rate" : 8000 } }', Configure(8000)),
        (
            '{"config": {"sample_rate": 16000.0, "words": 0, "max_alternatives": 3}}',
            Configure(16000, words=False, max_alternatives=3),
        ),
        ('{"config": {"phrase_list": ["是的", "不对"]}}', Configure(8000, ("是的", "不对"))),
        ('{"config": {"sample_rate": "16000", "words": "false"}}', Configure(16000, words=False)),
        ('{"config": {"max_alternatives": 20, "words": "1"}}', Configure(max_alternatives=20)),
        ('{"config": {"max_alternatives": 100000}}', Configure(max_alternatives=100)),
        ('{"config": {"grammar": ["是的"]}}', Configure(phrases=("是的",))),
        ('{"config": {"grammar": "[\\"是的\\", \\"[unk]\\"]"}}', Configure(phrases=("是的", "[unk]"))),
        ('{"config": {"phrase_list": null}}', Configure()),
        ('{"config": {"model": "small-cn"}}', Configure(model="small-cn")),
        ('{"config": {"lang": "cn", "show": {}}}', Configure(ignored=2)),
        ('{"config": {"purpose": "late"}}', Configure(purpose="late")),
        ('{"config": {"purpose": "dictation"}}', Configure()),
        ('{"config": {}}', Configure()),
    ],
)
def test_requests_are_read(message, request_):
    assert read_request(message) == request_


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("1" * 5000, "not JSON"),
        ("[]", "not a JSON object"),
        ("{}", "expected"),
        ('{"eof": 0}', "expected"),
        ('{"eof": 1, "reset": 1}', "expected"),
        ('{"hello": 1}', "expected"),
        ('{"config": 1}', "not an object"),
        ('{"config": {"sample_rate": 7999}}', "between 8000"),
        ('{"config": {"sample_rate": NaN}}', "no whole number"),
        ('{"config": {"sample_rate": 1e999}}', "no whole number"),
        ('{"config": {"sample_rate": true}}', "no whole number"),
        ('{"config": {"sample_rate": 8000.5}}', "no whole number"),
        ('{"config": {"sample_rate": "8k"}}', "no whole number"),
        ('{"config": {"words": []}}', "words"),
        ('{"config": {"grammar": "是的"}}', "written as JSON"),
        ('{"config": {"phrase_list": ["' + "是" * 200_001 + '"]}}', "200000 characters"),
        ('{"config": {"purpose": "soon"}}', "none of question, dictation, late"),
        ('{"config": {"purpose": ["late"]}}', "none of question, dictation, late"),
        ('{"config": {"max_alternatives": -1}}', "max_alternatives"),
        ('{"config": {"phrase_list": "是的"}}', "phrase_list"),
        ('{"config": {"phrase_list": [1]}}', "phrase_list"),
        ('{"config": {"phrase_list": ["a\\u0000b"]}}', "printable"),
        ('{"config": {"phrase_list": ["\\ud800"]}}', "printable"),
        ('{"config": {"phrase_list": [' + ",".join(['"是"'] * 10_001) + "]}}", "at most"),
    ],
)
def test_nonsense_is_refused_with_a_reason(message, complaint):
    with pytest.raises(ProtocolError, match=complaint) as caught:
        read_request(message)
    assert len(str(caught.value)) < 500


@given(st.text() | st.binary() | st.recursive(st.none() | st.floats() | st.text(), st.lists).map(json.dumps))
def test_whatever_is_sent_is_a_request_or_refused(message):
    with suppress(ProtocolError):
        read_request(message)


@given(
    st.builds(
        Configure,
        st.integers(8000, 48000),
        st.none() | st.lists(st.text("是的不对人工", min_size=1)).map(tuple),
        st.booleans(),
        st.integers(0, 10),
        st.sampled_from(PURPOSES),
    )
)
def test_a_configuration_survives_the_wire(config):
    assert read_request(write_config(config)) == config


def test_a_later_configuration_adds_to_the_one_before():
    before = read_request('{"config": {"sample_rate": 16000, "phrase_list": ["是的"], "purpose": "late"}}')
    later = read_request('{"config": {"words": 0}}', before)
    assert later == Configure(16000, ("是的",), words=False, purpose="late")


def test_chinese_is_sent_as_it_is():
    assert "是的" in write_config(Configure(phrases=("是的",)))


def test_replies_are_read():
    assert read_reply('{"partial" : "我 要 [unk] 投诉"}') == Partial("我要投诉")
    assert read_reply('{"text" : ""}') == Final("", ())
    reply = '{"result": [{"conf": 0.5, "start": 0.1, "end": 0.4, "word": "投诉"}], "text": "投诉 [unk]"}'
    assert read_reply(reply) == Final("投诉", (Word("投诉", 0.1, 0.4, 0.5),))


def test_alternatives_are_read_as_their_first():
    words = '"result": [{"word": "路灯", "start": 0, "end": 1}]'
    told = '{"alternatives": [{"confidence": 200, "text": "路灯", %s}, {"confidence": 200, "text": "路"}]}'
    assert read_reply(told % words) == Final("路灯", (Word("路灯", 0.0, 1.0, 0.5),))
    assert read_reply('{"alternatives": [{"confidence": 1, "text": ""}]}') == Final("", ())
    assert read_reply('{"alternatives": []}') == Final("", ())


def test_old_servers_whole_numbers_are_numbers():
    reply = '{"result": [{"conf" : 1, "start": 0, "end": 1, "word": "投诉"}], "text": "投诉"}'
    assert read_reply(reply) == Final("投诉", (Word("投诉", 0.0, 1.0, 1.0),))


@pytest.mark.parametrize(
    "marker", ["<eps>", "[unk]", "<UNK>", "!SIL", "<SPOKEN_NOISE>", "[SPK]", "[FIL]", "#0", "<s>"]
)
def test_what_stands_for_noise_or_nothing_is_no_text(marker):
    reply = '{"result": [{"conf": 1.0, "start": 0.0, "end": 0.1, "word": "%s"}], "text": "投诉 %s"}'
    assert read_reply(reply % (marker, marker)) == Final("投诉", (Word("", 0.0, 0.1, 1.0),))


def test_a_refusal_is_told_from_a_fault():
    with pytest.raises(BusyError, match=r"busy: speech waits 2 s"):
        read_reply(write_busy("speech waits 2 s"))
    with pytest.raises(ProtocolError, match="refuses"):
        read_reply('{"error": "no", "code": "else"}')


@pytest.mark.parametrize(
    "message",
    [
        "",
        "{}",
        "[]",
        '{"error": "no"}',
        '{"text": 1}',
        '{"text": "x", "result": [{}]}',
        '{"text": "x", "result": null}',
        '{"text": "x", "result": 5}',
        '{"alternatives": [5]}',
        '{"alternatives": [{"text": 5}]}',
        '{"alternatives": [{"text": "x", "confidence": "high"}]}',
        '{"text": "x", "result": [{"conf": true, "start": 0.1, "end": 0.4, "word": "x"}]}',
        '{"text": "x", "result": [{"conf": NaN, "start": 0.1, "end": 0.4, "word": "x"}]}',
        '{"text": "x", "result": [{"conf": 0.5, "start": 0.1, "end": Infinity, "word": "x"}]}',
    ],
)
def test_bad_replies_are_errors(message):
    with pytest.raises(ProtocolError):
        read_reply(message)


def test_what_is_no_text_is_left_out():
    assert read_reply('{"partial": "投诉 \\u0000 \\ud800"}') == Partial("投诉")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["word", "start", "end", "conf", "confidence", "text", "result"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(["error", "code", "partial", "text", "result", "alternatives"]),
        st.just("busy") | json_values,
    ).map(json.dumps)
    | st.text()
)
def test_whatever_is_answered_is_a_reply_or_an_error(message):
    with suppress(ProtocolError, BusyError):
        read_reply(message)


@pytest.mark.parametrize(
    "message",
    ['{"partiel": "房子漏雨"}', '{"text": "漏雨", "result": ["房子漏雨"]}', "房子漏雨", '["房子漏雨"]'],
)
def test_a_bad_replys_words_are_not_told(message):
    with pytest.raises(ProtocolError) as caught:
        read_reply(message)
    assert "漏雨" not in str(caught.value)
    assert ascii("漏雨")[1:-1] not in str(caught.value)
