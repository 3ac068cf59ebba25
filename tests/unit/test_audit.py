"""Dependencies are locked with hashes, and satisfy the project's requirements (fault 44)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.audit import LOCKS, lock_problems, project_requirements, read_advisories

_ROOT = Path(__file__).resolve().parents[2]
_HASH = f"    --hash=sha256:{'0' * 64}"
_WHOLE = f"click==8.2.1 \\\n{_HASH}\nzlib-ng==1.1.0 ; os_name == 'posix' \\\n{_HASH} \\\n{_HASH}\n"


@pytest.mark.parametrize("name", LOCKS)
def test_every_lock_pins_hashes_and_satisfies_the_project(name: str) -> None:
    """The committed file is checked without a network."""
    text = (_ROOT / name).read_text("utf-8")
    assert lock_problems(text, project_requirements(LOCKS[name])) == []


def test_no_lock_is_left_out() -> None:
    """A new lock has to be audited too."""
    assert {path.name for path in _ROOT.glob("*.lock")} == set(LOCKS)


@pytest.mark.parametrize(
    ("lock", "problem"),
    [
        (_WHOLE, ""),
        (_WHOLE.replace("click==8.2.1", "click>=8"), "not pinned: click>=8 \\"),
        (_WHOLE.replace("0" * 64, "0" * 63, 1), "without a hash: click==8.2.1"),
        (_WHOLE.replace("8.2.1", "9.0"), "click 9.0 is not <9,>=8.2"),
        (_WHOLE.replace("click", "clack"), "missing: click<9,>=8.2"),
    ],
)
def test_problems_of_a_lock_are_named(lock: str, problem: str) -> None:
    """Unpinned, without a hash, a version outside the requirements, or missing."""
    problems = lock_problems(lock, ["click>=8.2,<9", "zlib_ng>=1"])
    assert problem in problems if problem else problems == []


def test_vulnerabilities_are_distinguished_from_unknown_packages() -> None:
    """In the format that pip-audit prints."""
    vulnerable = {
        "id": "PYSEC-1",
        "fix_versions": ["2.0", "1.9.1"],
        "aliases": [],
        "description": "",
    }
    found = read_advisories(
        {
            "dependencies": [
                {"name": "old", "version": "1.0", "vulns": [vulnerable]},
                {"name": "well", "version": "1.0", "vulns": []},
                {"name": "own", "skip_reason": "Dependency not found on PyPI"},
            ]
        }
    )
    assert found.vulnerable == ["old 1.0: PYSEC-1, fixed in 2.0, 1.9.1"]
    assert (found.audited, found.skipped) == (2, 1)
