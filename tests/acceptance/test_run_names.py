"""Files and folders that would get the same name."""

import unicodedata

from tests.acceptance.mediagen import Installation, image


def test_names_that_some_file_systems_confuse_overwrite_nothing(place: Installation) -> None:
    """Fault 25: by case or by Unicode form; every picture has a row and a name of its own."""
    place.use("namesakes.py")
    place.poet.write(image("a lake"))
    assert place.run().returncode == 0
    rows = place.rows(1)
    names = [row["file_path"].rpartition("/")[2] for row in rows]
    assert len(names) == 7
    assert len({unicodedata.normalize("NFC", name.casefold()) for name in names}) == 7
    assert all(unicodedata.is_normalized("NFC", name) for name in names)
    assert sorted(row["metadata"]["width"] for row in rows) == list(range(65, 72))
    place.check()
