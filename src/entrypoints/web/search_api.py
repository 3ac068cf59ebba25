"""``/api/v1/search``: prompts found by words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec
from msgspec import Meta

from application.ports.search import SearchQuery
from domain.prompt import Kind
from entrypoints.web.api import QueryKind, QueryText, Routes, bad_query, read_search
from entrypoints.web.json_responses import Document
from entrypoints.web.prompts_api import MAX_PAGE_SIZE, PromptListItem, list_item

if TYPE_CHECKING:
    from entrypoints.web.services import Services

_UPDATE_SECONDS: Final = 0.2  # for what is new, before an answer
_MAX_DIGITS: Final = 18

routes = Routes()
blueprint = routes.blueprint


class FoundPrompts(Document):
    """One page of prompts that were found."""

    prompts: Annotated[
        list[PromptListItem],
        Meta(description="newest first; may be fewer than limit although next_cursor is not null"),
    ]
    next_cursor: Annotated[str | None, Meta(description="cursor of the next page; null at the end")]
    indexed: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            description="part of the prompts that can be found; below 1 while the index is built",
        ),
    ]


class SearchParameters(msgspec.Struct, frozen=True):
    """What is looked for."""

    text: Annotated[
        QueryText,
        Meta(
            description="words that the prompt, its writing or its tags contain, without case and"
            ' accents: lake "at dawn" -crowd mount* finds what has the word lake, the words at dawn'
            " side by side, a word that begins with mount, and not the word crowd"
        ),
    ]
    typing: Annotated[
        Literal["1"] | None,
        Meta(description="1: the last word of the search may be the beginning of one"),
    ] = None
    kind: Annotated[QueryKind | None, Meta(description="only this kind")] = None
    status: Annotated[QueryText | None, Meta(description="only prompts with this status")] = None
    cursor: Annotated[QueryText | None, Meta(description="next_cursor of the previous page")] = None
    limit: Annotated[
        int, Meta(ge=1, le=MAX_PAGE_SIZE, description="maximum number of prompts in the answer")
    ] = 50


@routes.add("GET", "/api/v1/search", FoundPrompts, tag="prompts", query=SearchParameters)
def search(services: Services, query: SearchParameters) -> FoundPrompts:
    """Prompts that contain all of the words, newest first.

    A prompt can be found at once after it was submitted.
    """
    words = read_search("text", query.text, is_typed=query.typing is not None)
    index = services.search()
    index.update(_UPDATE_SECONDS)
    position = _position(query.cursor)
    kind = Kind.of_name(query.kind) if query.kind else None
    page = index.find(SearchQuery(words, kind, query.status, position, query.limit))
    return FoundPrompts(
        prompts=[list_item(prompt) for prompt in page.prompts],
        next_cursor=None if page.next is None else str(page.next),
        indexed=round(index.indexed(), 3),
    )


def _position(cursor: str | None) -> int | None:
    """The id of the last prompt of the page before."""
    if cursor is None:
        return None
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= _MAX_DIGITS):
        raise bad_query("cursor", "does not come from an earlier answer; start without it")
    return int(cursor)
