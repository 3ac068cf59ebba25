"""Contract of every gallery for prompts and renders."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from application.ports.gallery import Bucket, FailureCount, PromptListQuery
from domain.failure import FailureCode
from domain.prompt import Kind
from domain.render import Outcome
from tests.contract.gallery_contract import prompt_pages
from tests.contract.gallery_world import AnArtifact, APrompt, ARender

if TYPE_CHECKING:
    from tests.contract.gallery_world import GalleryWorld

NOON = datetime(2026, 1, 6, 12, tzinfo=UTC)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
FAR_OFF = datetime(2999, 1, 1, tzinfo=UTC)


class GalleryPromptsContract:
    """The contract; a subclass supplies the world."""

    @pytest.fixture
    def world(self) -> GalleryWorld:
        raise NotImplementedError

    # --------------------------------------------------------------------------------- prompts

    def test_a_prompt_has_all_details_of_the_list(self, world: GalleryWorld) -> None:
        """Its text, its writing, its number of files, and why it failed."""
        world.add(
            APrompt(1, artifact_status="error", error_message="boom", content="{}"),
            APrompt(2, "lyrics_prompt", text="a song", status="processing", written=False),
            AnArtifact(1),
            AnArtifact(2),
            ARender(1, NOON, outcome=Outcome.FAILED, code=FailureCode.STALLED),
        )
        second, first = world.gallery().prompts(PromptListQuery()).prompts
        assert (first.id, first.kind, first.artifact_count) == (1, Kind.IMAGE, 2)
        assert (first.error_message, first.failure_code) == ("boom", "stalled")
        assert first.writing is not None
        assert first.writing.content == "{}"
        assert first.created_at == "2026-01-06T21:30:45"
        assert (second.kind, second.text, second.status) == (Kind.AUDIO, "a song", "processing")
        assert (second.writing, second.artifact_count, second.failure_code) == (None, 0, None)

    @pytest.mark.parametrize("limit", [1, 2, 3, 50])
    def test_prompts_are_listed_by_time_as_text_then_by_id(
        self, world: GalleryWorld, limit: int
    ) -> None:
        """Undated prompts come last; other programs' types are left out."""
        world.add(
            APrompt(1, created_at="2026-01-03 00:00:00"),
            APrompt(2, "lyrics_prompt", created_at="2026-01-04 00:00:00"),
            APrompt(3, created_at=None),
            APrompt(4, created_at="2026-01-04 00:00:00"),
            APrompt(5, "lyrics_prompt", created_at=None),
            APrompt(6, created_at="2026-01-04T00:00:00"),
            APrompt(7, "poetry"),
            APrompt(8, created_at="2025-12-31 00:00:00"),
        )
        gallery = world.gallery()
        assert prompt_pages(gallery, PromptListQuery(limit=limit)) == [6, 4, 2, 1, 8, 5, 3]
        images = PromptListQuery(kind=Kind.IMAGE, limit=limit)
        assert prompt_pages(gallery, images) == [6, 4, 1, 8, 3]

    def test_prompts_of_one_status(self, world: GalleryWorld) -> None:
        """Including statuses of other programs."""
        for number, status in enumerate(("ready", "error", "unsupported", "ready"), start=1):
            world.add(APrompt(number, artifact_status=status))
        gallery = world.gallery()
        assert prompt_pages(gallery, PromptListQuery(status="ready", limit=1)) == [4, 1]
        assert prompt_pages(gallery, PromptListQuery(status="unsupported")) == [3]
        assert prompt_pages(gallery, PromptListQuery(status="nonsense")) == []
        assert prompt_pages(gallery, PromptListQuery(kind=Kind.AUDIO, status="ready")) == []

    def test_recent_prompts_of_any_type(self, world: GalleryWorld) -> None:
        """Of any status, newest first, up to the limit."""
        world.add(
            APrompt(1, "poetry", status="failed", created_at=None, error_message="e"),
            APrompt(2, created_at="2026-01-02 00:00:00"),
            APrompt(3, "lyrics_prompt", written=False, created_at="2026-01-01 00:00:00"),
        )
        gallery = world.gallery()
        assert [row.id for row in gallery.plain_prompts([], None, 9)] == [2, 3, 1]
        assert [row.id for row in gallery.plain_prompts([], None, 2)] == [2, 3]
        assert [row.id for row in gallery.plain_prompts([], "completed", 9)] == [2, 3]
        ours = ["image_prompt", "lyrics_prompt"]
        assert [row.id for row in gallery.plain_prompts(ours, "completed", 1)] == [2]
        assert [row.id for row in gallery.plain_prompts(["lyrics_prompt"], None, 9)] == [3]
        [row] = gallery.plain_prompts(["poetry", "it's"], "failed", 9)
        assert (row.prompt_text, row.prompt_type, row.status) == (
            "Create something",
            "poetry",
            "failed",
        )
        assert (row.artifact_status, row.created_at, row.error_message) == ("ready", None, "e")
        [row] = gallery.plain_prompts(["image_prompt"], None, 9)
        assert str(row.output_reference) == "2"
        assert row.created_at == "2026-01-02T00:00:00"

    # ----------------------------------------------------------------------------------- queue

    def test_pending_prompts_are_listed_oldest_first(self, world: GalleryWorld) -> None:
        """With their writings; prompts without a writing, or with another status, are left out."""
        pending: dict[str, Any] = {"artifact_status": "pending"}
        world.add(
            APrompt(1, **pending, created_at="2026-01-02 00:00:00", content="raw"),
            APrompt(2, **pending, created_at="2026-01-01 00:00:00", text="first"),
            APrompt(3, **pending, written=False),
            APrompt(4),
            APrompt(5, "lyrics_prompt", **pending),
            APrompt(6, "poetry", **pending),
            APrompt(7, **pending, status="processing"),
            APrompt(8, **pending, created_at=None),
        )
        gallery = world.gallery()
        waiting = gallery.waiting(Kind.IMAGE, 9)
        assert [each.id for each in waiting] == [8, 2, 1]
        assert (waiting[1].text, waiting[1].kind) == ("first", Kind.IMAGE)
        assert (waiting[1].retry_at, waiting[1].last_failure) == (None, None)
        assert waiting[2].writing.content == "raw"
        assert waiting[2].created_at == "2026-01-02T00:00:00"
        assert [each.id for each in gallery.waiting(Kind.IMAGE, 2)] == [8, 2]
        assert [each.id for each in gallery.waiting(Kind.AUDIO, 9)] == [5]

    def test_a_prompt_that_waits_for_a_retry_says_so(self, world: GalleryWorld) -> None:
        """Until when, and why; a time that has passed, or is too far away, does not count."""
        soon = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
        memory = FailureCode.OUT_OF_MEMORY
        stalled = FailureCode.STALLED
        world.add(
            *(APrompt(number, artifact_status="pending") for number in range(1, 6)),
            ARender(1, NOON, 1, outcome=Outcome.FAILED, code=stalled, retry_at=soon),
            ARender(2, NOON, 2, outcome=Outcome.FAILED, code=stalled, retry_at=LONG_AGO),
            ARender(3, NOON, 3, outcome=Outcome.RELEASED, code=memory),
            ARender(4, NOON, 4, outcome=Outcome.FAILED, code=stalled, retry_at=FAR_OFF),
            ARender(5, NOON, 4, outcome=Outcome.PUBLISHED),
            ARender(6, NOON, 5, outcome=Outcome.FAILED, code=stalled, retry_at=FAR_OFF),
        )
        waiting = world.gallery().waiting(Kind.IMAGE, 9)
        assert [(each.retry_at, each.last_failure) for each in waiting] == [
            (soon.replace(tzinfo=None).isoformat(), "stalled"),
            (None, "stalled"),
            (None, "out_of_memory"),
            (None, None),
            (None, "stalled"),
        ]

    def test_failed_prompts_are_listed_newest_first(self, world: GalleryWorld) -> None:
        """With the reason and the number of attempts; other programs' errors come last."""
        stalled = FailureCode.STALLED
        error: dict[str, Any] = {"artifact_status": "error", "error_message": "boom"}
        world.add(
            *(APrompt(number, **error) for number in range(1, 5)),
            APrompt(5),
            APrompt(6, "poetry", **error),
            APrompt(7, status="failed", **error),
            ARender(1, NOON, 2, outcome=Outcome.FAILED, code=FailureCode.TIMED_OUT, attempt=1),
            ARender(2, NOON, 2, outcome=Outcome.FAILED, code=stalled, attempt=3),
            ARender(3, NOON - timedelta(hours=1), 1, outcome=Outcome.FAILED, code=stalled),
            ARender(4, NOON - timedelta(hours=2), 4),
        )
        failed = world.gallery().failed(9)
        assert [each.id for each in failed] == [2, 1, 4, 3]
        assert (failed[0].failure_code, failed[0].failure_message) == ("stalled", "why")
        assert (failed[0].finished_at, failed[0].attempts) == ("2026-01-06T12:00:00", 3)
        assert (failed[0].error_message, failed[0].kind) == ("boom", Kind.IMAGE)
        assert (failed[2].failure_code, failed[2].finished_at, failed[2].attempts) == (
            None,
            None,
            1,
        )
        assert (failed[3].failure_code, failed[3].finished_at, failed[3].attempts) == (
            None,
            None,
            0,
        )
        assert [each.id for each in world.gallery().failed(1)] == [2]

    @pytest.mark.parametrize("rendered", [False, True])
    def test_cancelled_prompts_are_distinguished_from_failed_ones(
        self, world: GalleryWorld, *, rendered: bool
    ) -> None:
        """By the code in the message, with Media Generator's tables or without; in filters, too."""
        messages = ["cancelled: a person did", "cancelled", "cancelled by hand", None]
        world.add(
            *(
                APrompt(number, artifact_status="error", error_message=message)
                for number, message in enumerate(messages, 1)
            ),
            *([ARender(1, NOON, 1)] if rendered else []),
        )
        gallery = world.gallery()
        assert {each.id for each in gallery.failed(9, cancelled=True)} == {1, 2}
        assert {each.id for each in gallery.failed(9)} == {3, 4}

    def test_errors_of_other_programs_are_listed_without_our_tables(
        self, world: GalleryWorld
    ) -> None:
        """Newest first."""
        world.add(
            APrompt(1, artifact_status="error", created_at="2026-01-02 00:00:00"),
            APrompt(2, artifact_status="error", created_at="2026-01-01 00:00:00"),
        )
        assert [each.id for each in world.gallery().failed(9)] == [1, 2]

    def test_the_last_renders_that_ended(self, world: GalleryWorld) -> None:
        """The highest number first, with times in the usual form."""
        world.add(*(ARender(number, NOON, number) for number in range(1, 5)))
        ended = world.gallery().ended(3)
        assert [render.render_id for render in ended] == [4, 3, 2]
        assert ended[0].finished_at == ended[0].claimed_at == "2026-01-06T12:00:00"
        assert (ended[0].outcome, ended[0].seconds, ended[0].kind) == (
            "published",
            9.5,
            Kind.IMAGE,
        )

    # --------------------------------------------------------------------------------- history

    def test_history_counts_the_renders_of_each_hour(self, world: GalleryWorld) -> None:
        """Files by kind, failures by code, and render times; stop requests are no failures."""
        minute = timedelta(minutes=1)
        failed: dict[str, Any] = {"outcome": Outcome.FAILED, "code": FailureCode.STALLED}
        world.add(
            ARender(1, NOON - minute),
            ARender(2, NOON, seconds=4.0),
            ARender(3, NOON + minute, seconds=1.0),
            ARender(4, NOON + 2 * minute, kind=Kind.AUDIO, seconds=9.0),
            ARender(5, NOON + 59 * minute, seconds=2.0),
            ARender(6, NOON + minute, **failed),
            ARender(7, NOON + 60 * minute, **failed, retry_at=FAR_OFF),
            ARender(8, NOON + 61 * minute, outcome=Outcome.ABANDONED, code=FailureCode.WORKER_LOST),
            ARender(9, NOON, outcome=Outcome.RELEASED, code=FailureCode.INTERRUPTED),
            ARender(10, NOON, outcome=Outcome.CANCELLED, code=FailureCode.CANCELLED),
            ARender(11, NOON, outcome=Outcome.SUPERSEDED),
            ARender(12, NOON - 120 * minute, **failed),
        )
        history = world.gallery().history(NOON, 3600)
        assert history.buckets == (
            Bucket("2026-01-06T12:00:00", {Kind.IMAGE: 3, Kind.AUDIO: 1}, 1, 3.0),
            Bucket("2026-01-06T13:00:00", {}, 2, None),
        )
        assert history.failures == (FailureCount("stalled", 2), FailureCount("worker_lost", 1))
