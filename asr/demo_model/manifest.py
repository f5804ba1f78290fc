"""`model/manifest.json`: what the model is, what it was made from, what it was measured to do, and what it is not."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asr.demo_model.grammar import SENTENCES
from asr.demo_model.source import MODEL, Settings, Source
from asr.demo_model.vocabulary import LEXICON, VOCABULARY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asr.demo_model.evaluation import Outcome

MANIFEST = "manifest.json"
INPUTS = (VOCABULARY, SENTENCES, LEXICON)

STATEMENT_EN = (
    "This model learned one speech synthesiser (espeak-ng). It is for tests and for a first run without a download; "
    "its error rates say nothing about accuracy on people."
)
STATEMENT_ZH = (
    "本模型只学过一种语音合成器(espeak-ng),供测试和无需下载的首次试用;其错误率不代表对真人语音的识别准确率。"
)


def hash_file(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def list_files(model: Path) -> dict[str, str]:
    """SHA-256 of every file of a model but the manifest itself, by path."""
    found = sorted(path for path in model.rglob("*") if path.is_file() and path.name != MANIFEST)
    return {path.relative_to(model).as_posix(): hash_file(path) for path in found}


def hash_inputs() -> dict[str, str]:
    """SHA-256 of every input, by file name."""
    return {path.name: hash_file(path) for path in INPUTS}


def write_manifest(
    model: Path,
    source: Source,
    settings: Settings,
    espeak_version: str,
    outcomes: "Sequence[Outcome]",
    network_inputs: dict[str, str],
) -> None:
    """Describe a model that was just built and measured.

    Args:
        model: its folder.
        source: what its graph was made from.
        settings: how it was built.
        espeak_version: the synthesiser it learned.
        outcomes: what was measured.
        network_inputs: hashes of what the network was trained on; they differ from the graph's inputs if only the
            graph was made anew.
    """
    document: dict[str, Any] = {
        "format": 1,
        "name": "minsheng-demo",
        "language": "zh",
        "sample_rate": 8000,
        "demo": True,
        "statement": {"en": STATEMENT_EN, "zh": STATEMENT_ZH},
        "vocabulary_words": len(source.lexicon),
        "phones": len(source.phones.bases),
        "built_with": {"espeak_ng": espeak_version, **asdict(settings)},
        "graph_inputs": hash_inputs(),
        "network_inputs": network_inputs,
        "files": list_files(model),
        "measured": [
            {
                "condition": outcome.name,
                "description": outcome.says,
                "cer_percent": round(100 * outcome.cer, 2),
                "errors": outcome.errors,
                "characters": outcome.characters,
                "sentences": outcome.sentences,
                "sentences_wrong": outcome.sentences_wrong,
            }
            for outcome in outcomes
        ],
    }
    text = json.dumps(document, ensure_ascii=False, indent=2)
    (model / MANIFEST).write_text(text + "\n", encoding="utf-8")


def read_manifest(model: Path = MODEL) -> dict[str, Any]:
    """Read a model's manifest."""
    document: dict[str, Any] = json.loads((model / MANIFEST).read_text(encoding="utf-8"))
    return document


def find_differences(model: Path = MODEL) -> list[str]:
    """Compare files and inputs with the manifest; one line for each that differs, none if all is well."""
    manifest = read_manifest(model)
    found = list_files(model)
    recorded: dict[str, str] = manifest["files"]
    lines = [f"{name}: missing" for name in sorted(recorded.keys() - found.keys())]
    lines += [f"{name}: not in the manifest" for name in sorted(found.keys() - recorded.keys())]
    lines += [f"{n}: changed" for n in sorted(found.keys() & recorded.keys()) if found[n] != recorded[n]]
    lines += [
        f"{name}: changed since the graph was made"
        for name, digest in hash_inputs().items()
        if manifest["graph_inputs"].get(name) != digest
    ]
    return lines
