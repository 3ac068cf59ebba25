"""The queue as tools of the Model Context Protocol, for programs that work with language models."""

from __future__ import annotations

import json
import secrets
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import anyio
import anyio.to_thread
from mcp.server.mcpserver import Audio, Image, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field

from application.ports.intake import KeyReusedError
from application.ports.media_files import BusyError, InvalidMediaError
from application.ports.prompt_catalogue import PromptQuery
from application.ports.prompt_repository import RepositoryError
from application.ports.search import SearchQuery
from application.workflow_holds import (
    held_counts,
    held_prompts,
    held_workflows,
    unavailable_kinds,
)
from domain.artifact_status import ArtifactStatus
from domain.failure import FailureCode
from domain.prompt import Kind
from domain.search import EmptySearchError, Search
from entrypoints import factories
from entrypoints.container import compose
from entrypoints.settings.errors import SettingsError
from entrypoints.submission import MAX_KEY_LENGTH, named_request
from entrypoints.version import VERSION
from entrypoints.web.submit_api import check_form
from entrypoints.workflow_choice import all_rules

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from application.ports.database import Database
    from application.ports.intake import Submission
    from application.ports.prompt_catalogue import ArtifactRecord, PromptRecord
    from domain.prompt import Prompt
    from entrypoints.settings.loader import LoadedSettings
    from entrypoints.web.access import Access

_SEARCH_SECONDS: Final = 5.0  # for what is new, before a search
MAX_PROMPTS: Final = 1000  # that one call submits or names
MAX_WAIT_SECONDS: Final = 300.0
_POLL_SECONDS: Final = 0.5
_MAX_SHOWN: Final = 100  # prompts of a batch that an answer describes one by one
_MAX_CONTENT_BYTES: Final = 4 * 1024 * 1024  # of a file that an answer holds
_PICTURE_WIDTH: Final = 1024  # pixels, of a picture in an answer
_AUDIO_TYPES: Final = {"mp3": "mpeg", "m4a": "mp4", "opus": "ogg"}  # by format, if not the same
_UNAUTHORIZED: Final = 401
_ENDED: Final = frozenset({ArtifactStatus.READY, ArtifactStatus.ERROR})

_INSTRUCTIONS: Final = """\
Media Generator renders prompts into pictures and songs, one after the other; each takes seconds to
minutes. 'submit' adds prompts and returns a batch; keep its name, which stays valid whatever is
restarted. 'wait' waits a bounded time for a batch and says what is done; call it again until
'done' is true. 'fetch' returns the files of a prompt. A prompt that failed has a code, a message
and a hint.
"""

_Batch = Annotated[str | None, Field(description="the batch that 'submit' returned")]
_Ids = Annotated[
    list[int] | None,
    Field(max_length=MAX_PROMPTS, description="ids of prompts, instead of a batch"),
]
_KindName = Annotated[
    Literal["image", "picture", "image_prompt", "audio", "song", "lyrics_prompt"] | None,
    Field(description="only pictures, or only songs"),
]


