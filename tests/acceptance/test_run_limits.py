"""Limits on one render's output (``media.limits``), through the whole program."""

from domain.failure import FailureCode
from tests.acceptance.mediagen import Installation, image

# The script's output, and the outcome of its prompt with limits of 20 files, 50 kB, 10,000 px.
ENDINGS = {
    "many_outputs files-20": "ready",
    "many_outputs files-21": "too_much_output",
    "many_outputs bytes-50000": "ready",
    "many_outputs bytes-50001": "too_much_output",
    "many_outputs side-100": "ready",
    "many_outputs side-101": "file_refused",
    "good": "ready",
}
LIMITS = {"max_files": 20, "max_bytes": 50_000, "max_pixels": 10_000}


def test_the_limits_are_exact_to_the_last_file_and_byte(installation: Installation) -> None:
    """One more fails that prompt alone, with its own code; nothing of it is published."""
    installation.configure(
        {"media": {"scripts": installation.script_paths("dispatch.py"), "limits": LIMITS}}
    )
    prompts = {installation.poet.write(image(words)): words for words in ENDINGS}

    assert installation.run().returncode == 1

    for prompt_id, words in prompts.items():
        status, message = installation.poet.status(prompt_id)
        expected = ENDINGS[words]
        if expected == "ready":
            assert (words, status, message) == (words, "ready", None)
        else:
            assert (words, status) == (words, "error")
            assert message is not None
            assert message.startswith(f"{expected}: ")
            assert message.endswith(f"\nHint: {FailureCode(expected).hint}")
            assert installation.rows(prompt_id) == []
    counts = {words: len(installation.rows(prompt_id)) for prompt_id, words in prompts.items()}
    assert counts["many_outputs files-20"] == 20
    installation.check()


def test_a_raised_limit_lets_the_same_prompt_succeed(installation: Installation) -> None:
    """The hint names the setting; ``retry`` then renders the prompt."""
    scripts = installation.script_paths("dispatch.py")
    installation.configure({"media": {"scripts": scripts, "limits": {"max_files": 20}}})
    installation.poet.write(image("many_outputs files-21"))
    assert installation.run().returncode == 1
    installation.configure({"media": {"scripts": scripts, "limits": {"max_files": 21}}})
    assert installation.shell.run("retry", "1").returncode == 0
    assert installation.run().returncode == 0
    assert installation.poet.status(1) == ("ready", None)
    assert len(installation.rows(1)) == 21
    installation.check()
