"""Routes of the JSON API, each declared once: for the server and for the OpenAPI document."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeVar

import msgspec
from flask import Blueprint, Response, request
from msgspec import Meta

from domain.prompt import Kind
from domain.search import EmptySearchError, Search
from entrypoints.web.errors import ApiError
from entrypoints.web.json_responses import Document, json_response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from entrypoints.web.services import Services

    Handler = Callable[..., object]
    AnyHandler = TypeVar("AnyHandler", bound=Handler)

API_MODULES: Final = (
    "contract_api",
    "media",
    "gallery_api",
    "curation_api",
    "prompts_api",
    "search_api",
    "submit_api",
    "labels_api",
    "queue_api",
    "changes_api",
    "system_api",
    "workflow_api",
    "openapi",
)
"""Modules of this package that have ``routes``, in the order of the OpenAPI document."""

MAX_UPLOAD_BYTES: Final = 64 * 1024 * 1024  # of a file; an uncompressed song has 50 MB
UPLOAD_PATH: Final = "/api/v1/workflows/check"
MAX_ROW_ID: Final = 2**63 - 1  # of an INTEGER PRIMARY KEY in SQLite
MAX_QUERY_TEXT: Final = 500  # characters
_MAX_DIGITS: Final = len(str(MAX_ROW_ID))
_DATE_LENGTH: Final = 10  # characters of 2026-01-06
_Model = TypeVar("_Model", bound=msgspec.Struct)

RowId = Annotated[int, Meta(ge=0, le=MAX_ROW_ID)]
QueryKind = Literal["image", "picture", "image_prompt", "audio", "song", "lyrics_prompt"]
QueryText = Annotated[str, Meta(max_length=MAX_QUERY_TEXT)]
QueryTime = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]


# ------------------------------------------------------------------------------------------ routes


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of a route, as the OpenAPI document describes it.

    Attributes:
        description: what the answer is.
        schema: type of the JSON body; None where the body is not JSON.
        media_types: of a body that is not JSON; empty where there is no body.
        headers: descriptions of the headers that matter, by name.
    """

    description: str = "Success"
    schema: Any = None
    media_types: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of the API.

    Attributes:
        method: "GET" or "POST".
        path: in Flask's syntax, ``/api/v1/prompts/<row:prompt_id>``.
        tag: group in the OpenAPI document.
        answers: the successful ones, by status.
        errors: descriptions of errors by status: those of this route alone, and common ones for
            which there are better words. An ``Answer`` says which schema differs from ``Error``.
        query: Struct of the parameters behind the question mark.
        body: type of the JSON body. A Struct is validated and given to the handler; of any other
            type the handler gets the JSON object as it is.
        body_required: whether a request without a body is refused.
        upload: bytes that a file in place of a JSON body may have; the handler gets the stream as
            ``body``. None for routes that take no file.
        request_headers: descriptions of further request headers, by name.
        database: whether the route needs the database.
        legacy: whether the route exists only with the setting ``web.legacy_shapes``.
        handler: is called with the services, and by name with the parts of the path, ``query`` and
            ``body``. Returns a Struct, or a response. Its docstring is the summary and the
            description in the OpenAPI document.
    """

    method: str
    path: str
    tag: str
    answers: Mapping[int, Answer]
    handler: Handler
    errors: Mapping[int, str | Answer] = field(default_factory=dict)
    query: type[msgspec.Struct] | None = None
    body: Any = None
    body_required: bool = False
    upload: int | None = None
    request_headers: Mapping[str, str] = field(default_factory=dict)
    database: bool = True
    legacy: bool = False

    @property
    def name(self) -> str:
        """The handler's name, which is also the Flask endpoint."""
        return self.handler.__name__

    def respond(self, services: Services, **path: object) -> Response:
        """Answer the current request. Raises ApiError, and what the handler raises."""
        arguments = path
        if self.query is not None:
            arguments["query"] = read_query(self.query)
        if self.body is not None:
            arguments["body"] = read_body(self.body, required=self.body_required)
        if self.upload is not None:
            request.max_content_length = self.upload
            arguments["body"] = request.stream
        try:
            answer = self.handler(services, **arguments)
        finally:
            if self.method == "POST":  # the queue may have changed, even if an error followed
                services.summaries.invalidate()
        return answer if isinstance(answer, Response) else json_response(answer)


