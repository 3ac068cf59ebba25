"""What the render servers of the settings are called in events and metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from entrypoints.settings.loading import LoadedSettings


def server_names(loaded: LoadedSettings) -> tuple[str, ...]:
    """The addresses without secrets; none where no kind is rendered on a server.

    Raises:
        SettingsError: a server's address is none.
    """
    from entrypoints.building_renderers import served_kinds

    kinds = served_kinds(loaded)
    if not kinds:
        return ()
    from adapters.comfyui_server.address import ServerAddress
    from entrypoints.settings import resolution

    hosts = resolution.servers(loaded)
    return tuple(ServerAddress(host.url).name for host in hosts if host.kinds & kinds)