class QueueTools:
    """What the tools do; each call opens the database for itself.

    Args:
        loaded: the settings.
    """

    def __init__(self, loaded: LoadedSettings) -> None:
        self._loaded = loaded
        self._container = compose(loaded)

    def submit(
        self, prompts: Sequence[dict[str, Any]], batch: str | None, priority: int | None
    ) -> dict[str, Any]:
        """Add all prompts, or none if one of them is refused; a known batch adds nothing.

        Raises:
            ToolError: a prompt cannot be used, or the batch has other prompts.
        """
        rules = all_rules(self._loaded.settings.media)
        submissions: list[Submission] = []
        problems: list[str] = []
        for number, prompt in enumerate(prompts, start=1):
            form = check_form(prompt, rules)
            submissions += form.submissions
            problems += [f"prompt {number}: {name} {what}" for name, what in form.problems.items()]
        if problems:
            raise ToolError("nothing was submitted: " + "; ".join(problems[:20]))
        if len(submissions) > MAX_PROMPTS:
            message = f"at most {MAX_PROMPTS:,} can be submitted at once"
            raise ToolError(f"these are {len(submissions):,} prompts; {message}")
        key = batch or f"batch-{secrets.token_hex(8)}"
        request = named_request(key, {"prompts": prompts, "priority": priority})
        with self._database() as database:
            try:
                database.intake.submit(_with_priority(submissions, priority), request)
            except KeyReusedError:
                message = f"the batch {key!r} has other prompts; choose another name"
                raise ToolError(message) from None
        return self.state(key, None)

    def state(self, batch: str | None, ids: Sequence[int] | None) -> dict[str, Any]:
        """The prompts of a batch, or of ids, with their status.

        Raises:
            ToolError: the batch is unknown, or neither or both were given.
        """
        with self._database() as database:
            prompt_ids = _ids_of(database, batch, ids)
            records = [database.catalogue.find(prompt_id) for prompt_id in prompt_ids]
        known = [record for record in records if record is not None]
        counts: dict[str, int] = {}
        for record in known:
            status = record.prompt.shown_status
            counts[status] = counts.get(status, 0) + 1
        missing = [
            prompt_id
            for prompt_id, record in zip(prompt_ids, records, strict=True)
            if record is None
        ]
        return {
            "batch": batch,
            "ids": list(prompt_ids),
            "done": all(record.prompt.artifact_status in _ENDED for record in known),
            "counts": counts,
            "prompts": [self._describe(record) for record in known[:_MAX_SHOWN]],
            **({"unknown_ids": missing} if missing else {}),
        }

    def queue(self) -> dict[str, Any]:
        """The whole queue in numbers."""
        with self._database() as database:
            summary, pause = database.catalogue.summary(), database.controls.paused()
            workers = factories.live_reader(self._loaded).workers()
            unavailable = unavailable_kinds(workers, database.controls.holds())
            rules, workflows = all_rules(self._loaded.settings.media), held_workflows(unavailable)
            held = held_prompts(workflows, rules, database.gallery, database.workflow_records)
        slots = sum(worker.slots for worker in workers)
        left = None if pause else summary.seconds_left(slots, held=held_counts(held))
        return {
            "counts": {kind.value: dict(summary.counts.get(kind, {})) for kind in Kind},
            "rendering": [render.prompt_id for render in summary.rendering],
            "workers": len(workers),
            "paused": pause and {"by": pause.by.value, "reason": pause.reason},
            "broken": [
                {
                    "kind": one.kind.value,
                    "workflow": one.workflow or None,
                    "code": one.code,
                    "message": one.message,
                    "hint": one.hint,
                    "ids": list(held.get((one.kind, one.workflow), ()))[:_MAX_SHOWN],
                }
                for one in unavailable
            ],
            "seconds_left": None if left is None else round(left, 1),
        }

    def cancel(self, batch: str | None, ids: Sequence[int] | None) -> dict[str, Any]:
        """Cancel the prompts of a batch that have not ended, or those with these ids."""
        from adapters.processes.system_processes import SystemProcesses
        from adapters.system_clock import SystemClock

        clock = SystemClock()
        with closing(factories.open_database(self._loaded)) as database:
            prompt_ids = _ids_of(database, batch, ids)
            repository = factories.make_repository(
                self._loaded,
                database.connection,
                SystemProcesses(clock),
                clock,
            )
            result = repository.cancel_many(prompt_ids, requeue=False)
        refused = {str(prompt_id): reason for prompt_id, reason in result.refused.items()}
        return {"batch": batch, "cancelled": list(result.moved), "refused": refused}

    def search(
        self, text: str | None, kind: Kind | None, status: str | None, limit: int
    ) -> dict[str, Any]:
        """Prompts that match, newest first.

        Raises:
            ToolError: there is no word in the text.
        """
        if text is None:
            with self._database() as database:
                prompts = database.catalogue.search(PromptQuery(kind, status, None, limit))
            return {"prompts": [_summary(prompt) for prompt in prompts]}
        try:
            query = SearchQuery(Search.of_text(text), kind, status, None, limit)
        except EmptySearchError as error:
            raise ToolError(str(error)) from None
        with (
            closing(factories.open_database(self._loaded)) as database,
            closing(factories.open_search(self._loaded, database)) as index,
        ):
            index.update(_SEARCH_SECONDS)
            records = [database.catalogue.find(prompt.id) for prompt in index.find(query).prompts]
            part = round(index.indexed(), 3)
        return {
            "prompts": [_summary(record.prompt) for record in records if record],
            **({} if part == 1 else {"indexed": part}),
        }

    def fetch(self, prompt_id: int) -> list[Any]:
        """The description of a prompt, and its files as far as an answer can hold them.

        Raises:
            ToolError: there is no such prompt, or it has no files.
        """
        with self._database() as database:
            record = database.catalogue.find(prompt_id)
        if record is None:
            message = f"there is no prompt {prompt_id}; 'search' finds prompts"
            raise ToolError(message)
        if not record.artifacts:
            status = record.prompt.shown_status
            message = f"prompt {prompt_id} has no files; its status is {status}"
            raise ToolError(f"{message}: {json.dumps(_error(record.prompt))}")
        answer: list[Any] = [json.dumps(self._describe(record), ensure_ascii=False)]
        for artifact in record.artifacts:
            # What cannot be shown has its path in the description.
            with suppress(OSError, SettingsError, InvalidMediaError, BusyError):
                if content := self._content(artifact):
                    answer.append(content)
        return answer

    def _content(self, artifact: ArtifactRecord) -> Image | Audio | None:
        """A picture as a smaller WebP, a song as it is; None if it is too large, or missing."""
        media = self._container.published_media().open(artifact.file_path, {})
        if media is None:
            return None
        with closing(media.file) as file:
            if artifact.artifact_type == Kind.IMAGE:
                webp = self._container.thumbnails().webp(media, _PICTURE_WIDTH)
                return Image(data=webp, format="webp")
            if media.format is None or media.size > _MAX_CONTENT_BYTES:
                return None
            content = file.read(media.size) or b""
        return Audio(data=content, format=_AUDIO_TYPES.get(media.format, media.format))

    def _describe(self, record: PromptRecord) -> dict[str, Any]:
        root: object = None
        with suppress(SettingsError):
            root = self._container.output_root()
        files = [
            {
                "path": artifact.file_path,
                "local_path": str(root / artifact.file_path) if isinstance(root, Path) else None,
                "metadata": _metadata(artifact.metadata),
            }
            for artifact in record.artifacts
        ]
        return _summary(record.prompt) | _label(record) | {"files": files}

    def _database(self) -> closing[Database]:
        return closing(factories.open_database(self._loaded))


