"""The workflows of a kind: one, or a list of named ones with rules (``media.workflows``)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from domain.prompt import Kind
from entrypoints.settings.errors import Problem
from entrypoints.settings.expansion import expand_path
from entrypoints.settings.redaction import excerpt
from entrypoints.settings.schema import WORKFLOWS, field_names, find, names_path, suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from domain.workflow_rules import WorkflowRules
    from entrypoints.settings.layers import Entry
    from entrypoints.settings.model import Media
    from entrypoints.settings.schema import Key

MAX_WORKFLOWS: Final = 100
"""Named workflows of a kind; each is a label in metrics."""

_FIELDS: Final = (
    *("name", "file", "script", "renderer", "inputs", "arguments", "extra_arguments", "when"),
)
_NAME: Final = r"\w[\w .+-]{0,62}[\w.+-]|\w"
_EXAMPLE: Final = 'Write {"name": "anime", "file": "anime.json", "when": {"style": "anime"}}.'


@dataclass(frozen=True, slots=True)
class NamedWorkflow:
    """One workflow of a kind, as the settings have it.

    Attributes:
        kind: the kind that it renders.
        name: its name; "" for the only one of a kind that has no list.
        renderer: the name of its renderer.
        file: the graph; None if none is set.
        script: the script as it is written, which may be relative to the ComfyUI directory.
        inputs: the inputs of nodes that the settings name.
        arguments: the arguments of a script that the settings name.
        extra_arguments: fixed arguments of a script.
    """

    kind: Kind
    name: str
    renderer: str
    file: Path | None
    script: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    arguments: Mapping[str, Any] = field(default_factory=dict)
    extra_arguments: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[Kind, str]:
        """Its kind and its name."""
        return self.kind, self.name

    @property
    def setting(self) -> str:
        """The setting that names it."""
        return f"{WORKFLOWS}.{self.kind.value}"


def named_workflows(media: Media, kind: Kind) -> tuple[NamedWorkflow, ...]:
    """The workflows of a kind, in the order of their rules; at least one."""
    name = kind.value
    value = getattr(media.workflows, name)
    only = NamedWorkflow(
        kind,
        "",
        getattr(media.renderer, name),
        Path(value) if isinstance(value, str) else None,
        media.scripts.image if kind is Kind.IMAGE else media.scripts.music,
        getattr(media.inputs, name),
        getattr(media.arguments, name),
        getattr(media.extra_arguments, name),
    )
    if value is None or isinstance(value, str):
        return (only,)
    return tuple(
        NamedWorkflow(
            kind,
            entry["name"],
            entry.get("renderer", only.renderer),
            Path(entry["file"]) if "file" in entry else None,
            entry.get("script", only.script),
            entry.get("inputs", only.inputs),
            entry.get("arguments", only.arguments),
            tuple(entry.get("extra_arguments", only.extra_arguments)),
        )
        for entry in value
    )


def takes_graph(workflow: NamedWorkflow, media: Media) -> bool:
    """Whether a workflow is a graph for servers rather than a script."""
    runs = media.ray.runs if workflow.renderer == "ray" else workflow.renderer
    return runs == "server"


def workflow_rules(media: Media, kind: Kind) -> WorkflowRules | None:
    """The rules of a kind's named workflows; None if it has only one, without a name."""
    value = getattr(media.workflows, kind.value)
    if value is None or isinstance(value, str):
        return None
    from domain.workflow_rules import WorkflowRule, WorkflowRules

    rules = (
        WorkflowRule(
            entry["name"], {key: _texts(values) for key, values in entry.get("when", {}).items()}
        )
        for entry in value
    )
    return WorkflowRules(kind, tuple(rules))


def renderer_faults(media: Media, kind: Kind) -> Iterator[tuple[str, str]]:
    """What the named workflows of a kind lack, or have in vain, and what to do."""
    value = getattr(media.workflows, kind.value)
    if not isinstance(value, tuple):
        return
    for number, (workflow, entry) in enumerate(
        zip(named_workflows(media, kind), value, strict=True), start=1
    ):
        where = f'entry {number}, "{workflow.name}",'
        is_graph = takes_graph(workflow, media)
        if is_graph and workflow.file is None:
            fix = (
                "Export the workflow in ComfyUI (Export (API)) and name it there, or start with one"
                " from 'mediagen workflow example'."
            )
            yield f'{where} is rendered by "{workflow.renderer}", but has no "file"', fix
        for unused in ("file",) if not is_graph else ("script", "arguments", "extra_arguments"):
            if unused in entry:
                fix = f'Add "renderer": "{"script" if is_graph else "server"}", or remove it.'
                yield f'{where} has "{unused}", which "{workflow.renderer}" does not use', fix


def checked_workflows(
    key: Key,
    value: tuple[dict[str, Any], ...],
    entry: Entry,
    environ: Mapping[str, str],
    check: Callable[[Key, Entry, Mapping[str, str]], object],
) -> tuple[dict[str, Any], ...] | Problem:
    """The named workflows with absolute paths, or what is wrong with the first that is wrong.

    Args:
        key: the setting.
        value: its value, in the types of the model.
        entry: the value as it was read.
        environ: the environment, for variables in paths.
        check: checks one field of a mapping, as ``validation.checked_value``.

    Raises:
        ExpansionError: a variable in a path is not set.
    """
    kind = Kind(key.name.rpartition(".")[2])
    workflows: list[dict[str, Any]] = []
    for number, workflow in enumerate(map(dict, value), start=1):
        where = f"{key.name}, entry {number}"
        for what, fix in _faults(workflow, kind):
            return Problem(entry.where, f"{where}: {what}", fix, key.name)
        if "file" in workflow:
            workflow["file"] = str(entry.anchor / expand_path(workflow["file"], environ))
        if "script" in workflow:
            workflow["script"] = expand_path(workflow["script"], environ)
        for mapping in workflow.keys() & {"inputs", "arguments"}:
            fields = {
                name: check(_field(mapping, kind, name), _of_field(entry, target), environ)
                for name, target in workflow[mapping].items()
            }
            for result in fields.values():
                if isinstance(result, Problem):
                    return Problem(entry.where, f"{where}: {result.what}", result.fix, key.name)
            workflow[mapping] = fields
        workflows.append(workflow)
    for what, fix in _list_faults(workflows):
        return Problem(entry.where, f"{key.name}: {what}", fix, key.name)
    return tuple(workflows)


