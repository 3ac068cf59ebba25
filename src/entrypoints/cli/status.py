"""``mediagen status``: show the state of the queue, once or until Ctrl-C."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

import click

from application.ports.workers import total_slots
from domain.artifact_status import ArtifactStatus
from domain.failure import hint_of
from domain.prompt import CANCELLED, Kind
from entrypoints.cli.invocation import ExitCode, Invocation, command
from entrypoints.cli.pause import pause_document, pause_remedy, pause_sentence
from entrypoints.cli.timestamps import (
    age_of,
    duration,
    seconds_since,
    time_left,
    with_age,
    with_time_until,
)
from entrypoints.terminal_text import one_line, table, terminal_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from application.ports.database import Database, Hold, Pause
    from application.ports.live_state import (
        HostView,
        RenderView,
        ServerView,
        UnavailableKind,
        WorkerView,
    )
    from application.ports.prompt_catalogue import QueueSummary, RenderRecord
    from application.ports.workers import RegisteredWorker
    from application.signals import StopRequest
    from domain.workflow_rules import WorkflowKey, WorkflowRules

HELP = """Show the state of the queue.

This shows counts by kind and status, renders in progress, prompts waiting for another attempt,
whether the queue is paused and why, and what to do if something is wrong. 'unwritten' prompts are
waiting for the Poets Service to write their text. With --watch the display is updated until Ctrl-C,
and also shows recent renders.

\b
Examples:
  mediagen status
  mediagen status --watch
  mediagen status --json
"""
_BAR_COLUMNS: Final = 20
_MAX_RECENT: Final = 8  # renders shown with --watch
_MAX_NAMED: Final = 8  # prompts in the row of a machine
_POLL_INTERVAL: Final = 0.1  # seconds between two checks for Ctrl-C


class Snapshot(NamedTuple):
    """The queue and its workers at one moment.

    Attributes:
        summary: counts and live renders from the database.
        pause: the pause in force, or None.
        workers: the running workers of this machine, oldest first.
        hosts: their warm hosts, oldest first.
        elsewhere: the automatic pauses of other machines and settings.
        registered: the workers of all machines, by machine.
        holds: the named workflows that a worker of any machine found unable to run.
        names_workflows: whether the settings name several workflows, each of which may be unable
            to run; only a worker, or the doctor, finds out.
        held: the pending prompts of named workflows that cannot run here, as far as they were
            looked at.
    """

    summary: QueueSummary
    pause: Pause | None
    workers: Sequence[WorkerView] = ()
    hosts: Sequence[HostView] = ()
    elsewhere: Sequence[Pause] = ()
    registered: Sequence[RegisteredWorker] = ()
    holds: Sequence[Hold] = ()
    names_workflows: bool = False
    held: Mapping[WorkflowKey, Sequence[int]] = MappingProxyType({})

    @property
    def live(self) -> list[RenderRecord]:
        """The renders in progress."""
        return [render for render in self.summary.rendering if not render.lost]

    @property
    def lost(self) -> list[RenderRecord]:
        """The live renders whose workers seem to be lost."""
        return [render for render in self.summary.rendering if render.lost]

    @property
    def seconds_left(self) -> float | None:
        """How long the whole queue will take; None while it is paused, and if that is unknown."""
        if self.pause:
            return None
        reports = [self.progress(render) for render in self.live]
        left = [report and _seconds_left(*report) for report in reports]
        return self.summary.seconds_left(self.slots, left, self.held_counts)

    @property
    def held_counts(self) -> Mapping[Kind, int]:
        """How many pending prompts of each kind wait for workflows that cannot run."""
        if not self.held:
            return {}
        from application.workflow_holds import held_counts

        return held_counts(self.held)

    @property
    def slots(self) -> int:
        """How many prompts all workers render at the same time."""
        return total_slots(self.workers, self.registered)

    @property
    def unavailable(self) -> Sequence[UnavailableKind]:
        """The kinds and named workflows that cannot be rendered."""
        if not self.workers and not self.holds:
            return ()
        from application.workflow_holds import unavailable_kinds

        return unavailable_kinds(self.workers, self.holds)

    def prompts_of(self, broken: UnavailableKind) -> Sequence[int] | None:
        """The pending prompts of a workflow that cannot run; None if they were not looked for."""
        from application.workflow_holds import prompts_of

        return prompts_of(broken, self.held)

    def progress(self, render: RenderRecord) -> tuple[RenderView, WorkerView] | None:
        """What the render's worker says about it, and that worker; None if it says nothing."""
        for worker in self.workers:
            for view in worker.renders:
                if view.render_id == render.render_id:
                    return view, worker
        return None


