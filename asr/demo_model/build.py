"""Builds the model: sentences → speech → network → files of a Vosk model."""

import shutil
from pathlib import Path

from asr.demo_model.corpus import build_corpus
from asr.demo_model.espeak import open_espeak
from asr.demo_model.features import MFCC_CONF
from asr.demo_model.kaldi import write_acoustic_model
from asr.demo_model.lexicon import pronounce_syllables
from asr.demo_model.network import train
from asr.demo_model.source import Settings, Source, export_graph
from asr.demo_model.texts import draw_training
from asr.demo_model.voices import load_voices

MODEL_CONF = """\
--min-active=200
--max-active=3000
--beam=12.0
--lattice-beam=5.0
--acoustic-scale=0.5
--frame-subsampling-factor=3
--endpoint.silence-phones=1
--endpoint.rule2.min-trailing-silence=0.5
--endpoint.rule3.min-trailing-silence=0.75
--endpoint.rule4.min-trailing-silence=1.0
"""
"""Kaldi's decoding options; acoustic scales from 0.35 to 0.65 do equally well."""


def build_model(source: Source, settings: Settings, target: Path) -> float:
    """Build a whole model into `target`, which is replaced.

    Returns:
        The share of validation frames that the network judged right (0 to 1).
    """
    print(f"speaking {settings.utterances} texts", flush=True)
    corpus = build_corpus(
        draw_training(source.grammar, source.vocabulary, settings.utterances, settings.seed),
        source.lexicon,
        pronounce_syllables(source.vocabulary, open_espeak()),
        source.phones.bases,
        load_voices(),
        settings.seed,
        settings.processes,
    )
    print(f"training on {corpus.lengths.sum() / 360_000:.1f} hours", flush=True)
    trained = train(corpus, source.phones.pdfs, settings.epochs, settings.seed, settings.processes)
    files = {
        "am/final.mdl": write_acoustic_model(source.phones, trained),
        "conf/mfcc.conf": MFCC_CONF.encode(),
        "conf/model.conf": MODEL_CONF.encode(),
        **export_graph(source, settings),
    }
    if target.exists():
        shutil.rmtree(target)
    write_files(files, target)
    return trained.frame_accuracy


def write_files(files: dict[str, bytes], target: Path) -> None:
    """Write files under a folder."""
    for name, data in files.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
