"""Which input of which node gets a field: what the configuration says, and what is proposed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, TypeAlias

from returns.result import Result, safe

from adapters.comfyui_server.fields import FIELDS
from adapters.comfyui_server.graph import Graph, Target, link_of, named, title_of
from domain.failure import Failure, FailureCode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from domain.kind import Kind

GivenInputs: TypeAlias = Mapping[str, str | Sequence[str] | None]
"""As in the configuration: ``"6.text"``, ``"Positive prompt.text"``, several, or null for none."""

Targets: TypeAlias = Mapping[str, tuple[Target, ...]]
"""The inputs that each field goes to."""


class _UnusableError(Exception):
    """Why a mapping does not fit its workflow."""


def mapped(
    graph: Graph, kind: Kind, proposed: Targets, given: GivenInputs
) -> Result[Targets, Failure]:
    """The proposed mapping with the given one over it; ``workflow_unusable`` where it errs.

    An input that is given to one field is taken away from the others that are only proposed.
    """
    return safe(exceptions=(_UnusableError,))(_mapped)(graph, kind, proposed, given).alt(
        lambda error: Failure(FailureCode.WORKFLOW_UNUSABLE, str(error))
    )


def _mapped(graph: Graph, kind: Kind, proposed: Targets, given: GivenInputs) -> Targets:
    chosen: dict[str, tuple[Target, ...]] = {}
    owners: dict[Target, str] = {}
    for field, words in given.items():
        _check_field(kind, field)
        texts = [words] if isinstance(words, str) else list(words or ())
        chosen[field] = tuple(_target(graph, kind, field, text) for text in texts)
        for target in chosen[field]:
            if owners.setdefault(target, field) != field:
                raise _UnusableError(
                    f"media.inputs.{kind} gives both {owners[target]!r} and {field!r} to"
                    f" {str(target)!r}"
                )
    kept = {
        field: tuple(target for target in targets if target not in owners)
        for field, targets in proposed.items()
    }
    return {field: targets for field, targets in (kept | chosen).items() if targets}


def _check_field(kind: Kind, field: str) -> None:
    if field not in FIELDS[kind]:
        near = get_close_matches(field, FIELDS[kind], n=1)
        meant = f"; did you mean {near[0]!r}?" if near else ""
        raise _UnusableError(f"media.inputs.{kind} names {field!r}, which is no field{meant}")


def _target(graph: Graph, kind: Kind, field: str, text: str) -> Target:
    where = f"media.inputs.{kind}.{field} ({text!r})"
    if "." not in text:
        raise _UnusableError(f"{where} must be a node's id or title, a dot, and an input's name")
    for node_words, name in _splits(text):
        nodes = _nodes(graph, node_words)
        if len(nodes) > 1:
            ids = ", ".join(nodes)
            raise _UnusableError(f"{where}: several nodes have that title ({ids}); use an id")
        if nodes:
            return _input(graph, nodes[0], name, where)
    titles = {title_of(graph, node_id) for node_id in graph}
    near = get_close_matches(text.rpartition(".")[0], [*graph, *titles], n=1)
    meant = f"; did you mean {near[0]!r}?" if near else ""
    raise _UnusableError(f"{where}: the workflow has no such node{meant}")


def _splits(text: str) -> Iterator[tuple[str, str]]:
    """At the last dot first; some inputs have dots in their names."""
    end = len(text)
    while (end := text.rfind(".", 0, end)) > 0:
        yield text[:end], text[end + 1 :]


def _nodes(graph: Graph, words: str) -> list[str]:
    """The node with this id, or those with this title."""
    if words in graph:
        return [words]
    return [node_id for node_id in graph if title_of(graph, node_id) == words.strip()]


def _input(graph: Graph, node_id: str, name: str, where: str) -> Target:
    inputs = graph[node_id]["inputs"]
    if name not in inputs:
        others = ", ".join(key for key, value in inputs.items() if not isinstance(value, list))
        raise _UnusableError(
            f"{where}: {named(graph, node_id)} has no input {name!r}; it has {others or 'none'}"
        )
    link = link_of(inputs[name])
    if link is not None:
        source = named(graph, link.node_id)
        raise _UnusableError(f"{where} gets its value from {source}; name an input of that one")
    if isinstance(inputs[name], bool | list | dict):
        raise _UnusableError(f"{where} takes neither text nor a number")
    return Target(node_id, name)
