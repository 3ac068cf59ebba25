"""Audit of the dependencies: the locks against the project, and known vulnerabilities.

``make audit`` runs it. Whether a lock pins and hashes everything, and holds what the project asks
for, is checked without a network, by the tests too. Known vulnerabilities are asked from PyPI by
pip-audit; without a network the audit says so, and does not fail.
"""

# ruff: noqa: S603, T201 - a program whose report is its output, and which runs pip-audit

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ROOT = Path(__file__).resolve().parent.parent
LOCKS = {
    "requirements.lock": None,
    "requirements-dev.lock": "dev",
    "requirements-bench.lock": "bench",
    "requirements-front-end.lock": "front-end",
    "requirements-audit.lock": "audit",
    "requirements-ray.lock": "ray",
    "requirements-container.lock": "container",
    "requirements-kuberay.lock": "kuberay",
}
"""Each lock, and the extra of the project that it holds beside the dependencies of all."""

_PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
_SECONDS = 15  # seconds to wait for the vulnerability service


@dataclass(slots=True)
class Advisories:
    """The answer of pip-audit.

    Attributes:
        vulnerable: a line for each known vulnerability.
        audited: number of packages that the service knows.
        skipped: number of packages that could not be looked up.
    """

    vulnerable: list[str] = field(default_factory=list)
    audited: int = 0
    skipped: int = 0


def lock_problems(lock: str, wanted: Iterable[str]) -> list[str]:
    """The problems of a lock: unpinned, without a hash, or not what the project requires.

    Args:
        lock: the text of the file.
        wanted: requirements of the project that it has to satisfy.
    """
    problems = []
    versions: dict[str, str] = {}
    for entry in re.split(r"\n(?=\S)", lock.strip()):
        pin = _PIN.match(entry)
        if pin is None:
            problems.append(f"not pinned: {entry.splitlines()[0]}")
            continue
        versions[canonicalize_name(pin["name"])] = pin["version"]
        if not _HASH.search(entry):
            problems.append(f"without a hash: {pin[0]}")
    for text in wanted:
        requirement = Requirement(text)
        version = versions.get(canonicalize_name(requirement.name))
        if version is None:
            problems.append(f"missing: {requirement}")
        elif not requirement.specifier.contains(version, prereleases=True):
            problems.append(f"{requirement.name} {version} is not {requirement.specifier}")
    return problems


def project_requirements(extra: str | None) -> list[str]:
    """The requirements of the project with one of its extras."""
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return [
        *project["dependencies"],
        *(project["optional-dependencies"][extra] if extra else ()),
    ]


def read_advisories(report: Mapping[str, list[dict[str, object]]]) -> Advisories:
    """Parse the JSON that pip-audit prints."""
    found = Advisories()
    for package in report["dependencies"]:
        if "skip_reason" in package:
            found.skipped += 1
            continue
        found.audited += 1
        vulnerabilities = package.get("vulns")
        for one in vulnerabilities if isinstance(vulnerabilities, list) else ():
            fixed = ", ".join(one.get("fix_versions") or ()) or "no version yet"
            found.vulnerable.append(
                f"{package['name']} {package['version']}: {one['id']}, fixed in {fixed}"
            )
    return found


def main() -> int:
    """Audit every lock; returns the exit code: 1 if a lock is wrong or a package vulnerable."""
    failed = False
    for name, extra in LOCKS.items():
        text = (_ROOT / name).read_text("utf-8")
        for problem in lock_problems(text, project_requirements(extra)):
            failed = True
            print(f"{name}: {problem}")
        command = ["--disable-pip", "--require-hashes", "--progress-spinner=off", "--format=json"]
        answer = subprocess.run(
            [sys.executable, "-m", "pip_audit", *command, f"--timeout={_SECONDS}", "-r", name],
            cwd=_ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        try:
            found = read_advisories(json.loads(answer.stdout))
        except ValueError:  # it exited with an error and without a report
            reason = (answer.stderr.strip().splitlines() or ["no answer"])[-1]
            print(f"{name}: not audited: {reason}")
            continue
        for line in found.vulnerable:
            failed = True
            print(f"{name}: {line}")
        if not found.audited:
            print(f"{name}: not audited: PyPI told nothing about its {found.skipped} packages")
            continue
        unknown = f"; {found.skipped} are unknown to PyPI" if found.skipped else ""
        print(
            f"{name}: {found.audited} packages audited, {len(found.vulnerable)} known"
            f" vulnerabilities{unknown}"
        )
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
