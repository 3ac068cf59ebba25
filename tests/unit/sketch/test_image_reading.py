"""How a prompt is understood."""

from hypothesis import given
from hypothesis import strategies as st

from sketch.image.composition import compose
from sketch.image.reading import read, setting_of
from sketch.image.scene import mix_palette

ANY_TEXT = st.text(st.characters(codec=None), max_size=200)


@given(prompt=ANY_TEXT, negative=ANY_TEXT, tags=ANY_TEXT, mood=ANY_TEXT)
def test_any_text_can_be_read_coloured_and_composed(
    prompt: str, negative: str, tags: str, mood: str
) -> None:
    """Lone surrogates, control characters, emoji and empty text are prompts too."""
    reading = read(prompt, negative, tags, mood)

    assert mix_palette(reading).hour
    assert compose(reading).painters


def test_a_prompt_of_200_kilobytes_is_read() -> None:
    """Text far from the beginning still changes the picture, but not the scene."""
    one = read("mountain " * 25_000 + "a")
    other = read("mountain " * 25_000 + "b")

    assert one.things == other.things == ("mountain",)
    assert one.fingerprint != other.fingerprint


def test_things_are_kept_in_the_order_of_mention() -> None:
    """The first thing named has the most influence, so the order matters."""
    assert read("a boat on the sea below mountains").things == ("boat", "sea", "mountain")


def test_the_negative_prompt_takes_things_away() -> None:
    """`clouds` in the negative prompt bans those that the prompt asked for, and any others."""
    reading = read("sea and clouds, a boat", "crowds, harsh shadows, clouds")

    assert "cloud" not in reading.weathers
    assert not reading.allows("cloud")
    assert "boat" in reading.things


def test_without_excludes_the_next_thing_only() -> None:
    """`without clouds, a boat` still shows the boat."""
    reading = read("a sea without any clouds, a boat")

    assert not reading.allows("cloud")
    assert reading.things == ("sea", "boat")


def test_a_colour_belongs_to_the_thing_after_it() -> None:
    """`violet planet` paints the planet, `blue light` the light."""
    reading = read("an astronaut on a violet planet in soft blue light")

    assert reading.bound == {"planet": "violet", "light": "blue"}


def test_words_joined_by_a_hyphen_and_plurals_are_known() -> None:
    """`Neon-lit`, `berries`, `pagodas`: language models write them all."""
    reading = read("Neon-lit alleys beneath pagodas")

    assert "cyberpunk" in reading.styles
    assert reading.things == ("street", "temple")


def test_an_emoji_is_a_word() -> None:
    """A wave and a moon make a sea at night."""
    reading = read("🌊 🌙")

    assert reading.things == ("sea", "moon")
    assert "night" in reading.hours


def test_settings_follow_the_nouns() -> None:
    """Each of these prompts asks for another kind of picture."""
    prompts = {
        "A serene mountain lake at dawn": "landscape",
        "Neon-lit cyberpunk alley in the rain": "street",
        "Portrait of a jazz singer in smoky blue light": "portrait",
        "A lonely astronaut on a violet planet": "cosmos",
        "A cup of coffee on a wooden table": "still_life",
        "abstract composition in red and black, constructivism": "abstract",
        "a misty forest": "forest",
        "jellyfish in a coral reef": "underwater",
        "a campfire": "fire",
    }

    assert {prompt: setting_of(read(prompt)) for prompt in prompts} == prompts
