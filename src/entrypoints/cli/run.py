"""``mediagen run``: render the pending prompts, then exit."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from application.ports.prompt_repository import RepositoryBusyError, RepositoryError
from application.signals import StopRequest
from domain.artifact_status import ArtifactStatus
from domain.prompt import Kind, status_sentence
from entrypoints.cli.invocation import ExitCode, Invocation, command, json_line
from entrypoints.cli.parameters import KindName, PromptId
from entrypoints.cli.progress import choose_progress, print_line
from entrypoints.cli.signals import stopping_on_signals
from entrypoints.terminal_text import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from application.drain import DrainReport
    from application.outbox_relay import HookDispatcher
    from application.ports.prompt_catalogue import PromptCatalogue
    from application.ports.prompt_repository import PromptRepository, Selection
    from domain.failure import Failure
    from domain.render import LiveRender
    from domain.workflow_rules import WorkflowKey
    from entrypoints.cli.progress import RunProgress
    from entrypoints.container import Container


HELP = """Render the pending prompts, oldest first, then exit.

With IDs, it renders only those prompts; ids that are not pending are reported and skipped. Work
left behind by a crashed worker is picked up. If that worker ran on another machine or in a
container, the command first waits up to 90 seconds for another heartbeat from it. Renders that
failed for a temporary reason are tried again before the command exits. While the queue is paused,
nothing is rendered (exit code 3).

\b
Examples:
  mediagen run
  mediagen run --kind image --limit 10
  mediagen run 200 201
