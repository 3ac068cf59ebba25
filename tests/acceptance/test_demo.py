"""``mediagen demo``: from nothing to files that can be decoded."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.acceptance.evidence import decode
from tests.acceptance.mediagen import image
from tests.command_line import MEDIAGEN, CommandLine
from tests.databases import Poet, make_database

NOT_A_HOME = "/dev/null/nobody"  # not readable and not creatable, not even by root


def shell_of(folder: Path) -> CommandLine:
    """A user without write access to the home folder, working in another folder."""
    return CommandLine(folder, environment={"HOME": NOT_A_HOME, "XDG_CONFIG_HOME": NOT_A_HOME})


@contextmanager
def started_demo(shell: CommandLine, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A demo that has begun its first prompt, and is terminated at the end of the block."""
    with subprocess.Popen(
        [MEDIAGEN, "demo", *arguments],
        cwd=shell.home,
        env=shell.variables(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def interrupted(shell: CommandLine, *arguments: str) -> tuple[int, str]:
    """Terminate a demo while it renders; returns exit code and output."""
    with started_demo(shell, *arguments) as process:
        assert process.stdout
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.endswith(" pending\n"):
                process.terminate()
        complaints = process.communicate(timeout=90)[1]
    return process.returncode, "".join(lines) + complaints


def test_six_prompts_become_six_valid_files(tmp_path: Path) -> None:
    """From nothing, with a read-only home and a difficult folder name."""
    shell = shell_of(tmp_path)
    workspace = tmp_path / "poet's ünïverse 湖"
    ended = shell.run("demo", "--workspace", str(workspace))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "6 ready, 0 in error" in ended.stdout
    check_files(workspace)
    check_advice(shell, ended.stdout)
    check_nothing_to_do(shell, workspace)
    check_second_demo(shell, workspace)


def check_files(workspace: Path) -> None:
    """Four PNG files and two MP3 files, complete, all different, each with its row."""
    poet = Poet(workspace / "musings.db")
    artifacts = poet.execute("SELECT artifact_type, file_path FROM prompt_artifacts ORDER BY id")
    assert [kind for kind, _ in artifacts] == ["image"] * 4 + ["audio"] * 2
    output = workspace / "output"
    for _, path in artifacts:
        decode((output / path).read_bytes(), path)
    listed = {path for _, path in artifacts}
    files = (file for file in output.rglob("*") if file.is_file())
    assert listed == {file.relative_to(output).as_posix() for file in files}
    assert {Path(path).suffix for path in listed} == {".png", ".mp3"}
    assert len({(output / path).read_bytes() for path in listed}) == 6
    assert os.listdir(output / ".staging") == []  # noqa: PTH208 - names only


def check_advice(shell: CommandLine, printed: str) -> None:
    """The suggested commands can be pasted into a shell, spaces included."""
    commands = [line.strip() for line in printed.splitlines() if line.startswith("  mediagen ")]
    assert len(commands) == 5
    assert commands.pop(0).endswith(" serve --open")
    for command in commands[:2]:
        shown = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=shell.home,
            env=shell.variables(),
            capture_output=True,
            check=True,
        )
        assert shown.stdout


def check_nothing_to_do(shell: CommandLine, workspace: Path) -> None:
    """The configuration that it leaves is complete."""
    ended = shell.run("--config", str(workspace / "media_generator_config.json"), "run")
    assert ended.stdout == "0 pending\n0 ready, 0 in error\n"


def check_second_demo(shell: CommandLine, workspace: Path) -> None:
    """Six more prompts; existing files stay, and an interruption loses no prompt."""
    before = {file: file.read_bytes() for file in (workspace / "output").rglob("*.???")}
    assert len(before) == 6
    code, printed = interrupted(shell, "--workspace", str(workspace))
    assert code == 143
    assert "6 pending" in printed
    rows = Poet(workspace / "musings.db").execute("SELECT artifact_status FROM prompts")
    statuses = [status for (status,) in rows]
    assert len(statuses) == 12
    assert statuses.count("ready") >= 6
    assert set(statuses) == {"ready", "pending"}
    assert {file: file.read_bytes() for file in before} == before


def test_the_users_own_database_is_unchanged(tmp_path: Path) -> None:
    """The demo has its own database even if a real queue is configured."""
    real = make_database(tmp_path / "anthonys_musings.db", "wide")
    Poet(real).write(image("for a model, not for a sketch"))
    before = real.read_bytes()
    config = tmp_path / "real.json"
    config.write_text(json.dumps({"database": {"path": str(real)}}), "utf-8")
    shell = shell_of(tmp_path)
    for variable in ("MUSINGS_DB_PATH", "MEDIA_GENERATOR_DATABASE__PATH"):
        shell.environment[variable] = str(real)
    shell.environment["MEDIA_GENERATOR_CONFIG"] = str(config)
    code, printed = interrupted(shell, "--workspace", "demo")
    assert real.read_bytes() == before
    assert "6 prompts added" in printed
    assert code == 143


def test_environment_settings_do_not_break_the_demo(tmp_path: Path) -> None:
    """It uses its own workspace and the sketch renderer, whatever the environment says."""
    shell = shell_of(tmp_path)
    shell.environment |= {
        "COMFYUI_DIR": "/no/ComfyUI",
        "MEDIA_GENERATOR_COMFYUI__OUTPUT_DIRECTORY": "/no/output",
        "MEDIA_GENERATOR_MEDIA__RENDERER__IMAGE": "script",
    }
    with started_demo(shell, "--workspace", "demo") as process:
        assert process.stdout
        first = next((line for line in process.stdout if line.startswith("ready")), "")
        process.terminate()
        complaints = process.communicate(timeout=90)[1]
    assert complaints == ""
    assert "image/1_" in first
    assert list((tmp_path / "demo" / "output" / "image").iterdir())


def test_an_unusable_workspace_is_explained(tmp_path: Path) -> None:
    """Exit code 2 with the folder's name, without a traceback."""
    (tmp_path / "file").touch()
    ended = shell_of(tmp_path).run("demo", "--workspace", "file/demo")
    assert ended.returncode == 2
    assert "file/demo" in ended.stderr
    assert "Traceback" not in ended.stderr
