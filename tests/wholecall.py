"""The script of one whole call: said, confirmed, told its number, said goodbye to."""

from __future__ import annotations

from typing import Any

SENTENCE = "我要投诉颍州区清河街道小区夜间施工噪音扰民"
STEPS: list[Any] = [
    {"pause": 1.5},
    {"say": SENTENCE, "over": True},
    {"press": "#"},
    {"pause": 2.5},
    {"say": "对", "over": True},
    {"pause": 2.5},
    {"press": "1"},
    {"wait": "prompt", "timeout": 20},
    {"say": "没有了"},
]
