"""Extras cost nothing where they are not used: they are neither installed nor imported."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.mediagen import LAKE, STEAM

if TYPE_CHECKING:
    from tests.acceptance.mediagen import Installation

ROOT = Path(__file__).parents[2]
OF_USERS = ("postgres", "s3", "ray", "c2pa", "mcp")
MODULES = {"c2pa", "mcp", "obstore", "psycopg", "psycopg_pool", "ray"}


def test_the_demo_installs_none() -> None:
    """``make demo`` installs requirements.lock."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [
        re.match(r"[\w-]+", one) for n in OF_USERS for one in extras["optional-dependencies"][n]
    ]
    names = {match[0] for match in wanted if match}
    assert {"psycopg", "obstore", "ray"} <= names
    locked = re.findall(
        r"^([\w.-]+)==", (ROOT / "requirements.lock").read_text("utf-8"), re.MULTILINE
    )
    assert locked
    assert not names & set(locked)


@pytest.mark.slow
def test_commands_import_none(installation: Installation) -> None:
    """With a file as database and a folder for media, also where the packages are installed."""
    installation.configure({"media": {"renderer": {"image": "sketch", "audio": "sketch"}}})
    installation.poet.write(json.dumps(LAKE))
    installation.poet.write(json.dumps(STEAM), prompt_type="lyrics_prompt")
    installation.shell.environment["PYTHONPROFILEIMPORTTIME"] = "1"
    for command in (["run"], ["status"], ["doctor"], ["list", "--json"]):
        ended = installation.shell.process(*command)
        imported = set(re.findall(r"^import time:.*\|\s*([\w]+)", ended.stderr, re.MULTILINE))
        assert "entrypoints" in imported, ended.stderr
        assert not imported & MODULES, command
    assert set(installation.statuses().values()) == {"ready"}
