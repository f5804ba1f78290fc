"""What is told where the extra `sound` is not installed."""

from __future__ import annotations

import sys

import pytest

from gateway.sound.card import SoundCardError, open_card


@pytest.mark.parametrize("backend", ["sounddevice", "pyaudio"])
def test_a_missing_library_is_named_with_what_to_do(backend, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, backend, None)
    monkeypatch.delitem(sys.modules, f"gateway.sound.by_{backend}", raising=False)
    with pytest.raises(SoundCardError, match=r"没有安装本机声音.*deploy/setup sound") as told:
        open_card(backend)
    assert told.value.exit_code == 1
    assert "\n" not in str(told.value)
