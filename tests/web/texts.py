"""``make texts``: collect the texts of the page into its catalogues, or create one."""

from __future__ import annotations

import os
import sys
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from babel.messages.frontend import CommandLineInterface

from entrypoints.web.languages import LOCALES

ROOT: Final = Path(__file__).parents[2]


def extract(template: Path) -> None:
    """Write the English texts of templates, scripts and package into a template for catalogues."""
    with chdir(ROOT):
        _babel(
            *("extract", "--mapping-file", "pyproject.toml", "--add-location", "file"),
            *("--add-comments", "For translators:", "--sort-by-file", "--no-wrap"),
            *("--project", "Media Generator", "--output-file", str(template)),
            os.path.relpath(LOCALES.parent),
        )


def update(file: Path, template: Path) -> None:
    """Bring a catalogue up to date: new texts are empty, and texts no longer used are removed."""
    _babel(
        *("update", "--input-file", str(template), "--output-file", str(file)),
        *("--locale", file.stem.replace("-", "_"), "--no-wrap", "--no-fuzzy-matching"),
        *("--ignore-obsolete", "--ignore-pot-creation-date"),
    )


def _babel(*arguments: str) -> None:
    CommandLineInterface().run(
        [  # type: ignore[no-untyped-call] # Babel's commands have no types
            "pybabel",
            "--quiet",
            *arguments,
        ]
    )


def main(new: list[str]) -> None:
    """Update all catalogues; create those of the languages that have none."""
    with TemporaryDirectory() as folder:
        template = Path(folder) / "page.pot"
        extract(template)
        for code in new:
            file = LOCALES / f"{code}.po"
            if not file.exists():
                _babel(
                    *("init", "--input-file", str(template), "--output-file", str(file)),
                    *("--locale", code.replace("-", "_"), "--no-wrap"),
                )
        for file in sorted(LOCALES.glob("*.po")):
            update(file, template)
            sys.stdout.write(f"{file}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
