"""Contract of every gallery for published files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from application.ports.gallery import GalleryQuery, PromptListQuery
from domain.prompt import Kind
from tests.contract.gallery_world import AnArtifact, APrompt

if TYPE_CHECKING:
    from application.ports.gallery import Gallery
    from tests.contract.gallery_world import GalleryWorld

NOON = datetime(2026, 1, 6, 12, tzinfo=UTC)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
FAR_OFF = datetime(2999, 1, 1, tzinfo=UTC)


def pages(gallery: Gallery, query: GalleryQuery) -> list[int]:
    """The ids of all pages, one after the other."""
    found: list[int] = []
    while True:
        page = gallery.page(query)
        assert len(page.artifacts) <= query.limit
        found += [artifact.id for artifact in page.artifacts]
        if page.next is None:
            return found
        query = GalleryQuery(
            query.kind, query.status, query.text, query.since, query.until, page.next, query.limit
        )


def prompt_pages(gallery: Gallery, query: PromptListQuery) -> list[int]:
    """The ids of all prompts' pages, using the tokens that addresses carry."""
    found: list[int] = []
    while True:
        page = gallery.prompts(query)
        assert len(page.prompts) <= query.limit
        found += [prompt.id for prompt in page.prompts]
        if page.next is None:
            return found
        place = type(page.next).of_token(page.next.token())
        query = PromptListQuery(
            query.kind, query.status, query.text, query.since, query.until, place, query.limit
        )


