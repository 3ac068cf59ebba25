"""What one render may leave behind: ``media.limits``, through the whole program."""

from domain.failure import FailureCode
from tests.acceptance.mediagen import Installation, image

# What the script leaves, and how its prompt ends under limits of 20 files, 50 kB and 10,000 px.
ENDINGS = {
    "heap files-20": "ready",
    "heap files-21": "too_much_output",
    "heap bytes-50000": "ready",
    "heap bytes-50001": "too_much_output",
    "heap side-100": "ready",
    "heap side-101": "file_refused",
    "good": "ready",
}
LIMITS = {"max_files": 20, "max_bytes": 50_000, "max_pixels": 10_000}


def test_the_configured_limits_hold_to_the_last_file_and_byte(place: Installation) -> None:
    """Fault 24: one more ends that prompt alone, with its own code; nothing of it is published."""
    place.configure({"media": {"scripts": place.named("by_prompt.py"), "limits": LIMITS}})
    prompts = {place.poet.write(image(words)): words for words in ENDINGS}

    assert place.run().returncode == 1

    for prompt_id, words in prompts.items():
        status, message = place.poet.status(prompt_id)
        expected = ENDINGS[words]
        if expected == "ready":
            assert (words, status, message) == (words, "ready", None)
        else:
            assert (words, status) == (words, "error")
            assert message is not None
            assert message.startswith(f"{expected}: ")
            assert message.endswith(f"\nHint: {FailureCode(expected).hint}")
            assert place.rows(prompt_id) == []
    counts = {words: len(place.rows(prompt_id)) for prompt_id, words in prompts.items()}
    assert counts["heap files-20"] == 20
    place.check()


def test_a_limit_that_is_raised_lets_the_same_prompt_through(place: Installation) -> None:
    """The hint sends a person to the configuration; ``retry`` then does what was asked."""
    scripts = place.named("by_prompt.py")
    place.configure({"media": {"scripts": scripts, "limits": {"max_files": 20}}})
    place.poet.write(image("heap files-21"))
    assert place.run().returncode == 1
    place.configure({"media": {"scripts": scripts, "limits": {"max_files": 21}}})
    assert place.shell.run("retry", "1").returncode == 0
    assert place.run().returncode == 0
    assert place.poet.status(1) == ("ready", None)
    assert len(place.rows(1)) == 21
    place.check()
