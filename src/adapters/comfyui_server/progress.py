"""How far a job is, from what the socket says, passed on now and then."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from adapters.comfyui_server.messages import (
    Cached,
    Ended,
    Finished,
    Preview,
    Running,
    Started,
    Stepped,
)
from adapters.comfyui_server.plain_text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from adapters.comfyui_server.messages import Message
    from application.ports.media_renderer import RenderWatch

_INTERVAL = 0.1  # seconds between two reports
_LONGEST_MESSAGE = 100  # characters


class JobProgress:
    """Counts nodes: those done, and the running one by its steps, of all nodes of the graph.

    Never runs backwards. Reports what changed, ten times a second at most; what comes too
    early is kept for ``pass_on_when_due``.
    """

    def __init__(
        self,
        nodes: Collection[str],
        title: Callable[[str], str],
        watch: RenderWatch,
    ) -> None:
        self._nodes = frozenset(nodes)
        self._title = title
        self._watch = watch
        self._done: set[str] = set()
        self._named = ""  # the node that the log named last
        self._fraction = 0.0
        self._message = ""
        self._waiting: tuple[float | None, str] | None = None
        self._told: tuple[float | None, str] | None = None
        self._due = 0.0

    def heard(self, message: Message) -> None:
        """Take what the socket said of this job; ``pass_on_when_due`` reports it."""
        match message:
            case Started():
                self._log("execution started")
            case Cached():
                self._done.update(self._nodes.intersection(message.nodes))
            case Running():
                self._runs(message.node)
            case Stepped():
                self._steps(message)
            case Finished():
                self._done |= self._nodes & message.nodes
                self._is_at(self._done_part())
            case Preview():
                self._watch.previewed(message.picture, message.media_type)
            case Ended():
                pass
            case _:
                assert_never(message)

    def waits(self) -> None:
        """It is still in the server's queue."""
        if self._told is None:
            self._waiting = (None, "waits in the server's queue")

    def pass_on_when_due(self, now: float) -> None:
        """Report what waits, unless the last report is too fresh."""
        if self._waiting is not None and now >= self._due:
            report, self._waiting = self._waiting, None
            if report != self._told:
                self._told = report
                self._due = now + _INTERVAL
                self._watch.progressed(*report)

    def finish(self) -> None:
        """Report that all is done."""
        self._waiting = None
        if self._told is None or self._told[0] != 1.0:
            self._watch.progressed(1.0, self._message)

    def _runs(self, node: str) -> None:
        name = self._name(node)
        if node != self._named:
            if self._named in self._nodes:  # one node runs after the other
                self._done.add(self._named)
            self._named = node
            self._log(name)
        self._is_at(self._done_part(), name)

    def _steps(self, message: Stepped) -> None:
        if message.most <= 0:
            return
        part = min(max(message.value / message.most, 0.0), 1.0)
        name = self._name(message.node)
        if message.most > 1:
            name = f"{name}, step {message.value:g}/{message.most:g}"
        inside = message.node in self._nodes and message.node not in self._done
        share = part / len(self._nodes) if inside else 0.0
        self._is_at(self._done_part() + share, name)

    def _is_at(self, fraction: float, message: str = "") -> None:
        self._fraction = max(self._fraction, min(fraction, 1.0))
        self._message = message or self._message
        if self._message:
            self._waiting = (self._fraction, self._message)

    def _done_part(self) -> float:
        return len(self._done) / len(self._nodes) if self._nodes else 0.0

    def _name(self, node: str) -> str:
        # A node of a graph that another node unfolded is called "12.0.3": it works for node 12.
        known = node if node in self._nodes else node.partition(".")[0]
        title = self._title(known) if known in self._nodes else f"node {node}"
        return one_line(title, _LONGEST_MESSAGE)

    def _log(self, line: str) -> None:
        self._watch.heard("server", f"{line}\n".encode("utf-8", "replace"))
