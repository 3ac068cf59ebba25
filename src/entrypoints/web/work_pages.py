"""The pages of those who run the queue: Queue, Submit and System, as they are before any script."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, render_template, request

from entrypoints.web.api_queue import queue_document, status_document
from entrypoints.web.system_page import system_context

if TYPE_CHECKING:
    from entrypoints.web.services import Services


def blueprint(services: Services) -> Blueprint:
    """The three pages."""
    room = Blueprint("work_pages", __name__)

    @room.get("/queue")
    def queue() -> str:
        documents = {"status": status_document(services), "queue": queue_document(services)}
        return render_template("queue.html", section="queue", **documents)

    @room.get("/submit")
    def submit() -> str:
        return render_template("submit.html", section="submit")

    @room.get("/system")
    def system() -> str:
        context = system_context(services, request.args.get("hours", 24, int))
        return render_template("system.html", section="system", **context)

    return room
