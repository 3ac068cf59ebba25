"""``mediagen daemon``: render prompts as they arrive, until it is stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from entrypoints.cli.invocation import ExitCode, Invocation, command

if TYPE_CHECKING:
    from entrypoints.settings.loader import LoadedSettings

HELP = """Keep running, and render prompts as they arrive.

A new prompt is rendered at once, whichever program adds it. Work left behind by a crashed worker is
picked up. If something that all prompts need fails, such as ComfyUI, a model or the disk, the queue
is paused, and one prompt is tried from time to time until it works again. SIGTERM or SIGINT stops
the daemon, and prompts that are being rendered go back to the queue; SIGHUP makes it reload its
settings.

\b
Examples:
  mediagen daemon
  mediagen daemon --serve
  mediagen --set workers.image=2 --set workers.audio=1 daemon
"""


@command(name="daemon", help=HELP)
@click.option("--serve", is_flag=True, help="Serve the web page too, as 'mediagen serve' does.")
def daemon(invocation: Invocation, *, serve: bool) -> int:
    """Run the daemon until a signal ends it."""
    import os

    from adapters.processes.children import become_subreaper, kill_all_groups
    from adapters.systemd_notifier import SystemdNotifier
    from entrypoints.daemon.daemon import Daemon, signal_requests
    from entrypoints.daemon.telemetry import DaemonTelemetry

    loaded = _load(invocation)
    become_subreaper()
    with signal_requests(kill_all_groups) as requests:
        manager = SystemdNotifier.from_environment(os.environ)
        telemetry = DaemonTelemetry(loaded, manager, serves=serve)
        try:
            Daemon(loaded, lambda: _load(invocation), telemetry, requests).run()
        finally:
            telemetry.close()
    return ExitCode.DONE


def _load(invocation: Invocation) -> LoadedSettings:
    """The settings as they are now. Raises SettingsError if something for rendering is not set."""
    from entrypoints.renderer_setup import require_complete

    loaded = invocation.fresh().settings()
    require_complete(loaded)
    return loaded
