"""The pages as they are served, before any script runs."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest

from entrypoints.web.pages import ratio
from tests.unit.entrypoints.web.site import LAKE, Site

HOSTILE = "\"><img src=x onerror=alert(1)></title><script>alert('1')</script>{{ 7 * 7 }}"
STEAM = {
    "title": "Steam and Soliloquy",
    "genre": "indie folk",
    "structure": [
        {"type": "verse", "lyrics": "Steam ascends\nfrom the cup"},
        {"type": "chorus", "lyrics": "Coffee brews"},
    ],
}


def shown(site: Site, path: str, status: int = 200) -> str:
    """The HTML of a page."""
    answer = site.get(path)
    assert answer.status_code == status, answer.get_data(as_text=True)
    assert answer.mimetype == "text/html"
    return answer.get_data(as_text=True)


def cards(html: str) -> list[str]:
    """The cards of Browse."""
    return re.findall(r'<li class="card.*?</li>', html, re.DOTALL)


def song(site: Site, prompt_id: int, content: object = STEAM) -> str:
    """Add a prompt for a song with its file; returns the path."""
    site.poet.write(
        json.dumps(content), prompt_type="lyrics_prompt", prompt_id=prompt_id, text="a song"
    )
    said = {"title": "Steam and Soliloquy", "genre": "indie folk", "duration_seconds": 65.2}
    return site.published(prompt_id, "song.mp3", said, "audio")


def test_a_picture_card_leads_to_its_prompt_and_keeps_its_place(site: Site) -> None:
    """A late thumbnail moves nothing, since its size is in the HTML."""
    site.poet.write("{}", prompt_id=5)
    path = site.published(5)
    [card] = cards(shown(site, "/"))
    assert 'href="/prompts/5"' in card
    assert f'src="/api/media/{path}?w=320"' in card
    assert 'width="768" height="1024"' in card
    assert f'srcset="/api/media/{path}?w=320 320w, /api/media/{path}?w=640 640w"' in card
    assert ">768 × 1024<" in card
    assert "card image r8" in card
    assert f'href="/api/media/{path}?download=1" download' in card
    assert "A serene mountain lake at dawn" in card


def test_a_title_that_is_cut_off_is_shown_completely_on_hover(site: Site) -> None:
    """The card of a picture has the beginning of its prompt."""
    site.poet.write("{}", prompt_id=5)
    prompt = "A serene mountain lake at dawn, " + "and one more tree, " * 20 + "and a boat"
    site.published(5, metadata={"prompt": prompt})
    [card] = cards(shown(site, "/"))
    assert f'title="{prompt}"' in card
    assert f">{prompt}<" not in card


def test_pictures_further_down_are_not_asked_for_yet(site: Site) -> None:
    """The first ones load as soon as the HTML arrives."""
    site.poet.write("{}", prompt_id=5)
    for number in range(20):
        site.published(5, f"{number}.png")
    waits = ['loading="lazy"' in card for card in cards(shown(site, "/"))]
    assert waits == [False] * 10 + [True] * 10


def test_the_page_includes_the_first_api_response(site: Site) -> None:
    """The scripts need not request it; no content can end the template."""
    site.poet.write("{}", prompt_id=5, text="</template><script>&lt;")
    site.published(5, metadata={"title": "</template>&amp;"})
    [given] = re.findall(r'<template id="given">(.*?)</template>', shown(site, "/?kind=image"))
    assert json.loads(unescape(given)) == site.get("/api/v1/gallery?kind=image").json
    assert '<template id="given">' not in shown(site, "/?cursor=1")


def test_a_song_can_be_played_without_scripts(site: Site) -> None:
    """In the browser's own player, which loads nothing before it is used."""
    path = song(site, 6)
    [card] = cards(shown(site, "/"))
    assert f'controls preload="none" src="/api/media/{path}"' in card
    assert "Steam and Soliloquy" in card


def test_files_are_newest_first_with_a_link_to_older_ones(site: Site) -> None:
    """The link keeps the filters, and following it shows every file once."""
    site.poet.write("{}", prompt_id=5, text="a lake")
    for number in range(130):
        site.published(5, f"{number}.png", LAKE | {"prompt": f"lake {number}"})
    seen: list[str] = []
    path = "/?kind=image_prompt&text=LAKE"
    while path:
        html = shown(site, path)
        found = [re.search(r"lake (\d+)<", card) for card in cards(html)]
        assert len(found) <= 60
        seen += [each[1] for each in found if each]
        link = re.search(r'rel="next" href="([^"]+)"', html)
        path = unescape(link[1]) if link else ""
        assert not path or ("kind=image_prompt" in path and "text=LAKE" in path)
    assert seen == [str(number) for number in reversed(range(130))]


def test_the_form_shows_the_filters_of_the_address(site: Site) -> None:
    """A link to a filtered page can be shared, and the filters changed."""
    site.poet.write("{}", prompt_id=5)
    site.published(5)
    song(site, 6)
    html = shown(site, "/?kind=lyrics_prompt&status=unsupported&text=a%22b")
    assert 'value="lyrics_prompt" checked' in html
    assert '<option value="unsupported" selected>unsupported</option>' in html
    assert 'name="search" value="a&#34;b"' in html
    assert "No matches." in html
    assert len(cards(shown(site, "/?kind=audio"))) == 1
    assert 'value="image_prompt" checked' in shown(site, "/?kind=image")


