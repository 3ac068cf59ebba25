"""``mediagen submit``."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.command_line import CommandLine
from tests.databases import Poet, make_database

GOOD = '{"prompt": "one",   "style_tags": ["kept as written"]}'
BAD = '{"prompt": 5}'


def contents(poet: Poet) -> list[str]:
    """The contents of the writings of completed, pending prompts, in order."""
    found = poet.execute(
        "SELECT w.content FROM prompts p JOIN writings w ON w.id = p.output_reference"
        " WHERE p.status = 'completed' AND p.artifact_status = 'pending'"
        " AND p.prompt_type = w.content_type ORDER BY p.id"
    )
    return [content for (content,) in found]


@pytest.mark.parametrize("schema", ["seed", "wide"])
def test_an_image_from_options(tmp_path: Path, schema: str) -> None:
    """Options become a writing of the contract's shape, in narrow and wide tables."""
    database = make_database(tmp_path / "of_schema.db", schema)
    shell = CommandLine(tmp_path, database)
    sizes = "submit image --width 512 --height 256 --aspect-ratio 16:9 --seed 7"
    command = f"{sizes} --negative-prompt fog --mood calm"
    styles = ["--style-tag", "oil", "--style-tag", "soft"]
    submitted = shell.json(*command.split(), *styles, "--prompt", "A lake", "--text", "Draw a lake")
    assert submitted == {"ids": [1], "bad": []}
    [content] = contents(Poet(database))
    assert json.loads(content) == {
        "prompt": "A lake",
        "negative_prompt": "fog",
        "style_tags": ["oil", "soft"],
        "technical_params": {
            "aspect_ratio": "16:9",
            "mood": "calm",
            "width": 512,
            "height": 256,
            "seed": 7,
        },
    }
    assert shell.json("show", "1")["text"] == "Draw a lake"


def test_ignored_fields_are_noted(shell: CommandLine) -> None:
    """The prompt is added; the note names the place, the field and the value."""
    submitted = shell.run("submit", "image", "--prompt", "A lake", "--aspect-ratio", "banana")
    note = "not understood: technical_params.aspect_ratio (banana)"
    assert submitted.returncode == 0
    assert f"note: the command line: {note}" in submitted.stderr
    shown = shell.run("show", "1")
    assert note in shown.stdout
    (shell.home / "b.jsonl").write_text('{"prompt": "a"}\n{"prompt": "b", "palette": "blue"}\n')
    submitted = shell.json("submit", "image", "b.jsonl")
    assert submitted["notes"] == [{"where": "b.jsonl, line 2", "note": "not used: palette"}]


def test_varied_fields_that_no_workflow_uses_are_noted(shell: CommandLine) -> None:
    """All pictures would be equal; a mapping of the path removes the note."""
    submit = ("submit", "image", "--prompt", "A lake", "--vary", "technical_params.steps=10,20")
    submitted = shell.json(*submit)
    note = {"where": "the command line", "note": "not used: technical_params.steps"}
    assert (len(submitted["ids"]), submitted["notes"]) == (2, [note])
    mapping = '{"image": {"technical_params.steps": "--steps"}}'
    assert "notes" not in shell.json(f"--set=media.arguments={mapping}", *submit)


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
def test_numbers_outside_json_are_refused(shell: CommandLine, number: str) -> None:
    """NaN and infinity in a varied value are refused, and nothing is added."""
    submitted = shell.run("submit", "image", "--prompt", "A lake", "--vary", f"steps=[1, {number}]")
    assert submitted.returncode == 2
    assert "which is no number" in submitted.stderr


def test_variations_keep_the_workflow_and_the_priority(shell: CommandLine, poet: Poet) -> None:
    """The workflow and priority chosen for the submission apply to each of its prompts."""
    workflows = '[{"name": "poster", "script": "poster.py"}]'
    chosen = ("--workflow", "poster", "--priority", "8", "--variations", "2")
    setting = f'--set=media.workflows={{"image": {workflows}}}'
    shell.json(setting, "submit", "image", "--prompt", "A lake", *chosen)
    for table, column in (("choices", "workflow"), ("priorities", "priority")):
        stored = poet.execute(f"SELECT {column} FROM media_generator_{table}")  # noqa: S608
        assert [value for (value,) in stored] == [{"workflow": "poster", "priority": 8}[column]] * 2


