"""What ``mediagen workflow check`` says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from adapters.comfyui_server.graph import named, output_nodes
from entrypoints.cli.printable import one_line, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from adapters.comfyui_server.findings import Finding
    from adapters.comfyui_server.graph import Target
    from entrypoints.cli.workflow_checking import Answer, Checked

_CONFIGURED = "as the configuration says"


def print_report(found: Sequence[Checked]) -> None:
    """Print all that was seen, one workflow after the other."""
    for number, each in enumerate(found):
        if number:
            click.echo("")
        for line in _lines(each):
            click.echo(line)


def document(found: Checked) -> dict[str, object]:
    """One workflow as JSON."""
    return {
        "file": str(found.subject.path),
        "kind": found.subject.kind.value,
        "nodes": len(found.graph),
        "usable": found.refusal is None,
        "refusal": found.refusal.message if found.refusal else None,
        "inputs": _snippet(found),
        "reasons": {
            str(target): _reason(found, target)
            for targets in found.targets.values()
            for target in targets
        },
        "missing": dict(_missing(found)),
        "notes": list(found.proposal.notes),
        "findings": [_finding(each) for each in found.findings],
        "servers": [_server(each) for each in found.answers],
        "fine": not found.is_wrong,
    }


def _snippet(found: Checked) -> dict[str, object]:
    """The mapping as it stands in a configuration."""
    return {
        name: str(targets[0]) if len(targets) == 1 else [str(target) for target in targets]
        for name, targets in found.targets.items()
    }


def _reason(found: Checked, target: Target) -> str:
    proposed = any(target in targets for targets in found.proposal.targets.values())
    return found.proposal.reasons[target] if proposed else _CONFIGURED


def _missing(found: Checked) -> Iterator[tuple[str, str]]:
    """What one would expect to be mapped, and nobody has."""
    for name, why in found.proposal.missing.items():
        if name not in found.targets and name not in found.subject.given:
            yield name, why


def _finding(finding: Finding) -> dict[str, str]:
    return {
        "code": finding.code.value,
        "node": finding.node_id,
        "title": finding.title,
        "input": finding.input,
        "message": finding.message,
        "hint": finding.code.hint,
    }


def _server(answer: Answer) -> dict[str, object]:
    return {
        "server": answer.server,
        "reachable": answer.trouble is None,
        "trouble": answer.trouble.message if answer.trouble else None,
        "versions": dict(answer.versions),
        "findings": [_finding(each) for each in answer.findings],
    }


def _lines(found: Checked) -> Iterator[str]:
    what = {"image": "pictures", "audio": "songs"}[found.subject.kind.value]
    count = len(found.graph)
    nodes = "one node" if count == 1 else f"{count} nodes"
    yield f"{visible(str(found.subject.path))}: " + (
        f"a workflow for {what}, {nodes}" if found.graph else "no workflow"
    )
    for node_id in output_nodes(found.graph):
        yield f"  output: {one_line(named(found.graph, node_id))}"
    if found.targets:
        yield from _mapping(found)
    for note in found.proposal.notes:
        yield f"  note: {one_line(note)}"
    if found.refusal:
        yield f"  {found.refusal.code.value}: {one_line(found.refusal.message)}"
        yield f"    -> {found.refusal.hint}"
    if found.graph:
        yield from _verdict("offline", found.findings)
    for answer in found.answers:
        yield from _of_server(answer)


def _mapping(found: Checked) -> Iterator[str]:
    width = max(map(len, found.targets))
    yield "  what goes where:"
    for name, targets in found.targets.items():
        for target in targets:
            yield f"    {name:<{width}}  {one_line(f'{target}: {_reason(found, target)}')}"
    for name, why in _missing(found):
        yield f"    {name:<{width}}  nowhere: {one_line(why)}"
    yield "  the same for the configuration, under media.inputs (not needed where it suits you):"
    snippet = {found.subject.kind.value: _snippet(found)}
    for line in json.dumps(snippet, indent=2, ensure_ascii=False).splitlines():
        yield f"    {visible(line)}"


def _of_server(answer: Answer) -> Iterator[str]:
    if answer.trouble:
        yield f"  {answer.trouble.code.value}: {one_line(answer.trouble.message)}"
        yield f"    -> {answer.trouble.hint}"
        return
    versions = ", ".join(f"{name} {version}" for name, version in answer.versions.items())
    yield from _verdict(one_line(f"{answer.server} ({versions})"), answer.findings)


def _verdict(who: str, findings: Sequence[Finding]) -> Iterator[str]:
    if not findings:
        yield f"  {who}: nothing wrong"
        return
    yield f"  {who}: {len(findings)} to mend"
    for finding in findings:
        yield f"    {finding.code.value}: {one_line(str(finding))}"
    for hint in dict.fromkeys(finding.code.hint for finding in findings):
        yield f"    -> {hint}"
