"""Contract of every search."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from application.ports.search import SearchQuery
from domain.prompt import Kind
from domain.search import Search
from tests.contract.gallery_world import APrompt

if TYPE_CHECKING:
    from application.ports.search import SearchIndex
    from tests.contract.gallery_world import GalleryWorld

SONG = {"title": "Steam", "structure": [{"type": "verse", "lyrics": "Ärgernis am Morgen"}]}


def found(
    index: SearchIndex, text: str, *, is_typed: bool = False, **conditions: object
) -> list[int]:
    """Ids of the matching prompts, after an update of the index."""
    assert index.update(60)
    search = Search.of_text(text, is_typed=is_typed)
    query = SearchQuery(search, **conditions)  # type: ignore[arg-type]
    return [prompt.id for prompt in index.find(query).prompts]


class SearchContract:
    """The contract; a subclass supplies the world and the index."""

    @pytest.fixture
    def world(self) -> GalleryWorld:
        raise NotImplementedError

    @pytest.fixture
    def index(self, world: GalleryWorld) -> SearchIndex:
        raise NotImplementedError

    def change(self, world: GalleryWorld, statement: str) -> None:
        """Change a row, as another program does."""
        raise NotImplementedError

    def test_words_are_found_wherever_they_stand(
        self, world: GalleryWorld, index: SearchIndex
    ) -> None:
        """All words, in any position; next to each other, as a prefix, or excluded."""
        brief = {"prompt": "A serene lake at dawn", "negative_prompt": "crowds, harsh shadows"}
        world.add(
            APrompt(1, content=json.dumps(brief), text="The house behind the lake"),
            APrompt(2, "lyrics_prompt", content=json.dumps(SONG), artifact_status="error"),
            APrompt(3, content='{"prompt": "dawn at the lake"}', artifact_status="pending"),
            APrompt(4, "poetry", content='{"prompt": "a lake"}'),
        )
        assert found(index, "LAKE") == [3, 1]
        assert found(index, "lake crowds") == [1]
        assert found(index, '"at dawn"') == [1]
        assert found(index, "lake -house") == [3]
        assert found(index, "lak*") == [3, 1]
        assert found(index, "lak") == []
        assert found(index, "argernis") == found(index, "steam MORGEN") == [2]
        assert found(index, "structure") == []  # the name of a part
        assert found(index, "lake", status="pending") == [3]
        assert found(index, "steam", kind=Kind.IMAGE) == []
        assert index.indexed() == 1

    def test_a_word_is_found_by_its_beginning(
        self, world: GalleryWorld, index: SearchIndex
    ) -> None:
        """Of any length, in a phrase, excluded, and when many words share it."""
        world.add(
            APrompt(1, content='{"prompt": "misty mountains at dawn"}'),
            APrompt(2, content='{"prompt": "a mountain at dusk"}'),
            APrompt(3, content='{"prompt": "a mouse"}'),
            *(APrompt(n, content=f'{{"prompt": "number {100_000 + n}"}}') for n in range(4, 104)),
        )
        assert found(index, "mo*") == found(index, "mou*") == [3, 2, 1]
        assert found(index, "moun*") == found(index, "mountain*") == [2, 1]
        assert found(index, "mountains*") == [1]
        assert found(index, "mountainsi*") == []
        assert found(index, '"a moun', is_typed=True) == [2]
        assert found(index, "dawn moun", is_typed=True) == [1]
        assert found(index, "moun ", is_typed=True) == []
        assert found(index, "at -mous*") == [2, 1]
        assert found(index, "at -moun", is_typed=True) == [2, 1]
        assert len(found(index, "1000*", limit=500)) == 96
        assert len(found(index, "number 100", is_typed=True, limit=500)) == 100

    def test_changes_by_other_programs_are_found_after_the_next_update(
        self, world: GalleryWorld, index: SearchIndex
    ) -> None:
        """A new prompt, a later writing, a changed text, and a deleted prompt."""
        assert found(index, "storm") == []
        world.add(APrompt(1, text="a storm", status="processing", written=False))
        assert found(index, "storm") == [1]
        self.change(
            world,
            "INSERT INTO writings (id, title, content_type, content)"
            " VALUES (7, 't', 'image_prompt', '{\"prompt\": \"a lighthouse\"}')",
        )
        self.change(
            world, "UPDATE prompts SET output_reference = 7, status = 'completed' WHERE id = 1"
        )
        assert found(index, "storm lighthouse") == [1]
        self.change(world, 'UPDATE writings SET content = \'{"prompt": "a tower"}\' WHERE id = 7')
        assert found(index, "tower") == [1]
        assert found(index, "lighthouse") == []
        self.change(world, "DELETE FROM prompts WHERE id = 1")
        assert found(index, "tower") == []

    def test_pages_follow_one_another(self, world: GalleryWorld, index: SearchIndex) -> None:
        """Every prompt once, newest first, even if few match the other conditions."""
        world.add(
            *(
                APrompt(number, artifact_status="error" if number % 7 == 0 else "ready")
                for number in range(1, 301)
            )
        )
        assert index.update(60)
        search = Search.of_text("lake")
        ids: list[int] = []
        before = None
        while True:
            page = index.find(SearchQuery(search, status="error", before=before, limit=5))
            ids += [prompt.id for prompt in page.prompts]
            before = page.next
            if before is None:
                break
        assert ids == [number for number in range(300, 0, -1) if number % 7 == 0]

    def test_the_index_can_be_rebuilt(self, world: GalleryWorld, index: SearchIndex) -> None:
        """It is emptied, and filled from the database."""
        world.add(APrompt(1))
        assert found(index, "lake") == [1]
        index.rebuild()
        assert index.find(SearchQuery(Search.of_text("lake"))).prompts == ()
        assert found(index, "lake") == [1]
