"""A call's whole story on one page: what was played, pressed and said, the tickets, and how they left."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from console.audit import record_view
from console.keys import DATA, DATABASE, HOTLINES, session_of
from console.masking import mask, mask_lines, mask_phrases, mask_text
from console.naming import name_line
from console.policy import Right
from console.problem import Problem
from console.rendering import render, show_length
from recordings import entries
from recordings.threads import Threads
from tickets.alerting import read_kind
from tickets.entries import note_utterance
from tickets.meaning.risk_rules import NAMES
from tickets.story import CallStory, StoryEvent, tell_story

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from recordings.entries import Entry

_composing: Final = Threads("stories", 2)
_SYSTEM: Final[Mapping[type[Entry], str]] = {
    entries.Answered: "接听",
    entries.Deaf: "语音识别不可用",
    entries.Hearing: "语音识别恢复",
    entries.Held: "来电人将线路置于保持",
    entries.Interrupted: "网关中断,通话断开",
    entries.RecordingTrouble: "录音不完整",
}
_ENDS: Final = {"caller": "来电人挂机", "gateway": "系统挂机", "lost": "线路中断"}


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the story. ``who``: caller, prompt, key, or system; ``unsure``: heard, but not to its end."""

    event: StoryEvent
    who: str
    text: str
    unsure: bool = False


async def show(request: web.Request) -> web.Response:
    """The page; 404 when neither the database nor the data folder knows the call."""
    call_id = request.match_info["call_id"]
    story = await tell_story(request.app[DATABASE], request.app[DATA], call_id)
    if story is None:
        raise Problem(HTTPStatus.NOT_FOUND, "没有这通电话", f"没有编号为 {call_id[:40]} 的通话。")
    await record_view(request, call_id)
    return await _composing.run(_show, request, story)


def _show(request: web.Request, story: CallStory) -> web.Response:
    """The page of a call that may have been talked through for an hour, in several revisions."""
    masked = not session_of(request).may(Right.NUMBERS)
    steps = [step for event in story.events if (step := _tell(event))] or _tell_words(story)
    if masked:
        texts = mask_lines((step.who, step.text) for step in steps)
        steps = [replace(step, text=text) for step, text in zip(steps, texts, strict=True)]
    context = {
        "story": story,
        "hotline": name_line(story, request.app[HOTLINES]()),
        "steps": steps,
        "reason": _tell_reason(story),
        "hide": mask_text if masked else str,
        "changes": {ticket.number: _compare(ticket.revisions, masked=masked) for ticket in story.tickets},
    }
    return render(request, "story.html", context)


def _tell(event: StoryEvent) -> Step | None:
    """The event in a person's words; None for what is told by another."""
    match event.entry:
        case entries.Played(text=text):
            return Step(event, "prompt", text)
        case entries.Heard(text=text, confirmed=confirmed):
            return Step(event, "caller", text or "(未听清)", unsure=not confirmed)
        case entries.DigitEvent(key=key):
            return Step(event, "key", key)
        case entry:
            told = _tell_system(entry)
            return Step(event, "system", told) if told else None


def _tell_system(entry: Entry) -> str:
    match entry:
        case entries.Incoming(caller=caller, called=called):
            return f"来电:{mask(caller) or '未显示号码'} 拨打 {called}"
        case entries.Number(number=number):
            return f"生成工单 {number}"
        case entries.Alarm(risk=risk):
            return f"险情预警:{NAMES[kind] if (kind := read_kind(risk)) else '按键'}"
        case entries.HungUp(by=by):
            return _ENDS.get(by, "通话结束")
        case _:
            return _SYSTEM.get(type(entry), "") or _tell_leg(entry)


def _tell_leg(entry: Entry) -> str:
    match entry:
        case entries.Dialled(target=target):
            return f"呼叫 {target}"
        case entries.ConnectedEvent(target=target):
            return f"{target} 接听,来电人与其通话,语音助手不再听"
        case entries.LegEnded(talked=talked) if talked:
            return f"转接的通话结束,通话 {show_length(talked)}"
        case entries.LegEnded(handed_over=True):
            return "来电方交换机已将来电人转给对方,本机不再参与"
        case entries.LegEnded(cause=cause):
            return f"未接通{f'({cause})' if cause else ''}"
        case _:
            return ""


def _tell_words(story: CallStory) -> list[Step]:
    """What was said, for a call whose folder is elsewhere."""
    words = story.transcripts.get("live") or story.transcripts.get("late")
    if words is None:
        return []
    began = story.call.answered_at or story.call.started_at
    return [
        replace(step, who=u.speaker)
        for u in words.utterances
        if (step := _tell(StoryEvent(began, u.start, note_utterance(u, ""))))
    ]


