"""An operator's SMS gateway, described by a file: what it is sent, and what its answers mean. Without I/O.

Read by `read_provider`, which refuses what cannot work, with file, line and remedy.
"""

# No `from __future__ import annotations` here: pydantic reads the annotations at run time.

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import quote, urlencode

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from config.document import ConfigError, Document, read
from tickets.access import read_url
from tickets.answers import UnreadableError, look, parse, spell

Status = Annotated[int, Field(ge=100, le=599)]
Verdict = Literal["taken", "duplicate", "busy", "refused", "unknown"]

_PLACE: Final = re.compile(r"\{(\w+)\}")
_PLACES: Final = frozenset({"to", "text", "id", "secret"})
_ORDER: Final[tuple[Verdict, ...]] = ("taken", "duplicate", "busy", "refused")
_BUSY: Final = frozenset({429, 503})
_THEIRS: Final = range(400, 500)
_TIMED_OUT: Final = 408


class _Model(BaseModel):
    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid", populate_by_name=True)


class AnswerRule(_Model):
    """An answer that means something: its HTTP ``status`` is one of these, its JSON ``field`` one ``of`` these words.

    ``contains`` is a piece of an answer that is no JSON. What is left out is not looked at.
    """

    status: tuple[Status, ...] = ()
    field: Annotated[str | None, Field(min_length=1)] = None
    of: tuple[str, ...] = ()
    contains: str = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.field is None) == bool(self.of):
            raise ValueError("`field` names a field and `of` its words: give both or neither")
        if not (self.status or self.field or self.contains):
            raise ValueError("say which answer: give `status`, `field` with `of`, or `contains`")
        return self

    def fits(self, status: int, answer: bytes) -> bool:
        """Whether it is this answer."""
        if self.status and status not in self.status:
            return False
        if self.contains and self.contains not in answer.decode(errors="replace"):
            return False
        if self.field is None:
            return True
        try:
            return spell(look(parse(answer), self.field)) in self.of
        except UnreadableError:
            return False


class ProviderFile(_Model):
    """The file. ``{to}``, ``{text}``, ``{id}`` and ``{secret}`` stand for number, text, our id of it, and the secret.

    ``idempotent`` promises that the gateway sends what it is given twice under one ``{id}`` once.
    """

    version: Literal[1]
    url: str
    method: Literal["POST", "GET"] = "POST"
    headers: dict[str, str] = {}
    form: dict[str, str] = {}
    body: Annotated[dict[str, JsonValue], Field(alias="json")] = {}
    idempotent: bool = False
    taken: Annotated[tuple[AnswerRule, ...], Field(min_length=1)]
    duplicate: tuple[AnswerRule, ...] = ()
    busy: tuple[AnswerRule, ...] = ()
    refused: tuple[AnswerRule, ...] = ()
    number: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One message as an HTTP request."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Provider:
    """A gateway, as its file describes it."""

    file: ProviderFile

    def compose(self, to: str, text: str, key: str, secret: str) -> Request:
        """The request that sends ``text`` to the mobile number ``to`` under our id ``key``."""
        told = {"to": to, "text": text, "id": key, "secret": secret}
        headers = {name: _fill(value, told) for name, value in self.file.headers.items()}
        url = _PLACE.sub(lambda place: quote(told[place[1]], safe=""), self.file.url)
        body = None
        if self.file.form:
            body = urlencode({name: _fill(value, told) for name, value in self.file.form.items()}).encode()
            headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
        elif self.file.body:
            body = json.dumps(_fill_all(self.file.body, told), ensure_ascii=False).encode()
            headers["Content-Type"] = "application/json"
        return Request(self.file.method, url, headers, body)

    def judge(self, status: int, answer: bytes) -> Verdict:
        """What an answer says of the message; what the file does not tell goes by the status.

        429 and 503 say that it was not taken, any other 4xx that it never will be; of all else nobody knows.
        """
        for verdict in _ORDER:
            rules: tuple[AnswerRule, ...] = getattr(self.file, verdict)
            if any(rule.fits(status, answer) for rule in rules):
                return verdict
        if status in _BUSY:
            return "busy"
        return "refused" if status in _THEIRS and status != _TIMED_OUT else "unknown"

    def read_number(self, answer: bytes, key: str) -> str:
        """Their number of a message in their answer; ours where they give none."""
        try:
            found = look(parse(answer), self.file.number) if self.file.number else None
        except UnreadableError:
            found = None
        return str(found)[:200] if found not in (None, "") else key


def read_provider(source: Path | str) -> Provider:
    """Read and check a provider file (a path, or its text); raises ConfigError with every fault found."""
    document = read(ProviderFile, source)
    document.refuse(_find_faults(document))
    return Provider(document.value)


def _find_faults(document: Document[ProviderFile]) -> Iterator[ConfigError]:
    file = document.value
    try:
        read_url("url", _PLACE.sub("0", file.url))
    except ValueError as error:
        yield document.error(("url",), str(error), "write https://host/path")
    if file.form and file.body:
        yield document.error(("json",), "a message has one body", "give `form` or `json`, not both")
    if file.method == "GET" and (file.form or file.body):
        yield document.error(("method",), "a GET has no body", "write the places into `url`, or take POST")
    for name, value in file.headers.items():
        if not (value.isascii() and value.isprintable()) or "{text}" in value:
            yield document.error(
                ("headers", name), "a header holds printable ASCII alone", "move it into the body"
            )
    said = {
        *_find_places(file.url),
        *_find_places(file.headers),
        *_find_places(file.form),
        *_find_places(file.body),
    }
    for place in sorted(said - _PLACES):
        what = f"{{{place}}} stands for nothing"
        yield document.error((), what, "known are " + ", ".join(f"{{{name}}}" for name in sorted(_PLACES)))
    for place, why in (("to", "the number goes nowhere"), ("text", "the text goes nowhere")):
        if place not in said:
            yield document.error((), why, f"write {{{place}}} into `form`, `json` or `url`")
    if file.idempotent and "id" not in said:
        what = "nothing tells a repeated message from another one"
        yield document.error(("idempotent",), what, "write {id} where their own field for it is")


def _find_places(value: JsonValue | Mapping[str, str]) -> Iterator[str]:
    if isinstance(value, str):
        yield from _PLACE.findall(value)
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _find_places(one)
    elif isinstance(value, list):
        for one in value:
            yield from _find_places(one)


def _fill(text: str, told: Mapping[str, str]) -> str:
    return _PLACE.sub(lambda place: told[place[1]], text)


def _fill_all(value: Any, told: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _fill(value, told)
    if isinstance(value, Mapping):
        return {name: _fill_all(one, told) for name, one in value.items()}
    return [_fill_all(one, told) for one in value] if isinstance(value, list) else value
