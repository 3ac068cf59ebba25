"""The doctor's checks of a Ray cluster: its head, its nodes, and the workflows there."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from application.ports.doctor import Check, CheckStatus
from domain.failure import Failure, FailureCode
from domain.workflow_rules import workflow_subject

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from adapters.ray_cluster.cluster import RayCluster
    from adapters.ray_cluster.messages import NodeCheck, SlotDemand

_INSTALL = (
    "Install Media Generator with the extra ray, in the same version, into the environment from"
    " which 'ray start' runs on every node, and restart Ray there."
)
_RESOURCES = (
    "Start the nodes with what a slot takes (ray start --num-gpus=1"
    " --resources='{\"model:flux\": 1}' --labels=zone=eu), or correct media.ray.slots."
)
_CONNECT = (
    "Start the head (ray start --head), correct media.ray.address, and use one version of Python"
    " and Ray and one token on all machines; this machine must be a node of the cluster too."
)


class RayChecks:
    """Checks a cluster by connecting to it, and each node by a slot there that takes nothing.

    Args:
        cluster: closed afterwards.
    """

    def __init__(self, cluster: RayCluster) -> None:
        self._cluster = cluster

    def checks(self) -> Iterator[Check]:
        """One check for the cluster, one for what each entry of slots takes, one for each node."""
        setup = self._cluster.setup
        try:
            with closing(self._cluster):
                nodes = self._cluster.check_nodes()
        except OSError as error:
            finding = f"{error.filename} cannot be read: {error.strerror}"
            hint = FailureCode.WORKFLOW_UNUSABLE.hint
            yield Check("workflow", CheckStatus.ERROR, finding, hint)
            return
        if isinstance(nodes, Failure):
            yield Check("Ray cluster", CheckStatus.ERROR, nodes.message, _CONNECT)
            return
        finding = f"{setup.address} has {len(nodes)} node{'' if len(nodes) == 1 else 's'}"
        yield Check("Ray cluster", CheckStatus.OK, f"{finding}; Ray and Python are the same here")
        for number, demand in enumerate(setup.demands):
            yield _resources(demand, number, nodes)
        for node in nodes:
            yield from _node(node)


def _resources(demand: SlotDemand, number: int, nodes: Sequence[NodeCheck]) -> Check:
    kinds = " and ".join(sorted(demand.kinds))
    fitting = sum(node.fits[number] for node in nodes)
    finding = f"a slot for {kinds} takes {demand}: {fitting} of {len(nodes)} nodes can have one"
    if fitting:
        return Check("Ray resources", CheckStatus.OK, finding)
    return Check("Ray resources", CheckStatus.ERROR, finding, _RESOURCES)


def _node(node: NodeCheck) -> Iterator[Check]:
    """What a node that can have a slot says."""
    subject = "Ray node"
    if node.problem:
        finding = f"no slot could be started on {node.node}: {node.problem}"
        yield Check(subject, CheckStatus.ERROR, finding, _INSTALL)
    elif node.report is not None:
        for key, failure in node.report.failures.items():
            finding = f"{node.report.node}: {workflow_subject(key, 'workflow')}: {failure.message}"
            yield Check(subject, CheckStatus.ERROR, finding, failure.hint, workflow=key)
        if not node.report.failures:
            finding = f"{node.report.node} has the workflow, and what it needs"
            yield Check(subject, CheckStatus.OK, finding)
