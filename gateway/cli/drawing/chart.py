"""What a picture of a flow shows: a box for each thing that a caller meets, in Chinese, and where each answer leads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from config.prompts import Tone, split
from ivr.flow import Ask, Choose, Connect, Dictate, Digits, End, Inquire, LookUp, Step, Submit
from ivr.proof import prompts_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from config.prompts import PromptTexts
    from ivr.flow import Change, Flow, Node

Kind = Literal["说", "问", "听", "输号码", "判断", "查找", "查询", "登记", "转接", "结束"]

KINDS: Final[Mapping[type, Kind]] = {
    Step: "说",
    Ask: "问",
    Dictate: "听",
    Digits: "输号码",
    Choose: "判断",
    LookUp: "查找",
    Inquire: "查询",
    Submit: "登记",
    Connect: "转接",
    End: "结束",
}
_CONDITIONS: Final = {
    "told": "已经说过事情",
    "placed": "地点清楚",
    "ambiguous": "地名有重名",
    "caller": "有来电号码",
    "contact": "联系电话已确认",
    "call_back": "须回电",
    "later": "不是第一件事",
    "several": "一次说了几件事",
    "told_more": "一起说的还有下一件",
    "asks_progress": "只说查进度",
    "informed": "查到了",
    "mistyped": "编号输错了",
    "handled": "已经办完",
    "away": "暂时查不了",
    "cut_off": "刚才的通话断了",
}
_SLOTS: Final = {
    "place": "地点",
    "brief": "事由",
    "tail": "尾号",
    "contact": "电话",
    "number": "编号",
    "first": "第一处",
    "second": "第二处",
    "third": "第三处",
    "ticket": "编号尾号",
    "status": "进度",
    "answer": "结果",
    "identity": "身份证号",
    "day": "日期",
    "hotline": "热线",
    "department": "部门",
}
_SAMPLE_WORDS: Final = 2
_SILENT: Final[Mapping[Kind, str]] = {
    "听": "只听,不说话",
    "判断": "看已经知道什么",
    "转接": "转接人工",
    "登记": "登记工单,取编号",
    "查找": "查找地点和事由",
    "查询": "查询工单进度",
    "结束": "挂机",
}


@dataclass(frozen=True, slots=True)
class Exit:
    """Where one or several answers lead."""

    label: str
    target: str


@dataclass(frozen=True, slots=True)
class Box:
    """One thing that a caller meets: ``text`` is what he hears, or what is done."""

    name: str
    kind: Kind
    text: str
    exits: tuple[Exit, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """The boxes by name, and where the dialogue begins, in words, in the order in which they are drawn."""

    name: str
    boxes: Mapping[str, Box]
    beginnings: Mapping[str, str]


def chart(flow: Flow, texts: PromptTexts) -> Chart:
    """What is to be drawn of the flow; what only notes something, without a word, is told on the way onwards."""
    reading = _Reading(flow, texts)
    person = "、".join(f"“{word}”" for word in flow.words.classes["person"][:_SAMPLE_WORDS])
    beginnings = {flow.start: "来电接通"}
    for name, told in (
        (flow.person, f"随时:按 0 或说{person}"),
        (flow.danger, "随时(提示过以后):按 9"),
        (flow.danger_said, "随时:说到有危险"),
        (flow.self_harm_said, "随时:说到轻生"),
        (flow.lost, f"{flow.patience} 次没有听明白"),
        (flow.faint, "声音太小"),
        (flow.duty, "全部转人工时"),
        (flow.centre, "有专席的热线来电"),
        (flow.recall, "来电接通,有来电号码"),
    ):
        if name is None:
            continue
        beginnings[name] = f"{beginnings[name]};{told}" if name in beginnings else told
    return Chart(flow.name, {name: reading.box(name) for name in reading.shown(beginnings)}, beginnings)


def read_out(texts: PromptTexts, prompt: str) -> str:
    """What a prompt says, with what is filled in by name."""
    text = texts.prompts[prompt]
    if not isinstance(text, str):
        return "(嘀声)" if isinstance(text, Tone) else "(音乐)"
    return "".join(fixed + (f"〔{_SLOTS.get(slot, slot)}〕" if slot else "") for fixed, slot in split(text))


class _Reading:
    """Puts one flow into words."""

    def __init__(self, flow: Flow, texts: PromptTexts) -> None:
        self._flow, self._texts = flow, texts

    def shown(self, beginnings: Mapping[str, str]) -> Iterator[str]:
        """The nodes that are boxes: all that something leads to, but for what is told on the way."""
        seen, todo = set[str](), list(beginnings)
        while todo:
            name = todo.pop(0)
            if name not in seen:
                seen.add(name)
                yield name
                todo += [each.target for each in self.box(name).exits]

    def box(self, name: str) -> Box:
        node = self._flow.nodes[name]
        labels: dict[str, list[str]] = {}
        for label, target in self._exits(node):
            noted, end = self._pass_on(target)
            told = f"{label}({noted})" if label and noted else label or noted
            labels.setdefault(end, []).append(told)
        exits = tuple(Exit("、".join(filter(None, told)), target) for target, told in labels.items())
        kind = KINDS[type(node)]
        return Box(name, kind, self._words(node) or self._note(node) or _SILENT.get(kind, ""), exits)

    def _pass_on(self, name: str) -> tuple[str, str]:
        """What is noted on the way from here, and the node that is met at its end."""
        noted: list[str] = []
        node = self._flow.nodes[name]
        while (isinstance(node, Step) and not node.prompts) or isinstance(node, LookUp):
            noted.append(self._note(node))
            node = self._flow.nodes[node.next]
        return ",".join(filter(None, noted)), node.name

    def _words(self, node: Node) -> str:
        names = prompts_of(node)
        return read_out(self._texts, names[0]) if names else ""

    def _note(self, node: Node) -> str:
        if isinstance(node, LookUp):
            return _SILENT["查找"]
        return _describe(node.change) if isinstance(node, Step) else ""

    def _exits(self, node: Node) -> Iterator[tuple[str, str]]:
        match node:
            case Step() | LookUp() | Inquire():
                yield "", node.next
            case Choose():
                yield from ((_CONDITIONS.get(when, when), target) for when, target in node.cases)
                yield "否则", node.otherwise
            case Submit():
                yield "取到编号", node.next
                yield "暂无编号", node.failed
            case Ask() | Dictate() | Digits():
                yield from self._answers(node)
                yield f"{node.tries} 次以后", node.then
                if node.deaf:
                    yield "语音识别不可用", node.deaf
            case Connect():
                yield from ((self._answer(answer), target) for answer, target in node.answers.items())
                yield "谈完", node.parted
                yield "中途断线", node.broken
                yield "无人接听", node.refused
                yield "没有可转接的人", node.nobody
            case _:
                return

    def _answers(self, node: Ask | Dictate | Digits) -> Iterator[tuple[str, str]]:
        if isinstance(node, Ask | Digits):
            yield from ((self._answer(answer), target) for answer, target in node.answers.items())
        if isinstance(node, Ask):
            yield from ((f"{self._answer(c)}再补充", target) for c, target in node.after.items())
            for told, target in (
                ("说别的", node.hear),
                ("不作声", node.silence),
                ("没有内容可念", node.blank),
                ("按 1 至 3", node.pick),
            ):
                if target:
                    yield told, target
        elif isinstance(node, Dictate):
            yield from (("说完", node.next), ("什么也没说", node.empty))
            if node.back:
                yield "没说以前按 *", node.back
        else:
            yield "号码完整", node.next

    def _answer(self, answer: str) -> str:
        words = self._flow.words.classes.get(answer)
        return f"说“{'/'.join(words[:_SAMPLE_WORDS])}”" if words else f"按 {answer}"


def _describe(change: Change) -> str:
    """What a step notes, in words."""
    told = []
    if change.appeal:
        told.append(f"记为{'/'.join(change.appeal)}")
    if change.danger:
        told.append("特急")
    elif change.call_back:
        told.append("须回电")
    if change.confirmed:
        told.append("内容已确认")
    if change.contact:
        told.append({"calling": "用来电号码", "agreed": "用此号码", "none": "不留号码"}[change.contact])
    if change.take:
        told.append(f"采用{_SLOTS[change.take]}")
    if change.next_matter:
        told.append("另记一件")
    if change.told_matter:
        told.append("接着记一起说的下一件")
    if change.past_matter:
        told.append("接着上次的工单")
    return ",".join(told)
