"""A workflow for a server, read again when its file changes, and the graph that one job gets."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING

from returns.pipeline import is_successful
from returns.result import Failure as Refused
from returns.result import Result, Success

from adapters.comfyui_graph.fields import FIELDS, UNIQUE_FIELDS
from adapters.comfyui_graph.graph import Problem, Target, title_of
from adapters.comfyui_graph.input_values import fit, fit_exactly, offered
from adapters.comfyui_graph.mapping import (
    ConfiguredInputs,
    Targets,
    configured_paths,
    infer_mapping,
    picture_inputs,
    resolve_mapping,
)
from adapters.comfyui_graph.node_types import (
    MODEL_SUFFIXES,
    input_type,
    is_model_input,
    node_type,
)
from adapters.comfyui_graph.output_nodes import media_problem, output_nodes
from adapters.comfyui_graph.validation import validate
from adapters.comfyui_graph.workflow_file import (
    NodeTypeSource,
    WorkflowFile,
    bundled,
    load_workflow,
)
from domain.brief import ALWAYS_PASSED, MAIN_FIELDS, brief_values
from domain.brief_paths import BriefPath, PathField, PathSyntaxError, ValueType
from domain.failure import Failure, FailureCode
from domain.prompt import Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import Path

    from adapters.comfyui_graph.graph import Graph, Node
    from adapters.comfyui_graph.input_values import Value
    from adapters.comfyui_graph.node_types import InputType, ObjectInfo
    from application.ports.media_renderer import RenderJob
    from domain.brief import Brief
    from domain.brief_paths import Scalar

_JOB_FIELDS = frozenset({"seed", "filename_prefix", "prompt_id"})
_ALWAYS_SET = {Kind.IMAGE: _JOB_FIELDS | {"width", "height"}, Kind.AUDIO: _JOB_FIELDS}

_OPPOSITE = {"prompt": "negative_prompt", "negative_prompt": "prompt"}


@dataclass(frozen=True, slots=True)
class ServerWorkflow:
    """One graph, and which of its inputs each field goes to.

    Attributes:
        name: the file's name, without its folder.
        kind: the media kind that it produces.
        graph: its nodes as they were exported; never changed.
        targets: the inputs of each field that is mapped.
        configured: the fields whose inputs the configuration names.
        warnings: what a person should look at in the inferred mapping.
        keep_negative_prompt: whether its own stays where the brief has none.
        models: the model files that it loads, in the order of the graph, where a brief names none.
        model_paths: the names among ``paths`` by which a brief names model files, each with the
            files of the graph that are not loaded then.
        label: its name in the settings; "" for the only workflow of a kind.
        paths: the targets' names that are paths in a brief's JSON, or fields with a default.
    """

    name: str
    kind: Kind
    graph: Graph
    targets: Targets
    configured: frozenset[str] = frozenset()
    warnings: tuple[str, ...] = ()
    keep_negative_prompt: bool = True
    models: tuple[str, ...] = ()
    model_paths: Mapping[str, frozenset[str]] = dataclasses.field(default_factory=dict)
    label: str = ""
    paths: Mapping[str, PathField] = dataclasses.field(default_factory=dict)

    def filled(self) -> frozenset[Target]:
        """The inputs that get a value in every job, so that what the file has there is not used."""
        always = ALWAYS_PASSED | _ALWAYS_SET[self.kind]
        if self.keep_negative_prompt:
            always -= {"negative_prompt"}
        always |= {name for name, path in self.paths.items() if path.default is not None}
        return frozenset(target for name in always for target in self.targets.get(name, ()))

    def picture_targets(self, without: Collection[str]) -> Mapping[Target, str]:
        """The inputs that take pictures of a brief, each with the path that names its picture.

        Args:
            without: paths to leave out.
        """
        return {
            target: name
            for name, path in self.paths.items()
            if path.type and path.type.is_picture and name not in without
            for target in self.targets.get(name, ())
        }

    def chosen_values(self, brief: Brief) -> tuple[tuple[str, str], ...]:
        """The models and other choices that a brief names, by path, as it writes them."""
        read = (
            (name, path.read(brief.document))
            for name, path in self.paths.items()
            if name not in FIELDS[self.kind] and not (path.type and path.type.is_picture)
        )
        values = ((name, value.unwrap()) for name, value in read if is_successful(value))
        return tuple((name, value) for name, value in values if isinstance(value, str))

    def models_with(
        self, values: Iterable[tuple[str, str]], types: Mapping[Target, InputType]
    ) -> tuple[str, ...] | None:
        """The model files that it loads with the values of a brief; None if a value is not offered.

        Args:
            values: by path.
            types: what a server says of the inputs; where it says nothing, a value stays as it is.
        """
        chosen: list[str] = []
        replaced: set[str] = set()
        for name, value in values:
            replaced |= self.model_paths.get(name, frozenset())
            for target in self.targets[name]:
                choices = types[target].choices if target in types else None
                choice = value if choices is None else offered(value, choices)
                if choice is None:
                    return None
                if name in self.model_paths:
                    chosen.append(str(choice))
        kept = (model for model in self.models if model not in replaced)
        return tuple(dict.fromkeys((*kept, *chosen)))


@dataclass(frozen=True, slots=True)
class BoundGraph:
    """A graph with one job's values in it.

    Attributes:
        graph: its own copy, ready to be posted.
        fingerprint: SHA-256 in hex over all of it but the seed, the filename prefix, and what was
            changed to suit one server.
        notes: what was changed about the brief's values to suit the server.
    """

    graph: dict[str, Node]
    fingerprint: str
    notes: tuple[str, ...] = ()


def map_inputs(
    name: str,
    workflow: WorkflowFile,
    kind: Kind,
    configured: ConfiguredInputs,
    *,
    pictures: bool = False,
) -> Result[ServerWorkflow, Failure]:
    """Map the inputs of a workflow, the configured mapping over the inferred one.

    Args:
        name: what the workflow is called.
        workflow: its graph.
        kind: the media kind that it should make.
        configured: the inputs that the configuration names.
        pictures: whether the only node that loads a picture gets the brief's "image", and the only
            one that loads a mask its "mask".

    Fails with ``workflow_unusable``, also where no input takes what the brief asks for, unless the
    configuration says null for that; with ``wrong_media`` where the workflow makes something else.
    """
    graph = workflow.graph
    inferred = infer_mapping(graph, kind, shown=workflow.hints.inputs)
    resolved = resolve_mapping(graph, kind, inferred.targets, configured)
    if not is_successful(resolved):
        return Refused(resolved.failure())
    targets = resolved.unwrap()
    paths: Mapping[str, PathField] = {}
    try:
        if configured.keys() - FIELDS[kind] or dict in map(type, configured.values()):
            paths = configured_paths(kind, configured)
    except PathSyntaxError as error:
        return Refused(Failure(FailureCode.WORKFLOW_UNUSABLE, f"media.inputs.{kind}: {error}"))
    if pictures:
        targets, paths = _with_pictures(graph, targets, paths, configured)
    if any(field in targets or field in configured for field in MAIN_FIELDS[kind]):
        names = frozenset(configured)
        return Success(
            ServerWorkflow(
                name,
                kind,
                graph,
                targets,
                names,
                inferred.warnings,
                models=model_files(node["inputs"] for node in graph.values()),
                model_paths=_model_paths(graph, targets, paths, kind) if paths else {},
                paths=paths,
            )
        )
    problem = media_problem(graph, kind)
    if problem and output_nodes(graph):  # says more than that no input fits
        return Refused(Failure(problem.code, f"{name}: {problem}"))
    field, fields = MAIN_FIELDS[kind][0], " or the ".join(MAIN_FIELDS[kind])
    message = (
        f"the workflow {name} has no input that is known to take the {fields}"
        f" ({inferred.missing[field]}); name it under media.inputs.{kind}.{field}, or write"
        " null there if there is to be none"
    )
    return Refused(Failure(FailureCode.WORKFLOW_UNUSABLE, message))


def model_files(inputs: Iterable[Mapping[str, object]]) -> tuple[str, ...]:
    """The model files that a graph names, in its order.

    Args:
        inputs: of each of its nodes.
    """
    models = {
        text: None
        for values in inputs
        for value in values.values()
        # A list of LoRAs is an input for each of them, and each may be switched off.
        for text in (value.values() if isinstance(value, dict) else (value,))
        if isinstance(text, str)
        and text.lower().endswith(MODEL_SUFFIXES)
        and not (isinstance(value, dict) and value.get("on") is False)
    }
    return tuple(models)


def _model_paths(
    graph: Graph, targets: Targets, paths: Iterable[str], kind: Kind
) -> dict[str, frozenset[str]]:
    """The paths by which a brief names models, with the graph's own that it does not load then."""
    own = {
        Target(node_id, name): value
        for node_id, node in graph.items()
        for name, value in node["inputs"].items()
        if is_model_input(node["class_type"], name, value)
    }
    by_path = {
        path: [target for target in targets.get(path, ()) if target in own]
        for path in paths
        if path not in FIELDS[kind]
    }
    chosen = {target for inputs in by_path.values() for target in inputs}
    kept = {str(value) for target, value in own.items() if target not in chosen}
    return {
        path: frozenset(str(own[target]) for target in inputs) - kept
        for path, inputs in by_path.items()
        if inputs
    }


