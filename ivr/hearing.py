"""What the caller says: where speech begins, what was heard of it, and the loss of hearing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ivr import dictating
from ivr.entering import WAITING, question, wait
from ivr.flow import SELF_HARM, Ask, Connect, Dictate, Digits
from ivr.matter import Spoken
from ivr.turn import SPEECH_LONGEST, spoken

if TYPE_CHECKING:
    from ivr.events import Alarmed, EarChecked, EarLost, Heard, SpeechStarted, WordsBegan
    from ivr.turn import Turn

FAINT = -42.0
"""dBFS; quieter speech that was not understood is too quiet."""

_ECHO = -50.0  # dBFS: quieter sounds without words are not the caller's
_SURE = 0.5  # confidence below which quiet speech counts as not understood
_PAUSES = 3  # a prompt that coughs or a noise have held up so often stops for words only


def speech_started(turn: Turn, event: SpeechStarted) -> None:
    """The caller makes a sound: what plays stands still until it shows whether he speaks, if that can show."""
    node, listening = question(turn), turn.state.listening
    if listening is None:
        return
    turn.change(speaking=event.at, phrase=event.start)
    if isinstance(node, Dictate):
        turn.change(voiced=True)
    if type(node) not in WAITING or not listening.words:
        turn.stop_playing()
    elif turn.state.paused or turn.state.pauses < _PAUSES:
        turn.pause_playing(turn.flow.first_word)
    wait(turn)


def words_began(turn: Turn, event: WordsBegan) -> None:
    """He does speak: what plays stands still until he has ended."""
    here = turn.state.listening is not None and type(question(turn)) in WAITING
    if here and turn.state.speaking is not None and event.start == turn.state.phrase:
        turn.pause_playing(SPEECH_LONGEST)


def alarmed(turn: Turn, event: Alarmed) -> None:
    """What he is saying tells of danger, of which nothing was known: he is passed on before he has ended.

    What he has said so far is kept, since another question will listen. Where his matter was filed already, the danger
    is a matter of its own.
    """
    state = turn.state
    target = turn.flow.self_harm_said if event.risk == SELF_HARM else turn.flow.danger_said
    if target is None or state.listening is None or state.matter.danger:
        return
    turn.stop_playing()
    turn.alarm = event
    turn.change(alarming=event.start)
    said = Spoken(event.words, event.start, max(event.start, event.at), 0.0, confirmed=False)
    if not state.matter.complete:
        turn.keep(said)
    turn.go(target, said if state.matter.complete else None)


def heard(turn: Turn, event: Heard) -> None:
    """A phrase has ended, with words or without."""
    node = question(turn)
    if event.start == turn.state.alarming and event.text:
        turn.complete(spoken(event))
        _rest(turn)
        return
    if event.start >= turn.state.phrase:  # else it comes late: the caller is in his next phrase already
        turn.change(speaking=None)
    if turn.state.listening is None or type(node) not in WAITING:
        return
    closing = isinstance(node, Dictate) and turn.state.dictation.closing
    faint = is_faint(event) and not closing and not isinstance(node, Connect)
    unclear = _is_unclear(turn, event, faint=faint)
    if unclear and isinstance(node, Dictate):
        dictating.note_unclear(turn)
    if turn.state.playing is not None and _is_cough(turn, event):
        _rest(turn)
    elif unclear and not faint and event.confirmed and isinstance(node, Ask | Digits):
        turn.misunderstand()
    elif not event.text and (event.level < _ECHO or not faint):
        _rest(turn)
    elif faint:
        _ask_louder(turn)
    else:
        turn.stop_playing()
        free = turn.state.listening.phrases is None
        request = turn.flow.words.find_request(event.text)
        if request and not (isinstance(node, Connect) and turn.state.matter.call_back):
            told = request.beside if free else ""
            turn.keep(spoken(event, told) if told else None)
            turn.go(turn.flow.person)
        else:
            WAITING[type(node)].hear(turn, node, event)


def is_faint(heard: Heard) -> bool:
    """Whether a phrase was too quiet to be understood surely."""
    return heard.level < FAINT and heard.confirmed and (not heard.text or heard.confidence < _SURE)


def _is_unclear(turn: Turn, heard: Heard, *, faint: bool) -> bool:
    """Whether it was speech that was not understood, and no mere noise."""
    if heard.text:
        return faint
    spoke = faint or not heard.confirmed or heard.end - heard.start >= turn.flow.cough
    return spoke and heard.level >= _ECHO


def _is_cough(turn: Turn, heard: Heard) -> bool:
    """Whether what sounded over a prompt says nothing: no word, or one that was made out in a short noise."""
    short = heard.end - heard.start < turn.flow.cough
    return not heard.text or (short and not heard.pitched)


def _rest(turn: Turn) -> None:
    """A sound without words has ended: what it held up goes on, unless another holds it up by now."""
    node = question(turn)
    if turn.state.speaking is None:
        turn.resume_playing()
    if isinstance(node, Dictate):
        dictating.rest(turn, node)
    else:
        wait(turn)


def _ask_louder(turn: Turn) -> None:
    """Once in a call; after that a person must call back, unless one will."""
    turn.stop_playing()
    if not turn.state.asked_louder:
        turn.change(asked_louder=True)
        turn.queue((turn.flow.speak_up,))
        wait(turn)
    elif turn.state.matter.call_back:
        _rest(turn)
    elif turn.flow.placed and turn.state.concluded is None:
        turn.misunderstand()  # whom we have called: it may be a machine, for which no person is called
    else:
        turn.go(turn.flow.faint)


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
            if turn.state.paused:  # he was about to speak
                turn.stop_playing()
            dictating.go_on(turn, node)
        else:
            turn.resume_playing()
            wait(turn)


def ear_checked(turn: Turn, event: EarChecked) -> None:
    """The next question listens, or does not try; this one goes on as it is."""
    turn.change(ear=event.there)
