"""What the adapters know about fields; imported only when somebody maps one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domain.kind import Kind
from entrypoints.settings.schema import INPUTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# "entrypoints.settings" is imported by every command, the adapter only where it is needed.


def field_names(mapping: str) -> frozenset[str]:
    """The fields that may stand in "media.arguments.image", "media.inputs.audio" and so on."""
    if mapping.startswith(INPUTS):
        from adapters.comfyui_server.fields import FIELDS as OF_SERVERS

        return OF_SERVERS[_kind(mapping)]
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
