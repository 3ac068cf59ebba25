"""Which pending prompt a slot takes, where several workflows are rendered.

A slot takes the first prompt whose workflow can be rendered, and which a server may take now. If
the settings allow it, one whose models are loaded goes first (``domain.affinity``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from domain.affinity import WINDOW, Fit, WaitingPrompt

if TYPE_CHECKING:
    from collections.abc import Callable

    from application.ports.media_renderer import MediaRenderer
    from application.ports.prompt_repository import Candidate, PromptRepository, Selection
    from application.ports.system import Clock
    from domain.affinity import AffinityOrder
    from domain.prompt import Kind
    from domain.render import Claim

_MAX_BUSY_WINDOWS = 8  # read in search of a prompt that a free server can render
_FORGET_SECONDS = 60.0  # the brief of a prompt that is held back may have changed
_MAX_HELD = 100_000  # prompts that are remembered as held back


@dataclass(frozen=True, slots=True)
class _Choice:
    """A prompt that a slot is about to claim, and those before it."""

    prompt_id: int
    waiting: tuple[WaitingPrompt, ...]
    at: float


class PromptChooser:
    """Narrows what a slot may claim to one prompt. The caller makes sure of one call at a time.

    Args:
        repository: the queue.
        renderer: knows which workflows suit what is free now.
        workflow_of: the name of a prompt's workflow; None where its brief cannot be read, so that
            it is claimed in order and ends with the reason.
        may_claim: whether the prompts of a workflow may be claimed, or are held back.
        order: chooses among the prompts that may be claimed.
        clock: the monotonic clock.
    """

    def __init__(
        self,
        repository: PromptRepository,
        renderer: MediaRenderer,
        workflow_of: Callable[[Candidate], str | None],
        may_claim: Callable[[Kind, str], bool],
        order: AffinityOrder,
        clock: Clock,
    ) -> None:
        self._repository = repository
        self._renderer = renderer
        self._workflow_of = workflow_of
        self._may_claim = may_claim
        self._order = order
        self._clock = clock
        self._chosen: dict[int, _Choice] = {}  # by slot; not claimed as far as is known
        self._held: dict[int, tuple[Kind, str]] = {}
        self._forget_at = 0.0

    def narrow(self, selection: Selection, slot: int) -> tuple[Selection | None, frozenset[Kind]]:
        """What a slot may claim: one prompt, for which a place is kept.

        Args:
            selection: the prompts that may be claimed.
            slot: number of the slot.

        Returns:
            The selection, or None if there is nothing to claim now; and the kinds of which prompts
            wait until something is free.

        Raises:
            RepositoryError: the database cannot be used.
        """
        if (unclaimed := self._chosen.pop(slot, None)) is not None:
            self._renderer.release(unclaimed.prompt_id)
        now = self._clock.monotonic()
        waiting: list[WaitingPrompt] = []
        fits: dict[tuple[Kind, str], Fit] = {}
        known: dict[int, tuple[Kind, str]] = {}
        others = {choice.prompt_id for choice in self._chosen.values()}
        skipped = selection.excluding | self._held_ids(now) | others
        busy_windows, is_full = 0, True
        chosen: WaitingPrompt | None = None
        while chosen is None and is_full and busy_windows < _MAX_BUSY_WINDOWS:
            window = self._repository.candidates(replace(selection, excluding=skipped), WINDOW)
            is_full = len(window) == WINDOW
            skipped |= {candidate.prompt_id for candidate in window}
            before = len(waiting)
            for candidate in window:
                name = self._workflow_of(candidate)
                workflow = candidate.kind, name or ""
                if name is None:
                    fit = Fit.POSSIBLE
                elif not self._may_claim(*workflow):
                    self._held[candidate.prompt_id] = workflow
                    continue
                elif (fit_known := fits.get(workflow)) is not None:
                    fit = fit_known
                else:
                    fit = fits[workflow] = self._renderer.fit(*workflow, slot)
                known[candidate.prompt_id] = workflow
                waiting.append(WaitingPrompt(candidate.prompt_id, candidate.urgency, fit))
            busy_windows += len(waiting) > before
            chosen = self._order.choose(waiting, now)
        if chosen is None:
            return None, frozenset(known[prompt.prompt_id][0] for prompt in waiting)
        self._renderer.reserve(chosen.prompt_id, *known[chosen.prompt_id], slot)
        self._chosen[slot] = _Choice(chosen.prompt_id, tuple(waiting), now)
        return replace(selection, only=frozenset({chosen.prompt_id})), frozenset()

    def claimed(self, claim: Claim, slot: int) -> None:
        """Record that a slot claimed the prompt that was chosen for it."""
        choice = self._chosen.pop(slot, None)
        if choice is not None and choice.prompt_id == claim.prompt_id:
            self._order.taken(choice.waiting, choice.prompt_id, choice.at)

    def release(self, claim: Claim) -> None:
        """Give back the place of a prompt whose render ended, if no job used it."""
        self._renderer.release(claim.prompt_id)

    def _held_ids(self, now: float) -> frozenset[int]:
        """The prompts that are still held back, as far as is remembered."""
        if now >= self._forget_at or len(self._held) > _MAX_HELD:
            self._held.clear()
            self._forget_at = now + _FORGET_SECONDS
        held = {workflow: self._may_claim(*workflow) for workflow in set(self._held.values())}
        self._held = {i: workflow for i, workflow in self._held.items() if not held[workflow]}
        return frozenset(self._held)
