"""``mediagen workflow check`` for a script that was exported from ComfyUI."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from domain.failure import Failure, FailureCode
from domain.prompt import Kind
from entrypoints.terminal_text import one_line, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from adapters.comfyui_graph.graph import Problem
    from adapters.comfyui_script.export_arguments import ExportMapping
    from adapters.comfyui_script.workflow import ScriptWorkflow
    from entrypoints.cli.invocation import Invocation
    from entrypoints.settings.workflows import NamedWorkflow


@dataclass(frozen=True, slots=True)
class CheckedScript:
    """A script and what is wrong with it.

    Attributes:
        file: the script.
        kind: of the media that it should make.
        mapping: what its graph takes; None for a script that is no export.
        arguments: the options for each field.
        refusal: why it cannot be used at all.
        problems: what ComfyUI lacks.
        unasked: why ComfyUI was not asked, or "".
        warnings: about its arguments.
    """

    file: Path
    kind: Kind
    mapping: ExportMapping | None
    arguments: dict[str, tuple[str, ...]]
    refusal: Failure | None
    problems: Sequence[Problem]
    unasked: str
    warnings: Sequence[str] = ()

    @property
    def is_valid(self) -> bool:
        """Whether no problem was found."""
        return not self.problems and self.refusal is None

    @property
    def is_unanswered(self) -> bool:
        """Whether ComfyUI could not be asked."""
        return bool(self.unasked)

    def document(self) -> dict[str, object]:
        """The result for programs, with the names that a graph's has."""
        mapping = self.mapping
        return {
            "file": str(self.file),
            "kind": self.kind.value,
            "nodes": len(mapping.graph) if mapping else 0,
            "usable": self.refusal is None,
            "refusal": self.refusal.message if self.refusal else None,
            "arguments": {field: list(names) for field, names in self.arguments.items()},
            "inputs": dict(self._inputs()),
            "reasons": {},
            "missing": self._missing(),
            "notes": [*self._notes()],
            "findings": [
                {
                    "code": problem.code.value,
                    "node": problem.node_id,
                    "title": problem.title,
                    "input": problem.input,
                    "message": problem.message,
                    "hint": problem.code.hint,
                }
                for problem in self.problems
            ],
            "servers": [],
            "fine": self.is_valid,
        }

    def lines(self) -> Iterator[str]:
        """The result for people."""
        media = "pictures" if self.kind is Kind.IMAGE else "songs"
        if self.mapping is None:
            yield f"{visible(str(self.file))}: a script for {media} that is no export with a graph"
        else:
            count = len(self.mapping.graph)
            yield f"{visible(str(self.file))}: an exported script for {media}, {count} nodes"
        if self.arguments:
            yield "  arguments:"
            width = max(map(len, self.arguments))
            inputs = dict(self._inputs())
            for field, names in self.arguments.items():
                place = f": {inputs[field]}" if field in inputs else ""
                yield f"    {field:<{width}}  {one_line(', '.join(names) + place)}"
            for field, reason in self._missing().items():
                yield f"    {field:<{width}}  no argument: {one_line(reason)}"
        for note in self._notes():
            yield f"  note: {one_line(note)}"
        if self.refusal is not None:
            yield f"  {self.refusal.code.value}: {one_line(self.refusal.message)}"
            yield f"    -> {self.refusal.hint}"
        if not self.problems and not self.unasked and self.mapping is not None:
            yield "  ComfyUI: every model and node type is installed"
        for problem in self.problems:
            yield f"  {problem.code.value}: {one_line(str(problem))}"
        for hint in dict.fromkeys(problem.code.hint for problem in self.problems):
            yield f"    -> {hint}"

    def _inputs(self) -> Iterator[tuple[str, str]]:
        """The inputs of nodes that the fields go to, in words."""
        if self.mapping is not None:
            from adapters.comfyui_graph.graph import named

            for field, names in self.arguments.items():
                targets = (self.mapping.targets.get(name) for name in names)
                places = [
                    f"{target.input} of {named(self.mapping.graph, target.node_id)}"
                    for target in targets
                    if target is not None
                ]
                if places:
                    yield field, "; ".join(places)

    def _missing(self) -> dict[str, str]:
        missing = self.mapping.missing if self.mapping else {}
        return {field: why for field, why in missing.items() if field not in self.arguments}

    def _notes(self) -> Iterator[str]:
        yield from self.warnings
        if self.mapping is not None:
            yield from self.mapping.inferred.warnings
            yield from self.mapping.inferred.notes
        if self.unasked:
            yield self.unasked


