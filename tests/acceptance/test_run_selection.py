"""Options and environment variables of ``mediagen run``, and what it prints."""

import json
import re
from typing import Any

import pytest

from tests.acceptance.mediagen import LAKE, STEAM, Installation, image
from tests.databases import Poet, make_database
from tests.slow_cases import mostly_slow


def documents(printed: str) -> list[dict[str, Any]]:
    """Standard output as JSON lines."""
    return [json.loads(line) for line in printed.splitlines()]


def fill(installation: Installation) -> None:
    """Two pictures and two songs, alternating."""
    for _ in range(2):
        installation.poet.write(json.dumps(LAKE))
        installation.poet.write(json.dumps(STEAM), prompt_type="lyrics_prompt")


@pytest.mark.parametrize(
    ("arguments", "ready"),
    [
        (["--limit", "3"], {1, 2, 3}),
        (["--kind", "audio"], {2, 4}),
        (["--kind", "image", "--limit", "1"], {1}),
        (["4", "1"], {1, 4}),
        (["--limit", "9"], {1, 2, 3, 4}),
    ],
    ids=str,
)
def test_only_the_selection_is_rendered(
    installation: Installation, arguments: list[str], ready: set[int]
) -> None:
    """Limit, kind and ids narrow the queue; the rest stays pending."""
    fill(installation)
    assert installation.run(*arguments).returncode == 0
    assert {
        number for number, status in installation.statuses().items() if status == "ready"
    } == ready
    assert set(installation.statuses().values()) <= {"ready", "pending"}
    installation.check()


def test_ids_that_are_not_pending_are_reported_and_skipped(installation: Installation) -> None:
    """Each with the reason, exit code 1; the others are rendered."""
    fill(installation)
    installation.poet.write(json.dumps(LAKE), artifact_status="ready")
    installation.poet.write(json.dumps(LAKE), artifact_status="unsupported")
    installation.poet.write(json.dumps(LAKE), prompt_type="poetry")
    installation.poet.write(None, written=False)
    ended = installation.run("--kind", "image", *map(str, (1, 2, 5, 6, 7, 8, 99)))
    assert ended.returncode == 1
    assert "1 ready, 0 in error" in ended.stdout
    skipped = dict(re.findall(r"^skipped +(\d+) +(.*)$", ended.stderr, re.MULTILINE))
    assert set(skipped) == {"2", "5", "6", "7", "8", "99"}
    assert "audio" in skipped["2"]
    assert "ready" in skipped["5"]
    assert "unsupported" in skipped["6"]
    assert "writing" in skipped["8"]
    assert installation.statuses()[3] == "pending"
    installation.check()


def test_json_lines_are_whole_documents_and_end_with_the_summary(
    installation: Installation,
) -> None:
    """One line for each finished prompt, readable by programs whatever the terminal is."""
    fill(installation)
    installation.poet.write('{"prompt": null}', prompt_id=5)
    installation.shell.environment = {"PYTHONIOENCODING": "ascii"}
    ended = installation.run("1", "2", "5", "9", "--json")
    assert ended.returncode == 1
    first, *lines, last = documents(ended.stdout)
    assert first == {"event": "start", "pending": 3}
    assert [(line["event"], line["prompt_id"], line["kind"]) for line in lines] == [
        ("ready", 1, "image"),
        ("ready", 2, "audio"),
        ("error", 5, "image"),
    ]
    assert lines[0]["files"] == [installation.rows(1)[0]["file_path"]]
    assert lines[2]["code"] == "brief_incomplete"
    assert lines[2]["hint"]
    assert last["event"] == "end"
    assert (last["ready"], last["error"], list(last["skipped"])) == (2, 1, ["9"])
    assert last["interrupted"] is False
    assert last["stopped_by"] is None
    installation.check()


@pytest.mark.parametrize("encoding", mostly_slow(["ascii", "latin-1", "utf-8"], "latin-1"))
def test_json_lines_are_valid_on_an_ascii_terminal(
    installation: Installation, encoding: str
) -> None:
    """File names and script paths contain non-ASCII letters."""
    installation.shell.environment = {"PYTHONIOENCODING": encoding}
    installation.use_scripts("bjørk_湖.py")
    installation.poet.write(image("a lake"))
    installation.poet.write(json.dumps(STEAM), prompt_type="lyrics_prompt")
    (installation.scripts / "bjørk_湖.py").write_text("raise SystemExit('ødelagt 湖')", "utf-8")
    ended = installation.run("--json")
    assert ended.returncode == 1
    results = documents(ended.stdout)
    assert "bjørk_湖.py" in results[1]["message"]
    installation.check()


