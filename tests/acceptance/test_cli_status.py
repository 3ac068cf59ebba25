"""``mediagen status``."""

import os
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.processes.system_processes import own_identity
from adapters.sql_queue.controls import SqlQueueControls
from adapters.sql_queue.prompt_repository import SqlPromptRepository
from adapters.sql_queue.workers import SqlWorkerRegister
from adapters.sqlite.connection import Connection
from adapters.system_clock import SystemClock
from application.ports.database import PausedBy, WorkerPlace
from application.ports.prompt_repository import Selection
from domain.failure import Failure, FailureCode
from domain.lease import ProcessIdentity
from tests.command_line import MEDIAGEN, CommandLine
from tests.contract.worker_register_contract import HERE, THERE
from tests.databases import Poet

BRIEF = '{"prompt": "a"}'


def claim(path: Path, worker: str | ProcessIdentity, release: Failure | None = None) -> None:
    """Claim the oldest prompt as a worker, and optionally release it."""
    with closing(Connection(path, 5)) as connection:
        owner = worker
        if isinstance(owner, str):
            host, _, pid = owner.rpartition(":")
            owner = ProcessIdentity(host, "a boot", "", int(pid), "started")
        queue = SqlPromptRepository(
            connection, owner, SystemClock(), create_indexes=False, all_variants=False
        )
        taken = queue.claim_next(Selection())
        assert taken
        if release:
            assert queue.release(taken, release, 1.5)


def test_a_pause_elsewhere_of_both_kinds_is_shown_once(shell: CommandLine, poet: Poet) -> None:
    """A full disk stops pictures and songs alike."""
    with closing(Connection(poet.path, 5)) as connection:
        SqlPromptRepository(
            connection, own_identity(), SystemClock(), create_indexes=False, all_variants=False
        )
        elsewhere = SqlQueueControls(connection, lambda: WorkerPlace("attic", "", "other.json"))
        elsewhere.pause(PausedBy.ENVIRONMENT, "full", "disk_full", ())
    assert shell.run("status").stdout.count("paused automatically") == 1
    assert len(shell.json("status")["paused_elsewhere"]) == 2


def test_counts_by_kind_and_status(shell: CommandLine, poet: Poet) -> None:
    """Only media prompts count; unknown statuses and unwritten prompts are separate."""
    poet.write(BRIEF)
    poet.write(BRIEF, artifact_status="ready")
    poet.write(BRIEF, artifact_status="unsupported", prompt_type="lyrics_prompt")
    poet.write(None, written=False)
    poet.write(BRIEF, prompt_type="poetry")
    document = shell.json("status")
    nothing = {"pending": 0, "processing": 0, "ready": 0, "error": 0, "cancelled": 0}
    assert document["counts"] == {
        "image": nothing | {"pending": 1, "ready": 1},
        "audio": nothing | {"unsupported": 1},
    }
    assert document["unwritten"] == {"image": 1, "audio": 0}
    assert document["oldest_pending"] == {"image": "2026-01-06 21:30:45", "audio": None}
    table = shell.run("status").stdout.splitlines()
    head = ["pending", "processing", "ready", "error", "unsupported", "unwritten"]
    assert table[0].split() == head
    assert table[1].split() == ["image", "1", "0", "1", "0", "0", "1"]
    assert table[2].split() == ["audio", "0", "0", "0", "0", "1", "0"]


def test_reading_commands_create_no_tables(shell: CommandLine, poet: Poet) -> None:
    """Commands that only read leave the file unchanged to the byte."""
    poet.write(BRIEF)
    before = poet.path.read_bytes()
    for command in (["status"], ["list"], ["show", "1"]):
        assert shell.run(*command).returncode == 0
    assert poet.path.read_bytes() == before


def test_rendering_prompts_are_shown_with_their_worker(shell: CommandLine, poet: Poet) -> None:
    """Which prompt, since when, by which worker; the worker's name is escaped for the terminal."""
    poet.write(BRIEF, prompt_id=7)
    claim(poet.path, "rack-\x1b[2J:42")
    [render] = shell.json("status")["rendering"]
    assert (render["prompt_id"], render["worker"]) == (7, "rack-\x1b[2J:42")
    shown = shell.run("status").stdout
    assert "prompt 7" in shown
    assert "s ago" in shown
    assert "\x1b" not in shown


