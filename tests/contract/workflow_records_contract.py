"""Contract of the records of named workflows, in every database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from application.ports.intake import Submission
from application.ports.workflows import PromptHints
from domain.prompt import Kind
from domain.workflow_rules import WorkflowChoice
from tests.contract.prompt_repository_contract import taken

if TYPE_CHECKING:
    from application.ports.intake import PromptIntake
    from application.ports.prompt_repository import PromptRepository
    from application.ports.workflows import WorkflowRecords

ANIME = WorkflowChoice("anime", 'rule 1: style is "anime"')
PHOTO = WorkflowChoice("photo", "the default: no rule fits")


class WorkflowRecordsContract:
    """The contract; a subclass supplies the fixtures, all of them over the same database."""

    def test_a_name_is_recorded_with_the_submission(
        self, intake: PromptIntake, workflow_records: WorkflowRecords
    ) -> None:
        """It also becomes the name of the configuration, where prompts have one."""
        content = '{"prompt": "A lake"}'
        new = [
            Submission(Kind.IMAGE, "A lake", content, "A lake", workflow=name)
            for name in ("anime", "")
        ]
        first, second = intake.submit(new)
        assert workflow_records.hints([first, second, second + 1]) == {
            first: PromptHints("anime", "anime"),
            second: PromptHints("mediagen", None),
            second + 1: PromptHints(),
        }
        assert workflow_records.hints([]) == {}

    def test_the_newest_render_names_the_workflow(
        self,
        intake: PromptIntake,
        repository: PromptRepository,
        workflow_records: WorkflowRecords,
    ) -> None:
        """Each writing may have its own workflow; a second record replaces the first."""
        [prompt_id] = intake.submit([Submission(Kind.IMAGE, "x", '{"prompt": "x"}', "x")])
        claim = taken(repository)
        assert workflow_records.rendered_with(prompt_id) == ()
        assert workflow_records.names([prompt_id]) == {}
        workflow_records.record(claim, 2, PHOTO)
        workflow_records.record(claim, 1, PHOTO)
        workflow_records.record(claim, 1, ANIME)
        assert workflow_records.rendered_with(prompt_id) == (ANIME, PHOTO)
        assert workflow_records.names([prompt_id, 4711]) == {prompt_id: "anime"}
