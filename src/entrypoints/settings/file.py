"""Values from the configuration file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entrypoints.settings.disclosure import printable
from entrypoints.settings.errors import Problem, SettingsError
from entrypoints.settings.layers import Entry, Layer, Source
from entrypoints.settings.reading import read_file
from entrypoints.settings.schema import groups
from entrypoints.settings.suggestions import section_like, written

if TYPE_CHECKING:
    from pathlib import Path

_FOREIGN = ("ui", "workflows")  # sections of other programs that read the same file
_REMARKS = ("$schema", "comment")


def file_layer(path: Path) -> Layer:
    """What an absolute file sets; what is wrong with it as a whole is a problem like any other."""
    layer = Layer()
    try:
        tree = read_file(path)
    except SettingsError as error:
        layer.problems.extend(error.problems)
        return layer
    for name, value in tree.items():
        if name in groups()[""]:
            layer.put(name, Entry(value, Source("file", str(path)), path.parent))
        elif not (name in _REMARKS or name.startswith("_")):
            _foreign(layer, path, name)
    return layer


def _foreign(layer: Layer, path: Path, name: str) -> None:
    meant = None if name in _FOREIGN else section_like(name)
    if meant:
        what = f'"{name}" is not a section that Media Generator knows'
        fix = f"Write {written(meant)}." if "." in meant else f'Did you mean "{meant}"?'
        layer.problems.append(Problem(str(path), what, fix, name))
    else:
        note = f'{path}: the section "{name}" is not one of Media Generator; it is ignored.'
        layer.notes.append(printable(note))