class Routes(list[Route]):
    """The API routes of one module."""

    def add(
        self,
        method: str,
        path: str,
        answer: Any = None,  # noqa: ANN401 - any type that msgspec can describe
        *,
        tag: str,
        **facts: Any,  # noqa: ANN401 - as Route types them
    ) -> Callable[[AnyHandler], AnyHandler]:
        """Declare the decorated function as the handler of a route.

        Args:
            method: "GET" or "POST".
            path: in Flask's syntax.
            answer: type of the JSON body of the one successful answer; for others pass
                ``answers``.
            tag: group in the OpenAPI document.
            facts: further attributes of the ``Route``.
        """
        facts = {"answers": {200: Answer(schema=answer)}} | facts

        def declare(handler: AnyHandler) -> AnyHandler:
            self.append(Route(method, path, tag, handler=handler, **facts))
            return handler

        return declare

    def blueprint(self, services: Services) -> Blueprint:
        """The routes that exist with these services."""
        blueprint = Blueprint(self[0].handler.__module__.rpartition(".")[2], __name__)
        for route in self:
            if services.legacy_shapes or not route.legacy:
                view = partial(route.respond, services)
                blueprint.add_url_rule(route.path, route.name, view, methods=[route.method])
        return blueprint


# -------------------------------------------------------------------------------- query parameters


class ListParameters(msgspec.Struct, frozen=True):
    """Parameters that every list of prompts or media has."""

    kind: Annotated[QueryKind | None, Meta(description="only this kind")] = None
    status: Annotated[
        QueryText | None,
        Meta(
            description="only prompts with this artifact_status; what a person cancelled counts as"
            " cancelled, not as error"
        ),
    ] = None
    text: Annotated[
        QueryText | None, Meta(description="must occur in the prompt text or in the writing")
    ] = None
    since: Annotated[
        QueryTime | None,
        Meta(description="from this time on: ISO 8601, UTC without a zone; or a date"),
    ] = None
    until: Annotated[
        QueryTime | None, Meta(description="before this time; a date includes the whole day")
    ] = None
    cursor: Annotated[QueryText | None, Meta(description="next_cursor of the previous page")] = None

    def filters(self) -> dict[str, Any]:
        """The filters as the queries of the gallery take them. Raises ApiError."""
        return {
            "kind": Kind.of_name(self.kind) if self.kind else None,
            "status": self.status,
            "text": self.text,
            "since": read_time("since", self.since),
            "until": read_time("until", self.until, whole_day=True),
        }


def bad_query(name: str, problem: str) -> ApiError:
    """The error for a query parameter that cannot be used."""
    return ApiError(422, "bad_query", f"the parameter {name!r} {problem}")


def read_query(model: type[_Model], *, from_form: bool = False) -> _Model:
    """The query parameters of the request; blank texts count as missing.

    Args:
        model: the type of the parameters.
        from_form: whether blank numbers count as missing, too: a form sends its empty fields.

    Raises:
        ApiError: a parameter cannot be used.
    """
    properties = properties_of(model)
    values: dict[str, object] = {}
    for name in request.args.keys() & properties.keys():
        value = request.args[name].strip()
        if "\0" in value:
            raise bad_query(name, "contains a NUL character")
        if _is_integer(properties[name]) and (value or not from_form):
            is_number = value.isascii() and value.isdigit() and len(value) <= _MAX_DIGITS
            values[name] = int(value) if is_number else value
        elif value:
            values[name] = value
    try:
        return msgspec.convert(values, model)
    except msgspec.ValidationError as error:
        raise bad_query(*_problem(error, model)) from None


def read_time(name: str, value: str | None, *, whole_day: bool = False) -> datetime | None:
    """A query parameter that is a time in ISO 8601, UTC without a zone, or a date.

    Args:
        name: of the parameter.
        value: of the parameter.
        whole_day: whether a date stands for its end rather than for its beginning.

    Raises:
        ApiError: the value is neither.
    """
    if not value:
        return None
    try:
        time = datetime.fromisoformat(value.replace(" ", "+") if "T" in value else value)
        if whole_day and len(value) == _DATE_LENGTH:
            time += timedelta(days=1)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        problem = 'must be a date or a time in ISO 8601, such as "2026-01-06T21:30:45"'
        raise bad_query(name, problem) from None


def read_search(name: str, text: str, *, is_typed: bool = False) -> Search:
    """A query parameter that holds words to look for.

    Args:
        name: of the parameter.
        text: its value.
        is_typed: whether its last word may be the beginning of one.

    Raises:
        ApiError: there is no word in it.
    """
    try:
        return Search.of_text(text, is_typed=is_typed)
    except EmptySearchError as error:
        raise bad_query(name, f"is of no use: {error}") from None


