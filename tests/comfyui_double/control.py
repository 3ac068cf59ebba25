"""The control routes, for a double that runs as a process of its own.

- ``POST /double/behaviour {field: value, ...}``: see Behaviour; ``faults`` is a list of objects.
- ``GET /double/requests``, ``GET /double/jobs``, ``GET /double/connected``
- ``POST /double/foreign {"graph"?, "front"?}``: returns ``{"prompt_id"}``.
- ``POST /double/interrupt``, ``/double/release``, ``/double/drop_sockets``
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.comfyui_double.requests import NOT_FOUND, Answer, as_json, as_text

if TYPE_CHECKING:
    from tests.comfyui_double.double import Double
    from tests.comfyui_double.job_queue import Job
    from tests.comfyui_double.requests import Request


def answer(request: Request, double: Double) -> Answer:
    """Execute a control request."""
    try:
        return _route(request, double)
    except (ValueError, TypeError) as error:
        return as_text(str(error), 400)


def _route(request: Request, double: Double) -> Answer:
    given = request.json or {}
    match request.method, request.path.removeprefix("/double/"):
        case "POST", "behaviour":
            double.behaviour.change(**given)
        case "GET", "requests":
            return as_json([each.as_dict() for each in double.requests])
        case "GET", "jobs":
            return as_json([_job(each) for each in double.jobs])
        case "GET", "connected":
            return as_json(double.connected)
        case "POST", "foreign":
            front = bool(given.get("front"))
            prompt_id = double.submit_foreign(given.get("graph"), front=front)
            return as_json({"prompt_id": prompt_id})
        case "POST", "interrupt":
            double.interrupt()
        case "POST", "release":
            double.release()
        case "POST", "drop_sockets":
            double.drop_sockets()
        case _:
            return NOT_FOUND
    return Answer(200)


def _job(job: Job) -> dict[str, Any]:
    return {
        "prompt_id": job.prompt_id,
        "client_id": job.client_id,
        "foreign": job.foreign,
        "state": job.state,
        "graph": job.graph,
    }
