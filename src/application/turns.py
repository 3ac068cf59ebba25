"""Turns: the lanes of a slot render one after the other, and publish while the other renders.

A slot is worked by a few threads, its *lanes*. Each looks for a prompt, renders it, verifies it and
publishes it. The first two need the slot's turn, which a lane passes on once its render has
ended. So one prompt renders at a time, and the next one renders while this one is published.

Where renders are shorter than a commit, one lane keeps the turn and publishes several prompts in
one transaction. If a render is longer, the lane that waits for the turn publishes those before it.
"""

from __future__ import annotations

from threading import Condition
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LANES = 2
"""Number of lanes of a slot; more would only collect prompts that are not published yet."""

SERVER_LANES = 3
"""The same where servers render: for a job that runs, one that waits there, and a publication."""

_MAX_DELAY = 0.1  # seconds; for as long the publication of a render lets the next one begin first
_WATCH_INTERVAL = 0.01  # seconds between two looks at a lane that renders several prompts


class Turns:
    """Gives one lane of a slot after the other the turn. Safe from any thread.

    Attributes:
        watch: called again and again by a lane that waits for the turn; None for nothing to watch.
    """

    def __init__(self) -> None:
        self.watch: Callable[[], object] | None = None
        self.changed = Condition()
        self.holder: Turn | None = None
        self.last: Turn | None = None
        self.waiting = 0
        self.open = 0

    def take(self) -> Turn:
        """Wait for the turn, and watch the lane that has it where that is asked for."""
        with self.changed:
            self.waiting += 1
        try:
            while True:
                with self.changed:
                    self.changed.wait_for(lambda: self.holder is None or self.watch is not None)
                    if self.holder is None:
                        return Turn(self)
                    self.changed.wait(_WATCH_INTERVAL)
                    watch = self.watch
                if watch is not None:
                    watch()
        finally:
            with self.changed:
                self.waiting -= 1

    def take_now(self) -> Turn | None:
        """The turn, or None if a lane has it or waits for it."""
        with self.changed:
            return Turn(self) if self.holder is None and not self.waiting else None


class Turn:
    """The right of a lane to look for a prompt and to render it; lasts until the render's outcome.

    Made by ``Turns``, under its lock.

    Attributes:
        next: the turn after this one, if its outcome waits for that of this one.
        began: whether its render began, or there is none.
        ended: whether its render has its outcome.
        keeps: whether the lane has claimed more prompts: it passes the turn on after them.
    """

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._earlier = turns.last
        self.next: Turn | None = None
        self.began = False
        self.ended = False
        self.keeps = False
        if self._earlier is not None:
            self._earlier.next = self
        turns.holder = turns.last = self
        turns.open += 1

    def begin(self) -> None:
        """Report that the render began, or that there is none: the other lane may be busy now."""
        if not self.began:
            with self._turns.changed:
                self.began = True
                self._turns.changed.notify_all()

    def let_watch(self, watch: Callable[[], object]) -> None:
        """Let a lane that waits for the turn call something again and again.

        Args:
            watch: called until this turn is passed on, in place of an earlier one.
        """
        with self._turns.changed:
            if self._turns.watch is None:
                self._turns.changed.notify_all()
            self._turns.watch = watch

    def pass_on(self, *, in_order: bool = True) -> None:
        """Let the next lane look for a prompt; may be repeated.

        If the outcome of its render comes after that of this one, this waits a moment until it
        began: what follows here keeps the processor busy, and the GPU is idle until then.

        Args:
            in_order: whether the outcome of the next render waits for that of this one.
        """
        turns = self._turns
        with turns.changed:
            if turns.holder is not self or self.keeps:
                return
            turns.holder = turns.watch = None
            turns.changed.notify_all()
            if not in_order:
                turns.last = None
            elif turns.waiting:
                turns.changed.wait_for(
                    lambda: self.next is not None and self.next.began, _MAX_DELAY
                )

    def wait_for_earlier(self) -> None:
        """Wait for the outcome of the render before this one, if it is to come first."""
        with self._turns.changed:
            earlier, self._earlier = self._earlier, None
            self._turns.changed.wait_for(lambda: earlier is None or earlier.ended)

    def wait_for_others(self, seconds: float) -> bool:
        """Wait until another render of the slot has its outcome; False if none is on its way."""
        with self._turns.changed:
            count = self._turns.open
            if count > 1:
                self._turns.changed.wait_for(lambda: self._turns.open < count, seconds)
            return count > 1

    def end(self) -> None:
        """Report the outcome of the render, or that there was no prompt; may be repeated."""
        with self._turns.changed:
            if self.ended:
                return
            self.ended = self.began = True
            self._earlier = None
            self._turns.open -= 1
            if self._turns.last is self:
                self._turns.last = None
            if self._turns.holder is self:
                self._turns.holder = self._turns.watch = None
            self._turns.changed.notify_all()
