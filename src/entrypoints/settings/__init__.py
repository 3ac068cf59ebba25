"""Settings: from a file, the environment and options to checked values and absolute paths."""

from entrypoints.settings.description import Row, describe
from entrypoints.settings.discovery import FILE_NAME
from entrypoints.settings.errors import Problem, SettingsError
from entrypoints.settings.layers import Source
from entrypoints.settings.loading import LoadedSettings, load_settings
from entrypoints.settings.model import Settings
from entrypoints.settings.resolution import (
    Installation,
    Locations,
    arguments,
    comfyui_directory,
    database_path,
    extra_arguments,
    interpreter,
    locations,
    output_root,
    renderer,
    script,
)

__all__ = [
    "FILE_NAME",
    "Installation",
    "LoadedSettings",
    "Locations",
    "Problem",
    "Row",
    "Settings",
    "SettingsError",
    "Source",
    "arguments",
    "comfyui_directory",
    "database_path",
    "describe",
    "extra_arguments",
    "interpreter",
    "load_settings",
    "locations",
    "output_root",
    "renderer",
    "script",
]
