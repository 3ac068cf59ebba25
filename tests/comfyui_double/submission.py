"""``POST /prompt``: validate a graph, and accept or refuse it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from tests.comfyui_double.input_values import problem
from tests.comfyui_double.job_queue import Job
from tests.comfyui_double.requests import Answer, as_json
from tests.comfyui_double.validation import validate

if TYPE_CHECKING:
    from tests.comfyui_double.machine import Machine


def submit(body: dict[str, Any], machine: Machine, *, foreign: bool = False) -> Answer:
    """Accept a job, or report its errors."""
    if "prompt" not in body:
        refused = problem("no_prompt", "No prompt provided", "No prompt provided")
        return as_json({"error": refused, "node_errors": {}}, 400)
    graph = body["prompt"]
    number = machine.queue.next_number(body.get("number"), front=bool(body.get("front")))
    verdict = validate(graph, machine.behaviour.models)
    if verdict.error:
        refusal = {"error": verdict.error, "node_errors": verdict.node_errors}
        return as_json(refusal, 400)
    extra = dict(body.get("extra_data", {}))
    if "client_id" in body:
        extra["client_id"] = body["client_id"]
    prompt_id = str(body.get("prompt_id") or uuid.uuid4())
    job = Job(number, prompt_id, graph, extra, verdict.outputs, foreign)
    if not foreign and machine.behaviour.take("lost_jobs"):
        machine.queue.lose(job)
    else:
        machine.queue.put(job)
    return as_json({"prompt_id": prompt_id, "number": number, "node_errors": verdict.node_errors})
