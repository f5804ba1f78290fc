"""The reference intake's page: a plain table of what it holds, in Chinese, made on the server."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from html import escape
from typing import Any, Final
from urllib.parse import quote

from tickets.meaning.risk_rules import NAMES
from tickets.number import CITY_TIME

_STYLE: Final = """
body { font: 16px/1.6 "Noto Sans CJK SC", "Source Han Sans SC", sans-serif; margin: 2rem; color: #1a1a1a; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; color: #595959; padding-bottom: .5rem; }
th, td { text-align: left; vertical-align: top; padding: .4rem .8rem; border-bottom: 1px solid #d0d0d0; }
th { background: #f2f4f7; }
.number { font-family: monospace; white-space: nowrap; }
.urgent { color: #b00020; font-weight: bold; }
"""

SECURITY_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    + "'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

_HEADINGS: Final = ("工单编号", "平台编号", "状态", "受理时间", "标题", "地点", "修订")


_ALERT_HEADINGS: Final = ("预警编号", "时间", "种类", "内容", "来源")


def render_page(tickets: list[dict[str, Any]], total: int, alerts: list[dict[str, Any]]) -> str:
    """The whole page for ``tickets`` and ``alerts`` as ``Store`` lists them, the tickets out of ``total``."""
    head = "".join(f'<th scope="col">{heading}</th>' for heading in _HEADINGS)
    rows = "\n".join(_render_row(ticket) for ticket in tickets)
    empty = '<tr><td colspan="7">还没有工单。</td></tr>'
    return f"""<!DOCTYPE html>
<html lang="zh-CN">
<head><meta charset="utf-8"><title>工单受理平台(参考实现)</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>
<body>
<h1>工单受理平台(参考实现)</h1>
{_render_alerts(alerts)}
<table>
<caption>共受理 {total} 件,显示最新 {len(tickets)} 件。时间为北京时间。</caption>
<thead><tr>{head}</tr></thead>
<tbody>
{rows or empty}
</tbody>
</table>
</body>
</html>
"""


def _render_alerts(alerts: list[dict[str, Any]]) -> str:
    """Alerts stand first: they cannot wait."""
    if not alerts:
        return ""
    head = "".join(f'<th scope="col">{heading}</th>' for heading in _ALERT_HEADINGS)
    rows = "\n".join(_render_alert(held["intake_number"], held["alert"]) for held in alerts)
    return f"""<table>
<caption>最新预警 {len(alerts)} 条。</caption>
<thead><tr>{head}</tr></thead>
<tbody>
{rows}
</tbody>
</table>
"""


def _render_alert(number: str, alert: dict[str, Any]) -> str:
    if alert["kind"] == "danger":
        kind = f"险情:{NAMES[alert['risk']]}" if alert["risk"] else "险情:按键"
        what = f"“{alert['words']}”" if alert["words"] else "来电人按键示意有危险"
        where = f"{alert['line'] or alert['hotline']} {alert['caller']}".strip()
    else:
        kind = "热点"
        what = f"{alert['topic']}:{alert['count']} 件(通常 {alert['expected']:.1f} 件)"
        if (revision := alert.get("revision", 1)) > 1:
            what += f",第 {revision} 版"
        where = f"{alert['county']}{alert['township']}"
    cells = (
        f'<span class="number">{escape(number)}</span>',
        _show_time(alert["at"]),
        f'<span class="urgent">{escape(kind)}</span>',
        escape(what),
        escape(where),
    )
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _render_row(held: dict[str, Any]) -> str:
    first, last = held["revisions"][0], held["revisions"][-1]
    ticket = last["ticket"]
    appeal = ticket["appeal"]
    title = escape(appeal["title"])
    if appeal["urgency"] != "一般":
        title = f'<span class="urgent">{escape(appeal["urgency"])}</span> {title}'
    number = escape(held["number"])
    cells = (
        f'<a class="number" href="/v1/tickets/{quote(held["number"])}">{number}</a>',
        f'<span class="number">{escape(held["intake_number"])}</span>',
        escape(held["status"]),
        _show_time(first["accepted_at"]),
        title,
        escape(_show_place(ticket["place"])),
        f"第 {last['revision']} 版,{_show_time(last['accepted_at'])}",
    )
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _show_place(place: dict[str, str]) -> str:
    return "".join(place[part] for part in ("county", "township", "village", "address")) or place["said"]


def _show_time(moment: str) -> str:
    return f"{datetime.fromisoformat(moment).astimezone(CITY_TIME):%Y-%m-%d %H:%M:%S}"