@command(name="status", help=HELP)
@click.option("--watch", "is_watch", is_flag=True, help="Update the display until Ctrl-C.")
@click.option(
    "--interval",
    type=click.FloatRange(0.1, 3600),
    metavar="SECONDS",
    help="Time between two updates with --watch; 1 by default.",
)
def status(invocation: Invocation, *, is_watch: bool, interval: float | None) -> int:
    """Print the snapshot, once or repeatedly."""
    from entrypoints.factories import host_records, live_reader

    if interval is not None and not is_watch:
        raise click.UsageError("--interval needs --watch")
    reader = live_reader(invocation.settings())
    hosts = host_records(invocation.settings())
    workflows = invocation.settings().settings.media.workflows
    names_workflows = any(isinstance(getattr(workflows, kind), tuple) for kind in Kind)
    rules = partial(_rules, invocation)
    with invocation.open_database() as database:

        def read() -> Snapshot:
            summary, pauses = database.catalogue.summary(), database.controls.pauses()
            here = next((pause for pause in pauses if not pause.elsewhere), None)
            elsewhere = [pause for pause in pauses if pause.elsewhere]
            snapshot = Snapshot(
                summary,
                here,
                reader.workers(),
                hosts.hosts(),
                elsewhere,
                database.workers.workers(),
                database.controls.holds(),
                names_workflows,
            )
            return snapshot._replace(held=_held(snapshot, database, rules))

        if is_watch:
            return _watch(invocation, read, interval or 1.0)
        snapshot = read()
    if invocation.as_json:
        invocation.print_json(status_document(snapshot))
    else:
        click.echo("\n".join(status_lines(snapshot)))
    return ExitCode.DONE


def _rules(invocation: Invocation) -> Mapping[Kind, WorkflowRules]:
    from entrypoints.workflow_choice import all_rules

    return all_rules(invocation.settings().settings.media)


def _held(
    snapshot: Snapshot, database: Database, rules: Callable[[], Mapping[Kind, WorkflowRules]]
) -> Mapping[WorkflowKey, Sequence[int]]:
    """The pending prompts of the workflows that cannot run."""
    if not snapshot.unavailable:
        return {}
    from application.workflow_holds import held_prompts, held_workflows

    workflows = held_workflows(snapshot.unavailable)
    return held_prompts(workflows, rules(), database.gallery, database.workflow_records)


def _watch(invocation: Invocation, read: Callable[[], Snapshot], interval: float) -> int:
    """Show every change until a signal arrives; Ctrl-C is the normal way to stop."""
    from application.ports.prompt_repository import RepositoryBusyError
    from application.signals import StopRequest
    from entrypoints.cli.signals import stopping_on_signals

    stop = StopRequest()
    shown: object = None
    with stopping_on_signals(stop) as interruption, ExitStack() as stack:
        is_drawn = sys.stdout.isatty() and not invocation.as_json
        draw = _start_drawing(stack) if is_drawn else None
        while not stop.made:
            try:
                snapshot = read()
            except RepositoryBusyError:
                continue
            if invocation.as_json:
                document = status_document(snapshot)
                if document != shown:
                    invocation.print_json(document)
                shown = document
            else:
                lines = status_lines(snapshot, max_recent=_MAX_RECENT)
                if draw:
                    draw(lines)
                elif lines != shown:
                    click.echo("\n".join([*lines, ""]))
                shown = lines
            _sleep(interval, stop)
    code = interruption.exit_code
    return ExitCode.DONE if code in {None, ExitCode.SIGINT} else code or ExitCode.DONE