def _of_field(entry: Entry, value: object) -> Entry:
    return replace(entry, value=value, textual=False)


def _field(mapping: str, kind: Kind, name: str) -> Key:
    """The setting whose checks a field of an entry's mapping passes, too."""
    key = find(f"media.{mapping}.{kind.value}.{name}")
    if key is None:
        raise AssertionError(f"media.{mapping} has no fields")
    return key


def _faults(workflow: Mapping[str, Any], kind: Kind) -> Iterator[tuple[str, str]]:
    """What is wrong with an entry alone, and what to do, in whole sentences."""
    from entrypoints.renderers import names_for

    for unknown in workflow.keys() - set(_FIELDS):
        yield f'"{unknown}" is not known there', suggestion(unknown, _FIELDS)
    name: object = workflow.get("name")
    if not isinstance(name, str):
        yield "it has no name", _EXAMPLE
    elif not re.fullmatch(_NAME, name):
        what = f"the name is {excerpt('name', name)}, which is not a plain name"
        yield what, "Write up to 64 letters, digits, spaces, dots, dashes and underscores."
    for path in ("file", "script"):
        if not _is_text(workflow.get(path, "x")):
            yield f"{path} is {excerpt(path, workflow[path])}, which is not a path", _EXAMPLE
    renderer = workflow.get("renderer", names_for(kind)[0])
    if renderer not in names_for(kind):
        what = f"the renderer is {excerpt('renderer', renderer)}"
        yield what, suggestion(str(renderer), names_for(kind))
    for mapping in ("inputs", "arguments"):
        yield from _mapping_faults(mapping, workflow.get(mapping, {}), kind)
    extra = workflow.get("extra_arguments", [])
    if not isinstance(extra, list | tuple) or not all(isinstance(text, str) for text in extra):
        yield "extra_arguments is not a list of strings", 'Write one such as ["--steps", "20"].'
    yield from _when_faults(workflow.get("when", {}), kind)


def _mapping_faults(mapping: str, fields: object, kind: Kind) -> Iterator[tuple[str, str]]:
    if not isinstance(fields, dict):
        example = '{"prompt": "6.text"}' if mapping == "inputs" else '{"prompt": "--text4"}'
        yield f"{mapping} is not an object", f"Write an object such as {example}."
        return
    known = field_names(f"media.{mapping}.{kind.value}")
    for unknown in sorted(fields.keys() - known):
        if names_path(unknown, fields[unknown]):
            continue  # a value of the brief's JSON
        what = f'{mapping} names "{unknown}", which is not a field of the brief'
        yield what, suggestion(unknown, sorted(known))


def _when_faults(when: object, kind: Kind) -> Iterator[tuple[str, str]]:
    from domain.brief_paths import BriefPath, PathSyntaxError
    from domain.workflow_rules import misspelt

    example = 'Write an object such as {"style": ["anime", "manga"], "aspect_ratio": "3:4"}.'
    if not isinstance(when, dict):
        yield f"when is {excerpt('when', when)}", example
        return
    for key, value in when.items():
        try:
            BriefPath.parse(key)
        except PathSyntaxError as error:
            yield f"when names {excerpt('when', key)}, which is not a path: {error}", example
            continue
        if meant := misspelt(key, kind):
            yield f'when names "{key}"', f'Did you mean "{meant}"?'
        if not (texts := _texts(value)) or not all(text.strip() for text in texts):
            yield f"when.{key} is {excerpt('when', value)}, which fits nothing", example


def _list_faults(workflows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    if not workflows:
        yield "the list is empty", f"{_EXAMPLE} Or write null."
        return
    if len(workflows) > MAX_WORKFLOWS:
        yield f"it has {len(workflows)} entries", f"Write at most {MAX_WORKFLOWS}."
    seen: set[str] = set()
    for workflow in workflows:
        folded = " ".join(workflow["name"].casefold().split())
        if folded in seen:
            yield f'the name "{workflow["name"]}" is there twice', "Rename one of them."
        seen.add(folded)
    last = workflows[-1]
    for number, workflow in enumerate(workflows[:-1], start=1):
        if not workflow.get("when"):
            what = (
                f'entry {number}, "{workflow["name"]}", has no "when", so that no later entry'
                " would ever be chosen"
            )
            yield what, 'Give it a "when", or put it last.'
    if last.get("when"):
        what = f'the last entry, "{last["name"]}", has a "when", so that some briefs have none'
        yield what, 'Put a workflow without "when" last: it renders whatever no rule fits.'


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and "\0" not in value


def _texts(value: object) -> tuple[str, ...]:
    """The values of a condition as texts; empty if they are none."""
    values = value if isinstance(value, list | tuple) else (value,)
    if not all(isinstance(part, str | int | float) for part in values):
        return ()
    return tuple(
        str(part).lower()
        if isinstance(part, bool)
        else f"{part:g}"
        if isinstance(part, float)
        else str(part)
        for part in cast("Sequence[str | int | float]", values)
    )
