"""Which pending prompt a slot takes, where several workflows are rendered.

A slot takes the first prompt whose workflow can be rendered, and which a server may take now. If
the settings allow it, one whose models are loaded goes first, and one that a busy server gets to
sooner is left to that server (``domain.affinity``).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from returns.pipeline import is_successful

from application.ports.workflows import PromptHints
from domain.affinity import WINDOW, Fit, WaitingPrompt
from domain.brief_parser import parse_brief

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from application.ports.media_renderer import MediaRenderer
    from application.ports.prompt_repository import Candidate, PromptRepository, Selection
    from application.ports.system import Clock
    from application.workflow_choice import WorkflowChoices
    from application.workflow_holds import WorkflowHolds
    from domain.affinity import AffinityOrder, Need
    from domain.brief import Brief
    from domain.failure import Failure
    from domain.prompt import Kind
    from domain.render import Claim
    from domain.workflow_rules import WorkflowKey

_MAX_WINDOWS = 8  # read in search of a prompt that a free server can render
_FORGET_SECONDS = 60.0  # the brief of a prompt that is held back may have changed
_AWAY_SECONDS = 60.0  # for which a prompt is taken to wait for a server that does not answer
_MAX_HELD = 100_000  # prompts that are remembered as held back


@dataclass(frozen=True, slots=True)
class _Choice:
    """A prompt that a slot is about to claim, and those before it."""

    prompt_id: int
    workflow: WorkflowKey | None
    waiting: tuple[WaitingPrompt, ...]
    at: float


class PromptChooser:
    """Narrows what a slot may claim to one prompt. The caller makes sure of one call at a time.

    Args:
        repository: the queue.
        renderer: knows which workflows suit what is free now.
        order: chooses among the prompts that may be claimed.
        clock: the monotonic clock.
        choices: which named workflow renders which prompt; None if every kind has only one.
        holds: the named workflows that cannot run; None likewise.
    """

    def __init__(
        self,
        repository: PromptRepository,
        renderer: MediaRenderer,
        order: AffinityOrder,
        clock: Clock,
        choices: WorkflowChoices | None = None,
        holds: WorkflowHolds | None = None,
    ) -> None:
        self._repository = repository
        self._renderer = renderer
        self._choices = choices
        self._holds = holds
        self._order = order
        self._clock = clock
        self._chosen: dict[int, _Choice] = {}  # by slot; not claimed as far as is known
        self._held: dict[int, WorkflowKey] = {}
        self._forget_at = 0.0
        self._away: dict[WorkflowKey, tuple[Failure, float]] = {}

    def away(self) -> Mapping[WorkflowKey, Failure]:
        """The workflows of which some prompts wait for servers that do not answer, and why."""
        now = self._clock.monotonic()
        return {
            key: failure
            for key, (failure, seen_at) in tuple(self._away.items())
            if now - seen_at < _AWAY_SECONDS
        }

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
        known: dict[int, tuple[Need, int] | None] = {}
        ahead: Counter[object] = Counter()  # by what is loaded
        chosen_elsewhere = {choice.prompt_id for choice in self._chosen.values()}
        skipped = selection.excluding | self._held_ids(now) | chosen_elsewhere
        chosen: WaitingPrompt | None = None
        length, windows = 1, 0  # most often the first prompt suits
        while windows < _MAX_WINDOWS:
            window = self._repository.candidates(replace(selection, excluding=skipped), length)
            skipped |= {candidate.prompt_id for candidate in window}
            before = len(waiting)
            for candidate in window:
                key = self._workflow_of(candidate)
                if key is not None and not self._may_claim(key):
                    self._held[candidate.prompt_id] = key
                    continue
                fit, known[candidate.prompt_id] = Fit.POSSIBLE, None
                if key is not None:
                    need = self._renderer.need(*key, partial(_brief, candidate))
                    fit = self._renderer.fit(need, slot, ahead[need.load])
                    known[candidate.prompt_id] = need, ahead[need.load]
                    ahead[need.load] += 1
                waiting.append(WaitingPrompt(candidate.prompt_id, candidate.urgency, fit))
            chosen = self._order.choose(waiting, now)
            looks_further = length == 1 and self._order.limits.is_on
            if len(window) < length or (
                chosen is not None and (chosen.fit is Fit.LOADED or not looks_further)
            ):
                break
            windows += len(waiting) > before
            length = WINDOW - 1 if length == 1 else WINDOW
        away = [
            needed[0]
            for prompt in waiting
            if prompt.fit is Fit.AWAY and (needed := known[prompt.prompt_id])
        ]
        if away or self._away:
            self._remember_away(away, selection.kinds if chosen is None else frozenset(), now)
        if chosen is None:
            self._order.left(waiting, now)
            busy = {
                needed[0].kind
                for prompt in waiting
                if prompt.fit is not Fit.AWAY and (needed := known[prompt.prompt_id])
            }
            return None, frozenset(busy)
        workflow = None
        if needed := known[chosen.prompt_id]:
            need, earlier = needed
            workflow = need.kind, need.workflow
            self._renderer.reserve(chosen.prompt_id, need, slot, earlier)
        self._chosen[slot] = _Choice(chosen.prompt_id, workflow, tuple(waiting), now)
        return replace(selection, only=frozenset({chosen.prompt_id})), frozenset()

    def _remember_away(self, needs: Sequence[Need], seen: frozenset[Kind], now: float) -> None:
        """Remember why prompts wait for servers that do not answer.

        Args:
            needs: of those prompts.
            seen: the kinds of which all prompts were looked at.
            now: seconds on the monotonic clock.
        """
        known = {key: failure for key, failure in self._away.items() if key[0] not in seen}
        for need in reversed(needs):  # the oldest one's reason is shown
            if failure := self._renderer.why_away(need):
                known[need.kind, need.workflow] = failure, now
        self._away = known

    def pending_workflows(self, selection: Selection) -> frozenset[WorkflowKey]:
        """The workflows of as many prompts of a selection as ``narrow`` looks at.

        Raises:
            RepositoryError: the database cannot be used.
        """
        first = self._repository.candidates(selection, _MAX_WINDOWS * WINDOW)
        return frozenset(filter(None, map(self._workflow_of, first)))

    def claimed(self, claim: Claim, slot: int) -> None:
        """Record that a slot claimed the prompt that was chosen for it."""
        choice = self._chosen.pop(slot, None)
        if choice is not None and choice.prompt_id == claim.prompt_id:
            self._order.taken(choice.waiting, choice.prompt_id, choice.at)
            if self._holds is not None and choice.workflow is not None:
                self._holds.claimed(claim, choice.workflow)

    def release(self, claim: Claim) -> None:
        """Give back the place of a prompt whose render ended, if no job used it."""
        self._renderer.release(claim.prompt_id)

    def _workflow_of(self, candidate: Candidate) -> WorkflowKey | None:
        """A prompt's workflow; None if its brief cannot be read: it ends with the reason."""
        if self._choices is None:
            return candidate.kind, ""
        hints = PromptHints(candidate.config_name, candidate.workflow)
        choice = self._choices.of_writing(candidate.kind, candidate.writing.content, hints)
        return (candidate.kind, choice.unwrap().name) if is_successful(choice) else None

    def _may_claim(self, key: WorkflowKey) -> bool:
        return self._holds is None or self._holds.may_claim(key)

    def _held_ids(self, now: float) -> frozenset[int]:
        """The prompts that are still held back, as far as is remembered."""
        if now >= self._forget_at or len(self._held) > _MAX_HELD:
            self._held.clear()
            self._forget_at = now + _FORGET_SECONDS
        held = {workflow: self._may_claim(workflow) for workflow in set(self._held.values())}
        self._held = {i: workflow for i, workflow in self._held.items() if not held[workflow]}
        return frozenset(self._held)


def _brief(candidate: Candidate) -> Brief | None:
    return parse_brief(candidate.kind, candidate.writing.content).value_or(None)