def _start_drawing(stack: ExitStack) -> Callable[[list[str]], None]:
    """Draw each report over the previous one; the last one remains."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console(highlight=False)
    live = stack.enter_context(
        Live(console=console, auto_refresh=False, vertical_overflow="ellipsis")
    )

    def draw(lines: list[str]) -> None:
        live.update(Text("\n".join(lines), no_wrap=True, overflow="ellipsis"), refresh=True)

    return draw


def _sleep(seconds: float, stop: StopRequest) -> None:
    end = time.monotonic() + seconds
    while not stop.made and (remaining := end - time.monotonic()) > 0:
        time.sleep(min(remaining, _POLL_INTERVAL))


def status_document(snapshot: Snapshot) -> dict[str, object]:
    """The snapshot for JSON; every status of Media Generator has a count, if only 0."""
    summary = snapshot.summary
    return {
        "counts": {kind.value: _counts(summary, kind) for kind in Kind},
        "unwritten": {kind.value: summary.unwritten.get(kind, 0) for kind in Kind},
        "waiting": {kind.value: summary.waiting.get(kind, 0) for kind in Kind},
        "next_retry_at": summary.next_retry_at,
        "seconds_left": None if (left := snapshot.seconds_left) is None else round(left, 1),
        "oldest_pending": {kind.value: summary.oldest_pending.get(kind) for kind in Kind},
        "rendering": [
            _render_document(render) | _progress_document(snapshot.progress(render))
            for render in snapshot.live
        ],
        "lost": [_render_document(render) | {"reason": render.lost} for render in snapshot.lost],
        "workers": [_worker_document(worker) for worker in snapshot.workers],
        "hosts": [_host_document(host) for host in snapshot.hosts],
        "servers": [
            _server_document(worker, server)
            for worker in snapshot.workers
            for server in worker.servers
        ],
        "machines": [_machine_document(worker) for worker in snapshot.registered],
        "broken": _broken_documents(snapshot),
        "paused": pause_document(snapshot.pause) if snapshot.pause else None,
        "paused_elsewhere": [pause_document(pause) for pause in snapshot.elsewhere],
        "trouble": _trouble_document(summary.trouble) if summary.trouble else None,
        "advice": list(_advice(snapshot)),
    }


def _counts(summary: QueueSummary, kind: Kind) -> dict[str, int]:
    own = dict.fromkeys([*(status.value for status in ArtifactStatus), CANCELLED], 0)
    return own | dict(summary.counts.get(kind, {}))


def _render_document(render: RenderRecord) -> dict[str, object]:
    names = ("render_id", "prompt_id", "kind", "worker", "attempt", "crashes", "claimed_at")
    document = {name: getattr(render, name) for name in names}
    return document | {"seconds": seconds_since(render.claimed_at)}


def _progress_document(progress: tuple[RenderView, WorkerView] | None) -> dict[str, object]:
    if progress is None:
        return {"fraction": None, "message": None, "seconds_left": None, "slot": None}
    view, worker = progress
    remaining = _seconds_left(view, worker)
    return {
        "fraction": view.fraction,
        "message": view.message,
        "seconds_left": None if remaining is None else round(remaining, 1),
        "slot": view.slot or None,
    }


def _worker_document(worker: WorkerView) -> dict[str, object]:
    gate = worker.gate
    paused = {"by": gate.paused_by, "code": gate.code or None, "reason": gate.reason}
    return {
        "worker": _worker_name(worker),
        "command": worker.command,
        "slots": worker.slots,
        "started_at": worker.started_at,
        "paused": paused if gate.paused_by else None,
        "outcomes": [
            {
                "prompt_id": outcome.prompt_id,
                "render_id": outcome.render_id,
                "kind": outcome.kind.value,
                "outcome": outcome.outcome,
                "code": outcome.code or None,
                "seconds": None if outcome.seconds is None else round(outcome.seconds, 3),
                "at": outcome.at,
            }
            for outcome in worker.outcomes
        ],
    }


def _host_document(host: HostView) -> dict[str, object]:
    return {
        "worker": f"{host.owner.host}:{host.owner.pid}",
        "pid": host.pid,
        "scripts": list(host.scripts),
        "prompts": host.prompts,
        "memory_bytes": host.memory_bytes,
        "started_at": host.started_at,
        "used_at": host.used_at,
    }


def _server_document(worker: WorkerView, server: ServerView) -> dict[str, object]:
    return {
        "worker": _worker_name(worker),
        "server": server.server,
        "models": list(server.models),
        "jobs": server.jobs,
        "hits": server.hits,
        "switches_per_hour": server.switches_per_hour,
    }


def _server_row(server: ServerView) -> tuple[str, ...]:
    switches = server.switches_per_hour
    return (
        one_line(server.server),
        one_line(", ".join(server.models)),
        f"{switches} model switch{'' if switches == 1 else 'es'} in the last hour",
        f"{server.hits} of {server.jobs} jobs had their models loaded",
    )


def _host_row(host: HostView) -> tuple[str, ...]:
    memory = "" if host.memory_bytes is None else f"{host.memory_bytes / 1e6:,.0f} MB"
    scripts = one_line(", ".join(host.scripts))
    return f"process {host.pid}", scripts, f"{host.prompts} prompts", memory


def _machine_document(worker: RegisteredWorker) -> dict[str, object]:
    description = worker.description
    return {
        "machine": description.identity.host,
        "pid": description.identity.pid,
        "command": description.command,
        "version": description.version,
        "slots": description.slots,
        "renderers": {kind.value: name for kind, name in description.renderers.items()},
        "prompt_ids": list(worker.prompt_ids),
        "stopped": [
            {
                "kind": stopped.kind and stopped.kind.value,
                "code": stopped.code,
                "reason": stopped.reason,
            }
            for stopped in description.stopped
        ],
        "started_at": description.started_at,
        "seen_at": worker.seen_at,
        "gone": worker.is_gone,
    }


def _machine_row(worker: RegisteredWorker) -> tuple[str, ...]:
    description = worker.description
    identity = description.identity
    name = one_line(f"{identity.host}:{identity.pid}")
    slots = "1 slot" if description.slots == 1 else f"{description.slots} slots"
    if worker.is_gone:
        seen = f"gone, last seen {duration(worker.silent_seconds)} ago"
        return name, description.command, slots, seen, ""
    stopped = {stopped.kind: stopped.code for stopped in description.stopped}
    renders = ", ".join(
        f"{kind.value} by {name}" + (f" (stopped: {stopped[kind]})" if kind in stopped else "")
        for kind, name in description.renderers.items()
    )
    if None in stopped:
        renders = f"stopped: {stopped[None]}"
    numbers = [str(prompt_id) for prompt_id in worker.prompt_ids[:_MAX_NAMED]]
    numbers += ["..."] if len(worker.prompt_ids) > _MAX_NAMED else []
    now = f"renders {', '.join(numbers)}" if numbers else "idle"
    return name, description.command, slots, one_line(renders), now


def _worker_name(worker: WorkerView) -> str:
    return f"{worker.identity.host}:{worker.identity.pid}"


def _broken_documents(snapshot: Snapshot) -> list[dict[str, object]]:
    """What cannot be rendered, with the worker that says so; None for what was written down."""
    reported = {
        broken: _worker_name(worker)
        for worker in snapshot.workers
        for broken in worker.gate.unavailable
    }
    return [
        {
            "kind": broken.kind.value,
            "worker": reported.get(broken),
            "code": broken.code,
            "message": broken.message,
            "hint": broken.hint,
            "workflow": broken.workflow or None,
            "since": broken.since or None,
            "elsewhere": broken.elsewhere or None,
            "some": broken.is_partial,
            "prompts": snapshot.prompts_of(broken),
        }
        for broken in snapshot.unavailable
    ]


def _trouble_document(render: RenderRecord) -> dict[str, object]:
    return {
        "prompt_id": render.prompt_id,
        "kind": render.kind.value,
        "at": render.finished_at,
        "code": render.failure_code,
        "message": render.failure_message,
        "hint": hint_of(render.failure_code or ""),
    }


def status_lines(snapshot: Snapshot, *, max_recent: int = 0) -> list[str]:
    """The snapshot as text.

    Args:
        snapshot: the queue and its workers.
        max_recent: at most so many recent renders, from 0.
    """
    summary = snapshot.summary
    rows = _count_rows(summary)
    lines = table(rows, terminal_columns(), numbers=range(1, len(rows[0])))
    lines += [
        f"oldest pending {kind.value}: {one_line(with_age(timestamp))}"
        for kind, timestamp in summary.oldest_pending.items()
        if _counts(summary, kind)[ArtifactStatus.PENDING]
    ]
    lines += _time_left(snapshot)
    if waiting := sum(summary.waiting.values()):
        next_retry = one_line(with_time_until(summary.next_retry_at))
        lines += [f"waiting for another attempt: {waiting}; the next is due {next_retry}"]
    lines += _section("rendering now:", _live_rows(snapshot))
    lost = [(*_render_row(render), render.lost) for render in snapshot.lost]
    lines += _section("left behind by lost workers:", lost)
    lines += _section("machines:", [_machine_row(worker) for worker in snapshot.registered])
    lines += _section("warm hosts:", [_host_row(host) for host in snapshot.hosts])
    servers = [server for worker in snapshot.workers for server in worker.servers]
    lines += _section("models on servers:", [_server_row(server) for server in servers])
    if snapshot.pause:
        lines += ["", pause_sentence(snapshot.pause)]
    elif trouble := summary.trouble:
        ended = one_line(with_age(trouble.finished_at))
        reason = f"{trouble.failure_code}: {one_line(trouble.failure_message)}"
        lines += ["", f"problem: prompt {trouble.prompt_id} was released at {ended}: {reason}"]
    sentences = dict.fromkeys(map(pause_sentence, snapshot.elsewhere))  # often one for each kind
    lines += _section("paused elsewhere:", [(sentence,) for sentence in sentences])
    broken_kinds = snapshot.unavailable
    broken = [
        line
        for kind in broken_kinds
        for line in (*broken_lines(kind), *_held_lines(snapshot, kind))
    ]
    lines += ["", *broken] if broken else []
    lines += _section("recent renders:", _recent_rows(snapshot.workers, max_recent))
    advice = list(_advice(snapshot))
    return [*lines, "", *advice] if advice else lines


def _time_left(snapshot: Snapshot) -> list[str]:
    """How long the pending prompts will take, as far as earlier renders tell."""
    pending = sum(_counts(snapshot.summary, kind)[ArtifactStatus.PENDING] for kind in Kind)
    pending -= sum(snapshot.held_counts.values())
    left = snapshot.seconds_left
    if not pending or left is None:
        return []
    prompts = "1 pending prompt" if pending == 1 else f"{pending:,} pending prompts"
    remark = "" if snapshot.workers else "; no worker is running"
    return [f"whole queue: about {time_left(left)} for {prompts}{remark}"]


def _section(title: str, rows: Sequence[tuple[str, ...]]) -> list[str]:
    return ["", title, *(f"  {line}" for line in table(rows))] if rows else []


def _count_rows(summary: QueueSummary) -> list[tuple[str, ...]]:
    known = [status.value for status in ArtifactStatus]
    foreign = {status for counts in summary.counts.values() for status in counts} - set(known)
    statuses = known + sorted(foreign)
    rows = [("", *(one_line(status) or "(none)" for status in statuses), "unwritten")]
    for kind in Kind:
        numbers = [_counts(summary, kind).get(status, 0) for status in statuses]
        rows.append((kind.value, *map(str, numbers), str(summary.unwritten.get(kind, 0))))
    return rows


def _live_rows(snapshot: Snapshot) -> list[tuple[str, ...]]:
    """The renders in progress, with cells for progress if any of them reports some."""
    rows = [_render_row(render) for render in snapshot.live]
    progress = [snapshot.progress(render) for render in snapshot.live]
    if not any(progress):
        return rows
    return [
        (*row[:2], *_progress_cells(report), *row[2:])
        for row, report in zip(rows, progress, strict=True)
    ]


def _progress_cells(progress: tuple[RenderView, WorkerView] | None) -> tuple[str, str, str]:
    if progress is None:
        return "", "", ""
    view, worker = progress
    return _bar(view.fraction), one_line(view.message), time_left(_seconds_left(view, worker))


def _render_row(render: RenderRecord) -> tuple[str, ...]:
    since = one_line(with_age(render.claimed_at))
    worker = one_line(render.worker)
    return (f"prompt {render.prompt_id}", render.kind.value, f"since {since}", f"by {worker}")


def _bar(fraction: float | None) -> str:
    if fraction is None:
        return ""
    percent = f"{int(100 * fraction):3} %"
    if not sys.stdout.isatty():
        return percent
    done = int(_BAR_COLUMNS * fraction)
    return f"{'━' * done}{'─' * (_BAR_COLUMNS - done)} {percent}"


def _seconds_left(view: RenderView, worker: WorkerView) -> float | None:
    """From now; the estimate is as old as the worker's last update."""
    if view.seconds_left is None:
        return None
    passed = (datetime.now(UTC) - worker.updated_at).total_seconds()
    return max(0.0, view.seconds_left - max(0.0, passed))


