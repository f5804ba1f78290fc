"""Sounds as the stack plays them: one copy in its memory for all calls, as long as anybody has the sound."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import pjsua2 as pj

if TYPE_CHECKING:
    from gateway.site.sound import Sound

_loaded: WeakKeyDictionary[Sound, pj.PromptSound] = WeakKeyDictionary()


def load(sound: Sound) -> pj.PromptSound:
    """Give the stack's copy, made when it is asked for first. Raises pj.Error for a sound without a sample."""
    loaded = _loaded.get(sound)
    if loaded is None:
        loaded = _loaded[sound] = pj.PromptSound(sound.pcm)
    return loaded
