"""Named workflows in the database: chosen for prompts, and recorded for renders."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from adapters.sql_queue.bookkeeping import bookkeeping_version, has_config_name
from adapters.sql_queue.statements import column_text, storable_text
from application.ports.workflows import PromptHints

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from adapters.sql_queue.connection import Connection
    from domain.render import Claim
    from domain.workflow_rules import WorkflowChoice

WORKFLOWS_VERSION: Final = 4
"""The version of our tables since which workflows have names."""


class SqlWorkflowRecords:
    """Reads and writes what concerns named workflows; reading works without our tables.

    Args:
        connection: to the database.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sql = connection.statements("workflows")
        self._has_config_name = has_config_name(connection)

    def hints(self, prompt_ids: Collection[int]) -> Mapping[int, PromptHints]:
        """What decides about the workflow of each of these prompts besides its brief."""
        values = {"prompt_ids": json.dumps(list(prompt_ids))}
        config_names: dict[int, object] = {}
        chosen: dict[int, object] = {}
        if self._has_config_name:
            config_names = dict(self._connection.rows(self._sql["config_names"], values))
        if bookkeeping_version(self._connection) >= WORKFLOWS_VERSION:
            chosen = dict(self._connection.rows(self._sql["chosen"], values))
        return {
            one: PromptHints(column_text(config_names.get(one)), column_text(chosen.get(one)))
            for one in prompt_ids
        }

    def record(self, claim: Claim, variant: int, choice: WorkflowChoice) -> None:
        """Record the workflow of a live render before it begins."""
        row = {
            "render_id": claim.render_id,
            "prompt_id": claim.prompt_id,
            "variant": variant,
            "workflow": choice.name,
            "reason": storable_text(choice.reason),
        }
        with self._connection.writing(claim.prompt_id):
            self._connection.change(self._sql["record"], row)

    def names(self, prompt_ids: Collection[int]) -> Mapping[int, str]:
        """The workflow that rendered each of these prompts last, for those that have a record."""
        if bookkeeping_version(self._connection) < WORKFLOWS_VERSION:
            return {}
        values = {"prompt_ids": json.dumps(list(prompt_ids))}
        return dict(self._connection.rows(self._sql["names"], values))

    def rendered_with(self, prompt_id: int) -> Sequence[WorkflowChoice]:
        """The workflow of each writing in the newest render of a prompt that has a record."""
        if bookkeeping_version(self._connection) < WORKFLOWS_VERSION:
            return ()
        from domain.workflow_rules import WorkflowChoice

        rows = self._connection.rows(self._sql["rendered_with"], {"prompt_id": prompt_id})
        return tuple(WorkflowChoice(name, reason) for name, reason in rows)
