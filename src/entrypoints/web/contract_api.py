"""The API that other programs rely on and that never changes, and an older shape of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from msgspec import Meta

from entrypoints.web.api import Routes
from entrypoints.web.errors import ApiError
from entrypoints.web.json_responses import Document, Time

if TYPE_CHECKING:
    from entrypoints.web.services import Services

MAX_PLAIN_PROMPTS: Final = 100_000  # rows; the older shape has no pages

routes = Routes()
blueprint = routes.blueprint


class Artifact(Document):
    """A published file, in the fixed shape."""

    id: Annotated[int, Meta(description="row of prompt_artifacts")]
    artifact_type: Annotated[
        str, Meta(description="image or audio; other programs may write other values")
    ]
    file_path: Annotated[str, Meta(description="relative to the output root")]
    preview_path: Annotated[
        str | None, Meta(description="the same path for an image, null for audio")
    ]
    metadata: Annotated[
        dict[str, Any], Meta(description="how the file was made; may hold unknown members")
    ]
    created_at: Time


class Artifacts(Document):
    """The published files of one prompt."""

    prompt_id: int
    artifacts: list[Artifact]


class PlainPrompt(Document):
    """A row of prompts, in the older shape."""

    id: int
    prompt_text: str | None
    prompt_type: str | None
    status: str | None
    artifact_status: str | None
    output_reference: int | str | None
    created_at: Time
    error_message: str | None


class PlainPromptParameters(msgspec.Struct, frozen=True):
    """Filters of the older list of prompts."""

    prompt_type: Annotated[
        str | None, Meta(description="one or more types, separated by commas; default: all")
    ] = None
    status: Annotated[str | None, Meta(description="only prompts with this status")] = None


@routes.add(
    "GET",
    "/api/prompts/<row:prompt_id>/artifacts",
    Artifacts | list[Artifact],
    tag="contract",
    errors={404: "No such prompt"},
)
def contract_artifacts(services: Services, prompt_id: int) -> object:
    """The published files of a prompt of any type.

    The list is empty if there are none. With the setting web.legacy_shapes the answer is the bare
    list.
    """
    rows = services.gallery().artifacts_of(prompt_id)
    if rows is None:
        raise ApiError(404, "no_such_prompt", f"there is no prompt with the id {prompt_id}")
    artifacts = msgspec.convert(rows, list[Artifact], from_attributes=True)
    return artifacts if services.legacy_shapes else Artifacts(prompt_id, artifacts)


@routes.add(
    "GET",
    "/api/prompts",
    list[PlainPrompt],
    tag="contract",
    query=PlainPromptParameters,
    legacy=True,
)
def legacy_prompts(services: Services, query: PlainPromptParameters) -> list[PlainPrompt]:
    """Prompts as a plain list, newest first, for older pages.

    Exists only with the setting web.legacy_shapes.
    """
    types = [name.strip() for name in (query.prompt_type or "").split(",") if name.strip()]
    rows = services.gallery().plain_prompts(types, query.status, MAX_PLAIN_PROMPTS)
    return msgspec.convert(rows, list[PlainPrompt], from_attributes=True)
