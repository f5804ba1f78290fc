"""Words heard in the call, words found later in its recording, and the phrases heard again, made into one.

What was heard live, to its end, is kept: the caller has confirmed it, has corrected it, was restricted by the
question to few words. The recording fills in what is missing. The second pass hears the same phrases again, each
between the same times, by a better model: its text is the text of record.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from asr.transcript import Transcript, Utterance
from ivr.matter import Matter, Spoken, Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# An utterance belongs to a window when this much of it lies inside, in seconds (or half of a shorter one).
_BELONGS_S = 0.5
# What callers say to the machine rather than about their matter; the longer ones first.
_MENU_WORDS = re.compile(
    "转人工|人工服务|人工|接线员|找人|你好|您好|打错了|听不清|听得到吗|听得见吗|再说一遍|重复一遍|重复|没有别的|没有了|没有"
    "|没事|没了|不用了|不用|谢谢|再见|拜拜|是的|对的|不是|不对|好的|可以|好了|行|喂|嗯|啊|哎|呃|是|对|好"
)
_SUBSTANCE = 2  # characters left without the menu words that make a matter


def merge(live: Transcript, late: Transcript | None) -> Transcript:
    """One transcript: the live one, its gaps filled from the recording's. Complete when the late one is."""
    if late is None:
        return live
    kept = [u for u in live.utterances if u.confirmed]
    found = [u for u in late.utterances if u.speaker != "caller" or not any(_covers(k, u) for k in kept)]
    # A partial that the recording does not know either is better than nothing.
    torn = [
        u for u in live.utterances if not u.confirmed and u.text and not any(_covers(f, u) for f in found)
    ]
    utterances = sorted((*kept, *found, *torn), key=lambda u: (u.start, u.end))
    return Transcript(model=late.model or live.model, utterances=tuple(utterances), complete=late.complete)


def combine(kept: Mapping[str, Transcript]) -> Transcript:
    """What is kept of a call by its source (``live``, ``late``, ``second``), in one."""
    words = merge(kept.get("live", Transcript(None, ())), kept.get("late"))
    return revise(words, kept.get("second"))


def revise(words: Transcript, second: Transcript | None) -> Transcript:
    """The same phrases as the second pass has heard them; what it has understood nothing of stays as it was.

    One that has heard nothing else is no news, and changes nothing.
    """
    heard = _by_times(second)
    utterances = tuple(heard.get((u.speaker, u.start, u.end), u) for u in words.utterances)
    changed = any(now.text != before.text for now, before in zip(utterances, words.utterances, strict=True))
    return replace(words, model=second.model, utterances=utterances) if second and changed else words


def reword(matter: Matter, words: Transcript, second: Transcript | None) -> Matter:
    """The matter in the words of the second pass, where a phrase of ``words`` stands in it as a whole."""
    heard = _by_times(second)
    whole = {(u.start, u.end): u.text for u in words.utterances if u.speaker == "caller"}
    spoken = []
    for one in matter.spoken:
        again = heard.get(("caller", one.start, one.end))
        if again is not None and whole.get((one.start, one.end)) == one.text:
            spoken.append(replace(one, text=again.text, confidence=again.confidence, confirmed=True))
        else:
            spoken.append(one)
    return replace(matter, spoken=tuple(spoken))


def is_sound(window: Window, live: Transcript, deaf: Iterable[Window]) -> bool:
    """Whether everything said in the window was heard live, to its end; not in the ``deaf`` stretches."""
    if window.end is None or any(
        stretch.start < window.end and (stretch.end is None or stretch.end > window.start) for stretch in deaf
    ):
        return False
    return all(u.confirmed for u in live.utterances if belongs(u, window))


def refill(matter: Matter, gaps: Sequence[Window], merged: Transcript) -> Matter:
    """The matter with the words of its ``gaps`` (windows not wholly heard) taken from ``merged``."""
    kept = [s for s in matter.spoken if s.confirmed or not any(belongs(s, gap) for gap in gaps)]
    found = [
        Spoken(u.text, u.start, u.end, u.confidence, u.confirmed)
        for u in merged.utterances
        if u.text and any(belongs(u, gap) for gap in gaps) and not any(_covers(k, u) for k in kept)
    ]
    torn = [s for s in matter.spoken if s not in kept and not any(_covers(f, s) for f in found)]
    spoken = sorted((*kept, *found, *torn), key=lambda s: s.start)
    return replace(matter, spoken=tuple(spoken))


def attach(matters: Sequence[Matter], loose: Iterable[Utterance]) -> list[Matter]:
    """The matters, each with those loose words of substance that were said before it was asked for.

    What was said after the last question for a matter belongs to the last matter.
    """
    added: dict[int, list[Spoken]] = {}
    for u in loose:
        if len(_MENU_WORDS.sub("", u.text)) < _SUBSTANCE:
            continue
        asked_later = (i for i, m in enumerate(matters) if any(w.start >= u.start for w in m.windows))
        position = next(asked_later, len(matters) - 1)
        added.setdefault(position, []).append(Spoken(u.text, u.start, u.end, u.confidence, u.confirmed))
    return [
        replace(m, spoken=tuple(sorted((*m.spoken, *added[i]), key=lambda s: s.start))) if i in added else m
        for i, m in enumerate(matters)
    ]


def state_matter(index: int, utterances: Iterable[Utterance], end: float) -> Matter | None:
    """A matter made of loose words; None when they say no more than greetings and answers to a menu."""
    said = [u for u in utterances if u.text]
    if len(_MENU_WORDS.sub("", "".join(u.text for u in said))) < _SUBSTANCE:
        return None
    return Matter(
        index=index,
        spoken=tuple(Spoken(u.text, u.start, u.end, u.confidence, u.confirmed) for u in said),
        windows=(Window(said[0].start, end),),
    )


def belongs(heard: Utterance | Spoken | Window, window: Window) -> bool:
    """Whether something heard lies in the window, so far as it matters; an open window reaches to the end."""
    end = heard.start if heard.end is None else heard.end
    needed = min(_BELONGS_S, (end - heard.start) / 2)
    window_end = end if window.end is None else window.end
    return min(end, window_end) - max(heard.start, window.start) >= needed


def _by_times(second: Transcript | None) -> dict[tuple[str, float, float], Utterance]:
    return {(u.speaker, u.start, u.end): u for u in second.utterances if u.text} if second else {}


def _covers(kept: Utterance | Spoken, found: Utterance | Spoken) -> bool:
    overlap = min(kept.end, found.end) - max(kept.start, found.start)
    return overlap > 0 and overlap >= (found.end - found.start) / 2
