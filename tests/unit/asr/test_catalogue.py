from __future__ import annotations

import shutil

import pytest

from asr.catalogue import DEMO_MODEL, ModelError, open_model

NEEDED = [
    "am/final.mdl",
    "conf/model.conf",
    "conf/mfcc.conf",
    "graph/HCLr.fst",
    "graph/Gr.fst",
    "graph/words.txt",
    "graph/phones/word_boundary.int",
]


@pytest.fixture
def copy(tmp_path):
    return shutil.copytree(DEMO_MODEL, tmp_path / "my-model")


def test_the_demonstration_model_is_the_default_and_says_so(copy):
    model = open_model(None)
    assert model.fingerprint.demo
    assert model.fingerprint.name == "minsheng-demo"
    assert not model.static_graph
    assert open_model(copy).fingerprint == model.fingerprint, "a copy of it is still the demonstration model"


def test_another_model_has_another_fingerprint(copy):
    with (copy / "am" / "final.mdl").open("ab") as file:
        file.write(b"\0")
    fingerprint = open_model(copy).fingerprint
    assert fingerprint.name == "my-model"
    assert not fingerprint.demo
    assert fingerprint.sha256 != open_model(None).fingerprint.sha256
    assert len(fingerprint.sha256) == 64


@pytest.mark.parametrize("name", [*NEEDED, "graph/disambig_tid.int"])
def test_a_missing_file_is_named(copy, name):
    (copy / name).unlink()
    with pytest.raises(ModelError) as caught:
        open_model(copy)
    assert str(copy / name) in str(caught.value)
    assert "missing" in str(caught.value)


@pytest.mark.parametrize("name", NEEDED)
def test_an_empty_file_is_named(copy, name):
    (copy / name).write_bytes(b"")
    with pytest.raises(ModelError, match="empty") as caught:
        open_model(copy)
    assert str(copy / name) in str(caught.value)


@pytest.mark.parametrize("name", NEEDED)
def test_a_file_of_something_else_is_named(copy, name):
    (copy / name).write_bytes(b"<html>404</html>\xff\n")
    with pytest.raises(ModelError) as caught:
        open_model(copy)
    assert str(copy / name) in str(caught.value)


def test_a_line_that_is_wrong_is_numbered(copy):
    words = copy / "graph" / "words.txt"
    words.write_text(words.read_text().replace("\n", "\n词 没有数\n", 1))
    with pytest.raises(ModelError, match=r"words\.txt:2"):
        open_model(copy)


def test_no_folder_is_an_error(tmp_path):
    with pytest.raises(ModelError, match="no such folder"):
        open_model(tmp_path / "nowhere")


def test_a_model_that_refuses_telephone_audio_is_refused(copy):
    (copy / "conf" / "mfcc.conf").write_text("--sample-frequency=16000\n")
    with pytest.raises(ModelError, match="allow-upsample"):
        open_model(copy)


def test_a_static_graph_is_recognised(copy):
    shutil.copy(copy / "graph" / "Gr.fst", copy / "graph" / "HCLG.fst")
    assert open_model(copy).static_graph


def test_half_an_ivector_extractor_is_an_error(copy):
    (copy / "ivector").mkdir()
    with pytest.raises(ModelError, match=r"ivector/final\.dubm"):
        open_model(copy)
