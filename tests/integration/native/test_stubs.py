"""The stubs promise nothing that the built module does not have."""

from __future__ import annotations

import ast
from pathlib import Path

import pjsua2

STUBS = Path(__file__).parents[3] / "native" / "stubs" / "pjsua2.pyi"


def promised() -> list[tuple[str, ...]]:
    names: list[tuple[str, ...]] = []
    for node in ast.parse(STUBS.read_text()).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.append((node.target.id,))
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            names.append((node.name,))
            for member in node.body:
                if isinstance(member, ast.AnnAssign) and isinstance(member.target, ast.Name):
                    names.append((node.name, member.target.id))
                elif isinstance(member, ast.FunctionDef):
                    names.append((node.name, member.name))
    return names


def test_everything_promised_is_there() -> None:
    missing = []
    for name in promised():
        place: object = pjsua2
        for part in name:
            place = getattr(place, part, None)
        if place is None:
            missing.append(".".join(name))
    assert not missing
    assert len(promised()) > 300
