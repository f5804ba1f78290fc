"""Scripts and styles: bundled from ``console/assets`` at set-up into ``console/static``, served under ``/static``."""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aiohttp import web

from config.fault import LastingFault
from console.keys import ASSETS
from console.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

STATIC: Final = Path(__file__).parent / "static"
_NEEDED: Final = ("console.js", "console.css")


class AssetsMissingError(LastingFault):
    """The bundles have not been built; the message says how to."""


def find_assets() -> Mapping[str, str]:
    """Every bundle with the hash of its content. Raises AssetsMissingError."""
    found = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()[:16]
        for file in STATIC.glob("*.*")
        if not file.name.startswith(".")
    }
    if missing := [name for name in _NEEDED if name not in found]:
        raise AssetsMissingError(
            f"{STATIC} lacks {', '.join(missing)}: run deploy/setup, or console/assets/build. "
            "页面脚本尚未生成,请运行 deploy/setup。"
        )
    return found


async def show(request: web.Request) -> web.StreamResponse:
    """A bundle; asked for with the hash of its content (``?v=``) it may be kept for ever."""
    name = request.match_info["name"]
    digest = request.app[ASSETS].get(name)
    if digest is None:
        raise Problem(HTTPStatus.NOT_FOUND, "没有这个文件", "请刷新页面后重试。")
    fresh = request.query.get("v") == digest
    caching = "public, max-age=31536000, immutable" if fresh else "no-cache"
    return web.FileResponse(STATIC / name, headers={"Cache-Control": caching})
