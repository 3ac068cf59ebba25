"""How far a job is, from its messages, reported to the render now and then."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, assert_never

from adapters.comfyui_graph.graph import title_of, upstream
from adapters.comfyui_graph.output_nodes import leaf_nodes, output_nodes, working_nodes
from adapters.comfyui_graph.traversal import is_sampler
from adapters.comfyui_server.job_socket import (
    JobEnded,
    JobStarted,
    NodeProgress,
    NodeRunning,
    NodesCached,
    NodesFinished,
    Preview,
)
from adapters.comfyui_server.responses import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.comfyui_graph.graph import Graph
    from adapters.comfyui_server.job_socket import Message
    from application.ports.media_renderer import RenderContext

_REPORT_INTERVAL = 0.1  # seconds
_MAX_MESSAGE = 100  # characters
_DEFAULT_STEPS = 20  # of a sampler that does not say


class NodeTimings:
    """How long the nodes of a workflow take, learned from renders that succeeded.

    Until then samplers count by their steps, and every other node as one step.

    Attributes:
        titles: the titles of the nodes that a server would run, by their ids.
        outputs: ids of the nodes that may leave files.
    """

    def __init__(self, graph: Graph) -> None:
        self.titles = {node_id: title_of(graph, node_id) for node_id in working_nodes(graph)}
        named = {output.node_id for output in output_nodes(graph)}
        self.outputs = frozenset(named.union(leaf_nodes(graph)))
        self._steps = {
            node_id: float(_steps(graph, node_id)) if is_sampler(graph, node_id) else 1.0
            for node_id in graph
        }
        self._seconds: dict[str, float] = {}

    def weights(self) -> Mapping[str, float]:
        """The share of each node in the time of a render, in a unit of their own."""
        seconds = self._seconds
        known = sum(self._steps[node] for node in seconds)
        scale = sum(seconds.values()) / known if known else 1.0
        return {node: seconds.get(node, steps * scale) for node, steps in self._steps.items()}

    def learn(self, seconds: Mapping[str, float]) -> None:
        """Take the seconds that each node took; the latest render counts as much as all before."""
        # Replaced at once, since other slots read it.
        self._seconds = self._seconds | {
            node: (self._seconds.get(node, took) + took) / 2
            for node, took in seconds.items()
            if node in self._steps
        }


def _steps(graph: Graph, node_id: str) -> int:
    """The steps that a sampler or the schedule behind it asks for."""
    for source in (node_id, *sorted(upstream(graph, [node_id]))):
        steps = graph[source]["inputs"].get("steps")
        if isinstance(steps, int) and steps > 0:
            return steps
    return _DEFAULT_STEPS


@dataclass(slots=True)
class JobProgress:
    """Adds up nodes: those done, and the running one by its steps, of all that must run.

    Never runs backwards. Reports what changed, ten times a second at most; what comes too
    early is kept for ``report_if_due``.

    Attributes:
        titles: the title of each node that counts, by its id.
        weights: the share of each node in the time of a render, in any unit.
        context: gets the reports, the previews and the log.
        seconds: how long each node that has ended took.
    """

    titles: Mapping[str, str]
    weights: Mapping[str, float]
    context: RenderContext
    seconds: dict[str, float] = field(default_factory=dict)
    _cached: frozenset[str] = frozenset()
    _began: float = 0.0  # when the running node began
    _done: set[str] = field(default_factory=set)
    _running: str = ""  # the node that the log named last
    _fraction: float = 0.0
    _message: str = ""
    _pending: tuple[float | None, str] | None = None
    _reported: tuple[float | None, str] | None = None
    _due: float = 0.0

    def handle(self, message: Message, now: float) -> None:
        """Take a message of this job, which came at ``now``; ``report_if_due`` reports it."""
        match message:
            case JobStarted():
                self._log("execution started")
            case NodesCached():
                self._cached |= self.titles.keys() & set(message.nodes)
            case NodeRunning():
                name = self._name(message.node)
                if message.node != self._running:
                    self._end_running(now)  # one node runs after the other
                    self._running, self._began = message.node, now
                    self._log(name)
                self._advance(0.0, name)
            case NodeProgress():
                self._handle_steps(message)
            case NodesFinished():
                if self._running in message.nodes:
                    self._end_running(now)
                self._done |= self.titles.keys() & message.nodes
                self._advance(0.0, self._message)
            case Preview():
                self.context.on_preview(message.picture, message.media_type)
            case JobEnded():
                self._end_running(now)
            case _:
                assert_never(message)

    def waiting(self) -> None:
        """It is still in the server's queue."""
        if self._reported is None:
            self._pending = (None, "waits in the server's queue")

    def report_if_due(self, now: float) -> None:
        """Report what changed, unless the last report is too fresh."""
        if self._pending is not None and now >= self._due:
            report, self._pending = self._pending, None
            if report != self._reported:
                self._reported = report
                self._due = now + _REPORT_INTERVAL
                self.context.on_progress(*report)

    def finish(self) -> None:
        """Report that all is done."""
        self._pending = None
        if self._reported is None or self._reported[0] != 1.0:
            self.context.on_progress(1.0, self._message)

    def _handle_steps(self, message: NodeProgress) -> None:
        if message.total <= 0:
            return
        name = self._name(message.node)
        if message.total > 1:
            name = f"{name}, step {message.value:g}/{message.total:g}"
        is_counted = message.node in self.titles and message.node not in self._done
        done = min(max(message.value / message.total, 0.0), 1.0)
        self._advance(done * self.weights.get(message.node, 1.0) if is_counted else 0.0, name)

    def _advance(self, running: float, message: str) -> None:
        """Note what is done: finished nodes, and this part of the running one's weight."""
        left = self.titles.keys() - self._cached
        total = sum(self.weights.get(node, 1.0) for node in left)
        done = sum(self.weights.get(node, 1.0) for node in left & self._done) + running
        fraction = min(done / total, 1.0) if total else 0.0
        self._fraction = max(self._fraction, fraction)
        self._message = message
        if message:
            self._pending = (self._fraction, message)

    def _end_running(self, now: float) -> None:
        if self._running in self.titles and self._running not in self._done:
            self._done.add(self._running)
            self.seconds[self._running] = now - self._began

    def _name(self, node: str) -> str:
        # A node of a graph that another node unfolded is called "12.0.3": it works for node 12.
        known = node if node in self.titles else node.partition(".")[0]
        return one_line(self.titles.get(known, f"node {node}"), _MAX_MESSAGE)

    def _log(self, line: str) -> None:
        self.context.on_output("server", f"{line}\n".encode("utf-8", "replace"))
