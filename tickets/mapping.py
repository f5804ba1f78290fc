"""Another city's intake, described by a file: its field names and codes, its answer, what it can do and what it cannot.

Without I/O: `tickets.mapped` posts. The file is read by `read_mapping`, which refuses what cannot work, with file, line
and remedy.
"""

# No `from __future__ import annotations` here: pydantic reads the annotations at run time.

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Final, Literal, Self, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from config.document import ConfigError, Document, read
from tickets.access import read_url
from tickets.answers import AnswerError, look, parse, spell
from tickets.ticket import Receipt, Ticket

Name = Annotated[str, Field(pattern=r"^[^.\s]+(\.[^.\s]+)*$", max_length=200)]
"""A field, or one within others: ``person.phone``."""

_REVISION: Final = "revision"


class _Model(BaseModel):
    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid", populate_by_name=True)


class FieldPart(_Model):
    """Where one of their fields comes from: a field of the ticket (``from``), or always the same ``value``.

    ``codes`` are their words for ours, ``otherwise`` for all others; ``longest`` cuts a text; ``empty`` stands for what
    is empty or not known. A list becomes one text, joined by ``join``.
    """

    source: Annotated[Name | None, Field(alias="from")] = None
    value: str | int | float | bool | None = None
    codes: dict[str, str] = {}
    otherwise: str | None = None
    longest: Annotated[int | None, Field(ge=1)] = None
    empty: str | None = None
    join: str | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.source is None) == (self.value is None):
            raise ValueError("give either `from` or `value`")
        return self


class AnswerPart(_Model):
    """Where in their answer (JSON) the receipt stands: their ``number`` and ``status``.

    ``ok`` is a field that is one of ``good`` when all went well, for an intake that answers 200 whatever happened.
    """

    number: Name
    status: Name | None = None
    ok: Name | None = None
    good: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.ok is None) != (not self.good):
            raise ValueError(
                "`ok` names a field and `good` what it says when all went well: give both or neither"
            )
        return self


class LookupPart(_Model):
    """How to ask whether they have a ticket already: GET ``url``, with ``{number}`` for ours.

    They have it when their answer has ``answer.number``; its ``revision`` is the last of ours that they have.
    """

    url: str
    answer: AnswerPart
    revision: Name | None = None


class SupplementPart(_Model):
    """Where, and in which fields, what follows the first revision goes (补充), for an intake that changes nothing."""

    url: str
    fields: Annotated[dict[Name, FieldPart], Field(min_length=1)]


class MappingFile(_Model):
    """The file."""

    version: Literal[1]
    fields: Annotated[dict[Name, FieldPart], Field(min_length=1)]
    answer: AnswerPart
    lookup: LookupPart | None = None
    supplement: SupplementPart | None = None


@dataclass(frozen=True, slots=True)
class IntakeMapping:
    """A city's intake, as its file describes it."""

    file: MappingFile

    def translate(self, ticket: Mapping[str, Any]) -> dict[str, Any]:
        """A ticket in their fields; a further revision in those of supplements, where they take no other."""
        fields = self.file.fields
        if self.is_supplement(ticket) and self.file.supplement is not None:
            fields = self.file.supplement.fields
        told: dict[str, Any] = {}
        for name, part in fields.items():
            *within, last = name.split(".")
            place = told
            for step in within:
                place = place.setdefault(step, {})
            place[last] = _fill(part, ticket)
        return told

    def is_supplement(self, ticket: Mapping[str, Any]) -> bool:
        """Whether this goes where supplements go."""
        return self.file.supplement is not None and ticket[_REVISION] > 1

    def read_receipt(self, answer: bytes, now: datetime) -> Receipt:
        """The receipt in their answer to a post; raises AnswerError."""
        return _read_answer(self.file.answer, parse(answer), now)

    def read_found(self, answer: bytes, revision: int, now: datetime) -> Receipt | None:
        """Their receipt of this revision by their answer to a lookup; None when they have not got it.

        Raises UnreadableError.
        """
        if self.file.lookup is None:
            return None
        told = parse(answer)
        try:
            receipt = _read_answer(self.file.lookup.answer, told, now)
        except AnswerError:
            return None
        if self.file.lookup.revision is None:
            return receipt if revision == 1 else None
        held = look(told, self.file.lookup.revision)
        return receipt if re.fullmatch("[0-9]{1,9}", str(held)) and int(held) >= revision else None


def read_mapping(source: Path | str) -> IntakeMapping:
    """Read and check a mapping file (a path, or its text); raises ConfigError with every fault found."""
    document = read(MappingFile, source)
    document.refuse(_find_faults(document))
    return IntakeMapping(document.value)


