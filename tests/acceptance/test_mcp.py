"""``mediagen mcp``: the queue as tools, called through the official SDK's client."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from mcp import Client, StdioServerParameters

from adapters.sqlite.database import SqliteDatabase
from domain.failure import Failure, FailureCode
from domain.prompt import Kind
from entrypoints.mcp_server import Guard, make_server
from entrypoints.settings.loader import load_settings
from entrypoints.web.access import Access
from tests.command_line import MEDIAGEN, CommandLine

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.databases import Poet

FOX = {"kind": "image", "prompt": "a fox in the snow", "width": 256, "height": 256}
SONG = {"kind": "song", "lyrics": "[Verse]\nRain on the roof", "title": "Rain"}


def ask(server: Any, story: Callable[[Client], Awaitable[None]]) -> None:  # noqa: ANN401 - a server, or how to start one
    """Let a client of the SDK talk to a server."""

    async def talk() -> None:
        async with Client(server) as client:
            await story(client)

    anyio.run(talk)


async def answer_of(client: Client, tool: str, **arguments: object) -> Any:  # noqa: ANN401 - a JSON value
    """The structured answer of a tool, which must not be an error."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    return result.structured_content


async def refusal_of(client: Client, tool: str, **arguments: object) -> str:
    """The message with which a tool refuses a call."""
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    return str(result.content)


def test_batches_searches_and_cancellations(shell: CommandLine, poet: Poet) -> None:
    """A batch is submitted once; errors are reported; every answer has a maximum size."""
    environ = {"MUSINGS_DB_PATH": str(shell.database), "HOME": str(shell.home)}
    server = make_server(load_settings(environ=environ, cwd=shell.home))

    async def story(client: Client) -> None:
        tools = {tool.name for tool in (await client.list_tools()).tools}
        assert tools == {"submit", "wait", "status", "fetch", "cancel", "search"}
        batch = await answer_of(client, "submit", prompts=[FOX, SONG], batch="mine", priority=8)
        assert (batch["batch"], batch["done"], len(batch["ids"])) == ("mine", False, 2)
        again = await answer_of(client, "submit", prompts=[FOX, SONG], batch="mine", priority=8)
        assert again["ids"] == batch["ids"]
        assert "other prompts" in await refusal_of(client, "submit", prompts=[FOX], batch="mine")
        missing = await refusal_of(client, "submit", prompts=[FOX, {"kind": "image"}])
        assert "prompt 2: prompt is missing" in missing
        late = await answer_of(client, "wait", batch="mine", seconds=0)
        assert (late["batch"], late["counts"]) == ("mine", {"pending": 2})
        results = await answer_of(client, "search", text="snow", kind="picture")
        assert [prompt["id"] for prompt in results["prompts"]] == batch["ids"][:1]
        assert "has no files" in await refusal_of(client, "fetch", prompt_id=batch["ids"][0])
        cancelled = await answer_of(client, "cancel", batch="mine")
        assert cancelled["cancelled"] == batch["ids"]
        done = await answer_of(client, "wait", ids=batch["ids"], seconds=300)
        assert done["done"]
        error = done["prompts"][0]["error"]
        assert (error["code"], error["message"]) == ("cancelled", "a person cancelled this prompt")
        assert error["hint"]
        assert "no batch" in await refusal_of(client, "status", batch="yours")
        queue = await answer_of(client, "status")
        assert queue["counts"]["image"] == {"cancelled": 1}
        assert queue["broken"] == []
        with closing(SqliteDatabase(poet.path, 5.0)) as database:
            gone = Failure(FailureCode.MODEL_MISSING, "ink.safetensors is not installed")
            database.controls.hold(Kind.IMAGE, "ink", gone)
        [broken] = (await answer_of(client, "status"))["broken"]
        assert (broken["workflow"], broken["code"], broken["ids"]) == ("ink", "model_missing", [])

    ask(server, story)
    assert poet.execute("SELECT count(*) FROM prompts") == [(2,)]


