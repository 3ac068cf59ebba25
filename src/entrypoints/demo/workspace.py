"""The folder of the demo: a shared database, a configuration, an output tree."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from application.ports.prompt_intake import Submission
from domain.kind import Kind

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where the demo keeps its things.

    Attributes:
        folder: absolute.
    """

    folder: Path

    @property
    def database(self) -> Path:
        """The shared database."""
        return self.folder / "musings.db"

    @property
    def config_file(self) -> Path:
        """The configuration, for later commands."""
        return self.folder / "media_generator_config.json"

    @property
    def output_root(self) -> Path:
        """Where the media appear."""
        return self.folder / "output"

    def prepare(self) -> None:
        """Make what is missing; what is there stays as it is.

        Raises:
            OSError: the folder cannot be made or written to.
            RepositoryError: the database cannot be made.
        """
        from adapters.sqlite.schema import create_database

        self.output_root.mkdir(parents=True, exist_ok=True)
        if not self.config_file.exists():
            text = json.dumps(self._configuration(), indent=2, ensure_ascii=False)
            self.config_file.write_text(text + "\n", "utf-8")
        if not self.database.exists():
            create_database(self.database)

    def overrides(self) -> dict[str, str]:
        """What makes this a demo, by dotted key."""
        return {
            "database.path": str(self.database),
            "comfyui.output_directory": str(self.output_root),
            "media.renderer.image": "sketch",
            "media.renderer.audio": "sketch",
            "paths.state": str(self.folder / "state"),
        }

    def _configuration(self) -> dict[str, Any]:
        tree: dict[str, Any] = {}
        for name, value in self.overrides().items():
            *groups, last = name.split(".")
            inner = tree
            for group in groups:
                inner = inner.setdefault(group, {})
            inner[last] = value
        return tree


def demo_submissions() -> tuple[Submission, ...]:
    """Four pictures and two songs, written the way a language model writes them."""
    text = resources.files(__package__).joinpath("prompts.json").read_text("utf-8")
    return tuple(_submission(entry) for entry in json.loads(text))


def _submission(entry: dict[str, object]) -> Submission:
    content = json.dumps(entry["writing"], indent=2, ensure_ascii=False)
    if entry.get("fenced"):
        content = f"Here is the prompt:\n\n```json\n{content}\n```\n"
    text = str(entry["text"])
    return Submission(Kind(str(entry["kind"])), text, content, title=text)
