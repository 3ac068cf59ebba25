"""ComfyUI's HTTP routes."""

from __future__ import annotations

import mimetypes
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.comfyui_double.catalogue import NODE_TYPES
from tests.comfyui_double.requests import BROKEN, NOT_FOUND, Answer, as_json
from tests.comfyui_double.submission import submit

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.comfyui_double.machine import Machine
    from tests.comfyui_double.requests import Request

_GIB = 1 << 30
_DEVICE = {
    "name": "cuda:0 The Double",
    "type": "cuda",
    "index": 0,
    "vram_total": 24 * _GIB,
    "vram_free": 20 * _GIB,
    "torch_vram_total": 4 * _GIB,
    "torch_vram_free": 3 * _GIB,
}
_SYSTEM = {
    "os": "posix",
    "ram_total": 64 * _GIB,
    "ram_free": 32 * _GIB,
    "comfyui_version": "0.3.64",
    "python_version": "3.12.3",
    "pytorch_version": "2.8.0",
    "embedded_python": False,
    "argv": ["main.py"],
}


def answer(request: Request, machine: Machine) -> Answer:
    """Answer a request like ComfyUI; any unreadable body is a 500."""
    if not _is_of_this_site(request):
        return Answer(403)
    try:
        return _route(request, machine)
    except (ValueError, TypeError, AttributeError, KeyError):
        return BROKEN


def _route(request: Request, machine: Machine) -> Answer:
    name, _, rest = request.path.strip("/").partition("/")
    if rest and name not in _WITH_REST:
        return NOT_FOUND
    route = _ROUTES.get((request.method, name))
    return route(request, machine, rest) if route else NOT_FOUND


def _is_of_this_site(request: Request) -> bool:
    """Whether a request comes from the same site; programs send no Origin."""
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


def _submit(request: Request, machine: Machine, rest: str) -> Answer:
    return submit(request.json, machine)


def _remaining(request: Request, machine: Machine, rest: str) -> Answer:
    return as_json({"exec_info": {"queue_remaining": machine.queue.remaining()}})


def _queue(request: Request, machine: Machine, rest: str) -> Answer:
    return as_json(machine.queue.rows())


def _change_queue(request: Request, machine: Machine, rest: str) -> Answer:
    order = request.json
    if order.get("clear"):
        machine.queue.clear()
    for prompt_id in order.get("delete", ()):
        machine.queue.delete(prompt_id)
    return Answer(200)


def _history(request: Request, machine: Machine, rest: str) -> Answer:
    entries = machine.queue.history(rest or None)
    if "max_items" in request.query:
        entries = dict(list(entries.items())[-int(request.query["max_items"]) :])
    return as_json(entries)


def _change_history(request: Request, machine: Machine, rest: str) -> Answer:
    order = request.json
    if order.get("clear"):
        machine.queue.forget()
    for prompt_id in order.get("delete", ()):
        machine.queue.forget(prompt_id)
    return Answer(200)


def _interrupt(request: Request, machine: Machine, rest: str) -> Answer:
    machine.queue.interrupt((request.json or {}).get("prompt_id"))
    return Answer(200)


def _cancel_by_id(request: Request, machine: Machine, rest: str) -> Answer:
    prompt_id, _, verb = rest.partition("/")
    if not machine.behaviour.cancels_by_id or verb != "cancel":
        return NOT_FOUND
    rows = machine.queue.rows()
    ids = {row[1] for row in (*rows["queue_running"], *rows["queue_pending"])}
    machine.queue.delete(prompt_id)
    machine.queue.interrupt(prompt_id)
    return as_json({"cancelled": prompt_id in ids})


def _free(request: Request, machine: Machine, rest: str) -> Answer:
    if request.json.get("free_memory"):
        machine.free()
    return Answer(200)


def _view(request: Request, machine: Machine, rest: str) -> Answer:
    filename = request.query.get("filename")
    if not filename:
        return Answer(404)
    if ".." in filename or filename.startswith("/"):
        return Answer(400)
    subfolder, kind = request.query.get("subfolder", ""), request.query.get("type", "output")
    if kind not in machine.storage.folders or ".." in subfolder:
        return Answer(400)
    path = machine.storage.find(filename, subfolder, kind)
    if path is None:
        return Answer(404)
    content_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    disposition = {"Content-Disposition": f'filename="{path.name}"'}
    return Answer(200, path.read_bytes(), content_type, disposition)


def _system_stats(request: Request, machine: Machine, rest: str) -> Answer:
    return as_json({"system": _SYSTEM, "devices": [_DEVICE]})


def _object_info(request: Request, machine: Machine, rest: str) -> Answer:
    wanted = [rest] if rest else list(NODE_TYPES)
    models = machine.behaviour.models
    return as_json({each: NODE_TYPES[each].info(models) for each in wanted if each in NODE_TYPES})


_WITH_REST = {"history", "jobs", "object_info"}
_ROUTES: dict[tuple[str, str], Callable[[Request, Machine, str], Answer]] = {
    ("POST", "prompt"): _submit,
    ("GET", "prompt"): _remaining,
    ("GET", "queue"): _queue,
    ("POST", "queue"): _change_queue,
    ("GET", "history"): _history,
    ("POST", "history"): _change_history,
    ("POST", "interrupt"): _interrupt,
    ("POST", "jobs"): _cancel_by_id,
    ("POST", "free"): _free,
    ("GET", "view"): _view,
    ("GET", "system_stats"): _system_stats,
    ("GET", "object_info"): _object_info,
}