def make_server(loaded: LoadedSettings) -> MCPServer[Any]:  # noqa: C901 - a function for each tool
    """The server with its tools, which any transport can run.

    Args:
        loaded: the settings.

    Raises:
        RepositoryError: the database cannot be used.
        SettingsError: no database is configured.
    """
    tools = QueueTools(loaded)
    tools.queue()  # what is wrong is said at the start
    server: MCPServer[Any] = MCPServer(
        "media-generator", instructions=_INSTRUCTIONS, version=VERSION, log_level="WARNING"
    )

    async def run(function: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401 - a tool's answer
        try:
            return await anyio.to_thread.run_sync(partial(function, *arguments))
        except (RepositoryError, SettingsError) as error:
            raise ToolError(str(error)) from error

    @server.tool()
    async def submit(
        prompts: Annotated[
            list[dict[str, Any]],
            Field(
                min_length=1,
                max_length=MAX_PROMPTS,
                description=(
                    'pictures {"kind": "image", "prompt": "..."} with negative_prompt,'
                    ' style_tags, aspect_ratio ("16:9"), width, height, seed; songs {"kind":'
                    ' "song", "lyrics": "[Verse]\\n..."} with title, genre, mood, tempo,'
                    " key, seconds; many at once with variations (a number), seeds ([1, 2]) or"
                    ' vary ({"technical_params.steps": [10, 20]}: every combination), and label;'
                    " workflow chooses a named one, whatever the rules say"
                ),
            ),
        ],
        batch: Annotated[
            str | None,
            Field(
                min_length=1,
                max_length=MAX_KEY_LENGTH,
                description="your own name for the batch; to submit it again adds nothing",
            ),
        ] = None,
        priority: Annotated[
            int | None, Field(ge=1, le=10, description="5 is the usual one; the highest goes first")
        ] = None,
    ) -> dict[str, Any]:
        """Add one or many prompts to the queue; returns a batch for wait, status and cancel."""
        answer: dict[str, Any] = await run(tools.submit, prompts, batch, priority)
        return answer

    @server.tool()
    async def wait(
        batch: _Batch = None,
        ids: _Ids = None,
        seconds: Annotated[
            float, Field(ge=0, le=MAX_WAIT_SECONDS, description="how long to wait at most")
        ] = 30.0,
    ) -> dict[str, Any]:
        """Wait until all prompts have ended, or the time is over; says which have ended."""
        with anyio.move_on_after(seconds):
            while True:
                started = anyio.current_time()
                state: dict[str, Any] = await run(tools.state, batch, ids)
                if state["done"]:
                    return state
                # Reading a large batch takes its time; most of the wait is rest.
                await anyio.sleep(max(_POLL_SECONDS, 4 * (anyio.current_time() - started)))
        late: dict[str, Any] = await run(tools.state, batch, ids)
        return late

    @server.tool()
    async def status(batch: _Batch = None, ids: _Ids = None) -> dict[str, Any]:
        """The state of a batch or of prompts; without either, of the whole queue."""
        answer: dict[str, Any] = (
            await run(tools.state, batch, ids) if batch or ids else await run(tools.queue)
        )
        return answer

    @server.tool(structured_output=False)
    async def fetch(prompt_id: Annotated[int, Field(ge=0)]) -> list[Any]:
        """The files of a prompt: pictures to look at, songs, and where the originals lie."""
        answer: list[Any] = await run(tools.fetch, prompt_id)
        return answer

    @server.tool()
    async def cancel(batch: _Batch = None, ids: _Ids = None) -> dict[str, Any]:
        """Take prompts out of the queue, even while they are being rendered."""
        answer: dict[str, Any] = await run(tools.cancel, batch, ids)
        return answer

    @server.tool()
    async def search(
        text: Annotated[
            str | None,
            Field(
                max_length=500,
                description="words of the prompt, its brief or its tags; all of them must occur:"
                ' lake "at dawn" -crowd mount*',
            ),
        ] = None,
        kind: _KindName = None,
        status: Annotated[
            str | None, Field(description="pending, processing, ready, error or cancelled")
        ] = None,
        limit: Annotated[int, Field(ge=1, le=100)] = 20,
    ) -> dict[str, Any]:
        """Find prompts, newest first."""
        chosen = Kind.of_name(kind) if kind else None
        answer: dict[str, Any] = await run(tools.search, text, chosen, status, limit)
        return answer

    return server


def _ids_of(database: Database, batch: str | None, ids: Sequence[int] | None) -> tuple[int, ...]:
    if (batch is None) == (not ids):
        message = "give either a batch or ids"
        raise ToolError(message)
    if batch is None:
        return tuple(dict.fromkeys(ids or ()))
    known = database.intake.submitted(batch)
    if known is None:
        message = f"there is no batch {batch!r}; 'submit' makes one, and 'search' finds prompts"
        raise ToolError(message)
    return known


def _with_priority(submissions: list[Any], priority: int | None) -> list[Any]:
    from dataclasses import replace

    if priority is None:
        return submissions
    return [replace(submission, priority=priority) for submission in submissions]


def _summary(prompt: Prompt) -> dict[str, Any]:
    error = _error(prompt)
    return {
        "id": prompt.id,
        "kind": prompt.kind.value,
        "status": prompt.shown_status,
        "text": prompt.text,
        "created_at": prompt.created_at,
        **({"error": error} if error else {}),
    }


def _label(record: PromptRecord) -> dict[str, Any]:
    """The label of a prompt and what was varied, if it has one."""
    return {"label": record.label, "varied": dict(record.varied)} if record.label else {}


def _error(prompt: Prompt) -> dict[str, str] | None:
    """Code, message and hint of a prompt in error; None otherwise."""
    if prompt.artifact_status != ArtifactStatus.ERROR:
        return None
    code, _, message = (prompt.error_message or "").partition(": ")
    if code not in set(FailureCode):
        return {"code": "", "message": prompt.error_message or "", "hint": ""}
    hint = FailureCode(code).hint
    return {"code": code, "message": message.removesuffix(f"\nHint: {hint}"), "hint": hint}


def _metadata(text: str | None) -> object:
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None


# ------------------------------------------------------------------------------------------- HTTP


class Guard:
    """Answers only requests that name this server, come from it and carry its token.

    Args:
        app: the ASGI application behind it.
        access: the hosts and the token that requests must show.
    """

    def __init__(self, app: Any, access: Access) -> None:  # noqa: ANN401 - an ASGI application
        self._app = app
        self._access = access

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - as ASGI says
        """Refuse a request with 403, 401 or 421, or pass it on."""
        from starlette.responses import PlainTextResponse

        refusal = self._refusal(scope) if scope["type"] == "http" else None
        if refusal is None:
            await self._app(scope, receive, send)
            return
        status, message = refusal
        headers = {"WWW-Authenticate": "Bearer"} if status == _UNAUTHORIZED else None
        await PlainTextResponse(message, status, headers)(scope, receive, send)

    def _refusal(self, scope: Any) -> tuple[int, str] | None:  # noqa: ANN401 - as ASGI says
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host, origin = headers.get(b"host", ""), headers.get(b"origin")
        if not self._access.knows_host(host):
            return 421, "this server is not reached under that host name"
        if origin is not None and not self._access.is_own_origin(origin, host):
            return 403, "pages of other origins may not use this server"
        if self._access.token is not None:
            scheme, _, token = headers.get(b"authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not self._access.is_token(token.strip()):
                return _UNAUTHORIZED, "send web.token as 'Authorization: Bearer TOKEN'"
        return None


def serve_http(loaded: LoadedSettings, port: int, announce: Callable[[str], None]) -> None:
    """Serve the tools over HTTP for this machine, until a signal arrives.

    Args:
        loaded: the settings; ``web.token`` is required of requests if it is set.
        port: on 127.0.0.1; 0 takes a free one.
        announce: called with the address once it is served.

    Raises:
        OSError: the port cannot be used.
        RepositoryError: the database cannot be used.
        SettingsError: no database is configured.
    """
    import platform
    import socket

    import uvicorn
    from mcp.server.transport_security import TransportSecuritySettings

    from entrypoints.web.access import access_for

    server = make_server(loaded)
    with socket.create_server(("127.0.0.1", port)) as listening:
        port = listening.getsockname()[1]
        # The guard checks hosts and origins, as the page does.
        unchecked = TransportSecuritySettings(enable_dns_rebinding_protection=False)
        app = server.streamable_http_app(transport_security=unchecked)
        guarded = Guard(app, access_for(loaded.settings.web, platform.node(), port))
        runner = uvicorn.Server(uvicorn.Config(guarded, log_level="warning", access_log=False))
        announce(f"http://127.0.0.1:{port}/mcp")
        runner.run(sockets=[listening])
