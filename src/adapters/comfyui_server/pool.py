"""The servers, their free slots, and which of them are unhealthy."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass, replace
from threading import Condition, Thread
from typing import TYPE_CHECKING

from returns.result import Failure as Refused
from returns.result import Result, Success

from adapters.comfyui_graph.graph import class_types
from adapters.comfyui_server.client import ServerClient, ServerError
from adapters.comfyui_server.job_socket import JobSocket
from adapters.comfyui_server.server_workflow import input_types, model_files, validate_workflow
from adapters.comfyui_server.times_file import read_times, write_times
from adapters.json_values import as_dict
from domain.affinity import BusyServer, Fit, Need, RenderTimes
from domain.failure import Failure, FailureCode
from domain.retry import Backoff

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from adapters.comfyui_graph.graph import Target
    from adapters.comfyui_graph.node_types import InputType
    from adapters.comfyui_server.address import ServerAddress
    from adapters.comfyui_server.deadlines import StopCheck
    from adapters.comfyui_server.server_workflow import ServerWorkflow
    from application.ports.system import Clock
    from domain.brief import Brief
    from domain.prompt import Kind

_SLOT_POLL = 0.1  # seconds, while every slot is taken
_MIN_JOBS = 2  # given to a server with one slot, so that its queue never runs dry
_FRESH_SECONDS = 5.0  # for which an answer shows that a server is healthy
_INCOMPATIBLE_SECONDS = 5.0  # until it is checked again: a model may be installed at any time
_COMPATIBLE_SECONDS = 300.0  # a model may be deleted at any time
_HEALTH_BACKOFF = Backoff(base_seconds=0.4, max_seconds=0.6, factor=1.5)
_MAX_DETAIL = 2_000  # characters
_MAX_VALUES = 200  # characters
# What no other prompt would get past; the first of them is the one that is reported.
_INCOMPATIBLE = (
    FailureCode.NODE_MISSING,
    FailureCode.MODEL_MISSING,
    FailureCode.WRONG_MEDIA,
    FailureCode.WORKFLOW_UNUSABLE,
)


@dataclass(frozen=True, slots=True)
class Unhealthy:
    """Why a server gets no work.

    Attributes:
        failure: what a render on it would fail with.
        job: the id of a job that must leave its queue before it counts as healthy; "" for none.
    """

    failure: Failure
    job: str = ""


@dataclass(frozen=True, slots=True)
class _Compatibility:
    """Whether a server can run a workflow, until when that counts, and what its inputs take."""

    workflow: ServerWorkflow
    failure: Failure | None
    until: float
    types: Mapping[Target, InputType]


class Server:
    """One server. The pool guards what changes here.

    Attributes:
        address: where it is.
        name: its address for people; holds no secret.
        client: its routes.
        busy: number of the jobs that it has of this process.
        max_jobs: how many jobs it may have: the one that runs and one that waits, or its slots.
        sockets: those of free slots.
        unhealthy: why it gets no work, or None.
        since: when its last job ended, or it got the first one, on the monotonic clock.
        loaded: the models of the last job that it got, or that its history names; None if it got
            none, or was restarted. Empty if that job loaded none.
    """

    def __init__(self, address: ServerAddress, clock: Clock) -> None:
        self.address = address
        self.name = address.name
        self.client = ServerClient(address, self._on_answer)
        self.busy = 0
        self.max_jobs = max(address.slots, _MIN_JOBS)
        self.sockets = [JobSocket(address) for _ in range(self.max_jobs)]
        self.unhealthy: Unhealthy | None = None
        self.since = 0.0
        self.loaded: frozenset[str] | None = None
        self._recalls = True  # what it rendered before this process gave it a job
        self._clock = clock
        self._answered_at = -math.inf
        self._compatibility: dict[tuple[Kind, str], _Compatibility] = {}

    def is_for(self, workflow: ServerWorkflow) -> bool:
        """Whether the settings give it jobs of a workflow."""
        names = self.address.workflows
        return workflow.kind in self.address.kinds and (not names or workflow.label in names)

    def has_loaded(self, need: Need) -> bool:
        """Whether it has the models of a prompt loaded, as far as is known."""
        return self.loaded is not None and self.loaded.issuperset(need.models)

    def models_for(self, workflow: ServerWorkflow, need: Need) -> tuple[str, ...] | None:
        """The models of a prompt by this server's names.

        None if it does not offer a value that the brief names, or was not found able to run the
        workflow; what it offered counts until it is asked again.
        """
        known = self._compatibility.get((workflow.kind, workflow.label))
        if known is None or known.failure is not None or known.workflow is not workflow:
            return None
        return workflow.models_with(need.values, known.types)

    def was_asked(self, workflow: ServerWorkflow) -> bool:
        """Whether it said, now or earlier, what it offers for a workflow as that is now."""
        known = self._compatibility.get((workflow.kind, workflow.label))
        return known is not None and known.workflow is workflow

    @property
    def load(self) -> float:
        """The share of its jobs that it has; 1 and more is full."""
        return self.busy / self.max_jobs

    @property
    def takes_next(self) -> bool:
        """Whether it may have another job now."""
        return self.busy < self.max_jobs

    def compatibility(self, workflow: ServerWorkflow) -> Failure | None:
        """Why it cannot run a workflow, or None. Raises ServerError.

        Costs nothing if it answered a moment ago, or holds a connection open, and the same
        workflow was checked before.
        """
        now = self._clock.monotonic()
        known = self._compatibility.get((workflow.kind, workflow.label))
        if known is not None and known.workflow is workflow and now < known.until:
            is_fresh = now - self._answered_at < _FRESH_SECONDS
            if not is_fresh and not any(socket.is_open for socket in tuple(self.sockets)):
                self.client.system_stats()
            return known.failure
        # A node may accept more than the server tells of it: whether a value is taken is left to
        # the server. What is missing is missing, and what is not saved cannot be fetched.
        info = self.client.object_info(class_types(workflow.graph))
        problems = [
            problem
            for problem in validate_workflow(workflow, info)
            if problem.code in _INCOMPATIBLE
        ]
        failure = None
        if problems:
            first = min(problems, key=lambda problem: _INCOMPATIBLE.index(problem.code))
            problems.remove(first)
            detail = "\n".join(map(str, problems))[:_MAX_DETAIL]
            failure = Failure(first.code, f"{workflow.name} on {self.name}: {first}", detail)
        seconds = _COMPATIBLE_SECONDS if failure is None else _INCOMPATIBLE_SECONDS
        until = self._clock.monotonic() + seconds
        types = input_types(workflow, info)
        self._compatibility[workflow.kind, workflow.label] = _Compatibility(
            workflow, failure, until, types
        )
        return failure

    def input_types(self, workflow: ServerWorkflow) -> Mapping[Target, InputType]:
        """What its node types say of a workflow's mapped inputs; nothing before it was checked."""
        known = self._compatibility.get((workflow.kind, workflow.label))
        return known.types if known is not None and known.workflow is workflow else {}

    def forget_compatibility(self) -> None:
        """Check workflows again: it may have been restarted, with other nodes and models."""
        for key, known in list(self._compatibility.items()):
            self._compatibility[key] = replace(known, until=-math.inf)
        self.loaded, self._recalls = None, True

    def recall_loaded(self) -> None:
        """Ask it once, until it was away, which models its last job had.

        That job may be of an earlier process, or of another client. After a restart it knows none.
        """
        if self.loaded is not None or not self._recalls:
            return
        self._recalls = False
        with suppress(ServerError):
            nodes = map(as_dict, self.client.last_graph().values())
            models = model_files(as_dict(node.get("inputs")) for node in nodes)
            if models:
                self.loaded = frozenset(models)

    def is_healthy(self) -> bool:
        """Whether it answers, and no longer holds the job on which it got stuck."""
        unhealthy = self.unhealthy
        try:
            self.client.system_stats()
            stuck = unhealthy and unhealthy.job and self.client.queue().holds(unhealthy.job)
        except ServerError:
            return False
        return not stuck

    def close(self) -> None:
        """Close the connections of free slots."""
        sockets, self.sockets = self.sockets, []
        for socket in sockets:
            socket.close()
        self.client.close()

    def _on_answer(self) -> None:
        self._answered_at = self._clock.monotonic()


