"""The named steps of a prompt's way at which workers can be killed or stopped."""

from __future__ import annotations

from tests.chaos.traps import MIDDLE

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
    "files.move:before",
    "files.move:after",
    "store.place:after",
    "repository.publish_and_claim:before",
    "repository.publish_and_claim:after",
    "store.sweep:before",
    "files.remove_tree:after",
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
    "files.remove_tree:after",
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
    "files.move:before",
    "files.move:after",
    "repository.publish_and_claim:before",
    "repository.publish_and_claim:after",
)
TAKING_OVER = ("leases.adopt:after", "repository.publish:after", "store.sweep:before")
UNPUBLISHED = STOPPING[:-1]
"""Where a prompt is being rendered and nothing is published."""


def long_enough(words: str, step: str) -> str:
    """The words of a prompt whose render still runs when the middle of it is reached."""
    return f"{words} slow" if step == MIDDLE else words


SERVED_WAY = (
    "server_jobs.hold:before",
    "server_jobs.hold:after",
    "api.submit:before",
    "api.submit:after",
    MIDDLE,
    "api.view:before",
    "api.view:middle",
    "api.view:after",
    "store.prepare:before",
    "files.move:after",
    "repository.publish_and_claim:after",
    "server_jobs.drop_all:before",
    "server_jobs.drop_all:after",
)
GOING_ON = (
    "server_jobs.earlier:after",
    "server_jobs.hold:before",
    "server_jobs.hold:after",
    "api.ending:after",
    "api.view:before",
    "api.view:middle",
    "repository.publish_and_claim:after",
    "server_jobs.drop_all:before",
)
FORSAKING = (
    "server_jobs.forsaken:after",
    "api.queue:before",
    "api.interrupt:before",
    "api.interrupt:after",
    "server_jobs.drop:before",
    "server_jobs.drop:after",
)
SERVED_STOPPING = (
    "server_jobs.hold:after",
    "api.submit:after",
    MIDDLE,
    "api.view:before",
    "api.view:middle",
    "store.prepare:before",
    "repository.publish_and_claim:before",
    "server_jobs.drop_all:before",
)
ON_THE_SERVER = SERVED_STOPPING[:5]
"""Where a job is about to be there, is there, or is fetched."""
