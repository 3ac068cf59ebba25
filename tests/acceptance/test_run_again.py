"""Several renders of a prompt: variants, retries, and additional renders."""

from pathlib import Path

import pytest

from tests.acceptance.mediagen import Installation, image


def write_variants(installation: Installation, *contents: str) -> int:
    """A prompt with several writings, linked in reverse order, and one of another type."""
    first = installation.poet.write(contents[0])
    for content in contents[1:]:
        installation.poet.execute(
            "INSERT INTO writings (title, content_type, content) VALUES ('', 'image_prompt', ?)",
            (content,),
        )
    installation.poet.execute(
        "INSERT INTO writings (title, content_type, content) VALUES ('', 'poetry', 'a poem')"
    )
    ids = [row[0] for row in installation.poet.execute("SELECT id FROM writings ORDER BY id")]
    for order, writing_id in enumerate(reversed(ids)):
        installation.poet.execute(
            "INSERT INTO prompt_writings VALUES (?, ?, ?)", (first, writing_id, order)
        )
    installation.poet.execute(
        "UPDATE prompts SET output_reference = ? WHERE id = ?", (ids[len(contents) - 1], first)
    )
    return first


def test_all_variants_are_rendered_and_published_together(tmp_path: Path) -> None:
    """Each in its own folder, in the order of the junction table."""
    installation = Installation(tmp_path, "wide")
    installation.configure({"media": {"variants": "all"}})
    prompt_id = write_variants(installation, image("one"), image("two"), image("three"))
    assert installation.run().returncode == 0
    rows = installation.rows(prompt_id)
    folders = [row["file_path"].split("/")[1] for row in rows]
    assert folders == [folders[0], f"{folders[0]}_v2", f"{folders[0]}_v3"]
    assert [row["metadata"]["prompt"] for row in rows] == ["three", "two", "one"]
    assert [row["metadata"]["writing_id"] for row in rows] == [3, 2, 1]
    installation.check()


@pytest.mark.parametrize("broken", ["{}", image("exits 3")])
def test_one_broken_variant_fails_the_prompt(tmp_path: Path, broken: str) -> None:
    """'ready' means that every variant succeeded; otherwise no variant is published."""
    installation = Installation(tmp_path, "wide")
    installation.configure(
        {"media": {"variants": "all", "scripts": installation.script_paths("dispatch.py")}}
    )
    prompt_id = write_variants(installation, broken, image("good"), image("good"))
    assert installation.run().returncode == 1
    assert installation.poet.status(prompt_id)[0] == "error"
    assert installation.rows(prompt_id) == []
    assert installation.published() == set()
    installation.check()


def test_by_default_the_last_variant_is_rendered(tmp_path: Path) -> None:
    """The writing under ``output_reference``, and no other."""
    installation = Installation(tmp_path, "wide")
    prompt_id = write_variants(installation, image("one"), image("two"))
    assert installation.run().returncode == 0
    [row] = installation.rows(prompt_id)
    assert row["metadata"]["prompt"] == "two"
    assert row["metadata"]["writing_id"] == 2
    installation.check()


def test_an_error_is_cleared_once_a_retry_succeeds(installation: Installation) -> None:
    """Error, pending, ready; the message is cleared too."""
    installation.use_scripts("fails_while_broken.py")
    (installation.comfyui / "broken").touch()
    installation.poet.write(image("a lake"))
    assert installation.run().returncode == 1
    status, message = installation.poet.status(1)
    assert status == "error"
    assert "the sampler is broken today" in (message or "")
    assert installation.run().returncode == 0  # an error is not retried automatically
    (installation.comfyui / "broken").unlink()
    assert installation.shell.run("retry", "--all-errors").returncode == 0
    assert installation.poet.status(1) == ("pending", None)
    assert installation.run().returncode == 0
    assert installation.poet.status(1) == ("ready", None)
    installation.check()


def test_another_render_keeps_the_earlier_one(installation: Installation) -> None:
    """``retry --again`` keeps existing files and rows."""
    installation.poet.write(image("a lake"))
    assert installation.run().returncode == 0
    old = installation.rows(1)
    assert installation.shell.run("retry", "1", "--again").returncode == 0
    assert installation.run().returncode == 0
    rows = installation.rows(1)
    assert rows[:1] == old
    assert len({row["file_path"] for row in rows}) == len(rows) == 2
    installation.check()
