"""`python -m asr.demo_model`: builds, measures and checks the demo model. The builder needs the `train` extra."""

import argparse
import os
import sys
from pathlib import Path

# Threads that spin while they wait slow training down tenfold on a machine that does anything else besides.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def main() -> int:
    """Run one command; the exit code is 0 if all is well, 1 if something differs."""
    parser = argparse.ArgumentParser(prog="python -m asr.demo_model", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("lexicon", help="pronounce the vocabulary anew: lexicon.tsv")
    for name, text in (
        ("build", "build and measure a model (half an hour on two cores)"),
        ("graph", "write the graph anew, after a change of sentences.yaml; keeps the network, and measures"),
        ("evaluate", "measure a model and show what it gets wrong"),
        ("manifest", "compare a model's files with its manifest"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("--model", type=Path, help="the model's folder (default: the committed one)")
    arguments = parser.parse_args()
    match arguments.command:
        case "lexicon":
            return _make_lexicon()
        case "build":
            return _build(arguments.model, keep_network=False)
        case "graph":
            return _build(arguments.model, keep_network=True)
        case "evaluate":
            return _evaluate(arguments.model)
        case _:
            return _check(arguments.model)


def _make_lexicon() -> int:
    from asr.demo_model.espeak import open_espeak  # noqa: PLC0415 - numpy only for those who build
    from asr.demo_model.lexicon import build_lexicon, format_lexicon  # noqa: PLC0415
    from asr.demo_model.vocabulary import LEXICON, load_vocabulary  # noqa: PLC0415

    lexicon = build_lexicon(load_vocabulary(), open_espeak())
    LEXICON.write_text(format_lexicon(lexicon), encoding="utf-8")
    print(f"{LEXICON}: {len(lexicon)} words")
    return 0


def _build(model: Path | None, *, keep_network: bool) -> int:
    from asr.demo_model.build import build_model, write_files  # noqa: PLC0415
    from asr.demo_model.espeak import open_espeak  # noqa: PLC0415
    from asr.demo_model.evaluation import evaluate, format_outcomes  # noqa: PLC0415
    from asr.demo_model.manifest import hash_inputs, read_manifest, write_manifest  # noqa: PLC0415
    from asr.demo_model.source import MODEL, Settings, export_graph, load_source  # noqa: PLC0415

    target, source, settings = model or MODEL, load_source(), Settings()
    if keep_network:
        network_inputs = read_manifest(target)["network_inputs"]
        write_files(export_graph(source, settings), target)
    else:
        network_inputs = hash_inputs()
        build_model(source, settings, target)
    outcomes = evaluate(source, target)
    write_manifest(target, source, settings, open_espeak().version, outcomes, network_inputs)
    print(format_outcomes(outcomes, shown=3))
    return 0


def _evaluate(model: Path | None) -> int:
    from asr.demo_model.evaluation import evaluate, format_outcomes  # noqa: PLC0415
    from asr.demo_model.source import MODEL, load_source  # noqa: PLC0415

    print(format_outcomes(evaluate(load_source(), model or MODEL), shown=20))
    return 0


def _check(model: Path | None) -> int:
    from asr.demo_model.manifest import find_differences  # noqa: PLC0415
    from asr.demo_model.source import MODEL  # noqa: PLC0415

    differences = find_differences(model or MODEL)
    print("\n".join(differences) or "every file is as the manifest says")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
