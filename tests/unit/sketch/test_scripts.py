"""The two programs, run as scripts by path."""

import sys
from pathlib import Path

import pytest

import sketch


@pytest.mark.parametrize("script", [sketch.IMAGE_SCRIPT, sketch.AUDIO_SCRIPT])
def test_no_module_beside_a_script_hides_another(script: Path) -> None:
    """Python searches next to a script first: a `signal.py` there would hide the standard one."""
    names = {path.stem for path in script.parent.glob("*.py")} - {"__init__"}
    assert script.stem in names
    assert not names & sys.stdlib_module_names
    installed = {path.parent.name for folder in sys.path for path in Path(folder).glob("*/*.py")}
    assert not names & installed
