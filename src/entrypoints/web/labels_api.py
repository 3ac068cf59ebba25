"""``/api/v1/labels``: prompts that have a label in common, side by side."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from flask import request
from msgspec import Meta

from application.ports.prompt_catalogue import PromptQuery
from domain.variation import MAX_LABEL, axes_of, caption, shown
from entrypoints.web.api import Routes
from entrypoints.web.briefs import Problem, explain_error
from entrypoints.web.errors import ApiError
from entrypoints.web.gallery_api import GalleryItem, gallery_item
from entrypoints.web.json_responses import Document, KindName, Time, iso

if TYPE_CHECKING:
    from entrypoints.web.services import Services

MAX_LABELS: Final = 200
MAX_COMPARED: Final = 1_000  # prompts

routes = Routes()
blueprint = routes.blueprint


class LabelItem(Document):
    """A label in the list."""

    label: str
    prompts: Annotated[int, Meta(description="number of prompts that have it")]
    newest_prompt: Annotated[int, Meta(description="id of the newest of them")]


class LabelList(Document):
    """Labels of prompts."""

    labels: Annotated[
        list[LabelItem],
        Meta(description=f"at most {MAX_LABELS}, that of the newest prompt first"),
    ]


class AxisItem(Document):
    """Something that was varied."""

    path: Annotated[str, Meta(description="a field of the brief, or a path in its JSON")]
    values: Annotated[list[Any], Meta(description="in the order in which they were submitted")]
    texts: Annotated[list[str], Meta(description="the values for people")]


class ComparedPrompt(Document):
    """A prompt of a label, with its files."""

    id: int
    kind: KindName
    status: Annotated[str, Meta(description="artifact_status, or cancelled")]
    text: str
    varied: Annotated[dict[str, Any], Meta(description="values by path")]
    place: Annotated[
        list[int | None],
        Meta(description="for each axis the number of its value, from 0; null if it has none"),
    ]
    caption: Annotated[str, Meta(description="what was varied, for people")]
    created_at: Time
    error: Problem | None
    artifacts: Annotated[list[GalleryItem], Meta(description="oldest first")]


class Comparison(Document):
    """The prompts of a label."""

    label: str
    axes: Annotated[list[AxisItem], Meta(description="what was varied among them")]
    prompts: Annotated[
        list[ComparedPrompt], Meta(description=f"oldest first; at most the first {MAX_COMPARED:,}")
    ]


class LabelParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose prompts are compared."""

    label: Annotated[str, Meta(min_length=1, max_length=MAX_LABEL, description="the label")]


@routes.add("GET", "/api/v1/labels", LabelList, tag="prompts")
def list_labels(services: Services) -> LabelList:
    """Labels of prompts, that of the newest prompt first."""
    return LabelList(
        [
            LabelItem(label.name, label.prompts, label.newest)
            for label in services.labels().all(MAX_LABELS)
        ]
    )


@routes.add(
    "GET",
    "/api/v1/comparison",
    Comparison,
    tag="prompts",
    query=LabelParameters,
    errors={404: "No prompt has this label"},
)
def comparison(services: Services, query: LabelParameters) -> Comparison:
    """The prompts that have a label in common, with what was varied and their files."""
    labelled = {one.prompt_id: one for one in services.labels().prompts(query.label)}
    search = PromptQuery(limit=MAX_COMPARED, label=query.label)
    prompts = sorted(services.catalogue().search(search), key=lambda prompt: prompt.id)
    if not prompts:
        message = f"no prompt has the label {query.label!r}"
        raise ApiError(
            404,
            "no_such_label",
            message,
            "The page Compare lists the labels, and so does GET /api/v1/labels.",
        )
    axes = axes_of(labelled[prompt.id].varied for prompt in prompts if prompt.id in labelled)
    numbers = [{_key(value): number for number, value in enumerate(axis.values)} for axis in axes]
    compared: list[ComparedPrompt] = []
    for prompt in prompts:
        varied = dict(labelled[prompt.id].varied) if prompt.id in labelled else {}
        compared.append(
            ComparedPrompt(
                id=prompt.id,
                kind=prompt.kind,
                status=prompt.shown_status,
                text=prompt.text,
                varied=varied,
                place=[
                    numbered[_key(varied[axis.path])] if axis.path in varied else None
                    for axis, numbered in zip(axes, numbers, strict=True)
                ],
                caption=caption(varied),
                created_at=iso(prompt.created_at),
                error=explain_error(prompt.error_message),
                artifacts=[
                    gallery_item(artifact, request.script_root)
                    for artifact in services.gallery().artifacts_of(prompt.id) or ()
                ],
            )
        )
    items = [
        AxisItem(axis.path, list(axis.values), [shown(value) for value in axis.values])
        for axis in axes
    ]
    return Comparison(query.label, items, compared)


def _key(value: object) -> str:
    return json.dumps(value, sort_keys=True)