def test_plain_lines_report_each_prompts_outcome(installation: Installation) -> None:
    """What cron mails: how many, one line each, a summary, and the next command."""
    installation.poet.write(image("a secret lake"))
    installation.poet.write("{}")
    ended = installation.run()
    lines = ended.stdout.splitlines()
    assert lines[0] == "2 pending"
    assert re.fullmatch(
        r"ready +1 +image +\d+\.\d s +image/1_\w+/generated_image_001.png", lines[1]
    )
    assert re.fullmatch(r"error +2 +image +\d+\.\d s +brief_incomplete: .+", lines[2])
    assert lines[3] == "1 ready, 1 in error"
    assert "mediagen list --status error" in lines[4]
    assert ended.stderr == ""
    assert "secret" not in ended.stdout
    assert "\x1b" not in ended.stdout


def test_an_empty_queue_is_success(installation: Installation) -> None:
    """The usual case for cron."""
    ended = installation.run()
    assert (ended.returncode, ended.stdout) == (0, "0 pending\n0 ready, 0 in error\n")


@pytest.mark.parametrize("order", ["before", "after", "both"])
def test_common_options_stand_before_or_after_the_command(
    installation: Installation, order: str
) -> None:
    """Users need not remember where they belong."""
    installation.poet.write(image("a lake"))
    file = installation.shell.home / "media_generator_config.json"
    elsewhere = file.rename(installation.folder / "elsewhere.json")
    config, rest = ["--config", str(elsewhere)], ["--json", "--set", "comfyui.queue_size=3"]
    words = {
        "before": [*config, *rest, "run"],
        "after": ["run", *config, *rest],
        "both": [*config, "run", *rest],
    }[order]
    ended = installation.shell.run(*words)
    assert ended.returncode == 0
    assert documents(ended.stdout)[-1]["ready"] == 1
    assert installation.calls()[0]["arguments"][-1] == "--queue-size=3"
    installation.check()


DATABASES = ("file", "musings", "ours", "set", "option")


@pytest.mark.parametrize("strongest", range(len(DATABASES)))
def test_the_source_with_the_highest_priority_names_the_database(
    installation: Installation, strongest: int
) -> None:
    """Option, then MEDIAGEN variable, then MUSINGS_DB_PATH, then the file."""
    poets = {}
    for name in DATABASES[: strongest + 1]:
        poets[name] = Poet(make_database(installation.folder / f"{name}.db"))
        poets[name].write(image("a lake"))
    installation.configure({"database": {"path": str(poets["file"].path)}})
    variables = {"musings": "MUSINGS_DB_PATH", "ours": "MEDIA_GENERATOR_DATABASE__PATH"}
    options = {"set": ["--set", "database.path={}"], "option": ["--database", "{}"]}
    words = ["run"]
    for name, poet in poets.items():
        if name in variables:
            installation.shell.environment[variables[name]] = str(poet.path)
        words += [word.format(poet.path) for word in options.get(name, [])]
    assert installation.shell.run(*words).returncode == 0
    statuses = {name: poet.status(1)[0] for name, poet in poets.items()}
    chosen = DATABASES[strongest]
    assert statuses == dict.fromkeys(poets, "pending") | {chosen: "ready"}


@pytest.mark.parametrize("strongest", ["COMFYUI_DIR", "MEDIA_GENERATOR_COMFYUI__COMFYUI_DIRECTORY"])
def test_the_environment_sets_the_comfyui_directory(
    installation: Installation, strongest: str
) -> None:
    """Scripts run there, and relative paths are relative to it."""
    other = installation.comfyui.rename(installation.folder / "Other ComfyUI")
    installation.configure({"media": {"scripts": installation.script_paths("image_workflow.py")}})
    installation.shell.environment = {"COMFYUI_DIR": "/no/ComfyUI"} | {strongest: str(other)}
    installation.poet.write(image("a lake"))
    assert installation.run().returncode == 0
    call = json.loads((other / "calls.jsonl").read_text("utf-8"))
    assert call["directory"] == str(other)
    [row] = installation.rows(1)
    assert (other / "output" / "poets" / row["file_path"]).is_file()
