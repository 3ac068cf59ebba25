"""Checks that take more than one key, or the script adapter's knowledge."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from entrypoints.settings.arguments import field_names, unknown_placeholders
from entrypoints.settings.errors import Problem
from entrypoints.settings.hook_soundness import hook_problems
from entrypoints.settings.server_soundness import server_problems
from entrypoints.settings.web_soundness import web_problems

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from entrypoints.settings.layers import Entry
    from entrypoints.settings.model import Settings

_ROOT = "comfyui.output_directory"


def contradictions(settings: Settings, entries: Mapping[str, Entry]) -> Iterator[Problem]:
    """What is wrong with settings of which every single value is fine."""
    root = joined_output_root(settings)
    if root is not None and not os.path.realpath(root).strip("/"):
        what = f"{_ROOT} comes to {root}, the root of the file system"
        fix = "Name a folder that holds nothing but generated media."
        yield Problem(_where(entries, _ROOT), what, fix, _ROOT)
    workers = settings.workers
    if workers.shared == 0 and not (workers.image or workers.audio):
        what = (
            "workers.shared, workers.image and workers.audio are all 0: nothing would be rendered"
        )
        fix = "Give one of them a number, or leave workers.shared out."
        yield Problem(_where(entries, "workers.shared"), what, fix, "workers.shared")
    for kind, extras in (
        ("image", settings.media.extra_arguments.image),
        ("audio", settings.media.extra_arguments.audio),
    ):
        name = f"media.extra_arguments.{kind}"
        for text in extras:
            for placeholder in unknown_placeholders(name, text) if "{" in text else ():
                what = f"{name} names {{{placeholder}}}, but {kind} has no such field"
                fix = f"Its fields: {', '.join(sorted(field_names(name)))}."
                yield Problem(_where(entries, name), what, fix, name)
    yield from hook_problems(settings, lambda key: _where(entries, key))
    yield from server_problems(settings, lambda key: _where(entries, key))
    yield from web_problems(settings, lambda key: _where(entries, key))


def joined_output_root(settings: Settings) -> Path | None:
    """The output root's absolute path, or None while nobody can know it."""
    directory = Path(settings.comfyui.output_directory)
    if directory.is_absolute():
        return directory
    comfyui = settings.comfyui.comfyui_directory
    return Path(comfyui) / directory if comfyui else None


def _where(entries: Mapping[str, Entry], name: str) -> str:
    return entries[name].where if name in entries else "default settings"