_SAID: Final = {
    *(("appeal", name) for name in ("title", "content")),
    *(("place", name) for name in ("village", "address")),
    *(("caller", name) for name in ("contact", "identity")),
}
_FIELDS: Final = {
    ("status",): "状态",
    ("appeal", "type"): "诉求类型",
    ("appeal", "title"): "标题",
    ("appeal", "content"): "诉求内容",
    ("appeal", "category_1"): "一级分类",
    ("appeal", "category_2"): "二级分类",
    ("appeal", "category_3"): "三级分类",
    ("appeal", "urgency"): "紧急程度",
    ("appeal", "repeats"): "重复诉求",
    ("place", "county"): "区县",
    ("place", "township"): "乡镇街道",
    ("place", "village"): "村社区",
    ("place", "address"): "详细地址",
    ("caller", "contact"): "联系电话",
    ("caller", "identity"): "身份证号",
    ("caller", "confidential"): "保密",
    ("passed", "target"): "接听",
}
_REASONS: Final = {
    "caller hung up before the answer": "接听之前挂机",
    "the call was never answered": "没有接通",
    "speech in the recording waits to be transcribed": "录音待转写",
    "only greetings and answers to the menu were said": "只有问候和菜单应答",
    "interrupted before the caller said anything": "来电人说话之前中断",
    "caller hung up before speaking": "来电人没有说话就挂机",
    "the caller said nothing": "来电人没有说话",
    "only how a ticket stands was asked": "只查询了工单进度",
    "refused: no line was free": "线路忙,没有接入",
    "an anonymous line, and the caller asked for no call back": "匿名热线,来电人没有要求回电",
}

# As ``tickets.placed`` gives it, for a command's reader.
_PLACED: Final = re.compile(
    r"called by us \((\w+)\)(?: about ([0-9]+))?: (?:they talked for ([0-9]+) s|(\w+))"
)


def _tell_reason(story: CallStory) -> str:
    """Why there is no ticket here, "" when there is nothing to tell."""
    reason = story.call.reason or ""
    theirs = [leg for leg in story.legs if leg.ticket == "theirs" and leg.talked_s]
    if reason.startswith("passed on to") and theirs:
        leg = theirs[-1]
        their_id = leg.their_id or leg.sip_call_id
        known = f"(对方通话编号 {their_id})" if their_id else ""
        return f"已转{leg.target}{known},通话 {show_length(leg.talked_s)},工单由对方生成"
    handed = [leg for leg in story.legs if leg.ticket == "theirs"]
    if reason.startswith("handed over to") and handed:
        known = f"(对方通话编号 {handed[-1].sip_call_id})" if handed[-1].sip_call_id else ""
        return f"已由来电方交换机转至{handed[-1].target}{known},工单由对方生成"
    if placed := _PLACED.fullmatch(reason):
        purpose, ticket, talked, result = placed.groups()
        about = f"(工单 {ticket})" if ticket else ""
        return f"{purpose}{about},通话 {show_length(int(talked))}" if talked else f"{purpose}外呼,{result}"
    return _REASONS.get(reason, reason)


def _compare(revisions: tuple[Any, ...], *, masked: bool) -> dict[int, list[tuple[str, str, str]]]:
    """For each revision what is another than in the one before: the field's name, before, after."""
    changes: dict[int, list[tuple[str, str, str]]] = {}
    before: Any = None
    for revision in revisions:
        found = []
        for path, name in _FIELDS.items():
            old, new = ("" if d is None else _read(d, path) for d in (before, revision.document))
            if masked and path in _SAID:
                old, new = mask_text(old), mask_text(new)
            if new != old:
                found.append((name, old, new))
        words = _compare_words(before, revision.document)
        found += _mask_words(words) if masked else words
        changes[revision.revision] = found
        before = revision.document
    return changes


def _mask_words(words: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    names, olds, news = zip(*words, strict=True) if words else ((), (), ())
    return list(zip(names, mask_phrases(olds), mask_phrases(news), strict=True))


def _compare_words(before: Any, document: Any) -> list[tuple[str, str, str]]:
    """The phrases an agent has corrected, or has given back."""
    if before is None:
        return []
    heard = {(u["start"], u["end"]): u["text"] for u in before["transcript"]["utterances"]}
    told = [(u, heard.get((u["start"], u["end"]))) for u in document["transcript"]["utterances"]]
    return [
        (f"文字 {show_length(int(u['start']))}", old, u["text"])
        for u, old in told
        if old is not None and old != u["text"]
    ]


def _read(document: Any, path: tuple[str, ...]) -> str:
    for name in path:
        document = (document or {}).get(name)
    if isinstance(document, bool):
        return "是" if document else "否"
    return document or ""
