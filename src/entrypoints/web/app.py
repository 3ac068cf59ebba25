"""The application that answers requests."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Final

from flask import Flask, Response, request
from werkzeug.routing import BaseConverter, ValidationError

from entrypoints.web.errors import install_errors
from entrypoints.web.guarding import install_guards

if TYPE_CHECKING:
    from entrypoints.web.services import Services

LARGEST_BODY: Final = 1024 * 1024  # bytes; a song with long lyrics has a few thousand
_LARGEST_ID: Final = 2**63 - 1  # of an INTEGER PRIMARY KEY in SQLite
_ROOMS: Final = (
    "assets",
    "contract_api",
    "api_token",
    "api_gallery",
    "api_prompts",
    "api_queue",
    "api_changes",
    "api_submit",
    "api_system",
    "openapi",
    "login",
    "media",
    "previews",
    "work_pages",
    "pages",
)


class RowIdConverter(BaseConverter):
    """The id of a row in an address: ``<row:prompt_id>``."""

    regex = "[0-9]{1,19}"

    def to_python(self, value: str) -> int:
        """The number, if SQLite could hold it."""
        number = int(value)
        if number > _LARGEST_ID:
            raise ValidationError
        return number


def _forget_after_change(services: Services, answer: Response) -> Response:
    if request.method == "POST":
        services.glance.forget()
    return answer


def create_app(services: Services) -> Flask:
    """The application, over these services. Each room's ``blueprint(services)`` is a part of it."""
    app = Flask("entrypoints.web")
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.url_map.converters["row"] = RowIdConverter
    app.url_map.merge_slashes = False  # an address with "//" is another one
    install_errors(app)
    install_guards(app, services.access)
    app.after_request(partial(_forget_after_change, services))
    for room in _ROOMS:
        module = import_module(f"entrypoints.web.{room}")
        app.register_blueprint(module.blueprint(services))
    return app