LOST = {
    "dead": (replace(own_identity(), pid=2**22 + 1), "0", "its worker has ended"),
    "dead and renamed": (
        replace(own_identity(), host="old-name", pid=2**22 + 1),
        "0",
        "its worker has ended",
    ),
    "silent": (
        ProcessIdentity("elsewhere", "a boot", "", 7, "1"),
        "strftime('%s', 'now') - 600",
        "no heartbeat for 6",
    ),
    "silent from the start": (
        ProcessIdentity("elsewhere", "a boot", "", 7, "1"),
        "0, claimed_at = datetime('now', '-10 minutes')",
        "no heartbeat for 6",
    ),
}


@pytest.mark.parametrize(("owner", "heartbeat", "reason"), LOST.values(), ids=LOST)
def test_prompts_of_a_lost_worker_are_not_called_rendering(
    shell: CommandLine, poet: Poet, owner: ProcessIdentity, heartbeat: str, reason: str
) -> None:
    """They are shown separately, with reason and remedy; cancelling cannot end them."""
    poet.write(BRIEF, prompt_id=7)
    claim(poet.path, owner)
    poet.execute(f"UPDATE media_generator_renders SET heartbeat = {heartbeat}")  # noqa: S608 - from above
    document = shell.json("status")
    assert document["rendering"] == []
    [lost] = document["lost"]
    assert (lost["prompt_id"], lost["worker"]) == (7, f"{owner.host}:{owner.pid}")
    assert reason in lost["reason"]
    shown = shell.run("status").stdout
    assert "rendering now" not in shown
    assert reason in shown
    assert "'mediagen run' or the daemon picks up" in shown
    assert shell.json("pause")["rendering"] == []


@pytest.mark.parametrize("beats", ["0", "strftime('%s', 'now') - 20", "7"])
def test_a_remote_worker_with_a_valid_lease_is_rendering(
    shell: CommandLine, poet: Poet, beats: str
) -> None:
    """Old heartbeat counts of earlier versions are ignored."""
    poet.write(BRIEF, prompt_id=7)
    claim(poet.path, "elsewhere:7")
    poet.execute(f"UPDATE media_generator_renders SET heartbeat = {beats}")  # noqa: S608 - from above
    document = shell.json("status")
    assert [render["prompt_id"] for render in document["rendering"]] == [7]
    assert document["lost"] == []


def test_an_environment_error_comes_with_its_hint(shell: CommandLine, poet: Poet) -> None:
    """A prompt that was released because of the environment is explained."""
    poet.write(BRIEF)
    failure = Failure(FailureCode.DISK_FULL, "no room on the volume")
    claim(poet.path, "w:1", failure)
    document = shell.json("status")
    assert document["trouble"]["code"] == "disk_full"
    assert document["trouble"]["hint"] == failure.hint
    shown = shell.run("status").stdout
    assert "disk_full: no room on the volume" in shown
    assert failure.hint in shown


@pytest.mark.parametrize(
    ("artifact_status", "advice"),
    [("error", "retry --all-errors"), ("processing", "doctor"), ("pending", "mediagen run")],
)
def test_the_next_step_is_suggested(
    shell: CommandLine, poet: Poet, artifact_status: str, advice: str
) -> None:
    """Each state that needs a person has its sentence."""
    poet.write(BRIEF, artifact_status=artifact_status)
    assert advice in shell.run("status").stdout


def test_an_empty_queue_suggests_submit(shell: CommandLine) -> None:
    """Newcomers learn how to begin."""
    assert "mediagen submit" in shell.run("status").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["--database", "gone.db", "status"], 3, "gone.db"),
        (["status", "--set", "database.timeout=never"], 2, "database.timeout"),
        (["status", "--set", "nonsense"], 2, "SECTION.KEY=VALUE"),
        (["stauts"], 2, "status"),
    ],
    ids=str,
)
def test_errors_have_no_traceback(
    shell: CommandLine, arguments: list[str], code: int, word: str
) -> None:
    """Exit code and message distinguish command line, settings and environment."""
    refused = shell.run(*arguments)
    assert refused.returncode == code
    assert word in refused.stderr
    assert "Traceback" not in refused.stderr


