"""What a call looks like on a terminal, as it happens."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import aiohttp
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from recordings import entries
from recordings.entries import decode

if TYPE_CHECKING:
    from recordings.entries import Entry

console = Console(highlight=False, soft_wrap=True)

_ACCEPTANCE_SECONDS = 10.0


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


class Screen:
    """Shows the events of every call, and when the intake at ``tickets`` (its list's address) accepts a ticket."""

    def __init__(self, tickets: str) -> None:
        self._tickets = tickets
        self._asking: set[asyncio.Task[None]] = set()

    def show(self, event: dict[str, Any]) -> None:
        """One line for one event; a partial text is overwritten by the next where the terminal can."""
        entry = decode(event)
        match entry:
            case None:
                return
            case entries.Partial(text=text):
                end = "\r" if console.is_terminal else "\n"
                console.print(f"[dim]{'…':>20} {escape(text)}[/]", end=end)
            case _ if told := describe(entry):
                self._line(*told)
        if isinstance(entry, entries.Number):
            task = asyncio.create_task(self._tell_acceptance(entry.number))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    def _line(self, title: str, style: str, text: str) -> None:
        console.print(f"[{style}]{title:>20}[/] {escape(text)}")

    async def _tell_acceptance(self, number: str) -> None:
        timeout = aiohttp.ClientTimeout(total=_ACCEPTANCE_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            for _ in range(round(_ACCEPTANCE_SECONDS / 0.1)):
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with session.get(f"{self._tickets}/{number}") as answer:
                        if answer.ok:
                            ticket = await answer.json()
                            self._line("已受理 / accepted", "bold yellow", ticket["intake_number"])
                            return
                await asyncio.sleep(0.1)


def show_ticket(result: dict[str, Any]) -> None:
    """What `gateway.caller.demo.demonstrate` returned, as a table."""
    ticket = result["ticket"]
    table = Table(
        title=f"工单已受理 / ticket accepted: {ticket['number']}", show_header=False, title_style="bold green"
    )
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    place = ticket["place"]
    for name, value in (
        ("受理平台编号 / intake's number", ticket["intake_number"]),
        ("诉求类型 / type", ticket["appeal"]["type"] or ""),
        ("标题 / title", ticket["appeal"]["title"]),
        ("诉求内容 / content", ticket["appeal"]["content"]),
        (
            "地点 / place",
            "".join(place[k] for k in ("county", "township", "village", "address")) or place["said"],
        ),
        ("联系电话 / contact", ticket["caller"]["contact"]),
        ("备注 / notes", ";".join(ticket["notes"])),
        ("字错误率 / CER", f"{result['cer']:.2%}"),
        ("挂断到受理 / hang-up to accepted", f"{result['hangup_to_accepted_ms']:.0f} ms"),
    ):
        table.add_row(name, escape(str(value)))
    console.print(table)
