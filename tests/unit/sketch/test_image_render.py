"""The rendered pictures: sizes, seeds, colours, times of day, and negative prompts."""

import colorsys
from functools import cache

import numpy as np
import pytest
from PIL import Image

from sketch.image.canvas import from_hex, lab_of, oklch
from sketch.image.reading import PIGMENTS, STYLES
from sketch.image.render import Request, render, seed_of


@cache
def draw(prompt: str, *, seed: int = 1, negative: str = "", style_tags: str = "") -> Image.Image:
    """Render a small picture, once for each request."""
    return render(Request(prompt, negative, style_tags, seed=seed, width=192, height=128))


def lightness(picture: Image.Image) -> float:
    """The mean lightness, 0..255."""
    return float(np.asarray(picture.convert("L"), np.float64).mean())


def mean_colour(picture: Image.Image) -> tuple[float, float, float]:
    """The mean red, green and blue, 0..1."""
    red, green, blue = np.asarray(picture, np.float64).reshape(-1, 3).mean(axis=0) / 255
    return float(red), float(green), float(blue)


def distance(one: Image.Image, other: Image.Image) -> float:
    """The mean difference between two pictures, 0..255."""
    return float(np.abs(np.asarray(one, np.float64) - np.asarray(other, np.float64)).mean())


def test_the_same_request_gives_the_same_pixels() -> None:
    """No other input decides."""
    request = Request("a castle in the fog", width=192, height=128)
    assert render(request).tobytes() == render(request).tobytes()


def test_another_seed_varies_the_composition() -> None:
    """The same words, another picture: different in more than its grain."""
    assert distance(draw("a mountain lake", seed=1), draw("a mountain lake", seed=2)) > 8


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a mountain lake", "a cup of coffee"),
        ("a neon street at night", "a field of sunflowers"),
        ("portrait of a singer", "spiral galaxy"),
        ("xqzt", "vbnm kllp"),
    ],
)
def test_other_words_give_another_picture(one: str, other: str) -> None:
    """Even unknown words."""
    assert distance(draw(one), draw(other)) > 20


@pytest.mark.parametrize(
    ("width", "height"), [(64, 64), (64, 4096), (4096, 64), (640, 360), (360, 640), (1024, 1024)]
)
def test_sizes_are_respected_exactly(width: int, height: int) -> None:
    """From a very small square to a very wide strip."""
    picture = render(Request("a boat under mountains", width=width, height=height))

    assert picture.size == (width, height)
    assert picture.mode == "RGB"


def test_night_is_darker_than_noon() -> None:
    """The time of day sets the light."""
    assert lightness(draw("hills at night")) + 40 < lightness(draw("hills at noon"))


def test_storm_is_darker_than_a_clear_day() -> None:
    """So does the weather."""
    assert lightness(draw("the sea in a storm")) + 30 < lightness(draw("the sea, sunny day"))


@pytest.mark.parametrize("scene", ["{} hills", "{}", "abstract circles in {}", "{} mountains"])
def test_crimson_is_redder_than_teal(scene: str) -> None:
    """Colour words colour the picture, whatever it shows."""
    red = mean_colour(draw(scene.format("crimson")))
    teal = mean_colour(draw(scene.format("teal")))

    assert red[0] - red[2] > teal[0] - teal[2] + 0.08


@pytest.mark.parametrize(("word", "hue"), [("crimson", 0.98), ("golden", 0.11), ("blue", 0.61)])
def test_a_landscape_takes_the_hue_of_its_colour_word(word: str, hue: float) -> None:
    """The mean hue (0..1) lies near that of the word."""
    found, _, _ = colorsys.rgb_to_hsv(*mean_colour(draw(f"mountains at noon, all in {word}")))

    assert min(abs(found - hue), 1 - abs(found - hue)) < 0.09


def test_a_coloured_thing_leaves_the_rest_its_own_colour() -> None:
    """Crimson hills lie under a sky that is bluer than they are."""
    pixels = np.asarray(draw("crimson hills at noon"), np.float64)
    sky, hills = (part.reshape(-1, 3).mean(axis=0) for part in (pixels[:45], pixels[85:]))

    assert hills[0] > hills[2] + 20
    assert sky[2] > sky[0] + 20


def test_the_negative_prompt_removes_the_clouds() -> None:
    """The sky is smoother without them."""
    cloudy = np.asarray(draw("cloudy sea at noon").convert("L"), np.float64)[:50]
    clear = np.asarray(draw("sea at noon", negative="clouds, sun").convert("L"), np.float64)[:50]

    assert np.std(cloudy - cloudy.mean(axis=1, keepdims=True)) > 2 * np.std(
        clear - clear.mean(axis=1, keepdims=True)
    )


def test_black_and_white_has_no_colour() -> None:
    """Film noir is grey to the last pixel."""
    pixels = np.asarray(draw("a street at night", style_tags="film noir"), np.int64)

    assert int(np.ptp(pixels, axis=2).max()) <= 16  # the signature alone is tinted


@pytest.mark.parametrize("style", sorted(set(STYLES.values())))
def test_every_style_changes_the_treatment(style: str) -> None:
    """Each style of the lexicon can be drawn, and all but plain realism look different."""
    plain = draw("a village house on a hill at dusk")
    treated = draw("a village house on a hill at dusk", style_tags=style)

    assert treated.size == plain.size
    assert distance(plain, treated) > 1


def test_pictures_are_neither_blank_nor_flat() -> None:
    """No render is blank, not even that of an empty prompt."""
    for prompt in ("", "-", "??", "\ud800", "مرحبا بالعالم", "🦑"):
        assert float(np.asarray(draw(prompt).convert("L"), np.float64).std()) > 8


def test_progress_ends_with_all_steps_done() -> None:
    """Steps only increase, and the last report is complete."""
    seen: list[tuple[int, int]] = []
    render(
        Request("a forest", width=192, height=128), lambda done, total: seen.append((done, total))
    )

    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1]
    assert len(seen) > 3


def test_a_seed_follows_from_the_prompt() -> None:
    """Any text has one, within 32 bits."""
    assert seed_of("a") != seed_of("b")
    assert 0 <= seed_of("\ud800") < 2**32


@pytest.mark.parametrize("word", sorted(PIGMENTS))
def test_pigments_are_colours(word: str) -> None:
    """The conversion to OKLab and back keeps every pigment."""
    colour = from_hex(PIGMENTS[word])
    lightness_, a, b = lab_of(colour)
    again = oklch(lightness_, float(np.hypot(a, b)), float(np.degrees(np.arctan2(b, a))))

    assert np.abs(again - colour).max() < 0.02
