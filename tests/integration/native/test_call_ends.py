"""How calls and recordings end in the native half, each scene in a process of its own (call_scenes.py)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import sound
from scenes import TICK_SAMPLES
from test_ports import run_scene

pytestmark = pytest.mark.few

SCENES = Path(__file__).with_name("call_scenes.py")
HELD_UP = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Waits for as long as a file `hold` lies beside one whose name begins with "stuck". */
static void wait_for(int fd)
{
    char link[64], path[4096];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof(path) - 8);
    char *name = size > 0 ? (path[size] = 0, strrchr(path, '/') + 1) : 0;
    if (!name || strncmp(name, "stuck", 5))
        return;
    strcpy(name, "hold");
    while (access(path, F_OK) == 0)
        usleep(10000);
}

#define HELD_UP(name) \
    ssize_t name(int fd, const void *data, size_t size, off_t at) \
    { \
        wait_for(fd); \
        return ((ssize_t (*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, #name))(fd, data, size, at); \
    }
HELD_UP(pwrite)
HELD_UP(pwrite64)
"""


def test_a_dead_call_hangs_up_nobody_else_and_leaves_no_lock(tmp_path: Path) -> None:
    facts = run_scene("outlived", tmp_path, SCENES)
    assert facts["reused"] == facts["talking"] == 12
    assert facts["kept"] == 10
    assert facts["strays"] == 6
    assert (facts["calls"], facts["stack_calls"]) == (0, 0)


def test_a_recording_ends_with_its_call_whatever_python_does(tmp_path: Path) -> None:
    facts = run_scene("unseen", tmp_path, SCENES)
    assert facts["finished"]
    assert facts["frames"] <= facts["at_hang_up"] + 10
    assert facts["written"] == facts["frames"] * TICK_SAMPLES
    left, _ = sound.read_stereo(tmp_path / "tap.wav")
    assert len(left) == facts["written"]


@pytest.fixture
def slow_files(tmp_path: Path) -> dict[str, str]:
    """An environment in which writing to some files hangs."""
    source, library = tmp_path / "held_up.c", tmp_path / "held_up.so"
    source.write_text(HELD_UP)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return {"LD_PRELOAD": str(library)}


def test_a_file_that_hangs_holds_up_no_other_and_nobody_who_closes(
    tmp_path: Path, slow_files: dict[str, str]
) -> None:
    facts = run_scene("held_up", tmp_path, SCENES, slow_files)
    assert facts["closing"] < 0.1
    assert facts["finishing"] < 1.5
    assert facts["stuck"] == [False, False]
    assert facts["dropped"] == 0
    for number in range(2):
        left, _ = sound.read_stereo(tmp_path / f"stuck-{number}.wav")
        assert len(left) == facts["frames"][number] * TICK_SAMPLES
    assert (facts["taps"], facts["recordings"]) == (0, 0)
