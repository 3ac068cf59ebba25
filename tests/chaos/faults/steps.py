"""The named steps of a prompt's way at which workers can be killed or stopped."""

from __future__ import annotations

from tests.chaos.failpoints import MIDDLE

WAY = (
    "repository.claim_next:before",
    "repository.claim_next:after",
    "store.open_staging:after",
    "spawn.record:before",
    "spawn.record:after",
    MIDDLE,
    "store.prepare:before",
    "store.prepare:after",
    "files.write_plan:before",
    "files.write_plan:after",
    "files.move_folder:before",
    "files.move_folder:after",
    "store.place:after",
    "repository.publish_and_claim:before",
    "repository.publish_and_claim:after",
    "store.sweep:before",
    "files.delete_tree:after",
    "store.sweep:after",
)
ABANDONING = (
    "leases.live:after",
    "processes.end_workflow:before",
    "processes.end_workflow:after",
    "store.finished:after",
    "leases.abandon:before",
    "leases.abandon:after",
    "leases.closed:after",
    "store.sweep:before",
    "files.delete_tree:after",
    "store.sweep:after",
)
ADOPTING = (
    "store.finished:after",
    "leases.adopt:before",
    "leases.adopt:after",
    "repository.publish:before",
    "repository.publish:after",
    "leases.named:after",
    "store.sweep:before",
    "store.sweep:after",
)
STOPPING = (
    "repository.claim_next:after",
    "spawn.record:before",
    "spawn.record:after",
    MIDDLE,
    "store.prepare:after",
    "files.write_plan:before",
    "files.move_folder:before",
    "files.move_folder:after",
    "repository.publish_and_claim:before",
    "repository.publish_and_claim:after",
)
GROUPED = (
    "spawn.record:after",
    MIDDLE,
    "store.prepare:after",
    "files.write_plan:after",
    "files.move_folder:before",
    "store.place:after",
    "repository.publish_and_claim:before",
    "repository.publish_and_claim:after",
    "store.sweep:before",
    "store.sweep:after",
    "repository.release:before",
    "repository.release:after",
)
TAKING_OVER = ("leases.adopt:after", "repository.publish:after", "store.sweep:before")
UNPUBLISHED = STOPPING[:-1]
"""Where a prompt is being rendered and nothing is published."""


def long_enough(words: str, step: str) -> str:
    """The words of a prompt whose render still runs when the middle of it is reached."""
    return f"{words} slow" if step == MIDDLE else words


SERVED_WAY = (
    "server_jobs.record:before",
    "server_jobs.record:after",
    "api.submit:before",
    "api.submit:after",
    MIDDLE,
    "api.view:before",
    "api.view:middle",
    "api.view:after",
    "store.prepare:before",
    "files.move_folder:after",
    "repository.publish_and_claim:after",
)
GOING_ON = (
    "server_jobs.earlier:after",
    "server_jobs.record:before",
    "server_jobs.record:after",
    "api.history:after",
    "api.view:before",
    "api.view:middle",
    "repository.publish_and_claim:after",
)
REAPING = (
    "server_jobs.orphaned:after",
    "api.queue:before",
    "api.interrupt:before",
    "api.interrupt:after",
    "server_jobs.forget:before",
    "server_jobs.forget:after",
)
SERVED_STOPPING = (
    "server_jobs.record:after",
    "api.submit:after",
    MIDDLE,
    "api.view:before",
    "api.view:middle",
    "store.prepare:before",
    "repository.publish_and_claim:before",
)
ON_THE_SERVER = SERVED_STOPPING[:5]
"""Where a job is about to be there, is there, or is fetched."""
