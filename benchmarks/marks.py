"""The time and bytes that marking and signing add to a file."""

from __future__ import annotations

import hashlib
import io
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from PIL import Image

from adapters.media_marks.marker import Marker
from adapters.media_marks.signature import Signer, make_test_certificate
from benchmarks.reports import Report
from benchmarks.samples import interleaved
from domain.mark import TRAINED, Mark
from tests import media_samples

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.reports import Trial

_SIDE: Final = 820  # pixels of noise, which take 2 MB as PNG
_SECONDS: Final = 180.0
_MARK: Final = Mark(
    key="1/1/00ff00ff00ff00ff/1",
    source_type=TRAINED,
    made_at=datetime(2026, 1, 6, 21, 30, 45, tzinfo=UTC),
    workflow="flux_portrait.json",
    system="flux1-dev.safetensors, ae.safetensors, clip_l.safetensors",
    seed=str(2**64 - 1),
)
_PLAIN_MS, _SIGNED_MS = 2.0, 20.0
_PLAIN_BYTES, _SIGNED_BYTES = 1_024, 5 * 1_024


def measure(trial: Trial) -> Report:
    """Processor milliseconds of marking one file, compared with its hash, and added bytes."""
    (trial.folder / "signing.pem").write_text(make_test_certificate(2, datetime.now(UTC))[0])
    signer = Signer(trial.folder / "signing.pem", None, ("Media Generator", "1.0"))
    markers = {
        "without a mark": None,
        "marked": Marker("Media Generator 1.0"),
        "marked and signed": Marker("Media Generator 1.0", signer=signer),
    }
    report = Report()
    rows: list[tuple[str, ...]] = []
    added: dict[str, list[float]] = {name: [] for name in markers}
    grown: dict[str, list[int]] = {name: [] for name in markers}
    rounds = trial.choose(101, 15)
    for title, name, content in (
        ("PNG", "a.png", _png()),
        ("MP3, 3 minutes", "a.mp3", media_samples.song("mp3", _SECONDS)),
    ):
        trial.note(f"{title}, {rounds} rounds")
        sizes: dict[str, int] = {}
        turns = {
            variant: _turn(content, trial.folder / name, marker, variant, sizes)
            for variant, marker in markers.items()
        }
        samples = interleaved(rounds, turns, warm_up=1)
        for variant, sample in samples.items():
            more = sample.minus(samples["without a mark"])
            added[variant].append(more.median)
            grown[variant].append(sizes[variant] - len(content))
            rows.append(
                (
                    f"{title} of {len(content) / 1e6:.1f} MB, {variant}",
                    sample.shown(),
                    more.shown(),
                    str(grown[variant][-1]),
                )
            )
    report.table(("", "processor ms", "ms added", "bytes added"), rows)
    for variant, most_ms, most_bytes in (
        ("marked", _PLAIN_MS, _PLAIN_BYTES),
        ("marked and signed", _SIGNED_MS, _SIGNED_BYTES),
    ):
        milliseconds, count = max(added[variant]), max(grown[variant])
        report.verdict(
            f"{variant}: at most {most_ms:g} ms and {most_bytes:,} bytes more",
            f"{milliseconds:.2f} ms and {count:,} bytes",
            met=milliseconds <= most_ms and count <= most_bytes,
        )
    return report


def _turn(
    content: bytes, target: Path, marker: Marker | None, variant: str, sizes: dict[str, int]
) -> Callable[[], float]:
    """A measurement: milliseconds from a verified copy to its hash under its final name."""
    source = target.with_name(".copy")
    format_name = target.suffix[1:]

    def turn() -> float:
        target.unlink(missing_ok=True)
        source.write_bytes(content)
        began = time.process_time()
        if marker is None:
            with source.open("rb") as file:
                hashlib.file_digest(file, "sha256").hexdigest()
            source.rename(target)
        else:
            marked = marker.mark(source, target, format_name, _MARK)
            assert not marked.mark.problem, marked.mark
        taken = time.process_time() - began
        sizes[variant] = target.stat().st_size
        return taken * 1_000

    return turn


def _png() -> bytes:
    """A picture that hardly compresses."""
    bands = [Image.effect_noise((_SIDE, _SIDE), 90) for _ in range(3)]
    file = io.BytesIO()
    Image.merge("RGB", bands).save(file, "PNG", compress_level=1)
    return file.getvalue()
