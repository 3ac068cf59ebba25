"""The doctor asks about macOS privacy."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from application.doctor import Findings
from entrypoints.checkup import probes
from entrypoints.cli.invocation import Invocation


def test_on_a_mac_the_database_on_the_desktop_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system is told to be macOS; all else is the doctor's own."""
    mac = SimpleNamespace(platform="darwin", prefix="/opt/v", executable="/opt/v/bin/python")
    monkeypatch.setattr(probes, "sys", mac)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    invocation = Invocation(overrides={"database.path": "Desktop/a.db"})
    found = [
        check
        for probe in probes.probes(*invocation.inspected_settings())
        if isinstance(probe, Findings)
        for check in probe.checks()
        if check.subject == "macOS privacy"
    ]
    assert [str(tmp_path / "Desktop/a.db") in check.finding for check in found] == [True]
