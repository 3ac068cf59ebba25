"""``mediagen logs``."""

import stat
from pathlib import Path

from tests.acceptance.mediagen import Installation, image
from tests.acceptance.mid_render import mid_render

LINES = "loading the model\nSampling:  50%|##5  | 10/20 [00:05<00:05,  2.0it/s]\nsaved"


def log_files(place: Installation) -> list[Path]:
    """The files of outputs."""
    return list(place.shell.home.glob("**/mediagen/*/renders/*.log"))


def test_what_the_workflow_printed_is_shown(place: Installation) -> None:
    """Without what a terminal would act on, and of a bar the last state."""
    place.use("chatters.py")
    place.go()
    place.poet.write(image("a lake"))
    assert place.run().returncode == 0
    shown = place.shell.run("logs", "1")
    assert (shown.returncode, shown.stdout, shown.stderr) == (0, LINES + "\n", "")
    document = place.shell.json("logs", "1")
    assert document.pop("worker")
    assert document == {"prompt_id": 1, "render_id": 1, "outcome": "published", "output": LINES}
    [file] = log_files(place)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    place.check()


def test_each_render_has_its_own(place: Installation) -> None:
    """The newest by default, an older one by its number, and a wrong number is named."""
    place.poet.write(image("a lake"))
    place.use("fails.py")
    assert place.run().returncode == 1
    place.use("chatters.py")
    assert place.shell.run("retry", "1").returncode == 0
    place.go()
    assert place.run().returncode == 0
    newest, first = (render["render_id"] for render in place.shell.json("show", "1")["renders"])
    assert place.shell.json("logs", "1")["render_id"] == newest
    told = place.shell.json("logs", "1", "--render", str(first))
    assert (told["render_id"], told["outcome"]) == (first, "failed")
    assert told["output"] not in {None, LINES}
    refused = place.shell.run("logs", "1", "--render", "99")
    assert refused.returncode == 1
    assert f"no render 99; its newest renders: {newest}, {first}" in refused.stderr


def test_following_ends_with_the_render(place: Installation) -> None:
    """What is there comes at once, what comes is printed, and then it ends by itself."""
    with mid_render(place, "chatters.py") as process, place.started("logs", "1", "--follow") as log:
        assert log.stdout
        assert log.stdout.readline() == "loading the model\n"
        place.go()
        rest, errors = log.communicate(timeout=90)
        process.communicate(timeout=90)
    assert rest == LINES.partition("\n")[2] + "\n"
    assert (log.returncode, errors) == (0, "")


def test_it_says_clearly_when_there_is_none(place: Installation) -> None:
    """A quiet workflow, a prompt that was never rendered, and one that is not there."""
    place.use("asked.py")
    place.poet.write(image("a lake"), prompt_id=1)
    assert place.run().returncode == 3  # no files, and no success before
    quiet = place.shell.run("logs", "1")
    assert (quiet.returncode, quiet.stdout) == (0, "")
    assert "no output of render 2 on this machine" in quiet.stderr
    assert place.shell.json("logs", "1")["output"] is None
    followed = place.shell.run("logs", "1", "--follow")
    assert (followed.returncode, followed.stderr) == (0, quiet.stderr)
    assert log_files(place) == []
    place.poet.write(image("a sea"), prompt_id=2)
    for prompt_id, word in (("2", "has not been rendered yet"), ("3", "no image or lyrics prompt")):
        refused = place.shell.run("logs", prompt_id)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert word in refused.stderr


def test_a_flood_is_kept_within_its_bounds(place: Installation) -> None:
    """The last bytes, never more than the setting says."""
    media = {"scripts": place.named("flood.py"), "extra_arguments": {"image": ["--megabytes=4"]}}
    place.configure({"media": media, "logging": {"workflow_bytes": 8192}})
    place.poet.write(image("a lake"))
    assert place.run().returncode == 0
    assert 4096 <= sum(file.stat().st_size for file in log_files(place)) <= 8192


def test_following_as_json_is_refused(place: Installation) -> None:
    """A document is printed once."""
    refused = place.shell.run("logs", "1", "--follow", "--json")
    assert refused.returncode == 2
    assert "--json" in refused.stderr
