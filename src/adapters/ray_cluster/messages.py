"""What crosses between the worker, the driver of the cluster, and the slots on its nodes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from application.ports.media_renderer import MediaRenderer, RenderingFacts
    from domain.failure import Failure
    from domain.prompt import Kind
    from domain.workflow_rules import WorkflowKey

Report: TypeAlias = tuple[str, tuple[object, ...]]
"""A method of the ``RenderContext`` and its arguments: output, progress, a preview, a start."""

Graphs: TypeAlias = "Mapping[WorkflowKey, tuple[str, bytes]]"
"""Each graph that ComfyUI servers on the nodes render: file name and content."""

MakeRenderer: TypeAlias = "Callable[[Path], MediaRenderer]"
"""Makes the renderer of a node; the folder is private to the slot, and exists."""


@dataclass(frozen=True, slots=True)
class SlotDemand:
    """What one slot takes of a node.

    Attributes:
        kinds: the kinds that it renders.
        count: how many such slots there may be.
        workflows: names of the only workflows that it renders; empty for all.
        num_gpus: GPUs, 0 or more; fractions share one.
        num_cpus: CPUs, 0 or more.
        resources: custom resources of the nodes, and how much of each.
        labels: labels that the node must have, with their values.
    """

    kinds: frozenset[Kind]
    count: int = 1
    workflows: frozenset[str] = frozenset()
    num_gpus: float = 1.0
    num_cpus: float = 0.0
    resources: Mapping[str, float] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)

    def renders(self, key: WorkflowKey) -> bool:
        """Whether the settings give it jobs of a workflow."""
        kind, workflow = key
        return kind in self.kinds and (not self.workflows or workflow in self.workflows)

    def __str__(self) -> str:
        """What a node must have, such as "num_gpus 1, model:flux 1, label zone=eu"."""
        amounts = {"num_gpus": self.num_gpus, "num_cpus": self.num_cpus, **self.resources}
        parts = [f"{name} {amount:g}" for name, amount in amounts.items() if amount]
        parts += [f"label {name}={value}" for name, value in self.labels.items()]
        return ", ".join(parts) or "no resources"


@dataclass(frozen=True, slots=True)
class ClusterSetup:
    """A cluster, and what its slots run.

    Attributes:
        address: host and port of its head.
        make: makes the renderer of a slot, on its node.
        demands: what slots take, and which workflows they render.
        workflows: the workflows that the slots render.
        shared_folder: seen by the nodes under the same path, so that files need not be sent; None
            if files are sent.
        max_files: how many files a job may leave.
        max_bytes: how many bytes these may hold together.
        connect_seconds: how long connecting to the cluster may take.
        start_seconds: how long a check waits for the first slot, and for a lost one that Ray starts
            again, before it says that there is none.
    """

    address: str
    make: MakeRenderer
    demands: tuple[SlotDemand, ...]
    workflows: tuple[WorkflowKey, ...]
    shared_folder: Path | None = None
    max_files: int = 500
    max_bytes: int = 2 * 1024**3
    connect_seconds: float = 30.0
    start_seconds: float = 20.0


@dataclass(frozen=True, slots=True)
class NodeReport:
    """What a slot says of its node.

    Attributes:
        node: the node's name and process id of the slot, for people.
        failures: the failure that every job of a workflow would meet there.
    """

    node: str
    failures: Mapping[WorkflowKey, Failure] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NodeCheck:
    """What the doctor learns of one node.

    Attributes:
        node: its name.
        fits: whether its resources and labels suffice for a slot, by kind of demand.
        report: what a slot there says; None if none could be started.
        problem: why none could be started, or "".
    """

    node: str
    fits: tuple[bool, ...]
    report: NodeReport | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Rendered:
    """The result of a job on a node.

    Attributes:
        facts: how it was rendered; None if it failed.
        failure: why it failed; None if it succeeded.
        files: paths in the job's folder, and their content, if they are sent.
        reports: what no poll has fetched.
    """

    facts: RenderingFacts | None = None
    failure: Failure | None = None
    files: tuple[tuple[str, bytes], ...] = ()
    reports: tuple[Report, ...] = ()


def graph_path(folder: Path, key: WorkflowKey, name: str) -> Path:
    """Where a slot keeps the graph of a workflow, in its own folder."""
    kind, workflow = key
    return folder / "graphs" / kind.value / workflow / name
