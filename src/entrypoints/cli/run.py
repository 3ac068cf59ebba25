"""``mediagen run``: drain what is pending."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import click

from application.ports.prompt_repository import RepositoryBusyError
from application.stopping import StopRequest
from domain.artifact_status import ArtifactStatus
from domain.kind import Kind
from entrypoints.cli.exit_codes import ExitCode
from entrypoints.cli.invocation import Invocation, command
from entrypoints.cli.parameters import PromptId
from entrypoints.cli.progress import readers_may_leave, say
from entrypoints.cli.signals import stopping_on_signals
from entrypoints.cli.undelivered import say_what_is_left
from entrypoints.delivering import delivering

if TYPE_CHECKING:
    from adapters.live_state.worker_state import WorkerState
    from application.drain import DrainReport
    from application.ports.prompt_catalogue import PromptCatalogue
    from application.ports.prompt_repository import PromptRepository, Selection
    from domain.failure import Failure
    from entrypoints.cli.progress import RunProgress
    from entrypoints.container import Container


HELP = """Render what is pending, oldest first, then end.

With IDs, render just those; an id that is not pending is named and skipped. What a worker left
that died is taken over. A render that failed for a passing reason is tried again: the command
waits for that. While the queue is paused nothing is rendered (exit code 3).

\b
Examples:
  mediagen run
  mediagen run --kind image --limit 10
  mediagen run 200 201
"""


@command(name="run", help=HELP, short_help="Render what is pending, then end.")
@click.argument("ids", nargs=-1, type=PromptId(ArtifactStatus.PENDING), metavar="[ID]...")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Render at most N prompts.")
@click.option("--kind", type=click.Choice([k.value for k in Kind]), help="Only this kind.")
def run(invocation: Invocation, ids: tuple[int, ...], limit: int | None, kind: str | None) -> int:
    """Drain the queue and say how it went."""
    from application.ports.prompt_repository import Selection

    selection = Selection(
        kinds=frozenset({Kind(kind)} if kind else Kind), only=frozenset(ids) if ids else None
    )
    container, progress, state = invocation.container_with_progress()
    with closing(container.connection()):
        return drain_selection(invocation, container, progress, state, selection, limit)


def drain_selection(
    invocation: Invocation,
    container: Container,
    progress: RunProgress,
    state: WorkerState,
    selection: Selection,
    limit: int | None = None,
) -> int:
    """Drain under signals and with progress; gives the exit code."""
    from adapters.heartbeat import beating
    from adapters.processes.adoption import become_subreaper
    from entrypoints.building import LOOK_SECONDS
    from entrypoints.building_renderers import servers_in_use
    from entrypoints.showing import build_live_writer, shown_to_others

    become_subreaper()
    stop = StopRequest()
    container.connection().hurry_when(lambda: stop.made)
    drain = container.drain()
    skipped = _not_pending(selection, container.repository(), container.catalogue())
    total = container.repository().count_pending(selection)
    writer = build_live_writer(
        invocation.settings(), state, container.processes(), container.clock()
    )
    if warning := writer.prepare():
        say(f"warning: {warning}", err=True)
    with stopping_on_signals(stop) as interruption, progress:
        progress.expect(total if limit is None else min(limit, total))
        try:
            with (
                servers_in_use(container.server_renderer()),
                beating(container.keeper().tick, LOOK_SECONDS),
                shown_to_others(state, writer, container.admission().standing),
                delivering(container.notifier(), stop),
            ):
                report = drain.run(selection, stop, limit)
        except RepositoryBusyError:
            if interruption.exit_code is None:
                raise
            return interruption.exit_code
    _summarise(invocation, report, skipped)
    say_what_is_left(container.notifier())
    if interruption.exit_code is not None:
        return interruption.exit_code
    if report.stopped_by or report.paused:
        return ExitCode.ENVIRONMENT
    return ExitCode.SOME_FAILED if report.failed or skipped else ExitCode.DONE


def _not_pending(
    selection: Selection, repository: PromptRepository, catalogue: PromptCatalogue
) -> dict[int, str]:
    """Why some of the ids that were named cannot be taken."""
    from dataclasses import replace

    skipped: dict[int, str] = {}
    for prompt_id in sorted(selection.only or ()):
        if repository.count_pending(replace(selection, only=frozenset({prompt_id}))):
            continue
        found = catalogue.find(prompt_id)
        if found is None:
            skipped[prompt_id] = "there is no such image or lyrics prompt"
        elif found.prompt.artifact_status != "pending":
            skipped[prompt_id] = f"it is {found.prompt.artifact_status}"
        elif found.prompt.kind not in selection.kinds:
            skipped[prompt_id] = f"its kind is {found.prompt.kind}"
        else:
            skipped[prompt_id] = "its writing is not there yet"
    return skipped


def _summarise(invocation: Invocation, report: DrainReport, skipped: dict[int, str]) -> None:
    if invocation.as_json:
        with readers_may_leave():
            invocation.print_json(_document(report, skipped))
        return
    for prompt_id, reason in skipped.items():
        say(f"skipped    {prompt_id:>7}  {reason}", err=True)
    counts = [f"{report.published} ready", f"{report.failed} in error"]
    counts += [f"{report.released} given back"] if report.released else []
    counts += [f"{report.superseded} superseded"] if report.superseded else []
    counts += [f"{report.postponed} tried again"] if report.postponed else []
    say(", ".join(counts))
    if report.failed:
        say("'mediagen list --status error' names them, 'mediagen show ID' says why")
    if report.paused:
        from entrypoints.cli.pause_report import pause_remedy, pause_sentence

        say(f"mediagen: {pause_sentence(report.paused)}", err=True)
        say(pause_remedy(report.paused), err=True)
    if report.stopped_by:
        failure = report.stopped_by
        say(f"mediagen: stopped: {failure.code}: {failure.message}", err=True)
        if failure.detail:
            say(failure.detail, err=True)
        say(f"Hint: {failure.hint} What was not rendered is still pending.", err=True)
        say("Once that is mended, 'mediagen run' tries one prompt and goes on.", err=True)


def _document(report: DrainReport, skipped: dict[int, str]) -> dict[str, object]:
    from entrypoints.cli.pause_report import pause_document

    return {
        "event": "end",
        "ready": report.published,
        "error": report.failed,
        "released": report.released,
        "superseded": report.superseded,
        "postponed": report.postponed,
        "paused": pause_document(report.paused) if report.paused else None,
        "skipped": {str(prompt_id): reason for prompt_id, reason in skipped.items()},
        "interrupted": report.interrupted,
        "stopped_by": _failure(report.stopped_by) if report.stopped_by else None,
    }


def _failure(failure: Failure) -> dict[str, str]:
    return {"code": failure.code.value, "message": failure.message, "hint": failure.hint}
