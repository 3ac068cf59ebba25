"""Metre: tempo and time signature as written, to a grid of steps with times in seconds."""

import re
from dataclasses import dataclass

_TEMPO_WORDS = {
    "very slow": 54, "slow": 68, "largo": 52, "lento": 56, "adagio": 66, "ballad": 70,
    "relaxed": 80, "laid-back": 80, "gentle": 78, "andante": 84, "mid-tempo": 100, "midtempo": 100,
    "medium": 100, "moderate": 98, "moderato": 100, "steady": 100, "walking": 88, "lively": 124,
    "upbeat": 122, "brisk": 128, "allegro": 130, "driving": 136, "energetic": 136, "fast": 144,
    "quick": 140, "vivace": 156, "very fast": 168, "presto": 172, "frantic": 180,
}  # fmt: skip
_SLOWEST, _FASTEST = 40.0, 220.0
_PLAIN = 4  # steps in a beat that divides by two twice
_COMPOUND = 6  # steps in a dotted beat


@dataclass(frozen=True, slots=True)
class Metre:
    """A grid: `steps_per_beat` steps to each of `beats` beats of a bar, `bpm` beats a minute."""

    beats: int
    steps_per_beat: int
    bpm: float
    swing: float = 0.5
    """Where the second half of a beat begins: 0.5 straight, 0.67 triplet swing."""

    @property
    def bar(self) -> int:
        """Steps in a bar."""
        return self.beats * self.steps_per_beat

    @property
    def step_seconds(self) -> float:
        """Mean seconds of one step."""
        return 60.0 / self.bpm / self.steps_per_beat

    def seconds_at(self, step: float) -> float:
        """Give the time in seconds, from the song's beginning, at which `step` sounds."""
        beat, inside = divmod(step / self.steps_per_beat, 1.0)
        late = inside * 2 * self.swing
        if inside >= 0.5:  # noqa: PLR2004 - the beat's second half
            late = self.swing + (inside - 0.5) * 2 * (1 - self.swing)
        return (beat + late) * 60.0 / self.bpm

    def strength(self, step: int) -> float:
        """Give how strong a place in the bar is, 1 (first beat) to 0.05 (between everything)."""
        inside = step % self.bar
        if inside == 0:
            return 1.0
        if inside % self.steps_per_beat == 0:
            return 0.8 if self.beats % 2 == 0 and inside * 2 == self.bar else 0.65
        return 0.35 if inside % 2 == 0 else 0.05


def parse_tempo(text: str) -> float | None:
    """Give beats a minute, 40..220, from "120 BPM", "slow", "moderate to fast"; None if none."""
    number = re.search(r"\d{1,4}(?:\.\d{1,3})?", text)
    if number:
        return min(max(float(number.group()), _SLOWEST), _FASTEST)
    lowered, found = text.lower(), list[int]()
    for word in sorted(_TEMPO_WORDS, key=len, reverse=True):
        if word in lowered:
            found.append(_TEMPO_WORDS[word])
            lowered = lowered.replace(word, " ")
    return sum(found) / len(found) if found else None


def parse_metre(signature: str, bpm: float, swing: float) -> Metre:
    """Read "3/4", "6/8" and so on; what is no time signature counts as 4/4."""
    match = re.search(r"(\d{1,2})\s*/\s*(\d{1,2})", signature)
    over, under = (int(match[1]), int(match[2])) if match else (4, 4)
    if not 2 <= over <= 12 or under not in {2, 4, 8, 16}:  # noqa: PLR2004 - what can be counted
        over, under = 4, 4
    if under in {8, 16} and over % 3 == 0 and over > 3:  # noqa: PLR2004 - beats of three
        return Metre(over // 3, _COMPOUND, bpm * (0.72 if over > 6 else 0.62), 0.5)  # noqa: PLR2004
    if under in {8, 16}:
        return Metre(over, 2, min(bpm * 2, _FASTEST * 2), 0.5)
    return Metre(over, _PLAIN, bpm, swing)
