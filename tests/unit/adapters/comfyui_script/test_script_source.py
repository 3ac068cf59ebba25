"""An export's source shows which arguments it takes."""

from __future__ import annotations

import ast
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.comfyui_script.script_source import (
    ScriptSource,
    parse_script,
    read_source,
    script_source,
)

SCRIPTS = Path(__file__).parents[3] / "acceptance" / "scripts"
HELPER = "def add_comfyui_directory_to_sys_path(): pass\n"
ADDED = "parser.add_argument('--random-seed-type', choices=['random', 'fixed'])\n"


def test_a_current_export_fixes_seeds_and_splits_its_arguments() -> None:
    """ComfyUI-SaveAsScript since July 2026."""
    source = script_source(SCRIPTS / "exported_image.py")
    assert {"--text4", "--seed9", "--output", "-o", "--queue-size", "-q"} <= source.options
    assert (source.fixes_seeds, source.splits_arguments, source.takes_arguments) == (True,) * 3


def test_an_export_of_the_other_exporter_takes_no_arguments() -> None:
    """ComfyUI-to-Python-Extension."""
    source = script_source(SCRIPTS / "exported_without_arguments.py")
    assert not source.options
    assert not source.takes_arguments
    assert source.export is not None
    assert source.export.document.keys() == {"1", "2"}
    assert not source.export.inputs


@pytest.mark.parametrize("name", ["few_arguments.py", "image_workflow.py", "gone.py", "."])
def test_another_script_is_assumed_to_use_its_arguments(name: str) -> None:
    """So is one that cannot be read."""
    source = script_source(SCRIPTS / name)
    assert (source.fixes_seeds, source.splits_arguments, source.takes_arguments) == (
        *(False, False, True),
    )


@pytest.mark.parametrize(
    ("text", "fixes"),
    [
        (ADDED, True),
        ("parser.add_argument('-r', '--random-seed-type')", True),
        ("group.add_argument('--random-seed-type', choices=CHOICES)", True),
        ("parser.add_argument('--random-seed-type', choices=('random', 'increment'))", False),
        (f"# {ADDED}", False),
        (f"text = {ADDED!r}", False),
        ("parser.set_defaults(random_seed_type='fixed') # --random-seed-type", False),
        ("parser.add_argument('--seed', help='see --random-seed-type')", False),
        # Syntax that this interpreter does not know yet.
        (f"{ADDED}new syntax", True),
        (f"# {ADDED}new syntax", False),
        ("new syntax\nparser.add_argument(\n    '--random-seed-type'\n)", True),
    ],
)
def test_only_an_option_that_is_added_is_known(text: str, *, fixes: bool) -> None:
    """A comment or a text with the name does not add an option."""
    source = read_source(text.encode())
    assert source.fixes_seeds is fixes
    assert ("--random-seed-type" in source.options) >= fixes


@pytest.mark.parametrize(
    ("text", "takes"),
    [
        (HELPER, False),
        (f"import sys\n{HELPER}sys.path.insert(0, '.')", False),
        # People edit their exports.
        (f"import sys\n{HELPER}prompt = sys.argv[1]", True),
        (f"from sys import argv\n{HELPER}prompt = argv[1]", True),
        (f"import argparse\n{HELPER}args = argparse.ArgumentParser().parse_args()", True),
        (f"from click import command\n{HELPER}", True),
        (f"import fire\n{HELPER}", True),
        (f"import argparse\n{HELPER}", False),
        ("print('a script of my own')", True),
    ],
)
def test_an_export_that_reads_no_command_line_takes_no_arguments(text: str, *, takes: bool) -> None:
    """Another script is assumed to read its arguments in some way."""
    assert read_source(text.encode()).takes_arguments is takes


def test_a_script_is_read_again_when_it_was_changed(tmp_path: Path) -> None:
    """And only then."""
    script = tmp_path / "flow.py"
    script.write_text(ADDED)
    assert script_source(script).fixes_seeds
    assert script_source(script) is script_source(script)
    script.write_text(f"{HELPER}{ADDED}")
    assert not script_source(script).takes_arguments
    new = tmp_path / "new.py"
    new.write_text("x" * script.stat().st_size)
    times = script.stat().st_atime_ns, script.stat().st_mtime_ns
    new.replace(script)
    os.utime(script, ns=times)
    assert script_source(script) == ScriptSource()


@given(st.binary() | st.text().map(str.encode))
def test_any_file_is_read_without_an_exception(content: bytes) -> None:
    """Whatever file a path in the configuration names."""
    assert not read_source(content).splits_arguments


def test_scripts_are_parsed_by_one_thread_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python 3.11 may fail with a SystemError if two threads build a tree at the same time."""
    parse, inside, together = ast.parse, [0], []

    def watched(content: bytes) -> ast.Module:
        inside[0] += 1
        together.append(inside[0])
        time.sleep(0.01)
        tree = parse(content)
        inside[0] -= 1
        return tree

    monkeypatch.setattr(ast, "parse", watched)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(read_source, [f"{ADDED}# {number}".encode() for number in range(8)]))
    assert together == [1] * 8


def test_a_tree_disturbed_by_another_thread_is_built_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Python 3.11 can do that; a permanent error is raised."""
    failures = [SystemError("AST constructor recursion depth mismatch")] * 3
    monkeypatch.setattr(time, "sleep", lambda _: None)
    parse = ast.parse

    def disturbed(content: bytes) -> ast.Module:
        if failures:
            raise failures.pop()
        return parse(content)

    monkeypatch.setattr(ast, "parse", disturbed)
    assert isinstance(parse_script(b"x = 1"), ast.Module)
    failures.extend([SystemError("still")] * 99)
    with pytest.raises(SystemError, match="still"):
        parse_script(b"x = 1")
