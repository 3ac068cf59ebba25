"""The failure that a server's refusal, error or silence means, without the words of the brief."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from adapters.comfyui_graph.graph import Target, named
from adapters.comfyui_graph.node_types import (
    describe_choices,
    describe_missing_model,
    is_model_input,
)
from adapters.comfyui_server.deadlines import OverdueReason
from adapters.comfyui_server.responses import one_line, tail
from adapters.json_values import as_dict, as_list, as_text
from adapters.known_failures import code_of
from domain.failure import Failure, FailureCode

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from adapters.comfyui_graph.graph import Graph
    from adapters.comfyui_server.client import ServerError, Submission
    from adapters.comfyui_server.deadlines import ServerLimits
    from adapters.comfyui_server.responses import JobHistory

_MIN_SECRET = 4  # characters: shorter texts hide nothing and stand in every sentence
_MAX_DETAIL = 2_000  # characters
_MAX_MESSAGE = 300  # characters
_MAX_NAME = 100  # characters of a file's name
_NO_SUCH_NODE = re.compile(r"node (\S.*?) does not exist|[Nn]ode type '?([^']+?)'? not found")
_NODE_ID = re.compile(r"Node ID '#(.*?)'")
# A missing file explains more than what follows from it.
_PRECEDENCE = (
    FailureCode.NODE_MISSING,
    FailureCode.MODEL_MISSING,
    FailureCode.GRAPH_REJECTED,
    FailureCode.INPUT_PICTURE,
)


class ErrorMapper:
    """Maps what happened to one job to failures.

    Args:
        server: the server's name, without any secret.
        graph: the workflow's graph; its titles name the nodes in messages.
        texts: the brief's own texts, which a server may echo and no message may hold.
        left_out: the inputs for pictures that this brief does not name, by the path of each.
    """

    def __init__(
        self,
        server: str,
        graph: Graph,
        texts: Collection[str],
        left_out: Mapping[Target, str] = MappingProxyType({}),
    ) -> None:
        self._server = f"ComfyUI at {server}"
        self._graph = graph
        self._texts = texts
        self._left_out = left_out

    def rejected(self, submission: Submission) -> Failure:
        """The failure of a graph that the server refused, or a part of it.

        The message names the first thing that is wrong; the detail lists the others.
        """
        failures = [
            self._input_rejection(error, as_text(as_dict(entry).get("class_type")), node_id)
            for node_id, entry in as_dict(submission.body.get("node_errors")).items()
            for error in map(as_dict, as_list(as_dict(entry).get("errors")))
        ]
        if not failures:
            failures = [
                self._graph_rejection(as_dict(submission.body.get("error")), submission.status)
            ]
        failures.sort(key=lambda failure: _PRECEDENCE.index(failure.code))
        messages = [self._redacted_line(failure.message) for failure in failures]
        return Failure(failures[0].code, messages[0], "\n".join(messages[1:])[:_MAX_DETAIL])

    def failed(self, history: JobHistory) -> Failure:
        """The failure of a job that the server ran without success."""
        error, server = history.error, self._server
        if error is None and history.interrupted:
            return Failure(
                FailureCode.JOB_INTERRUPTED,
                f"the job was interrupted on {server} by another client",
            )
        if error is None:
            return Failure(
                FailureCode.WORKFLOW_FAILED, f"{server} calls the job failed and gives no reason"
            )
        # A node of a graph that another node unfolded is called "12.0.3": it works for node 12.
        node_id = error.node if error.node in self._graph else error.node.partition(".")[0]
        node = f"a node of type {error.node_type!r}"
        if node_id in self._graph:
            node = named(self._graph, node_id)
        node = self._redacted_line(node)
        redactor = Redactor(self._texts)
        message = redactor.redact(error.message)
        traceback = redactor.redact(error.traceback)
        detail = tail(f"{traceback}\n{error.exception_type}: {message}")
        reason = one_line(message, _MAX_MESSAGE) or "no message"
        match code_of(error.exception_type, message):
            case FailureCode.OUT_OF_MEMORY:
                text = f"{node} ran out of memory on {server}"
                return Failure(FailureCode.OUT_OF_MEMORY, text, detail)
            case None:
                exception = error.exception_type.rpartition(".")[2] or "an exception"
                text = f"{node} failed on {server} with {exception}: {reason}"
                return Failure(FailureCode.WORKFLOW_FAILED, text, detail)
            case code:
                return Failure(code, f"{node} failed on {server}", detail, reason)

    def no_files(self) -> Failure:
        """The failure of a job that succeeded and left nothing."""
        return Failure(FailureCode.NO_FILES, f"the job left no file on {self._server}")

    def foreign_file(self, filename: str) -> Failure:
        """The failure of a job whose history names a file of another one."""
        message = f"{self._server} names {filename[:100]!r} as a result, which is not of this job"
        return Failure(FailureCode.FILE_REFUSED, message)

    def overdue(self, reason: OverdueReason, limits: ServerLimits, *, gone: bool) -> Failure:
        """The failure of a job that exceeded a limit.

        Args:
            reason: the limit that it exceeded.
            limits: all limits, in seconds.
            gone: whether it ended when it was cancelled.
        """
        server, stall = self._server, f"{limits.stall_seconds:g} seconds"
        match reason:
            case OverdueReason.OVERTIME:
                text = f"the job ran longer than its {limits.seconds:g} seconds on {server}"
                return Failure(FailureCode.TIMED_OUT, f"{text} and was stopped")
            case OverdueReason.STALLED if gone:
                text = f"{server} gave no sign of the job for {stall}, and it was stopped"
                return Failure(FailureCode.STALLED, text)
            case OverdueReason.STALLED:
                text = f"{server} has given no sign of the job for {stall}"
                return Failure(FailureCode.SERVER_STUCK, f"{text}, and does not stop it either")
            case OverdueReason.QUEUE_STUCK:
                text = f"the job has waited on {server}, and nothing there has moved for"
                return Failure(FailureCode.SERVER_STUCK, f"{text} {limits.seconds:g} seconds")
            case OverdueReason.QUEUE_BUSY:
                text = f"another client's job has kept {server} busy for {limits.seconds:g} seconds"
                return Failure(FailureCode.SERVER_BUSY, text)

    def busy(self) -> Failure:
        """The failure of a server that keeps running a job that was cancelled."""
        text = f"{self._server} is still busy with a job that was stopped, and ignores interrupts"
        return Failure(FailureCode.SERVER_STUCK, text)

    def went_away(self, error: ServerError) -> Failure:
        """The failure of a job whose server stopped answering."""
        text = f"{self._server} went away with the job: {error.reason}"
        return Failure(FailureCode.SERVER_LOST, text)

    def lost(self) -> Failure:
        """The failure of a job that the server no longer knows."""
        text = f"{self._server} forgot the job, twice in a row"
        return Failure(FailureCode.SERVER_LOST, text)

    def _input_rejection(
        self, error: Mapping[str, object], node_type: str, node_id: str
    ) -> Failure:
        node, extra = named(self._graph, node_id), as_dict(error.get("extra_info"))
        name, value = as_text(extra.get("input_name")), extra.get("received_value")
        if path := self._left_out.get(Target(node_id, name)):
            # Other briefs name one: this is about the prompt, not about the workflow.
            own = one_line(as_text(self._graph[node_id]["inputs"].get(name)), _MAX_NAME)
            message = f"the brief names no {path!r}, and {self._server} cannot use that of the"
            message += f" workflow, {own!r} in {node}"
            return Failure(FailureCode.INPUT_PICTURE, message)
        if as_text(error.get("type")) == "value_not_in_list":
            offered = list(_offered(extra.get("input_config")))
            if is_model_input(node_type, name, value):
                reason = describe_missing_model(node_type, name, value, offered)
                message = f"{node} on {self._server}: {reason}"
                return Failure(FailureCode.MODEL_MISSING, message)
            reason = f"{value!r} is none of its choices: {describe_choices(value, offered)}"
        else:  # in the server's words: its message, and its details where they add anything
            message, details = as_text(error.get("message")), as_text(error.get("details"))
            exception = as_text(extra.get("exception_type"))
            reason = message or as_text(error.get("type")) or "no reason given"
            if details not in {"", name, message}:
                reason += f" ({exception}: {details})" if exception else f" ({details})"
        where = f", input {name!r}" if name else ""
        message = f"{self._server} does not accept {node}{where}: {reason}"
        return Failure(FailureCode.GRAPH_REJECTED, message)

    def _graph_rejection(self, error: Mapping[str, object], status: int) -> Failure:
        message, details = as_text(error.get("message")), as_text(error.get("details"))
        error_type, extra = as_text(error.get("type")), as_dict(error.get("extra_info"))
        node = _NODE_ID.search(details)
        where = f" ({named(self._graph, node[1])})" if node and node[1] in self._graph else ""
        missing = _NO_SUCH_NODE.search(message)
        if missing or error_type == "missing_node_type":
            name = as_text(extra.get("class_type")) or as_text(extra.get("node_type"))
            name = name or (missing[1] or missing[2] if missing else "")
            node_type = repr(name) if name else "that the workflow uses"
            text = f"{self._server} has no node type {node_type}{where}"
            return Failure(FailureCode.NODE_MISSING, text)
        reason = message or error_type
        if not error:
            reason = f"it answered with status {status} and no reason"
        elif details and details not in message and not where:
            reason = f"{message} ({details})"
        if error_type == "prompt_outputs_failed_validation" and not details:
            reason += "; it names no node, as it does when nodes are linked in a circle"
        text = f"{self._server} does not accept the workflow{where}: {reason}"
        return Failure(FailureCode.GRAPH_REJECTED, text)

    def _redacted_line(self, text: str) -> str:
        return one_line(Redactor(self._texts).redact(text))


class Redactor:
    """Replaces the brief's own words in what a server echoes.

    Args:
        texts: what must not be shown; texts of less than four characters are left.
    """

    def __init__(self, texts: Collection[str]) -> None:
        parts = {part for text in texts for part in (text, *text.splitlines())}
        forms = {form for part in parts for form in (part, part.strip(), repr(part)[1:-1])}
        long_forms = (form for form in forms if len(form) >= _MIN_SECRET)
        self._forms = sorted(long_forms, key=len, reverse=True)

    def redact(self, text: str) -> str:
        """The text with an ellipsis in place of each of them."""
        for form in self._forms:
            text = text.replace(form, "…")
        return text


def _offered(input_config: object) -> Iterator[str]:
    """The choices in an input's description, in the two ways that servers write it."""
    match input_config:
        case [list(choices), *_] | ["COMBO", {"options": list(choices)}, *_]:
            yield from (choice for choice in choices if isinstance(choice, str))
