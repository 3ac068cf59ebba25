"""Any configuration, however odd, leads to settings or a SettingsError."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrypoints.renderer_setup import require_complete
from entrypoints.settings.errors import SettingsError
from entrypoints.settings.loader import FILE_NAME, describe, load_settings
from entrypoints.settings.schema import keys

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAMES = sorted(keys())
WORDS = sorted({part for name in NAMES for part in name.split(".")} | {"ui", "prompt", "width"})

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=10**18, max_value=10**40),
    st.floats(),
    st.text(),
    st.text(alphabet=st.characters()),  # lone surrogates too
    st.sampled_from(["$HOME/x", "$X", "~", "~x", "/", "..", "--a", "{prompt}", "{x}", "\0"]),
)
words = st.one_of(st.sampled_from(WORDS), st.text(max_size=8))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(words, inner, max_size=4)),
    max_leaves=12,
)
texts = st.one_of(st.text(min_size=1), values.map(json.dumps))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all examples."""
    return tmp_path_factory.mktemp("fuzz")


def load(
    folder: Path, environ: Mapping[str, str], overrides: Mapping[str, object] | None = None
) -> None:
    """Load, use and describe the settings; every message can be printed."""
    try:
        loaded = load_settings(
            config_file=folder / FILE_NAME, overrides=overrides, environ=environ, cwd=folder
        )
        for row in describe(loaded):
            assert row.value.isprintable()
        require_complete(loaded)
    except SettingsError as error:
        problems = error.problems
    else:
        return
    assert problems
    assert all(problem.where and str(problem).isprintable() for problem in problems)


@given(tree=values)
def test_any_json(folder: Path, tree: object) -> None:
    """Including NaN and lone surrogates."""
    (folder / FILE_NAME).write_text(json.dumps(tree), encoding="utf-8")
    load(folder, {"HOME": "/h"})


@given(choice=st.dictionaries(st.sampled_from(NAMES), values, max_size=6))
def test_any_value_under_our_keys(folder: Path, choice: Mapping[str, object]) -> None:
    """Aimed directly at the checks of the values."""
    tree: dict[str, dict[str, object]] = {}
    for name, value in choice.items():
        *groups, last = name.split(".")
        inner: dict[str, object] = tree  # type: ignore[assignment]
        for group in groups:
            inner = inner.setdefault(group, {})  # type: ignore[assignment]
        inner[last] = value
    (folder / FILE_NAME).write_text(json.dumps(tree), encoding="utf-8")
    load(folder, {"HOME": "/h"})


@given(content=st.binary(max_size=200))
def test_any_bytes(folder: Path, content: bytes) -> None:
    """Whatever a file contains."""
    (folder / FILE_NAME).write_bytes(content)
    load(folder, {})


@given(
    environ=st.dictionaries(st.sampled_from(NAMES), texts, max_size=4),
    junk=st.dictionaries(st.text(), texts, max_size=2),
    overrides=st.dictionaries(st.one_of(st.sampled_from(NAMES), st.text()), values, max_size=3),
)
def test_any_variables_and_options(
    folder: Path,
    environ: Mapping[str, str],
    junk: Mapping[str, str],
    overrides: Mapping[str, object],
) -> None:
    """Text for every type, known and unknown names."""
    (folder / FILE_NAME).write_text("{}", encoding="utf-8")
    variables = {
        f"MEDIA_GENERATOR_{name.upper().replace('.', '__')}": text for name, text in environ.items()
    }
    variables |= {f"MEDIA_GENERATOR_{name}": text for name, text in junk.items()}
    load(folder, variables, overrides)
