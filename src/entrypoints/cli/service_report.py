"""What ``mediagen service status`` says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from entrypoints.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from entrypoints.cli.invocation import Invocation
    from entrypoints.service.manager import Manager, State


def reported(invocation: Invocation, manager: Manager, name: str) -> int:
    """Print how the service is; 0 when it runs, 1 when it is not installed, otherwise 3."""
    file = manager.file(name)
    installed = file.exists()
    state = manager.state(name)
    if invocation.as_json:
        invocation.print_json(
            {
                "name": name,
                "manager": manager.title,
                "file": str(file),
                "installed": installed,
                "enabled": state.enabled,
                "active": state.active,
                "state": state.words,
                "pid": state.pid,
                "log": manager.log_words(name),
            }
        )
    else:
        _print(manager, name, state, installed=installed)
    if not installed:
        return ExitCode.SOME_FAILED
    return ExitCode.DONE if state.active else ExitCode.ENVIRONMENT


def _print(manager: Manager, name: str, state: State, *, installed: bool) -> None:
    from entrypoints.cli.printable import one_line

    if not installed:
        click.echo(f"{name} is not installed; 'mediagen service install' does that")
        if state.active:
            click.echo(f"and yet {manager.title} runs it ({one_line(state.words)})", err=True)
        return
    pid = f", process {state.pid}" if state.pid else ""
    runs = {True: "it runs", False: "it does not run", None: "whether it runs is unknown"}
    starts = {True: "yes, when you log in", False: "no", None: "unknown"}
    rows = {
        name: f"{runs[state.active]} ({one_line(state.words)}{pid})",
        "by itself": starts[state.enabled],
        "file": str(manager.file(name)),
        "log": manager.log_words(name),
    }
    width = max(map(len, rows))
    for what, words in rows.items():
        click.echo(f"{what:<{width}}  {words}")
    for remark in manager.remarks():
        click.echo(f"note: {remark}", err=True)
