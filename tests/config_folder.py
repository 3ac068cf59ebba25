"""A folder with a configuration file, loaded as a command would load it."""

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
class ConfigFolder:
    """A configuration folder next to the working folder, not above it.

    Attributes:
        folder: contains the configuration file.
        cwd: the working folder.
        environ: the whole environment.
        overrides: settings from the command line.
    """

    folder: Path
    cwd: Path
    environ: dict[str, str] = field(default_factory=dict)
    overrides: dict[str, object] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        return self.folder / FILE_NAME

    def write(self, content: object) -> None:
        """Write the configuration file: text unchanged, anything else as JSON."""
        text = content if isinstance(content, str) else json.dumps(content)
        self.file.write_text(text, encoding="utf-8")

    def load(self, content: object = None) -> LoadedSettings:
        """Load the existing file, or write this content first."""
        if content is not None:
            self.write(content)
        return load_settings(
            config_file=self.file, overrides=self.overrides, environ=self.environ, cwd=self.cwd
        )

    def refuse(self, content: object = None) -> SettingsError:
        """The error that ``load`` raises for the file or this content."""
        with pytest.raises(SettingsError) as caught:
            self.load(content)
        return caught.value


def make_config_folder(tmp_path: Path) -> ConfigFolder:
    """A new configuration folder with an empty configuration file."""
    config = ConfigFolder(tmp_path / "etc", tmp_path / "work")
    config.folder.mkdir()
    config.cwd.mkdir()
    config.write({})
    return config
