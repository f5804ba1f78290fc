"""What the caller says: where speech begins, what was heard of it, and the loss of hearing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ivr import dictating
from ivr.entering import WAITING, question, wait
from ivr.flow import Ask, Connect, Dictate, Digits
from ivr.turn import spoken

if TYPE_CHECKING:
    from ivr.events import EarChecked, EarLost, Heard, SpeechStarted
    from ivr.turn import Turn

_FAINT = -42.0  # dBFS: quieter speech that was not understood is too quiet
_ECHO = -50.0  # dBFS: quieter sounds without words are not the caller's
_SPEECH = 1.0  # seconds: a shorter sound without words is a cough or a knock
_SURE = 0.5  # confidence below which quiet speech counts as not understood


def speech_started(turn: Turn, event: SpeechStarted) -> None:
    """The caller begins a phrase, and cuts short what plays."""
    if turn.state.listening is not None:
        turn.change(cut=turn.stop_playing(), speaking=event.at, phrase=event.start)
        if isinstance(question(turn), Dictate):
            turn.change(voiced=True)
        wait(turn)


def heard(turn: Turn, event: Heard) -> None:
    """A phrase has ended, with words or without."""
    node = question(turn)
    if event.start >= turn.state.phrase:  # else it comes late: the caller is in his next phrase already
        turn.change(speaking=None)
    if turn.state.listening is None or type(node) not in WAITING:
        return
    closing = isinstance(node, Dictate) and turn.state.dictation.closing
    quiet = event.level < _FAINT and event.confirmed and (not event.text or event.confidence < _SURE)
    faint = quiet and not closing and not isinstance(node, Connect)
    unclear = _is_unclear(event, faint=faint)
    if unclear and isinstance(node, Dictate):
        dictating.note_unclear(turn)
    if unclear and not faint and event.confirmed and isinstance(node, Ask | Digits):
        turn.misunderstand()
    elif not event.text and (event.level < _ECHO or not faint):
        _rest(turn)
    elif faint:
        _ask_louder(turn)
    else:
        turn.stop_playing()
        free = turn.state.listening.phrases is None
        request = turn.flow.words.find_request(event.text)
        if free and not turn.state.matter.danger and turn.flow.words.tells_danger(event.text):
            turn.keep(spoken(event))
            turn.go(turn.flow.danger_said)
        elif request and not (isinstance(node, Connect) and turn.state.matter.call_back):
            told = request.beside if free else ""
            turn.keep(spoken(event, told) if told else None)
            turn.go(turn.flow.person)
        else:
            WAITING[type(node)].hear(turn, node, event)


def _is_unclear(heard: Heard, *, faint: bool) -> bool:
    """Whether it was speech that was not understood, and no mere noise."""
    if heard.text:
        return faint
    spoke = faint or not heard.confirmed or heard.end - heard.start >= _SPEECH
    return spoke and heard.level >= _ECHO


def _rest(turn: Turn) -> None:
    """A sound without words has ended: say again, once, what it cut short."""
    node, state = question(turn), turn.state
    if isinstance(node, Dictate):
        dictating.rest(turn, node)
    elif isinstance(node, Ask | Digits) and state.cut and not state.replayed:
        turn.change(replayed=True, cut=False)
        WAITING[type(node)].enter(turn, node)
    else:
        wait(turn)


def _ask_louder(turn: Turn) -> None:
    """Once in a call; after that a person must call back, unless one will."""
    turn.stop_playing()
    if not turn.state.asked_louder:
        turn.change(asked_louder=True, cut=False)
        turn.queue((turn.flow.speak_up,))
        wait(turn)
    elif not turn.state.matter.call_back:
        turn.go(turn.flow.faint)
    else:
        _rest(turn)


def ear_lost(turn: Turn, _event: EarLost) -> None:
    """Nothing is understood any more: this question goes on by keys, and who has begun to tell is not stopped."""
    node, state = question(turn), turn.state
    told = state.dictation.said or state.dictation.unclear or state.speaking is not None
    turn.stop_listening()
    turn.change(hears=False)
    turn.deafened = True
    if isinstance(node, Ask | Dictate | Digits):
        if node.deaf:
            turn.stop_playing()
            turn.goes_on = isinstance(node, Dictate) and told
            turn.go(node.deaf)
        elif isinstance(node, Dictate):
            dictating.go_on(turn, node)
        else:
            wait(turn)


def ear_checked(turn: Turn, event: EarChecked) -> None:
    """The next question listens, or does not try; this one goes on as it is."""
    turn.change(ear=event.there)
