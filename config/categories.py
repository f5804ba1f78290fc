"""The catalogue of categories (分类): what a line presets, what words suggest, and what an agent chooses from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from config.document import embedded, load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Category = tuple[str, str, str]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Word = Annotated[str, Field(min_length=2, max_length=30)]

_KEYS = {"name", "code", "words", "below"}


def _check_key(name: str) -> str:
    if name in _KEYS:
        raise ValueError(f"{name!r} needs a `name` beside it")
    return name


Key = Annotated[Name, AfterValidator(_check_key)]


class _Node(BaseModel):
    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    name: Name
    code: Annotated[str, Field(pattern=r"^[0-9A-Za-z]{1,20}$")] = ""
    words: tuple[Word, ...] = ()


class ThirdNode(_Node):
    """A category of the third level with its code or words."""


Third = Name | ThirdNode


class SecondNode(_Node):
    """A category of the second level with its code or words."""

    below: tuple[Third, ...] = ()


Second = Name | dict[Key, tuple[Third, ...]] | SecondNode


class FirstNode(_Node):
    """A category of the first level with its code or words."""

    below: tuple[Second, ...] = ()


First = Name | dict[Key, tuple[Second, ...]] | FirstNode


class CategoriesDocument(BaseModel):
    """The file: a name, a name with those below it, or a node with its ``name``, ``code``, ``words``, ``below``."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    categories: tuple[First, ...]


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """A category by its three names (those of lower levels "" where there are none).

    ``code`` is that of GB/T 39666, "" where the file gives none. ``words`` are what callers say who mean it.
    """

    path: Category
    code: str = ""
    words: tuple[str, ...] = ()


def read_catalogue(file: Path | None = None) -> tuple[CatalogueEntry, ...]:
    """Every category of ``file`` (None: the embedded one), each after the one above it. Raises ConfigError."""
    document = load(CategoriesDocument, file or embedded("categories.yaml"))
    return tuple(_walk(document.categories, ()))


def read_categories(file: Path | None = None) -> tuple[Category, ...]:
    """Every category of the catalogue in ``file`` (None: the embedded one) by its three names.

    Those of lower levels are empty where there are none. Raises ConfigError.
    """
    return tuple(entry.path for entry in read_catalogue(file))


def _walk(nodes: tuple[First | Second | Third, ...], above: tuple[str, ...]) -> Iterator[CatalogueEntry]:
    for node in nodes:
        if isinstance(node, str):
            yield _enter((*above, node))
        elif isinstance(node, dict):
            for name, below in node.items():
                yield _enter((*above, name))
                yield from _walk(below, (*above, name))
        else:
            names = (*above, node.name)
            yield _enter(names, node.code, node.words)
            if not isinstance(node, ThirdNode):
                yield from _walk(node.below, names)


def _enter(names: tuple[str, ...], code: str = "", words: tuple[str, ...] = ()) -> CatalogueEntry:
    first, second, third, *_ = (*names, "", "")
    return CatalogueEntry((first, second, third), code, words)
