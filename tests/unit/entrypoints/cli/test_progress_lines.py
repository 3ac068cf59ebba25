"""What people read of a run where nothing is drawn."""

from __future__ import annotations

from application.ports.events import RenderPreviewed, ServerReturned, ServerSetAside
from entrypoints.cli.progress_lines import line


def test_a_server_that_goes_and_comes_has_a_line() -> None:
    """One line each, whatever stands in the reason."""
    gone = ServerSetAside("http://one:8188", "server_stuck", "it works\non nothing")
    assert line(gone) == "set aside  http://one:8188  server_stuck: it works on nothing"
    assert line(ServerReturned("http://one:8188")) == "back       http://one:8188"


def test_a_preview_has_none() -> None:
    """Several a second would bury the rest."""
    assert line(RenderPreviewed(1, 2, b"picture", "image/png")) is None
