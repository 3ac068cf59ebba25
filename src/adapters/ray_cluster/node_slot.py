"""One slot on a node of the cluster: the actor that runs jobs there. It does not use Ray itself.

A worker of Ray can be killed at any moment, by the driver's death, by the node's memory monitor, or
with the node's daemon. What it had started would survive it: Ray ends workers, not what these run.
So the slot has a guard, a shell that kills the script's process group once the slot is gone, and it
records what it starts in the node's temporary folder, where the next slot on that node finds and
ends what escaped the group.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import astuple, replace
from functools import partial
from pathlib import Path
from threading import Condition, Lock
from typing import TYPE_CHECKING, Any

from returns.pipeline import is_successful

from adapters.processes.children import become_subreaper
from adapters.processes.system_processes import SystemProcesses
from adapters.ray_cluster.messages import NodeReport, Rendered, graph_path
from adapters.state_folder import make_private, read_file, replace_file
from adapters.system_clock import SystemClock
from domain.failure import Failure, FailureCode, describe_exception
from domain.lease import Liveness, ProcessIdentity, Termination
from domain.render import ServerJob, WorkflowProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from adapters.ray_cluster.messages import Graphs, MakeRenderer, Report
    from application.ports.media_renderer import MediaRenderer, RenderingFacts, RenderJob
    from domain.workflow_rules import WorkflowKey

DRIVER_SILENCE_SECONDS = 60.0
"""A job whose driver has not polled for so long is stopped: no worker waits for it any more."""

_FOLDER = "mediagen-ray"  # in the node's temporary folder, with the user's number
_RECORD = "slot.json"
_MAX_RECORD = 65_536  # bytes
_BATCH_SECONDS = 0.05  # reports that come together cross together
_MAX_OUTPUT = 1_048_576  # bytes of output that wait for a poll; older ones are dropped
_MAX_REPORTS = 2_000  # of any kind that wait for a poll

# Reads the number of one group after the other, an empty line for none, until the slot is gone.
_GUARD = 'while read -r line; do group=$line; done; [ -z "$group" ] || kill -9 "-$group"'
# A shell gives what runs in the background an empty input unless another descriptor is named.
_DETACHED = f"exec 3<&0; {{ {_GUARD}; }} <&3 3<&- >/dev/null 2>&1 &"


class NodeSlot:
    """Runs one job after the other. Its methods are called by the driver, from several threads.

    Making it never fails: Ray does not start an actor again whose constructor raised.

    Args:
        make: makes the renderer.
        shared_folder: that must be there; None if files are sent.
        max_files: how many files a job may leave.
        max_bytes: how many bytes these may hold together.
        guarded: whether this process has nothing but the slot, as on a node.
    """

    def __init__(
        self,
        make: MakeRenderer,
        shared_folder: Path | None,
        max_files: int,
        max_bytes: int,
        *,
        guarded: bool = True,
    ) -> None:
        self._shared_folder = shared_folder
        self._limits = max_files, max_bytes
        self._changed = Condition()
        self._turn = Lock()
        self._jobs: dict[str, _NodeContext] = {}
        self._stopped = ""
        self._problem: Failure | None = None
        self._name = f"{socket.gethostname()} (process {os.getpid()})"
        try:
            clean_environment()
            guard = Guard() if guarded else None  # before it would be adopted by this process
            if guarded:
                become_subreaper()
            self._records = SlotRecords(node_folder(), guard)
            self._renderer: MediaRenderer = make(self._records.folder)
            self._records.end_orphans(getattr(self._renderer, "end", None))
        except Exception as error:  # noqa: BLE001 - ``preflight`` reports it
            self._problem = Failure(
                FailureCode.CLUSTER_UNUSABLE,
                f"the Ray node {self._name} cannot render: {_described(error)}",
            )

    def preflight(self, workflows: Collection[WorkflowKey], graphs: Graphs) -> NodeReport:
        """Whether jobs can be rendered here."""
        problem = self._problem
        folder = self._shared_folder
        if problem is None and folder is not None and not os.access(folder, os.W_OK):
            problem = Failure(
                FailureCode.OUTPUT_ROOT_MISSING,
                f"the Ray node {self._name} cannot write to {folder}, which media.ray.transfer"
                ' "folder" needs under the same path on every node',
            )
        if problem is not None:
            return NodeReport(self._name, dict.fromkeys(workflows, problem))
        try:
            self._write_graphs(graphs)
            failures = {key: self._renderer.preflight(*key) for key in workflows}
        except Exception as error:  # noqa: BLE001 - no exception may cross: Ray would rebuild it
            problem = Failure(FailureCode.CLUSTER_UNUSABLE, f"{self._name}: {_described(error)}")
            return NodeReport(self._name, dict.fromkeys(workflows, problem))
        return NodeReport(
            self._name,
            {
                key: replace(failure, message=f"on the Ray node {self._name}: {failure.message}")
                for key, failure in failures.items()
                if failure is not None
            },
        )

    def render(self, key: str, job: RenderJob, graphs: Graphs) -> Rendered:
        """Render a job; another one that still runs is stopped first.

        Args:
            key: of the job, for ``poll`` and ``stop``; never used before.
            job: its output folder is replaced unless the folder is shared.
            graphs: for ComfyUI servers.
        """
        with self._changed:
            context = self._jobs[key] = _NodeContext(self._changed, self._records)
            context.stopped = key == self._stopped
            for other in self._jobs.values():
                other.stopped |= other is not context
            self._changed.notify_all()
        with self._turn:
            try:
                context.polled_at = time.monotonic()
                rendered = self._render(job, graphs, context)
            except OSError as error:
                rendered = Rendered(
                    failure=Failure(
                        FailureCode.SERVER_LOST,
                        f"the Ray node {self._name} could not render: {_described(error)}",
                    )
                )
            except Exception as error:  # noqa: BLE001 - no exception may cross
                rendered = Rendered(
                    failure=Failure(FailureCode.PROGRAM_ERROR, describe_exception(error))
                )
            finally:
                self._end_job(context)
                with self._changed:
                    del self._jobs[key]
                    context.over = True
                    self._changed.notify_all()
        return replace(rendered, reports=context.take())

    def poll(self, key: str, wait: float) -> tuple[Report, ...]:
        """What a job has reported since the last poll.

        Args:
            key: of the job; "" only waits, for a job at most.
            wait: how long to wait for a report, in seconds.
        """
        with self._changed:
            context = self._jobs.get(key)
            if context is None:
                if not key:
                    jobs = len(self._jobs)
                    self._changed.wait_for(lambda: len(self._jobs) > jobs, wait)
                return ()
            context.polled_at = time.monotonic()
            if self._changed.wait_for(lambda: context.reports or context.over, wait):
                self._changed.wait_for(lambda: context.over, _BATCH_SECONDS)
            context.polled_at = time.monotonic()
            return context.take()

    def stop(self, key: str) -> None:
        """Stop a job; one that has not begun yet does not begin."""
        with self._changed:
            self._stopped = key
            if (context := self._jobs.get(key)) is not None:
                context.stopped = True

    def close(self) -> None:
        """End what it started, and remove its folder."""
        if self._problem is None:
            self._renderer.close()
            self._records.close()

    def _render(self, job: RenderJob, graphs: Graphs, context: _NodeContext) -> Rendered:
        if self._problem is not None:
            return Rendered(failure=self._problem)
        if self._shared_folder is not None:
            if not job.output.is_dir():
                message = f"the Ray node {self._name} does not see {job.output}"
                return Rendered(failure=Failure(FailureCode.OUTPUT_ROOT_MISSING, message))
            return self._render_into(job, graphs, context)
        with tempfile.TemporaryDirectory(
            prefix="job-", dir=self._records.folder, ignore_cleanup_errors=True
        ) as folder:
            output = Path(folder, "output")
            output.mkdir()
            rendered = self._render_into(replace(job, output=output), graphs, context)
            if rendered.failure is not None:
                return rendered
            files = _read_files(output, *self._limits)
            if isinstance(files, Failure):
                return Rendered(failure=files)
            return replace(rendered, files=files)

    def _render_into(self, job: RenderJob, graphs: Graphs, context: _NodeContext) -> Rendered:
        self._write_graphs(graphs)
        made = self._renderer.render(job, context)
        if is_successful(made):
            context.job = None
            return Rendered(facts=_portable(made.unwrap(), job.output))
        failure = made.failure()
        if failure.code is FailureCode.INTERRUPTED and not context.stopped:
            message = f"the Ray node {self._name} heard nothing from its driver any more"
            failure = Failure(FailureCode.SERVER_LOST, message)
        return Rendered(failure=failure)

    def _end_job(self, context: _NodeContext) -> None:
        """Take a job that may still be on a server of this node from its queue."""
        if self._problem is not None:
            return
        with suppress(OSError):
            self._records.idle()
        job, end = context.job, getattr(self._renderer, "end", None)
        if job is not None and end is not None:
            with suppress(Exception):
                end(job)

    def _write_graphs(self, graphs: Graphs) -> None:
        for key, (name, content) in graphs.items():
            path = graph_path(self._records.folder, key, name)
            if read_file(path, len(content)) != content:
                path.parent.mkdir(parents=True, exist_ok=True)
                replace_file(path, content)


class _NodeContext:
    """The ``RenderContext`` of a job on a node: keeps what is reported until it is fetched.

    Attributes:
        reports: not fetched yet.
        stopped: whether the driver wants it stopped.
        over: whether it has ended.
        polled_at: when the driver last polled, on the monotonic clock.
        job: the job that may be on a server of this node.
    """

    def __init__(self, changed: Condition, records: SlotRecords) -> None:
        self.reports: list[Report] = []
        self.stopped = False
        self.over = False
        self.polled_at = time.monotonic()
        self.job: ServerJob | None = None
        self._changed = changed
        self._records = records
        self._output = 0

    def record_process(self, workflow: WorkflowProcess) -> bool:
        """Record the group for the next slot of this node: it is no process of the worker's."""
        self._records.write(process=workflow)
        return not self.must_stop()

    def record_job(self, job: ServerJob) -> bool:
        self._records.write(job=job)
        self.job = job
        return not self.must_stop()

    def owns_job(self, job: ServerJob) -> bool:  # noqa: ARG002 - no other worker knows of it
        return True

    def forget_job(self, job: ServerJob) -> None:
        if self.job == job:
            self.job = None

    def on_started(self, *, takes_next: bool = False) -> None:  # noqa: ARG002 - one job at a time
        self._add(("on_started", ()))

    def on_preview(self, picture: bytes, media_type: str) -> None:
        # Only the newest one is worth the way.
        self._add(("on_preview", (picture, media_type)), replaces=True)

    def on_progress(self, fraction: float | None, message: str) -> None:
        self._add(("on_progress", (fraction, message)))

    def on_output(self, stream: str, chunk: bytes) -> None:
        self._add(("on_output", (stream, chunk)))

    def has_next(self) -> bool:
        return False  # the queue is elsewhere

    def must_stop(self) -> bool:
        return self.stopped or time.monotonic() - self.polled_at > DRIVER_SILENCE_SECONDS

    def take(self) -> tuple[Report, ...]:
        """The reports that were not fetched yet."""
        with self._changed:
            reports, self.reports, self._output = tuple(self.reports), [], 0
        return reports

    def _add(self, report: Report, *, replaces: bool = False) -> None:
        with self._changed:
            if replaces:
                self.reports = [other for other in self.reports if other[0] != report[0]]
            self.reports.append(report)
            self._output += _output_bytes(report)
            while self._output > _MAX_OUTPUT or len(self.reports) > _MAX_REPORTS:
                is_output = self._output > _MAX_OUTPUT
                oldest = next(
                    (n for n, old in enumerate(self.reports) if _output_bytes(old) or not is_output)
                )
                self._output -= _output_bytes(self.reports.pop(oldest))
            self._changed.notify_all()


