from __future__ import annotations

import shutil

import pytest
from officialmodel import KOREAN, lay_out

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


@pytest.mark.parametrize("allowed", ["", "--allow-upsample=0\n"])
def test_a_model_for_wideband_audio_is_taken_whatever_it_says_of_ours(copy, allowed):
    (copy / "conf" / "mfcc.conf").write_text(f"--sample-frequency=16000\n{allowed}")
    assert open_model(copy)  # the engine allows it telephone audio, see asr.overlay


def test_a_static_graph_is_recognised(copy):
    shutil.copy(copy / "graph" / "Gr.fst", copy / "graph" / "HCLG.fst")
    assert open_model(copy).static_graph


def test_half_an_ivector_extractor_is_an_error(copy):
    (copy / "ivector").mkdir()
    with pytest.raises(ModelError, match=r"ivector/final\.dubm"):
        open_model(copy)


@pytest.mark.parametrize("spelled", ["=true", "=True", "=1", "=T", ""])
def test_truths_are_read_as_kaldi_reads_them(copy, spelled):
    (copy / "conf" / "mfcc.conf").write_text(f"--sample-frequency=16000\n--allow_upsample{spelled} # yes\n")
    assert open_model(copy)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ("--sample-frequency=8k", "8k is no number"),
        ("--sample-frequency=16000\n--allow-upsample=perhaps", "neither true nor false"),
    ],
)
def test_an_option_that_is_wrong_is_told(copy, options, complaint):
    (copy / "conf" / "mfcc.conf").write_text(options)
    with pytest.raises(ModelError, match=complaint):
        open_model(copy)


def test_blanks_are_those_of_kaldi(copy):
    boundaries = copy / "graph" / "phones" / "word_boundary.int"
    boundaries.write_text(boundaries.read_text().replace(" ", "\t"))
    words = copy / "graph" / "words.txt"
    listed = words.read_text().splitlines()
    for at, space in enumerate("\u00a0\u3000\u2028\x85", 10):
        listed[at] = f"新{space}词{at} {at}"
    words.write_text("\n".join(listed) + "\n", encoding="utf-8")
    assert open_model(copy)


@pytest.mark.parametrize("name", ["graph/HCLr.fst", "graph/Gr.fst"])
@pytest.mark.parametrize("share", [0.01, 0.3, 0.7, 0.999])
@pytest.mark.parametrize("official", [True, False])
def test_a_graph_cut_short_is_named(copy, tmp_path, name, share, official):
    model = lay_out(tmp_path / "official") if official else copy
    whole = (model / name).read_bytes()
    (model / name).write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ModelError, match="cut short") as caught:
        open_model(model)
    assert str(model / name) in str(caught.value)


def test_the_official_layout_is_taken_as_it_is_packed(tmp_path):
    folder = open_model(lay_out(tmp_path / "vosk-model-small-xx-0.22"))
    assert folder.fingerprint.name == "vosk-model-small-xx-0.22"
    assert not folder.static_graph
    korean = open_model(KOREAN)
    assert not korean.static_graph
    assert not korean.fingerprint.demo


def test_what_is_no_length_at_all_is_cut_short(tmp_path):
    model = lay_out(tmp_path / "official")
    graph = model / "graph" / "Gr.fst"
    content = bytearray(graph.read_bytes())
    at = content.index(b"words.txt") + len(b"words.txt") + 8
    content[at : at + 8] = b"\xff" * 8  # so many words
    graph.write_bytes(content)
    with pytest.raises(ModelError, match="cut short"):
        open_model(model)
