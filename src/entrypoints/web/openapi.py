"""``/api/openapi.json`` and ``/api/docs``: the API described, for programs and for people."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flask import Blueprint, Response, render_template

from entrypoints.web.answers import JSON

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from entrypoints.web.services import Services

_FILE: Final = Path(__file__).with_name("openapi.json")
_METHODS: Final = ("get", "post")


def blueprint(services: Services) -> Blueprint:
    """The document, and the page to read it; both know what the settings leave out."""
    room = Blueprint("openapi", __name__)

    @room.get("/api/openapi.json")
    def openapi() -> Response:
        text = json.dumps(described(legacy_shapes=services.legacy_shapes), ensure_ascii=False)
        return Response(text, content_type=JSON)

    @room.get("/api/docs")
    def docs() -> str:
        shown = described(legacy_shapes=services.legacy_shapes)
        shapes = [_shape(*each) for each in shown["components"]["schemas"].items()]
        return render_template(
            "docs.html",
            document=shown,
            sections=[(tag, list(_operations(shown, tag["name"]))) for tag in shown["tags"]],
            shapes=shapes,
            names={shape["name"] for shape in shapes},
        )

    return room


@cache
def document() -> Mapping[str, Any]:
    """The whole document (OpenAPI 3.1), what settings turn on included."""
    found: dict[str, Any] = json.loads(_FILE.read_text("utf-8"))
    return found


def described(*, legacy_shapes: bool) -> dict[str, Any]:
    """The document of a server with these settings."""
    whole = document()
    paths = {
        path: operations
        for path, operations in whole["paths"].items()
        if legacy_shapes or not any("x-setting" in each for each in operations.values())
    }
    return {**whole, "paths": paths}


def _operations(whole: Mapping[str, Any], tag: str) -> Iterator[dict[str, Any]]:
    """Every operation of a tag as the page shows it."""
    for path, operations in whole["paths"].items():
        for method in _METHODS:
            operation = operations.get(method)
            if operation is None or tag not in operation["tags"]:
                continue
            body = operation.get("requestBody")
            yield {
                **operation,
                "path": path,
                "method": method.upper(),
                "parameters": [_resolved(whole, each) for each in operation.get("parameters", ())],
                "answers": [
                    (status, answer["description"], _type_name(_schema_of(answer)))
                    for status, answer in operation["responses"].items()
                ],
                "body": _type_name(_schema_of(body)) if body else "",
            }


def _shape(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema as the page shows it."""
    members = [
        (member, _type_name(each), each.get("description", ""))
        for member, each in schema.get("properties", {}).items()
    ]
    own = "" if members else _type_name(schema)
    return {"name": name, "description": schema.get("description", own), "members": members}


def _resolved(whole: Mapping[str, Any], item: Mapping[str, Any]) -> dict[str, Any]:
    reference = item.get("$ref")
    found: dict[str, Any] = dict(
        whole["components"]["parameters"][reference.rpartition("/")[2]] if reference else item
    )
    return found | {"type": _type_name(found["schema"])}


def _schema_of(holder: Mapping[str, Any]) -> dict[str, Any]:
    content = holder.get("content", {})
    return next((each["schema"] for each in content.values()), {})


def _type_name(schema: Mapping[str, Any]) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema and "type" not in schema:
        return " or ".join(_type_name(each) for each in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    kind = schema.get("type", "anything")
    named = " or ".join(kind) if isinstance(kind, list) else str(kind)
    return f"list of {_type_name(schema['items'])}" if "items" in schema else named