"""


@command(name="run", help=HELP)
@click.argument("ids", nargs=-1, type=PromptId(ArtifactStatus.PENDING), metavar="[ID]...")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Render at most N prompts.")
@click.option("--kind", type=KindName(), help="Only this kind.")
def run(invocation: Invocation, ids: tuple[int, ...], limit: int | None, kind: Kind | None) -> int:
    """Drain the queue and print a summary."""
    from application.ports.prompt_repository import Selection

    selection = Selection(
        kinds=frozenset({kind} if kind else Kind), only=frozenset(ids) if ids else None
    )
    container, progress = compose_with_progress(invocation)
    with closing(container.connection()):
        return drain_selection(invocation, container, progress, selection, limit)


def compose_with_progress(invocation: Invocation) -> tuple[Container, RunProgress]:
    """The container for a command that renders, and the progress that it shows.

    Raises:
        SettingsError: a setting that rendering needs is missing.
    """
    from application.ports.events import EventFanout
    from entrypoints.container import compose
    from entrypoints.renderer_setup import require_complete

    # A missing setting is reported before anything is opened or claimed.
    require_complete(invocation.settings())
    progress = choose_progress(as_json=invocation.as_json)
    container = compose(invocation.settings())
    container.events.override(EventFanout(progress, container.worker_state()))
    return container, progress


def drain_selection(
    invocation: Invocation,
    container: Container,
    progress: RunProgress,
    selection: Selection,
    limit: int | None = None,
) -> int:
    """Render prompts until none is left or a signal arrives, and return the exit code.

    Args:
        invocation: the settings and the form of output.
        container: the parts of the worker.
        progress: shows the renders.
        selection: the prompts to render.
        limit: at most so many prompts, from 1; None for all.

    Raises:
        RepositoryError: the database cannot be used.
    """
    from adapters.processes.children import become_subreaper
    from adapters.system_clock import repeating
    from entrypoints.background_threads import hook_threads, live_state_threads
    from entrypoints.container import LEASE_POLL_INTERVAL
    from entrypoints.settings.resolution import lease_seconds

    become_subreaper()
    stop = StopRequest()
    container.connection().limit_waits_while(lambda: stop.made)
    drain = container.drain()
    skipped = _skipped_ids(selection, container.repository(), container.catalogue())
    total = container.repository().count_pending(selection)
    if warning := container.live_writer().prepare():
        print_line(f"warning: {warning}", err=True)
    lease = lease_seconds(invocation.settings())
    with stopping_on_signals(stop) as interruption, progress:
        progress.expect(total if limit is None else min(limit, total))
        try:
            with (
                closing(container.renderer()),
                repeating(container.keeper().tick, LEASE_POLL_INTERVAL),
                live_state_threads(container),
                hook_threads(container.hook_dispatcher(), stop),
            ):
                report = drain.run(
                    selection, stop, limit, lambda renders: _print_waiting(renders, lease)
                )
        except RepositoryBusyError:
            if interruption.exit_code is None:
                raise
            return interruption.exit_code
    if invocation.as_json:
        _print_document(report, skipped)
    else:
        _print_summary(report, skipped)
    _print_undelivered(container.hook_dispatcher())
    if interruption.exit_code is not None:
        return interruption.exit_code
    if report.stopped_by or report.paused or report.held or report.away:
        return ExitCode.ENVIRONMENT
    return ExitCode.SOME_FAILED if report.failed or skipped else ExitCode.DONE


def _skipped_ids(
    selection: Selection, repository: PromptRepository, catalogue: PromptCatalogue
) -> dict[int, str]:
    """The selected ids that cannot be rendered, with the reasons."""
    skipped: dict[int, str] = {}
    for prompt_id in sorted(selection.only or ()):
        if repository.count_pending(replace(selection, only=frozenset({prompt_id}))):
            continue
        record = catalogue.find(prompt_id)
        if record is None:
            skipped[prompt_id] = "there is no such image or lyrics prompt"
        elif record.prompt.artifact_status != "pending":
            prompt = record.prompt
            skipped[prompt_id] = status_sentence(prompt.artifact_status, prompt.error_message)
        elif record.prompt.kind not in selection.kinds:
            skipped[prompt_id] = f"its kind is {record.prompt.kind}"
        else:
            skipped[prompt_id] = "its writing is not there yet"
    return skipped


def _print_waiting(renders: Sequence[LiveRender], lease: float) -> None:
    """Explain why the command waits: the workers of these renders may be lost."""
    for render in renders:
        worker = one_line(f"{render.owner.host}:{render.owner.pid}")
        print_line(
            f"waiting    {render.prompt_id:>7}  its worker {worker} has sent no heartbeat recently;"
            f" without one in the next {lease:g} seconds, the prompt is picked up",
            err=True,
        )


def _print_summary(report: DrainReport, skipped: dict[int, str]) -> None:
    for prompt_id, reason in skipped.items():
        print_line(f"skipped    {prompt_id:>7}  {reason}", err=True)
    counts = [f"{report.published} ready", f"{report.failed} in error"]
    counts += [f"{report.released} released"] if report.released else []
    counts += [f"{report.superseded} superseded"] if report.superseded else []
    counts += [f"{report.postponed} postponed"] if report.postponed else []
    print_line(", ".join(counts))
    if report.failed:
        print_line("'mediagen list --status error' lists them, 'mediagen show ID' shows the reason")
    if report.paused:
        from entrypoints.cli.pause import pause_remedy, pause_sentence

        print_line(f"mediagen: {pause_sentence(report.paused)}", err=True)
        print_line(pause_remedy(report.paused), err=True)
    waiting = [("", *held) for held in report.held.items()]
    waiting += [("some ", *away) for away in report.away.items()]
    for some, (kind, name), failure in waiting if not report.stopped_by else ():
        which = f"{some}{kind.value} prompts"
        which += f' of the workflow "{one_line(name)}"' if name else ""
        reason = one_line(f"{failure.code}: {failure.summary}")
        print_line(f"mediagen: {which} wait: {reason}", err=True)
        print_line(f"Hint: {failure.hint}", err=True)
    if report.stopped_by:
        failure = report.stopped_by
        print_line(f"mediagen: stopped: {failure.code}: {failure.summary}", err=True)
        if failure.detail:
            print_line(failure.detail, err=True)
        print_line(f"Hint: {failure.hint} The remaining prompts are still pending.", err=True)
        message = "'mediagen run' tries one prompt, and continues if that succeeds."
        print_line(f"When it is fixed, {message}", err=True)


def _print_document(report: DrainReport, skipped: dict[int, str]) -> None:
    from entrypoints.cli.pause import pause_document

    failure = report.stopped_by
    document = {
        "event": "end",
        "ready": report.published,
        "error": report.failed,
        "released": report.released,
        "superseded": report.superseded,
        "postponed": report.postponed,
        "paused": pause_document(report.paused) if report.paused else None,
        "skipped": {str(prompt_id): reason for prompt_id, reason in skipped.items()},
        "interrupted": report.interrupted,
        "held": _held_documents(report.held),
        "away": _held_documents(report.away),
        "stopped_by": failure
        and {"code": failure.code.value, "message": failure.summary, "hint": failure.hint},
    }
    print_line(json_line(document))


def _held_documents(held: Mapping[WorkflowKey, Failure]) -> list[dict[str, str | None]]:
    return [
        {
            "kind": kind.value,
            "workflow": name or None,
            "code": why.code.value,
            "message": why.summary,
        }
        for (kind, name), why in held.items()
    ]


def _print_undelivered(dispatcher: HookDispatcher) -> None:
    """Print the number of hook deliveries that are still waiting, if there are any."""
    try:
        waiting = dispatcher.counts().waiting
    except RepositoryError:
        return
    if waiting:
        print_line(
            f"mediagen: hook deliveries still waiting: {waiting}; they are tried again while"
            " Media Generator runs",
            err=True,
        )