# ------------------------------------------------------------------------------------------ bodies


def bad_body(problem: str) -> ApiError:
    """The error for a JSON body that cannot be used."""
    return ApiError(422, "bad_body", problem)


def read_body(model: Any, *, required: bool) -> Any:  # noqa: ANN401 - an instance of the model
    """The JSON object in the body of the request.

    Args:
        model: a ``Document``, of which an instance is returned, also with annotations; or any other
            type: then the object is returned as it is.
        required: whether a request without a body is refused.

    Raises:
        ApiError: the body is not a JSON object, or not what the model says.
    """
    raw = request.get_data()
    if raw or required:
        if request.mimetype != "application/json":
            message = "the body must be JSON, with Content-Type: application/json"
            raise ApiError(415, "not_json", message)
        try:
            body = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise ApiError(400, "not_json", f"the body is not JSON: {error}") from None
    else:
        body = {}
    if not isinstance(body, dict):
        raise bad_body("the body must be a JSON object")
    model = getattr(model, "__origin__", model)  # the type that Annotated describes
    if not (isinstance(model, type) and issubclass(model, Document)):
        return body
    properties = properties_of(model)
    for name, value in body.items():
        if name not in properties:
            raise bad_body(f"the body has the unknown member {name!r}")
        if isinstance(value, str) and not is_unicode(value):
            raise bad_body(f"{name!r} contains half a character")
    try:
        return msgspec.convert(body, model)
    except msgspec.ValidationError as error:
        name, problem = _problem(error, model)
        raise bad_body(f"{name!r} {problem}") from None


def is_unicode(text: str) -> bool:
    """Whether a text is free of lone surrogates, so that it can be encoded."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


# ------------------------------------------------------------------------------------ explanations


def requirement(schema: Mapping[str, Any]) -> str:
    """What a value must be, as the end of a sentence that begins with its name."""
    schema = without_null(schema)
    if "enum" in schema:
        return f"must be one of {', '.join(map(str, schema['enum']))}"
    match schema["type"]:
        case "integer" | "number" as name:
            number = "whole number" if name == "integer" else "number"
            return f"must be a {number} from {schema['minimum']} to {schema['maximum']}"
        case "boolean":
            return "must be true or false"
        case "array":
            limit = f" of at most {schema['maxItems']:,} items" if "maxItems" in schema else ""
            return f"must be a list{limit}, and each item {requirement(schema['items'])}"
        case "string":
            limit = (
                f" of at most {schema['maxLength']:,} characters" if "maxLength" in schema else ""
            )
            return f"must be text{limit}"
        case other:
            return f"must be of type {other}"


def without_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON Schema without the choice of null, and without null as its default."""
    rest = {name: value for name, value in schema.items() if name != "anyOf"}
    if rest.get("default", "") is None:
        del rest["default"]
    choices = [part for part in schema.get("anyOf", ()) if part != {"type": "null"}]
    return rest | (choices[0] if len(choices) == 1 else {"anyOf": choices} if choices else {})


def _is_integer(schema: Mapping[str, Any]) -> bool:
    schema = without_null(schema)
    return schema.get("type") == "integer" or all(
        isinstance(v, int) for v in schema.get("enum", [""])
    )


@cache
def properties_of(model: type[msgspec.Struct]) -> dict[str, dict[str, Any]]:
    """JSON Schemas of a Struct's fields, by name, with the values of enumerations."""
    _, components = msgspec.json.schema_components([model], ref_template="{name}")

    def resolved(schema: dict[str, Any]) -> dict[str, Any]:
        choices = {"anyOf": list(map(resolved, schema["anyOf"]))} if "anyOf" in schema else {}
        known: dict[str, Any] = components.get(schema.get("$ref", ""), {})
        if "enum" not in known:
            return schema | choices
        return known | {name: value for name, value in schema.items() if name != "$ref"}

    properties: dict[str, dict[str, Any]] = components[model.__name__]["properties"]
    return {name: resolved(schema) for name, schema in properties.items()}


def _problem(error: msgspec.ValidationError, model: type[msgspec.Struct]) -> tuple[str, str]:
    """The field in which an error was found, and what is wrong with it."""
    if missing := re.search(r"required field `(\w+)`", str(error)):
        return missing[1], "is missing"
    name = re.findall(r"`\$\.(\w+)", str(error))[0]
    return name, requirement(properties_of(model)[name])
