"""Which workflows ``mediagen workflow check`` looks at, and which servers it asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from adapters.comfyui_server.mapping import GivenInputs
    from domain.kind import Kind
    from entrypoints.cli.invocation import Invocation


@dataclass(frozen=True, slots=True)
class Subject:
    """One workflow to look at.

    Attributes:
        path: of its file.
        kind: what it is to make.
        given: the configuration's part of its mapping.
    """

    path: Path
    kind: Kind
    given: GivenInputs = field(default_factory=dict)


def subjects(invocation: Invocation, file: Path | None, kind: Kind | None) -> list[Subject]:
    """The file that is named, or those of the configuration.

    Raises:
        UsageError: the configuration names none.
        SettingsError: something is wrong with it.
    """
    if file is not None:
        return [Subject(file, kind or _likely(file))]
    raise click.UsageError("name a FILE")


def configured_servers(invocation: Invocation, kind: Kind) -> Sequence[str]:
    """The addresses of the servers that render a kind.

    Raises:
        SettingsError: something is wrong with the configuration.
    """
    return (invocation.settings().settings.comfyui.host,)


def _likely(file: Path) -> Kind:
    """What a file seems to make; a picture where it is no workflow at all."""
    from adapters.comfyui_server.proposing import likely_kind
    from adapters.comfyui_server.workflow_file import load_graph
    from domain.kind import Kind

    return load_graph(file).map(likely_kind).value_or(Kind.IMAGE)
