"""Addresses of the page: which are accepted, and how others are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.config_folder import ConfigFolder, make_config_folder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def config(tmp_path: Path) -> ConfigFolder:
    """A folder with a configuration file."""
    return make_config_folder(tmp_path)


@pytest.mark.parametrize(
    "web",
    [
        {"base_path": "/media"},
        {"base_path": "/a/b-c/d.e/"},
        {"base_path": "/"},
        {"base_path": None, "public_urls": ["https://gallery.example"], "cors_origin": None},
        {"base_path": "/media/", "public_urls": ["https://gallery.example/media"]},
        {"base_path": "/media", "public_urls": ["http://[::1]:8080/media/", "https://a.example"]},
        {"cors_origin": "http://localhost:3000"},
        {"cors_origin": "https://front.example/"},
    ],
)
def test_an_address_is_accepted(config: ConfigFolder, web: dict[str, object]) -> None:
    """With or without a slash at the end."""
    assert config.load({"web": web}).settings.web.host == "127.0.0.1"


@pytest.mark.parametrize(
    ("key", "value", "word"),
    [
        *(
            ("base_path", path, "a plain path")
            for path in (
                "media",
                "//media",
                "/a//b",
                "/a/../b",
                "/.a",
                "/a b",
                "/a?b",
                "/ä",
                "/%41",
            )
        ),
        ("base_path", "", "is empty"),
        ("public_urls", "https://gallery.example", "a list"),
        ("public_urls", ["gallery.example"], "entry 1, is not an address"),
        ("public_urls", ["https://a.example/media", "*"], "entry 2, is not an address"),
        ("public_urls", ["https://*:0"], "port 0"),
        ("public_urls", ["https://me:secret@a.example"], "a user name or a password"),
        ("public_urls", ["https://b\u00fccher.example"], "beyond ASCII"),
        ("public_urls", ["https://a.example/other"], "web.base_path"),
        ("public_urls", ["https://a.example/?x"], "more than a host"),
        ("cors_origin", "*", "is not an address"),
        ("cors_origin", "null", "is not an address"),
        ("cors_origin", "http://localhost:3000/app", "more than an origin"),
        ("cors_origin", "file:///page.html", "is not an address"),
    ],
)
def test_an_invalid_address_is_refused(
    config: ConfigFolder, key: str, value: object, word: str
) -> None:
    """By the setting's name, with an example."""
    [problem] = config.refuse({"web": {"base_path": "/media"} | {key: value}}).problems
    assert f"web.{key}" in str(problem)
    assert word in str(problem)
    assert "secret" not in str(problem)