def _with_pictures(
    graph: Graph, targets: Targets, paths: Mapping[str, PathField], configured: ConfiguredInputs
) -> tuple[Targets, Mapping[str, PathField]]:
    """Targets and paths with those of pictures, whose inputs nothing else takes."""
    taken = {target for inputs in targets.values() for target in inputs}
    added = {
        name: target
        for name, target in picture_inputs(graph).items()
        if name not in configured and target not in taken
    }
    types = {"image": ValueType.IMAGE, "mask": ValueType.MASK}
    fields = {name: PathField(BriefPath.parse(name), types[name]) for name in added}
    return {**targets, **{name: (target,) for name, target in added.items()}}, {**paths, **fields}


def validate_workflow(workflow: ServerWorkflow, info: ObjectInfo) -> list[Problem]:
    """What keeps a server from making the workflow's kind of media from the brief's own words."""
    kind = workflow.kind
    problems = validate(workflow.graph, info, kind, workflow.filled())
    return [*problems, *_swapped_prompts(workflow, info)]


def input_types(workflow: ServerWorkflow, info: ObjectInfo) -> dict[Target, InputType]:
    """What a server's node types say of the inputs that fields go to."""
    types = {}
    for targets in workflow.targets.values():
        for target in targets:
            node = workflow.graph[target.node_id]
            known = node_type(info, node["class_type"])
            expected = input_type(known, target.input, node["inputs"]) if known else None
            if expected is not None:
                types[target] = expected
    return types


