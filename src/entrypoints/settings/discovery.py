"""Finding the configuration file (contract, section 6)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from entrypoints.settings.errors import Problem, SettingsError
from entrypoints.settings.expansion import Unexpandable, expanded

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE_NAME = "media_generator_config.json"
VARIABLE = "MEDIA_GENERATOR_CONFIG"


def find_file(config_file: Path | None, environ: Mapping[str, str], cwd: Path) -> Path | None:
    """The absolute path of the file to read, or None when there is none.

    A file that is named need not exist: reading it tells.

    Raises:
        SettingsError: the name cannot be expanded.
    """
    if config_file is not None:
        return _named(str(config_file), "command line", environ, cwd)
    if named := environ.get(VARIABLE):
        return _named(named, f"environment variable {VARIABLE}", environ, cwd)
    here = cwd / FILE_NAME
    if os.path.lexists(here):
        return here
    personal = _personal_folder() / FILE_NAME
    return personal if os.path.lexists(personal) else None


def _named(name: str, where: str, environ: Mapping[str, str], cwd: Path) -> Path:
    try:
        return cwd / expanded(name, environ)
    except Unexpandable as reason:
        what = f"the configuration file cannot be found: {reason}"
        raise SettingsError([Problem(where, what, reason.fix)]) from None


def _personal_folder() -> Path:
    from platformdirs import user_config_path  # only without a named file

    return user_config_path("media-generator", appauthor=False)
