"""The pages that people look at: HTML that reads well before any script has run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from flask import Blueprint, render_template, request
from markupsafe import Markup

from domain.artifact_status import ArtifactStatus
from entrypoints.web import queries
from entrypoints.web.answers import json_bytes
from entrypoints.web.api_gallery import gallery_document, gallery_query
from entrypoints.web.api_prompts import prompt_details

if TYPE_CHECKING:
    from collections.abc import Mapping

    from application.ports.gallery_rows import GalleryPage
    from entrypoints.web.services import Services

_FIRST_PAGE: Final = 60  # cards
_AT_ONCE: Final = 10  # pictures that are asked for before it is known where they will stand
_FILTERS: Final = ("kind", "status", "text", "since", "until")
_SONG: Final = 16  # tenths: as wide as a picture of 16:10
_NARROWEST, _WIDEST = 6, 24  # tenths; what is beyond is cropped
_CHIPS: Final = {"ready": "good", "error": "bad", "processing": "accent"}


def blueprint(services: Services) -> Blueprint:
    """Browse and one prompt; Queue, Submit and System are in ``work_pages``."""
    room = Blueprint("pages", __name__)

    @room.get("/")
    def browse() -> str:
        page = services.gallery().page(gallery_query(_FIRST_PAGE))
        return render_template("browse.html", section="browse", **browse_view(page))

    @room.get("/prompts/<row:prompt_id>")
    def prompt(prompt_id: int) -> str:
        return render_template("prompt.html", **prompt_view(prompt_details(services, prompt_id)))

    return room


def browse_view(page: GalleryPage) -> dict[str, object]:
    """What the first page of Browse shows for the filters of the request."""
    asked = {name: value for name in _FILTERS if (value := queries.text(name))}
    kind = queries.kind()
    following = urlencode({**asked, "cursor": page.next}) if page.next is not None else None
    document = gallery_document(page)
    return {
        "items": document["items"],
        "at_once": _AT_ONCE,
        # The scripts begin at the newest, wherever a page without them was.
        "given": None if request.args.get("cursor") else as_text(document),
        "kind": kind.prompt_type if kind else "",
        "status": asked.get("status", ""),
        "statuses": sorted({*map(str, ArtifactStatus), *filter(None, [asked.get("status")])}),
        "text": asked.get("text", ""),
        "filtered": bool(asked),
        "further": f"/?{following}" if following else None,
        "ratio": ratio,
        "place": place,
        "wider": wider,
    }


def as_text(document: object) -> Markup:
    """A document as JSON that HTML takes for mere text."""
    told = json_bytes(document).decode()
    return Markup(told.replace("&", "&amp;").replace("<", "&lt;"))  # noqa: S704 - as it says


def wider(item: Mapping[str, Any]) -> str:
    """The thumbnail for screens with finer dots; static/cards.js asks for the same."""
    return str(item["thumbnail_url"]).replace("?w=320", "?w=640")


def ratio(item: Mapping[str, Any]) -> int:
    """Width by height of a card, in tenths; static/shelf.js reckons the same."""
    if item["kind"] != "image":
        return _SONG
    width, height = item["width"], item["height"]
    if not width or not height or min(width, height) < 0:
        return 10
    return min(_WIDEST, max(_NARROWEST, int(width / height * 10 + 0.5)))


def place(item: Mapping[str, Any]) -> str | None:
    """Where the title of a card leads: to its prompt, or to the file where there is none."""
    found = item["prompt_id"]
    return str(item["media_url"]) if found is None else f"/prompts/{found}"


def prompt_view(prompt: Mapping[str, Any]) -> dict[str, object]:
    """What the page of one prompt shows."""
    brief: Mapping[str, Any] = prompt["brief"] or {}
    shown = {
        name.replace("_", " ").capitalize(): ", ".join(value) if isinstance(value, list) else value
        for name, value in brief.items()
        if name not in {"prompt", "negative_prompt", "sections", "title"} and value
    }
    return {
        "prompt": prompt,
        "lyrics": brief.get("sections", ()),
        "facts": list(shown.items()),
        "chip": _CHIPS.get(prompt["artifact_status"], ""),
    }
