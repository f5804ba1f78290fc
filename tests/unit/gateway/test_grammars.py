"""The flows' words against a model's: what it does not know is told with its line and with what to use instead."""

from pathlib import Path

import pytest
from officialmodel import lay_out

from asr.catalogue import open_model
from asr.vocabulary import read_vocabulary
from config.document import embedded, load
from config.prompts import PromptTexts
from gateway.service.grammars import find_unknown, list_classes
from ivr.compile import compile_flow

FLOW = embedded("flows/nuisance.yaml")


@pytest.fixture(scope="module")
def flow():
    return compile_flow(FLOW, load(PromptTexts, embedded("prompts.yaml")))


@pytest.fixture(scope="module")
def everything(flow) -> set[str]:
    return {char for words in flow.words.classes.values() for word in words for char in word}


def line_of(file: Path, text: str) -> str:
    (number,) = [n for n, line in enumerate(file.read_text().splitlines(), 1) if text in line]
    return f"{file}:{number}"


def test_a_model_that_knows_all_is_told_of_nothing(flow, everything):
    assert find_unknown([flow], everything) == ()


def test_an_unknown_word_is_told_with_its_line_and_others_of_its_class(flow, everything):
    own, shared = find_unknown([flow, flow], everything - {"的", "可"})
    assert (shared.word, shared.piece, shared.alike) == ("找你们的人", "的", ())
    assert str(shared).startswith(line_of(embedded("words.yaml"), "找你们的人]") + ": “找你们的人”(somebody)")
    assert (own.word, own.answer, own.others) == ("不可以", "no", ("不用", "不要"))
    assert str(own).startswith(line_of(FLOW, "不可以]") + ":")
    assert str(own).endswith("不用、不要")


def test_of_a_class_that_is_lost_what_sounds_alike_is_told(flow, everything):
    lost = [one for one in find_unknown([flow], everything - {"不"} | {"布"}) if one.answer == "no"]
    assert [(one.word, one.alike, one.others) for one in lost] == [
        ("不用", ("布",), ()),
        ("不要", ("布",), ()),
        ("不可以", ("布",), ()),
    ]
    assert str(lost[0]).endswith("布用")
    nothing = find_unknown([flow], everything - {"不"})
    assert "自由识别" in str(nothing[0])


def test_the_classes_are_those_that_questions_listen_for(flow):
    classes = list_classes([flow, flow])
    assert frozenset({"不用", "不要", "不可以"}) in classes
    assert len(classes) == len(set(classes)) == 4


def test_words_are_read_from_the_list_or_from_the_graph(tmp_path: Path):
    listed = read_vocabulary(open_model(None))
    assert {"是的", "投诉"} <= listed
    assert not {"[unk]", "<eps>", "#0"} & listed
    inside = read_vocabulary(open_model(lay_out(tmp_path / "official")))
    assert inside == listed
