"""Misbehaving scripts and broken files, through the whole program."""

import time
from contextlib import suppress

import psutil
import pytest

from domain.failure import FailureCode
from tests.acceptance.mediagen import Installation, image, song, wait_until
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
# What the script does, and the outcome of its prompt: a code, or "ready".
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
    "copies_sample hard_link.png": "file_refused",
    "copies_sample huge.png": "too_much_output",
    "copies_sample huge_in_pixels.png": "file_refused",
    "copies_sample polyglot.png": "file_refused",
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
    "copies_sample half.mp3": "file_broken",
    "copies_sample short.mp3": "file_broken",
    "copies_sample text.mp3": "file_broken",
    "copies_sample empty.mp3": "file_broken",
    "bad_file half": "no_files",  # a picture is no song
    "audio_workflow": "ready",
}


def add_pictures(installation: Installation, *prompts: str) -> dict[str, int]:
    """Add pictures whose prompts name scripts; returns the ids, oldest first."""
    return {prompt: installation.poet.write(image(prompt)) for prompt in prompts}


def use_dispatch(installation: Installation, **comfyui: object) -> None:
    """Configure scripts that do what the prompt says; killed ones are retried soon."""
    installation.configure(
        {
            "media": {"scripts": installation.script_paths("dispatch.py", "dispatch.py")},
            "comfyui": comfyui,
            "retry": {"base_seconds": 0.2},
        }
    )


def check_ended(installation: Installation, prompt_id: int, expected: str) -> None:
    """A prompt is ready, or in error with its code and hint and without a row."""
    status, message = installation.poet.status(prompt_id)
    if expected == "ready":
        assert (status, message) == ("ready", None)
        assert installation.rows(prompt_id)
        return
    assert status == "error"
    assert message
    assert message.startswith(f"{expected}: ")
    assert message.endswith(f"\nHint: {FailureCode(expected).hint}")
    assert not installation.rows(prompt_id)


@pytest.mark.slow
def test_each_fault_fails_its_own_prompt_and_no_other(installation: Installation) -> None:
    """Every fault has its code and hint; valid prompts are rendered; nothing is left."""
    use_dispatch(installation)
    samples = installation.comfyui / "samples"
    samples.mkdir()
    for name, content in LEAVINGS.items():
        (samples / name).write_bytes(content)
    pictures = add_pictures(installation, *PICTURES)
    expected = {pictures[words]: ending for words, ending in PICTURES.items()}
    for words, ending in SONGS.items():
        expected[installation.poet.write(song(words), prompt_type="lyrics_prompt")] = ending

    ended = installation.run()

    assert ended.returncode == 1
    ready = list(expected.values()).count("ready")
    assert f"{ready} ready, {len(expected) - ready} in error" in ended.stdout
    for prompt_id, ending in expected.items():
        check_ended(installation, prompt_id, ending)
    installation.check()


def test_a_workflows_error_output_is_kept_and_escaped(installation: Installation) -> None:
    """The message contains the end of stderr, as text that is safe on terminals and pages."""
    use_dispatch(installation)
    prompts = add_pictures(installation, "exits 7", "fails", "invalid_utf8", "killed")
    assert installation.run().returncode == 1
    messages = {
        prompt: installation.poet.status(number)[1] or "" for prompt, number in prompts.items()
    }
    assert "exit code 7" in messages["exits 7"]
    assert "about to end" in messages["exits 7"]
    assert "ValueError: the sampler met a NaN" in messages["fails"]
    assert "last words" in messages["invalid_utf8"]
    assert "\0" not in messages["invalid_utf8"]
    assert "SIGKILL" in messages["killed"]
    installation.check()


@pytest.mark.slow
def test_hanging_scripts_are_stopped_with_all_their_children(installation: Installation) -> None:
    """By time limit and stall limit, also if they ignore SIGTERM."""
    use_dispatch(installation, timeout_seconds=6, stall_seconds=3, grace_seconds=0.5)
    prompts = add_pictures(
        installation, "never_ends", "hangs", "ignores_sigterm", "grandchild_hangs", "good"
    )
    assert installation.run().returncode == 1
    endings = dict(zip(prompts, ["timed_out", *["stalled"] * 3, "ready"], strict=True))
    for prompt, ending in endings.items():
        check_ended(installation, prompts[prompt], ending)
    installation.check()


def test_a_process_outside_the_group_cannot_change_published_files(
    installation: Installation,
) -> None:
    """The published file is a copy; the process writes to the old file."""
    use_dispatch(installation)
    add_pictures(installation, "overwrites_published")
    assert installation.run().returncode == 0
    wait_until(lambda: not installation.processes())
    assert len(installation.published()) == 1
    installation.check()


def test_nothing_outside_the_output_folder_is_read_or_changed(installation: Installation) -> None:
    """A link to another file is refused, and the file stays unchanged."""
    use_dispatch(installation)
    samples = installation.comfyui / "samples"
    samples.mkdir()
    (samples / "whole.png").write_bytes(png())
    add_pictures(installation, "copies_sample hard_link.png", "bad_file link")
    before = (samples / "whole.png").stat()
    assert installation.run().returncode == 1
    after = (samples / "whole.png").stat()
    assert (samples / "whole.png").read_bytes() == png()
    assert (after.st_nlink, after.st_mode, after.st_uid) == (1, before.st_mode, before.st_uid)
    installation.check()


@pytest.mark.parametrize(
    "script", mostly_slow(["no_comfy", "out_of_memory", "connection_refused"], "out_of_memory")
)
def test_a_prompt_that_breaks_the_environment_is_charged(
    installation: Installation, script: str
) -> None:
    """Since another prompt succeeds, the environment works, and the run continues to its end."""
    use_dispatch(installation)
    prompts = add_pictures(installation, script, "good", "image_workflow")
    assert installation.run().returncode == 1
    code = "comfyui_import" if script == "no_comfy" else script
    check_ended(installation, prompts[script], code)
    check_ended(installation, prompts["good"], "ready")
    check_ended(installation, prompts["image_workflow"], "ready")
    installation.check()


@pytest.mark.slow
def test_memory_stays_flat_while_a_script_floods(installation: Installation) -> None:
    """Hundreds of megabytes on both streams use no memory, and the render succeeds."""
    use_dispatch(installation)
    add_pictures(installation, "flood 100")
    most = (
        0  # measured while it runs: Linux counts this process's own size as a peak of its programs
    )
    with installation.started("run") as process:  # its few lines fit into the pipes
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            with suppress(psutil.Error):
                most = max(most, watched.memory_info().rss)
            time.sleep(0.01)
    assert 0 < most < 200 * 2**20
    check_ended(installation, 1, "ready")
    installation.check()
