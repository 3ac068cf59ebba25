"""One render: on which server, and what to do when that one fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from returns.pipeline import is_successful
from returns.result import Failure as Failed
from returns.result import Result

from adapters.comfyui_server.attempt import Attempt
from adapters.comfyui_server.earlier import Earlier
from adapters.comfyui_server.fitness import unreachable, why_unfit
from adapters.comfyui_server.following import LostError
from adapters.comfyui_server.stopping import StopAskedError, StopCheck
from adapters.comfyui_server.trouble import ServerTroubleError
from domain.failure import Failure, FailureCode

if TYPE_CHECKING:
    from adapters.comfyui_server.parts import Parts
    from adapters.comfyui_server.pool import Seat
    from adapters.comfyui_server.server import Server
    from adapters.comfyui_server.workflow import ServerWorkflow
    from application.ports.media_renderer import RenderingFacts, RenderJob, RenderWatch
    from domain.server_job import ServerJob

_UNFIT = frozenset(
    {FailureCode.MODEL_MISSING, FailureCode.NODE_MISSING, FailureCode.GRAPH_REJECTED}
)
_FREEING = 0.2  # seconds
_MOST_MOVES = 8  # from one server to another: they come back and fail again


class Rendering:
    """Renders one job: goes on with an earlier one, or submits it, anew where need be."""

    def __init__(
        self, parts: Parts, workflow: ServerWorkflow, asked: RenderJob, watch: RenderWatch
    ) -> None:
        self._parts = parts
        self._pool = parts.pool
        self._workflow = workflow
        self._asked = asked
        self._watch = watch
        self._stop = StopCheck(watch, parts.clock)
        self._lost_on: set[str] = set()
        self._moves = 0
        self._freed = False

    def run(self) -> Result[RenderingFacts, Failure]:
        """Make the media."""
        try:
            self._stop.check()
            return self._run()
        except StopAskedError:
            return Failed(Failure(FailureCode.INTERRUPTED, "the job was stopped on request"))

    def _run(self) -> Result[RenderingFacts, Failure]:
        earlier = Earlier(self._parts, self._workflow, self._asked, self._watch)
        for job, server in earlier.to_go_on_with():
            result = self._gone_on(job, server)
            if result is not None:
                earlier.end_the_rest()
                return result
        while True:
            taken = self._pool.take(self._workflow.kind, self._stop, self._refusal)
            if not is_successful(taken):
                return Failed(taken.failure())
            result = self._tried(taken.unwrap())
            if result is not None:
                return result

    def _refusal(self, server: Server) -> Failure | None:
        return why_unfit(self._pool, server, self._workflow)

    def _gone_on(self, job: ServerJob, server: Server) -> Result[RenderingFacts, Failure] | None:
        """Go on with an earlier job; None when it came to nothing."""
        seat = self._pool.take_on(server, beyond=True)
        if seat is None:
            return None
        with self._pool.seated(seat):
            attempt = self._attempt(seat)
            try:
                result = attempt.go_on(job)
            except LostError:
                self._watch.dropped(job)
                return None
            except ServerTroubleError as trouble:
                return self._away(seat.server, trouble, held=False)
        # What ended badly while nobody looked is no news of this render.
        if is_successful(result) or not attempt.ended_badly:
            return result
        return None

    def _tried(self, seat: Seat) -> Result[RenderingFacts, Failure] | None:
        """Submit on a seat; None when it is worth another try."""
        server = seat.server
        with self._pool.seated(seat):
            attempt = self._attempt(seat)
            try:
                result = attempt.submit(insist=not self._has_other(server))
            except LostError:
                return self._lost(attempt, server)
            except ServerTroubleError as trouble:
                if not attempt.may_be_there and attempt.job is not None:
                    self._watch.dropped(attempt.job)
                return self._away(server, trouble, held=attempt.may_be_there)
            if not is_successful(result) and result.failure().code in _UNFIT:
                server.forget_examinations()  # it is not what it was when it was examined
            return self._freed_memory(seat, result)

    def _attempt(self, seat: Seat) -> Attempt:
        return Attempt(self._parts, seat, self._workflow, self._asked, self._watch, self._stop)

    def _has_other(self, server: Server) -> bool:
        return self._pool.has_other(server, self._workflow.kind)

    def _lost(self, attempt: Attempt, server: Server) -> Result[RenderingFacts, Failure] | None:
        """The server was restarted, most likely: submit once more, but not again and again."""
        if attempt.job is not None:
            self._watch.dropped(attempt.job)
        server.forget_examinations()
        if server.name not in self._lost_on:
            self._lost_on.add(server.name)
            return None
        return Failed(
            Failure(
                FailureCode.SERVER_LOST,
                f"ComfyUI at {server.name} forgot the job, twice in a row",
            )
        )

    def _away(
        self, server: Server, trouble: ServerTroubleError, *, held: bool
    ) -> Result[RenderingFacts, Failure] | None:
        """The server does not answer: go elsewhere, if there is anywhere to go."""
        failure = unreachable(server, trouble)
        self._pool.set_aside(server, failure)
        self._moves += 1
        if self._has_other(server) and self._moves <= _MOST_MOVES:
            return None
        if held:
            text = f"ComfyUI at {server.name} went away with the job: {trouble.reason}"
            failure = Failure(FailureCode.SERVER_LOST, text)
        return Failed(failure)

    def _freed_memory(
        self, seat: Seat, result: Result[RenderingFacts, Failure]
    ) -> Result[RenderingFacts, Failure] | None:
        """After want of memory: let the server free it, where that is wished, and try again."""
        if is_successful(result) or result.failure().code is not FailureCode.OUT_OF_MEMORY:
            return result
        if not self._parts.limits.free_memory or self._freed:
            return result
        self._freed = True
        try:
            seat.server.api.free()
        except ServerTroubleError:
            return result
        self._stop.sleep(_FREEING)  # a job that comes at once would come before it
        self._watch.heard("server", b"asked to free its memory; the job is tried once more\n")
        return None
