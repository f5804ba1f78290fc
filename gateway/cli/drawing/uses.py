"""Where each prompt is heard, in Chinese: for whoever reads the texts, and has seen no flow file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.cli.drawing.chart import KINDS
from ivr.proof import prompts_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ivr.flow import Flow
    from ivr.hotline import Hotlines

_BESIDE_FLOWS: Final[Mapping[str, str]] = {
    "hold_music": "转接等候时",
    "not_recorded": "存储空间将满,停止录音时",
    "press_one": "转接:对接听的人说",
    "whisper": "转接:对接听的人说",
    "whisper_line": "转接:对接听的人说",
    "whisper_danger": "转接:对接听的人说",
    "third_refused": "转接:对接听的人说",
    "agent_call": "坐席从网页回拨:对坐席说",
    "agent_call_recorded": "坐席从网页回拨:对市民说",
}
_SHOWN: Final = 3


def find_uses(hotlines: Hotlines, others: Sequence[Flow]) -> dict[str, str]:
    """Of each prompt by its name; ``others`` are flows that no line is answered with."""
    found: dict[str, list[str]] = {prompt: [place] for prompt, place in _BESIDE_FLOWS.items()}
    for prompt, place in (*_of_lines(hotlines), *_of_flows((*hotlines.flows, *others))):
        places = found.setdefault(prompt, [])
        if place not in places:
            places.append(place)
    return {prompt: _join(places) for prompt, places in found.items()}


def _join(places: Sequence[str]) -> str:
    more = f" 等 {len(places)} 处" if len(places) > _SHOWN else ""
    return f"{'、'.join(places[:_SHOWN])}{more}"


def _of_lines(hotlines: Hotlines) -> Iterator[tuple[str, str]]:
    for line in hotlines:
        for opening in line.openings.values():
            yield opening.name, f"{line.number} {line.name}开场白"


def _of_flows(flows: Sequence[Flow]) -> Iterator[tuple[str, str]]:
    for flow in flows:
        for node in flow.nodes.values():
            for prompt in prompts_of(node):
                yield prompt, f"流程 {flow.name} {node.name}({KINDS[type(node)]})"
        for told, place in (
            (flow.speak_up, "声音太小时"),
            (flow.not_heard, "没听清、再问之前"),
            (flow.offer_person, "语音识别长时间不可用时"),
        ):
            if told is not None:
                yield told, f"流程 {flow.name} {place}"
