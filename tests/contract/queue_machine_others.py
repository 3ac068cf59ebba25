"""Other programs and users, who change the same database in any way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from application.ports.database import PausedBy
from domain.failure import Failure, FailureCode
from tests.contract.queue_machine_strategies import SWITCHES
from tests.contract.queue_machine_tables import KINDS

if TYPE_CHECKING:
    from tests.contract.queue_machine_model import Model
    from tests.contract.queue_machine_worlds import WorkerSession, World

CANCELLED = Failure(FailureCode.CANCELLED, "a person cancelled this prompt").explain()


class OtherPrograms:
    """Changes the database, and the model in the same way."""

    def __init__(self, world: World, model: Model) -> None:
        self.world = world
        self.model = model
        self.references = 1000

    def act(
        self,
        prompt_ids: list[int],
        change: dict[str, Any] | None,
        arrival: dict[str, Any],
        request: str | None,
        session: WorkerSession,
    ) -> None:
        """Insert the prompt if it is missing; otherwise serve a request or change the prompt."""
        known = self.model.prompts.get(prompt_ids[0])
        if known is None or not known.here:
            self.arrive(prompt_ids[0], arrival)
        elif request in SWITCHES:
            self._switch(session, request, tuple(prompt_ids))
        elif request in {"cancel", "give back"}:
            self._cancel(session, prompt_ids[0], requeue=request == "give back")
        elif request:
            self._requeue(session, prompt_ids, request)
        else:
            self.write(prompt_ids[0], change)

    def write(self, prompt_id: int, change: dict[str, Any] | None) -> None:
        """Change an existing prompt, or delete it if the change is None."""
        known = self.model.prompts[prompt_id]
        if known.here and change is None:
            self.world.delete(prompt_id)
            known.here = False
        elif known.here and change:
            self.change(prompt_id, change)

    def reset_first(self) -> None:
        """Reset the first prompt that is not being rendered to pending."""
        for prompt_id, known in self.model.prompts.items():
            ours = known.here and known.prompt_type in KINDS
            written = known.reference in self.model.writings
            if ours and written and known.artifact_status != "processing":
                self.change(prompt_id, {"status": "completed", "artifact_status": "pending"})
                return

    def change(self, prompt_id: int, columns: dict[str, Any]) -> None:
        """Another program changes a prompt."""
        self.world.change(prompt_id, columns)
        self.model.change(prompt_id, columns)

    def arrive(self, prompt_id: int, arrival: dict[str, Any]) -> None:
        """The Poets Service adds a prompt."""
        columns = dict(arrival)
        self.references += 1
        reference = self.references if columns.pop("written") else None
        self.world.add(prompt_id, reference, columns)
        self.model.arrive(prompt_id, {**columns, "reference": reference})

    def _cancel(self, session: WorkerSession, prompt_id: int, *, requeue: bool) -> None:
        refusal = session.repository.cancel(prompt_id, requeue=requeue)
        assert (refusal is None) is self.model.cancel(prompt_id, CANCELLED, requeue=requeue)

    def _requeue(self, session: WorkerSession, prompt_ids: list[int], request: str) -> None:
        repository = session.repository
        if request == "retry all":
            prompt_ids = self.model.errors()
            answer = repository.requeue_errors()
        else:
            answer = repository.requeue(prompt_ids, again=request == "renew")
        moved = self.model.requeue(prompt_ids, again=request == "renew")
        assert list(answer.moved) == moved
        assert set(answer.refused) == set(prompt_ids) - set(moved)

    def _switch(self, session: WorkerSession, request: str, suspects: tuple[int, ...]) -> None:
        controls, (person, environment) = session.controls, self.model.pause
        theirs = "environment" in request
        by = PausedBy.ENVIRONMENT if theirs else PausedBy.PERSON
        if "pause" in request:
            controls.pause(by, request, "disk_full", suspects)
            if theirs:
                environment = request, "disk_full", suspects
            else:
                person = request
        else:
            ends = bool(environment or (person and not theirs))
            assert controls.resume(by if theirs else None) is ends
            person, environment = (person if theirs else None), None
        self.model.pause = person, environment
        found = controls.paused()
        assert (found and found.reason) == (person or (environment and environment[0]))
