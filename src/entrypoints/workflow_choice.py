"""Which named workflow renders a prompt, and why, for people and programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from returns.pipeline import is_successful

from domain.prompt import Kind
from domain.workflow_rules import named
from entrypoints.settings.workflows import workflow_rules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from returns.result import Result

    from application.ports.workflows import WorkflowRecords
    from domain.brief import Brief
    from domain.failure import Failure
    from domain.workflow_rules import WorkflowChoice, WorkflowRules
    from entrypoints.settings.model import Media

_MAX_NAMED: Final = 10  # prompts in a sentence


@dataclass(frozen=True, slots=True)
class ExplainedWorkflow:
    """The named workflow of a prompt.

    Attributes:
        choice: what renders it, by the settings of now; None if nothing does.
        failure: why nothing does, or None; also None while it has no brief.
        rendered: what rendered each of its writings last; empty before its first render.
    """

    choice: WorkflowChoice | None
    failure: Failure | None
    rendered: Sequence[WorkflowChoice] = ()

    @property
    def sentence(self) -> str:
        """What renders it, and why, such as ``anime (rule 1: style is "anime")``."""
        if self.choice is not None:
            return f"{self.choice.name} ({self.choice.reason})"
        return self.failure.message if self.failure is not None else "not known without a brief"

    @property
    def rendered_sentence(self) -> str:
        """What rendered it last if that is something else, or ""."""
        if not self.rendered or all(choice == self.choice for choice in self.rendered):
            return ""
        return "; ".join(dict.fromkeys(f"{one.name} ({one.reason})" for one in self.rendered))

    def document(self) -> dict[str, object]:
        """All of it as JSON values."""
        return {
            "name": self.choice.name if self.choice else None,
            "reason": self.choice.reason if self.choice else None,
            "problem": self.failure.message if self.failure else None,
            "rendered_with": [{"name": one.name, "reason": one.reason} for one in self.rendered],
        }


def all_rules(media: Media) -> Mapping[Kind, WorkflowRules]:
    """The rules of the kinds that have named workflows."""
    rules = {kind: workflow_rules(media, kind) for kind in Kind}
    return {kind: of_kind for kind, of_kind in rules.items() if of_kind is not None}


def held_sentence(prompts: Sequence[int], pending: int) -> str:
    """Which pending prompts wait for a workflow that cannot run.

    Args:
        prompts: their ids, as ``held_prompts`` found them.
        pending: number of all pending prompts of the kind.
    """
    if not prompts:
        return "none of the pending prompts needs it"
    from application.workflow_holds import MAX_EXAMINED

    shown = ", ".join(map(str, prompts[:_MAX_NAMED]))
    shown += " ..." if len(prompts) > _MAX_NAMED else ""
    least = "at least " if pending > MAX_EXAMINED else ""
    if len(prompts) == 1 and not least:
        return f"1 pending prompt waits for it: {shown}"
    return f"{least}{len(prompts)} pending prompts wait for it: {shown}"


def chosen_workflow(rules: Mapping[Kind, WorkflowRules], kind: Kind, name: str) -> Result[str, str]:
    """The name of a workflow that a person chose, as the settings write it.

    Fails with a sentence that has the names that are like it.
    """
    return named(name, rules[kind].names if kind in rules else (), kind)


def explain_workflow(
    rules: WorkflowRules | None, records: WorkflowRecords, prompt_id: int, brief: Brief | None
) -> ExplainedWorkflow | None:
    """Which named workflow renders a prompt; None if its kind has only one workflow.

    Args:
        rules: of the kind; None if it has none.
        records: what the database knows.
        prompt_id: the prompt.
        brief: its brief; None if it has none that can be used.

    Raises:
        RepositoryError: the database cannot be used.
    """
    rendered = records.rendered_with(prompt_id)
    if rules is None and not rendered:
        return None
    if rules is None or brief is None:
        return ExplainedWorkflow(None, None, rendered)
    hints = records.hints([prompt_id])[prompt_id]
    choice = rules.choose(brief, hints.config_name, hints.chosen)
    if is_successful(choice):
        return ExplainedWorkflow(choice.unwrap(), None, rendered)
    return ExplainedWorkflow(None, choice.failure(), rendered)
