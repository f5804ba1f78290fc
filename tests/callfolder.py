"""Call folders as the gateway leaves them, written by the same journal, for tests of what follows a call."""

from __future__ import annotations

import struct
import wave
from array import array
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from asr.transcript import ModelFingerprint, Utterance, Word
from ivr.matter import Matter, Spoken, Window
from recordings import entries, folders, journal
from recordings.journal import Journal
from tickets.entries import note_matter, note_model, note_utterance

if TYPE_CHECKING:
    from pathlib import Path

    from recordings.entries import Entry

DEMO = ModelFingerprint("demo", "5a" * 32, demo=True)
FRONT = entries.Line(
    name="政务服务便民热线",
    department="12345热线服务中心",
    mode="总线",
    found_by="request-uri",
    found_as="055812345",
)
BIG = ModelFingerprint("big", "b1" * 32, demo=False)


def heard(
    text: str, start: float, end: float, *, confirmed: bool = True, confidence: float = 0.9
) -> Utterance:
    words = (Word(text, start, end, confidence),) if text else ()
    return Utterance(text, words, start, end, confidence, -20.0, confirmed)


def stated(index: int, *phrases: Utterance, until: float | None = None, **fields: Any) -> Matter:
    """A matter of these phrases, dictated in one window."""
    spoken = tuple(Spoken(p.text, p.start, p.end, p.confidence, p.confirmed) for p in phrases)
    begin = phrases[0].start if phrases else fields.pop("begin")
    return Matter(index=index, spoken=spoken, windows=(Window(begin, until),), **fields)


def told(folder: Path) -> list[Entry]:
    """What the journal in that folder says."""
    return [written.entry for written in journal.read(folder).entries]


def kinds(folder: Path) -> list[str]:
    return [entry.kind for entry in told(folder)]


class CallFolder:
    """A call in the spool of ``data``, told step by step."""

    def __init__(self, data: Path, call_id: str = "20260701T083015-0a1b2c3d") -> None:
        self.call_id = call_id
        self.journal = Journal.create(folders.spool(data), call_id)
        self.folder = self.journal.folder

    def begin(
        self,
        *,
        caller: str = "13855812345",
        model: ModelFingerprint | None = DEMO,
        test: bool = False,
        **line: Any,
    ) -> CallFolder:
        """``line`` is what differs from the front door in the journal's `line`."""
        self.journal.append(
            entries.Incoming(
                call_id=self.call_id,
                sip_call_id="abc@192.0.2.1",
                caller=caller,
                called="055812345",
                hotline=line.pop("hotline", "12345"),
                line=replace(FRONT, **line),
                flow="default",
                node=1,
                test=test,
            )
        )
        if model:
            self.journal.append(note_model(model))
        else:
            self.journal.append(entries.Deaf("speech recognition was out of reach when the call came"))
        self.journal.append(entries.Answered())
        self.journal.append(entries.AnsweredEvent(0.0, caller, "12345", hears=model is not None))
        return self

    def hear(self, *utterances: Utterance, question: str = "dictate") -> CallFolder:
        for utterance in utterances:
            self.journal.append(note_utterance(utterance, question))
        return self

    def state(self, matter: Matter) -> CallFolder:
        self.journal.append(note_matter(matter))
        return self

    def note(self, *told: Entry) -> CallFolder:
        for entry in told:
            self.journal.append(entry)
        return self

    def hang_up(self, *, by: str = "caller", seconds: float = 30.0) -> CallFolder:
        self.note(entries.HungUp(by, "200 OK", seconds), entries.Finished())
        self.journal.close()
        return self

    def die(self) -> CallFolder:
        """As the start-up sweep leaves it."""
        self.note(entries.Interrupted("the gateway stopped during the call"), entries.Finished())
        self.journal.close()
        return self

    def record(self, caller: bytes, heard: bytes = b"") -> CallFolder:
        """The recording: the caller's side as s16le, 8 kHz, and what he heard; silence where that ends before."""
        samples = array("h", bytes(2 * len(caller)))
        samples[0::2] = array("h", caller)
        samples[1 : len(heard) : 2] = array("h", heard[: len(caller)])
        with wave.open(str(self.folder / folders.AUDIO), "wb") as file:
            file.setparams((2, 2, 8000, 0, "NONE", ""))
            file.writeframes(samples.tobytes())
        return self


def silence(seconds: float) -> bytes:
    """Comfort noise at the edge of hearing: a line on which nobody speaks."""
    return b"".join(struct.pack("<h", (n * 7919) % 7 - 3) for n in range(round(seconds * 8000)))
