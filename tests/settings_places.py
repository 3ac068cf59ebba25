"""A folder with a configuration file in it, loaded as a command would load it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from entrypoints.settings.errors import SettingsError
from entrypoints.settings.loader import FILE_NAME, LoadedSettings, load_settings

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Place:
    """A configuration folder beside, not above, the working folder.

    Attributes:
        folder: holds the file.
        cwd: the working folder.
        environ: the whole environment.
        overrides: from the command line.
    """

    folder: Path
    cwd: Path
    environ: dict[str, str] = field(default_factory=dict)
    overrides: dict[str, object] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        return self.folder / FILE_NAME

    def write(self, content: object) -> None:
        """Text as it stands, anything else as JSON."""
        text = content if isinstance(content, str) else json.dumps(content)
        self.file.write_text(text, encoding="utf-8")

    def load(self, content: object = None) -> LoadedSettings:
        """Load the file with this content, or the one that is there."""
        if content is not None:
            self.write(content)
        return load_settings(
            config_file=self.file, overrides=self.overrides, environ=self.environ, cwd=self.cwd
        )

    def refuse(self, content: object = None) -> SettingsError:
        """The error that loading ends in."""
        with pytest.raises(SettingsError) as caught:
            self.load(content)
        return caught.value


def make_place(tmp_path: Path) -> Place:
    """A fresh place with an empty configuration file."""
    place = Place(tmp_path / "etc", tmp_path / "work")
    place.folder.mkdir()
    place.cwd.mkdir()
    place.write({})
    return place
