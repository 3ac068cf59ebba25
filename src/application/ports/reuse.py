"""The port to what was published for jobs that other prompts may ask for again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class ReusableFile:
    """A file that was published, and what its row said of it then.

    Attributes:
        prompt_id: the prompt that it was rendered for.
        render_id: the render that made it.
        path: relative to the output root, as in its row.
        facts: the values of its metadata that a copy needs, by name.
    """

    prompt_id: int
    render_id: int
    path: str
    facts: Mapping[str, object] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The file's own name, without folders."""
        return self.path.rpartition("/")[2]

    @property
    def seed(self) -> int | None:
        """The seed that it was made with."""
        seed = self.facts.get("seed")
        return seed if isinstance(seed, int) else None

    @property
    def mark_id(self) -> str:
        """The id of the mark in it; "" if it has none from this program."""
        mark = self.facts.get("mark")
        return str(mark.get("id", "")) if isinstance(mark, dict) else ""

    def text(self, name: str) -> str:
        """A fact that is a text; "" if there is none."""
        value = self.facts.get(name)
        return value if isinstance(value, str) else ""


FACTS = ("sha256", "seed", "mark", "renderer", "workflow", "prompt_passed")
"""The names of the metadata that ``ReusableFile.facts`` holds."""


class ReuseIndex(Protocol):
    """Finds what was published by the key of its job. Safe from any thread."""

    def find(self, key: str, prompt_id: int) -> Sequence[ReusableFile]:
        """The files of the last render with a key; empty if there is none.

        Also empty if the prompt was published before: a person who asks for it again wants another
        render.

        Args:
            key: of the job.
            prompt_id: the prompt that asks.

        Raises:
            RepositoryError: the database cannot be used.
        """
        ...
