"""What the entries of a call are called on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recordings import entries

if TYPE_CHECKING:
    from recordings.entries import Entry


def describe(entry: Entry) -> tuple[str, str, str] | None:
    """What an entry of a call is called, its style, and what it says; None for one that says nothing to people."""
    match entry:
        case entries.Incoming(caller=caller, hotline=hotline, claims=claims):
            doubted = ", ".join(f"{claim.header} {claim.user}" for claim in claims)
            told = f"{caller or '未显示号码 / withheld'} → {hotline}"
            return "来电 / call", "bold", told + (f"; 不采信 / not believed: {doubted}" if doubted else "")
        case entries.Played(text=text):
            return "语音助手 / prompt", "cyan", text or "(提示音)"
        case entries.Heard(text=text):
            return "来电人 / caller", "green", text or "(没听清)"
        case entries.DigitEvent(key=key):
            return "按键 / key", "green", key
        case entries.Number(number=number):
            return "工单 / ticket", "bold yellow", number
        case _:
            return _describe_line(entry)


def _describe_line(entry: Entry) -> tuple[str, str, str] | None:
    match entry:
        case entries.Alarm(risk=risk, words=words):
            return "险情预警 / alarm", "bold red", f"{risk or '按键 / key'} {words}".rstrip()
        case entries.HungUp(by=by, media_seconds=seconds):
            return "挂断 / hung up", "bold", by if seconds is None else f"{by}, {seconds:.1f} s"
        case entries.Media(packets=packets, lost=lost, jitter_seconds=jitter):
            told = f"{packets} 包 / packets, 丢 / lost {lost}, 抖动 / jitter {jitter * 1000:.1f} ms"
            return "网络 / RTP", "dim", told
        case entries.Held():
            return "保持 / on hold", "dim", "来电人让线路等待 / the caller has the line wait"
        case _:
            return _describe_trouble(entry)


def _describe_trouble(entry: Entry) -> tuple[str, str, str] | None:
    match entry:
        case entries.Deaf() | entries.Hearing():
            told = entry.reason if isinstance(entry, entries.Deaf) else "恢复收听 / listens again"
            return "语音识别 / speech", "red" if isinstance(entry, entries.Deaf) else "green", told
        case entries.RecordingTrouble(reason=reason):
            return "录音不全 / recording", "red", reason
        case entries.Interrupted(reason=reason):
            return "系统中断 / cut off", "red", reason
        case _:
            return None
