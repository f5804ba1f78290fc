"""JSON Schemas that tell what each field's docstring tells, read from the source when a schema is made.

pydantic's own ``use_attribute_docstrings`` reads all sources whenever a process starts: a tenth of a second of each.
"""

from __future__ import annotations

import ast
import inspect
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

if TYPE_CHECKING:
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core.core_schema import ModelSchema


class Described(GenerateJsonSchema):
    """For ``model_json_schema``; the source files must be there."""

    def model_schema(self, schema: ModelSchema) -> JsonSchemaValue:
        """The schema of one model."""
        made = super().model_schema(schema)
        told = _read_docstrings(schema["cls"])
        for name, field in made.get("properties", {}).items():
            if name in told:
                field.setdefault("description", told[name])
        return made


def _read_docstrings(model: type[Any]) -> dict[str, str]:
    """By the name of a field, the text that stands behind it in the model's source or in that of one above it."""
    told: dict[str, str] = {}
    models = [one for one in reversed(model.__mro__) if issubclass(one, BaseModel) and one is not BaseModel]
    for tree in (ast.parse(inspect.getsource(one)).body[0] for one in models):
        for field, said in pairwise(tree.body if isinstance(tree, ast.ClassDef) else ()):
            match field, said:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    told[name] = inspect.cleandoc(text)
    return told
