"""The values that the file, the environment and the command line set, each with its source."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal

from entrypoints.settings import schema
from entrypoints.settings.errors import Problem, SettingsError
from entrypoints.settings.redaction import excerpt, printable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAX_FILE_BYTES = 1024 * 1024  # a real file has a few thousand
FOREIGN_VARIABLES = {
    "MUSINGS_DB_PATH": "database.path",
    "COMFYUI_DIR": "comfyui.comfyui_directory",
}
_FOREIGN_SECTIONS = ("ui", "workflows")  # of other programs that read the same file
_COMMENTS = ("$schema", "comment")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value comes from.

    Attributes:
        kind: one of four, from the weakest to the strongest.
        name: the file, the variable or the overridden key; "" for a default.
    """

    kind: Literal["default", "file", "environment", "option"]
    name: str = ""

    def __str__(self) -> str:
        if self.kind == "option":
            return "command line"
        prefix = "environment variable " if self.kind == "environment" else ""
        return printable(prefix + self.name) or "default"


@dataclass(frozen=True, slots=True)
class Entry:
    """One value that was set.

    Attributes:
        value: the value as it was read.
        source: where it comes from.
        anchor: the absolute folder that a relative path in it starts from.
        textual: whether it is text that must still be read according to the key's type.
    """

    value: object
    source: Source
    anchor: Path
    textual: bool = False

    @property
    def where(self) -> str:
        """The source, for messages."""
        return str(self.source)


@dataclass(slots=True)
class Layer:
    """All values from one source, by dotted name, with problems and notes."""

    entries: dict[str, Entry] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def put(self, name: str, entry: Entry) -> None:
        """Add the value of a group, a mapping or a key; objects are split into their keys."""
        key = schema.find(name)
        if key is not None and key.base is not dict:
            self.entries[name] = entry
        elif name.startswith(schema.ARGUMENTS) and entry.value == schema.AUTO:
            return  # no field is named
        elif not isinstance(entry.value, dict):
            expected = key.expected if key else "an object {...}"
            what = f"{name} is {excerpt(name, entry.value)}, but must be {expected}"
            self.problems.append(Problem(entry.where, what, key=name))
        else:
            known = sorted(schema.field_names(name)) if key else schema.groups()[name]
            for inner, value in entry.value.items():
                if inner in known or (key and schema.names_path(inner, value)):
                    self.put(f"{name}.{inner}", replace(entry, value=value))
                else:
                    fix = (
                        schema.suggestion(inner, known)
                        if key
                        else schema.suggestion_in(name, inner)
                    )
                    self.add_unknown(f"{name}.{inner}", entry, fix)

    def put_text(self, name: str, entry: Entry) -> None:
        """Add a value from the environment or an option, where objects are written as JSON."""
        key = schema.find(name)
        if key is not None and key.entry:  # added through its mapping, which knows the fields
            mapping, entry_name = schema.mapping_entry(name) or ("", "")
            self.put(mapping, replace(entry, value={entry_name: entry.value}))
        elif isinstance(entry.value, str) and (key is None or key.base is dict):
            if name.startswith(schema.ARGUMENTS) and entry.value == schema.AUTO:
                return
            try:
                value = parse_json(entry.value, entry.where)
            except SettingsError as error:
                self.problems.extend(error.problems)
            else:
                self.put(name, replace(entry, value=value, textual=False))
        else:
            self.put(name, entry)

    def add_unknown(self, name: str, entry: Entry, fix: str) -> None:
        """Add the problem that a name is not that of a setting."""
        self.problems.append(Problem(entry.where, f'"{name}" is not a known setting', fix, name))


def file_layer(path: Path) -> Layer:
    """The values of a configuration file.

    Args:
        path: the file, absolute.

    Raises:
        SettingsError: the file does not exist, cannot be read, or does not hold a JSON object.
    """
    layer = Layer()
    for name, value in read_file(path).items():
        if name in schema.groups()[""]:
            layer.put(name, Entry(value, Source("file", str(path)), path.parent))
        elif name not in _COMMENTS and not name.startswith("_"):
            meant = None if name in _FOREIGN_SECTIONS else schema.similar_section(name)
            if meant:
                what = f'"{name}" is not a section of Media Generator'
                fix = f'Did you mean "{meant}"?'
                if "." in meant:
                    fix = f"Write {schema.nested_json(meant)}."
                layer.problems.append(Problem(str(path), what, fix, name))
            else:
                note = f'{path}: the section "{name}" is ignored; it belongs to another program.'
                layer.notes.append(printable(note))
    return layer


def environment_layer(environ: Mapping[str, str], cwd: Path) -> Layer:
    """The values of environment variables; an empty variable counts as not set.

    MEDIA_GENERATOR_<SECTION>__<KEY> outranks the ``FOREIGN_VARIABLES``, and a variable for a part
    (..._ARGUMENTS__IMAGE__PROMPT) outranks one for the whole.

    Args:
        environ: the environment.
        cwd: the absolute folder that relative paths start from.
    """
    layer = Layer()
    for variable, name in FOREIGN_VARIABLES.items():
        if value := environ.get(variable):
            entry = Entry(value, Source("environment", variable), cwd, textual=True)
            layer.put_text(name, entry)
    prefixed = (name for name, value in environ.items() if value and name.startswith(schema.PREFIX))
    for variable in sorted(prefixed, key=lambda name: (name.count("__"), name)):
        entry = Entry(environ[variable], Source("environment", variable), cwd, textual=True)
        name = variable.removeprefix(schema.PREFIX).lower().replace("__", ".")
        if _is_known(name) and schema.variable(name) == variable:
            layer.put_text(name, entry)
        elif variable != schema.FILE_VARIABLE:
            _add_unknown_variable(layer, variable, entry)
    return layer


