"""Examining one workflow: the file, its mapping, and what servers say to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from returns.pipeline import is_successful

from adapters.comfyui_server.examining import examine, examine_offline
from adapters.comfyui_server.inquiry import ask
from adapters.comfyui_server.mapping import mapped
from adapters.comfyui_server.proposing import Proposal, propose
from adapters.comfyui_server.workflow import server_workflow
from adapters.comfyui_server.workflow_file import load_graph

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adapters.comfyui_server.address import ServerAddress
    from adapters.comfyui_server.findings import Finding
    from adapters.comfyui_server.graph import Graph
    from adapters.comfyui_server.mapping import Targets
    from domain.failure import Failure
    from entrypoints.cli.workflow_subjects import Subject


@dataclass(frozen=True, slots=True)
class Answer:
    """What one server says to a workflow.

    Attributes:
        server: its address, without any secret.
        versions: of the server and of what it runs on.
        findings: what it lacks or would refuse, beyond what is wrong everywhere.
        trouble: why it could not be asked, or None.
    """

    server: str
    versions: Mapping[str, str] = field(default_factory=dict)
    findings: Sequence[Finding] = ()
    trouble: Failure | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """One workflow, looked at.

    Attributes:
        subject: which.
        graph: empty when the file is none.
        targets: which inputs get which fields, the configuration's word included.
        proposal: what the graph itself suggests.
        refusal: why the workflow cannot be used at all, or None.
        findings: what is wrong whatever the server.
        answers: of the servers, in order.
    """

    subject: Subject
    graph: Graph
    targets: Targets
    proposal: Proposal
    refusal: Failure | None
    findings: Sequence[Finding]
    answers: Sequence[Answer]

    @property
    def is_wrong(self) -> bool:
        """Whether anything keeps it from being rendered, as far as was seen."""
        wrong = any(answer.findings for answer in self.answers)
        return wrong or bool(self.findings) or self.refusal is not None


def checked(subject: Subject, servers: Sequence[ServerAddress]) -> Checked:
    """Look at a workflow, and ask each server about it."""
    usable = server_workflow(subject.path, subject.kind, subject.given)
    refusal = None if is_successful(usable) else usable.failure()
    graph = load_graph(subject.path).value_or({})
    proposal = propose(graph, subject.kind)
    targets = mapped(graph, subject.kind, proposal.targets, subject.given)
    findings = examine_offline(graph) if graph else []
    return Checked(
        subject,
        graph,
        targets.value_or(proposal.targets),
        proposal,
        refusal,
        findings,
        [_answer(graph, server, findings) for server in servers if graph],
    )


def _answer(graph: Graph, server: ServerAddress, known: Sequence[Finding]) -> Answer:
    asked = ask(server, graph)
    if not is_successful(asked):
        return Answer(server.name, trouble=asked.failure())
    knowledge = asked.unwrap()
    findings = [each for each in examine(graph, knowledge.info) if each not in known]
    return Answer(server.name, knowledge.versions, findings)