@dataclass(frozen=True, slots=True)
class ServerSlot:
    """The right to give a server one job.

    Attributes:
        server: the server that it belongs to.
        socket: gets the messages of the job.
        need: of the job's prompt; None for a job that is resumed.
        had_loaded: whether the server had its models loaded.
        loaded: the models that the server had loaded before.
    """

    server: Server
    socket: JobSocket
    need: Need | None = None
    had_loaded: bool = False
    loaded: frozenset[str] | None = None


class ServerPool:
    """Servers and their slots. Safe from several threads.

    Args:
        servers: where they are; the first ones are preferred.
        clock: what to measure with.
        on_health_change: called with a server's name and the failure for which it gets no work,
            or None when it is healthy again; from any thread.
        on_models: called with a server's name, the models of a job that it gets, and whether it
            has them loaded; from any thread.
        times_file: where the times of renders are kept; None to forget them.
        prefers_loaded: whether a job waits for a server that has its models loaded, rather than
            for the least busy one; and is left to one that is busy, where that is sooner.

    Attributes:
        servers: all of them, in order.
        cancelling: ids of jobs that were asked to end; they are not resumed.
        on_models: as given; the renderer calls it when it submits a job.
        prefers_loaded: as given.
    """

    def __init__(
        self,
        servers: Sequence[ServerAddress],
        clock: Clock,
        on_health_change: Callable[[str, Failure | None], None] = lambda _name, _failure: None,
        on_models: Callable[[str, tuple[str, ...], bool], None] = lambda _name, _models, _had: None,
        times_file: Path | None = None,
        *,
        prefers_loaded: bool = False,
    ) -> None:
        self.servers = tuple(Server(address, clock) for address in servers)
        self.cancelling: set[str] = set()
        self._on_health_change = on_health_change
        self.on_models = on_models
        self.prefers_loaded = prefers_loaded
        self._clock = clock
        self._times_file = times_file if prefers_loaded else None
        self._times = read_times(self._times_file) if self._times_file else RenderTimes()
        self._has_learnt = False
        self._reserved: dict[int, ServerSlot] = {}
        self._changed = Condition()
        self._health_checker = HealthChecker(clock, self._mark_healthy)
        self._closed = False

    def preflight(self, workflow: ServerWorkflow) -> Failure | None:
        """Why no server can run a workflow now, or None."""
        first: Failure | None = None
        for server in self.servers:
            if server.is_for(workflow):
                failure = self._incompatibility(server, workflow)
                if failure is None:
                    return None
                first = first or failure
        return first or no_server(workflow)

    def find(self, name: str) -> Server | None:
        """The server with a name, healthy or not; None if there is none."""
        return next((server for server in self.servers if server.name == name), None)

    def has_other(self, server: Server, workflow: ServerWorkflow) -> bool:
        """Whether another server for a workflow is healthy."""
        return any(
            other is not server and other.is_for(workflow) and other.unhealthy is None
            for other in self.servers
        )

    def need(self, workflow: ServerWorkflow, brief: Callable[[], Brief | None]) -> Need:
        """What a prompt needs of a server.

        Args:
            workflow: that renders it.
            brief: returns its brief, or None; called if the workflow takes values from its JSON.
        """
        need = Need(workflow.kind, workflow.label, workflow.models)
        if not workflow.paths or (read := brief()) is None:
            return need
        need = replace(need, values=workflow.chosen_values(read))
        if not need.values:
            return need
        # Servers may have it in different folders; the names of the first one are used for all.
        offers = (server.models_for(workflow, need) for server in self.servers)
        models = next((models for models in offers if models is not None), None)
        return replace(need, models=models or workflow.models_with(need.values, {}) or ())

    def fit(self, workflow: ServerWorkflow, need: Need, ahead: int = 0) -> Fit:
        """How a prompt suits the servers that may take another job now.

        Where one of them would start it at once, only such servers count: a job for another one
        would leave it idle. The exception is a busy one that has its models and room for it, and
        will have rendered it before an idle one could.

        Args:
            workflow: that renders it.
            need: of the prompt.
            ahead: number of prompts before it that need the same models.
        """
        return self._rank_servers(workflow, need, ahead)[0]

    def reserve(self, prompt_id: int, workflow: ServerWorkflow, need: Need, ahead: int = 0) -> None:
        """Keep a slot for a prompt until it is acquired or released, if one is free."""
        for server in self._rank_servers(workflow, need, ahead)[1]:
            if slot := self.acquire_on(server, need):
                self._reserved[prompt_id] = slot
                return

    def release_reserved(self, prompt_id: int) -> None:
        """Give back the slot that was kept for a prompt, if it was not acquired."""
        if slot := self._reserved.pop(prompt_id, None):
            slot.server.loaded = slot.loaded
            self.release(slot)

    def learn(self, slot: ServerSlot, seconds: float) -> None:
        """Record how long a job took that succeeded."""
        if slot.need is not None:
            with self._changed:
                self._times.learn(slot.server.name, slot.need, seconds, had_loaded=slot.had_loaded)
                self._has_learnt = True

    def _rank_servers(
        self, workflow: ServerWorkflow, need: Need, ahead: int
    ) -> tuple[Fit, list[Server]]:
        """How a prompt suits the servers, and those that may take it now, the best first."""
        servers = self._able(workflow, need)
        if not servers:
            return Fit.AWAY if self.why_away(workflow, need) else Fit.IMPOSSIBLE, []
        is_idle = any(
            server.busy < server.address.slots and server.unhealthy is None
            for server in self.servers
        )
        starting = [
            server for server in servers if not is_idle or server.busy < server.address.slots
        ]
        if any(server.has_loaded(need) for server in starting):
            return Fit.LOADED, servers
        if self.prefers_loaded and starting:
            owner = self._sooner(workflow, need, ahead, starting)
            if owner is not None and owner.takes_next:
                return Fit.LOADED, [owner]
            if owner is not None:
                return Fit.LATER, servers
        return Fit.POSSIBLE, servers

    def _sooner(
        self, workflow: ServerWorkflow, need: Need, ahead: int, starting: Sequence[Server]
    ) -> Server | None:
        """A busy server that has a prompt's models, and renders it before others could."""
        here = starting[0]
        owners = [
            server
            for server in self.servers
            if server.busy
            and server not in starting
            and server.has_loaded(need)
            and server.is_for(workflow)
            and self._incompatibility(server, workflow) is None
            and (not need.values or server.models_for(workflow, need) is not None)
        ]
        for owner in sorted(owners, key=lambda server: server.busy / server.address.slots):
            names = (here.name, *(server.name for server in self.servers))
            busy = BusyServer(
                owner.busy,
                owner.address.slots,
                self._clock.monotonic() - owner.since,
                self._times.render_seconds(need, (owner.name, *names)),
            )
            load = self._times.load_seconds(need, names)
            if busy.is_sooner(ahead, load, self._times.render_seconds(need, names)):
                return owner
        return None

    def _able(self, workflow: ServerWorkflow, need: Need) -> list[Server]:
        """The servers that can render a prompt and may take a job now, the best first."""
        servers = [server for server in self.servers if server.is_for(workflow)]
        if need.values:
            servers = self._offering(servers, workflow, need)
        able = [
            server
            for server in servers
            if server.takes_next and self._incompatibility(server, workflow) is None
        ]
        if self.prefers_loaded:
            for server in able:
                server.recall_loaded()
        return sorted(able, key=lambda server: self._rank(server, need))

    def _offering(
        self, servers: list[Server], workflow: ServerWorkflow, need: Need
    ) -> list[Server]:
        """Those of some servers that offer every value that a brief names.

        If none does and every one was asked, all of them: then the prompt's render says so. None
        of them while one that does not answer may offer it.
        """
        for server in servers:
            self._incompatibility(server, workflow)  # asks it
        offering = [one for one in servers if one.models_for(workflow, need) is not None]
        if offering or not all(server.was_asked(workflow) for server in servers):
            return offering
        return servers

    def why_away(self, workflow: ServerWorkflow, need: Need) -> Failure | None:
        """Why a prompt waits whose brief names what only servers may offer that do not answer.

        None if a server that answers offers it, or none may offer it. Asks no server.
        """
        servers = [server for server in self.servers if server.is_for(workflow)]
        answering = [server for server in servers if server.unhealthy is None]
        if not need.values or any(one.models_for(workflow, need) is not None for one in answering):
            return None
        for server in servers:
            unhealthy, is_known = server.unhealthy, server.was_asked(workflow)
            if unhealthy is None or (is_known and server.models_for(workflow, need) is None):
                continue
            lacking = [
                f"{name} {value!r}"
                for name, value in need.values
                if all(
                    one.models_for(workflow, replace(need, values=((name, value),))) is None
                    for one in answering
                )
            ]
            values = ", ".join(lacking)[:_MAX_VALUES]
            message = f"no server that answers offers {values}; {unhealthy.failure.message}"
            return replace(unhealthy.failure, message=message)
        return None

    def _rank(self, server: Server, need: Need) -> tuple[float, ...]:
        if not self.prefers_loaded:
            return (server.load,)
        lacks = not server.has_loaded(need)
        return server.busy // server.address.slots, lacks, server.load

    def acquire(  # noqa: C901 - one loop, and what may end it
        self,
        workflow: ServerWorkflow,
        need: Need,
        stop: StopCheck,
        prompt_id: int | None = None,
    ) -> Result[ServerSlot, Failure]:
        """A slot on the least busy healthy server; waits while all slots are taken.

        Args:
            workflow: what the job runs.
            need: of its prompt.
            stop: asked while it waits.
            prompt_id: of which a reserved slot is used, if it still can be; None for none.

        Returns:
            The slot, or why no server can run the workflow.

        Raises:
            StopRequestedError: the render must stop.
        """
        servers = [server for server in self.servers if server.is_for(workflow)]
        if not servers:
            return Refused(no_server(workflow))
        if need.values:
            servers = self._offering(servers, workflow, need)
            if not servers:
                return Refused(self.why_away(workflow, need) or no_server(workflow))
        if prompt_id in self._reserved:
            reserved = self._reserved.pop(prompt_id)
            if self._incompatibility(reserved.server, workflow) is None:
                return Success(reserved)
            self.release(reserved)
        while True:
            stop.check()
            if len(servers) > 1:
                servers.sort(key=lambda server: self._rank(server, need))
            failures: list[Failure] = []
            for server in servers:
                if not server.takes_next and server.unhealthy is None:
                    continue
                failure = self._incompatibility(server, workflow)
                if failure is not None:
                    failures.append(failure)
                elif slot := self.acquire_on(server, need):
                    return Success(slot)
            if len(failures) == len(servers):
                return Refused(failures[0])
            with self._changed:
                self._changed.wait(_SLOT_POLL)

    def acquire_on(
        self, server: Server, need: Need | None = None, *, over_limit: bool = False
    ) -> ServerSlot | None:
        """A slot on one server.

        Args:
            server: the server.
            need: of the job's prompt, whose models it will load; None for one that is resumed.
            over_limit: whether the job is there already, so that no place need be free.
        """
        with self._changed:
            if self._closed or not (server.takes_next or over_limit):
                return None
            if not server.busy:
                server.since = self._clock.monotonic()
            server.busy += 1
            socket = server.sockets.pop() if server.sockets else JobSocket(server.address)
            loaded = server.loaded
            if need is None:
                return ServerSlot(server, socket)
            had_loaded = loaded is not None and loaded.issuperset(need.models)
            server.loaded = frozenset(need.models)
            return ServerSlot(server, socket, need, had_loaded, loaded)

    def release(self, slot: ServerSlot) -> None:
        """Give a slot back."""
        server, socket = slot.server, slot.socket
        socket.unsubscribe()
        with self._changed:
            server.busy -= 1
            server.since = self._clock.monotonic()
            is_kept = not self._closed and len(server.sockets) < server.max_jobs
            if is_kept:
                server.sockets.append(socket)
            self._changed.notify_all()
        if not is_kept:
            socket.close()

    def mark_unhealthy(self, server: Server, failure: Failure, job: str = "") -> None:
        """Give a server no work until it answers, and until a job has left its queue."""
        with self._changed:
            is_news = server.unhealthy is None and not self._closed
            server.unhealthy = Unhealthy(failure, job)
            server.forget_compatibility()
            self._changed.notify_all()
        self._health_checker.watch(server)
        if is_news:
            self._on_health_change(server.name, failure)

    def close(self) -> None:
        """Close every connection and thread of free slots; give no slot any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._health_checker.close()
        for server in self.servers:
            server.close()
        if self._times_file and self._has_learnt:
            write_times(self._times_file, self._times)

    def _incompatibility(self, server: Server, workflow: ServerWorkflow) -> Failure | None:
        """Why a server cannot run a workflow now; one that does not answer is unhealthy."""
        if server.unhealthy is not None:
            return server.unhealthy.failure
        try:
            return server.compatibility(workflow)
        except ServerError as error:
            failure = unreachable(server, error)
            self.mark_unhealthy(server, failure)
            return failure

    def _mark_healthy(self, server: Server) -> None:
        with self._changed:
            if server.unhealthy is None:
                return
            server.unhealthy = None
            server.forget_compatibility()
            self._changed.notify_all()
        self._on_health_change(server.name, None)


class HealthChecker:
    """Asks unhealthy servers, from a thread that lasts as long as there are any.

    Args:
        clock: what to measure with.
        on_healthy: called with a server that is healthy again.
    """

    def __init__(self, clock: Clock, on_healthy: Callable[[Server], None]) -> None:
        self._clock = clock
        self._on_healthy = on_healthy
        self._state = Condition()
        self._due: dict[Server, tuple[float, int]] = {}  # when, and the number of the check
        self._thread: Thread | None = None
        self._closed = False

    def watch(self, server: Server) -> None:
        """Check a server from now on."""
        with self._state:
            if self._closed:
                return
            self._due[server] = (self._clock.monotonic() + _HEALTH_BACKOFF.wait(1), 1)
            if self._thread is None:
                self._thread = Thread(target=self._run, name="comfyui-health", daemon=True)
                self._thread.start()
            self._state.notify_all()

    def close(self) -> None:
        """End the thread."""
        with self._state:
            self._closed = True
            thread = self._thread
            self._state.notify_all()
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while (server := self._next()) is not None:
            is_healthy = server.is_healthy()
            with self._state:
                if is_healthy:
                    self._due.pop(server, None)
                else:
                    check = self._due[server][1] + 1
                    wait = _HEALTH_BACKOFF.wait(check)
                    self._due[server] = (self._clock.monotonic() + wait, check)
            if is_healthy:
                self._on_healthy(server)

    def _next(self) -> Server | None:
        """The next server, when its check is due; None if there is none to check."""
        with self._state:
            while not self._closed and self._due:
                server, (due, _) = min(self._due.items(), key=lambda item: item[1][0])
                wait = due - self._clock.monotonic()
                if wait <= 0:
                    return server
                self._state.wait(wait)
            self._thread = None
            return None


def unreachable(server: Server, error: ServerError) -> Failure:
    """The failure of a render that needs a server that does not answer."""
    return Failure(FailureCode.SERVER_UNREACHABLE, f"ComfyUI at {server.name}: {error.reason}")


def no_server(workflow: ServerWorkflow) -> Failure:
    """The failure of a workflow that none of the configured servers renders."""
    text = f"no ComfyUI server is configured for the kind {workflow.kind.value!r}"
    if workflow.label:
        text += f" and the workflow {workflow.label!r}"
    return Failure(FailureCode.SERVER_UNREACHABLE, text)
