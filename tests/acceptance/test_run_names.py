"""Files and folders whose names collide."""

import unicodedata

from tests.acceptance.mediagen import Installation, image


def test_colliding_names_overwrite_nothing(installation: Installation) -> None:
    """By case or Unicode form; every picture has its own row and name."""
    installation.use_scripts("colliding_names.py")
    installation.poet.write(image("a lake"))
    assert installation.run().returncode == 0
    rows = installation.rows(1)
    names = [row["file_path"].rpartition("/")[2] for row in rows]
    assert len(names) == 7
    assert len({unicodedata.normalize("NFC", name.casefold()) for name in names}) == 7
    assert all(unicodedata.is_normalized("NFC", name) for name in names)
    assert sorted(row["metadata"]["width"] for row in rows) == list(range(65, 72))
    installation.check()
