from __future__ import annotations

import pytest

from config.document import ConfigError, load
from config.script import Pause, Press, Say, SayFile, Script, Wait


def test_every_kind_of_step_is_read():
    script = load(
        Script,
        """
name: all
caller: "13855812345"
steps:
  - wait: prompt
  - {wait: prompt, timeout: 5}
  - say: 你好
  - {say: 喂, level: -50, over: true}
  - {say_file: a.wav, text: 是的}
  - press: "12#"
  - pause: 2
  - hang_up
expect:
  trace: [opening]
  tickets:
    - {text: 你好, call_back: true}
""",
    )
    assert script.steps == (
        Wait(wait="prompt"),
        Wait(wait="prompt", timeout=5),
        Say(say="你好"),
        Say(say="喂", level=-50, over=True),
        SayFile(say_file="a.wav", text="是的"),
        Press(press="12#"),
        Pause(pause=2),
        "hang_up",
    )
    assert script.spoken == "你好喂是的"
    assert script.called == "12345"


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("shout: x", "not a step"),
        ("jump", "hang_up"),
        ("press: 12a", "pattern"),
        ("press: 1", "text"),
        ("{say: x, loud: 1}", "unknown key 'loud'"),
        ("pause: 0", "greater than 0"),
        ("7", "not a step"),
    ],
)
def test_a_wrong_step_is_refused_at_its_line(step: str, message: str):
    with pytest.raises(ConfigError) as caught:
        load(Script, f"name: x\nsteps:\n  - wait: prompt\n  - {step}\n")
    assert caught.value.line == 4
    assert message in str(caught.value)
