from __future__ import annotations

import json
import subprocess
import wave
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.few  # one wrong word is too many, and a busy machine hears late
def test_one_call_becomes_an_accepted_ticket(make_house: Any) -> None:
    house = make_house()
    command = [*house.hotline, "--config", str(house.config), "--data", str(house.data), "demo", "--json"]
    done = subprocess.run(command, capture_output=True, timeout=200, env=house.environment, check=False)
    assert done.returncode == 0, done.stderr.decode() + (house.data / "hotline.log").read_text()
    result = json.loads(done.stdout)
    assert result["cer"] <= 0.05
    assert result["reference"]
    assert result["ticket"]["number"]
    assert result["ticket"]["transcript"]["model"]["demo"] is True
    with wave.open(str(Path(house.data) / result["recording"])) as sound:
        assert sound.getnchannels() == 2
        assert abs(sound.getnframes() / 8000 - result["ticket"]["call"]["duration_s"]) < 0.1
