"""The strict reader of every YAML configuration file: a wrong file is refused with file, line and remedy.

YAML is read with the scalars of the YAML 1.2 core schema only (null, true, false, numbers): ``on``, ``no``,
``0558`` and ``2026-01-01`` are texts, as an operator expects. Types are checked without conversion.
"""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from config.fault import LastingFault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

M = TypeVar("M", bound=BaseModel)


class ConfigError(LastingFault):
    """A configuration file is wrong. ``line`` counts from 1 (0: the whole file); ``more`` are further faults.

    Printed as one ``FILE:LINE: what — remedy`` a line.
    """

    def __init__(
        self, file: str, line: int, what: str, remedy: str, more: tuple[ConfigError, ...] = ()
    ) -> None:
        super().__init__(file, line, what, remedy, more)
        self.file, self.line, self.what, self.remedy, self.more = file, line, what, remedy, more

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return "\n".join([f"{place}: {self.what} — {self.remedy}", *map(str, self.more)])


@dataclass(frozen=True, slots=True)
class Document(Generic[M]):
    """A file that was read: its checked ``value``, and where each part of it stands."""

    file: str
    value: M
    root: Node | None

    def line(self, *path: str | int) -> int:
        """The line (from 1) of the deepest part of ``path`` that exists."""
        return _find(self.root, path)[0]

    def error(self, path: Sequence[str | int], what: str, remedy: str) -> ConfigError:
        """A fault found later, in what the file means, at the line of ``path``."""
        return ConfigError(self.file, self.line(*path), what, remedy)

    def refuse(self, faults: Iterable[ConfigError]) -> None:
        """Raise one ConfigError with all these, in the order of their lines, if there are any."""
        ordered = sorted(faults, key=lambda fault: fault.line)
        if ordered:
            first, *more = ordered
            raise ConfigError(self.file, first.line, first.what, first.remedy, tuple(more))


def embedded(name: str) -> Path:
    """The file of that name in the embedded default configuration, e.g. ``flows/default.yaml``."""
    return Path(__file__).parent / name


def load(model: type[M], source: Path | str) -> M:
    """The file (a path) or text (a string) as ``model``; see `read`."""
    return read(model, source).value


def read(model: type[M], source: Path | str) -> Document[M]:
    """Read YAML from a path or from a text, check it against ``model`` and keep its line numbers.

    Keys that ``model`` does not know, keys given twice, wrong types and YAML's own errors raise ConfigError.
    An empty file is an empty mapping.
    """
    if isinstance(source, Path):
        return _read(model, _text(source), str(source))
    return _read(model, source, "<text>")


@lru_cache(maxsize=8)  # by what stands in it: several read one file at a start
def _read(model: type[M], text: str, file: str) -> Document[M]:
    root = _compose(text, file)
    data = {} if root is None else _build(root, file, ())
    try:
        # By way of JSON: its strict mode takes a list for a tuple, a text for a path, but never "60" for 60.
        value = model.model_validate_json(json.dumps(data), strict=True, extra="forbid")
    except ValidationError as e:
        raise _refusal(model, e, file, root) from None
    return Document(file, value, root)


