"""Which workflows ``mediagen workflow check`` looks at, and which servers it asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from domain.kind import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from adapters.comfyui_server.address import ServerAddress
    from adapters.comfyui_server.mapping import GivenInputs
    from entrypoints.cli.invocation import Invocation
    from entrypoints.settings.loading import LoadedSettings


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
        SettingsError: something is wrong with it, or it names none of the kind.
    """
    if file is not None:
        return [Subject(file, kind or _likely(file))]
    from entrypoints.settings.resolution import workflow_file, workflow_inputs

    loaded = invocation.settings()
    kinds = [kind] if kind else [each for each in Kind if _is_named(loaded, each)]
    if not kinds:
        message = "name a FILE, or set media.workflows.image or media.workflows.audio"
        raise click.UsageError(message)
    return [Subject(workflow_file(loaded, k), k, workflow_inputs(loaded, k)) for k in kinds]


def chosen_servers(
    invocation: Invocation, urls: Sequence[str], kind: Kind
) -> Sequence[ServerAddress]:
    """The servers that are named, or those of the configuration that render the kind.

    Raises:
        UsageError: what is named is no address.
        SettingsError: something is wrong with the configuration.
    """
    from adapters.comfyui_server.address import ServerAddress
    from entrypoints.settings.resolution import servers

    if not urls:
        return [ServerAddress(host.url) for host in servers(invocation.settings(), kind)]
    try:
        return [ServerAddress(url) for url in urls]
    except ValueError as error:
        raise click.UsageError(f"--server: {error}") from None


def _is_named(loaded: LoadedSettings, kind: Kind) -> bool:
    files = loaded.settings.media.workflows
    return bool(files.image if kind is Kind.IMAGE else files.audio)


def _likely(file: Path) -> Kind:
    """What a file seems to make; a picture where it is no workflow at all."""
    from adapters.comfyui_server.proposing import likely_kind
    from adapters.comfyui_server.workflow_file import load_graph

    return load_graph(file).map(likely_kind).value_or(Kind.IMAGE)
