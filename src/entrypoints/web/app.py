"""The Flask application: its routes, its guard, its static files."""

from __future__ import annotations

import hashlib
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

from flask import Flask, Response, request
from werkzeug.exceptions import NotFound
from werkzeug.routing import BaseConverter, ValidationError

from entrypoints.web.api import API_MODULES, MAX_ROW_ID, MAX_UPLOAD_BYTES, UPLOAD_PATH
from entrypoints.web.errors import install_errors
from entrypoints.web.file_responses import CACHE_FOREVER
from entrypoints.web.json_responses import json_bytes
from entrypoints.web.languages import LOCALES, catalogue, install_languages, languages
from entrypoints.web.request_guards import CSRF_HEADER, install_guards

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entrypoints.web.access import Access
    from entrypoints.web.services import Services

MAX_BODY_BYTES: Final = 1024 * 1024  # of a request; a song with long lyrics has a few thousand
_STATIC: Final = Path(__file__).with_name("static")
_BLUEPRINTS: Final = (*API_MODULES, "request_guards", "pages")


def max_body_bytes(access: Access, path: str, headers: Mapping[str, str]) -> int:
    """How large the body of a request may be, before any of it is read.

    A file may be large, and only if the request has shown that it comes from a page or a program
    that may make changes.

    Args:
        access: the tokens.
        path: of the request, maybe behind the prefix of a proxy.
        headers: of the request, with names in capitals and underscores.
    """
    if not path.endswith(UPLOAD_PATH):
        return MAX_BODY_BYTES
    csrf = headers.get(CSRF_HEADER.upper().replace("-", "_"), "")
    bearer = headers.get("AUTHORIZATION", "").partition(" ")[2].strip()
    may_upload = access.is_csrf(csrf) or access.is_token(bearer)
    return MAX_UPLOAD_BYTES if may_upload else MAX_BODY_BYTES


class RowIdConverter(BaseConverter):
    """The id of a row in an address: ``<row:prompt_id>``."""

    regex = "[0-9]{1,19}"

    def to_python(self, value: str) -> int:
        """The number.

        Raises:
            ValidationError: SQLite could not hold it.
        """
        number = int(value)
        if number > MAX_ROW_ID:
            raise ValidationError
        return number


def create_app(services: Services) -> Flask:
    """The application over these services.

    Each module in ``_BLUEPRINTS`` adds the routes of its ``blueprint(services)``.
    """
    app = Flask("entrypoints.web")
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.url_map.converters["row"] = RowIdConverter
    app.url_map.merge_slashes = False  # an address with "//" is another one
    install_errors(app)
    published = services.published
    install_guards(app, services.access, published.link_origin if published else None)
    install_languages(app)
    _install_assets(app)
    for name in _BLUEPRINTS:
        module = import_module(f"entrypoints.web.{name}")
        app.register_blueprint(module.blueprint(services))
    return app


def _install_assets(app: Flask) -> None:
    """``/static/{digest}/...``, and ``asset()`` for templates.

    Scripts, styles and texts have addresses that change with their content, so browsers may keep
    them.
    Scripts import one another by relative addresses, so all have the same digest.
    """
    current = assets_digest(_STATIC, LOCALES)

    def kept(response: Response, digest: str) -> Response:
        if digest == current:  # an old page gets the current file too, but may not keep it
            response.headers["Cache-Control"] = CACHE_FOREVER
        return response

    @app.get("/static/<string:digest>/<string:name>")
    def versioned_asset(digest: str, name: str) -> Response:
        return kept(app.send_static_file(name), digest)

    @app.get("/static/<string:digest>/texts/<string:language>.js")
    def texts(digest: str, language: str) -> Response:
        if language not in languages()[1:]:
            raise NotFound
        script = b"globalThis.mediagenTexts = " + json_bytes(catalogue(language).document)
        return kept(Response(script, content_type="text/javascript; charset=utf-8"), digest)

    @app.template_global()
    def asset(name: str) -> str:
        """The address of a script or a style."""
        return f"{request.script_root}/static/{current}/{name}"

    @app.template_global()
    def base() -> str:
        """The beginning of every address: nothing, or the path in web.base_path."""
        return request.script_root


def assets_digest(*folders: Path) -> str:
    """A short text that differs whenever a file of the folders does."""
    digest = hashlib.sha256()
    for file in sorted(file for folder in folders for file in folder.iterdir()):
        content = file.read_bytes()
        digest.update(f"{file.name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()[:12]
