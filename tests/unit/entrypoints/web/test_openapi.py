"""The OpenAPI document and the routes agree, and the API stays compatible."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest

from entrypoints.web.json_responses import Document
from entrypoints.web.openapi import document
from tests.unit.entrypoints.web.site import Site, api_routes, template_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SURFACE = Path(__file__).with_name("api_surface.txt")
_PEOPLE = re.compile(
    r"/(api/docs|login|logout|static/.*|queue|submit|compare|workflow|system|prompts/.*)?"
)


def routes(site: Site) -> set[tuple[str, str]]:
    """The routes for programs: every address below /api/ except the documentation page."""
    return {
        (template_of(rule.rule), method.lower())
        for rule in site.app.url_map.iter_rules()
        if rule.rule.startswith("/api/") and rule.rule != "/api/docs"
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def described(site: Site) -> set[tuple[str, str]]:
    """The operations in the document."""
    paths = site.get("/api/openapi.json").json
    assert paths
    return {(path, method) for path, found in paths["paths"].items() for method in found}


def test_every_route_is_described_and_every_description_is_a_route(site: Site) -> None:
    """Both ways, without the older shapes."""
    assert routes(site) == described(site)
    assert ("/api/prompts", "get") not in routes(site)


def test_the_older_shapes_are_described_too(legacy: Site) -> None:
    """If they are enabled."""
    assert routes(legacy) == described(legacy)
    assert ("/api/prompts", "get") in routes(legacy)


def test_other_routes_are_pages_for_people(site: Site) -> None:
    """Pages and their assets."""
    for rule in site.app.url_map.iter_rules():
        if not rule.rule.startswith("/api/") or rule.rule == "/api/docs":
            assert _PEOPLE.fullmatch(rule.rule), rule.rule


def test_every_parameter_of_an_address_is_described() -> None:
    """By its own name."""
    for path, operations in document()["paths"].items():
        for operation in operations.values():
            named = {each["name"] for each in operation.get("parameters", ()) if "name" in each}
            assert set(re.findall(r"{(\w+)}", path)) <= named, path


@pytest.mark.parametrize("value", [True, -3.7e16, "no such thing", [{}], {"no": 1}], ids=str)
def test_a_wrong_member_of_a_body_is_no_bug(site: Site, value: object) -> None:
    """Whatever the type of the member, the answer says what it must be."""
    bodies = {
        re.sub("{.+?}", "1", path): getattr(route.body, "__origin__", route.body)
        for (path, method), route in api_routes().items()
        if method == "post"
    }
    bodies = {
        path: body
        for path, body in bodies.items()
        if isinstance(body, type) and issubclass(body, Document)
    }
    assert "/api/v1/cancel" in bodies
    for path, body in bodies.items():
        for name in body.__struct_fields__:
            assert site.post(path, {name: value}).status_code < 500, (path, name)


def test_every_schema_is_valid_and_used() -> None:
    """Valid JSON Schema for OpenAPI 3.1, without leftovers."""
    whole = document()
    assert whole["openapi"].startswith("3.1")
    for schema in whole["components"]["schemas"].values():
        jsonschema_rs.Draft202012Validator(schema | {"components": whole["components"]})
    text = str(whole)
    for name in whole["components"]["schemas"]:
        assert f"#/components/schemas/{name}'" in text, name


@pytest.mark.parametrize("word", ["/api/v1/gallery", "GalleryItem", "X-Mediagen-Token", "503"])
def test_the_documentation_page_is_complete_without_scripts(lasting: Site, word: str) -> None:
    """No script or style in the page, and nothing from other sites."""
    page = lasting.get("/api/docs").get_data(as_text=True)
    assert word in page
    assert not re.search(r"<script|<style|style=|\son\w+=|https?://", page)
    targets = set(re.findall(r'href="#([^"]+)"', page))
    assert targets <= set(re.findall(r'id="([^"]+)"', page))


def surface(whole: Mapping[str, Any]) -> Iterator[str]:
    """The facts that clients rely on, one a line: operations, parameters, responses, members."""
    for path, operations in whole["paths"].items():
        for method, operation in operations.items():
            place = f"{method.upper()} {path}"
            yield f"{place} = {operation['operationId']}"
            for parameter in operation.get("parameters", ()):
                item = resolved(whole, parameter)
                yield f"{place} {item['in']} {item['name']}: {shape(item['schema'])}"
            for content in operation.get("requestBody", {}).get("content", {}).values():
                yield f"{place} body: {shape(content['schema'])}"
            for status, answer in operation["responses"].items():
                for media_type, content in answer.get("content", {"no body": {}}).items():
                    body = shape(content["schema"]) if media_type == "application/json" else ""
                    if body != "Error":
                        yield f"{place} {status}: {body or media_type}"
    yield from members(whole["components"]["schemas"])


def members(schemas: Mapping[str, Any]) -> Iterator[str]:
    """The members of the objects in responses and bodies."""
    for name, schema in schemas.items():
        if "enum" in schema:
            yield f"{name}: {shape(schema)}"
        for member, part in schema.get("properties", {}).items():
            needed = "" if member in schema["required"] else "?"
            yield f"{name}.{member}{needed}: {shape(part)}"


def shape(schema: Mapping[str, Any]) -> str:
    """The type and the limits of a value."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " | ".join(sorted(map(shape, schema["anyOf"])))
    if "enum" in schema:
        return f"one of {', '.join(sorted(map(str, schema['enum'])))}"
    bounds = ("format", "minimum", "maximum", "minLength", "maxLength", "default")
    words = [schema.get("type", "anything"), *(f"{b} {schema[b]}" for b in bounds if b in schema)]
    inner = schema.get("items") or schema.get("additionalProperties")
    return " ".join(words) + (f" of {shape(inner)}" if inner else "")


def resolved(whole: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The target of a reference."""
    while reference := schema.get("$ref"):
        target: Any = whole
        for part in reference.split("/")[1:]:
            target = target[part]
        schema = target
    return schema


def test_nothing_is_removed_from_the_api() -> None:
    """Everything in ``api_surface.txt`` stays; additions may be appended."""
    promised = set(_SURFACE.read_text("utf-8").splitlines())
    assert promised - set(surface(document())) == set()


def test_everything_has_a_description() -> None:
    """Parameters, operations and schemas, for readers of ``/api/docs``."""
    whole = document()
    for name, schema in whole["components"]["schemas"].items():
        assert schema.get("description"), name
    for path, operations in whole["paths"].items():
        for operation in operations.values():
            assert operation["summary"], path
            for parameter in operation.get("parameters", ()):
                assert resolved(whole, parameter)["description"], path
