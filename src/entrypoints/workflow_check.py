"""What ``mediagen workflow check`` and the page say about a workflow file."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from returns.pipeline import is_successful

from adapters.comfyui_graph.mapping import infer_mapping, resolve_mapping
from adapters.comfyui_graph.output_nodes import likely_kind
from adapters.comfyui_graph.validation import (
    foreign_inputs,
    offline_notes,
    unknown_types,
    validate,
    validate_offline,
)
from adapters.comfyui_graph.workflow_file import WorkflowFile, bundled
from adapters.comfyui_server.doctor import server_info
from adapters.comfyui_server.server_workflow import (
    ServerWorkflow,
    bind,
    input_types,
    map_inputs,
    validate_workflow,
)
from application.ports.media_renderer import RenderJob
from domain.brief import Brief, ImageBrief, LyricsBrief, Section
from domain.failure import FailureCode
from domain.picture_size import PictureSize
from domain.prompt import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from returns.result import Result

    from adapters.comfyui_graph.graph import Graph, Problem, Target
    from adapters.comfyui_graph.mapping import ConfiguredInputs, InferredMapping, Targets
    from adapters.comfyui_graph.node_types import ObjectInfo
    from adapters.comfyui_graph.workflow_file import NodeTypeSource
    from adapters.comfyui_server.address import ServerAddress
    from domain.brief_paths import PathField
    from domain.failure import Failure

_EXAMPLES: Final[Mapping[Kind, Brief]] = {
    Kind.IMAGE: ImageBrief(
        prompt="A serene mountain lake at dawn", negative_prompt="crowds, harsh shadows"
    ),
    Kind.AUDIO: LyricsBrief(
        sections=(Section("verse", "Steam ascends"), Section("chorus", "Coffee brews")),
        title="Steam and Soliloquy",
        genre="indie folk",
        mood="reflective",
        tempo="92 BPM",
        key="D major",
        time_signature="4/4",
        language="English",
        seconds=120.0,
    ),
}
_EXAMPLE_SIZE: Final = PictureSize(1024, 768)
_EXAMPLE_SEED: Final = 42
_EXAMPLE_PREFIX: Final = "mediagen/example"


@dataclass(frozen=True, slots=True)
class ServerAnswer:
    """The result of one server's check.

    Attributes:
        server: its address, without secrets.
        info: its node types, as far as the workflow uses them.
        versions: of it and its libraries.
        problems: besides the problems of the workflow itself.
        notes: what it ignores.
        error: why it could not be asked.
    """

    server: str
    info: ObjectInfo = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    problems: Sequence[Problem] = ()
    notes: Sequence[str] = ()
    error: Failure | None = None


@dataclass(frozen=True, slots=True)
class SentValue:
    """One input, and what it would get for the example brief: text, a number, or None."""

    field: str
    target: Target
    value: object


@dataclass(frozen=True, slots=True)
class CheckedWorkflow:
    """One workflow and what is wrong with it.

    Attributes:
        file: what it is called.
        kind: the media kind that it should make.
        graph: its nodes as a server takes them; empty if the file is not a workflow.
        notes: how it was read, and what may be wrong in it.
        inputs: the mapping of the configuration.
        inferred: the mapping that its shape suggests.
        targets: the inputs for each field, inferred or configured.
        refusal: why it cannot be used at all.
        problems: with any server.
        answers: of the servers that were asked.
        example: what would be sent for an example brief; empty if it cannot be used.
        example_notes: what would be changed about the example to suit the workflow.
        paths: the values of the brief's JSON among the targets.
    """

    file: str
    kind: Kind
    graph: Graph
    notes: Sequence[str]
    inputs: ConfiguredInputs
    inferred: InferredMapping
    targets: Targets
    refusal: Failure | None
    problems: Sequence[Problem]
    answers: Sequence[ServerAnswer]
    example: Sequence[SentValue] = ()
    example_notes: Sequence[str] = ()
    paths: Mapping[str, PathField] = field(default_factory=dict)

    @property
    def is_valid(self) -> bool:
        """Whether no problem was found."""
        problems = [*self.problems, *(p for answer in self.answers for p in answer.problems)]
        return not problems and self.refusal is None

    @property
    def is_unanswered(self) -> bool:
        """Whether a server could not be asked."""
        return any(answer.error for answer in self.answers)

    def reason(self, target: Target) -> str:
        """Why an input gets its field."""
        for name, path in self.paths.items():
            if target in self.targets.get(name, ()):
                what = "" if name in self.inputs else "the only node that loads one; "
                return f"{what}{path.describe()}"
        is_inferred = any(target in targets for targets in self.inferred.targets.values())
        return self.inferred.reasons[target] if is_inferred else "set in the configuration"

    def missing(self) -> dict[str, str]:
        """The fields that have no input although one would expect it, with the reasons."""
        return {
            name: reason
            for name, reason in self.inferred.missing.items()
            if name not in self.targets and name not in self.inputs
        }

    def configuration(self) -> dict[str, object]:
        """The mapping in the form of the configuration."""
        configuration: dict[str, object] = {}
        for name, targets in self.targets.items():
            places = [str(target) for target in targets]
            place: object = places[0] if len(places) == 1 else places
            entry = self.inputs.get(name)
            if isinstance(entry, dict):
                configuration[name] = {**entry, "input": place}
            elif name in self.paths and (kind := self.paths[name].type):
                configuration[name] = {"input": place, "type": kind.value}
            else:
                configuration[name] = place
        return configuration

    def document(self) -> dict[str, object]:
        """The result for programs."""
        return {
            "file": self.file,
            "kind": self.kind.value,
            "nodes": len(self.graph),
            "usable": self.refusal is None,
            "refusal": self.refusal.message if self.refusal else None,
            "inputs": self.configuration(),
            "reasons": {
                str(target): self.reason(target)
                for targets in self.targets.values()
                for target in targets
            },
            "missing": self.missing(),
            "notes": [*self.notes, *self.inferred.warnings, *self.inferred.notes],
            "findings": [problem_document(problem) for problem in self.problems],
            "servers": [
                {
                    "server": answer.server,
                    "reachable": answer.error is None,
                    "trouble": answer.error.message if answer.error else None,
                    "versions": dict(answer.versions),
                    "findings": [problem_document(problem) for problem in answer.problems],
                    "notes": list(answer.notes),
                }
                for answer in self.answers
            ],
            "example": {str(sent.target): sent.value for sent in self.example},
            "fine": self.is_valid,
        }


def problem_document(problem: Problem) -> dict[str, str]:
    """A problem for programs."""
    return {
        "code": problem.code.value,
        "node": problem.node_id,
        "title": problem.title,
        "input": problem.input,
        "message": problem.message,
        "hint": problem.code.hint,
    }


def kind_of(read: Result[WorkflowFile, Failure]) -> Kind:
    """The kind of media that a workflow makes, as far as its nodes tell."""
    return read.map(lambda workflow: likely_kind(workflow.graph)).value_or(Kind.IMAGE)


def check_workflow(
    file: str,
    read: Result[WorkflowFile, Failure],
    kind: Kind,
    inputs: ConfiguredInputs,
    servers: Sequence[ServerAddress],
    node_types: NodeTypeSource,
    *,
    pictures: bool = False,
) -> CheckedWorkflow:
    """Check a workflow: alone, and on each of some servers.

    Args:
        file: what it is called, for people.
        read: what the file holds, or why it holds no workflow.
        kind: the media kind that it should make.
        inputs: the mapping of the configuration.
        servers: those to ask; without any, as much as possible is checked without them.
        node_types: those that are known without asking, for what no server says.
        pictures: whether the only node that loads a picture gets the brief's.
    """
    usable = read.bind(
        lambda workflow: map_inputs(Path(file).name, workflow, kind, inputs, pictures=pictures)
    )
    workflow_file = read.value_or(WorkflowFile({}))
    graph = workflow_file.graph
    inferred = infer_mapping(graph, kind, shown=workflow_file.hints.inputs)
    targets = resolve_mapping(graph, kind, inferred.targets, inputs).value_or(inferred.targets)
    paths: Mapping[str, PathField] = {}
    if is_successful(usable):
        targets, paths = usable.unwrap().targets, usable.unwrap().paths
    filled = usable.map(ServerWorkflow.filled).value_or(frozenset())
    problems = validate_offline(graph, kind, filled) if graph else []
    notes = [*workflow_file.notes, *offline_notes(graph)]
    info: ObjectInfo = {}
    if not servers and graph:
        core, known = bundled(), node_types()
        info = known.info
        foreign = foreign_inputs(graph, core.info, all_core=True)
        notes += [f"{note} (by the node types of {core.origin})" for note in foreign]
        notes += [f"{note} (node types: {known.origin})" for note in unknown_types(graph, info)]
    answers = [_ask(server, graph, kind, usable) for server in servers if graph]
    answered = [answer for answer in answers if answer.error is None]
    if answered:
        # A server knows which nodes save files; without one, only their names tell.
        problems = [problem for problem in problems if problem.code is not FailureCode.WRONG_MEDIA]
        info = answered[0].info
    example, example_notes = _example(usable.unwrap(), info) if is_successful(usable) else ((), ())
    return CheckedWorkflow(
        file,
        kind,
        graph,
        notes,
        inputs,
        inferred,
        targets,
        usable.swap().value_or(None),
        problems,
        [replace(a, problems=[p for p in a.problems if p not in problems]) for a in answers],
        example,
        example_notes,
        paths,
    )


def _ask(
    server: ServerAddress, graph: Graph, kind: Kind, usable: Result[ServerWorkflow, Failure]
) -> ServerAnswer:
    answer = server_info(server, graph)
    if not is_successful(answer):
        return ServerAnswer(server.name, error=answer.failure())
    versions, info = answer.unwrap().versions, answer.unwrap().info
    problems = usable.map(lambda workflow: validate_workflow(workflow, info)).value_or(None)
    if problems is None:
        problems = validate(graph, info, kind)
    return ServerAnswer(server.name, info, versions, problems, foreign_inputs(graph, info))


def _example(
    workflow: ServerWorkflow, info: ObjectInfo
) -> tuple[Sequence[SentValue], Sequence[str]]:
    """What the inputs of a workflow get for the example brief of its kind."""
    size = _EXAMPLE_SIZE if workflow.kind is Kind.IMAGE else None
    brief = _EXAMPLES[workflow.kind]
    job = RenderJob(0, 0, brief, _EXAMPLE_SEED, size, Path())
    bound = bind(workflow, job, _EXAMPLE_PREFIX, input_types(workflow, info)).unwrap()
    values = [
        SentValue(name, target, bound.graph[target.node_id]["inputs"][target.input])
        for name, targets in workflow.targets.items()
        for target in targets
    ]
    return [sent for sent in values if not isinstance(sent.value, list)], bound.notes
