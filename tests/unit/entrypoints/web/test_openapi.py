"""The OpenAPI document and the routes are the same thing."""

from __future__ import annotations

import re

import jsonschema_rs
import pytest

from entrypoints.web.openapi import document
from tests.unit.entrypoints.web.site import Site, template_of

_PEOPLE = re.compile(r"/(api/docs|login|static/.*|queue|submit|system|prompts/.*)?")


def routes(site: Site) -> set[tuple[str, str]]:
    """What a program may ask for: every address below /api/ but the page of the description."""
    return {
        (template_of(rule.rule), method.lower())
        for rule in site.app.url_map.iter_rules()
        if rule.rule.startswith("/api/") and rule.rule != "/api/docs"
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def described(site: Site) -> set[tuple[str, str]]:
    """What the document says there is."""
    paths = site.get("/api/openapi.json").json
    assert paths
    return {(path, method) for path, found in paths["paths"].items() for method in found}


def test_every_route_is_described_and_every_description_is_a_route(site: Site) -> None:
    """Both ways, without the older shapes."""
    assert routes(site) == described(site)
    assert ("/api/prompts", "get") not in routes(site)


def test_so_it_is_with_the_older_shapes(legacy: Site) -> None:
    """They are described where they are there."""
    assert routes(legacy) == described(legacy)
    assert ("/api/prompts", "get") in routes(legacy)


def test_what_is_not_described_is_for_people(site: Site) -> None:
    """Pages, and what they are made of."""
    for rule in site.app.url_map.iter_rules():
        if not rule.rule.startswith("/api/") or rule.rule == "/api/docs":
            assert _PEOPLE.fullmatch(rule.rule), rule.rule


def test_every_parameter_of_an_address_is_described() -> None:
    """By its own name."""
    for path, operations in document()["paths"].items():
        for operation in operations.values():
            named = {each["name"] for each in operation.get("parameters", ()) if "name" in each}
            assert set(re.findall(r"{(\w+)}", path)) <= named, path


def test_every_schema_is_sound_and_used() -> None:
    """JSON Schema as OpenAPI 3.1 has it; nothing is left over."""
    whole = document()
    assert whole["openapi"].startswith("3.1")
    for schema in whole["components"]["schemas"].values():
        jsonschema_rs.Draft202012Validator(schema | {"components": whole["components"]})
    text = str(whole)
    for name in whole["components"]["schemas"]:
        assert f"#/components/schemas/{name}'" in text, name


@pytest.mark.parametrize("word", ["/api/v1/gallery", "GalleryItem", "X-Mediagen-Token", "503"])
def test_the_page_to_read_it_holds_all_of_it_without_scripts(lasting: Site, word: str) -> None:
    """No script, no style in the page, nothing from elsewhere."""
    page = lasting.get("/api/docs").get_data(as_text=True)
    assert word in page
    assert not re.search(r"<script|<style|style=|\son\w+=|https?://", page)
    targets = set(re.findall(r'href="#([^"]+)"', page))
    assert targets <= set(re.findall(r'id="([^"]+)"', page))