def _swapped_prompts(workflow: ServerWorkflow, info: ObjectInfo) -> Iterator[Problem]:
    """Inferred inputs for the prompt that the server's node types give to the negative prompt."""
    informed = infer_mapping(workflow.graph, workflow.kind, info).targets
    for field in _OPPOSITE.keys() - workflow.configured:
        other = _OPPOSITE[field]
        for target in workflow.targets.get(field, ()):
            if target in informed.get(other, ()):
                message = (
                    f"{target.input}: by the server's node types it takes the"
                    f" {other.replace('_', ' ')}, not the {field.replace('_', ' ')}; name the"
                    f" right inputs under media.inputs.{workflow.kind}"
                )
                node_id = target.node_id
                title = title_of(workflow.graph, node_id)
                code = FailureCode.WORKFLOW_UNUSABLE
                yield Problem(code, node_id, title, message, target.input)


class WorkflowSource:
    """Gives one workflow. Safe from several threads.

    The same object comes back for as long as the file is the same, so what is cached for a workflow
    needs no comparison of graphs.

    Args:
        path: the workflow file.
        kind: the media kind that the workflow produces.
        configured: the inputs that the configuration names; they replace inferred ones.
        node_types: what to convert a file of the editor with.
        keep_negative_prompt: whether the workflow's own stays where the brief has none.
        label: its name in the settings; "" for the only workflow of a kind.
        pictures: whether its only loader of a picture gets the brief's, as ``map_inputs`` says.
    """

    def __init__(
        self,
        path: Path,
        kind: Kind,
        configured: ConfiguredInputs,
        node_types: NodeTypeSource = bundled,
        *,
        keep_negative_prompt: bool = True,
        label: str = "",
        pictures: bool = False,
    ) -> None:
        self._keep_negative_prompt = keep_negative_prompt
        self._label = label
        self._pictures = pictures
        self._path = path
        self._kind = kind
        self._configured = configured
        self._node_types = node_types
        self._lock = Lock()
        self._version: tuple[int, int, int] | None = None
        self._loaded: Result[ServerWorkflow, Failure] | None = None

    def __call__(self) -> Result[ServerWorkflow, Failure]:
        """The workflow, or the failure that says why it cannot be used."""
        try:
            status = self._path.stat()
        except OSError:
            version = None
        else:
            version = (status.st_ino, status.st_mtime_ns, status.st_size)
        with self._lock:
            if self._loaded is None or version is None or version != self._version:
                pictures = self._pictures
                loaded = load_workflow(self._path, self._node_types).bind(
                    lambda workflow: map_inputs(
                        self._path.name, workflow, self._kind, self._configured, pictures=pictures
                    )
                )
                keep, label = self._keep_negative_prompt, self._label
                self._loaded, self._version = (
                    loaded.map(
                        lambda workflow: replace(workflow, keep_negative_prompt=keep, label=label)
                    ),
                    version,
                )
                if not is_successful(loaded) and loaded.failure().code is FailureCode.NODE_MISSING:
                    self._version = None  # the server may have its node types the next time
            return self._loaded


