"""Calls that we place: who has not confirmed by a key that he is the one hears nothing of anybody's matter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from config.document import ConfigError, embedded
from ivr.compile import compile_flow
from recordings.calloutwords import Result
from recordings.entries import Concluded, Placed, Reading
from tickets.draft import draft
from tickets.placed import made
from tickets.record import fold

if TYPE_CHECKING:
    from conftest import Rehearsal

    from config.prompts import PromptTexts
    from ivr.hotline import Hotlines
    from tickets.record import CallRecord

TICKET = "263320100018"
FLOWS = ("placed_follow_up", "placed_care", "placed_missed")
Place = Callable[..., "Rehearsal"]


@pytest.fixture
def place(hotlines: Hotlines, texts: PromptTexts, rehearse: Callable[..., Rehearsal]) -> Place:
    def run(name: str, steps: str) -> Rehearsal:
        flow = compile_flow(embedded(f"flows/{name}.yaml"), texts)
        line = replace(hotlines.front, flow=flow, openings={}, appeal=None)
        call = rehearse(steps, line, ticket=TICKET)
        call.journal.insert(1, replace(call.journal[0], entry=Placed("回访", TICKET)))
        return call

    return run


def record(call: Rehearsal) -> CallRecord:
    return fold("20261125T010000-0a1b2c3d", Reading(tuple(call.journal), {}), None, call.now, None)


def result(call: Rehearsal) -> Result | None:
    told = made(record(call))
    return told.result if told else None


NOT_HE = {
    "silence": "[{wait: prompt}]",
    "a wrong person": '[{wait: prompt}, {press: "2"}]',
    "somebody who says yes": "[{wait: prompt}, {say: 是的}, {wait: prompt}, {say: 是的}, {wait: prompt}, {say: 是的}]",
    "an answering machine": "[{say: 您好，您拨打的用户暂时无法接听，请在提示音后留言, over: true}, {pause: 60}]",
    "a machine that sounds like a yes": "[{say: 好的, over: true}, {say: 可以, over: true}, {pause: 60}]",
    "a machine that goes on and on": "[{say: 没有问题请留言没有问题请留言没有问题请留言, over: true}, {pause: 90}]",
    "a quiet machine": "[{say: 喂, level: -46}, {say: 请留言, level: -46}, {say: 喂, level: -46}, {pause: 60}]",
    "somebody who hangs up": "[{pause: 2}, hang_up]",
}


@pytest.mark.parametrize("name", FLOWS)
@pytest.mark.parametrize("who", NOT_HE)
def test_nothing_is_revealed_to_who_has_not_confirmed(place: Place, texts: PromptTexts, name: str, who: str):
    call = place(name, NOT_HE[who])
    greeting = "placed_care_greeting" if name == "placed_care" else "placed_greeting"
    assert set(call.trace) <= {greeting, "placed_by_key", "placed_not_heard", "placed_wrong_person"}
    said = "".join(str(texts.prompts[prompt]) for prompt in call.trace)
    assert not any(word in said for word in ("工单", "反映", "解决", "办理", "投诉", TICKET))
    assert record(call).ratings == {}
    assert draft(record(call)) == ()
    assert result(call) is (Result.WRONG if who == "a wrong person" else Result.NOBODY)


def test_a_follow_up_is_asked_whether_it_is_solved_and_how_it_was(place: Place):
    call = place(
        "placed_follow_up",
        '[{wait: prompt}, {press: "1"}, {wait: prompt}, {press: "1"}, {wait: prompt}, {press: "1"}]',
    )
    assert call.trace == ["placed_greeting", "placed_solved", "rate", "rated", "goodbye"]
    kept = record(call)
    assert {number: rating for number, (rating, _) in kept.ratings.items()} == {TICKET: "满意"}
    assert (result(call), made(kept).solved) == (Result.DONE, True)
    assert draft(kept) == ()
    assert kept.reason == "called by us (回访): 已完成"


def test_what_is_not_solved_is_taken_down_as_a_ticket_that_names_the_first(place: Place):
    call = place(
        "placed_follow_up",
        '[{wait: prompt}, {press: "1"}, {wait: prompt}, {say: 没有}, {wait: prompt}, '
        "{say: 河边的路灯还是不亮}, {pause: 12}]",
    )
    kept = record(call)
    assert kept.ratings == {}  # of that he was not asked
    assert (result(call), made(kept).solved) == (Result.DONE, False)
    (ticket,) = draft(kept)
    assert ticket.content["appeal"]["content"] == "河边的路灯还是不亮"
    assert f"在回访外呼(工单{TICKET})中反映" in ticket.content["notes"]
    assert "没有解决" in ticket.content["caller"]["call_back"]


def test_who_hangs_up_once_he_has_confirmed_is_not_called_again(place: Place):
    call = place("placed_follow_up", '[{wait: prompt}, {press: "1"}, {wait: prompt}, hang_up]')
    assert (result(call), made(record(call)).solved) == (Result.CUT, None)


def test_who_is_cared_for_and_falls_silent_is_looked_after(place: Place):
    call = place("placed_care", '[{wait: prompt}, {press: "1"}, {pause: 60}]')
    (ticket,) = draft(record(call))
    assert ticket.content["caller"]["call_back"] == "关爱电话确认本人后没有应答，须回电"


def test_who_is_cared_for_and_in_danger_is_heard_at_once(place: Place):
    call = place(
        "placed_care", '[{wait: prompt}, {press: "1"}, {wait: prompt}, {press: "9"}, {wait: prompt}, hang_up]'
    )
    assert call.submitted[0].danger
    assert "danger" in call.trace


def test_a_missed_caller_may_say_now_what_it_was(place: Place):
    call = place(
        "placed_missed",
        '[{wait: prompt}, {press: "1"}, {wait: prompt}, {press: "1"}, {wait: prompt}, '
        "{say: 河边的路灯不亮}, {pause: 12}]",
    )
    (ticket,) = draft(record(call))
    assert ticket.content["appeal"]["content"] == "河边的路灯不亮"
    assert ticket.content["caller"]["contact"] == "13855812345"
    assert result(call) is Result.DONE


@pytest.mark.parametrize("name", FLOWS)
def test_a_person_is_within_reach_of_whoever_answers(place: Place, name: str):
    call = place(name, '[{wait: prompt}, {press: "0"}, {wait: prompt}, {say: 河边的路灯不亮}, {pause: 12}]')
    assert "placed_person" in call.trace
    (ticket,) = draft(record(call))
    assert ticket.content["caller"]["call_back"] == "接听外呼时要求人工，须回电"


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ("  - placed_by_key\n", "", "'placed_by_key' may be said to who has not confirmed"),
        (
            "on: {1: confirmed, 2: other}",
            "on: {1: confirmed, 2: rated_well}",
            "'rated' may be said to who has not confirmed",
        ),
        (
            "on: {1: confirmed, 2: other}",
            "on: {1: confirmed, 2: is_solved}",
            "is_solved comes to who has not confirmed",
        ),
        ('"yes": by_key, "no"', '"yes": confirmed, "no"', "greeting leads to 'confirmed' without a key"),
        (
            "2: other}\n    tries: 2\n    then: nobody",
            "2: other}\n    tries: 2\n    then: confirmed",
            "leads to 'confirmed' without a key",
        ),
        ("concluded: confirmed, contact", "contact", "nobody ever confirms who he is"),
        ("placed_wrong_person}", "rated}", "'rated' may be said to who has not confirmed"),
        ("  - beep\n", "  - beep\n  - progress\n", None),
    ],
)
def test_a_flow_that_could_reveal_something_is_refused(
    texts: PromptTexts, before: str, after: str, why: str | None
):
    text = embedded("flows/placed_follow_up.yaml").read_text()
    assert before in text
    changed = text.replace(before, after)
    if why is None:  # to name more than is said reveals nothing
        compile_flow(changed, texts)
        return
    with pytest.raises(ConfigError) as refused:
        compile_flow(changed, texts)
    assert why in "\n".join(map(str, (refused.value, *refused.value.more)))


def test_a_flow_of_callers_concludes_no_call_of_ours(texts: PromptTexts):
    text = (
        embedded("flows/nuisance.yaml")
        .read_text()
        .replace("call_back: 骚扰", "concluded: done, call_back: 骚扰")
    )
    with pytest.raises(ConfigError, match="this flow is not for such calls"):
        compile_flow(text, texts)


def test_the_journal_tells_how_far_a_call_has_come(place: Place):
    call = place("placed_follow_up", '[{wait: prompt}, {press: "1"}, {wait: prompt}, {press: "1"}, hang_up]')
    told = [one.entry for one in call.journal if isinstance(one.entry, Concluded)]
    assert told == [Concluded("confirmed", None), Concluded("confirmed", solved=True)]