def option_layer(overrides: Mapping[str, object], cwd: Path) -> Layer:
    """The values of command-line options.

    Args:
        overrides: values by dotted name; None counts as not given.
        cwd: the absolute folder that relative paths start from.
    """
    layer = Layer()
    for name, override in overrides.items():
        value = os.fspath(override) if isinstance(override, os.PathLike) else override
        entry = Entry(value, Source("option", name), cwd, textual=isinstance(value, str))
        if value is None:
            continue
        if _is_known(name):
            layer.put_text(name, entry)
        else:
            meant = schema.similar_key(name)
            layer.add_unknown(name, entry, f'Did you mean "{meant}"?' if meant else "")
    return layer


def _is_known(name: str) -> bool:
    return ("." in name and name in schema.groups()) or schema.find(name) is not None


def _add_unknown_variable(layer: Layer, variable: str, entry: Entry) -> None:
    name = variable.removeprefix(schema.PREFIX).lower()
    sections = [section for section in schema.groups()[""] if f"{name}_".startswith(f"{section}_")]
    meant = schema.similar_key(name.replace("__", "."), sections[0] if sections else "")
    if sections or meant:
        fix = (
            f"Did you mean {schema.variable(meant)}?"
            if meant
            else schema.suggestion_in(sections[0], name)
        )
        layer.problems.append(Problem(entry.where, "there is no such setting", fix))
    else:
        layer.notes.append(f"{entry.where} is unknown and ignored.")


class _Object(dict[str, object]):
    """A JSON object that remembers which names it was given twice."""

    repeated: tuple[str, ...] = ()


def read_file(path: Path) -> dict[str, object]:
    """The JSON object in a file: UTF-8 with or without a byte-order mark.

    Raises:
        SettingsError: the file does not exist, cannot be read, or holds anything else.
    """
    where = str(path)
    try:
        content = _content(path)
    except FileNotFoundError:
        fix = "Correct the path or create the file."
        raise _error(where, "there is no such file", fix) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        what = f"the file cannot be read ({reason})"
        raise _error(where, what, "Check the path and its permissions.") from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _error(where, f"this is not UTF-8 text (line {line})", "Save it as UTF-8.") from None
    tree = parse_json(text, where)
    if not isinstance(tree, dict):
        raise _error(where, "this is not a JSON object", 'Put everything between "{" and "}".')
    return tree


def parse_json(text: str, where: str) -> object:
    """Any JSON value. NaN and Infinity are accepted, and refused later with the setting's name.

    Raises:
        SettingsError: the text is not JSON, or an object names a key twice.
    """
    try:
        tree = json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        what = f"this is not valid JSON: {error.msg} (line {error.lineno}, column {error.colno})"
        fix = (
            'Put names and strings in double quotes ("), put a comma between two entries but not'
            " after the last, and remove any comments."
        )
        if not text.strip():
            fix = "The file is empty: write at least {}."
        raise _error(where, what, fix) from None
    except RecursionError:
        raise _error(where, "the JSON is nested too deeply", "No setting needs that.") from None
    except ValueError:  # an integer of more digits than Python converts
        what = "one of the numbers has too many digits"
        raise _error(where, what, "Write a shorter one.") from None
    if names := _repeated(tree):
        problems = [
            Problem(where, f'"{name}" is given more than once', "Keep one of them.", name)
            for name in names
        ]
        raise SettingsError(problems)
    return tree


def _content(path: Path) -> bytes:
    mode = path.stat().st_mode
    where = str(path)
    if stat.S_ISDIR(mode):
        raise _error(where, "this is a directory", "Name the file in it.")
    if not stat.S_ISREG(mode):  # opening a pipe could wait for ever
        raise _error(where, "this is not a regular file", "Name a regular file.")
    with path.open("rb") as file:
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        what = f"this is too large for a configuration file (more than {MAX_FILE_BYTES} bytes)"
        raise _error(where, what, "Check that it is the right file.")
    return content


def _object(pairs: list[tuple[str, object]]) -> _Object:
    made = _Object(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        made.repeated = tuple(name for name in made if names.count(name) > 1)
    return made


def _repeated(tree: object) -> list[str]:
    """Dotted names given twice; a loop, since a tree may be deeper than calls may."""
    names: list[str] = []
    pending: list[tuple[str, object]] = [("", tree)]
    while pending:
        prefix, node = pending.pop()
        if isinstance(node, list):
            pending += [(prefix, item) for item in node]
        elif isinstance(node, _Object):
            names += [prefix + name for name in node.repeated]
            pending += [(f"{prefix}{name}.", value) for name, value in node.items()]
    return names


def _error(where: str, what: str, fix: str) -> SettingsError:
    return SettingsError([Problem(where, what, fix)])


_RANKS: Final = {"file": 1, "environment": 2, "option": 3}


def outranked_database(entries: Mapping[str, Entry]) -> list[str]:
    """Which of database.path and database.url yields to the other, set by a stronger source.

    A variable of other programs does not outrank the file here: it may be left over from the time
    before PostgreSQL. Two of the same rank are a problem that is reported.
    """
    ranks = {}
    for name in ("database.path", "database.url"):
        if entry := entries.get(name):
            is_foreign = entry.source.name in FOREIGN_VARIABLES
            ranks[name] = 1 if is_foreign else _RANKS[entry.source.kind]
    return [name for name, rank in ranks.items() if rank < max(ranks.values())]
