"""The queue in memory: what the shared database would hold, and the renders of its prompts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING

from application.ports.prompt_repository import Requeued
from domain.artifact_status import Move, after, sources
from domain.kind import Kind
from domain.prompt import Writing
from domain.render import CLOSING_MOVES, Claim, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from application.ports.clock import Clock
    from application.ports.prompt_repository import Selection
    from domain.artifact import Artifact
    from domain.failure import Failure


@dataclass(frozen=True, slots=True)
class PromptRow:
    """What matters of a row of ``prompts``."""

    id: int
    prompt_type: str
    status: str = "completed"
    artifact_status: str = "pending"
    output_reference: int | None = None
    created_at: str | None = None
    error_message: str | None = None


@dataclass(frozen=True, slots=True)
class RenderRow:
    """What matters of a row of ``media_generator_renders``."""

    render_id: int
    prompt_id: int
    output_reference: int | None
    outcome: Outcome | None = None
    failure: Failure | None = None
    seconds: float | None = None


@dataclass(slots=True)
class InMemoryDatabase:
    """The tables, open to whoever plays another program."""

    prompts: dict[int, PromptRow] = field(default_factory=dict)
    writings: dict[int, str | bytes | None] = field(default_factory=dict)
    artifacts: list[tuple[int, Artifact]] = field(default_factory=list)
    renders: dict[int, RenderRow] = field(default_factory=dict)


class InMemoryPromptRepository:
    """Keeps the promises of the port without a file."""

    def __init__(self, database: InMemoryDatabase, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._numbers = count(1)

    def claim_next(self, selection: Selection) -> Claim | None:
        """Claim the oldest pending prompt that has a writing, or None when there is none."""
        pending = self._pending(selection)
        if not pending:
            return None
        row = min(pending, key=_age)
        self._move(row, Move.CLAIM)
        self._supersede_live(row.id)
        render_id = next(self._numbers)
        render = RenderRow(render_id, row.id, row.output_reference)
        self._database.renders[render_id] = render
        reference = row.output_reference or 0
        writing = Writing(reference, self._database.writings[reference])
        at = self._clock.now().replace(microsecond=0)
        return Claim(render_id, row.id, _kind(row), at, (writing,))

    def publish(self, claim: Claim, artifacts: Sequence[Artifact], seconds: float) -> bool:
        """Insert the rows, make the prompt ready and close the render, all or nothing."""
        ended = self._end(claim, Outcome.PUBLISHED, seconds, None)
        if ended:
            rows = [(claim.prompt_id, artifact) for artifact in artifacts]
            self._database.artifacts.extend(rows)
        return ended

    def publish_and_claim(
        self, claim: Claim, artifacts: Sequence[Artifact], seconds: float, selection: Selection
    ) -> tuple[bool, Claim | None]:
        """``publish`` and then ``claim_next``."""
        return self.publish(claim, artifacts, seconds), self.claim_next(selection)

    def fail(self, claim: Claim, failure: Failure, seconds: float) -> bool:
        """Make the prompt an error with the failure's text."""
        return self._end(claim, Outcome.FAILED, seconds, failure)

    def release(self, claim: Claim, failure: Failure, seconds: float) -> bool:
        """Make the prompt pending again and remember why."""
        return self._end(claim, Outcome.RELEASED, seconds, failure)

    def count_pending(self, selection: Selection) -> int:
        """How many prompts ``claim_next`` could take one after the other."""
        return len(self._pending(selection))

    def requeue(self, prompt_ids: Sequence[int], *, again: bool) -> Requeued:
        """Make prompts that ended pending again, and forget their errors."""
        moves = (Move.RETRY, Move.RENEW) if again else (Move.RETRY,)
        moved: list[int] = []
        refused: dict[int, str] = {}
        for prompt_id in dict.fromkeys(prompt_ids):
            row = self._database.prompts.get(prompt_id)
            if row is None:
                refused[prompt_id] = "there is no such prompt"
            elif Kind.of_prompt_type(row.prompt_type) is None:
                refused[prompt_id] = f"it is a {row.prompt_type}, which is not rendered"
            elif move := next((m for m in moves if row.artifact_status in sources(m)), None):
                self._move(replace(row, error_message=None), move)
                moved.append(prompt_id)
            else:
                refused[prompt_id] = f"it is {row.artifact_status}"
        return Requeued(tuple(moved), refused)

    def requeue_errors(self) -> Requeued:
        """Make every prompt that ended in error pending again."""
        errors = [
            row.id
            for row in self._database.prompts.values()
            if row.artifact_status == "error"
            and row.status == "completed"
            and Kind.of_prompt_type(row.prompt_type)
        ]
        return self.requeue(sorted(errors), again=False)

    def _pending(self, selection: Selection) -> list[PromptRow]:
        return [
            row
            for row in self._database.prompts.values()
            if row.status == "completed"
            and row.artifact_status == "pending"
            and row.output_reference in self._database.writings
            and Kind.of_prompt_type(row.prompt_type) in selection.kinds
            and (selection.only is None or row.id in selection.only)
            and row.id not in selection.excluding
        ]

    def _end(self, claim: Claim, outcome: Outcome, seconds: float, failure: Failure | None) -> bool:
        render = self._database.renders[claim.render_id]
        row = self._database.prompts.get(claim.prompt_id)
        move = CLOSING_MOVES[outcome]
        held = (
            move is not None
            and row is not None
            and render.outcome is None
            and row.artifact_status == "processing"
            and row.status == "completed"
            and row.output_reference == render.output_reference
        )
        if held and row and move:
            if outcome is not Outcome.RELEASED:
                message = failure.explain() if failure else None
                row = replace(row, error_message=message)
            self._move(row, move)
        if render.outcome is None:
            ended = outcome if held else Outcome.SUPERSEDED
            self._database.renders[claim.render_id] = replace(
                render, outcome=ended, failure=failure, seconds=seconds
            )
        return held

    def _move(self, row: PromptRow, move: Move) -> None:
        [source] = sources(move)
        self._database.prompts[row.id] = replace(row, artifact_status=after(source, move).value)

    def _supersede_live(self, prompt_id: int) -> None:
        for render in list(self._database.renders.values()):
            if render.prompt_id == prompt_id and render.outcome is None:
                superseded = replace(render, outcome=Outcome.SUPERSEDED)
                self._database.renders[render.render_id] = superseded


def _age(row: PromptRow) -> tuple[bool, str, int]:
    """Oldest first, as text; a prompt without a date comes before all others."""
    return row.created_at is not None, row.created_at or "", row.id


def _kind(row: PromptRow) -> Kind:
    kind = Kind.of_prompt_type(row.prompt_type)
    if kind is None:
        message = f"prompt {row.id} is a {row.prompt_type}"
        raise ValueError(message)
    return kind
