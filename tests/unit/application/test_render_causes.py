"""Which failure is reported when the output cannot be written either."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from returns.pipeline import is_successful

from domain.failure import Failure, FailureCode
from domain.prompt import Kind
from tests.fakes.artifact_store import InMemoryArtifactStore
from tests.harness import BRIEFS, Harness, holding, in_memory
from tests.unit.application.test_render_prompt import claim_of

if TYPE_CHECKING:
    from returns.result import Result

    from application.ports.artifact_store import RenderKey, Staging

FULL = Failure(FailureCode.DISK_FULL, "no room")


class _FillsUp(InMemoryArtifactStore):
    """A store with space for a staging folder and nothing more."""

    def open_staging(self, kind: Kind, trace: RenderKey, variant: int) -> Result[Staging, Failure]:
        opened = super().open_staging(kind, trace, variant)
        self.preflight_failure = FULL
        return opened


def _failure(harness: Harness) -> Failure:
    claim = claim_of(BRIEFS[Kind.IMAGE])
    with holding(harness.keeper, claim) as held:
        rendered = harness.render(held)
    assert not is_successful(rendered)
    return rendered.failure()


@pytest.mark.parametrize(
    ("code", "is_explained"),
    [
        (FailureCode.WORKFLOW_FAILED, True),
        (FailureCode.FILE_BROKEN, True),
        (FailureCode.NO_FILES, True),
        (FailureCode.OUT_OF_MEMORY, False),
        (FailureCode.ARGUMENT_TOO_LONG, False),
        (FailureCode.INTERRUPTED, False),
    ],
)
def test_a_full_disk_explains_an_incomplete_file(code: FailureCode, *, is_explained: bool) -> None:
    """No prompt is charged for half a file that a careless script left on a full disk."""
    harness = in_memory(store=_FillsUp())
    own = Failure(code, "the render's own")
    harness.script(7, own)
    assert _failure(harness) == (FULL if is_explained else own)


def test_with_free_space_the_renders_own_failure_is_reported() -> None:
    """The store is not examined further, and the failure is not replaced."""
    harness = in_memory()
    own = Failure(FailureCode.FILE_BROKEN, "a.png is cut")
    harness.script(7, own)
    assert _failure(harness) == own