def check_script(
    invocation: Invocation, file: Path, chosen: Kind | None, named: NamedWorkflow | None = None
) -> CheckedScript:
    """Check a script, and if it is an export, its graph against the installed ComfyUI.

    Args:
        invocation: for the settings.
        file: the script.
        chosen: the kind of media that it makes; None to work it out.
        named: the workflow of the settings that it belongs to; None for the only one of its kind.
    """
    from adapters.comfyui_graph.output_nodes import likely_kind, media_problem
    from adapters.comfyui_script.arguments import mapping_failure
    from adapters.comfyui_script.export_arguments import export_mapping, resolved_workflow
    from adapters.comfyui_script.exported_source import exported_graph
    from adapters.comfyui_script.installed import UnknownInstallationError, installed_problems
    from adapters.comfyui_script.mapping_checks import mapping_problems
    from adapters.comfyui_script.script_source import script_source
    from adapters.system_clock import SystemClock
    from application.ports.doctor import CheckStatus

    source = script_source(file)
    export = source.export if source.export and source.export.document else None
    kind = chosen or (likely_kind(exported_graph(export)) if export else Kind.IMAGE)
    workflow, unasked = _workflow(invocation, file, kind, named)
    workflow = resolved_workflow(workflow, source, kind)
    mapping = export_mapping(export, kind) if export else None
    wrong_media = mapping and media_problem(mapping.graph, kind)
    problems = [wrong_media] if wrong_media else []
    if mapping is not None and not unasked:
        try:
            problems += installed_problems(mapping.graph, workflow, SystemClock())
        except UnknownInstallationError as error:
            unasked = f"models and node types were not checked: {workflow.interpreter} {error}"
    refusal = mapping_failure(kind, workflow, source)
    if source.error:
        message = f"{file.name} is not a Python program: {source.error}"
        refusal = Failure(FailureCode.SCRIPT_BROKEN, message)
    warnings = [
        check.finding
        for check in mapping_problems("", kind, workflow, source)
        if check.status is CheckStatus.WARNING
    ]
    return CheckedScript(
        file, kind, mapping, dict(workflow.arguments), refusal, problems, unasked, warnings
    )


def _workflow(
    invocation: Invocation, file: Path, kind: Kind, named: NamedWorkflow | None
) -> tuple[ScriptWorkflow, str]:
    """How the script would be run, and why ComfyUI cannot be asked, or ""."""
    from adapters.comfyui_script.workflow import DEFAULT_ARGUMENTS, ArgumentStyle, ScriptWorkflow
    from entrypoints.renderer_setup import ScriptSetup
    from entrypoints.settings.errors import SettingsError
    from entrypoints.settings.resolution import workflows

    try:
        loaded = invocation.settings()
        named = named or workflows(loaded, [kind])[-1]
        workflow = ScriptSetup(loaded, [named]).workflow(named)
    except SettingsError as error:
        missing = ", ".join(problem.key for problem in error.problems)
        workflow = ScriptWorkflow(
            renderer="script",
            interpreter=file,
            script=file,
            working_directory=file.parent,
            arguments=DEFAULT_ARGUMENTS[kind],
            extra_arguments=(),
            argument_style=ArgumentStyle.EQUALS,
            queue_size=1,
            time_limit_seconds=1,
            stall_seconds=0,
            grace_seconds=0,
        )
        return workflow, f"models and node types were not checked: set {missing}"
    if workflow.script.exists() and workflow.script.samefile(file):
        return workflow, ""
    # The settings name arguments of another script.
    arguments = DEFAULT_ARGUMENTS[kind]
    return replace(workflow, script=file, arguments=arguments, configured=frozenset()), ""
