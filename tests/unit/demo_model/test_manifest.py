import json
import shutil
from pathlib import Path

from asr.demo_model.manifest import INPUTS, MANIFEST, find_differences, hash_file, read_manifest
from asr.demo_model.source import MODEL
from asr.demo_model.vocabulary import load_vocabulary


def test_the_committed_model_is_the_one_described() -> None:
    assert find_differences() == []
    manifest = read_manifest()
    assert set(manifest["files"]) == {
        p.relative_to(MODEL).as_posix() for p in MODEL.rglob("*") if p.is_file() and p.name != MANIFEST
    }
    for name, digest in manifest["files"].items():
        assert hash_file(MODEL / name) == digest, name
    assert {path.name for path in INPUTS} == set(manifest["graph_inputs"]) == set(manifest["network_inputs"])
    assert manifest["vocabulary_words"] == len(load_vocabulary().words)


def test_it_says_what_it_is_not() -> None:
    statement = read_manifest()["statement"]
    assert "espeak-ng" in statement["en"]
    assert "nothing about accuracy on people" in statement["en"]
    assert "不代表" in statement["zh"]


def test_it_is_small() -> None:
    assert sum(p.stat().st_size for p in MODEL.rglob("*") if p.is_file()) <= 6_000_000


def test_the_measurements_meet_what_is_asked_of_it() -> None:
    cer = {m["condition"]: m["cer_percent"] for m in read_manifest()["measured"]}
    assert cer["held_out_voices"] <= 1.0
    for condition in ("plain_a_law", "plain_mu_law", "demonstration", "demonstration_spaced"):
        assert cer[condition] <= 0.5, condition
    assert cer["mobile_numbers"] <= 1.0


def test_changes_are_found(tmp_path: Path) -> None:
    copy = tmp_path / "model"
    shutil.copytree(MODEL, copy)
    assert find_differences(copy) == []
    (copy / "conf" / "mfcc.conf").write_text("--dither=1.0\n", encoding="utf-8")
    (copy / "am" / "extra").write_bytes(b"")
    (copy / "graph" / "words.txt").unlink()
    manifest = json.loads((copy / MANIFEST).read_text(encoding="utf-8"))
    manifest["graph_inputs"]["lexicon.tsv"] = "0"
    (copy / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    assert find_differences(copy) == [
        "graph/words.txt: missing",
        "am/extra: not in the manifest",
        "conf/mfcc.conf: changed",
        "lexicon.tsv: changed since the graph was made",
    ]
