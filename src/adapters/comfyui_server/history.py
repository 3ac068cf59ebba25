"""What a server's history says of a job: it decides (``GET /history/{id}``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.comfyui_server.shapes import a_dict, a_list, a_number, a_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_A_SECOND = 1000.0  # in the history's milliseconds


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A file that a node left on the server.

    Attributes:
        node: the id of the node.
        filename: as the server calls it; not to be trusted as a path.
        subfolder: below the server's folder of that type; "" for none.
        type: "output" or "temp".
    """

    node: str
    filename: str
    subfolder: str
    type: str


@dataclass(frozen=True, slots=True)
class NodeError:
    """The exception that ended a job."""

    node: str
    node_type: str
    exception_type: str
    message: str
    traceback: str


@dataclass(frozen=True, slots=True)
class Ending:
    """How a job ended.

    Attributes:
        succeeded: whether the server calls it a success.
        interrupted: whether somebody stopped it.
        error: the exception that ended it, or None.
        files: what its nodes left, in the server's order.
        seconds: from start to end by the server's clock, or None when it does not say.
    """

    succeeded: bool
    interrupted: bool
    error: NodeError | None
    files: tuple[OutputFile, ...]
    seconds: float | None


def read_ending(answer: object, job: str) -> Ending | None:
    """How a job ended; None when the history does not know it, or says that it goes on."""
    entry = a_dict(a_dict(answer).get(job))
    if not entry:
        return None
    status = a_dict(entry.get("status"))
    events = dict(_events(status))
    failed = events.get("execution_error")
    interrupted = "execution_interrupted" in events
    said = a_text(status.get("status_str"))
    if not said and not events and not entry.get("outputs"):
        return None
    # Servers of the first years say nothing of how it ended; only what went well has outputs.
    well = said == "success" or not said
    return Ending(
        succeeded=well and failed is None and not interrupted,
        interrupted=interrupted,
        error=None if failed is None else _error(failed),
        files=tuple(_files(a_dict(entry.get("outputs")))),
        seconds=_seconds(events),
    )


def _events(status: Mapping[str, object]) -> Iterator[tuple[str, Mapping[str, object]]]:
    for event in a_list(status.get("messages")):
        match a_list(event):
            case [str(name), dict(data)]:
                yield name, data


def _error(data: Mapping[str, object]) -> NodeError:
    lines = filter(None, map(a_text, a_list(data.get("traceback"))))
    return NodeError(
        node=str(data.get("node_id", "")),
        node_type=a_text(data.get("node_type")),
        exception_type=a_text(data.get("exception_type")),
        message=a_text(data.get("exception_message")).strip(),
        traceback="".join(lines),
    )


def _files(outputs: Mapping[str, object]) -> Iterator[OutputFile]:
    """Every entry that names a file, under whatever key; what is shown is not always kept."""
    for node, output in outputs.items():
        for entries in a_dict(output).values():
            for entry in map(a_dict, a_list(entries)):
                filename, kind = a_text(entry.get("filename")), a_text(entry.get("type"))
                if filename and kind in {"output", "temp"}:
                    yield OutputFile(node, filename, a_text(entry.get("subfolder")), kind)


def _seconds(events: Mapping[str, Mapping[str, object]]) -> float | None:
    began = a_number(events.get("execution_start", {}).get("timestamp"))
    ended = a_number(events.get("execution_success", {}).get("timestamp"))
    return (ended - began) / _A_SECOND if 0 < began <= ended else None