def test_a_song_from_options(shell: CommandLine, poet: Poet) -> None:
    """Markers in the lyrics become sections; every option reaches the writing."""
    (shell.home / "rain.txt").write_text("[Verse]\nRain, rain\n\n[Chorus]\nOn the roof\n")
    command = "submit song --lyrics-file rain.txt --title Rain --genre folk --mood calm --tempo 92"
    more = "--time-signature 3/4 --vocal-style soft --instrument oud --instrument ney --seed 1"
    submitted = shell.run(*command.split(), *more.split(), "--key", "D major")
    assert (submitted.returncode, submitted.stdout) == (0, "1\n")
    [content] = contents(poet)
    assert json.loads(content) == {
        "title": "Rain",
        "genre": "folk",
        "mood": "calm",
        "tempo": "92",
        "structure": [
            {"type": "verse", "lyrics": "Rain, rain"},
            {"type": "chorus", "lyrics": "On the roof"},
        ],
        "metadata": {
            "key": "D major",
            "time_signature": "3/4",
            "vocal_style": "soft",
            "instrumentation": ["oud", "ney"],
            "seed": 1,
        },
    }


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param(GOOD, [GOOD], id="object"),
        pytest.param('{\n "prompt": "one",\n "mood": "x"\n}\n', None, id="laid out object"),
        pytest.param(f"\ufeff[{GOOD},\n{GOOD}]\n", [GOOD, GOOD], id="array"),
        pytest.param(f"{GOOD}\n\n{GOOD}\r\n", [GOOD, GOOD], id="lines"),
    ],
)
@pytest.mark.parametrize("by_stdin", [True, False], ids=["stdin", "file"])
def test_the_original_text_is_stored(
    shell: CommandLine, poet: Poet, written: str, expected: list[str] | None, *, by_stdin: bool
) -> None:
    """Each brief is stored as it was written, whatever the format of the file."""
    (shell.home / "briefs").write_text(written)
    source = "-" if by_stdin else "briefs"
    submitted = shell.run("submit", "image", source, stdin=written.encode() if by_stdin else b"")
    assert submitted.returncode == 0, submitted.stderr
    assert contents(poet) == (expected or [written])


def test_one_bad_brief_rejects_the_whole_file(shell: CommandLine, poet: Poet) -> None:
    """The bad one is named with its line and the reason; nothing is added."""
    (shell.home / "briefs.jsonl").write_text(f"{GOOD}\n\n{BAD}\n{GOOD}\n")
    refused = shell.run("submit", "image", "briefs.jsonl")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "briefs.jsonl, line 3: the field 'prompt' must be text" in refused.stderr
    assert contents(poet) == []


def test_skip_bad_adds_the_good_ones(shell: CommandLine, poet: Poet) -> None:
    """Exit code 1, ids of the valid briefs, names of the bad ones; so for undecodable bytes."""
    lines = [BAD, GOOD, "no json", GOOD]
    stdin = "\n".join(lines).encode() + b'\n{"prompt": "\xff"}\n'
    added = shell.run("submit", "image", "-", "--skip-bad", "--json", stdin=stdin)
    assert added.returncode == 1
    document = json.loads(added.stdout)
    assert document["ids"] == [1, 2]
    named = [bad["where"] for bad in document["bad"]]
    assert named == [f"standard input, line {number}" for number in (1, 3, 5)]
    assert contents(poet) == [GOOD, GOOD]


@pytest.mark.parametrize(
    ("written", "place"),
    [
        (b'[{"prompt": "a"},\n {"prompt": }]', "line 2, column 13"),
        (b'[{"prompt": "a"}\n {"prompt": "b"}]', "line 2, column 2"),
        (b'[{"prompt": "a"}] x', "line 1, column 19"),
        (b"[]", "is empty"),
        (b" \n", "is empty"),
        (b'{"prompt":\n"\xff"}', "line 2"),
    ],
)
def test_a_broken_file_is_located(
    shell: CommandLine, poet: Poet, written: bytes, place: str
) -> None:
    """A file that cannot be parsed is refused with the position, even with --skip-bad."""
    refused = shell.run("submit", "image", "-", "--skip-bad", stdin=written)
    assert refused.returncode == 2
    assert place in refused.stderr
    assert "Traceback" not in refused.stderr
    assert contents(poet) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["image"],
        ["song", "--title", "no words"],
        ["image", "-", "--mood", "x"],
        ["song", "--lyrics", "a", "--lyrics-file", "-"],
        ["image", "--prompt", "  "],
        ["image", "no-such-file.json"],
        ["image", "--prompt", b"\xff"],
        ["song", "--lyrics", "a", "--text", b"\xff"],
    ],
    ids=str,
)
def test_a_wrong_command_line_adds_nothing(
    shell: CommandLine, poet: Poet, arguments: list[str | bytes]
) -> None:
    """Exit code 2 and a message, without a traceback."""
    refused = shell.run("submit", *arguments)
    assert refused.returncode == 2, refused
    assert refused.stderr
    assert "Traceback" not in refused.stderr
    assert contents(poet) == []


def test_a_missing_database_is_reported_first(shell: CommandLine) -> None:
    """Exit code 3, before any input is read; the file is not created."""
    missing = shell.home / "gone.db"
    refused = shell.run("--database", str(missing), "submit", "image", "--prompt", "a")
    assert refused.returncode == 3
    assert str(missing) in refused.stderr
    assert not missing.exists()


@pytest.mark.slow
def test_ten_thousand_lines_are_one_transaction(shell: CommandLine, poet: Poet) -> None:
    """No other program sees a part of them, and they do not take as long as 10,000 commits."""
    lines = "".join(json.dumps({"prompt": f"scene {n}"}) + "\n" for n in range(10_000))
    seen: set[int] = set()
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.01):
            seen.update(number for (number,) in poet.execute("SELECT count(*) FROM prompts"))

    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(look)
        added = shell.json("submit", "image", "-", stdin=lines.encode())
        ended.set()
        looking.result()
    assert seen <= {0, 10_000}
    assert len(added["ids"]) == 10_000
    assert len(contents(poet)) == 10_000
