"""What an agent sees of the work list, out of the page's HTML."""

from __future__ import annotations

from html.parser import HTMLParser


class _Rows(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, list[str]] = {}
        self.more = ""
        self._cells: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "tr":
            call_id = told.get("data-call")
            self._cells = self.found.setdefault(call_id, []) if call_id else None
        elif tag == "td" and self._cells is not None:
            self._cells.append("")
        elif tag == "a" and told.get("data-key") == "m":
            self.more = told["href"] or ""

    def handle_data(self, data: str) -> None:
        if self._cells:
            self._cells[-1] += data


def read_rows(page: str) -> tuple[dict[str, list[str]], str]:
    """Each call's cells by call id, in the page's order, and the address of the page that follows ("": none)."""
    reading = _Rows()
    reading.feed(page)
    return {
        call_id: [" ".join(c.split()) for c in cells] for call_id, cells in reading.found.items()
    }, reading.more
