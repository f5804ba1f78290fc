"""What every entry of a journal is, and how its fields say whether an anonymous line's journal may keep them."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

if TYPE_CHECKING:
    from dataclasses import Field

T = TypeVar("T")

_KEPT = "kept on anonymous lines"  # the mark in a field's metadata: True, or the name of the flag it hangs on


@dataclass(frozen=True, slots=True)
class Entry:
    """One fact of a call. ``kind`` is its name on the disk, ``version`` the form of its fields."""

    kind: ClassVar[str]
    version: ClassVar[int] = 1


def kept(default: T) -> T:
    """A field that tells nobody's number and nobody's words: the journal of an anonymous line keeps it."""
    return field(default=default, metadata={_KEPT: True})


def kept_once(flag: str, default: T) -> T:
    """A field that the journal of an anonymous line keeps once the field ``flag`` is true."""
    return field(default=default, metadata={_KEPT: flag})


def withheld(default: T) -> T:
    """A field that the journal of an anonymous line does not keep; ``default`` stands there instead."""
    return field(default=default)


def strip(part: T) -> T:
    """An entry, or a part of one, as the journal of an anonymous line may keep it: what is not marked is not kept."""
    changes = {
        f.name: _strip_value(getattr(part, f.name)) if _is_kept(part, f) else f.default
        for f in fields(cast("Any", part))
    }
    return cast("T", replace(cast("Any", part), **changes))


def _is_kept(part: object, marked: Field[Any]) -> bool:
    mark = marked.metadata.get(_KEPT, False)
    return getattr(part, mark) is True if isinstance(mark, str) else mark is True


def _strip_value(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_strip_value(item) for item in value)
    return strip(value) if hasattr(value, "__dataclass_fields__") else value
