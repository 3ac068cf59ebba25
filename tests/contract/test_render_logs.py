"""Contract tests of the logs in memory and in files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.render_logs import RenderLogFiles
from tests.contract.render_logs_contract import RenderLogsContract
from tests.fakes.render_logs import InMemoryRenderLogs

if TYPE_CHECKING:
    from pathlib import Path


class TestInMemoryRenderLogs(RenderLogsContract):
    def logs(self, folder: Path) -> InMemoryRenderLogs:
        return InMemoryRenderLogs()


class TestRenderLogFiles(RenderLogsContract):
    def logs(self, folder: Path) -> RenderLogFiles:
        return RenderLogFiles(folder / "renders", 4096)