def _output_bytes(report: Report) -> int:
    name, values = report
    return len(values[1]) if name == "on_output" and isinstance(values[1], bytes) else 0


class Guard:
    """Kills a process group when this process is gone, however it went.

    The shell is no child of this process, and so no worker of Ray that ends its children ends it.
    """

    def __init__(self) -> None:
        starter = subprocess.Popen(  # noqa: S603 - a fixed command
            ["/bin/sh", "-c", _DETACHED],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )
        starter.wait()
        if starter.stdin is None:
            raise AssertionError("it was started with a pipe")
        self._pipe = starter.stdin

    def watch(self, group: int | None) -> None:
        """Kill this group instead of the last one; None for none."""
        self._pipe.write(b"\n" if group is None else b"%d\n" % group)
        self._pipe.flush()

    def close(self) -> None:
        """End the guard; it kills the group that it watches."""
        with suppress(OSError):
            self._pipe.close()


class SlotRecords:
    """What a slot has started, for the next slot on its node. One folder for each slot.

    Attributes:
        folder: private to this slot.

    Args:
        root: the folder of all slots of this user on this node.
        guard: kills the group that was recorded last; None if there is none.
    """

    def __init__(self, root: Path, guard: Guard | None) -> None:
        self._root = root
        self._guard = guard
        self._processes = SystemProcesses(SystemClock())
        me = self._processes.me()
        self._owner = me
        self.folder = root / f"{me.pid}-{os.urandom(4).hex()}"
        self._process: WorkflowProcess | None = None
        self._job: ServerJob | None = None
        make_private(root)
        make_private(self.folder)
        self.write()

    def write(self, process: WorkflowProcess | None = None, job: ServerJob | None = None) -> None:
        """Record a process group, or a job, besides what was recorded last.

        Raises:
            OSError: it cannot be written.
        """
        self._process, self._job = process or self._process, job or self._job
        me, group = self._owner, self._process
        record = {
            "owner": [me.host, me.boot, me.namespace, me.pid, me.started],
            "process": [group.group, group.started] if group else None,
            "job": list(astuple(self._job)) if self._job else None,
        }
        replace_file(self.folder / _RECORD, json.dumps(record).encode())
        if self._guard is not None and process is not None:
            self._guard.watch(process.group)

    def idle(self) -> None:
        """The guard watches nothing: the group that it knew has ended, or ends on its own."""
        if self._guard is not None:
            self._guard.watch(None)

    def end_orphans(self, end: Callable[[ServerJob], bool] | None) -> None:
        """End what dead slots of this node left, and remove their folders.

        Args:
            end: ends a job on a ComfyUI server; None if there are none.
        """
        for folder in self._others():
            record = _record(folder)
            owner = ProcessIdentity(*record["owner"]) if record else None
            if owner is None or self._processes.liveness_of(owner) is not Liveness.DEAD:
                continue
            ended = Termination.ENDED
            if record["process"]:
                workflow = WorkflowProcess(*record["process"])
                ended = self._processes.end_workflow(owner, workflow)
            if record["job"] and end is not None:
                end(ServerJob(*record["job"]))
            if ended is Termination.ENDED:
                shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Forget everything: it has ended."""
        if self._guard is not None:
            self._guard.watch(None)
            self._guard.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _others(self) -> Iterator[Path]:
        with suppress(OSError):
            yield from (path for path in self._root.iterdir() if path != self.folder)


def _record(folder: Path) -> dict[str, Any]:
    """The record of a slot; empty if it is damaged, or of another program."""
    try:
        record = json.loads(read_file(folder / _RECORD, _MAX_RECORD))
        ProcessIdentity(*record["owner"])
        WorkflowProcess(*record["process"] or (0, ""))
        ServerJob(*record["job"] or ("", "", 1, "", 0))
    except (ValueError, TypeError, KeyError, RecursionError):
        return {}
    return dict(record)


def node_folder() -> Path:
    """The folder of all slots of this user on this node."""
    return Path(tempfile.gettempdir(), f"{_FOLDER}-{os.getuid()}")


def clean_environment() -> None:
    """Take from this process, and so from scripts, what Ray has put into its environment.

    Ray sets OMP_NUM_THREADS to the CPUs that the actor asked for, or 1, which would slow a workflow
    down; a value with which the node was started stays. Its token is no business of a script's.
    """
    inherited = read_file(Path("/proc/self/environ"), 16 * 1024**2)
    if not any(line.startswith(b"OMP_NUM_THREADS=") for line in inherited.split(b"\0")):
        os.environ.pop("OMP_NUM_THREADS", None)
    os.environ.pop("RAY_AUTH_TOKEN", None)


def _described(error: BaseException) -> str:
    return str(error) or describe_exception(error)


def _portable(facts: RenderingFacts, output: Path) -> RenderingFacts:
    """The facts without what only this process can tell."""
    elsewhere = "" if any(output.iterdir()) else facts.elsewhere()
    return replace(
        facts,
        renderer="ray",
        detail=partial(str, facts.detail()),
        elsewhere=partial(str, elsewhere),
    )


def _read_files(
    folder: Path, max_files: int, max_bytes: int
) -> tuple[tuple[str, bytes], ...] | Failure:
    """The regular files below a folder, by relative path; a failure if they are too many."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    if len(paths) > max_files:
        return Failure(
            FailureCode.TOO_MUCH_OUTPUT,
            f"the workflow left {len(paths)} files; media.limits.max_files allows {max_files}",
        )
    size = sum(path.stat().st_size for path in paths)
    if size > max_bytes:
        return Failure(
            FailureCode.TOO_MUCH_OUTPUT,
            f"the workflow left {size} bytes; media.limits.max_bytes allows {max_bytes}",
        )
    return tuple((path.relative_to(folder).as_posix(), path.read_bytes()) for path in paths)
