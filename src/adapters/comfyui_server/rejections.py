"""What a server's refusal of a graph means (``POST /prompt``, ``node_errors``)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from adapters.comfyui_server.graph import named
from adapters.comfyui_server.model_folders import choices, is_model, missing_model
from adapters.comfyui_server.plain_text import one_line
from adapters.comfyui_server.shapes import a_dict, a_list, a_text
from domain.failure import Failure, FailureCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from adapters.comfyui_server.graph import Graph

_NO_SUCH_NODE = re.compile(r"node (\S.*?) does not exist|[Nn]ode type '?([^']+?)'? not found")
_NODE_ID = re.compile(r"Node ID '#(.*?)'")
_LONGEST_DETAIL = 2_000  # characters


def rejection(
    body: Mapping[str, object],
    graph: Graph,
    server: str,
    clean: Callable[[str], str],
    status: int = 400,
) -> Failure:
    """The failure that a refusal means.

    The message is of the first thing that is wrong; the detail lists all of them.

    Args:
        body: of the answer.
        graph: what was refused.
        server: its name, for the message.
        clean: takes the brief's words out of what the server echoes.
        status: of the answer.
    """
    found = list(_of_nodes(a_dict(body.get("node_errors")), graph, server))
    if not found:
        return _of_whole(a_dict(body.get("error")), graph, server, clean, status)
    found.sort(key=lambda failure: _ORDER.index(failure.code))
    messages = [one_line(clean(failure.message)) for failure in found]
    detail = "\n".join(messages)[:_LONGEST_DETAIL] if len(messages) > 1 else ""
    return Failure(found[0].code, messages[0], detail)


# A missing file explains more than what follows from it.
_ORDER = (FailureCode.NODE_MISSING, FailureCode.MODEL_MISSING, FailureCode.GRAPH_REJECTED)


def _of_nodes(errors: Mapping[str, object], graph: Graph, server: str) -> Iterator[Failure]:
    for node_id, facts in errors.items():
        for error in map(a_dict, a_list(a_dict(facts).get("errors"))):
            node_type = a_text(a_dict(facts).get("class_type"))
            yield _of_input(error, node_type, named(graph, node_id), server)


def _of_input(error: Mapping[str, object], node_type: str, node: str, server: str) -> Failure:
    extra = a_dict(error.get("extra_info"))
    name, value = a_text(extra.get("input_name")), extra.get("received_value")
    if a_text(error.get("type")) == "value_not_in_list":
        offered = _choices(extra)
        if is_model(node_type, name, value):
            reason = missing_model(node_type, name, value, offered)
            return Failure(FailureCode.MODEL_MISSING, f"{node} on {server}: {reason}")
        reason = f"{value!r} is none of its choices: {choices(value, offered)}"
    else:
        reason = _reason(error, name)
    about = f", input {name!r}" if name else ""
    message = f"{server} does not accept {node}{about}: {reason}"
    return Failure(FailureCode.GRAPH_REJECTED, message)


def _choices(extra: Mapping[str, object]) -> list[str]:
    match extra.get("input_config"):
        case [list(choices), *_]:
            return [choice for choice in choices if isinstance(choice, str)]
        case ["COMBO", dict(options), *_]:
            return [choice for choice in a_list(options.get("options")) if isinstance(choice, str)]
        case _:
            return []


def _reason(error: Mapping[str, object], name: str) -> str:
    """In the server's words: its message, and its details where they add anything."""
    message, details = a_text(error.get("message")), a_text(error.get("details"))
    kind = a_text(a_dict(error.get("extra_info")).get("exception_type"))
    parts = [message or a_text(error.get("type")) or "no reason given"]
    if details not in {"", name, message}:
        parts.append(f"({kind}: {details})" if kind else f"({details})")
    return " ".join(parts)


def _of_whole(
    error: Mapping[str, object],
    graph: Graph,
    server: str,
    clean: Callable[[str], str],
    status: int,
) -> Failure:
    message, details = a_text(error.get("message")), a_text(error.get("details"))
    at = _NODE_ID.search(details)
    where = f" ({named(graph, at[1])})" if at and at[1] in graph else ""
    missing = _NO_SUCH_NODE.search(message)
    if missing or a_text(error.get("type")) == "missing_node_type":
        what = _missing_type(error, missing)
        text = f"{server} has no node type {what}{where}"
        return Failure(FailureCode.NODE_MISSING, one_line(clean(text)))
    if not error:
        reason = f"it answered with status {status} and no reason"
    elif details and details not in message:
        reason = f"{message} ({details})" if not where else message
    else:
        reason = message or a_text(error.get("type"))
    if a_text(error.get("type")) == "prompt_outputs_failed_validation" and not details:
        reason += "; it names no node, as it does when nodes are linked in a circle"
    text = f"{server} does not accept the workflow{where}: {reason}"
    return Failure(FailureCode.GRAPH_REJECTED, one_line(clean(text)))


def _missing_type(error: Mapping[str, object], found: re.Match[str] | None) -> str:
    extra = a_dict(error.get("extra_info"))
    name = a_text(extra.get("class_type")) or a_text(extra.get("node_type"))
    if not name and found:
        name = found[1] or found[2]
    return repr(name) if name else "that the workflow uses"
