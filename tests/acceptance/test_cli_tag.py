"""``mediagen tag``."""

from tests.acceptance.test_cli_show import publish
from tests.command_line import CommandLine
from tests.databases import Poet


def test_tags_and_collections_are_given_taken_and_listed(shell: CommandLine, poet: Poet) -> None:
    """Without ids and changes, all of them are listed with the number of their files."""
    assert shell.run("tag").stderr == "no tags and no collections\n"
    for number in ("1", "2"):
        publish(poet, poet.write("{}"), f"image/{number}_20260106T213045/a.png", None)
        assert shell.run("tag", number, "--add", "sea").returncode == 0
    assert shell.run("tag", "1", "--add", "it's 100%", "--collection", "Best").returncode == 0
    assert shell.run("tag", "2", "--remove", "sea").returncode == 0
    assert shell.json("tag") == {
        "tags": [{"name": "it's 100%", "file_count": 1}, {"name": "sea", "file_count": 1}],
        "collections": [{"name": "Best", "file_count": 1}],
    }


def test_a_change_needs_files_and_files_a_change(shell: CommandLine) -> None:
    """A shell variable with ids may be empty: that must not pass for success."""
    without_ids = shell.run("tag", "--add", "sea")
    assert (without_ids.returncode, without_ids.stdout) == (2, "")
    assert "give the ids" in without_ids.stderr
    without_change = shell.run("tag", "1")
    assert without_change.returncode == 2
    assert "give --add" in without_change.stderr