@pytest.mark.slow
def test_a_batch_survives_restarts_and_its_files_are_fetched(shell: CommandLine) -> None:
    """One process submits, another renders, a third one fetches."""
    (shell.home / "out").mkdir()
    sketch = [
        *("--set=media.renderer.image=sketch", "--set=media.renderer.audio=sketch"),
        f"--set=comfyui.output_directory={shell.home / 'out'}",
    ]
    parameters = StdioServerParameters(
        command=str(MEDIAGEN), args=[*sketch, "mcp"], env=shell.variables(), cwd=str(shell.home)
    )
    batches: list[str] = []
    files: list[Path] = []

    async def submit(client: Client) -> None:
        batches.append((await answer_of(client, "submit", prompts=[FOX]))["batch"])

    async def fetch(client: Client) -> None:
        state = await answer_of(client, "wait", batch=batches[0])
        assert (state["done"], state["counts"]) == (True, {"ready": 1})
        [prompt] = state["prompts"]
        files.append(Path(prompt["files"][0]["local_path"]))
        result = await client.call_tool("fetch", {"prompt_id": prompt["id"]})
        assert [content.type for content in result.content] == ["text", "image"]

    ask(parameters, submit)
    assert shell.run("run", *sketch).returncode == 0
    ask(parameters, fetch)
    assert files[0].is_file()


@pytest.mark.slow
def test_grids_and_named_workflows(shell: CommandLine, poet: Poet) -> None:
    """Over standard input: one prompt for each combination; unusable ones are explained."""
    workflows = [{"name": "draft", "when": {"mood": "calm"}}, {"name": "Final"}]
    (shell.home / "media_generator_config.json").write_text(
        json.dumps(
            {
                "database": {"path": str(shell.database)},
                "media": {
                    "renderer": {"image": "sketch", "audio": "sketch"},
                    "workflows": {"image": workflows},
                },
            }
        )
    )
    parameters = StdioServerParameters(
        command=str(MEDIAGEN), args=["mcp"], env=shell.variables(), cwd=str(shell.home)
    )
    grid = {"vary": {"mood": ["calm", "wild"]}, "seeds": [1, 2], "label": "foxes"}

    async def story(client: Client) -> None:
        made = await answer_of(client, "submit", prompts=[FOX | grid | {"workflow": "final"}])
        assert len(made["ids"]) == 4
        assert [one["varied"] for one in made["prompts"]] == [
            {"mood": mood, "seed": seed} for mood in ("calm", "wild") for seed in (1, 2)
        ]
        assert {one["label"] for one in made["prompts"]} == {"foxes"}
        for wrong, reason in (
            ({"workflow": "other"}, "other"),
            ({"vary": {"a": "1..100", "b": "1..100"}}, "10,000 prompts"),
            ({"vary": {"a": ["NaN"], "a..b": [1]}}, "is no path"),
            ({"variations": 2, "seeds": [1]}, "not both"),
        ):
            refusal = await refusal_of(client, "submit", prompts=[FOX | wrong])
            assert "nothing was submitted" in refusal
            assert reason in refusal

    ask(parameters, story)
    assert poet.execute("SELECT DISTINCT workflow FROM media_generator_choices") == [("Final",)]
    assert poet.execute("SELECT count(*) FROM prompts") == [(4,)]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "127.0.0.1:5010", "authorization": "Bearer abcdefghijkl"}, 200),
        ({"host": "127.0.0.1:5010", "authorization": "Bearer wrong"}, 401),
        ({"host": "127.0.0.1:5010"}, 401),
        ({"host": "evil.example", "authorization": "Bearer abcdefghijkl"}, 421),
        (
            {
                "host": "127.0.0.1:5010",
                "origin": "http://evil.example",
                "authorization": "Bearer abcdefghijkl",
            },
            403,
        ),
    ],
)
def test_http_requests_are_checked_for_host_origin_and_token(
    headers: dict[str, str], status: int
) -> None:
    """As on the page: no other host, no other origin, and the token if one is set."""
    sent: list[dict[str, Any]] = []

    async def app(_scope: object, _receive: object, send: Callable[..., Awaitable[None]]) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "POST", "path": "/mcp", "headers": raw}
    anyio.run(Guard(app, Access(token="abcdefghijkl")), scope, None, send)  # noqa: S106 - of a test
    assert sent[0]["status"] == status


def test_a_port_needs_http(shell: CommandLine) -> None:
    """The port option is refused for standard input."""
    assert "--port needs --http" in shell.run("mcp", "--port", "5010").stderr
