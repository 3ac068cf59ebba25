"""What the handlers of requests are given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from application.ports.gallery import Gallery
    from application.ports.live_state import LiveStateReader
    from application.ports.prompt_catalogue import PromptCatalogue
    from application.ports.prompt_intake import PromptIntake
    from application.ports.prompt_repository import PromptRepository
    from application.ports.queue_controls import QueueControls
    from entrypoints.web.access import Access
    from entrypoints.web.checklist import Checklist
    from entrypoints.web.glance import Glance


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that a handler needs; one for the life of the server.

    The functions give the parts that read and write the database, over a connection of the
    thread that asks: call them in the handler, and keep nothing. They raise RepositoryError when
    the database cannot be used, which becomes an answer with status 503.

    Attributes:
        access: who may ask, and the token that changes must carry.
        gallery: what is shown of prompts and artifacts.
        catalogue: the queue, to look at.
        controls: pausing and resuming.
        intake: where prompts come in.
        repository: retrying and cancelling; makes our own tables when they are missing.
        live: what workers show of themselves.
        glance: the queue's summary, counted once for all who look.
        checklist: the doctor's findings, looked up in the background.
        output_root: the tree of published files, or None while the settings do not say where.
        thumbnails: our own folder for small copies; need not exist.
        thumbnails_max_bytes: that all of them may take together.
        legacy_shapes: whether answers have the shapes of an older backend.
        versions: of the program and of what it stands on, by name.
        paths: of what the settings name, by name; None where they do not say.
    """

    access: Access
    gallery: Callable[[], Gallery]
    catalogue: Callable[[], PromptCatalogue]
    controls: Callable[[], QueueControls]
    intake: Callable[[], PromptIntake]
    repository: Callable[[], PromptRepository]
    live: LiveStateReader
    glance: Glance
    checklist: Checklist
    output_root: Path | None
    thumbnails: Path
    thumbnails_max_bytes: int
    legacy_shapes: bool
    versions: Mapping[str, str]
    paths: Mapping[str, str | None]
