"""Low disk space: nothing is claimed below the minimum, and rendering resumes above it."""

from tests.acceptance.mediagen import Installation, image

_MORE_THAN_ANYBODY_HAS = 2**60


def test_below_the_minimum_nothing_is_claimed(installation: Installation) -> None:
    """Volume, free space, minimum and setting are named; the prompt is unchanged."""
    installation.poet.write(image("a lake"))
    installation.configure({"media": {"limits": {"min_free_bytes": _MORE_THAN_ANYBODY_HAS}}})
    ended = installation.run()
    assert ended.returncode == 3
    for part in (str(installation.root), "1.0 EiB", "media.limits.min_free_bytes", "disk_full"):
        assert part in ended.stdout + ended.stderr
    assert installation.statuses() == {1: "pending"}
    assert installation.poet.execute("SELECT count(*) FROM media_generator_renders") == [(0,)]


def test_rendering_resumes_once_there_is_space(installation: Installation) -> None:
    """Pauses by the environment need no manual resume."""
    installation.poet.write(image("a lake"))
    installation.configure({"media": {"limits": {"min_free_bytes": _MORE_THAN_ANYBODY_HAS}}})
    assert installation.run().returncode == 3
    installation.configure({"media": {"limits": {"min_free_bytes": 0}}})
    assert installation.run().returncode == 0
    assert installation.statuses() == {1: "ready"}


def test_the_doctor_shows_the_free_space_of_both_volumes(installation: Installation) -> None:
    """Each with the minimum below which claims pause."""
    ended = installation.shell.run("doctor")
    lines = [line for line in ended.stdout.splitlines() if "free space" in line]
    assert len(lines) == 2
    assert all("256.0 MiB (media.limits.min_free_bytes)" in line for line in lines)
