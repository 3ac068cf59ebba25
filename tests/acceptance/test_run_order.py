"""Which prompt comes next: the oldest, or the most urgent if configured."""

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
def test_prompts_are_rendered_in_the_configured_order(
    tmp_path: Path, order: str, schema: str, expected: list[str]
) -> None:
    """The highest priority, whatever the kind; without the column, the oldest."""
    installation = Installation(tmp_path, schema)
    installation.configure({"workers": {"order": order}})
    for number, priority in enumerate(_PRIORITIES):
        content, kind = (song("folk"), "lyrics") if number % 2 else (image("a lake"), "image")
        prompt_id = installation.poet.write(content, prompt_type=f"{kind}_prompt")
        if schema == "wide":
            installation.poet.execute(
                "UPDATE prompts SET priority = ? WHERE id = ?", (priority, prompt_id)
            )
    ended = installation.run()
    assert ended.returncode == 0
    ready = [line.split()[1] for line in ended.stdout.splitlines() if line.startswith("ready")]
    assert ready == expected
