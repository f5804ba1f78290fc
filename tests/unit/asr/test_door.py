"""Who is let in by the speech server."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from asr.door import Entrance


@pytest.mark.parametrize(
    ("shown", "let_in"),
    [
        ("Bearer 秘密", True),
        ("Bearer other", False),
        ("Bearer ", False),
        ("", False),
        ("Bearer \udcff\udcfe", False),  # bytes that are no text, as aiohttp gives them
    ],
)
def test_only_the_token_itself_is_let_in(shown: str, let_in: bool) -> None:
    request = SimpleNamespace(headers={"Authorization": shown})
    assert Entrance(token="秘密").lets_in(request) is let_in
