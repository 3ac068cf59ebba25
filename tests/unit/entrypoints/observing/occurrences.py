"""One event of each sort, with words in them that nobody may read in a log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from application.ports.events import (
    KindBroken,
    KindMended,
    PromptFailed,
    PromptPostponed,
    PromptPublished,
    PromptReleased,
    QueuePaused,
    QueueResumed,
    RenderAbandoned,
    RenderPreviewed,
    RenderProgressed,
    RenderStarted,
    RenderSuperseded,
    ServerReturned,
    ServerSetAside,
    WorkerTroubled,
)
from domain.failure import Failure, FailureCode
from domain.kind import Kind

if TYPE_CHECKING:
    from application.ports.events import Event

CANARY = "zinnober-moonlight"
SERVER = "http://render-1:8188"
QUOTING = frozenset(
    {
        FailureCode.BRIEF_MISSING,
        FailureCode.BRIEF_NOT_TEXT,
        FailureCode.BRIEF_NOT_JSON,
        FailureCode.BRIEF_INCOMPLETE,
        FailureCode.BRIEF_UNUSABLE,
        FailureCode.ARGUMENT_TOO_LONG,
        FailureCode.NO_FILES,
        FailureCode.FILE_BROKEN,
        FailureCode.FILE_REFUSED,
        FailureCode.TOO_MUCH_OUTPUT,
        FailureCode.COMFYUI_IMPORT,
        FailureCode.ARGUMENTS_REJECTED,
        FailureCode.WORKFLOW_UNUSABLE,
        FailureCode.MODEL_MISSING,
        FailureCode.NODE_MISSING,
        FailureCode.GRAPH_REJECTED,
    }
)
"""Codes whose messages may quote a brief, a workflow or a file's name."""


def failure(code: FailureCode) -> Failure:
    """A failure that says the canary wherever a failure of that code can."""
    message = f"it said {CANARY}" if code in QUOTING else "the script ended with exit code 1"
    return Failure(code, message, f"Traceback: {CANARY}\nlyrics: {CANARY}")


def every_event(code: FailureCode = FailureCode.WORKFLOW_FAILED) -> list[Event]:
    """One of each sort; those with a failure have that code."""
    image, audio = Kind.IMAGE, Kind.AUDIO
    failed = failure(code)
    return [
        RenderStarted(1, 11, image),
        RenderProgressed(1, 11, 0.25, f"sampling {CANARY}"),
        PromptPublished(1, 11, image, (f"image/{CANARY}.png", "image/b.png"), 2.0),
        PromptFailed(2, 12, audio, failed, 3.5),
        PromptReleased(3, 13, image, failed, 0.125),
        PromptPostponed(4, 14, audio, failed, 1.0, 20.0, 1),
        RenderSuperseded(5, 15, image, "a person cancelled it", 4.0),
        RenderAbandoned(6, 16, audio, None),
        RenderAbandoned(7, 17, audio, failed),
        QueuePaused("environment", code.value, f"{failed.message}. {failed.hint}"),
        QueueResumed(),
        KindBroken(audio, failed),
        KindMended(audio),
        WorkerTroubled("the database is locked"),
        ServerSetAside(SERVER, code.value, failed.message),
        ServerReturned(SERVER),
        RenderPreviewed(1, 11, CANARY.encode(), "image/jpeg"),
    ]