def _imported(shell: CommandLine, argument: str) -> set[str]:
    """The modules that a command imports."""
    listed = subprocess.run(
        [sys.executable, "-X", "importtime", MEDIAGEN, argument],
        env=shell.variables(),
        cwd=shell.home,
        capture_output=True,
        text=True,
        check=True,
    )
    return {line.rpartition("|")[2].strip() for line in listed.stderr.splitlines()}


def test_nothing_heavy_is_imported(shell: CommandLine) -> None:
    """``status`` must start quickly, so it imports nothing that draws, decodes or injects."""
    imported = _imported(shell, "status")
    assert "adapters.sql_queue.prompt_catalogue" in imported
    heavy = {"rich", "numpy", "PIL", "av", "psutil", "dependency_injector", "subprocess", "asyncio"}
    heavy |= {"importlib.metadata", "importlib.resources", "secrets", "domain.render"}
    heavy |= {"application.ports.live_state", "adapters.processes.process_table"}
    assert not imported & heavy


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_help_and_version_import_little_but_click(shell: CommandLine, argument: str) -> None:
    """Neither settings nor database are imported, nor anything that reads package metadata."""
    imported = _imported(shell, argument)
    ours = {name for name in imported if name.partition(".")[0] in {"adapters", "application"}}
    ours |= {name for name in imported if name.startswith(("domain", "entrypoints"))}
    assert ours <= {
        "entrypoints",
        "entrypoints.cli",
        "entrypoints.cli.commands",
        "entrypoints.cli.invocation",
        "entrypoints.version",
    }
    assert not imported & {"dataclasses", "importlib.metadata", "msgspec", "pathlib", "sqlite3"}


def test_a_latin_1_terminal_still_gets_its_output(shell: CommandLine, poet: Poet) -> None:
    """Characters that the terminal cannot show are escaped."""
    poet.write(BRIEF, text="湖 e")
    shell.environment = {"PYTHONIOENCODING": "latin-1"}
    shown = shell.process("list")
    assert shown.returncode == 0
    assert "\\u6e56" in shown.stdout
    assert shell.json("list")["prompts"][0]["text"] == "湖 e"


def test_a_closed_pipe_is_no_error(shell: CommandLine, poet: Poet) -> None:
    """``mediagen list | head -1`` ends quietly."""
    for _ in range(3):
        poet.write(BRIEF, text="x" * 100_000)
    read, write = os.pipe()
    with subprocess.Popen(
        [MEDIAGEN, "list"],
        env=shell.variables(),
        cwd=shell.home,
        stdout=write,
        stderr=subprocess.PIPE,
    ) as process:
        os.close(write)
        os.read(read, 10)
        os.close(read)
        assert process.stderr
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_living_and_lost_machines(shell: CommandLine, poet: Poet) -> None:
    """One table shows what each machine renders and what stops it."""
    with closing(Connection(poet.path, 5.0)) as connection:
        register = SqlWorkerRegister(connection)
        register.register(HERE)
        register.register(THERE)
    poet.execute(
        "UPDATE media_generator_workers SET seen_at = datetime(seen_at, '-2 hours')"
        " WHERE host = 'gpu2'"
    )
    lines = shell.run("status").stdout.splitlines()
    [here] = [line for line in lines if "gpu1:11" in line]
    [there] = [line for line in lines if "gpu2:11" in line]
    assert "image by server, audio by script (stopped: script_missing)" in here
    assert "idle" in here
    assert "gone, last seen 120 min" in there
    assert [worker["gone"] for worker in shell.json("status")["machines"]] == [False, True]


def test_run_is_suggested_only_without_a_worker(shell: CommandLine, poet: Poet) -> None:
    """A daemon on any machine takes pending prompts."""
    poet.write(BRIEF)
    with closing(Connection(poet.path, 5.0)) as connection:
        SqlWorkerRegister(connection).register(THERE)
    advice = "'mediagen run' renders the pending prompts"
    assert advice not in shell.run("status").stdout
    poet.execute("UPDATE media_generator_workers SET seen_at = datetime(seen_at, '-2 hours')")
    shown = shell.run("status").stdout
    assert advice in shown
    assert "doctor" not in shown
    named = '--set=media.workflows.image=[{"name": "a", "script": "a.py"}]'
    assert "'mediagen doctor' checks which workflows can run" in shell.run(named, "status").stdout
