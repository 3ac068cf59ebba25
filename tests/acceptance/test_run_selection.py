"""What ``mediagen run`` is told with options and in the environment, and what it prints."""

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


def fill(place: Installation) -> None:
    """Two pictures and two songs, in turn."""
    for _ in range(2):
        place.poet.write(json.dumps(LAKE))
        place.poet.write(json.dumps(STEAM), prompt_type="lyrics_prompt")


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
def test_only_what_was_chosen_is_rendered(
    place: Installation, arguments: list[str], ready: set[int]
) -> None:
    """Limit, kind and ids narrow the queue; the rest stays pending."""
    fill(place)
    assert place.run(*arguments).returncode == 0
    assert {number for number, status in place.statuses().items() if status == "ready"} == ready
    assert set(place.statuses().values()) <= {"ready", "pending"}
    place.check()


def test_ids_that_are_not_pending_are_named_and_skipped(place: Installation) -> None:
    """Each with the reason, exit code 1; the others are rendered."""
    fill(place)
    place.poet.write(json.dumps(LAKE), artifact_status="ready")
    place.poet.write(json.dumps(LAKE), artifact_status="unsupported")
    place.poet.write(json.dumps(LAKE), prompt_type="poetry")
    place.poet.write(None, written=False)
    ended = place.run("--kind", "image", *map(str, (1, 2, 5, 6, 7, 8, 99)))
    assert ended.returncode == 1
    assert "1 ready, 0 in error" in ended.stdout
    skipped = dict(re.findall(r"^skipped +(\d+) +(.*)$", ended.stderr, re.MULTILINE))
    assert set(skipped) == {"2", "5", "6", "7", "8", "99"}
    assert "audio" in skipped["2"]
    assert "ready" in skipped["5"]
    assert "unsupported" in skipped["6"]
    assert "writing" in skipped["8"]
    assert place.statuses()[3] == "pending"
    place.check()


def test_json_lines_are_whole_documents_and_end_with_the_summary(place: Installation) -> None:
    """One line for each prompt that ended, readable by programs whatever the terminal is."""
    fill(place)
    place.poet.write('{"prompt": null}', prompt_id=5)
    place.shell.environment = {"PYTHONIOENCODING": "ascii"}
    ended = place.run("1", "2", "5", "9", "--json")
    assert ended.returncode == 1
    first, *lines, last = documents(ended.stdout)
    assert first == {"event": "start", "pending": 3}
    assert [(line["event"], line["prompt_id"], line["kind"]) for line in lines] == [
        ("ready", 1, "image"),
        ("ready", 2, "audio"),
        ("error", 5, "image"),
    ]
    assert lines[0]["files"] == [place.rows(1)[0]["file_path"]]
    assert lines[2]["code"] == "brief_incomplete"
    assert lines[2]["hint"]
    assert last["event"] == "end"
    assert (last["ready"], last["error"], list(last["skipped"])) == (2, 1, ["9"])
    assert last["interrupted"] is False
    assert last["stopped_by"] is None
    place.check()


@pytest.mark.parametrize("encoding", mostly_slow(["ascii", "latin-1", "utf-8"], "latin-1"))
def test_json_lines_stay_json_where_the_terminal_knows_few_letters(
    place: Installation, encoding: str
) -> None:
    """A file's name and a script's path hold letters of the whole world."""
    place.shell.environment = {"PYTHONIOENCODING": encoding}
    place.use("bjørk_湖.py")
    place.poet.write(image("a lake"))
    place.poet.write(json.dumps(STEAM), prompt_type="lyrics_prompt")
    (place.scripts / "bjørk_湖.py").write_text("raise SystemExit('ødelagt 湖')", "utf-8")
    ended = place.run("--json")
    assert ended.returncode == 1
    found = documents(ended.stdout)
    assert "bjørk_湖.py" in found[1]["message"]
    place.check()


def test_plain_lines_tell_each_prompts_end(place: Installation) -> None:
    """What cron mails: how many, one line each, a summary, and where to look on."""
    place.poet.write(image("a secret lake"))
    place.poet.write("{}")
    ended = place.run()
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


def test_nothing_pending_is_success(place: Installation) -> None:
    """An empty queue is the usual case for cron."""
    ended = place.run()
    assert (ended.returncode, ended.stdout) == (0, "0 pending\n0 ready, 0 in error\n")


@pytest.mark.parametrize("order", ["before", "after", "both"])
def test_common_options_stand_before_or_after_the_command(place: Installation, order: str) -> None:
    """A user need not remember where they belong."""
    place.poet.write(image("a lake"))
    file = place.shell.home / "media_generator_config.json"
    elsewhere = file.rename(place.folder / "elsewhere.json")
    config, rest = ["--config", str(elsewhere)], ["--json", "--set", "comfyui.queue_size=3"]
    words = {
        "before": [*config, *rest, "run"],
        "after": ["run", *config, *rest],
        "both": [*config, "run", *rest],
    }[order]
    ended = place.shell.run(*words)
    assert ended.returncode == 0
    assert documents(ended.stdout)[-1]["ready"] == 1
    assert place.asked()[0]["arguments"][-1] == "--queue-size=3"
    place.check()


DATABASES = ("file", "musings", "ours", "set", "option")


@pytest.mark.parametrize("strongest", range(len(DATABASES)))
def test_the_strongest_source_names_the_database(place: Installation, strongest: int) -> None:
    """Option, then our variable, then MUSINGS_DB_PATH, then the file."""
    poets = {}
    for name in DATABASES[: strongest + 1]:
        poets[name] = Poet(make_database(place.folder / f"{name}.db"))
        poets[name].write(image("a lake"))
    place.configure({"database": {"path": str(poets["file"].path)}})
    variables = {"musings": "MUSINGS_DB_PATH", "ours": "MEDIA_GENERATOR_DATABASE__PATH"}
    options = {"set": ["--set", "database.path={}"], "option": ["--database", "{}"]}
    words = ["run"]
    for name, poet in poets.items():
        if name in variables:
            place.shell.environment[variables[name]] = str(poet.path)
        words += [word.format(poet.path) for word in options.get(name, [])]
    assert place.shell.run(*words).returncode == 0
    found = {name: poet.status(1)[0] for name, poet in poets.items()}
    chosen = DATABASES[strongest]
    assert found == dict.fromkeys(poets, "pending") | {chosen: "ready"}


@pytest.mark.parametrize("strongest", ["COMFYUI_DIR", "MEDIA_GENERATOR_COMFYUI__COMFYUI_DIRECTORY"])
def test_the_environment_moves_comfyui(place: Installation, strongest: str) -> None:
    """Scripts run there, and what is relative to it lies there."""
    other = place.comfyui.rename(place.folder / "Other ComfyUI")
    place.configure({"media": {"scripts": place.named("image_workflow.py")}})
    place.shell.environment = {"COMFYUI_DIR": "/no/ComfyUI"} | {strongest: str(other)}
    place.poet.write(image("a lake"))
    assert place.run().returncode == 0
    asked = json.loads((other / "asked.jsonl").read_text("utf-8"))
    assert asked["directory"] == str(other)
    [row] = place.rows(1)
    assert (other / "output" / "poets" / row["file_path"]).is_file()
