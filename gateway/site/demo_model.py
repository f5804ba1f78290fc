"""What is said wherever the demonstration speech model is in use."""

from __future__ import annotations

from typing import Final

DEMO_WARNING: Final = (
    "演示模型,识别结果仅供测试 / demonstration speech model: it learned one synthetic voice, "
    "and says nothing about how well people are understood"
)
