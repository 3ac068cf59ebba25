"""Which prompt is next: the oldest, or the most urgent where somebody asks for that."""

from pathlib import Path

import pytest

from tests.acceptance.mediagen import Installation, image, song

_PRIORITIES = (1, 9, None, 9, "soon")


@pytest.mark.parametrize(
    ("order", "schema", "expected"),
    [
        ("oldest", "wide", ["1", "2", "3", "4", "5"]),
        ("priority", "wide", ["5", "2", "4", "3", "1"]),
        ("priority", "seed", ["1", "2", "3", "4", "5"]),
    ],
)
def test_prompts_are_rendered_in_the_order_of_the_setting(
    tmp_path: Path, order: str, schema: str, expected: list[str]
) -> None:
    """The highest priority, whatever the kind; without the column it is the oldest."""
    place = Installation(tmp_path, schema)
    place.configure({"workers": {"order": order}})
    for number, priority in enumerate(_PRIORITIES):
        content, kind = (song("folk"), "lyrics") if number % 2 else (image("a lake"), "image")
        prompt_id = place.poet.write(content, prompt_type=f"{kind}_prompt")
        if schema == "wide":
            place.poet.execute(
                "UPDATE prompts SET priority = ? WHERE id = ?", (priority, prompt_id)
            )
    ended = place.run()
    assert ended.returncode == 0
    ready = [line.split()[1] for line in ended.stdout.splitlines() if line.startswith("ready")]
    assert ready == expected
