"""From the record of a call to its tickets. Pure: the same record always drafts the same tickets."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast, get_args

from ivr.matter import AppealType
from recordings import folders, wav
from tickets.joining import CUT_SHORT, UNFINISHED, tell_before
from tickets.parts import CallPart, LinePart, RecordingPart
from tickets.passed import draft_passed, is_settled, need_call_back, owe_call_back, tell_leg
from tickets.past import IN_DANGER, SAYS_DANGER
from tickets.placed import tell_placed
from tickets.probed import mark_title, tell_probed
from tickets.proposal import propose
from tickets.telling import find_related
from tickets.text.display import read_matter, read_phrase
from tickets.ticket import (
    AppealPart,
    CallerPart,
    ModelPart,
    PlacePart,
    Ticket,
    TranscriptPart,
    UtterancePart,
)
from tickets.understood import make, recall

if TYPE_CHECKING:
    from asr.transcript import Transcript, Utterance
    from ivr.matter import Matter
    from recordings.entries import Understood
    from tickets.record import CallRecord, Line
    from tickets.telling import Told

_PENDING = "(录音待转写)"
_UNHEARD = "(语音未能识别,请听录音)"
_NOT_SAID = "(来电人未留言)"
_WITHHELD = "(匿名热线,不记录通话内容)"
_AGREED = "来电人同意回电。号码不随工单外传,请凭通话编号在本系统查看后尽快回电;回电时不要透露来电内容"
_UNREACHABLE = "来电人没有留下可以回电的号码"


@dataclass(frozen=True, slots=True)
class Draft:
    """The content of one ticket, all but number and revision.

    ``sha256`` is over the content: equal ones need no new revision. ``understood`` is what the journal does not know
    yet of what the words mean.
    """

    matter: int
    content: dict[str, Any]
    sha256: str
    understood: Understood | None = None

    def issue(self, number: str, revision: int) -> str:
        """The ticket, checked against its schema, as the JSON text that is stored and posted."""
        ticket = Ticket.model_validate({**self.content, "number": number, "revision": revision})
        return json.dumps(ticket.to_json(), ensure_ascii=False, separators=(",", ":"))


def draft(record: CallRecord) -> tuple[Draft, ...]:
    """One draft for each of the record's matters; none for a call that was never answered."""
    if record.answered_at is None:
        return ()
    return tuple(_draft_matter(record, told) for told in record.matters)


def _draft_matter(record: CallRecord, told: Told) -> Draft:
    if record.line is not None and record.line.anonymous:
        return _close(told.matter, _draft_anonymous(record, record.line, told.matter))
    known = recall(record, told.matter)
    fresh = make(record, told.matter) if known is None and (told.matter.text or told.matter.place) else None
    meant = known or fresh
    content = {
        "hotline": record.hotline,
        "line": _draft_line(record.line) if record.line else None,
        "call": _draft_call(record),
        **draft_passed(record, told.matter),
        "recording": _draft_recording(record),
        "caller": _draft_caller(record, told.matter),
        "appeal": _draft_appeal(record, told, meant),
        "place": _draft_place(told.matter, meant),
        "proposal": propose(meant),
        "transcript": draft_transcript(record.transcript),
        "notes": [*_draft_line_notes(record), *_draft_notes(record, told), *(meant.notes if meant else ())],
    }
    return _close(told.matter, content, fresh)


def _draft_anonymous(record: CallRecord, line: Line, matter: Matter) -> dict[str, Any]:
    """The request to call back, and nothing that tells who called or what was said."""
    category = _levels(line)
    return {
        "hotline": record.hotline,
        "line": _draft_line(line),
        "call": _draft_call(record).model_copy(update={"caller": ""}),
        **draft_passed(record, matter),
        "recording": None,
        "caller": CallerPart(
            number="", contact="", confidential=True, anonymous=True, call_back=matter.call_back
        ),
        "appeal": AppealPart(
            title=mark_title(matter.call_back, test=record.test),
            content=_WITHHELD,
            category_1=category[0],
            category_2=category[1],
            category_3=category[2],
            urgency="特急",
        ),
        "place": PlacePart(),
        "transcript": TranscriptPart(complete=True),
        "notes": [
            *tell_probed(test=record.test),
            *([IN_DANGER] if matter.danger else []),
            _AGREED if matter.contact_confirmed else _UNREACHABLE,
        ],
    }


