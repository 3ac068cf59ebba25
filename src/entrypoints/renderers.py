"""The registry of renderers: the values of ``media.renderer.image`` and ``.audio``.

The choices and their check, the container, the doctor and the names in metrics follow from this
table. A new renderer is its adapter, its class in ``renderer_setup`` and one entry here; the
documents must name it.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from domain.prompt import Kind
from entrypoints.lazy_import import Lazy

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT: Final = "script"


@dataclass(frozen=True, slots=True)
class RendererEntry:
    """One renderer.

    Attributes:
        name: its value in the settings.
        title: its description in messages.
        setup: the class of its ``RendererSetup``.
        kinds: the kinds that it can render.
        on_servers: whether its jobs run on the servers of ``comfyui.hosts``, and may outlive the
            worker that submitted them.
    """

    name: str
    title: str
    setup: Lazy
    kinds: frozenset[Kind] = frozenset(Kind)
    on_servers: bool = False


_ENTRIES = (
    RendererEntry(
        "script", "a ComfyUI workflow script", Lazy("entrypoints.renderer_setup:ScriptSetup")
    ),
    RendererEntry(
        "sketch",
        "the built-in sketch, which needs no model",
        Lazy("entrypoints.renderer_setup:SketchSetup"),
    ),
    RendererEntry(
        "server",
        "a ComfyUI server",
        Lazy("entrypoints.renderer_setup:ServerSetup"),
        on_servers=True,
    ),
    RendererEntry("ray", "a slot of a Ray cluster", Lazy("entrypoints.renderer_setup:RaySetup")),
)

RENDERERS: Final[Mapping[str, RendererEntry]] = MappingProxyType(
    {entry.name: entry for entry in _ENTRIES}
)
"""The renderers by name, in the order in which messages list them."""


def names_for(kind: Kind) -> tuple[str, ...]:
    """The names of the renderers that can render a kind."""
    return tuple(entry.name for entry in RENDERERS.values() if kind in entry.kinds)
