"""What is wrong with a workflow, node by node."""

from __future__ import annotations

from dataclasses import dataclass

from domain.failure import FailureCode


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that would keep a workflow from being rendered.

    Attributes:
        code: ``model_missing``, ``node_missing`` or ``graph_rejected``.
        node_id: "" where no single node is at fault.
        title: of the node, or "".
        message: what is wrong, in one sentence without a full stop.
        input: of the node, or "".
    """

    code: FailureCode
    node_id: str
    title: str
    message: str
    input: str = ""

    def __str__(self) -> str:
        where = f"node {self.node_id} ({self.title!r}): " if self.node_id else ""
        return f"{where}{self.message}"


def rejected(node_id: str, title: str, message: str, name: str = "") -> Finding:
    """Something that a server does not accept."""
    return Finding(FailureCode.GRAPH_REJECTED, node_id, title, message, name)
