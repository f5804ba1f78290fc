"""A `Dictate`: what the caller has to say, phrase by phrase, until he is done."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ivr.state import Dictation
from ivr.turn import spoken
from ivr.words import normalise

if TYPE_CHECKING:
    from ivr.events import Heard
    from ivr.flow import Dictate
    from ivr.matter import AppealType, Spoken
    from ivr.turn import Turn

_SILENCE = 1.0  # seconds that end a phrase
_CHECKED = 3.0  # seconds of silence that answer "was that all?"
_LAST_PHRASE = 3.0  # seconds for the recogniser to deliver the phrase being spoken
_KINDS: tuple[AppealType, ...] = ("投诉", "举报", "咨询", "求助", "建议", "表扬")
_ANSWERS = ("done", "polite", "no", "yes", "more")  # to "was that all?"
_DONE = ("done", "polite", "yes")
_STATEMENT = 4  # characters: so many after "yes, that was all" are one
_OPENING_WORDS = 8  # characters in which a caller who names the kind of his appeal names it


def enter(turn: Turn, node: Dictate) -> None:
    """Take down from here, beginning with the phrase that led here."""
    state = turn.state
    turn.change(dictation=Dictation(since=len(state.matter.spoken)), until=turn.at + node.longest)
    if state.hears:
        turn.listen(None, _SILENCE)
    else:
        turn.listen_for_voice(_SILENCE)
    if state.carried is not None:
        turn.open_window(state.carried.start)
        _take(turn, state.carried)
        turn.change(carried=None)
    elif state.speaking is not None:
        turn.open_window(state.speaking)
        turn.change(voiced=True)
    elif turn.goes_on:
        turn.open_window(turn.at)
        note_unclear(turn)
    else:
        turn.open_window(turn.at)
        turn.queue(node.prompts)
        if node.tone:
            turn.queue((node.tone,))
    wait(turn, node)


def wait(turn: Turn, node: Dictate) -> None:
    """Play on; when all is said, wait for the caller to speak or to have done."""
    if turn.play_next():
        return
    dictation = turn.state.dictation
    spoke = dictation.said
    if not turn.state.hears:
        turn.change(voiced=True)  # nobody can tell: the recording will
        spoke = spoke or dictation.unclear
    if turn.state.speaking is not None:
        quiet = node.longest
    elif dictation.checking:
        quiet = _CHECKED
    else:
        quiet = node.pause if spoke else node.wait
    turn.wait_until(turn.at + quiet)


def go_on(turn: Turn, node: Dictate) -> None:
    """Nobody understands him any more: follow his voice, the recording will tell the words."""
    turn.listen_for_voice(_SILENCE)
    wait(turn, node)


def press(turn: Turn, node: Dictate, key: str) -> None:
    """``#`` ends it, once there is something to end; ``*`` leads back to the menu before; no other key counts."""
    spoke = turn.state.dictation.said or turn.state.dictation.unclear
    if key == "*" and node.back and not spoke:
        turn.stop_playing()
        turn.go(node.back)
    elif key == "#" and (turn.state.dictation.said or turn.state.playing is None):
        turn.stop_playing()
        _leave(turn, node)
    else:
        wait(turn, node)


def hear(turn: Turn, node: Dictate, heard: Heard) -> None:
    """Take a phrase: words of the matter, an answer to "was that all?" and what is said with it, or mere courtesy."""
    words, text, matter = turn.flow.words, normalise(heard.text), turn.state.matter
    done, content = False, text
    begun = matter.text != "" or matter.index > 0
    over = ("done", "no") if begun and not turn.state.dictation.said else ("done",)
    if found := words.find(text, _ANSWERS) if turn.state.dictation.checking else None:
        done, content = found.answer in _DONE and len(found.beside) < _STATEMENT, found.beside
    elif words.is_only(text, "greeting", "polite", "yes", *over):
        named = words.find(text, over) is not None
        done = named and begun
        content = text if named and not begun else ""
    if content:
        _take(turn, spoken(heard, None if content == text else content))
    _settle(turn)
    if done:
        _leave(turn, node)
        return
    _change(turn, checking=False)
    rest(turn, node)


def rest(turn: Turn, node: Dictate) -> None:
    """A phrase has ended: wait for the next one, or go if that was the last."""
    _settle(turn)
    if turn.state.dictation.closing:
        _leave(turn, node)
    else:
        wait(turn, node)


def note_unclear(turn: Turn) -> None:
    """The caller spoke, and was not understood: the recording tells."""
    _change(turn, unclear=True)


def elapse(turn: Turn, node: Dictate) -> None:
    """The caller has paused, or has spoken long enough."""
    dictation, until = turn.state.dictation, turn.state.until
    ask = dictation.said and not dictation.checking and dictation.checks < node.checks
    if turn.state.speaking is not None and not dictation.closing:
        _change(turn, closing=True)
        turn.change(until=turn.at + _LAST_PHRASE)
        turn.wait_until(turn.at + _LAST_PHRASE)
    elif ask and node.check and (until is None or turn.at < until):
        _change(turn, checks=dictation.checks + 1, checking=True)
        turn.queue((node.check,))
        wait(turn, node)
    else:
        turn.change(speaking=None)  # a phrase that never ended stays in the recording
        _leave(turn, node)


def leave(turn: Turn) -> None:
    """Close the window; note the kind of appeal that the words name."""
    if not turn.state.hears:
        turn.stop_listening()
    turn.close_window(keep=turn.state.voiced or not turn.state.hears)
    _note_kind(turn)


def _leave(turn: Turn, node: Dictate) -> None:
    silent = turn.state.hears and not turn.state.dictation.said
    turn.go(node.empty if silent else node.next)


def _settle(turn: Turn) -> None:
    """Once a phrase has ended it shows whether it was speech: a cough or a mere thank-you is no matter."""
    dictation, closed = turn.state.dictation, any(w.end is not None for w in turn.state.matter.windows)
    spoke = dictation.said or dictation.unclear or turn.state.speaking is not None
    turn.change(voiced=spoke or closed)


def _note_kind(turn: Turn) -> None:
    """The kind the words name: any kind in the caller's opening words, or one that the key leaves open."""
    text, options = turn.state.matter.text, turn.state.appeals
    if options:
        named = next((kind for kind in options[1:] if kind in text), options[0])
        turn.change_matter(appeal=named)
    else:
        opening = text[:_OPENING_WORDS]
        found = sorted((opening.find(kind), kind) for kind in _KINDS if kind in opening)
        if found:
            turn.change_matter(appeal=found[0][1])


def _take(turn: Turn, phrase: Spoken) -> None:
    turn.add_spoken(phrase)
    turn.change(voiced=True)
    _change(turn, said=True)


def _change(turn: Turn, **changes: Any) -> None:
    turn.change(dictation=replace(turn.state.dictation, **changes))
