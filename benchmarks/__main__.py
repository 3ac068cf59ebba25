"""Run benchmarks, print the results, and optionally write them into the document."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import (
    affinity,
    claim,
    conversion,
    endurance,
    flat,
    gallery,
    idle,
    large_pictures,
    long_lists,
    marks,
    media,
    memory,
    overhead,
    overlap,
    page,
    peers,
    pickup,
    postgres,
    postgres_daemons,
    scaleout,
    search,
    server,
    slots,
    startup,
    throughput,
    warm,
)
from benchmarks.document import DocumentError, rewritten
from benchmarks.machine import description
from benchmarks.reports import Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.reports import Report

BENCHMARKS: dict[str, Callable[[Trial], Report]] = {
    "overhead": overhead.measure,
    "overlap": overlap.measure,
    "queue": throughput.measure,
    "claim": claim.measure,
    "postgres": postgres.measure,
    "postgres-daemons": postgres_daemons.measure,
    "startup": startup.measure,
    "conversion": conversion.measure,
    "memory": memory.measure,
    "large_pictures": large_pictures.measure,
    "marks": marks.measure,
    "warm": warm.measure,
    "server": server.measure,
    "pickup": pickup.measure,
    "idle": idle.measure,
    "slots": slots.measure,
    "scaleout": scaleout.measure,
    "affinity": affinity.measure,
    "endurance": endurance.measure,
    "gallery": gallery.measure,
    "flat": flat.measure,
    "search": search.measure,
    "media": media.measure,
    "peers": peers.measure,
    "page": page.measure,
    "long_lists": long_lists.measure,
}
_ROOT = Path(__file__).resolve().parent.parent
_DOCUMENT = _ROOT / "docs" / "performance.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks that were named, or all; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--quick", action="store_true", help="rough figures in a minute")
    parser.add_argument(
        "--write", action="store_true", help=f"put the figures into docs/{_DOCUMENT.name}"
    )
    asked = parser.parse_args(arguments)
    if unknown := [name for name in asked.names if name not in BENCHMARKS]:
        parser.error(f"there is no benchmark {unknown[0]!r}; there are {', '.join(BENCHMARKS)}")
    if asked.quick and asked.write:
        parser.error("rough figures do not go into the document; leave out --quick or --write")
    began = time.monotonic()
    for name in asked.names or BENCHMARKS:
        markdown = _run(name, quick=asked.quick)
        if asked.write and not _write(name, markdown):
            return 1
    print(f"{time.monotonic() - began:.0f} s in all")
    return 0


def _run(name: str, *, quick: bool) -> str:
    print(f"\n## {name}\n", flush=True)
    # On the volume of the working tree, since the one for temporary files may be in memory.
    place = _ROOT / "build"
    place.mkdir(exist_ok=True)
    head = description(place)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-", dir=place) as folder:
        report = BENCHMARKS[name](Trial(Path(folder), quick=quick))
    markdown = f"{head}\n\n{report.markdown()}"
    print(f"\n{markdown}\n\n({time.monotonic() - began:.0f} s)", flush=True)
    return markdown


def _write(name: str, markdown: str) -> bool:
    try:
        text = rewritten(_DOCUMENT.read_text("utf-8"), {name: markdown})
    except (OSError, DocumentError) as error:
        print(f"docs/{_DOCUMENT.name} was left as it is: {error}", file=sys.stderr)
        return False
    _DOCUMENT.write_text(text, "utf-8")
    return True


if __name__ == "__main__":
    sys.exit(main())
