"""What a server answers, read with care: JSON of any shape, its history, its queue, its texts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from adapters.json_values import as_dict, as_list, as_number, as_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MAX_DETAIL = 2_000  # characters
_MAX_LINE = 500  # characters
# ECMA-48 control sequences, and everything else that is not printed.
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-_]")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_QUEUE_ENTRY_ID = 1  # index in an entry: [number, id, graph, extra data, outputs]
_MILLISECONDS = 1000.0


def one_line(text: str, max_length: int = _MAX_LINE) -> str:
    """The text on one line of printable characters, shortened to ``max_length`` of them."""
    line = " ".join(_printable(text).split())
    return line if len(line) <= max_length else f"{line[: max_length - 1]}…"


def tail(text: str) -> str:
    """The last lines that are not blank or mere underlining, 2,000 characters at most."""
    lines: list[str] = []
    left = _MAX_DETAIL
    for line in reversed(_printable(text).splitlines()):
        if not line.strip(" ^~"):
            continue
        short = line.rstrip()
        short = short if len(short) <= _MAX_LINE else f"{short[: _MAX_LINE - 1]}…"
        left -= len(short) + 1
        if left < 0:
            break
        lines.append(short)
    return "\n".join(reversed(lines))


def _printable(text: str) -> str:
    """The text without escape sequences and control characters; LF and TAB stay."""
    return _CONTROLS.sub("", _ESCAPES.sub("", text))


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A file that a node left on the server.

    Attributes:
        node: the id of the node.
        filename: the server's name for it; not to be trusted as a path.
        subfolder: its folder below the server's folder of that type; "" for none.
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
class JobHistory:
    """How a job ended, according to ``GET /history/{id}``, which decides.

    Attributes:
        succeeded: whether the server calls it a success.
        interrupted: whether it was interrupted.
        error: the exception that ended it, or None.
        files: what its nodes left, in the server's order.
        seconds: from start to end by the server's clock, or None when it does not say.
    """

    succeeded: bool
    interrupted: bool
    error: NodeError | None
    files: tuple[OutputFile, ...]
    seconds: float | None

    @classmethod
    def read(cls, answer: object, job: str) -> Self | None:
        """The end of a job; None while the history does not know it, or says that it runs."""
        entry = as_dict(as_dict(answer).get(job))
        status = as_dict(entry.get("status"))
        events: dict[str, Mapping[str, object]] = {}
        for event in as_list(status.get("messages")):
            match as_list(event):
                case [str(name), dict(data)]:
                    events[name] = data
        verdict = as_text(status.get("status_str"))
        if not verdict and not events and not entry.get("outputs"):
            return None
        error, interrupted = events.get("execution_error"), "execution_interrupted" in events
        return cls(
            # The oldest servers do not say how a job ended; only a successful one has outputs.
            succeeded=verdict in {"success", ""} and error is None and not interrupted,
            interrupted=interrupted,
            error=None if error is None else _node_error(error),
            files=tuple(output_files(as_dict(entry.get("outputs")))),
            seconds=seconds_between(
                as_number(events.get("execution_start", {}).get("timestamp")),
                as_number(events.get("execution_success", {}).get("timestamp")),
            ),
        )


def seconds_between(began: float, ended: float) -> float | None:
    """Seconds between two moments in milliseconds; None if one is 0 or they are swapped."""
    return (ended - began) / _MILLISECONDS if 0 < began <= ended else None


def _node_error(data: Mapping[str, object]) -> NodeError:
    return NodeError(
        node=str(data.get("node_id", "")),
        node_type=as_text(data.get("node_type")),
        exception_type=as_text(data.get("exception_type")),
        message=as_text(data.get("exception_message")).strip(),
        traceback="".join(map(as_text, as_list(data.get("traceback")))),
    )


def output_files(outputs: Mapping[str, object]) -> Iterator[OutputFile]:
    """The files that nodes left, by the outputs of each node.

    Every entry that names a file, under any key; not all that is shown is kept.
    """
    for node, output in outputs.items():
        for entries in as_dict(output).values():
            for entry in map(as_dict, as_list(entries)):
                filename, folder_type = as_text(entry.get("filename")), as_text(entry.get("type"))
                if filename and folder_type in {"output", "temp"}:
                    yield OutputFile(node, filename, as_text(entry.get("subfolder")), folder_type)


@dataclass(frozen=True, slots=True)
class QueueSnapshot:
    """The ids in a server's queue (``GET /queue``); other people's graphs are not kept.

    Attributes:
        running: ids of jobs that are executed.
        waiting: ids of jobs that are not executed yet.
    """

    running: frozenset[str]
    waiting: frozenset[str]

    @classmethod
    def read(cls, answer: object) -> Self:
        """The ids in a server's answer."""
        queues = as_dict(answer)
        running, waiting = (
            frozenset(
                job
                for entry in map(as_list, as_list(queues.get(key)))
                if len(entry) > _QUEUE_ENTRY_ID and (job := as_text(entry[_QUEUE_ENTRY_ID]))
            )
            for key in ("queue_running", "queue_pending")
        )
        return cls(running, waiting)

    def holds(self, job: str) -> bool:
        """Whether a job runs or waits."""
        return job in self.running or job in self.waiting

    def blocker(self, job: str) -> str:
        """The id of a job that keeps the server busy while ``job`` waits; "" for none."""
        blockers = sorted(self.running) or sorted(self.waiting - {job})
        return blockers[0] if blockers else ""
