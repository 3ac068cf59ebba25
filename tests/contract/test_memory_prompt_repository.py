"""Contract tests of the in-memory repository."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.prompt_repository_contract import (
    CONTENT,
    Outside,
    PromptRepositoryContract,
    Seen,
)
from tests.fakes.database import InMemoryDatabase, PromptRow
from tests.fakes.prompt_repository import InMemoryPromptRepository
from tests.worker_identities import ME

if TYPE_CHECKING:
    from tests.fakes.system import ManualClock


class InMemoryOutside(Outside):
    def __init__(self) -> None:
        self.database = InMemoryDatabase()

    def add(
        self,
        prompt_id: int,
        *,
        content: str | bytes | None = CONTENT,
        written: bool = True,
        prompt_type: str = "image_prompt",
        created_at: str | None = "2026-01-06 21:30:45",
        **columns: Any,  # noqa: ANN401 - hands on whatever columns the contract names
    ) -> None:
        reference = prompt_id + 1000 if written else None
        if reference:
            self.database.writings[reference] = content
        self.database.prompts[prompt_id] = PromptRow(
            prompt_id,
            prompt_type,
            output_reference=reference,
            created_at=created_at,
            **columns,
        )

    def change(self, prompt_id: int, **columns: Any) -> None:  # noqa: ANN401 - as above
        self.database.prompts[prompt_id] = replace(self.database.prompts[prompt_id], **columns)

    def delete(self, prompt_id: int) -> None:
        del self.database.prompts[prompt_id]

    def see(self, prompt_id: int) -> Seen:
        row = self.database.prompts[prompt_id]
        paths = tuple(a.file_path for owner, a in self.database.artifacts if owner == prompt_id)
        return Seen(row.artifact_status, row.error_message, paths)

    def refuse(self, write: str, reason: str) -> None:
        self.database.refuses[write] = reason

    def accept(self) -> None:
        self.database.refuses.clear()

    def outcomes(self, prompt_id: int) -> list[str | None]:
        return [
            render.outcome.value if render.outcome else None
            for render in self.database.renders.values()
            if render.prompt_id == prompt_id
        ]


class TestInMemoryPromptRepository(PromptRepositoryContract):
    """The contract, in memory."""

    @pytest.fixture
    def outside(self) -> InMemoryOutside:
        return InMemoryOutside()

    @pytest.fixture
    def repository(self, outside: InMemoryOutside, clock: ManualClock) -> InMemoryPromptRepository:
        return InMemoryPromptRepository(outside.database, ME, clock)
