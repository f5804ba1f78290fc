"""From a flow file to a proved `Flow`. A flow that cannot be proved is refused, every fault at its line."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from config.document import Document, embedded, load, read
from ivr.discretion import check_discretion
from ivr.document import (
    AskPart,
    ChoosePart,
    ConnectPart,
    DictatePart,
    DigitsPart,
    FlowFile,
    InquirePart,
    LookUpPart,
    NodePart,
    Prompts,
    SetPart,
    StepPart,
    SubmitPart,
    WordsFile,
)
from ivr.flow import (
    Ask,
    Change,
    Choose,
    Connect,
    Dictate,
    Digits,
    End,
    Flow,
    Inquire,
    LookUp,
    Node,
    Step,
    Submit,
)
from ivr.proof import check_words, prove
from ivr.words import Words

if TYPE_CHECKING:
    from pathlib import Path

    from config.prompts import PromptTexts


def compile_flow(source: Path | str, texts: PromptTexts) -> Flow:
    """Read, compile and prove a flow (a path, or its text); raises ConfigError with every fault found."""
    written = read(FlowFile, source)
    document = _add_shared_words(written)
    file = document.value
    nodes = {name: _node(name, part) for name, part in file.nodes.items()}
    slots = {name: texts.slots(name) for name in texts.prompts}
    faults, proof = prove(document, nodes, slots)
    if not faults:
        faults += check_discretion(document, nodes, slots)
    if file.neutral is not None:
        said = f"until a key confirms the person, nothing is said but {len(file.neutral)} neutral prompts"
        proof = (*proof, said)
    faults += check_words(document)
    document.refuse(faults)
    return Flow(
        name=file.name,
        start=file.start,
        person=file.person,
        duty=file.at_once,
        danger=file.danger,
        danger_said=file.said,
        self_harm_said=file.self_harm_said or file.said,
        lost=file.lost,
        faint=file.faint,
        centre=file.centre,
        recall=file.recall,
        patience=file.patience,
        matters=file.matters,
        speak_up=file.speak_up,
        not_heard=file.not_heard,
        offer_person=file.offer_person,
        cough=file.cough,
        first_word=file.first_word,
        words=Words(MappingProxyType(dict(file.words))),
        nodes=MappingProxyType(nodes),
        slots=MappingProxyType(slots),
        proof=proof,
        places=MappingProxyType(_place_words(written)),
        placed=file.neutral is not None,
    )


def _add_shared_words(document: Document[FlowFile]) -> Document[FlowFile]:
    words = load(WordsFile, embedded("words.yaml")).words | document.value.words
    return replace(document, value=document.value.model_copy(update={"words": words}))


def _place_words(document: Document[FlowFile]) -> dict[tuple[str, str], str]:
    """Where each word of each class stands: a flow's own class in place of the shared one."""
    shared = read(WordsFile, embedded("words.yaml"))
    return {
        (name, word): f"{written.file}:{written.line('words', name, index)}"
        for written in (shared, document)
        for name, words in written.value.words.items()
        for index, word in enumerate(words)
    }


def _node(name: str, part: NodePart) -> Node:  # noqa: PLR0911 -- one for each kind
    match part:
        case StepPart():
            return Step(name, part.next, _names(part.say), _change(part.set))
        case ChoosePart():
            return Choose(name, tuple((c.when, c.go) for c in part.choose), part.otherwise)
        case AskPart():
            return Ask(
                name=name,
                prompts=_names(part.ask),
                timeout=part.timeout,
                answers=MappingProxyType(dict(part.on)),
                tries=part.tries,
                then=part.then,
                silence=part.silence,
                hear=part.hear,
                after=MappingProxyType(dict(part.after)),
                blank=part.blank,
                deaf=part.deaf,
                ahead=part.ahead,
                pick=part.pick,
            )
        case DictatePart():
            return Dictate(
                name=name,
                prompts=_names(part.dictate),
                tone=part.tone,
                wait=part.wait,
                pause=part.pause,
                longest=part.longest,
                check=part.check,
                checks=part.checks,
                next=part.next,
                empty=part.empty,
                tries=part.tries,
                then=part.then,
                deaf=part.deaf,
                back=part.back,
            )
        case DigitsPart():
            return Digits(
                name=name,
                prompts=_names(part.digits),
                timeout=part.timeout,
                gap=part.gap,
                answers=MappingProxyType(dict(part.on)),
                invalid=part.invalid,
                next=part.next,
                tries=part.tries,
                then=part.then,
                deaf=part.deaf,
                ahead=part.ahead,
                of=part.of,
            )
        case ConnectPart():
            return Connect(
                name=name,
                reason=part.connect,
                prompts=_names(part.say),
                waiting=part.waiting,
                every=part.every,
                longest=part.longest,
                answers=MappingProxyType(dict(part.on)),
                parted=part.parted,
                broken=part.broken,
                refused=part.refused,
                nobody=part.nobody or part.refused,
                tries=part.tries,
                given_up=part.given_up,
                file=part.submit is not None,
                keep_words=part.keep_words,
            )
        case LookUpPart():
            return LookUp(name, part.look_up, part.next)
        case InquirePart():
            return Inquire(name, part.inquire, part.next)
        case SubmitPart():
            return Submit(name, part.next, part.failed)
        case _:
            return End(name, _names(part.end))


def _names(prompts: Prompts) -> tuple[str, ...]:
    return (prompts,) if isinstance(prompts, str) else prompts


def _change(part: SetPart) -> Change:
    return Change(
        appeal=part.appeal,
        call_back=part.call_back,
        danger=part.danger is True,
        confirmed=part.confirmed is True,
        contact=part.contact,
        next_matter=part.matter == "next",
        told_matter=part.matter == "told",
        no_matter=part.matter == "none",
        rating=part.rating,
        concluded=part.concluded,
        solved=part.solved,
        past_matter=part.matter == "past",
        take=part.take,
    )
