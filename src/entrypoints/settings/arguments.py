"""What the script adapter knows about arguments; imported only when somebody sets one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.kind import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# "entrypoints.settings" is imported by every command, the adapter only where it is needed.


def field_names(mapping: str) -> frozenset[str]:
    """The fields that may stand in "media.arguments.image" or "media.arguments.audio"."""
    from adapters.comfyui_script.workflow import FIELDS

    return FIELDS[_kind(mapping)]


def default_names(kind: Kind) -> Mapping[str, str]:
    """The seed's argument name for each field that is passed on by default."""
    from adapters.comfyui_script.workflow import DEFAULT_ARGUMENTS

    return DEFAULT_ARGUMENTS[kind]


def unknown_placeholders(extras: str, text: str) -> Sequence[str]:
    """The ``{names}`` in a text of "media.extra_arguments.<kind>" that are no fields."""
    from adapters.comfyui_script.arguments import unknown_placeholders as unknown

    return unknown(_kind(extras), text)


def _kind(name: str) -> Kind:
    return Kind(name.rpartition(".")[2])
