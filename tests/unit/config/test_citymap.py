"""The city's map: the one that comes with the program, one's own, and wrong ones."""

from __future__ import annotations

import json

import pytest

from config.citymap import read_map
from config.document import ConfigError
from tickets.gazetteer import open_gazetteer

SQUARE = [[[115.0, 32.0], [116.0, 32.0], [116.0, 33.0], [115.0, 32.0]]]


def county(name: str = "包河区", shape: object = None) -> dict[str, object]:
    geometry = {"type": "MultiPolygon", "coordinates": [SQUARE] if shape is None else shape}
    return {"type": "Feature", "properties": {"name": name}, "geometry": geometry}


def test_the_embedded_map_has_the_eight_counties_of_the_gazetteer():
    drawn = read_map()
    assert drawn
    assert len(drawn.names) == 8
    assert drawn.names < set(open_gazetteer().codes)
    assert "MIT License" in json.loads(drawn.document)["license"]


def test_another_citys(tmp_path):
    file = tmp_path / "map.json"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": [county()]}))
    drawn = read_map(file)
    assert drawn
    assert (drawn.names, drawn.document) == (frozenset({"包河区"}), file.read_bytes())


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "EOF"),
        (json.dumps({"type": "FeatureCollection", "features": []}), "features: "),
        (json.dumps({"type": "FeatureCollection", "features": [county("")]}), "properties.name"),
        (
            json.dumps({"type": "FeatureCollection", "features": [county(shape=[[[[200, 0]] * 4]])]}),
            "coordinates",
        ),
        (json.dumps({"type": "Topology"}), "type"),
    ],
)
def test_a_wrong_one_is_refused_with_file_and_remedy(tmp_path, content, told):
    file = tmp_path / "map.json"
    file.write_text(content)
    with pytest.raises(ConfigError, match=r"deploy/divisions/map\.mjs") as refused:
        read_map(file)
    assert str(file) in str(refused.value)
    assert told in str(refused.value)


def test_one_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        read_map(tmp_path / "map.json")
