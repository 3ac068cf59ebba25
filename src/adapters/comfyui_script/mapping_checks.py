"""The doctor's checks of a script's arguments: problems, and which field goes where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.comfyui_script.arguments import (
    comfyui_output_option,
    configured_seed_type,
    mapping_failure,
    passed_fields,
    uses_seed,
)
from adapters.comfyui_script.script_source import SEED_TYPE, ScriptSource
from application.ports.doctor import Check, CheckStatus
from domain.brief import BRIEF_FIELDS, PROMPT_FIELDS
from domain.prompt import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapters.comfyui_script.workflow import ScriptWorkflow


def mapping_problems(
    subject: str, kind: Kind, workflow: ScriptWorkflow, source: ScriptSource
) -> Iterator[Check]:
    """Problems of the mapped arguments, as far as the script's source shows them."""
    name, extras = workflow.script.name, f"media.extra_arguments.{kind.value}"
    prompt = PROMPT_FIELDS[kind]
    if failure := mapping_failure(kind, workflow, source):
        yield Check(subject, CheckStatus.ERROR, failure.message, failure.hint)
    elif prompt not in passed_fields(workflow, source):
        finding = (
            f"{name} is not given the {prompt}, as media.allow_unused_prompt.{kind.value} permits;"
            ' the metadata say "prompt_passed": false'
        )
        remedy = f"Map the {prompt} under media.arguments.{kind.value} if it is to be used."
        yield Check(subject, CheckStatus.WARNING, finding, remedy)
    if option := comfyui_output_option(workflow, source):
        finding = f"{option} behind '--' in {extras} has no effect: exports do not read it"
        remedy = (
            "Remove it and pass the output with --output. If the export ignores that, export the"
            " workflow again with today's exporter."
        )
        yield Check(subject, CheckStatus.WARNING, finding, remedy)
    if source.splits_arguments and source.export and kind not in source.export.redirects:
        media = "pictures" if kind is Kind.IMAGE else "songs"
        node = "SaveImage" if kind is Kind.IMAGE else "SaveAudioMP3"
        finding = (
            f"{name} writes {media} to ComfyUI's own output folder, regardless of --output, where"
            " mediagen does not find them"
        )
        remedy = (
            f"Save them with {node} and export the workflow again with today's exporter (exports"
            " made before July 2026 redirect no songs)."
        )
        yield Check(subject, CheckStatus.WARNING, finding, remedy)
    overwrites = source.export is not None and source.export.overwrites
    if len(savers := source.export.picture_savers if source.export else ()) > 1:
        finding = (
            f"{name} saves the pictures of {' and '.join(savers)} under one name, so that only the"
            " last is kept, unless they come in batches"
        )
        remedy = "Keep one of these nodes, make previews of the others, and export it again."
        yield Check(subject, CheckStatus.WARNING, finding, remedy)
    if "seed" not in passed_fields(workflow, source):
        return
    if not uses_seed(workflow, source):
        seed_type = configured_seed_type(workflow, source)
        reason = f"is {seed_type!r} in {extras}" if seed_type else "has no 'fixed'"
        finding = f"{name} draws its own seed, not the one that is passed: {SEED_TYPE} {reason}"
        remedy = f"Remove {SEED_TYPE} from {extras}, or leave the seed out of media.arguments."
        yield Check(subject, CheckStatus.WARNING, finding, remedy)
    elif source.fixes_seeds and workflow.queue_size > 1 and not overwrites:
        finding = (
            f"{name} uses the same seed in each of the {workflow.queue_size} passes of"
            " comfyui.queue_size, so they make the same"
        )
        remedy = "Set comfyui.queue_size to 1, or leave the seed out of media.arguments."
        yield Check(subject, CheckStatus.WARNING, finding, remedy)


def shown_mapping(
    subject: str, kind: Kind, workflow: ScriptWorkflow, source: ScriptSource
) -> Iterator[Check]:
    """Which field goes to which input of which node of an export, and which goes nowhere."""
    if source.export is None or not source.export.document:
        return
    from adapters.comfyui_graph.graph import named
    from adapters.comfyui_script.export_arguments import export_mapping

    mapping = export_mapping(source.export, kind)
    nodes = {option: name for name, option in source.export.inputs.items()}
    passed = passed_fields(workflow, source)
    for field in (field.name for field in BRIEF_FIELDS[kind] if field.name in passed):
        places = [
            f"{option}, {nodes[option][1]} of {named(mapping.graph, nodes[option][0])}"
            if option in nodes
            else option
            for option in workflow.arguments.get(field, ("an extra argument",))
        ]
        yield Check(subject, CheckStatus.OK, f"{field}: {'; '.join(places)}")
    unused = [field.name for field in BRIEF_FIELDS[kind] if field.name not in passed]
    for field in (field for field in unused if field in mapping.missing):
        yield Check(subject, CheckStatus.OK, f"{field}: goes nowhere, {mapping.missing[field]}")
    if unexpected := [field for field in unused if field not in mapping.missing]:
        yield Check(subject, CheckStatus.OK, f"nothing takes {', '.join(unexpected)}")
    for note in (*mapping.inferred.warnings, *mapping.inferred.notes):
        yield Check(subject, CheckStatus.OK, note)
