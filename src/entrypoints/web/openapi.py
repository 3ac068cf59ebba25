"""``/api/openapi.json`` and ``/api/docs``: the API described, for programs and for people.

Nothing is described here that has a place in the code: schemas come from the Structs of answers
and bodies, operations from the routes of each module.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import import_module
from inspect import getdoc
from typing import TYPE_CHECKING, Any, Final

import msgspec
from flask import Response, render_template, request

from entrypoints.web.access import COOKIE
from entrypoints.web.api import API_MODULES, MAX_ROW_ID, Answer, Routes, properties_of, without_null
from entrypoints.web.briefs import BRIEF_STRUCTS
from entrypoints.web.json_responses import FILE, JSON, Error
from entrypoints.web.request_guards import CSRF_HEADER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from flask import Blueprint

    from entrypoints.web.api import Route
    from entrypoints.web.services import Services

    _SchemaOf = Callable[[Any], dict[str, Any]]

_REFERENCE: Final = "#/components/schemas/{name}"
_DESCRIPTION: Final = (
    "Texts are UTF-8 and times are UTC. Every response with a status of 400 or more is an Error."
    " Everything under /api/v1 is stable: later versions may add fields, but remove none. A request"
    " that changes something needs the token from GET /api/v1/token in the header"
    f" {CSRF_HEADER}, unless it has the access token as a bearer token. If web.token is set, every"
    " request needs it, as a bearer token or in the cookie that /login sets."
)
_TAGS: Final = {
    "contract": "Routes that other programs rely on; they never change.",
    "media": "Published files.",
    "prompts": "List, show, check and submit prompts.",
    "queue": "The state of the queue.",
    "changes": "Retry, cancel, pause and resume.",
    "workflows": "Check workflow files before they are used.",
    "system": "The installation and this API.",
}
_PATH_PARAMETERS: Final = {
    "prompt_id": "id of a prompt",
    "artifact_id": "id of an artifact",
    "render_id": "id of a render in progress",
    "file_path": "file_path or preview_path of an artifact; may contain slashes",
}
_CSRF_PARAMETER: Final = {
    "name": CSRF_HEADER,
    "in": "header",
    "required": False,
    "description": "the token of GET /api/v1/token; not needed with a bearer token",
    "schema": {"type": "string"},
}
_ERRORS: Final = {401: "The access token is missing", 403: "A foreign Host or Origin"}
_DATABASE_ERRORS: Final = {
    503: Answer(
        "The database is locked or cannot be used", Error, headers={"Retry-After": "seconds"}
    )
}
_QUERY_ERRORS: Final = {422: "A parameter is invalid"}
_BODY_ERRORS: Final = {
    400: "The body is not JSON",
    403: "A foreign Host or Origin, or no token against forgery",
    413: "The body is larger than 1 MiB",
    415: "The Content-Type is not JSON",
    422: "A member of the body is invalid",
}
_UPLOAD_ERRORS: Final = {403: _BODY_ERRORS[403], 413: "The file is too large"}

routes = Routes()


def blueprint(services: Services) -> Blueprint:
    """The document as JSON, and the page that shows it."""
    made = routes.blueprint(services)

    @made.get("/api/docs")
    def docs() -> str:
        shown = _document(services)
        schemas = [
            _shown_schema(name, schema) for name, schema in shown["components"]["schemas"].items()
        ]
        return render_template(
            "docs.html",
            document=shown,
            sections=[(tag, list(_operations(shown, tag["name"]))) for tag in shown["tags"]],
            schemas=schemas,
            names={schema["name"] for schema in schemas},
        )

    return made


@routes.add("GET", "/api/openapi.json", dict[str, Any], tag="system", database=False)
def openapi(services: Services) -> Response:
    """This document, in OpenAPI 3.1."""
    text = json.dumps(_document(services), ensure_ascii=False)
    return Response(text, content_type=JSON)


# ---------------------------------------------------------------------------------------- document


def _document(services: Services) -> Mapping[str, Any]:
    """The document of this server, for the current request."""
    return document(
        legacy_shapes=services.legacy_shapes,
        base=request.script_root,
        cookie=services.access.cookie,
    )


@cache
def document(
    *, legacy_shapes: bool = True, base: str = "", cookie: str = COOKIE
) -> Mapping[str, Any]:
    """The document, made from all routes when it is first asked for.

    Args:
        legacy_shapes: whether the routes of the setting ``web.legacy_shapes`` exist.
        base: the path below which everything is served: "" or as in "/media".
        cookie: the name of the cookie that ``/login`` sets.
    """
    modules = [import_module(f"entrypoints.web.{name}") for name in API_MODULES]
    known = [
        route for module in modules for route in module.routes if legacy_shapes or not route.legacy
    ]
    components: dict[str, Any] = {}

    def schema_of(type_: Any) -> dict[str, Any]:  # noqa: ANN401 - any type
        """The schema of a type; what it refers to is added to the components."""
        (schema,), parts = msgspec.json.schema_components([type_], ref_template=_REFERENCE)
        components.update(parts)
        return schema

    paths: dict[str, dict[str, Any]] = {}
    for route in known:
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, schema_of)
    for brief in BRIEF_STRUCTS.values():
        schema_of(brief)
    for component in components.values():
        if "description" in component:
            component["description"] = _one_line(component["description"])
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Media Generator",
            "version": "1",
            "summary": "Published media, and the queue behind them.",
            "description": _DESCRIPTION,
        },
        "servers": [{"url": base or "/"}],
        "security": [{}, {"bearer": []}, {"cookie": []}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": components,
            "parameters": {"Forgery": _CSRF_PARAMETER},
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "the setting web.token",
                },
                "cookie": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": cookie,
                    "description": "set by /login",
                },
            },
        },
    }


def _operation(route: Route, schema_of: _SchemaOf) -> dict[str, Any]:
    first, *rest = route.name.split("_")
    summary, _, description = (getdoc(route.handler) or "").partition("\n\n")
    operation: dict[str, Any] = {
        "operationId": first + "".join(word.capitalize() for word in rest),
        "tags": [route.tag],
        "summary": _one_line(summary).removesuffix("."),
    }
    if description:
        operation["description"] = _one_line(description)
    if parameters := list(_parameters(route)):
        operation["parameters"] = parameters
    if route.body is not None:
        operation["requestBody"] = {
            "required": route.body_required,
            "content": {JSON: {"schema": schema_of(route.body)}},
        }
    if route.upload is not None:
        operation["requestBody"] = {"required": True, "content": {FILE: {"schema": {}}}}
    operation["responses"] = {
        str(status): _response(answer, schema_of)
        for status, answer in sorted({**route.answers, **_errors(route)}.items())
    }
    if route.legacy:
        operation["x-setting"] = "web.legacy_shapes"
    return operation


def _parameters(route: Route) -> Iterator[dict[str, Any]]:
    for converter, name in re.findall(r"<(?:(\w+):)?(\w+)>", route.path):
        schema: dict[str, Any] = {"type": "string"}
        if converter == "row":
            schema = {"type": "integer", "minimum": 0, "maximum": MAX_ROW_ID}
        about = _PATH_PARAMETERS[name]
        yield {
            "name": name,
            "in": "path",
            "required": True,
            "description": about,
            "schema": schema,
        }
    if route.query is not None:
        for name, full_schema in properties_of(route.query).items():
            schema = without_null(full_schema)
            about = schema.pop("description")
            yield {
                "name": name,
                "in": "query",
                "required": False,
                "description": about,
                "schema": schema,
            }
    for name, about in route.request_headers.items():
        yield {
            "name": name,
            "in": "header",
            "required": False,
            "description": about,
            "schema": {"type": "string"},
        }
    if route.method == "POST":
        yield {"$ref": "#/components/parameters/Forgery"}


def _response(answer: Answer, schema_of: _SchemaOf) -> dict[str, Any]:
    response: dict[str, Any] = {"description": answer.description}
    if answer.headers:
        response["headers"] = {
            name: {
                "description": about,
                "schema": {"type": "integer" if name == "Retry-After" else "string"},
            }
            for name, about in answer.headers.items()
        }
    if answer.schema is not None:
        response["content"] = {JSON: {"schema": schema_of(answer.schema)}}
    elif answer.media_types:
        response["content"] = {media_type: {"schema": {}} for media_type in answer.media_types}
    return response


def _errors(route: Route) -> dict[int, Answer]:
    errors: dict[int, str | Answer] = {
        **_ERRORS,
        **(_DATABASE_ERRORS if route.database else {}),
        **(_QUERY_ERRORS if route.query is not None else {}),
        **(_BODY_ERRORS if route.body is not None else {}),
        **(_UPLOAD_ERRORS if route.upload is not None else {}),
        **route.errors,
    }
    return {
        status: error if isinstance(error, Answer) else Answer(error, Error)
        for status, error in errors.items()
    }


def _one_line(text: str) -> str:
    return " ".join(text.split())


# -------------------------------------------------------------------------------------------- page


def _operations(whole: Mapping[str, Any], tag: str) -> Iterator[dict[str, Any]]:
    """Every operation of a tag, as the page shows it."""
    for path, operations in whole["paths"].items():
        for method, operation in operations.items():
            if tag not in operation["tags"]:
                continue
            body = operation.get("requestBody")
            yield {
                **operation,
                "path": path,
                "method": method.upper(),
                "parameters": [
                    _resolved(whole, parameter) for parameter in operation.get("parameters", ())
                ],
                "answers": [
                    (status, answer["description"], _type_name(_schema_of(answer)))
                    for status, answer in operation["responses"].items()
                ],
                "body": _type_name(_schema_of(body)) if body else "",
            }


def _shown_schema(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema, as the page shows it."""
    members = [
        (member, _type_name(part), part.get("description", ""))
        for member, part in schema.get("properties", {}).items()
    ]
    own = "" if members else _type_name(schema)
    return {"name": name, "description": schema.get("description", own), "members": members}


def _resolved(whole: Mapping[str, Any], parameter: Mapping[str, Any]) -> dict[str, Any]:
    if reference := parameter.get("$ref"):
        parameter = whole["components"]["parameters"][reference.rpartition("/")[2]]
    return {**parameter, "type": _type_name(parameter["schema"])}


def _schema_of(holder: Mapping[str, Any]) -> dict[str, Any]:
    content = holder.get("content", {})
    return next((part["schema"] for part in content.values()), {})


def _type_name(schema: Mapping[str, Any]) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(_type_name(part) for part in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    if "items" in schema:
        return f"list of {_type_name(schema['items'])}"
    return str(schema.get("type", "anything"))