def bind(  # noqa: C901 - every value that a graph gets, in order
    workflow: ServerWorkflow,
    job: RenderJob,
    filename_prefix: str,
    types: Mapping[Target, InputType] | None = None,
) -> Result[BoundGraph, Failure]:
    """The graph for a job.

    Fails with ``brief_unusable`` where a text holds half a character, and with ``brief_value``
    where a value of the brief's JSON does not suit its input.

    Where the brief leaves a field out, the workflow keeps its own value, except for the prompt, the
    lyrics and the tags, and the negative prompt if the settings say so.

    Args:
        workflow: the graph and its mapping.
        job: the brief to render.
        filename_prefix: under which the server saves.
        types: what a server says of the inputs that fields go to; numbers are kept within their
            bounds, and texts become one of their choices.
    """
    graph: dict[str, Node] = {}
    for node_id, node in workflow.graph.items():
        # Values are replaced, never changed: the copies need not go deeper.
        graph[node_id] = node.copy()
        graph[node_id]["inputs"] = dict(node["inputs"])
    values = _field_values(job, filename_prefix, keep_negative=workflow.keep_negative_prompt)
    if workflow.paths:
        values |= _defaults(workflow, values)
        if failure := _set_paths(workflow, job, graph):
            return Refused(failure)
    bound = [(field, target) for field in values for target in workflow.targets.get(field, ())]
    for field, target in bound:
        value = values[field]
        if isinstance(value, str) and (failure := _encoding_failure(field, value)):
            return Refused(failure)
        if field == "filename_prefix" and target.input != field:
            value = str(value).replace("/", "_")  # a custom node may make no folders
        inputs = graph[target.node_id]["inputs"]
        fitted = fit(field, value, inputs[target.input])
        if fitted.value is not None:
            inputs[target.input] = fitted.value
    # Servers may differ in what they take; what is asked for is the same.
    fingerprint = _fingerprint(graph, workflow)
    if workflow.paths and types and (failure := _set_paths(workflow, job, graph, types)):
        return Refused(failure)
    notes: dict[str, None] = {}
    for field, target in bound:
        if types and target in types and field not in UNIQUE_FIELDS:
            own = workflow.graph[target.node_id]["inputs"][target.input]
            fitted = fit(field, values[field], own, types[target])
            kept = own if fitted.value is None else fitted.value
            graph[target.node_id]["inputs"][target.input] = kept
            notes |= {fitted.note: None} if fitted.note else {}
    return Success(BoundGraph(graph, fingerprint, tuple(notes)))


