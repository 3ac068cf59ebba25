"""How jobs end, and what is made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from returns.pipeline import is_successful

from domain.brief import ImageBrief
from domain.failure import FailureCode
from domain.kind import Kind

if TYPE_CHECKING:
    from tests.integration.comfyui_server.conftest import Stage


@pytest.mark.parametrize("kind", Kind)
def test_what_was_saved_is_fetched(stage: Stage, kind: Kind) -> None:
    """Pictures and songs alike, byte for byte, under names of ours."""
    double = stage.double()
    assert is_successful(stage.render(stage.renderer(), kind=kind))
    (name,) = stage.files()
    assert name == {Kind.IMAGE: "generated_image_001.png", Kind.AUDIO: "generated_song.mp3"}[kind]
    (saved,) = (double.output / "mediagen").iterdir()
    assert (stage.job.output / name).read_bytes() == saved.read_bytes()


def test_a_node_that_raises_is_named(stage: Stage) -> None:
    """With its title and the exception; the log of the render holds it too."""
    double = stage.double()
    double.behaviour.fail("KSampler", "exception", message="no such scheduler")
    failure = stage.render(stage.renderer()).failure()
    assert failure.code is FailureCode.WORKFLOW_FAILED
    assert "'Sampler'" in failure.message
    assert "no such scheduler" in failure.message
    assert 'File "nodes.py"' in failure.detail
    assert "no such scheduler" in stage.watch.text
    assert stage.watch.dropped_jobs == stage.watch.jobs


def test_the_brief_is_not_told_on(stage: Stage) -> None:
    """What a node echoes of it is left out of messages and logs."""
    private = "a lake at dawn,\nvery still"
    double = stage.double()
    double.behaviour.fail("CLIPTextEncode", "exception", message=f"cannot encode {private!r}")
    failure = stage.render(stage.renderer(), brief=ImageBrief(prompt=private)).failure()
    told = f"{failure.message}{failure.detail}{stage.watch.text}"
    assert "cannot encode" in told
    assert "lake" not in told
    assert "still" not in told


def test_want_of_memory_is_told_apart(stage: Stage) -> None:
    """The prompt does not pay for it."""
    double = stage.double()
    double.behaviour.fail("KSampler", "out_of_memory", times=None)
    failure = stage.render(stage.renderer()).failure()
    assert failure.code is FailureCode.OUT_OF_MEMORY
    assert double.asked("POST", "/free") == []
    assert len(double.jobs) == 1


def test_memory_is_freed_where_that_is_wished(stage: Stage) -> None:
    """And the job is tried once more, as another job."""
    double = stage.double()
    double.behaviour.fail("KSampler", "out_of_memory")
    assert is_successful(stage.render(stage.renderer(free_memory=True)))
    assert len(double.asked("POST", "/free")) == 1
    assert len(double.jobs) == 2
    assert stage.watch.dropped_jobs == stage.watch.jobs[:1]


def test_memory_is_freed_once_only(stage: Stage) -> None:
    """Want of memory that stays is a failure."""
    double = stage.double()
    double.behaviour.fail("KSampler", "out_of_memory", times=None)
    failure = stage.render(stage.renderer(free_memory=True)).failure()
    assert failure.code is FailureCode.OUT_OF_MEMORY
    assert len(double.jobs) == 2


def test_somebody_else_may_press_the_button(stage: Stage) -> None:
    """That is neither our wish nor the workflow's fault."""
    double = stage.double()
    double.behaviour.fail("KSampler", "interrupt")
    failure = stage.render(stage.renderer()).failure()
    assert failure.code is FailureCode.JOB_INTERRUPTED
    assert double.url in failure.message


@pytest.mark.parametrize(
    ("lie", "code"),
    [
        ("no_outputs", FailureCode.NO_FILES),
        ("missing_file", FailureCode.NO_FILES),
        ("old_file", FailureCode.FILE_REFUSED),
    ],
)
def test_a_success_without_a_file_of_its_own_is_none(
    stage: Stage, lie: str, code: FailureCode
) -> None:
    """Nothing is left, and the job is not looked for again."""
    double, renderer = stage.double(), stage.renderer()
    assert is_successful(stage.render(renderer))
    double.behaviour.change(lie=lie)
    failure = stage.render(renderer).failure()
    assert failure.code is code
    assert stage.files() == []
    assert stage.watch.dropped_jobs == stage.watch.jobs


@pytest.mark.parametrize("lie", ["empty", "half", "text"])
def test_a_broken_file_is_passed_on(stage: Stage, lie: str) -> None:
    """It is the store's to verify files, here as with scripts."""
    stage.double(lie=lie)
    assert is_successful(stage.render(stage.renderer()))
    assert stage.files() == ["generated_image_001.png"]


def test_more_bytes_than_allowed_are_not_fetched(stage: Stage) -> None:
    """The copy ends at the limit."""
    stage.double()
    failure = stage.render(stage.renderer(max_bytes=100)).failure()
    assert failure.code is FailureCode.TOO_MUCH_OUTPUT
    assert "100 bytes" in failure.message


def test_more_files_than_allowed_are_not_fetched(stage: Stage) -> None:
    """None of them."""
    stage.double()
    failure = stage.render(stage.renderer(max_files=0)).failure()
    assert failure.code is FailureCode.TOO_MUCH_OUTPUT
    assert stage.files() == []


def test_a_history_that_comes_late_is_waited_for(stage: Stage) -> None:
    """The socket tells of success before the history does."""
    stage.double(history_seconds=0.3)
    assert is_successful(stage.render(stage.renderer()))


def test_the_servers_own_time_is_told(stage: Stage) -> None:
    """Not what the way there and back took."""
    stage.double(job_seconds=0.3)
    facts = stage.render(stage.renderer()).unwrap()
    assert 0.28 <= facts.seconds < 3
    assert (facts.renderer, facts.seed_used, facts.size_used) == ("server", True, True)
