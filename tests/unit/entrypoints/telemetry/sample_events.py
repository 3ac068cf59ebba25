"""One event of each type, with private text that no log may contain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from application.ports.events import (
    HostEnded,
    HostFailed,
    HostStarted,
    KindRecovered,
    KindUnavailable,
    QueuePaused,
    QueueResumed,
    RenderPreviewed,
    RenderProgressed,
    RenderReused,
    RenderStarted,
    ServerModels,
    ServerRecovered,
    ServerUnhealthy,
    WorkerError,
)
from domain.failure import Failure, FailureCode
from domain.prompt import Kind
from tests.render_events import abandoned, failed, postponed, published, released, superseded

if TYPE_CHECKING:
    from application.ports.events import Event

CANARY = "zinnober-moonlight"
SERVER = "http://render-1:8188"
QUOTING = frozenset(
    {
        FailureCode.BUCKET_MISSING,
        FailureCode.WORKFLOW_UNKNOWN,
        FailureCode.STORAGE_REFUSED,
        FailureCode.STORAGE_UNREACHABLE,
        FailureCode.STORAGE_UNSAFE,
        FailureCode.BRIEF_MISSING,
        FailureCode.BRIEF_NOT_TEXT,
        FailureCode.BRIEF_NOT_JSON,
        FailureCode.BRIEF_INCOMPLETE,
        FailureCode.BRIEF_UNUSABLE,
        FailureCode.ARGUMENT_TOO_LONG,
        FailureCode.BRIEF_VALUE,
        FailureCode.INPUT_PICTURE,
        FailureCode.NO_FILES,
        FailureCode.FORMAT_UNSUPPORTED,
        FailureCode.FILE_BROKEN,
        FailureCode.FILE_REFUSED,
        FailureCode.TOO_MUCH_OUTPUT,
        FailureCode.COMFYUI_IMPORT,
        FailureCode.SCRIPT_BROKEN,
        FailureCode.MAPPING_INCOMPLETE,
        FailureCode.ARGUMENTS_REJECTED,
        FailureCode.WORKFLOW_UNUSABLE,
        FailureCode.MODEL_MISSING,
        FailureCode.NODE_MISSING,
        FailureCode.WRONG_MEDIA,
        FailureCode.GRAPH_REJECTED,
    }
)
"""Codes whose messages may quote a brief, a workflow or a file's name."""


def failure(code: FailureCode) -> Failure:
    """A failure with the canary in every text that a failure of this code can have."""
    message = f"it said {CANARY}" if code in QUOTING else "the script ended with exit code 1"
    detail = f"Traceback: {CANARY}\nlyrics: {CANARY}"
    return Failure(code, message, detail, words=f"KeyError: '{CANARY}'")


def every_event(code: FailureCode = FailureCode.WORKFLOW_FAILED) -> list[Event]:
    """One event of each type; those with a failure have this code."""
    image, audio = Kind.IMAGE, Kind.AUDIO
    cause = failure(code)
    return [
        RenderStarted(1, 11, image),
        RenderProgressed(1, 11, 0.25, f"sampling {CANARY}"),
        published(1, 11, image, (f"image/{CANARY}.png", "image/b.png"), 2.0),
        failed(2, 12, audio, cause, 3.5),
        released(3, 13, image, cause, 0.125),
        postponed(4, 14, audio, cause, 1.0, 20.0, 1),
        superseded(5, 15, image, "a person cancelled it", 4.0),
        abandoned(6, 16, audio, None),
        abandoned(7, 17, audio, cause),
        QueuePaused("environment", code.value, f"{cause.message}. {cause.hint}"),
        QueueResumed(),
        KindUnavailable(audio, cause),
        KindRecovered(audio),
        WorkerError("the database is locked"),
        ServerUnhealthy(SERVER, code.value, cause.message),
        ServerRecovered(SERVER),
        RenderPreviewed(1, 11, CANARY.encode(), "image/jpeg"),
        RenderReused(1, 11, 7),
        HostStarted(4711, "image_workflow.py"),
        HostEnded(4711, 200, "it rendered 200 prompts"),
        HostFailed(4712, 3, "it ended with status -9 while it was running image_workflow.py"),
        ServerModels(SERVER, (f"{CANARY}.safetensors",), were_loaded=True),
    ]
