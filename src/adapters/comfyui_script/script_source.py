"""What a workflow script's source says about its arguments, read without running it.

Facts about exports were read from ComfyUI-SaveAsScript (2024-03 to 2026-07) and
ComfyUI-to-Python-Extension (2023-08 to 2026-04), and seen by running their exports in ComfyUI 0.33.
"""

from __future__ import annotations

import ast
import re
import time
import warnings
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING

from adapters.comfyui_graph.node_types import MODEL_SUFFIXES
from adapters.comfyui_script.exported_source import ExportedSource, exported_source

if TYPE_CHECKING:
    from pathlib import Path

_PARSING = Lock()  # filters of warnings belong to the process
_ATTEMPTS = 20
_PAUSE_SECONDS = 0.01

SEED_TYPE = "--random-seed-type"
"""Exports of ComfyUI-SaveAsScript since 2026-07-20 draw a seed of their own for every run, whatever
``--seed7`` says, unless this option is ``fixed``. Older ones use the seed that they are given, and
end with exit code 2 at this option."""

FIXED = "fixed"

_HELPER = "add_comfyui_directory_to_sys_path"  # both exporters write it into every export
_PARSERS = frozenset({"parse_args", "parse_known_args", "parse_intermixed_args"})
_LIBRARIES = frozenset({"getopt", "click", "typer", "fire", "docopt"})
_SEED_TYPE_ADDED = re.compile(
    rb"^[^#\n]*add_argument\(\s*[\"']--random-seed-type[\"']", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class ScriptSource:
    """What a script's source says about its command line.

    Attributes:
        options: the option names that it gives to argparse (``--seed7``, ``-q``).
        fixes_seeds: whether ``--random-seed-type=fixed`` makes it use the seed that it gets.
        splits_arguments: whether it is an export whose own arguments end at ``--``; what follows
            is for ComfyUI's parser, where ``--output-directory`` has no effect.
        takes_arguments: False for an export whose whole command line is for ComfyUI's parser, so
            that no field of a brief can reach its graph.
        error: why our own interpreter cannot read it; another one may; "" if it can.
        export: what an export says about its graph; None for any other script.
        can_be_warm: whether it is an export of ComfyUI-SaveAsScript, whose last statement calls
            ``main``, so that a warm host can run it again and again.
        models: file names of the models that an export loads.
    """

    options: frozenset[str] = field(default_factory=frozenset)
    fixes_seeds: bool = False
    splits_arguments: bool = False
    takes_arguments: bool = True
    error: str = ""
    export: ExportedSource | None = None
    can_be_warm: bool = False
    models: tuple[str, ...] = ()


def script_source(path: Path) -> ScriptSource:
    """What the source of the script at this path says; parsed again only when it was changed.

    A file that cannot be read, or is no Python, is taken for a script that uses all its arguments.
    """
    try:
        content = path.read_bytes()
    except OSError:
        return ScriptSource()
    return read_source(content)


def parse_script(content: bytes) -> ast.Module:
    """The syntax tree of a script, without warnings about its code.

    Raises what ``ast.parse`` raises for text that is not Python.
    """
    with _PARSING, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(_ATTEMPTS - 1):
            try:
                return ast.parse(content)
            except SystemError:
                # Python 3.11 keeps the depth of the tree that it builds in the process, so it fails
                # when another thread, such as a web framework's, builds one at the same moment.
                time.sleep(_PAUSE_SECONDS)
        return ast.parse(content)


@lru_cache(maxsize=16)
def read_source(content: bytes) -> ScriptSource:
    """What this source text of a script says about its command line."""
    try:
        tree = parse_script(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        # ComfyUI's interpreter may be newer than ours, and know more syntax.
        fixes = _SEED_TYPE_ADDED.search(content) is not None
        options = frozenset({SEED_TYPE} if fixes else ())
        return ScriptSource(options, fixes_seeds=fixes, error=str(error) or type(error).__name__)
    nodes = list(ast.walk(tree))
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    added = [(call, _texts(call)) for call in calls if _method(call) == "add_argument"]
    is_export = any(isinstance(node, ast.FunctionDef) and node.name == _HELPER for node in nodes)
    splits_arguments = is_export and any(
        _method(call) == "index" and "--" in _texts(call) for call in calls
    )
    ends_with_call = False
    match tree.body[-1:]:
        case [ast.If(test=ast.Compare(left=ast.Name("__name__")), body=[ast.Expr(ast.Call())])]:
            ends_with_call = True
    texts = [node.value for node in nodes if isinstance(node, ast.Constant)]
    models = {text: None for text in texts if isinstance(text, str) and _is_model(text)}
    return ScriptSource(
        options=frozenset(text for _, texts in added for text in texts if text.startswith("-")),
        fixes_seeds=any(SEED_TYPE in texts and _offers_fixed(call) for call, texts in added),
        splits_arguments=splits_arguments,
        takes_arguments=not is_export or any(map(_reads_arguments, nodes)),
        export=exported_source(nodes, added) if is_export else None,
        can_be_warm=splits_arguments and ends_with_call,
        models=tuple(models) if is_export else (),
    )


def _is_model(text: str) -> bool:
    return text.lower().endswith(MODEL_SUFFIXES) and text.isprintable()


def _method(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _texts(call: ast.Call) -> list[str]:
    """The positional arguments of a call that are texts."""
    values = [item.value for item in call.args if isinstance(item, ast.Constant)]
    return [value for value in values if isinstance(value, str)]


def _offers_fixed(call: ast.Call) -> bool:
    """Whether ``fixed`` is among an option's choices, as far as its source says."""
    choices = next((word.value for word in call.keywords if word.arg == "choices"), None)
    if not isinstance(choices, ast.List | ast.Tuple | ast.Set):
        return True
    return any(isinstance(item, ast.Constant) and item.value == FIXED for item in choices.elts)


def _reads_arguments(node: ast.AST) -> bool:
    """Whether a piece of source looks at the command line."""
    match node:
        case ast.Attribute(attr=name):
            return name == "argv" or name in _PARSERS
        case ast.ImportFrom(module=str(module)) if module.partition(".")[0] in _LIBRARIES:
            return True
        case ast.alias(name=name):
            return name == "argv" or name.partition(".")[0] in _LIBRARIES
        case _:
            return False
