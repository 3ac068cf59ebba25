"""Makes its picture, and creates every folder that Media Generator could publish it in."""

from datetime import datetime, timedelta, timezone
from importlib import import_module
from pathlib import Path

good = import_module("good")
output = good.parse().output
now = datetime.now(timezone.utc)  # noqa: UP017 - for Python 3.9 too
for seconds in range(20):
    stamp = f"{now - timedelta(seconds=seconds):%Y%m%dT%H%M%S}"
    folder = Path("output/poets/image") / f"1_{stamp}"
    folder.mkdir(parents=True)
    if seconds % 2:
        (folder / "generated_image_001.png").write_bytes(b"another program's")
good.write_media(output)
