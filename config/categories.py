"""The catalogue of categories (分类): what a line presets and an agent chooses from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from config.document import embedded, load

if TYPE_CHECKING:
    from pathlib import Path

Category = tuple[str, str, str]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Third = Name
Second = Name | dict[Name, tuple[Third, ...]]
First = Name | dict[Name, tuple[Second, ...]]


class CategoriesDocument(BaseModel):
    """The file: a name, or a name with those below it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    categories: tuple[First, ...]


def read_categories(file: Path | None = None) -> tuple[Category, ...]:
    """Every category of the catalogue in ``file`` (None: the embedded one) by its three names.

    Those of lower levels are empty where there are none. Raises ConfigError.
    """
    paths: list[Category] = []
    for first in load(CategoriesDocument, file or embedded("categories.yaml")).categories:
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