def _find_faults(document: Document[MappingFile]) -> Iterator[ConfigError]:
    file = document.value
    groups: list[tuple[tuple[str, ...], Mapping[str, FieldPart]]] = [(("fields",), file.fields)]
    if file.supplement is not None:
        groups.append((("supplement", "fields"), file.supplement.fields))
    for path, fields in groups:
        for name, part in fields.items():
            within = next((other for other in fields if name.startswith(f"{other}.")), None)
            if within is not None:
                yield document.error(
                    (*path, name), f"{within!r} is a field of its own", "name one of them anew"
                )
            if part.source is not None:
                yield from _check_source(document, (*path, name), part)
        if not any(part.source == "number" for part in fields.values()):
            yield document.error(path, "our ticket number goes nowhere", "add a field with `from: number`")
    yield from _check_urls(document)


def _check_urls(document: Document[MappingFile]) -> Iterator[ConfigError]:
    file = document.value
    urls = [(("supplement", "url"), file.supplement.url)] if file.supplement else []
    if file.lookup is not None:
        urls.append((("lookup", "url"), file.lookup.url.replace("{number}", "0")))
        if "{number}" not in file.lookup.url:
            yield document.error(("lookup", "url"), "it asks for no number", "write {number} where ours goes")
    for path, url in urls:
        try:
            read_url(".".join(path), url)
        except ValueError as error:
            yield document.error(path, str(error), "write https://host/path")


def _check_source(
    document: Document[MappingFile], path: tuple[str, ...], part: FieldPart
) -> Iterator[ConfigError]:
    try:
        hint = _find_hint(part.source or "")
    except LookupError as error:
        known = ", ".join(sorted(error.args[1]))
        yield document.error(
            (*path, "from"), f"{part.source!r}: a ticket has no {error.args[0]!r}", f"it has: {known}"
        )
        return
    possible = _list_words(hint)
    for word in part.codes.keys() - possible if possible else ():
        yield document.error(
            (*path, "codes", word), f"{part.source} is never {word!r}", f"it is one of {_tell(possible)}"
        )
    missing = possible - part.codes.keys() - {""} if part.codes and part.otherwise is None else set()
    if missing:
        yield document.error(
            (*path, "codes"),
            f"there is no code for {_tell(missing)}",
            "add them, or `otherwise` for all others",
        )
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        yield document.error(
            (*path, "from"),
            f"{part.source} is a part, not a field",
            f"name one of {', '.join(sorted(hint.model_fields))}",
        )


def _tell(words: set[str]) -> str:
    return ", ".join(sorted(repr(word) for word in words))


def _find_hint(name: str) -> Any:
    """The type of a field of the ticket; raises LookupError with the step that leads nowhere, and what there is."""
    hint: Any = Ticket
    for step in name.split("."):
        parts = [
            part for part in _alternatives(hint) if isinstance(part, type) and issubclass(part, BaseModel)
        ]
        fields = parts[0].model_fields if parts else {}
        if step not in fields:
            raise LookupError(step, tuple(fields))
        hint = fields[step].annotation
    only = _alternatives(hint)
    return only[0] if len(only) == 1 else hint


def _alternatives(hint: Any) -> list[Any]:
    if get_origin(hint) is Annotated:
        return _alternatives(get_args(hint)[0])
    if get_origin(hint) in (Literal, tuple) or not get_args(hint):
        return [hint]
    return [one for part in get_args(hint) if part is not NoneType for one in _alternatives(part)]


def _list_words(hint: Any) -> set[str]:
    """All that a field of few words can say; nothing for any other."""
    found = {word for one in _alternatives(hint) if get_origin(one) is Literal for word in get_args(one)}
    return {str(word) for word in found} | ({"true", "false"} if bool in _alternatives(hint) else set())


def _fill(part: FieldPart, ticket: Mapping[str, Any]) -> Any:
    if part.source is None:
        return part.value
    found = look(ticket, part.source)
    if isinstance(found, list | tuple) and part.join is not None:
        found = part.join.join(str(one) for one in found)
    if found is None or found in ("", [], ()):
        return part.empty if part.empty is not None else "" if found is None else found
    if part.codes:
        word = spell(found)
        return part.codes.get(word, part.otherwise if part.otherwise is not None else word)
    return found[: part.longest] if isinstance(found, str) else found


def _read_answer(part: AnswerPart, told: Any, now: datetime) -> Receipt:
    if part.ok is not None and spell(look(told, part.ok)) not in part.good:
        raise AnswerError(f"{part.ok} is not {' or '.join(part.good)}")
    number, status = look(told, part.number), look(told, part.status) if part.status else "受理"
    if number in (None, ""):
        raise AnswerError(f"there is no {part.number}")
    try:
        return Receipt(
            number=str(number)[:200], status=str(status or "受理")[:200], accepted_at=now.astimezone(UTC)
        )
    except ValidationError:  # JSON can tell half a character
        raise AnswerError(f"{part.number} or the status is no text") from None
