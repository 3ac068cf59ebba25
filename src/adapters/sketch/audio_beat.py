"""What the drummer does in one bar, in any metre: hits on steps."""

from collections.abc import Callable
from dataclasses import dataclass

from adapters.sketch.audio_metre import Metre


@dataclass(frozen=True, slots=True)
class Hit:
    """One stroke on one drum (a name that `audio_drums` knows)."""

    step: int
    """Within the bar."""
    drum: str
    level: float


Beat = Callable[[Metre], list[Hit]]


def _beats(metre: Metre) -> range:
    return range(0, metre.bar, metre.steps_per_beat)


def _eighths(metre: Metre, drum: str, level: float) -> list[Hit]:
    return [
        Hit(at, drum, level * (0.6 + 0.4 * metre.strength(at))) for at in range(0, metre.bar, 2)
    ]


def _backbeats(metre: Metre) -> list[int]:
    """Give beats two and four; in three time two and three, softly a waltz; in 6/8 the second."""
    beats = list(_beats(metre))
    return beats[1:] if metre.beats == 3 else beats[1::2]  # noqa: PLR2004 - a waltz


def _backbeat(metre: Metre) -> list[Hit]:
    soft = 0.5 if metre.beats == 3 else 0.9  # noqa: PLR2004 - a waltz
    kicks = [at for at in _beats(metre) if at not in _backbeats(metre)]
    return [
        *(Hit(at, "kick", 0.9) for at in kicks),
        *(Hit(at, "snare", soft) for at in _backbeats(metre)),
        *_eighths(metre, "hat", 0.5),
    ]


def _rock(metre: Metre) -> list[Hit]:
    half = metre.steps_per_beat // 2
    extra = [Hit(metre.bar // 2 + half, "kick", 0.8)] if metre.beats % 2 == 0 else []
    return [*_backbeat(metre), *extra]


def _four_floor(metre: Metre) -> list[Hit]:
    half = metre.steps_per_beat // 2
    return [
        *(Hit(at, "kick", 1.0) for at in _beats(metre)),
        *(Hit(at, "clap", 0.6) for at in _backbeats(metre)),
        *(Hit(at + half, "open_hat", 0.55) for at in _beats(metre)),
        *(Hit(at, "hat", 0.25) for at in range(metre.bar)),
    ]


def _ride(metre: Metre) -> list[Hit]:
    half = metre.steps_per_beat // 2
    skips = [at + half for at in _backbeats(metre)]
    return [
        *(Hit(at, "ride", 0.6) for at in _beats(metre)),
        *(Hit(at, "ride", 0.4) for at in skips),
        *(Hit(at, "hat", 0.5) for at in _backbeats(metre)),
        Hit(0, "kick", 0.35),
        *(Hit(at, "brush", 0.5) for at in _beats(metre)),
    ]


def _shuffle(metre: Metre) -> list[Hit]:
    return [*_backbeat(metre), *_eighths(metre, "ride", 0.35)]


def _boom_bap(metre: Metre) -> list[Hit]:
    half = metre.steps_per_beat // 2
    late = metre.bar // 2 + half
    return [
        Hit(0, "kick", 1.0),
        Hit(metre.steps_per_beat + half, "kick", 0.6),
        *([Hit(late, "kick", 0.85)] if metre.beats > 2 else []),  # noqa: PLR2004
        *(Hit(at, "snare", 0.9) for at in _backbeats(metre)),
        *_eighths(metre, "hat", 0.5),
        Hit(metre.bar - 1, "hat", 0.3),
    ]


def _train(metre: Metre) -> list[Hit]:
    brushes = [
        Hit(at, "brush", 0.75 if at in _backbeats(metre) else 0.35) for at in range(metre.bar)
    ]
    return [*(Hit(at, "kick", 0.6) for at in _beats(metre)), *brushes]


def _shaker(metre: Metre) -> list[Hit]:
    kicks = [Hit(at, "soft_kick", 0.6) for at in _beats(metre) if at not in _backbeats(metre)]
    return [*kicks, *_eighths(metre, "shaker", 0.5)]


def _one_drop(metre: Metre) -> list[Hit]:
    late = metre.bar // 2
    drop = [Hit(late, "kick", 0.95), Hit(late, "rim", 0.7)]
    return [*drop, *_eighths(metre, "hat", 0.45)]


def _bossa(metre: Metre) -> list[Hit]:
    rims = [Hit(at, "rim", 0.5) for at in (0, 3, 6, 10, 13) if at < metre.bar]
    kicks = [Hit(at, "soft_kick", 0.6) for at in _beats(metre)]
    return [*rims, *kicks, *_eighths(metre, "shaker", 0.4)]


def fill(metre: Metre) -> list[Hit]:
    """Give the last beat of a section: down the toms into the next one."""
    start, stop = metre.bar - metre.steps_per_beat, metre.bar
    drums = ("snare", "snare", "tom", "tom", "floor_tom", "floor_tom")
    return [Hit(at, drums[at - start], 0.6 + 0.06 * (at - start)) for at in range(start, stop)]


BEATS: dict[str, Beat] = {
    "backbeat": _backbeat, "rock": _rock, "four_floor": _four_floor, "ride": _ride,
    "shuffle": _shuffle, "boom_bap": _boom_bap, "train": _train, "shaker": _shaker,
    "one_drop": _one_drop, "bossa": _bossa,
}  # fmt: skip
