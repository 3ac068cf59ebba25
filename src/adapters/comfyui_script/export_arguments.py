"""Which arguments of an export take which field, worked out from the graph that it carries.

Nothing is named by the user: a new export, with other numbers in its arguments, fits again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from adapters.comfyui_graph.graph import Graph, Target, link_of, named, upstream
from adapters.comfyui_graph.mapping import InferredMapping, infer_mapping
from adapters.comfyui_script.exported_source import exported_graph
from adapters.comfyui_script.workflow import FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.comfyui_script.exported_source import ExportedSource
    from adapters.comfyui_script.script_source import ScriptSource
    from adapters.comfyui_script.workflow import ScriptWorkflow
    from domain.prompt import Kind

_COMFYUI_OUTPUT = "--output-directory"


@dataclass(frozen=True, slots=True)
class ExportMapping:
    """What an export's graph takes, and by which arguments.

    Attributes:
        graph: its nodes; empty if the export carries no graph.
        inferred: the inputs for each field, with reasons.
        arguments: the options for each field that has any.
        targets: the input that each of these options sets.
        missing: for each field that one would expect, why no argument takes it.
    """

    graph: Graph
    inferred: InferredMapping
    arguments: Mapping[str, tuple[str, ...]]
    targets: Mapping[str, Target]
    missing: Mapping[str, str]


@lru_cache(maxsize=16)
def export_mapping(export: ExportedSource, kind: Kind) -> ExportMapping:
    """What the graph of an export takes of a kind's fields, and by which arguments."""
    graph = exported_graph(export)
    inferred = infer_mapping(graph, kind)
    arguments: dict[str, tuple[str, ...]] = {}
    targets: dict[str, Target] = {}
    missing = dict(inferred.missing)
    for field, inputs in inferred.targets.items():
        if field not in FIELDS[kind]:
            continue
        reached = {
            option: target
            for target in inputs
            if (option := export.inputs.get((target.node_id, target.input)))
        }
        if reached:
            arguments[field] = tuple(reached)
            targets |= reached
        else:
            missing[field] = _why_unreached(graph, export, inputs[0])
    missing = {field: reason for field, reason in missing.items() if field in FIELDS[kind]}
    return ExportMapping(graph, inferred, arguments, targets, missing)


def _why_unreached(graph: Graph, export: ExportedSource, target: Target) -> str:
    """Why no argument sets an input, and which ones set what it is made of."""
    place = f"{target.input} of {named(graph, target.node_id)}"
    link = link_of(graph[target.node_id]["inputs"].get(target.input))
    if link is None or link.node_id not in graph:
        return f"{place} takes it, but the export has no argument for that input"
    sources = upstream(graph, [link.node_id])
    options = [
        option
        for (node_id, name), option in export.inputs.items()
        if node_id in sources and isinstance(graph[node_id]["inputs"].get(name), str)
    ]
    made = f"{place} is made by {named(graph, link.node_id)}"
    return f"{made}; if one of {', '.join(options)} is to take it, name that" if options else made


def resolved_workflow(workflow: ScriptWorkflow, source: ScriptSource, kind: Kind) -> ScriptWorkflow:
    """The workflow with the arguments that its script, as it is now, gets.

    For an export these are worked out, the configured ones over them, field by field. An argument
    that is configured for one field is taken away from the others.
    """
    export = source.export
    if export is None:
        return workflow
    worked_out = dict(export_mapping(export, kind).arguments) if export.document else {}
    if source.takes_arguments:
        worked_out |= {
            field: (option,)
            for field, option in (("output", "--output"), ("queue_size", "--queue-size"))
            if option in source.options
        }
    else:
        worked_out["output"] = (_COMFYUI_OUTPUT,)
    configured = {field: workflow.arguments.get(field, ()) for field in workflow.configured}
    taken = {option for options in configured.values() for option in options}
    kept = {
        field: tuple(option for option in options if option not in taken)
        for field, options in worked_out.items()
    }
    arguments = {field: options for field, options in (kept | configured).items() if options}
    passes = workflow.queue_size if export.overwrites else 1
    return replace(workflow, arguments=arguments, passes=passes)
