"""The queue as dictionaries: the expected state after each step, computed independently."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.contract.queue_machine_rows import Known, Render
from tests.contract.queue_machine_tables import KINDS, Tables

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from domain.failure import Failure
    from domain.lease import ProcessIdentity
    from domain.render import Claim


class Model(Tables):
    """The expected state, and its transitions."""

    # ------------------------------------------------------------------------------- other programs

    def arrive(self, prompt_id: int, columns: dict[str, Any]) -> None:
        """A prompt is inserted; its id may have belonged to a deleted one."""
        self.prompts[prompt_id] = Known(**columns)
        if columns["reference"] is not None:
            self.writings.add(columns["reference"])

    def change(self, prompt_id: int, columns: dict[str, Any]) -> None:
        """Another program changes a prompt."""
        known = self.prompts[prompt_id]
        known.status = columns.get("status", known.status)
        known.artifact_status = columns.get("artifact_status", known.artifact_status)
        known.error_message = columns.get("error_message", known.error_message)
        known.reference = columns.get("output_reference", known.reference)

    # ------------------------------------------------------------------------ the start of a render

    def open(self, claim: Claim, owner: ProcessIdentity, now: float) -> Render:
        """A claim, or an adoption after the lost render was closed."""
        prompt_id = claim.prompt_id
        known = self.prompts[prompt_id]
        for render in self.live():
            if render.prompt_id == prompt_id:
                self._close(render, "superseded", None)
        if prompt_id not in self._goes_on:
            self._acceptances[prompt_id] = self._acceptances.get(prompt_id, 0) + 1
        attempt, crashes = self._goes_on.pop(prompt_id, (1, 0))
        known.artifact_status = "processing"
        opened = self.renders[claim.render_id] = Render(
            claim.render_id,
            prompt_id,
            KINDS[known.prompt_type],
            known.reference,
            owner,
            attempt,
            crashes,
            self._acceptances[prompt_id],
            now,
        )
        return opened

    def beat(self, render_id: int, now: float, wall: datetime) -> None:
        """A heartbeat of the owner; its number is the wall clock's time, which may not go back."""
        render = self.renders[render_id]
        if render.outcome is None:
            render.heartbeat = max(render.heartbeat + 1, int(wall.timestamp()))
            render.heartbeat_at = now

    # -------------------------------------------------------------------------- the end of a render

    def publish(self, render_id: int, paths: Iterable[str]) -> bool:
        """Rows, a ready prompt and a closed render; or only a closed render if it is superseded."""
        if not self._end(render_id, "published", "ready", None):
            return False
        render = self.renders[render_id]
        self.rows.extend((render.prompt_id, path) for path in paths)
        self.prompts[render.prompt_id].error_message = None
        place = render.prompt_id, render.acceptance
        self.published[place] = self.published.get(place, 0) + 1
        return True

    def fail(self, render_id: int, failure: Failure) -> bool:
        """A final failure."""
        if not self._end(render_id, "failed", "error", failure):
            return False
        self.prompts[self.renders[render_id].prompt_id].error_message = failure.explain()
        return True

    def postpone(self, render_id: int, failure: Failure, retry_at: datetime) -> bool:
        """A failure that is charged and retried later."""
        if not self._end(render_id, "failed", "pending", failure):
            return False
        render = self.renders[render_id]
        render.retry_at = retry_at
        self._goes_on[render.prompt_id] = render.attempt + 1, render.crashes
        return True

    def release(self, render_id: int, failure: Failure) -> bool:
        """A release, which is not charged."""
        if not self._end(render_id, "released", "pending", failure):
            return False
        render = self.renders[render_id]
        self._goes_on[render.prompt_id] = render.attempt, render.crashes
        return True

    def abandon(self, render_id: int, failure: Failure | None) -> None:
        """The owner is lost; the prompt changes only if it is unchanged since the claim."""
        render = self.renders[render_id]
        known, held = self.prompts[render.prompt_id], self.is_held(render_id)
        self._close(render, "failed" if failure else "abandoned", "worker_lost")
        if failure is None:
            self._goes_on[render.prompt_id] = render.attempt, render.crashes + 1
        if held and failure:
            known.artifact_status, known.error_message = "error", failure.explain()
        elif held:
            known.artifact_status = "pending"

    def _end(self, render_id: int, outcome: str, status: str, failure: Failure | None) -> bool:
        render, held = self.renders[render_id], self.is_held(render_id)
        if render.outcome is None:
            code = failure.code.value if failure else None
            self._close(render, outcome if held else "superseded", code)
        if held:
            self.prompts[render.prompt_id].artifact_status = status
        return held

    def _close(self, render: Render, outcome: str, code: str | None) -> None:
        render.outcome, render.code = outcome, code
        self._goes_on.pop(render.prompt_id, None)

    # ---------------------------------------------------------------------------- requests of users

    def _is_ours(self, prompt_id: int, statuses: set[str]) -> bool:
        known = self.prompts.get(prompt_id)
        ours = known is not None and known.here and known.prompt_type in KINDS
        return bool(known and ours and known.artifact_status in statuses)

    def cancel(self, prompt_id: int, message: str, *, requeue: bool) -> bool:
        """Take a prompt out of the queue, or put it back at the end."""
        if not self._is_ours(prompt_id, {"processing"} if requeue else {"processing", "pending"}):
            return False
        known = self.prompts[prompt_id]
        known.artifact_status = "pending" if requeue else "error"
        known.error_message = None if requeue else message
        for render in self.live():
            if render.prompt_id == prompt_id:
                self._close(render, "cancelled", "cancelled")
        last = self.last(prompt_id)
        if last and last.outcome in {"released", "abandoned"}:
            last.code = "cancelled"
            self._goes_on.pop(prompt_id, None)
        self._forget(prompt_id)
        return True

    def requeue(self, prompt_ids: Iterable[int], *, again: bool) -> list[int]:
        """Queue finished or failed prompts again, in the given order."""
        wanted = {"error", "ready"} if again else {"error"}
        moved = [n for n in dict.fromkeys(prompt_ids) if self._is_ours(n, wanted)]
        for prompt_id in moved:
            self.prompts[prompt_id].artifact_status = "pending"
            self.prompts[prompt_id].error_message = None
            self._forget(prompt_id)
        return moved

    def errors(self) -> list[int]:
        """Failed prompts that were not cancelled, by id."""
        found = (n for n in self.prompts if self._is_ours(n, {"error"}))
        known = ((n, self.prompts[n]) for n in sorted(found))
        return [
            n
            for n, row in known
            if row.status == "completed" and not (row.error_message or "").startswith("cancelled")
        ]

    def _forget(self, prompt_id: int) -> None:
        """End all waits, and reset the count of attempts."""
        for render in self.renders.values():
            if render.prompt_id == prompt_id and render.retry_at:
                render.retry_at = None
                if render is self.last(prompt_id):
                    self._goes_on.pop(prompt_id, None)
