"""The names of published files."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.filesystem.collection import natural_key, published_name
from domain.artifact import Artifact
from domain.prompt import Kind
from tests import media_samples
from tests.unit.adapters.filesystem.conftest import Tree  # noqa: TC001 (pytest reads it)


@pytest.mark.parametrize(
    ("written", "published"),
    [
        ("generated_image_001.png", "generated_image_001.png"),
        ("ComfyUI_00001_.png", "ComfyUI_00001_.png"),
        ("ein Bild.png", "ein Bild.png"),
        ("a\\b.png", "a_b.png"),
        ("a\nb\x1b[2J.png", "a_b_[2J.png"),
        ("..hidden.png", "hidden.png"),
        (" .png", "file.png"),
        ("50%#1?.png", "50__1_.png"),
        ("gnp.\u202exe.png", "gnp._xe.png"),
        ("e\u0301te\u0301.png", "été.png"),
        ("bad\udcff.png", "bad_.png"),
        ("x" * 300 + ".png", "x" * 116 + ".png"),
        ("ü" * 100 + ".png", "ü" * 58 + ".png"),
    ],
)
def test_names_are_made_harmless(written: str, published: str) -> None:
    """Good names stay unchanged."""
    assert published_name(written, "png", set()) == published


@pytest.mark.parametrize(
    "names",
    [
        ("a.png", "A.png", "a.PNG"),
        ("caf\u00e9.png", "cafe\u0301.png"),
        ("Straße.png", "STRASSE.png"),
    ],
)
def test_names_that_some_file_systems_confuse_are_made_distinct(names: tuple[str, ...]) -> None:
    """Fault 25: by case or by Unicode normalisation."""
    taken_names: set[str] = set()
    published = [published_name(name, "png", taken_names) for name in names]
    assert published[1].endswith("_2.png")
    folded = {unicodedata.normalize("NFC", name.casefold()) for name in published}
    assert len(folded) == len(names)


@given(st.lists(st.text(min_size=1, max_size=150), max_size=12), st.sampled_from(["png", "jpeg"]))
def test_every_name_is_safe_and_unique(written: list[str], format_name: str) -> None:
    """Whatever a workflow calls its files, the domain accepts their paths."""
    taken_names: set[str] = set()
    published = [
        published_name(f"{name}.png".replace("/", ""), format_name, taken_names) for name in written
    ]
    assert len({unicodedata.normalize("NFD", name).casefold() for name in published}) == len(
        written
    )
    for name in published:
        Artifact(Kind.IMAGE, f"image/1_x/{name}", {})
        assert len(name.encode()) <= 120
        assert not name.startswith(".")
        assert name.isprintable()
        assert unicodedata.is_normalized("NFC", name)


def test_numbers_sort_as_numbers() -> None:
    """A tenth picture comes after the second, in folder names and in file names."""
    names = ["a10/1.png", "a2/10.png", "a2/9.png", "B.png", "a2/9_.png", "9" * 5000 + ".png"]
    ordered = sorted((tuple(name.split("/")) for name in names), key=natural_key)
    assert ["/".join(path)[:9] for path in ordered] == [
        "9" * 9, "a2/9.png", "a2/9_.png", "a2/10.png", "a10/1.png", "B.png",
    ]  # fmt: skip


def test_files_of_several_folders_are_flattened(tree: Tree) -> None:
    """Equal names get a number, in the order of their folders."""
    first, second = media_samples.png(), media_samples.picture("png", (9, 9))
    stored = tree.keep({"b/a.png": second, "a/a.png": first}).unwrap()
    assert [(facts.name, facts.width) for facts in stored.files] == [("a.png", 24), ("a_2.png", 9)]
    folder = tree.root / "image" / stored.folder
    assert (folder / "a_2.png").read_bytes() == second
