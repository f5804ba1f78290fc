"""No event and no action is forgotten: each new one must be handled, and used by some golden call."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import get_args

from config.document import load
from config.script import Script
from ivr import actions, events
from ivr.machine import HANDLERS

GOLDEN = Path(__file__).parents[2] / "golden"


def defined_in(module: object) -> set[type]:
    return {c for _, c in inspect.getmembers(module, inspect.isclass) if c.__module__ == module.__name__}


def test_every_event_is_handled():
    assert defined_in(events) == set(get_args(events.Event)) == set(HANDLERS)


def test_every_action_is_given_in_some_golden_call(rehearse):
    used = {type(a) for path in GOLDEN.glob("*.yaml") for a in rehearse(load(Script, path)).actions}
    assert defined_in(actions) - {actions.Prompt} == set(get_args(actions.Action))
    assert used == set(get_args(actions.Action))


def test_the_machine_is_sans_io():
    program = (
        "import sys, ivr.machine\n"
        "print(*sorted({'asyncio', 'socket', 'threading', 'pydantic', 'yaml', 'config'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