def _recent_rows(workers: Sequence[WorkerView], number: int) -> list[tuple[str, ...]]:
    outcomes = [outcome for worker in workers for outcome in worker.outcomes]
    outcomes.sort(key=lambda outcome: outcome.at, reverse=True)
    return [
        (
            outcome.outcome,
            f"prompt {outcome.prompt_id}",
            outcome.kind.value,
            duration(outcome.seconds),
            age_of(outcome.at.isoformat()),
            one_line(outcome.code),
        )
        for outcome in outcomes[:number]
    ]


def broken_lines(broken: UnavailableKind) -> list[str]:
    """What prevents prompts of a kind or workflow from being rendered, and how to fix it."""
    reason = one_line(f"{broken.code}: {broken.message}")
    which = f"{'some ' * broken.is_partial}{broken.kind.value} prompts"
    if broken.workflow:
        which += f' of the workflow "{one_line(broken.workflow)}"'
    if broken.since:
        where = f" {one_line(broken.elsewhere)}" if broken.elsewhere else ""
        since = one_line(with_age(broken.since))
        return [
            f"{which} have been held back{where} since {since}: {reason}",
            f"Hint: {one_line(broken.hint)}",
        ]
    return [
        f"{which} cannot be rendered now: {reason}",
        f"Hint: {one_line(broken.hint)}",
    ]


