"""A laid-out chart as SVG: one file without anything from elsewhere; a number leads to its box by a click."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape, quoteattr

from gateway.cli.drawing.layout import GAP, HEAD, LINE, PAD, WIDTH

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.cli.drawing.chart import Kind
    from gateway.cli.drawing.layout import Layout, Placed

_COLOURS: Final[Mapping[Kind, str]] = {
    "说": "#566173",
    "问": "#1f5fae",
    "听": "#1e6b3a",
    "输号码": "#0f6f78",
    "判断": "#8a5300",
    "查找": "#566173",
    "查询": "#566173",
    "登记": "#6b3fa0",
    "转接": "#b3261e",
    "结束": "#1c2430",
}
_STYLE: Final = """
  text { font: 14px "Noto Sans CJK SC", "Source Han Sans SC", "PingFang SC", "Microsoft YaHei", sans-serif; }
  text { fill: #1c2430; }
  .title { font-size: 22px; font-weight: 700; }
  .band { font-size: 17px; font-weight: 700; }
  .head { fill: #fff; font-weight: 700; }
  .exit { font-size: 13px; fill: #3b4656; }
  .goto { font-size: 13px; fill: #1f5fae; text-anchor: end; }
  .way { fill: none; stroke: #8b95a5; stroke-width: 1.5; }
""".strip("\n")
_TITLE: Final = 46


def draw(layout: Layout, title: str) -> str:
    """The picture, titled."""
    height = layout.height + _TITLE
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{layout.width}" height="{height}" '
        f'viewBox="0 0 {layout.width} {height}" role="img" aria-label={quoteattr(title)}>'
    )
    body = [
        f"<style>\n{_STYLE}\n</style>",
        '<rect width="100%" height="100%" fill="#f6f7f9"/>',
        f'<text class="title" x="24" y="38">{escape(title)}</text>',
        f'<g transform="translate(0 {_TITLE})">',
        *(
            f'<text class="band" x="24" y="{band.y + 18}">{escape(band.title)}</text>'
            for band in layout.bands
        ),
        *(line for one in layout.placed.values() for line in _draw_ways(one, layout)),
        *(line for one in layout.placed.values() for line in _draw_box(one, layout)),
        "</g>",
    ]
    return "\n".join([head, *body, "</svg>", ""])


def _draw_ways(one: Placed, layout: Layout) -> Iterator[str]:
    for index, each in enumerate(one.box.exits):
        if each.target in one.drawn:
            target = layout.placed[each.target]
            x, y = one.x + WIDTH, one.top(index) + (PAD + LINE) // 2
            end = target.y + HEAD // 2
            middle = x + GAP // 2
            yield f'<path class="way" d="M{x} {y} C{middle} {y} {middle} {end} {target.x - 6} {end}"/>'
            yield f'<path d="M{target.x} {end} l-8 -4 v8 z" fill="#8b95a5"/>'


def _draw_box(one: Placed, layout: Layout) -> Iterator[str]:
    colour = _COLOURS[one.box.kind]
    yield f'<g id="n{one.number}"><title>{escape(one.box.name)}: {escape(one.box.text)}</title>'
    yield (
        f'<rect x="{one.x}" y="{one.y}" width="{WIDTH}" height="{one.height}" rx="6" '
        f'fill="#fff" stroke="{colour}" stroke-width="1.5"/>'
    )
    yield f'<path d="M{one.x} {one.y + HEAD} v-20 q0 -6 6 -6 h{WIDTH - 12} q6 0 6 6 v20 z" fill="{colour}"/>'
    yield f'<text class="head" x="{one.x + 10}" y="{one.y + 18}">{one.number}　{one.box.kind}</text>'
    for index, line in enumerate(one.lines):
        y = one.y + HEAD + LINE * index + 18
        yield f'<text x="{one.x + 10}" y="{y}">{escape(line)}</text>'
    for index, each in enumerate(one.box.exits):
        yield from _draw_exit(one, index, None if each.target in one.drawn else layout.placed[each.target])
    yield "</g>"


def _draw_exit(one: Placed, index: int, target: Placed | None) -> Iterator[str]:
    """A row of a box; ``target`` is what it leads to, unless a line does."""
    top = one.top(index)
    yield f'<path d="M{one.x} {top} h{WIDTH}" stroke="#e4e8ee"/>'
    for number, line in enumerate(one.rows[index]):
        y = top + LINE * number + 18
        yield f'<text class="exit" x="{one.x + 10}" y="{y}">{escape(line)}</text>'
    if target is not None:
        yield (
            f'<a href="#n{target.number}"><text class="goto" x="{one.x + WIDTH - 10}" y="{top + 18}">'
            f"→ {target.number}</text></a>"
        )