def _close(matter: Matter, content: dict[str, Any], fresh: Understood | None = None) -> Draft:
    plain = {
        key: part if not hasattr(part, "model_dump") else part.model_dump(mode="json")
        for key, part in content.items()
    }
    canonical = json.dumps(_leave_out_news(plain), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return Draft(matter.index, plain, hashlib.sha256(canonical.encode()).hexdigest(), fresh)


def _leave_out_news(plain: dict[str, Any]) -> dict[str, Any]:
    """Without what says no more than its absence did in the fingerprints of before there was such a field."""
    said = [
        {k: v for k, v in utterance.items() if k != "reading" and (k, v) != ("speaker", "caller")}
        for utterance in plain["transcript"]["utterances"]
    ]
    caller = {k: v for k, v in plain["caller"].items() if (k, v) != ("identity", "")}
    appeal = {k: v for k, v in plain["appeal"].items() if k != "reading" and (k, v) != ("related", [])}
    rest = {key: value for key, value in plain.items() if (key, value) != ("proposal", None)}
    words = {**plain["transcript"], "utterances": said}
    return rest | {"caller": caller, "appeal": appeal, "transcript": words}


def _draft_call(record: CallRecord) -> CallPart:
    return CallPart(
        call_id=record.call_id,
        sip_call_id=record.sip_call_id,
        caller=record.caller,
        called=record.called,
        started_at=record.started_at,
        answered_at=cast("Any", record.answered_at),
        ended_at=record.ended_at,
        duration_s=record.duration_s,
        interrupted=record.interrupted,
        hung_up_by=record.hung_up_by if record.ended_at else None,
    )


def _draft_recording(record: CallRecord) -> RecordingPart | None:
    if record.ended_at is None or not record.seconds:
        return None
    path = str(folders.archived(record.call_id) / folders.AUDIO)
    return RecordingPart(path=path, seconds=record.seconds, channels=wav.CHANNELS)


def _draft_caller(record: CallRecord, matter: Matter) -> CallerPart:
    contact = matter.contact or record.caller
    call_back = ";".join(filter(None, (need_call_back(record, matter), owe_call_back(record))))
    return CallerPart(
        number=record.caller,
        contact=contact,
        identity=matter.identity,
        anonymous=not contact,
        call_back=call_back,
    )


def _draft_line(line: Line) -> LinePart:
    return LinePart(
        name=line.name,
        department=line.department,
        mode=line.mode,
        found_by=line.found_by,
        found_as=line.found_as,
        opening=line.opening,
    )


def _levels(line: Line | None) -> tuple[str, str, str]:
    first, second, third, *_ = (*(line.category if line else ()), "", "", "")
    return first, second, third


def _draft_appeal(record: CallRecord, told: Told, meant: Understood | None) -> AppealPart:
    matter = told.matter
    text = matter.text
    preset = record.line.appeal if record.line else None
    category = meant.category if meant and text else _levels(record.line)
    kind = meant.appeal if meant and text else matter.appeal or preset
    urgency = meant.urgency if meant and text else ""
    return AppealPart(
        type=cast("AppealType", kind) if kind in get_args(AppealType) else None,
        title=mark_title((meant.title if meant else "") or _entitle(record, told), test=record.test),
        reading=read_matter(matter, record.transcript),
        content=text or (_PENDING if told.pending else _UNHEARD if told.unheard else _NOT_SAID),
        category_1=(*category, "")[0],
        category_2=(*category, "", "")[1],
        category_3=(*category, "", "", "")[2],
        occurred=",".join(filter(None, (matter.day, meant.occurred if meant else ""))),
        urgency="特急" if matter.danger or urgency == "特急" else "紧急" if urgency == "紧急" else "一般",
        keywords=meant.keywords if meant else (),
        repeats=matter.repeats,
        related=find_related(record, matter),
        text_pending=told.pending,
    )


def _entitle(record: CallRecord, told: Told) -> str:
    if told.matter.danger:
        return "来电人按键求助,可能有危险"
    return need_call_back(record, told.matter) or ("来电录音待转写" if told.pending else "来电人未说明诉求")


def _draft_place(matter: Matter, meant: Understood | None) -> PlacePart:
    if meant is None:
        return PlacePart(said=matter.place)
    return PlacePart(
        code=meant.code if re.fullmatch("[0-9]{6}", meant.code) else "",
        county=meant.county,
        township=meant.township,
        village=meant.village,
        address=meant.address,
        longitude=meant.longitude,
        latitude=meant.latitude,
        said=meant.said,
    )


def draft_transcript(transcript: Transcript) -> TranscriptPart:
    """What the ticket tells of the call's transcript."""
    model = transcript.model
    return TranscriptPart(
        model=ModelPart(name=model.name, sha256=model.sha256, demo=model.demo) if model else None,
        complete=transcript.complete,
        utterances=tuple(_draft_utterance(u) for u in transcript.utterances),
    )


def _draft_utterance(utterance: Utterance) -> UtterancePart:
    # Whatever a recogniser answers, a ticket must come of it: times and shares are kept within their ranges.
    start = max(utterance.start, 0.0)
    return UtterancePart(
        start=start,
        end=max(utterance.end, start),
        text=utterance.text,
        reading=read_phrase(utterance),
        confidence=min(max(utterance.confidence, 0.0), 1.0),
        confirmed=utterance.confirmed,
        speaker="caller" if utterance.speaker == "caller" else "target",
    )


def _draft_line_notes(record: CallRecord) -> list[str]:
    notes = [*tell_probed(test=record.test), *tell_placed(record.placed)]
    if record.line is not None and record.line.found_by is None:
        notes.append(f"所拨号码“{record.called}”不是登记的热线,按{record.hotline}受理")
    if promise := owe_call_back(record):
        notes.append(promise)
    return notes


def _draft_notes(record: CallRecord, told: Told) -> list[str]:
    matter = told.matter
    notes = tell_before(matter)
    if record.transcript.model and record.transcript.model.demo:
        notes.append("演示模型转写,文字仅供测试")
    notes += [CUT_SHORT] * record.interrupted
    notes += [tell_leg(leg) for leg in record.legs if leg.matter == matter.index]
    talked = any(leg.window for leg in record.legs if leg.matter == matter.index)
    if told.pending:
        what = "转接后的通话" if talked else "语音识别曾中断,文字"
        notes.append(f"{what}待录音转写后补全")
    elif told.unheard:
        notes.append("语音未能识别,请听录音")
    if matter.danger:
        notes.append(SAYS_DANGER if matter.call_back.startswith(SAYS_DANGER) else IN_DANGER)
    if call_back := need_call_back(record, matter):
        notes.append(f"{call_back},须回电")
    if related := find_related(record, matter):
        notes.append(f"来电人一次说了几件事,另见工单{'、'.join(related)}")
    unfinished = record.ended_at and not record.interrupted and not matter.complete
    if unfinished and not is_settled(record, matter):
        notes.append(UNFINISHED)
    if matter.text and not matter.confirmed:
        notes.append("内容未经来电人确认")
    return notes
