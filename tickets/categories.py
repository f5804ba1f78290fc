"""The catalogue of categories (分类) that an agent chooses from."""

from __future__ import annotations

from functools import cache
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from config.document import embedded, load

Name = Annotated[str, Field(min_length=1, max_length=100)]
Third = Name
Second = Name | dict[Name, tuple[Third, ...]]
First = Name | dict[Name, tuple[Second, ...]]


class CategoriesDocument(BaseModel):
    """The file: a name, or a name with those below it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    categories: tuple[First, ...]


@cache
def open_categories() -> tuple[First, ...]:
    """The embedded catalogue, read once. Raises config.document.ConfigError."""
    return load(CategoriesDocument, embedded("categories.yaml")).categories


def list_paths() -> tuple[tuple[str, str, str], ...]:
    """Every category of the catalogue by its three names, those of lower levels empty where there are none."""
    paths: list[tuple[str, str, str]] = []
    for first in open_categories():
        if isinstance(first, str):
            paths.append((first, "", ""))
            continue
        for name, below in first.items():
            paths.append((name, "", ""))
            for second in below:
                if isinstance(second, str):
                    paths.append((name, second, ""))
                    continue
                for under, third in second.items():
                    paths.append((name, under, ""))
                    paths.extend((name, under, lowest) for lowest in third)
    return tuple(paths)
