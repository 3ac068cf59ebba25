"""The assets of the pages: no foreign, no inline, small, and readable."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import entrypoints.web
from entrypoints.web.app import assets_digest

if TYPE_CHECKING:
    from tests.unit.entrypoints.web.site import Site

STATIC = Path(entrypoints.web.__file__).parent / "static"
PAGES = ("/", "/queue", "/submit", "/workflow", "/system", "/prompts/5")


@pytest.fixture(scope="module")
def served(lasting: Site) -> dict[str, str]:
    """The HTML of every page."""
    lasting.poet.write(json.dumps({"prompt": "A lake"}), prompt_id=5)
    lasting.published(5)
    return {path: lasting.get(path).get_data(as_text=True) for path in PAGES}


def modules_of(names: set[str]) -> set[str]:
    """A script with all the modules that it imports."""
    found, open_ = set(), set(names)
    while open_:
        name = open_.pop()
        found.add(name)
        imported = re.findall(r'from "\./([^"]+)"', (STATIC / name).read_text("utf-8"))
        open_ |= set(imported) - found
    return found


@pytest.mark.parametrize("path", PAGES)
def test_nothing_is_inline(served: dict[str, str], path: str) -> None:
    """The content security policy would refuse it."""
    html = served[path]
    assert not re.search(r"<script(?![^>]*\ssrc=)", html)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=", html)


@pytest.mark.parametrize("path", PAGES)
def test_all_assets_of_a_page_are_served_locally(
    served: dict[str, str], lasting: Site, path: str
) -> None:
    """The page works without a network."""
    html = served[path]
    assert not re.search(r'(?:src|href|action)="(?:https?:)?//', html)
    named = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', html))
    assert named
    for each in named:
        assert lasting.get(each).status_code == 200, each


@pytest.mark.parametrize("path", PAGES)
def test_every_page_has_its_landmarks(served: dict[str, str], path: str) -> None:
    """One main, one first heading, a language, a title, and a skip link."""
    html = served[path]
    assert html.count("<main") == 1
    assert html.count("<h1") == 1
    assert '<html lang="en">' in html
    assert re.search(r"<title>[^<]+ - Media Generator</title>", html)
    assert 'href="#main"' in html


def test_browse_loads_few_bytes(served: dict[str, str]) -> None:
    """Scripts and styles of the first page, compressed as for a network."""
    named = re.findall(r'"/static/\w+/([^"]+\.(?:js|css))"', served["/"])
    scripts = {name for name in named if name.endswith(".js")}
    styles = set(named) - scripts
    assert modules_of(scripts) == scripts  # each is named, so that they load in parallel
    packed = [len(gzip.compress((STATIC / name).read_bytes())) for name in scripts]
    assert sum(packed) < 16_500
    assert sum((STATIC / name).stat().st_size for name in scripts) < 42_000
    assert sum((STATIC / name).stat().st_size for name in styles) < 26_500


def test_assets_are_cached_for_ever(served: dict[str, str], site: Site) -> None:
    """The address has a digest; a page of another version gets the current asset, uncached."""
    [script] = re.findall(r'"(/static/\w+/theme\.js)"', served["/"])
    answer = site.get(script)
    assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert answer.data == (STATIC / "theme.js").read_bytes()
    other = site.get("/static/0123456789ab/theme.js")
    assert other.data == answer.data
    assert other.headers["Cache-Control"] == "no-cache"
    assert site.get("/static/0123456789ab/no_such.js").status_code == 404


def test_the_digest_of_assets_depends_on_their_content(tmp_path: Path) -> None:
    """Otherwise a browser would show an old page for a year."""
    (tmp_path / "a.js").write_text("1")
    (tmp_path / "b.js").write_text("2")
    marks = {assets_digest(tmp_path)}
    (tmp_path / "b.js").write_text("3")
    marks.add(assets_digest(tmp_path))
    (tmp_path / "b.js").rename(tmp_path / "c.js")
    marks.add(assets_digest(tmp_path))
    assert len(marks) == 3
    assert assets_digest(tmp_path) in marks


def test_no_style_comes_from_elsewhere() -> None:
    """No import, no address, no foreign font."""
    for sheet in STATIC.glob("*.css"):
        assert not re.search(r"@import|url\(|@font-face", sheet.read_text("utf-8")), sheet.name


def test_no_script_makes_markup_of_text() -> None:
    """Text from the database is set as textContent; nothing is evaluated."""
    risky = r"(inner|outer)HTML\s*\+?=[^=]|insertAdjacentHTML|document\.write|\beval\(|new Function"
    for script in STATIC.glob("*.js"):
        assert not re.search(risky, script.read_text("utf-8")), script.name


def tokens(theme: int) -> dict[str, tuple[float, float, float]]:
    """The colours of a theme: 0 is light, 1 dark."""
    text = (STATIC / "site.css").read_text("utf-8")
    found = re.findall(r"--([\w-]+): light-dark\(#(\w{6}), #(\w{6})\)", text)
    return {name: _rgb(pair[theme]) for name, *pair in found}


def _rgb(code: str) -> tuple[float, float, float]:
    red, green, blue = (int(code[at : at + 2], 16) / 255 for at in (0, 2, 4))
    return red, green, blue


def contrast(one: tuple[float, float, float], other: tuple[float, float, float]) -> float:
    """The contrast ratio as WCAG 2.2 defines it."""

    def luminance(colour: tuple[float, float, float]) -> float:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_every_colour_can_be_read(theme: int) -> None:
    """AA: 4.5 to 1 for text on its background, 3 to 1 for the edges of controls."""
    colours = tokens(theme)
    pairs = {
        (ink, ground)
        for ink in ("ink", "soft", "accent", "good", "warm", "bad")
        for ground in ("paper", "panel", "sunk")
    }
    pairs |= {(name, f"{name}-wash") for name in ("good", "warm", "bad")}
    pairs |= {("ink", "wash"), ("accent", "wash"), ("soft", "wash"), ("on-accent", "accent")}
    poor = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in pairs}
    assert {pair: value for pair, value in poor.items() if value < 4.5} == {}
    assert contrast(colours["edge"], colours["paper"]) >= 3
    assert contrast(colours["edge"], colours["panel"]) >= 3
