"""The application over a real database and a real output tree, without a network.

Every response is checked against the OpenAPI document and against the Struct of its route, whatever
the test is about.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import msgspec
from werkzeug.exceptions import HTTPException

from adapters.sqlite.connection import Connection
from entrypoints.settings.loader import load_settings
from entrypoints.web.access import access_for
from entrypoints.web.api import API_MODULES, Answer, Route
from entrypoints.web.app import create_app
from entrypoints.web.json_responses import Error
from entrypoints.web.openapi import document
from entrypoints.web.services import build_services
from tests.databases import Poet
from tests.fresh_databases import fresh_database
from tests.media_samples import png

if TYPE_CHECKING:
    from pathlib import Path

    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

BASE = "http://localhost:5000"
TOKEN = "open-sesame-12"  # noqa: S105 - a test's own
GUARDED = {"host": "0.0.0.0", "token": TOKEN}  # noqa: S104 - nothing listens in these tests
LAKE = {
    "prompt": "A serene mountain lake at dawn",
    "negative_prompt": "crowds",
    "width": 768,
    "height": 1024,
    "style_tags": ["realism", "soft"],
    "generated_at": "2026-01-06T21:30:45Z",
    "seed": 7,
    "format": "png",
    "file_size": 8,
    "workflow": "image_workflow.py",
    "renderer": "script",
}


class Site:
    """The server as a browser uses it.

    Attributes:
        poet: another program on the same database.
        root: the output tree.
        client: sends requests as one of the site's own pages would.
        csrf: the token that changes must carry.
    """

    def __init__(self, folder: Path, schema: str = "seed", **web: object) -> None:
        self.database = fresh_database(folder / "musings.db", schema)
        self.poet = Poet(self.database)
        self.root = folder / "out"
        self.root.mkdir()
        configuration = {
            "database": {"path": str(self.database), "timeout": 0.05},
            "comfyui": {"output_directory": str(self.root)},
            "media": {"renderer": {"image": "sketch", "audio": "sketch"}},
            "paths": {"state": str(folder / "state")},
            "web": web,
        }
        file = folder / "media_generator_config.json"
        file.write_text(json.dumps(configuration), "utf-8")
        self.loaded = load_settings(config_file=file, overrides={}, environ={}, cwd=folder)
        settings = self.loaded.settings.web
        self.access = access_for(settings, "machine", 5000)
        self.services, self._close_services = build_services(self.loaded, self.access)
        self.app = create_app(self.services)
        self.client: FlaskClient = self.app.test_client()
        self.csrf = self.access.csrf

    def close(self) -> None:
        """Close the database, once no check of the doctor is running."""
        self.services.checks.wait(60)
        self._close_services()

    def get(self, path: str, **options: Any) -> TestResponse:  # noqa: ANN401 - werkzeug's own
        """Send a GET request, and check the response against the document."""
        return self._held("get", self.client.get(path, base_url=BASE, buffered=True, **options))

    def post(self, path: str, body: object = None, **options: Any) -> TestResponse:  # noqa: ANN401
        """Send a change as one of the site's own pages would."""
        headers = {"X-Mediagen-Token": self.csrf} | options.pop("headers", {})
        if body is not None:
            options["json"] = body
        answer = self.client.post(path, base_url=BASE, headers=headers, **options)
        return self._held("post", answer)

    def published(
        self, prompt_id: int, name: str = "a.png", metadata: object = LAKE, kind: str = "image"
    ) -> str:
        """Add a published file and its row, as the daemon would; returns its path."""
        path = f"{kind}/{prompt_id}_20260106T213045/{name}"
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(png())
        self.row(prompt_id, path, metadata, kind)
        return path

    def row(self, prompt_id: int, path: str, metadata: object = LAKE, kind: str = "image") -> int:
        """Add a row without a file; returns its id."""
        text = metadata if isinstance(metadata, str | bytes | None) else json.dumps(metadata)
        [(row_id,)] = self.poet.execute(
            "INSERT INTO prompt_artifacts (prompt_id, artifact_type, file_path, preview_path,"
            " metadata, created_at) VALUES (?, ?, ?, ?, ?, '2026-01-06 21:30:45') RETURNING id",
            (prompt_id, kind, path, path if kind == "image" else None, text),
        )
        return int(row_id)

    def works(self) -> Connection:
        """A connection of a worker."""
        return Connection(self.database, 5.0)

    def _held(self, method: str, answer: TestResponse) -> TestResponse:
        rule = answer.request.environ.get("werkzeug.request") and self._rule(answer, method)
        if rule is not None:
            assert_documented(rule, method, answer)
        elif answer.status_code >= 400 and answer.is_json:
            msgspec.json.decode(answer.data, type=Error)
        return answer

    def _rule(self, answer: TestResponse, method: str) -> str | None:
        adapter = self.app.url_map.bind("localhost")
        try:
            found, _ = adapter.match(answer.request.path, method.upper(), return_rule=True)
        except HTTPException:
            return None
        return template_of(found.rule)


def template_of(rule: str) -> str:
    """A route as OpenAPI writes it: ``<row:id>`` becomes ``{id}``."""
    parts = rule.replace("<path:", "<").replace("<row:", "<")
    return parts.replace("<", "{").replace(">", "}")


def assert_documented(template: str, method: str, answer: TestResponse) -> None:
    """Check status, type and body of a response against the document."""
    operation = document()["paths"].get(template, {}).get(method)
    if operation is None:
        return
    assert str(answer.status_code) in operation["responses"], answer.get_data(as_text=True)
    described = operation["responses"][str(answer.status_code)]
    content = described.get("content", {})
    if "application/json" in content:
        assert answer.mimetype == "application/json"
        schema_validator(json.dumps(content["application/json"]["schema"])).validate(answer.json)
        assert_is_struct(template, method, answer)


def assert_is_struct(template: str, method: str, answer: TestResponse) -> None:
    """Check that a body has exactly the members of its Struct, with the right types."""
    route = api_routes()[template, method]
    described = {**route.answers, **route.errors}.get(answer.status_code)
    schema = described.schema if isinstance(described, Answer) else Error
    # Not msgspec's own decoder, which supports no integers beyond 64 bits.
    msgspec.convert(json.loads(answer.data), schema)


@cache
def api_routes() -> dict[tuple[str, str], Route]:
    """Every route of the API by its path in OpenAPI syntax, and its method."""
    modules = [import_module(f"entrypoints.web.{name}") for name in API_MODULES]
    return {
        (template_of(route.path), route.method.lower()): route
        for module in modules
        for route in module.routes
    }


@cache
def schema_validator(schema: str) -> Any:  # noqa: ANN401 - has no public type
    """A validator for a schema that may refer to others in the document."""
    whole = json.loads(schema) | {"components": document()["components"]}
    return jsonschema_rs.Draft202012Validator(whole)