class GalleryContract:
    """The contract; a subclass supplies the world."""

    @pytest.fixture
    def world(self) -> GalleryWorld:
        raise NotImplementedError

    # ------------------------------------------------------------------------------- artifacts

    def test_an_empty_database_shows_nothing(self, world: GalleryWorld) -> None:
        """Whatever the query, without an error."""
        gallery = world.gallery()
        assert gallery.page(GalleryQuery()).artifacts == ()
        assert gallery.page(GalleryQuery()).next is None
        assert gallery.prompts(PromptListQuery()).prompts == ()
        assert (gallery.artifact("image/a.png"), gallery.artifact_by_id(1)) == (None, None)
        assert gallery.artifacts_of(1) is None
        assert gallery.plain_prompts(["image_prompt"], "completed", 5) == ()
        assert gallery.waiting(Kind.IMAGE, 5) == ()
        assert (gallery.failed(5), gallery.ended(5)) == ((), ())
        history = gallery.history(LONG_AGO, 3600)
        assert (history.buckets, history.failures) == ((), ())

    def test_an_artifact_has_all_its_details(self, world: GalleryWorld) -> None:
        """Its metadata as an object, its time in one form, and the texts of its prompt."""
        world.add(
            APrompt(200, text="a lake, please"),
            AnArtifact(
                15,
                200,
                "image",
                "image/200_20260106T213045/generated_image_001.png",
                "image/200_20260106T213045/generated_image_001.png",
                '{"prompt": "a lake", "width": 768, "style_tags": ["realism"]}',
            ),
        )
        [artifact] = world.gallery().page(GalleryQuery()).artifacts
        assert artifact == world.gallery().artifact_by_id(15)
        assert (artifact.id, artifact.prompt_id, artifact.kind) == (15, 200, Kind.IMAGE)
        assert artifact.file_path == "image/200_20260106T213045/generated_image_001.png"
        assert artifact.preview_path == artifact.file_path
        assert artifact.metadata == {"prompt": "a lake", "width": 768, "style_tags": ["realism"]}
        assert artifact.created_at == "2026-01-06T21:30:45"
        assert (artifact.prompt_text, artifact.prompt_status) == ("a lake, please", "ready")
        assert artifact.servable
        assert artifact.preview_servable

    @pytest.mark.parametrize("limit", [1, 2, 3, 7, 60])
    def test_pages_show_each_file_once_newest_first(self, world: GalleryWorld, limit: int) -> None:
        """Whatever the page size, and with gaps between the ids."""
        world.add(APrompt(1), *(AnArtifact(number) for number in (3, 1, 40, 7, 8, 100_000, 12)))
        expected = [100_000, 40, 12, 8, 7, 3, 1]
        assert pages(world.gallery(), GalleryQuery(limit=limit)) == expected
        picky = GalleryQuery(kind=Kind.IMAGE, status="ready", text="something", limit=limit)
        assert pages(world.gallery(), picky) == expected

    def test_a_full_last_page_says_that_it_is_the_last(self, world: GalleryWorld) -> None:
        """No link leads to an empty page."""
        world.add(APrompt(1), AnArtifact(1), AnArtifact(2))
        page = world.gallery().page(GalleryQuery(limit=2))
        assert (len(page.artifacts), page.next) == (2, None)

    @pytest.mark.parametrize("before", [0, -5, 1 << 63, -(1 << 63), 1 << 80, -(1 << 80)])
    def test_any_number_is_a_valid_position(self, world: GalleryWorld, before: int) -> None:
        """Including ids that do not exist."""
        world.add(APrompt(1), AnArtifact(1))
        found = world.gallery().page(GalleryQuery(before=before)).artifacts
        assert len(found) == (before > 0)
        assert world.gallery().artifact_by_id(before) is None
        assert world.gallery().artifacts_of(before) is None

    def test_new_files_do_not_shift_the_pages(self, world: GalleryWorld) -> None:
        """A file published between two page views neither repeats nor hides others."""
        world.add(APrompt(1), *(AnArtifact(number) for number in range(1, 5)))
        first = world.gallery().page(GalleryQuery(limit=2))
        world.add(AnArtifact(5))
        second = world.gallery().page(GalleryQuery(before=first.next, limit=2))
        ids = [artifact.id for page in (first, second) for artifact in page.artifacts]
        assert ids == [4, 3, 2, 1]

    def test_cancelled_prompts_have_their_own_status(self, world: GalleryWorld) -> None:
        """Files of earlier renders can be filtered by it; the artifact status is unchanged."""
        world.add(
            APrompt(1, artifact_status="error", error_message="cancelled: a person did"),
            APrompt(2, artifact_status="error", error_message="timed_out: too long"),
            *(AnArtifact(number, number, "image") for number in (1, 2)),
        )
        gallery = world.gallery()
        assert pages(gallery, GalleryQuery(status="cancelled")) == [1]
        assert pages(gallery, GalleryQuery(status="error")) == [2]
        [artifact] = gallery.page(GalleryQuery(status="cancelled")).artifacts
        assert artifact.prompt_status == "error"

    def test_kinds_and_statuses_can_be_filtered(self, world: GalleryWorld) -> None:
        """Another program's type belongs to no kind, but is shown without a filter."""
        world.add(
            APrompt(1),
            APrompt(2, "lyrics_prompt", artifact_status="pending"),
            AnArtifact(1, 1, "image"),
            AnArtifact(2, 2, "audio"),
            AnArtifact(3, 1, "video"),
            AnArtifact(4, 99, "image"),
        )
        gallery = world.gallery()
        assert pages(gallery, GalleryQuery()) == [4, 3, 2, 1]
        assert pages(gallery, GalleryQuery(kind=Kind.IMAGE)) == [4, 1]
        assert pages(gallery, GalleryQuery(kind=Kind.AUDIO)) == [2]
        assert pages(gallery, GalleryQuery(status="ready")) == [3, 1]
        assert pages(gallery, GalleryQuery(kind=Kind.AUDIO, status="ready")) == []
        assert [each.kind for each in gallery.page(GalleryQuery()).artifacts] == [
            Kind.IMAGE,
            None,
            Kind.AUDIO,
            Kind.IMAGE,
        ]

    def test_files_of_a_deleted_prompt_are_shown(self, world: GalleryWorld) -> None:
        """Without the prompt's texts; they are found by their own metadata."""
        world.add(AnArtifact(1, 99, metadata='{"prompt": "a quiet Lake"}'))
        [artifact] = world.gallery().page(GalleryQuery(text="quiet lAKE")).artifacts
        assert (artifact.prompt_id, artifact.prompt_text) == (99, None)
        assert artifact.prompt_status is None
        assert pages(world.gallery(), GalleryQuery(text="sea")) == []

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("lake", [2, 1]),
            ("LAKE", [2, 1]),
            ("mist", [2]),
            ("50%", [3]),
            ("_", [3]),
            ("%", [3]),
            ("\\", [3]),
            ("é", [3]),
            ("É", []),
            ("'", []),
            ("", [3, 2, 1]),
        ],
    )
    def test_a_text_is_found_literally(
        self, world: GalleryWorld, text: str, expected: list[int]
    ) -> None:
        """In the prompt or in its writing; there are no wildcards."""
        world.add(
            APrompt(1, text="A Lake", content="{}"),
            APrompt(2, text="", content='{"prompt": "lake in the MIST"}'),
            APrompt(3, text="50% off_ \\ café", content=None),
            *(AnArtifact(number, number, metadata="{}") for number in (1, 2, 3)),
        )
        assert pages(world.gallery(), GalleryQuery(text=text)) == expected
        assert sorted(prompt_pages(world.gallery(), PromptListQuery(text=text))) == expected[::-1]

    def test_dates_are_understood_in_every_form(self, world: GalleryWorld) -> None:
        """From one time to another, in any zone; an invalid date is in no range."""
        times = [
            "2026-01-06 11:59:59",
            "2026-01-06 12:00:00",
            "2026-01-06T12:00:00.5",
            "2026-01-06T14:00:00+02:00",
            "2026-01-06T12:00:00Z",
            "2026-01-07T01:00:00+1400",
            "2026-01-06 13:00:00",
            None,
            "yesterday",
        ]
        for number, at in enumerate(times, start=1):
            world.add(APrompt(number, created_at=at), AnArtifact(number, number, created_at=at))
        hour = NOON + timedelta(hours=1)
        for since, until, expected in (
            (NOON, hour, [5, 4, 3, 2]),
            (NOON, None, [7, 5, 4, 3, 2]),
            (None, NOON, [6, 1]),
            (LONG_AGO, FAR_OFF, [7, 6, 5, 4, 3, 2, 1]),
            (None, None, [9, 8, 7, 6, 5, 4, 3, 2, 1]),
        ):
            query = GalleryQuery(since=since, until=until, limit=2)
            assert pages(world.gallery(), query) == expected
            listed = prompt_pages(world.gallery(), PromptListQuery(since=since, until=until))
            assert sorted(listed, reverse=True) == expected

    @pytest.mark.parametrize(
        "metadata", [None, "", "null", "[]", "3", '"text"', "{", '{"a": }', "\x00", "{" * 5000]
    )
    def test_metadata_that_are_no_object_count_as_empty(
        self, world: GalleryWorld, metadata: str | None
    ) -> None:
        """Other programs may write anything there."""
        world.add(APrompt(1), AnArtifact(1, metadata=metadata))
        [artifact] = world.gallery().artifacts_of(1) or ()
        assert artifact.metadata == {}

    # ------------------------------------------------------------------------------- by path

    def test_a_file_is_found_by_its_exact_path(self, world: GalleryWorld) -> None:
        """Or by that of its preview; a part of it or another spelling does not match."""
        path, preview = "image/1_20260106T213045/a b.png", "image/small/ä.webp"
        world.add(APrompt(1), AnArtifact(7, file_path=path, preview_path=preview))
        for gallery in (world.gallery(), _warmed(world.gallery())):
            for known in (path, preview):
                found = gallery.artifact(known)
                assert found is not None
                assert found.id == 7
            for unknown in (path.upper(), path[:-1], f"/{path}", f"{path}/", "", "image", "%"):
                assert gallery.artifact(unknown) is None

    @pytest.mark.parametrize(
        "path",
        [
            "/etc/passwd",
            "../secret.png",
            "image/../../secret.png",
            "image//a.png",
            "./image/a.png",
            "C:/a.png",
            "file:a.png",
            "image\\a.png",
            "image/a.png\n",
            "",
            ".staging/x/a.png",
        ],
    )
    def test_an_invalid_path_is_shown_but_never_served(
        self, world: GalleryWorld, path: str
    ) -> None:
        """Even if a row names it."""
        world.add(APrompt(1), AnArtifact(1, file_path=path, preview_path=path))
        [artifact] = world.gallery().page(GalleryQuery()).artifacts
        assert artifact.file_path == path
        assert not artifact.servable
        assert not artifact.preview_servable
        assert world.gallery().artifact(path) is None

    # -------------------------------------------------------------------------------- of one prompt

    def test_the_artifacts_of_a_prompt(self, world: GalleryWorld) -> None:
        """Of any type, oldest first; an empty list without files, None for an unknown prompt."""
        world.add(
            APrompt(1),
            APrompt(2, "poetry", artifact_status="pending"),
            APrompt(3),
            *(AnArtifact(number, 1) for number in (9, 4)),
            AnArtifact(5, 2),
        )
        gallery = world.gallery()
        assert [each.id for each in gallery.artifacts_of(1) or ()] == [4, 9]
        assert [each.id for each in gallery.artifacts_of(2) or ()] == [5]
        assert gallery.artifacts_of(3) == ()
        assert gallery.artifacts_of(4) is None


def _warmed(gallery: Gallery) -> Gallery:
    """A gallery that has shown everything once, and may have cached it."""
    gallery.page(GalleryQuery())
    return gallery