def _held_lines(snapshot: Snapshot, broken: UnavailableKind) -> list[str]:
    """Which pending prompts wait for a workflow that cannot run."""
    prompts = snapshot.prompts_of(broken)
    if prompts is None:
        return []
    from entrypoints.workflow_choice import held_sentence

    pending = _counts(snapshot.summary, broken.kind)[ArtifactStatus.PENDING]
    sentence = held_sentence(prompts, pending)
    return [f"{sentence[0].upper()}{sentence[1:]}"]


def _advice(snapshot: Snapshot) -> Iterator[str]:
    """What to do next, the most urgent first."""
    summary, pause = snapshot.summary, snapshot.pause
    totals = {
        status: sum(_counts(summary, kind)[status] for kind in Kind) for status in ArtifactStatus
    }
    if pause:
        yield pause_remedy(pause)
    elif summary.trouble and summary.trouble.failure_code:
        hint = hint_of(summary.trouble.failure_code)
        yield f"{hint} Then run 'mediagen doctor' and 'mediagen run'."
    stuck = totals[ArtifactStatus.PROCESSING] - len(summary.rendering)
    if stuck > 0:
        prompts = "1 prompt is" if stuck == 1 else f"{stuck} prompts are"
        yield f"{prompts} 'processing' without a render; see 'mediagen doctor'."
    if snapshot.elsewhere:
        yield (
            "A pause elsewhere does not stop workers here. It ends when a render succeeds there, or"
            " with 'mediagen resume'."
        )
    if totals[ArtifactStatus.ERROR]:
        yield (
            f"{totals[ArtifactStatus.ERROR]} ended in error: list them with 'mediagen list --status"
            " error', see the reason with 'mediagen show ID', and retry them with 'mediagen retry"
            " --all-errors'."
        )
    if snapshot.lost:
        yield "'mediagen run' or the daemon picks up what lost workers left behind."
    is_idle = not summary.rendering and not summary.trouble and not pause
    if totals[ArtifactStatus.PENDING] and is_idle and not snapshot.slots:  # or a worker does it
        yield "'mediagen run' renders the pending prompts."
        if snapshot.names_workflows:
            yield (
                "No worker is running; 'mediagen doctor' checks which workflows can run now, and"
                " the next worker tries those again that are held back."
            )
    if not any(totals.values()) and not any(summary.unwritten.values()):
        yield "There are no prompts yet; add some with 'mediagen submit'."
