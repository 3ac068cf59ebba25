"""What the end of a job on a server means, when it is not a success."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from adapters.comfyui_server.graph import named
from adapters.comfyui_server.patience import Overdue
from adapters.comfyui_server.plain_text import one_line, tail
from domain.failure import Failure, FailureCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapters.comfyui_server.graph import Graph
    from adapters.comfyui_server.history import Ending, NodeError
    from adapters.comfyui_server.limits import ServerLimits

_MEMORY_TYPES = ("OutOfMemoryError", "MemoryError")
_MEMORY_WORDS = re.compile(
    r"(?:CUDA|MPS backend|HIP|XPU|NPU) out of memory|CUDA error: out of memory"
    r"|Allocation on device|DefaultCPUAllocator: (?:can't allocate|not enough) memory"
    r"|kIOGPUCommandBufferCallbackErrorOutOfMemory|CUBLAS_STATUS_ALLOC_FAILED"
    r"|Cannot allocate memory|std::bad_alloc",
    re.IGNORECASE,
)
_LONGEST_WORDS = 300  # characters


def failed(ending: Ending, graph: Graph, server: str, clean: Callable[[str], str]) -> Failure:
    """The failure of a job that did not succeed.

    Args:
        ending: by the history.
        graph: what was run.
        server: its name.
        clean: takes the brief's words out of what the server echoes.
    """
    if ending.error is not None:
        return _of_error(ending.error, graph, server, clean)
    if ending.interrupted:
        return Failure(
            FailureCode.JOB_INTERRUPTED, f"somebody else interrupted the job on {server}"
        )
    return Failure(
        FailureCode.WORKFLOW_FAILED, f"{server} calls the job failed and gives no reason"
    )


def _of_error(error: NodeError, graph: Graph, server: str, clean: Callable[[str], str]) -> Failure:
    known = error.node if error.node in graph else error.node.partition(".")[0]
    node = named(graph, known) if known in graph else f"a node of type {error.node_type!r}"
    node = one_line(clean(node))
    message = clean(error.message)
    detail = tail(f"{clean(error.traceback)}\n{error.exception_type}: {message}")
    if is_memory(error.exception_type, message):
        text = f"{node} ran out of memory on {server}"
        return Failure(FailureCode.OUT_OF_MEMORY, text, detail)
    kind = error.exception_type.rpartition(".")[2] or "an exception"
    said = one_line(message, _LONGEST_WORDS) or "no message"
    text = f"{node} failed on {server} with {kind}: {said}"
    return Failure(FailureCode.WORKFLOW_FAILED, text, detail)


def is_memory(exception_type: str, message: str) -> bool:
    """Whether an exception means that memory ran out."""
    return exception_type.endswith(_MEMORY_TYPES) or _MEMORY_WORDS.search(message) is not None


def busy(server: str) -> Failure:
    """The failure of whoever needs a server that goes on with a job that was to end."""
    text = f"{server} is still busy with a job that was stopped, and heeds no interrupt"
    return Failure(FailureCode.SERVER_STUCK, text)


def overdue(why: Overdue, server: str, limits: ServerLimits, *, gone: bool) -> Failure:
    """The failure of a job that was not waited for any longer.

    Args:
        why: the limit that it broke.
        server: its name.
        limits: all of them.
        gone: whether it ended when it was interrupted.
    """
    match why:
        case Overdue.OVERTIME:
            text = f"the job ran longer than its {limits.seconds:g} seconds on {server}"
            return Failure(FailureCode.TIMED_OUT, f"{text} and was stopped")
        case Overdue.STALLED if gone:
            text = f"{server} gave no sign of the job for {limits.stall_seconds:g} seconds"
            return Failure(FailureCode.STALLED, f"{text}, and it was stopped")
        case Overdue.STALLED:
            text = f"{server} has given no sign of the job for {limits.stall_seconds:g} seconds"
            return Failure(FailureCode.SERVER_STUCK, f"{text}, and does not stop it either")
        case Overdue.QUEUE_STUCK:
            text = f"the job has waited on {server}, and nothing there has moved for"
            return Failure(FailureCode.SERVER_STUCK, f"{text} {limits.seconds:g} seconds")
