"""The pages that people look at: HTML that is complete before any script has run."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from flask import Blueprint, render_template, request
from markupsafe import Markup
from msgspec.structs import asdict, replace

from domain.artifact_status import ArtifactStatus
from domain.brief import BRIEF_FIELDS
from domain.prompt import CANCELLED, Kind, shown_status
from entrypoints.web import gallery_api, prompts_api, queue_api, search_api, system_api
from entrypoints.web.api import MAX_UPLOAD_BYTES, read_query
from entrypoints.web.comparison import compare_context
from entrypoints.web.gallery_api import THUMBNAIL_WIDTH, GalleryParameters
from entrypoints.web.json_responses import json_bytes
from entrypoints.web.languages import N_, gettext
from entrypoints.web.plots import shares, time_plot
from entrypoints.web.prompts_api import PromptParameters
from entrypoints.web.search_api import SearchParameters

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from domain.brief import BriefField
    from entrypoints.web.gallery_api import GalleryItem, GalleryPage
    from entrypoints.web.prompts_api import Prompt, PromptPage
    from entrypoints.web.search_api import FoundPrompts
    from entrypoints.web.services import Services
    from entrypoints.web.system_api import Check

SPANS: Final = {24: N_("24 hours"), 168: N_("7 days")}  # of the system page, by hours
_EAGER_IMAGES: Final = 10  # pictures that load before their position on the screen is known
_SONG_RATIO: Final = 16  # tenths: as wide as a picture of 16:10
_MIN_RATIO, _MAX_RATIO = 6, 24  # tenths; what is beyond is cropped
_READY: Final = ArtifactStatus.READY.value
_CHIPS: Final = {"ready": "good", "error": "bad", "processing": "accent"}
_AREAS: Final = (
    (N_("Program"), ("program", "configuration", "paths", "privacy")),
    (N_("Database and queue"), ("database", "pending", "in processing", "artifact", "paused")),
    (N_("Workflows"), ("image", "audio", "interpreter", "comfyui", "music")),
    (N_("Published files"), ("output",)),
)
_OTHER_AREA: Final = N_("Other")
_DEFAULTS: Final = asdict(GalleryParameters())
_WORST_FIRST: Final = ("broken", "warning", "ok")


def blueprint(services: Services) -> Blueprint:
    """The pages Browse, Queue, Submit, Workflow and System, and the page of one prompt."""
    made = Blueprint("pages", __name__)

    @made.app_template_global()
    def brief_fields(kind: str) -> list[BriefField]:
        """The fields of a brief that can be written, in order."""
        return [field for field in BRIEF_FIELDS[Kind(kind)] if field.names]

    made.add_app_template_global(field_label)

    # Not strict, or Flask would redirect from web.base_path to http:// and the Host header, which
    # behind a proxy need not be the address of the page.
    @made.get("/", strict_slashes=False)
    def browse() -> str:
        return render_template("browse.html", section="browse", **browse_context(services))

    @made.get("/prompts/<row:prompt_id>")
    def prompt(prompt_id: int) -> str:
        shown = prompts_api.prompt(services, prompt_id)
        return render_template("prompt.html", **prompt_context(shown))

    @made.get("/queue")
    def queue() -> str:
        status = queue_api.status(services)
        return render_template(
            "queue.html",
            section="queue",
            status=status,
            stopped=queue_api.is_stopped(status),
            queue=queue_api.queue(services),
        )

    @made.get("/submit")
    def submit() -> str:
        workflows = {kind.value: rules.names for kind, rules in services.rules.items()}
        return render_template("submit.html", section="submit", workflows=workflows)

    @made.get("/compare")
    def compare() -> str:
        context = compare_context(services)
        return render_template(
            "compare.html", larger_thumbnail=larger_thumbnail, given=None, items=[], **context
        )

    @made.get("/workflow")
    def workflow() -> str:
        return render_template("workflow.html", section="workflow", most=MAX_UPLOAD_BYTES)

    @made.get("/system")
    def system() -> str:
        hours = request.args.get("hours", 24, int)
        return render_template("system.html", section="system", **system_context(services, hours))

    return made


def field_label(name: str) -> str:
    """What the page calls a field of a brief."""
    return gettext(name.replace("_", " ").capitalize())


def origin(item: GalleryItem) -> str:
    """What the mark of a file says, in words; static/viewer.js says the same."""
    sources = {
        "trainedAlgorithmicMedia": gettext("marked as made by an AI model"),
        "algorithmicMedia": gettext("marked as made by a program"),
    }
    signatures = {
        "written": gettext("signed"),
        "present": gettext("came with a signature"),
        "sidecar": gettext("signed in a file beside it"),
        "ingredient": gettext("signed, with the signature that it came with as an ingredient"),
    }
    source = item.source_type or ""
    stated = source and (sources.get(source) or gettext("marked as %(type)s", type=source))
    return ", ".join(filter(None, (stated, signatures.get(item.signature or ""))))


def browse_context(services: Services) -> dict[str, object]:
    """What the first page of Browse shows for the filters of the request.

    Raises:
        ApiError: a filter cannot be used.
        RepositoryError: the database cannot be used.
    """
    query = replace(read_query(GalleryParameters, from_form=True), typing="1")
    filters = {
        name: value
        for name, value in asdict(query).items()
        if value and value != _DEFAULTS[name] and name not in {"cursor", "limit", "typing"}
    }
    kind = query.filters()["kind"]
    has_prompts = asks_for_prompts(filters)
    page: GalleryPage | PromptPage | FoundPrompts
    if not has_prompts:
        page = gallery_api.gallery(services, query)
    elif query.search:
        words = SearchParameters(
            query.search, query.typing, query.kind, query.status, query.cursor, query.limit
        )
        page = search_api.search(services, words)
    else:
        names = ("kind", "status", "text", "since", "until", "cursor", "limit")
        parameters = PromptParameters(**{name: getattr(query, name) for name in names})
        page = prompts_api.list_prompts(services, parameters)
    next_page = urlencode({**filters, "cursor": page.next_cursor}) if page.next_cursor else None
    return {
        "items": getattr(page, "items", ()),
        "prompts": getattr(page, "prompts", ()),
        "has_prompts": has_prompts,
        "chips": defaultdict(str, _CHIPS),
        "eager_images": _EAGER_IMAGES,
        # The scripts start at the newest file, wherever a page without them was.
        "given": None if query.cursor else as_text(page),
        "kind": kind.prompt_type if kind else "",
        "status": query.status or "",
        "statuses": sorted({*map(str, ArtifactStatus), CANCELLED, *filter(None, [query.status])}),
        "text": query.search or query.text or "",
        "chosen": query,
        "more_filters": any(
            filters.get(name)
            for name in filters
            if name not in {"kind", "status", "text", "search"}
        ),
        "filtered": bool(filters),
        "next_page": f"{request.script_root}/?{next_page}" if next_page else None,
        "ratio": ratio,
        "address": address,
        "larger_thumbnail": larger_thumbnail,
    }


def asks_for_prompts(filters: Mapping[str, object]) -> bool:
    """Whether Browse shows prompts rather than files; static/shelf.js decides the same.

    By a status in which most prompts have no files, and by nothing that only files have.
    """
    known = {"kind", "status", "search"}
    if "search" not in filters:
        known = {"kind", "status", "text", "since", "until"}
    return filters.get("status", _READY) != _READY and filters.keys() <= known


def as_text(document: object) -> Markup:
    """A document as JSON in which HTML sees nothing but text."""
    text = json_bytes(document).decode()
    return Markup(text.replace("&", "&amp;").replace("<", "&lt;"))  # noqa: S704 - as it says


def larger_thumbnail(item: GalleryItem) -> str:
    """The thumbnail for screens with a high resolution; static/cards.js asks for the same."""
    url = str(item.thumbnail_url)
    return url.replace(f"?w={THUMBNAIL_WIDTH}", f"?w={2 * THUMBNAIL_WIDTH}")


def ratio(kind: str | None, width: int | None, height: int | None) -> int:
    """The width of a card divided by its height, in tenths; static/shelf.js computes the same."""
    if kind != "image":
        return _SONG_RATIO
    if not width or not height or min(width, height) < 0:
        return 10
    return min(_MAX_RATIO, max(_MIN_RATIO, int(width / height * 10 + 0.5)))


def address(item: GalleryItem) -> str:
    """Where the title of a card leads: to its prompt, or to the file if it has no prompt."""
    if item.prompt_id is None:
        return str(item.media_url)
    return f"{request.script_root}/prompts/{item.prompt_id}"


def prompt_context(prompt: Prompt) -> dict[str, object]:
    """What the page of one prompt shows."""
    brief: dict[str, Any] = asdict(prompt.brief) if prompt.brief else {}
    facts = [
        (
            field_label(name),
            value if isinstance(value, str | int | float) else ", ".join(value),
        )
        for name, value in brief.items()
        if name not in {"prompt", "negative_prompt", "sections", "title"} and value
    ]
    if prompt.workflow is not None:
        workflow = prompt.workflow
        if workflow.name:
            facts.append((gettext("Workflow"), f"{workflow.name} ({workflow.reason})"))
        elif workflow.problem:
            facts.append((gettext("Workflow"), workflow.problem))
        facts += [
            (gettext("Rendered with"), f"{used.name} ({used.reason})")
            for used in workflow.rendered_with
            if (used.name, used.reason) != (workflow.name, workflow.reason)
        ]
    code = prompt.error.code if prompt.error else None
    status = shown_status(prompt.artifact_status, code)
    return {
        "prompt": prompt,
        "outputs": prompt.artifacts[::-1],
        "live": live_token(prompt),
        "acts": actions(prompt, status),
        "ratio": ratio,
        "origin": origin,
        "status": status,
        "lyrics": brief.get("sections", ()),
        "facts": facts,
        "chip": _CHIPS.get(status, ""),
    }


def actions(prompt: Prompt, status: str) -> list[str]:
    """The buttons of the page of a prompt; static/actions.js makes the same."""
    first = {
        "pending": gettext("Cancel"),
        "processing": gettext("Cancel"),
        "ready": gettext("Render again"),
    }
    newest = prompt.artifacts[-1] if prompt.artifacts else None
    return [
        first.get(status, gettext("Retry")),
        gettext("Edit and submit"),
        gettext("Copy the prompt"),
        *([gettext("Copy the seed")] if newest and newest.seed is not None else []),
        *([gettext("Download")] if newest and newest.media_url else []),
    ]


def live_token(prompt: Prompt) -> str:
    """Changes with everything that the page of a prompt shows, but not with a render's progress.

    static/prompt.js makes the same of the API's answer.
    """
    renders = [f"{render.render_id} {render.outcome or ''}" for render in prompt.renders]
    artifacts = [str(item.artifact_id) for item in prompt.artifacts]
    broken = prompt.broken.code if prompt.broken else ""
    return "|".join((prompt.artifact_status, broken, *renders, *artifacts))


def system_context(services: Services, hours: int) -> dict[str, object]:
    """What the page of the installation shows.

    Args:
        services: where the data come from.
        hours: length of the history; a value that ``SPANS`` does not have counts as a day.

    Raises:
        RepositoryError: the database cannot be used.
    """
    hours = hours if hours in SPANS else next(iter(SPANS))
    system = system_api.system(services)
    history = system_api.history_until(datetime.now(UTC), services, hours)
    return {
        "system": system,
        "areas": checks_by_area(system.checks),
        "history": history,
        "plot": time_plot(history.buckets),
        "failures": shares(history.failures),
        "hours": hours,
        "spans": SPANS,
    }


def checks_by_area(checks: Sequence[Check]) -> list[dict[str, object]]:
    """The checks of each part of the installation, with the worst result among them."""
    by_area: dict[str, list[Check]] = {}
    for check in checks:
        area = next((name for name, starts in _AREAS if check.name.startswith(starts)), _OTHER_AREA)
        by_area.setdefault(area, []).append(check)
    return [
        {
            "name": name,
            "checks": by_area[name],
            "health": next(
                health
                for health in _WORST_FIRST
                if any(check.health == health for check in by_area[name])
            ),
        }
        for name in (*(name for name, _ in _AREAS), _OTHER_AREA)
        if name in by_area
    ]
