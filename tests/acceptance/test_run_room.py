"""No room: nothing is claimed below the floor, and the queue goes on once there is room."""

from tests.acceptance.mediagen import Installation, image

_MORE_THAN_ANYBODY_HAS = 2**60


def test_below_the_floor_nothing_is_claimed(place: Installation) -> None:
    """The volume, its room, the floor and the setting are told; the prompt is not touched."""
    place.poet.write(image("a lake"))
    place.configure({"media": {"limits": {"min_free_bytes": _MORE_THAN_ANYBODY_HAS}}})
    ended = place.run()
    assert ended.returncode == 3
    for part in (str(place.root), "1.0 EiB", "media.limits.min_free_bytes", "disk_full"):
        assert part in ended.stdout + ended.stderr
    assert place.statuses() == {1: "pending"}
    assert place.poet.execute("SELECT count(*) FROM media_generator_renders") == [(0,)]


def test_with_room_it_goes_on_by_itself(place: Installation) -> None:
    """Nobody has to resume what the environment stopped."""
    place.poet.write(image("a lake"))
    place.configure({"media": {"limits": {"min_free_bytes": _MORE_THAN_ANYBODY_HAS}}})
    assert place.run().returncode == 3
    place.configure({"media": {"limits": {"min_free_bytes": 0}}})
    assert place.run().returncode == 0
    assert place.statuses() == {1: "ready"}


def test_the_doctor_shows_the_room_of_both_volumes(place: Installation) -> None:
    """Each with the floor below which claims pause."""
    ended = place.shell.run("doctor")
    lines = [line for line in ended.stdout.splitlines() if "free space" in line]
    assert len(lines) == 2
    assert all("256.0 MiB (media.limits.min_free_bytes)" in line for line in lines)