def _defaults(workflow: ServerWorkflow, values: Mapping[str, Value]) -> dict[str, Value]:
    """The configured defaults of fields that the brief leaves out."""
    return {
        name: path.default
        for name, path in workflow.paths.items()
        if path.default is not None
        and name in FIELDS[workflow.kind]
        and not str(values.get(name, "")).strip()
    }


def _set_paths(
    workflow: ServerWorkflow,
    job: RenderJob,
    graph: Mapping[str, Node],
    types: Mapping[Target, InputType] | None = None,
) -> Failure | None:
    """Set the inputs that take values of the brief's JSON; why one is refused, or None."""
    for name in workflow.paths.keys() - FIELDS[workflow.kind]:
        path = workflow.paths[name]
        value = path.read(job.brief.document)
        if name in job.pictures:
            value = Success(job.pictures[name].input_name)
        for target in workflow.targets.get(name, ()):
            fitted: Result[Scalar | None, str] = value
            if (scalar := value.value_or(None)) is not None:
                expected = types.get(target) if types else None
                node = workflow.graph[target.node_id]
                fitted = fit_exactly(path, scalar, target, node, expected)
            if not is_successful(fitted):
                message = f"prompt {job.prompt_id}: {fitted.failure()}"
                return Failure(FailureCode.BRIEF_VALUE, message)
            if scalar is not None:
                graph[target.node_id]["inputs"][target.input] = fitted.unwrap()
    return None


def _field_values(job: RenderJob, filename_prefix: str, *, keep_negative: bool) -> dict[str, Value]:
    """The value of each field; those that the brief leaves out are missing.

    The prompt, the lyrics and the tags are always there, blank or not: what the workflow's author
    tried last must not take their place. A negative prompt is made for the model, not for one
    picture.
    """
    always = ALWAYS_PASSED - {"negative_prompt"} if keep_negative else ALWAYS_PASSED
    values: dict[str, Value] = {
        field: value
        for field, value in brief_values(job.brief).items()
        if value is not None and (field in always or str(value).strip())
    }
    if job.size is not None:
        values |= {"width": job.size.width, "height": job.size.height}
    return values | {
        "seed": job.seed,
        "filename_prefix": filename_prefix,
        "prompt_id": job.prompt_id,
    }


def _encoding_failure(field: str, text: str) -> Failure | None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        character = f"a lone surrogate (U+{ord(text[error.start]):04X})"
        return Failure(
            FailureCode.BRIEF_UNUSABLE,
            f"the field {field!r} holds {character} at position {error.start}, which no server"
            " takes",
        )
    return None


def _fingerprint(graph: dict[str, Node], workflow: ServerWorkflow) -> str:
    unique = {
        (target.node_id, target.input)
        for field in UNIQUE_FIELDS
        for target in workflow.targets.get(field, ())
    }
    content = {
        node_id: (
            node["class_type"],
            {
                name: value
                for name, value in node["inputs"].items()
                if (node_id, name) not in unique
            },
        )
        for node_id, node in graph.items()
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
