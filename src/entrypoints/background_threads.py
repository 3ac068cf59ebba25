"""Threads that run beside the rendering: live state for other programs, and hooks."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING

from application.signals import StopRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from application.outbox_relay import HookDispatcher
    from entrypoints.container import Container

FLUSH_INTERVAL = 0.25  # seconds between two writes of the live state, if it changed
OBSERVE_INTERVAL = 0.5  # seconds between two checks why nothing is claimed
REGISTER_INTERVAL = 1.0  # seconds between two looks whether the entry of this worker is due
FLUSH_SECONDS = 3.0  # for hooks after the last render; the rest is delivered by the next run


@contextmanager
def live_state_threads(container: Container) -> Iterator[None]:
    """Publish the worker's live state for as long as the block lasts.

    Three threads: checking why nothing is claimed may wait for a claim, and an entry in the
    database for a lock, and progress must not.
    """
    from adapters.system_clock import repeating

    state, writer = container.worker_state(), container.live_writer()
    gate = container.admission().gate
    registration = container.registration()
    try:
        with (
            repeating(writer.flush, FLUSH_INTERVAL),
            repeating(lambda: state.observe(gate()), OBSERVE_INTERVAL),
            repeating(registration.tick, REGISTER_INTERVAL),
        ):
            yield
    finally:
        writer.close()
        registration.close()


@contextmanager
def hook_threads(dispatcher: HookDispatcher, stop: StopRequest) -> Iterator[None]:
    """Deliver hooks while the block runs, and then those still due, for a few seconds at most.

    Args:
        dispatcher: the hooks.
        stop: the request to stop the work; no delivery is started after it.
    """
    if not dispatcher.has_hooks:
        yield
        return
    ending = StopRequest()
    stop.linked += (ending,)
    if stop.made:
        ending.make()
    thread = Thread(target=dispatcher.run, args=(ending,), name="hooks", daemon=True)
    thread.start()
    try:
        yield
        dispatcher.flush(FLUSH_SECONDS, ending)
    finally:
        ending.make()
        dispatcher.notify()
    thread.join()