@pytest.mark.parametrize("query", ["kind=film", "cursor=x", "since=never", "limit=0"])
def test_an_invalid_filter_is_explained(site: Site, query: str) -> None:
    """On a page with a link back."""
    html = shown(site, f"/?{query}", 422)
    assert query.partition("=")[0] in html
    assert 'href="/"' in html


def test_an_empty_page_says_so(site: Site) -> None:
    """Instead of showing nothing."""
    assert "No media yet." in shown(site, "/")


def test_text_from_the_database_is_never_markup(site: Site) -> None:
    """Title, prompt, tags, message, lyrics and file name are shown as plain text."""
    said = {"prompt": HOSTILE, "style_tags": [HOSTILE], "workflow": HOSTILE, "format": HOSTILE}
    image = {"prompt": HOSTILE, "negative_prompt": HOSTILE, "style_tags": [HOSTILE]}
    site.poet.write(json.dumps(image), prompt_id=5, text=HOSTILE, artifact_status=HOSTILE)
    site.row(5, f"image/{HOSTILE}", said)
    site.poet.execute("UPDATE prompts SET error_message = ? WHERE id = 5", (HOSTILE,))
    words = {"title": HOSTILE, "structure": [{"type": "verse", "lyrics": HOSTILE}]}
    site.poet.write(json.dumps(words), prompt_type="lyrics_prompt", prompt_id=6, text=HOSTILE)
    site.row(6, "audio/6/a.mp3", said | {"title": HOSTILE}, "audio")
    site.row(7, "odd/7", said | {"title": HOSTILE}, HOSTILE)
    for path in ("/", "/prompts/5", "/prompts/6", f"/?text={'%3Cscript%3E'}"):
        html = shown(site, path)
        assert "<script>alert" not in html
        assert "<img src=x" not in html
        assert "49" not in re.sub(r"/static/\w+/", "", html)  # digests may have any digits


def test_the_page_of_a_song_has_its_lyrics(site: Site) -> None:
    """Section by section, next to a player, with the unchanged writing."""
    path = song(site, 6)
    html = shown(site, "/prompts/6")
    assert "<title>Steam and Soliloquy" in html
    assert "Steam ascends\nfrom the cup" in html
    assert html.index("Steam ascends") < html.index("Coffee brews")
    assert f'src="/api/media/{path}"' in html
    assert "1:05" in html
    assert "&#34;structure&#34;" in html


def test_the_page_of_a_picture_has_all_its_details(site: Site) -> None:
    """Prompt, negative prompt, size, seed, workflow, and a download."""
    brief = {"prompt": "A lake, verbatim", "negative_prompt": "crowds", "style_tags": ["soft"]}
    site.poet.write(json.dumps(brief), prompt_id=5, text="a lake, please")
    site.published(5)
    html = shown(site, "/prompts/5")
    for part in ("A lake, verbatim", "crowds", "soft", "768 × 1024", "seed 7", "a lake, please"):
        assert part in html
    assert "image_workflow.py" in html
    assert "?w=1280" in html
    assert "?download=1" in html


def test_the_page_of_a_failed_prompt_says_why_and_what_to_do(site: Site) -> None:
    """The message of the column, and a writing that cannot be understood."""
    site.poet.write("no brief at all", prompt_id=5, artifact_status="error")
    message = "timed_out: the script ran for 900 s\nHint: raise comfyui.timeout_seconds"
    site.poet.execute("UPDATE prompts SET error_message = ? WHERE id = 5", (message,))
    html = shown(site, "/prompts/5")
    assert "the script ran for 900 s" in html
    assert "timeout_seconds" in html
    assert "no brief at all" in html
    assert "notice warm" in html


@pytest.mark.parametrize("path", ["/prompts/77", "/prompts/x", "/prompts/99999999999999999999"])
def test_an_unknown_prompt_is_a_page_that_says_so(site: Site, path: str) -> None:
    """404, with a link back."""
    assert 'href="/"' in shown(site, path, 404)


def test_a_card_leads_to_the_file_where_there_is_no_prompt(site: Site) -> None:
    """A row of another program may have no prompt."""
    path = site.published(5)
    site.poet.execute("UPDATE prompt_artifacts SET prompt_id = 'no such id'")
    [card] = cards(shown(site, "/"))
    assert f'href="/api/media/{path}"' in card


@pytest.mark.parametrize(
    ("width", "height", "tenths"),
    [
        (1, 1, 10),
        (1920, 1080, 18),
        (3, 4, 8),
        (1, 9, 6),
        (9, 1, 24),
        (None, 5, 10),
        (0, 5, 10),
        (-5, 5, 10),
        (2**70, 1, 24),
    ],
)
def test_the_shape_of_a_card(width: int | None, height: int, tenths: int) -> None:
    """That of the picture, within limits; square if the size is unknown."""
    assert ratio("image", width, height) == tenths


def test_a_song_has_one_shape() -> None:
    """Whatever its metadata say."""
    assert ratio("audio", 1, 9) == 16
