"""More than one render of a prompt: variants, retries, and renders beside the old ones."""

from pathlib import Path

import pytest

from tests.acceptance.mediagen import Installation, image


def write_variants(place: Installation, *contents: str) -> int:
    """A prompt with several writings, linked in reverse, and one of another type."""
    first = place.poet.write(contents[0])
    for content in contents[1:]:
        place.poet.execute(
            "INSERT INTO writings (title, content_type, content) VALUES ('', 'image_prompt', ?)",
            (content,),
        )
    place.poet.execute(
        "INSERT INTO writings (title, content_type, content) VALUES ('', 'poetry', 'a poem')"
    )
    ids = [row[0] for row in place.poet.execute("SELECT id FROM writings ORDER BY id")]
    for order, writing_id in enumerate(reversed(ids)):
        place.poet.execute(
            "INSERT INTO prompt_writings VALUES (?, ?, ?)", (first, writing_id, order)
        )
    place.poet.execute(
        "UPDATE prompts SET output_reference = ? WHERE id = ?", (ids[len(contents) - 1], first)
    )
    return first


def test_all_variants_are_rendered_and_published_together(tmp_path: Path) -> None:
    """Each into a folder of its own, in the order of the junction table."""
    place = Installation(tmp_path, "wide")
    place.configure({"media": {"variants": "all"}})
    prompt_id = write_variants(place, image("one"), image("two"), image("three"))
    assert place.run().returncode == 0
    rows = place.rows(prompt_id)
    folders = [row["file_path"].split("/")[1] for row in rows]
    assert folders == [folders[0], f"{folders[0]}_v2", f"{folders[0]}_v3"]
    assert [row["metadata"]["prompt"] for row in rows] == ["three", "two", "one"]
    assert [row["metadata"]["writing_id"] for row in rows] == [3, 2, 1]
    place.check()


@pytest.mark.parametrize("broken", ["{}", image("exits 3")])
def test_one_broken_variant_means_no_variant(tmp_path: Path, broken: str) -> None:
    """'ready' means that every one succeeded; otherwise nothing is left of the others."""
    place = Installation(tmp_path, "wide")
    place.configure({"media": {"variants": "all", "scripts": place.named("by_prompt.py")}})
    prompt_id = write_variants(place, broken, image("good"), image("good"))
    assert place.run().returncode == 1
    assert place.poet.status(prompt_id)[0] == "error"
    assert place.rows(prompt_id) == []
    assert place.published() == set()
    place.check()


def test_by_default_the_last_variant_is_rendered(tmp_path: Path) -> None:
    """The writing under ``output_reference``, and no other."""
    place = Installation(tmp_path, "wide")
    prompt_id = write_variants(place, image("one"), image("two"))
    assert place.run().returncode == 0
    [row] = place.rows(prompt_id)
    assert row["metadata"]["prompt"] == "two"
    assert row["metadata"]["writing_id"] == 2
    place.check()


def test_an_error_is_forgotten_once_a_retry_succeeds(place: Installation) -> None:
    """Error, pending, ready; the message goes with it."""
    place.use("moody.py")
    (place.comfyui / "broken").touch()
    place.poet.write(image("a lake"))
    assert place.run().returncode == 1
    status, message = place.poet.status(1)
    assert status == "error"
    assert "the sampler is broken today" in (message or "")
    assert place.run().returncode == 0  # an error is not tried again by itself
    (place.comfyui / "broken").unlink()
    assert place.shell.run("retry", "--all-errors").returncode == 0
    assert place.poet.status(1) == ("pending", None)
    assert place.run().returncode == 0
    assert place.poet.status(1) == ("ready", None)
    place.check()


def test_another_render_stands_beside_the_old_one(place: Installation) -> None:
    """``retry --again`` keeps files and rows that are there."""
    place.poet.write(image("a lake"))
    assert place.run().returncode == 0
    old = place.rows(1)
    assert place.shell.run("retry", "1", "--again").returncode == 0
    assert place.run().returncode == 0
    rows = place.rows(1)
    assert rows[:1] == old
    assert len({row["file_path"] for row in rows}) == len(rows) == 2
    place.check()
