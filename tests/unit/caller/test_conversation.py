import numpy as np
import pytest

from config.document import load
from config.script import Script
from gateway.caller.conversation import Conversation, HangUp, PressKeys, Speak

SPEECH = (3000 * np.sin(np.arange(8000 * 60) / 5)).astype("<i2").tobytes()
TICK = 0.04


class Line:
    """The other side: at each time it either speaks or is silent; runs the conversation tick by tick."""

    def __init__(self, steps, speaks=(), seconds=2.0):
        self.script = load(Script, f"name: test\nsteps: {steps}")
        self.conversation = Conversation(self.script, [seconds] * len(self.script.steps))
        self.speaks = speaks
        self.now = 0.0
        self.done = []

    def run(self, until):
        while self.now < until and HangUp() not in [act for act, _ in self.done]:
            speaking = any(start <= self.now < end for start, end in self.speaks)
            pcm = SPEECH[: int(TICK * 16000)] if speaking else bytes(int(TICK * 16000))
            self.now += TICK
            for act in self.conversation.advance(self.now, pcm):
                self.done.append((act, self.now))
        return self

    def when(self, act):
        return next(at for done, at in self.done if done == act)


def test_waits_for_the_prompt_and_its_silence():
    line = Line("[wait: prompt, say: 房子漏雨, hang_up]", speaks=[(0.5, 3.0)]).run(10)
    assert [act for act, _ in line.done] == [Speak(1), HangUp()]
    assert 3.6 <= line.when(Speak(1)) <= 3.75
    assert 5.6 <= line.when(HangUp()) <= 5.8
    (said,) = line.conversation.said
    assert (said.text, said.end - said.start) == ("房子漏雨", 2.0)
    (heard,) = line.conversation.heard
    assert (heard.start, heard.end) == (pytest.approx(0.5, abs=0.05), pytest.approx(3.0, abs=0.05))
    assert line.conversation.failure == ""


def test_pause_inside_a_prompt_is_not_its_end():
    line = Line("[wait: prompt, hang_up]", speaks=[(0.5, 1.5), (2.0, 3.0)]).run(10)
    assert 3.6 <= line.when(HangUp()) <= 3.75


def test_second_wait_needs_a_second_prompt():
    line = Line("[wait: prompt, wait: prompt, hang_up]", speaks=[(0.5, 1.5), (4.0, 5.0)]).run(10)
    assert 5.6 <= line.when(HangUp()) <= 5.75
    assert len(line.conversation.heard) == 2


def test_what_was_heard_while_speaking_is_no_answer():
    line = Line("[wait: prompt, say: 行, wait: prompt, hang_up]", speaks=[(0, 1), (2.0, 2.5), (5, 6)]).run(10)
    assert 6.6 <= line.when(HangUp()) <= 6.75


def test_tail_of_an_interrupted_prompt_is_no_prompt():
    line = Line('[pause: 1.0, press: "1", wait: prompt, hang_up]', speaks=[(0, 1.3), (2.5, 3.5)]).run(10)
    assert 1.0 <= line.when(PressKeys("1")) <= 1.1
    assert 4.1 <= line.when(HangUp()) <= 4.25


def test_say_waits_for_a_quiet_line_unless_it_speaks_over():
    polite = Line("[pause: 1.0, say: 行, hang_up]", speaks=[(0, 3)]).run(10)
    assert 3.6 <= polite.when(Speak(1)) <= 3.75
    rude = Line("[pause: 1.0, {say: 行, over: true}, hang_up]", speaks=[(0, 3)]).run(10)
    assert 1.0 <= rude.when(Speak(1)) <= 1.1


def test_keys_are_sent_at_once_and_take_their_time():
    line = Line('[press: "1380#", hang_up]').run(10)
    assert line.when(PressKeys("1380#")) == pytest.approx(TICK)
    assert 1.3 <= line.when(HangUp()) <= 1.45
    assert "".join(p.key for p in line.conversation.pressed) == "1380#"
    assert line.conversation.pressed[-1].at > line.conversation.pressed[0].at


@pytest.mark.parametrize(
    ("speaks", "why"), [((), "none was heard"), (((0, 60),), "it did not end")], ids=["silent", "endless"]
)
def test_wait_fails_after_its_timeout(speaks, why):
    line = Line("[{wait: prompt, timeout: 5.0}, say: 行]", speaks=speaks).run(20)
    assert [act for act, _ in line.done] == [HangUp()]
    assert 5.0 <= line.when(HangUp()) <= 5.2
    assert line.conversation.failure == f"step 1 (wait: prompt): waited 5 s for a prompt, and {why}"


def test_line_that_is_never_quiet_fails():
    line = Line("[say: 行]", speaks=[(0, 60)]).run(60)
    assert "was not quiet" in line.conversation.failure


def test_hang_up_by_the_other_side_before_the_end_fails():
    line = Line("[wait: prompt, say: 房子漏雨, wait: prompt, hang_up]", speaks=[(0, 1)]).run(4)
    line.conversation.hung_up("gateway", b"")
    assert line.conversation.failure == "step 3 (wait: prompt): the other side hung up before it was done"


def test_hang_up_by_the_other_side_in_the_middle_of_speaking_fails():
    line = Line("[wait: prompt, say: 房子漏雨]", speaks=[(0, 1)]).run(2.5)
    line.conversation.hung_up("gateway", b"")
    assert line.conversation.failure.startswith("step 2 (say: 房子漏雨)")


@pytest.mark.parametrize("last", ["wait: prompt, hang_up", "wait: prompt", "pause: 30.0, hang_up", "hang_up"])
def test_hang_up_by_the_other_side_after_its_farewell_is_as_scripted(last):
    line = Line(f"[wait: prompt, say: 没有了, {last}]", speaks=[(0, 1), (4, 5)]).run(5.1)
    line.conversation.hung_up("gateway", b"")
    assert line.conversation.failure == ""


def test_caller_stays_when_the_script_is_over_but_not_for_ever():
    line = Line("[say: 行]").run(60)
    assert HangUp() not in [act for act, _ in line.done]
    line.run(200)
    assert "did not hang up" in line.conversation.failure
    line.conversation.hung_up("caller", b"")
    assert "did not hang up" in line.conversation.failure


def test_lost_call_fails():
    line = Line("[pause: 5.0]").run(1)
    line.conversation.hung_up("lost", b"")
    assert line.conversation.failure == "the call was lost"


def test_feeding_in_odd_pieces_hears_the_same():
    pieces = Line("[pause: 9.0]")
    audio = bytes(16000) + SPEECH[:16000] + bytes(16000)
    for start in range(0, len(audio), 326):
        pieces.conversation.advance(start / 16000, audio[start : start + 326])
    whole = Line("[pause: 9.0]")
    whole.conversation.advance(3.0, audio)
    assert pieces.conversation.heard == whole.conversation.heard != ()