class _Loader(yaml.CSafeLoader):
    """libyaml's parser (ten times as fast as Python's), with the scalars of the YAML 1.2 core schema."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 -- PyYAML's own way to say it


_DEEPEST = 50  # levels; our own files have eight
_INTEGER = r"[-+]?(?:0|[1-9][0-9]{0,17})"  # no leading zero: 0558 is an area code
for _tag, _pattern, _first in (
    ("null", r"~|null|", ["~", "n", ""]),
    ("bool", r"true|false", list("tf")),
    ("int", _INTEGER, list("-+0123456789")),
    ("float", rf"{_INTEGER}\.[0-9]+(?:[eE][-+]?[0-9]+)?", list("-+0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z"), _first)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as e:
        line = path.read_bytes()[: e.start].count(b"\n") + 1
        raise ConfigError(str(path), line, "not UTF-8 text", "save the file in UTF-8") from None
    except OSError as e:
        raise ConfigError(
            str(path), 0, f"cannot be read: {e.strerror}", "check the path and its permissions"
        ) from None


def _compose(text: str, file: str) -> Node | None:
    try:
        _check_depth(text, file)
        return _Loader(text).get_single_node()
    except yaml.MarkedYAMLError as e:
        mark = e.problem_mark or e.context_mark
        what = f"not valid YAML: {e.problem or e.context}"
        remedy = "check the indentation and the quotes here and one line above"
        line = min(mark.line, text.count("\n")) + 1 if mark else 0  # libyaml's end is a line below the last
        raise ConfigError(file, line, what, remedy) from None
    except yaml.reader.ReaderError as e:
        line = text.count("\n", 0, e.position) + 1
        raise ConfigError(file, line, "a control character in the text", "delete it") from None


def _check_depth(text: str, file: str) -> None:
    """The composer calls itself for each level, in C, where there is no end to it but a crash."""
    depth = 0
    for event in yaml.parse(text, _Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEEPEST:
                line = event.start_mark.line + 1 if event.start_mark else 0
                raise ConfigError(file, line, "nested too deeply", "write it with fewer brackets or levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _build(node: Node, file: str, above: tuple[Node, ...]) -> Any:
    """The node as plain JSON data."""
    if any(n is node for n in above):
        line = node.start_mark.line + 1
        raise ConfigError(file, line, "an alias inside its own anchor", "write the value out")
    if isinstance(node, SequenceNode):
        return [_build(n, file, (*above, node)) for n in node.value]
    if isinstance(node, MappingNode):
        return _build_mapping(node, file, (*above, node))
    return _build_scalar(node, file)


def _build_mapping(node: MappingNode, file: str, above: tuple[Node, ...]) -> dict[str, Any]:
    built: dict[str, Any] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, ScalarNode):
            raise ConfigError(file, line, "a key that is not a plain word", "put the key in quotes")
        if key.value in built:
            what = f"the key {key.value!r} stands here a second time"
            raise ConfigError(file, line, what, "keep one of the two")
        built[key.value] = _build(value, file, above)
    return built


def _build_scalar(node: Node, file: str) -> str | int | float | bool | None:
    text: str = node.value
    match node.tag.removeprefix("tag:yaml.org,2002:"):
        case "str":
            return text
        case "null":
            return None
        case "bool":
            return text == "true"
        case "int":
            return int(text)
        case "float":
            return float(text)
    line = node.start_mark.line + 1
    what = f"a value of the unknown kind {node.tag}"
    raise ConfigError(file, line, what, "write plain YAML without !tags")


def _find(root: Node | None, path: Sequence[str | int]) -> tuple[int, tuple[str, ...]]:
    """The line of the deepest part of ``path`` that is in the file, and the parts that are."""
    line = 1 if root is None else root.start_mark.line + 1
    node, found = root, []
    for part in path:  # some parts are not in the file: names that pydantic adds, keys that are missing
        if isinstance(node, MappingNode):
            pair = next(((k, v) for k, v in node.value if k.value == str(part)), None)
            if pair is not None:
                line, node = pair[0].start_mark.line + 1, pair[1]
                found.append(str(part))
        elif isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
            found.append(str(part))
    return line, tuple(found)


_REMEDIES = {
    "missing": "add it",
    "string_type": 'write a text; a number meant as text goes in quotes: "12345"',
    "int_type": "write a whole number without quotes",
    "float_type": "write a number without quotes",
    "bool_type": "write true or false",
    "list_type": "write a list: one `- item` a line, or [a, b]",
    "tuple_type": "write a list: one `- item` a line, or [a, b]",
    "dict_type": "write `key: value` pairs, indented below it",
    "model_type": "write `key: value` pairs, indented below it",
}


def _refusal(model: type[BaseModel], error: ValidationError, file: str, root: Node | None) -> ConfigError:
    faults = []
    for detail in error.errors(include_url=False):
        loc, kind = detail["loc"], detail["type"]
        line, path = _find(root, loc)
        name = ".".join(path if kind != "missing" else (*path, str(loc[-1])))
        if kind == "extra_forbidden":
            known = sorted(_keys(model, loc[:-1]))
            near = difflib.get_close_matches(str(loc[-1]), known, n=1)
            above = ".".join(path[:-1])
            what = f"unknown key {str(loc[-1])!r}" + (f" in {above}" if above else "")
            remedy = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"
        elif kind == "missing":
            what, remedy = f"{name} is missing", "add it"
        else:
            message = detail["msg"].removeprefix("Value error, ").removeprefix("Input ")
            what, remedy = f"{name}: {message}" if name else message, _REMEDIES.get(kind, "correct the value")
        faults.append(ConfigError(file, line, what, remedy))
    faults.sort(key=lambda f: f.line)
    first = faults[0]
    return ConfigError(first.file, first.line, first.what, first.remedy, tuple(faults[1:]))


def _keys(model: type[BaseModel], loc: tuple[str | int, ...]) -> set[str]:
    """The keys that may stand at ``loc``, by the model's JSON Schema."""
    schema = model.model_json_schema()
    here = [schema]
    for part in loc:
        inner = [
            s
            for h in here
            for b in _branches(h, schema)
            for s in (
                b.get("properties", {}).get(part),
                b.get("additionalProperties"),
                *b.get("patternProperties", {}).values(),
                b.get("items"),
            )
            if isinstance(s, dict)
        ]
        here = inner or here
    return {k for h in here for b in _branches(h, schema) for k in b.get("properties", {})}


def _branches(schema: dict[str, Any], root: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "$ref" in schema:
        yield from _branches(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
        return
    yield schema
    for choice in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from _branches(choice, root)
