"""The shapes of the city's counties: config/map.json (GeoJSON, RFC 7946), made by deploy/divisions/map.mjs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, Field, ValidationError

from config.document import ConfigError, embedded

if TYPE_CHECKING:
    from pathlib import Path

_Point = tuple[Annotated[float, Field(ge=-180, le=180)], Annotated[float, Field(ge=-90, le=90)]]
_Ring = Annotated[list[_Point], Field(min_length=4)]


class _Shape(BaseModel):
    type: Literal["MultiPolygon"]
    coordinates: Annotated[list[list[_Ring]], Field(min_length=1)]


class _Properties(BaseModel):
    name: Annotated[str, Field(min_length=1)]


class _County(BaseModel):
    type: Literal["Feature"]
    properties: _Properties
    geometry: _Shape


class _Document(BaseModel):
    type: Literal["FeatureCollection"]
    features: Annotated[list[_County], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class CityMap:
    """``names`` are the counties that have a shape, ``document`` is the file, ``digest`` a name for its content."""

    names: frozenset[str]
    document: bytes
    digest: str


def read_map(file: Path | None = None) -> CityMap | None:
    """The operator's map, or the embedded one; None when there is none embedded. Raises ConfigError."""
    path = file or embedded("map.json")
    if file is None and not path.exists():
        return None
    try:
        content = path.read_bytes()
        document = _Document.model_validate_json(content)
    except OSError as error:
        raise _refuse(path, error.strerror or str(error)) from None
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(map(str, fault["loc"]))
        raise _refuse(path, f"{where}: {fault['msg']}" if where else fault["msg"]) from None
    names = frozenset(county.properties.name for county in document.features)
    return CityMap(names, content, hashlib.sha256(content).hexdigest()[:16])


def _refuse(path: Path, what: str) -> ConfigError:
    return ConfigError(str(path), 0, what, "make it with deploy/divisions/map.mjs, or correct console.map")
