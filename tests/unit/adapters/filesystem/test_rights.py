"""Permissions of workflow output, of published files, and of the root (fault 20)."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from application.ports.artifact_store import RenderKey
from domain.failure import FailureCode
from domain.prompt import Kind
from tests import media_samples
from tests.unit.adapters.filesystem.conftest import FOLDER, Tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NOBODY = 65_534


@contextmanager
def powerless() -> Iterator[None]:
    """An unprivileged user if the tests run as root, whose access is never refused."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def _let_in(root: Path, mode: int) -> None:
    """Set the mode of a root, and open its parent folders to every user."""
    root.chmod(mode)
    for folder in root.parents:
        facts = folder.stat()
        if facts.st_uid == os.geteuid() and not facts.st_mode & stat.S_IXOTH:
            folder.chmod(0o755)


def test_unreadable_things_are_the_workflows_fault_and_are_removed(tree: Tree) -> None:
    """A file or folder without permissions fails this render, not the queue."""
    _let_in(tree.root, 0o777)
    with powerless():
        for name in ("closed/a.png", "a.png"):
            staging = tree.open()
            place = staging.path / name
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(media_samples.png())
            place.chmod(0)
            if place.parent != staging.path:
                place.parent.chmod(0)
            assert tree.close(staging).failure().code is FailureCode.FILE_REFUSED
            tree.sweep()
    assert tree.contents() == []


def test_modes_do_not_depend_on_the_umask(tree: Tree) -> None:
    """Folders 755 and files 644: the web server is another user."""
    before = os.umask(0o077)
    try:
        tree.keep({"a.png": media_samples.png()}).unwrap()
        staging = tree.open()
    finally:
        os.umask(before)
    folder = tree.root / "image" / FOLDER
    modes = [path.stat().st_mode & 0o777 for path in (folder.parent, folder, folder / "a.png")]
    assert modes == [0o755, 0o755, 0o644]
    assert staging.path.stat().st_mode & 0o777 == 0o700


def test_an_unwritable_root_is_named(tree: Tree) -> None:
    """Fault 20: no render starts there, and preflight reports it before a claim."""
    _let_in(tree.root, 0o555)
    with powerless():
        refusal = tree.store.preflight()
        failure = tree.store.open_staging(Kind.IMAGE, RenderKey(1, 1), 1).failure()
    assert refusal is not None
    assert refusal.code is failure.code is FailureCode.OUTPUT_NOT_WRITABLE


@pytest.mark.parametrize("shelf", ["image", ".staging"])
def test_a_kinds_folder_of_another_user_is_detected_before_a_claim(tree: Tree, shelf: str) -> None:
    """Otherwise a render of a quarter of an hour would fail at its last step."""
    _let_in(tree.root, 0o777)
    (tree.root / shelf).mkdir()
    (tree.root / shelf).chmod(0o555)
    with powerless():
        refusal = tree.store.preflight()
    assert refusal is not None
    assert shelf in refusal.message
