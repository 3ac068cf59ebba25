"""How the daemon's chores are built from the settings."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adapters.sqlite.connection import Connection
    from application.housekeeping import Housekeeping
    from application.ports.artifact_store import ArtifactStore
    from application.ports.clock import Clock
    from application.ports.render_logs import RenderLogs
    from entrypoints.settings.loading import LoadedSettings


def build_housekeeping(
    loaded: LoadedSettings,
    connection: Connection,
    logs: RenderLogs,
    store: ArtifactStore,
    clock: Clock,
) -> Housekeeping:
    """Removes what is only kept for a while."""
    from adapters.sqlite.notices import SqliteNotices
    from adapters.sqlite.render_history import SqliteRenderHistory
    from application.housekeeping import Housekeeping

    days = loaded.settings.database.retention_days
    return Housekeeping(
        SqliteRenderHistory(connection),
        SqliteNotices(connection),
        logs,
        store,
        clock,
        timedelta(days=days) if days else None,
    )
