"""Scripts that misbehave and files that are broken, through the whole program."""

import time
from contextlib import suppress

import psutil
import pytest

from domain.failure import FailureCode
from tests.acceptance.mediagen import Installation, image, song, until
from tests.media_samples import mp3, png, png_of_size
from tests.slow_cases import mostly_slow

HALF_A_SONG = mp3()[: len(mp3()) // 2 + 50]
LEAVINGS = {
    "whole.png": png(),
    "huge_in_pixels.png": png_of_size(60_000, 60_000),
    "polyglot.png": png() + b"<script>alert(1)</script>",
    "half.mp3": HALF_A_SONG,
    "short.mp3": mp3()[:-1],
    "text.mp3": b"la la la",
    "empty.mp3": b"",
}
# What the script does, and how its prompt ends: a code, or "ready".
PICTURES = {
    "bad_file half": "file_broken",
    "bad_file short": "file_broken",
    "bad_file empty": "file_broken",
    "bad_file text": "file_broken",
    "bad_file beside": "file_broken",
    "bad_file link": "file_refused",
    "bad_file fifo": "file_refused",
    "bad_file many": "too_much_output",
    "image_workflow": "ready",
    "leaves hard_link.png": "file_refused",
    "leaves huge.png": "too_much_output",
    "leaves huge_in_pixels.png": "file_refused",
    "leaves polyglot.png": "file_refused",
    "flood 4": "ready",
    "invalid_utf8": "workflow_failed",
    "grandchild_holds_pipe": "ready",
    "no_files": "no_files",
    "fails": "workflow_failed",
    "exits 3": "workflow_failed",
    "killed": "workflow_killed",
    "good": "ready",
}
SONGS = {
    "leaves half.mp3": "file_broken",
    "leaves short.mp3": "file_broken",
    "leaves text.mp3": "file_broken",
    "leaves empty.mp3": "file_broken",
    "bad_file half": "no_files",  # a picture is no song
    "audio_workflow": "ready",
}


def ask(place: Installation, *prompts: str) -> dict[str, int]:
    """Pending pictures whose prompts name scripts, oldest first."""
    return {prompt: place.poet.write(image(prompt)) for prompt in prompts}


def dispatching(place: Installation, **comfyui: object) -> None:
    """Configure scripts that do as the prompt says; what is killed is tried again soon."""
    place.configure(
        {
            "media": {"scripts": place.named("by_prompt.py", "by_prompt.py")},
            "comfyui": comfyui,
            "retry": {"base_seconds": 0.2},
        }
    )


def check_ended(place: Installation, prompt_id: int, expected: str) -> None:
    """A prompt is ready, or in error with its code and hint and without a row."""
    status, message = place.poet.status(prompt_id)
    if expected == "ready":
        assert (status, message) == ("ready", None)
        assert place.rows(prompt_id)
        return
    assert status == "error"
    assert message
    assert message.startswith(f"{expected}: ")
    assert message.endswith(f"\nHint: {FailureCode(expected).hint}")
    assert not place.rows(prompt_id)


def test_each_fault_ends_its_own_prompt_and_no_other(place: Installation) -> None:
    """Every fault has its code and hint; what is good beside it is rendered; nothing is left."""
    dispatching(place)
    leavings = place.comfyui / "leavings"
    leavings.mkdir()
    for name, content in LEAVINGS.items():
        (leavings / name).write_bytes(content)
    pictures = ask(place, *PICTURES)
    expected = {pictures[words]: ending for words, ending in PICTURES.items()}
    for words, ending in SONGS.items():
        expected[place.poet.write(song(words), prompt_type="lyrics_prompt")] = ending

    ended = place.run()

    assert ended.returncode == 1
    ready = list(expected.values()).count("ready")
    assert f"{ready} ready, {len(expected) - ready} in error" in ended.stdout
    for prompt_id, ending in expected.items():
        check_ended(place, prompt_id, ending)
    place.check()


def test_a_workflows_last_words_are_kept_and_cannot_act(place: Installation) -> None:
    """The message carries the end of stderr, as text that a terminal and a page can show."""
    dispatching(place)
    asked = ask(place, "exits 7", "fails", "invalid_utf8", "killed")
    assert place.run().returncode == 1
    messages = {prompt: place.poet.status(number)[1] or "" for prompt, number in asked.items()}
    assert "exit code 7" in messages["exits 7"]
    assert "about to end" in messages["exits 7"]
    assert "ValueError: the sampler met a NaN" in messages["fails"]
    assert "last words" in messages["invalid_utf8"]
    assert "\0" not in messages["invalid_utf8"]
    assert "SIGKILL" in messages["killed"]
    place.check()


@pytest.mark.slow
def test_scripts_that_hang_are_stopped_with_all_their_children(place: Installation) -> None:
    """Time limit and stall limit hold, also for those that ignore SIGTERM."""
    dispatching(place, timeout_seconds=6, stall_seconds=3, grace_seconds=0.5)
    asked = ask(place, "never_ends", "hangs", "ignores_sigterm", "grandchild_hangs", "good")
    assert place.run().returncode == 1
    endings = dict(zip(asked, ["timed_out", *["stalled"] * 3, "ready"], strict=True))
    for prompt, ending in endings.items():
        check_ended(place, asked[prompt], ending)
    place.check()


def test_a_process_that_left_the_group_cannot_change_what_is_published(
    place: Installation,
) -> None:
    """What is published is a copy of its own; the vandal works on the old file."""
    dispatching(place)
    ask(place, "vandal")
    assert place.run().returncode == 0
    until(lambda: not place.processes())
    assert len(place.published()) == 1
    place.check()


def test_nothing_outside_the_output_folder_is_read_or_changed(place: Installation) -> None:
    """A link to a file of others is refused, and the file stays as it is."""
    dispatching(place)
    leavings = place.comfyui / "leavings"
    leavings.mkdir()
    (leavings / "whole.png").write_bytes(png())
    ask(place, "leaves hard_link.png", "bad_file link")
    before = (leavings / "whole.png").stat()
    assert place.run().returncode == 1
    after = (leavings / "whole.png").stat()
    assert (leavings / "whole.png").read_bytes() == png()
    assert (after.st_nlink, after.st_mode, after.st_uid) == (1, before.st_mode, before.st_uid)
    place.check()


@pytest.mark.parametrize(
    "script", mostly_slow(["no_comfy", "out_of_memory", "connection_refused"], "out_of_memory")
)
def test_one_prompt_that_breaks_the_environment_is_charged_itself(
    place: Installation, script: str
) -> None:
    """Where another prompt succeeds, the environment is fine: the queue goes on to its end."""
    dispatching(place)
    asked = ask(place, script, "good", "image_workflow")
    assert place.run().returncode == 1
    code = "comfyui_import" if script == "no_comfy" else script
    check_ended(place, asked[script], code)
    check_ended(place, asked["good"], "ready")
    check_ended(place, asked["image_workflow"], "ready")
    place.check()


@pytest.mark.slow
def test_memory_stays_flat_while_a_script_floods(place: Installation) -> None:
    """Hundreds of megabytes on both streams cost neither memory nor the render."""
    dispatching(place)
    ask(place, "flood 100")
    most = 0  # looked at while it runs: Linux counts our own size as a peak of its programs
    with place.started("run") as process:  # its few lines fit into the pipes
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            with suppress(psutil.Error):
                most = max(most, watched.memory_info().rss)
            time.sleep(0.01)
    assert 0 < most < 200 * 2**20
    check_ended(place, 1, "ready")
    place.check()
