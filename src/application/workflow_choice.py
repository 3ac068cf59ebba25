"""Which of several named workflows renders a prompt; remembered for as long as it renders."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final, TypeVar

from returns.pipeline import is_successful
from returns.result import Failure as Refused
from returns.result import Result, Success

from domain.brief_parser import parse_brief
from domain.workflow_rules import WorkflowChoice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from application.ports.workflows import PromptHints, WorkflowRecords
    from domain.brief import Brief
    from domain.brief_parser import Content
    from domain.failure import Failure
    from domain.prompt import Kind
    from domain.render import Claim, LiveRender
    from domain.workflow_rules import WorkflowKey, WorkflowRules

K = TypeVar("K")
V = TypeVar("V")

_MAX_REMEMBERED: Final = 2_000  # choices for writings, and for renders
_ONLY: Final = WorkflowChoice("", "")


class WorkflowChoices:
    """Chooses among the named workflows of the kinds that have some. Safe from any thread.

    Args:
        rules: of those kinds.
        records: what the database knows about prompts.
    """

    def __init__(self, rules: Mapping[Kind, WorkflowRules], records: WorkflowRecords) -> None:
        self.rules = rules
        self._records = records
        self._lock = Lock()
        self._writings: dict[tuple[object, ...], Result[WorkflowChoice, Failure]] = {}
        self._rendering: dict[int, WorkflowKey] = {}

    def workflows(self, kind: Kind) -> tuple[str, ...]:
        """The names of a kind's workflows, in the order of their rules; "" for the only one."""
        return self.rules[kind].names if kind in self.rules else ("",)

    def of_writing(
        self, kind: Kind, content: Content, hints: PromptHints
    ) -> Result[WorkflowChoice, Failure]:
        """The workflow for a writing; fails as ``parse_brief`` and ``WorkflowRules.choose`` do.

        Args:
            kind: the kind of its prompt.
            content: of ``writings.content``.
            hints: what decides besides it.
        """
        if kind not in self.rules:
            return Success(_ONLY)
        key = (kind, type(content), hash(content), len(str(content)), hints)
        with self._lock:
            if known := self._writings.get(key):
                return known
        parsed = parse_brief(kind, content)
        choice = parsed.bind(lambda brief: self._choose(kind, brief, hints))
        with self._lock:
            _remember(self._writings, key, choice)
        return choice

    def begin(self, claim: Claim, variant: int, brief: Brief) -> Result[WorkflowChoice, Failure]:
        """Choose the workflow of a render that is about to begin, and record it.

        Args:
            claim: of the render.
            variant: number of the writing, counted from 1.
            brief: that the writing holds.

        Raises:
            RepositoryError: the database cannot be used.
        """
        if claim.kind not in self.rules:
            return Success(_ONLY)
        hints = self._records.hints([claim.prompt_id])[claim.prompt_id]
        choice = self._choose(claim.kind, brief, hints)
        if not is_successful(choice):
            return Refused(choice.failure())
        self._records.record(claim, variant, choice.unwrap())
        with self._lock:
            _remember(self._rendering, claim.render_id, (claim.kind, choice.unwrap().name))
        return choice

    def of_render(self, render: Claim | LiveRender) -> WorkflowKey | None:
        """The named workflow that a render of this process began last; None if it has none."""
        with self._lock:
            return self._rendering.get(render.render_id)

    def _choose(
        self, kind: Kind, brief: Brief, hints: PromptHints
    ) -> Result[WorkflowChoice, Failure]:
        return self.rules[kind].choose(brief, hints.config_name, hints.chosen)


def _remember(remembered: dict[K, V], key: K, value: V) -> None:
    """Add an entry; the oldest is dropped at the limit."""
    if len(remembered) >= _MAX_REMEMBERED:
        del remembered[next(iter(remembered))]
    remembered[key] = value
