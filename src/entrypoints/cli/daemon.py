"""``mediagen daemon``: render what comes, for as long as it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from entrypoints.cli.exit_codes import ExitCode
from entrypoints.cli.invocation import Invocation, command

if TYPE_CHECKING:
    from entrypoints.settings.loading import LoadedSettings

HELP = """Render what comes, for as long as it runs.

A prompt that another program commits is rendered at once. What a worker left that died is taken
over. A broken environment is waited out: the queue is paused, and one prompt is tried from time
to time. SIGTERM or SIGINT ends it, and gives back what is being rendered; SIGHUP lets it read
its settings anew.

\b
Examples:
  mediagen daemon
  mediagen daemon --serve
  mediagen --set workers.image=2 --set workers.audio=1 daemon
"""


@command(name="daemon", help=HELP, short_help="Render what comes, for as long as it runs.")
@click.option("--serve", is_flag=True, help="Show the page too, as 'mediagen serve' does.")
def daemon(invocation: Invocation, *, serve: bool) -> int:
    """Run the daemon until a signal ends it."""
    import os

    from adapters.processes.adoption import become_subreaper, kill_own_groups
    from adapters.systemd_notice import SystemdNotice
    from entrypoints.daemon.daemon import Daemon
    from entrypoints.daemon.signals import heeding_signals
    from entrypoints.daemon.surroundings import Surroundings

    loaded = _load(invocation)
    become_subreaper()
    with heeding_signals(kill_own_groups) as wishes:
        manager = SystemdNotice.from_environment(os.environ)
        around = Surroundings(loaded, manager, serves=serve)
        try:
            Daemon(loaded, lambda: _load(invocation), around, wishes).run()
        finally:
            around.close()
    return ExitCode.DONE


def _load(invocation: Invocation) -> LoadedSettings:
    """The settings as they are now; raises SettingsError when nothing can be rendered with them."""
    from application.audience import Audience
    from entrypoints.container import compose

    loaded = invocation.anew().settings()
    compose(loaded, Audience()).workflows()
    return loaded
