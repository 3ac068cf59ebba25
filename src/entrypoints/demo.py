"""The demo's workspace: a folder with a shared database, a configuration and an output tree."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from application.ports.intake import Submission
from domain.prompt import Kind

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Workspace:
    """The files of the demo.

    Attributes:
        folder: the workspace folder, absolute.
    """

    folder: Path

    @property
    def database(self) -> Path:
        """The shared database."""
        return self.folder / "musings.db"

    @property
    def config_file(self) -> Path:
        """The configuration file, for later commands."""
        return self.folder / "media_generator_config.json"

    @property
    def output_root(self) -> Path:
        """The folder of the published media."""
        return self.folder / "output"

    def prepare(self) -> None:
        """Create the files that are missing; existing files stay as they are.

        Raises:
            OSError: the folder cannot be created or written to.
            RepositoryError: the database cannot be created.
        """
        from adapters.sqlite.shared_schema import create_database

        self.output_root.mkdir(parents=True, exist_ok=True)
        if not self.config_file.exists():
            text = json.dumps(self._configuration(), indent=2, ensure_ascii=False)
            self.config_file.write_text(text + "\n", "utf-8")
        if not self.database.exists():
            create_database(self.database)

    def overrides(self) -> dict[str, str]:
        """The settings of the demo, by dotted name."""
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
    """Prompts for four pictures and two songs, written the way a language model writes them."""
    text = resources.files("entrypoints").joinpath("demo_prompts.json").read_text("utf-8")
    return tuple(_submission(entry) for entry in json.loads(text))


def _submission(entry: dict[str, object]) -> Submission:
    content = json.dumps(entry["writing"], indent=2, ensure_ascii=False)
    if entry.get("fenced"):
        content = f"Here is the prompt:\n\n```json\n{content}\n```\n"
    text = str(entry["text"])
    return Submission(Kind(str(entry["kind"])), text, content, title=text)
