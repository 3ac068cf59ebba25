"""``mediagen logs``."""

import stat
from pathlib import Path

import pytest

from tests.acceptance.mediagen import Installation, image
from tests.acceptance.mid_render import mid_render

LINES = "loading the model\nSampling:  50%|##5  | 10/20 [00:05<00:05,  2.0it/s]\nsaved"


def log_files(installation: Installation) -> list[Path]:
    """The files of outputs."""
    return list(installation.shell.home.glob("**/mediagen/*/renders/*.log"))


def test_workflow_output_is_shown(installation: Installation) -> None:
    """Without control sequences, and with only the last state of a progress bar."""
    installation.use_scripts("prints_progress.py")
    installation.release()
    installation.poet.write(image("a lake"))
    assert installation.run().returncode == 0
    shown = installation.shell.run("logs", "1")
    assert (shown.returncode, shown.stdout, shown.stderr) == (0, LINES + "\n", "")
    document = installation.shell.json("logs", "1")
    assert document.pop("worker")
    assert document == {"prompt_id": 1, "render_id": 1, "outcome": "published", "output": LINES}
    [file] = log_files(installation)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    installation.check()


def test_each_render_has_its_own_log(installation: Installation) -> None:
    """The newest is the default, --render chooses another, a wrong number is an error."""
    installation.poet.write(image("a lake"))
    installation.use_scripts("fails.py")
    assert installation.run().returncode == 1
    installation.use_scripts("prints_progress.py")
    assert installation.shell.run("retry", "1").returncode == 0
    installation.release()
    assert installation.run().returncode == 0
    newest, first = (
        render["render_id"] for render in installation.shell.json("show", "1")["renders"]
    )
    assert installation.shell.json("logs", "1")["render_id"] == newest
    log = installation.shell.json("logs", "1", "--render", str(first))
    assert (log["render_id"], log["outcome"]) == (first, "failed")
    assert log["output"] not in {None, LINES}
    refused = installation.shell.run("logs", "1", "--render", "99")
    assert refused.returncode == 1
    assert f"no render 99; its newest renders: {newest}, {first}" in refused.stderr


@pytest.mark.slow
def test_following_ends_with_the_render(installation: Installation) -> None:
    """Existing output comes at once, new output as it arrives; it ends with the render."""
    with (
        mid_render(installation, "prints_progress.py") as process,
        installation.started("logs", "1", "--follow") as log,
    ):
        assert log.stdout
        assert log.stdout.readline() == "loading the model\n"
        installation.release()
        rest, errors = log.communicate(timeout=90)
        process.communicate(timeout=90)
    assert rest == LINES.partition("\n")[2] + "\n"
    assert (log.returncode, errors) == (0, "")


def test_missing_logs_are_explained(installation: Installation) -> None:
    """A workflow without output, a prompt never rendered, and an unknown prompt."""
    installation.use_scripts("call_log.py")
    installation.poet.write(image("a lake"), prompt_id=1)
    assert installation.run().returncode == 3  # no files, and no success before
    quiet = installation.shell.run("logs", "1")
    assert (quiet.returncode, quiet.stdout) == (0, "")
    assert "no output of render 2 on this machine" in quiet.stderr
    assert installation.shell.json("logs", "1")["output"] is None
    followed = installation.shell.run("logs", "1", "--follow")
    assert (followed.returncode, followed.stderr) == (0, quiet.stderr)
    assert log_files(installation) == []
    installation.poet.write(image("a sea"), prompt_id=2)
    for prompt_id, word in (("2", "has not been rendered yet"), ("3", "no image or lyrics prompt")):
        refused = installation.shell.run("logs", prompt_id)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert word in refused.stderr


def test_large_output_is_truncated(installation: Installation) -> None:
    """Only the last bytes are kept, up to the configured size."""
    media = {
        "scripts": installation.script_paths("flood.py"),
        "extra_arguments": {"image": ["--megabytes=4"]},
    }
    installation.configure({"media": media, "logging": {"workflow_bytes": 8192}})
    installation.poet.write(image("a lake"))
    assert installation.run().returncode == 0
    assert 4096 <= sum(file.stat().st_size for file in log_files(installation)) <= 8192


def test_following_as_json_is_refused(installation: Installation) -> None:
    """JSON output is a single document."""
    refused = installation.shell.run("logs", "1", "--follow", "--json")
    assert refused.returncode == 2
    assert "--json" in refused.stderr
