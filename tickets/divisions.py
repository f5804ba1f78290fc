"""The city's divisions (统计用区划代码) from county to village: config/divisions.tsv, made by deploy/divisions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from config.document import embedded
from config.fault import LastingFault

if TYPE_CHECKING:
    from pathlib import Path

_EMBEDDED: Final = embedded("divisions.tsv")
_ROW = re.compile(r"([0-9]{6}|[0-9]{9}|[0-9]{12})\t(\S+)")
# 大田村委会 is 大田村, 龙潭社区居委会 is 龙潭社区, 成功居委会 is called so
_OFFICE = re.compile(r"(.+?)(社区|村)?(居委会|居民委员会|民委员会|委会|委员会)")
_SHORTEST = 2


@dataclass(frozen=True, slots=True)
class Village:
    """A village or community: its 12 digits, its name as one says it (大田村), and without its kind (大田)."""

    code: str
    name: str
    bare: str


@dataclass(frozen=True, slots=True)
class Divisions:
    """``townships`` gives each name by its 9 digits, ``villages`` those of a township by its 9 digits."""

    townships: dict[str, str]
    villages: dict[str, tuple[Village, ...]]


class DivisionsError(LastingFault):
    """The file is not what its builder writes; the message says where."""


def read_divisions(file: Path = _EMBEDDED) -> Divisions:
    """The file. Raises DivisionsError."""
    townships: dict[str, str] = {}
    villages: dict[str, list[Village]] = {}
    for number, line in enumerate(_read(file).splitlines(), start=1):
        if line.startswith("#") or not line:
            continue
        row = _ROW.fullmatch(line)
        if row is None:
            raise DivisionsError(f"{file}:{number}: not `code TAB name`: make it anew by deploy/divisions")
        code, name = row.groups()
        if len(code) == 9:  # noqa: PLR2004 - the digits of a township
            townships[code] = name
        elif len(code) == 12:  # noqa: PLR2004 - of a village
            villages.setdefault(code[:9], []).append(_name_village(code, name))
    return Divisions(townships, {code: tuple(below) for code, below in villages.items()})


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DivisionsError(f"{file}: cannot be read ({error}): make it anew by deploy/divisions") from None


def _name_village(code: str, name: str) -> Village:
    office = _OFFICE.fullmatch(name)
    bare, kind = (office[1], office[2] or "居委会") if office else (re.sub(r"(?:社区|村)$", "", name), "")
    said = f"{bare}{kind}" if office else name
    return Village(code, said, bare if len(bare) >= _SHORTEST else said)
