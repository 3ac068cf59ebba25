"""A composition follows its lyrics: form, rhythm, key, repetition."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sketch.audio.composition import compose
from sketch.audio.lyrics import sections_of
from sketch.audio.score import Score, Wishes, manner_of

LYRICS = """[VERSE]
Steam ascends from the porcelain rim
Curling like thoughts in the morning dim

[CHORUS]
Coffee brews and the hours slow down
I am a ghost in a waking town

[VERSE]
The spoon goes round in a silver sea
Tracing the shape of what used to be

[CHORUS]
Coffee brews and the hours slow down
I am a ghost in a waking town
"""


def _score(lyrics: str = LYRICS, seed: int = 1, seconds: float = 50.0, **style: str) -> Score:
    return compose(sections_of(lyrics), manner_of(Wishes(**style), seed), seed, seconds)


def _sung(score: Score, part: int) -> list[tuple[int, float]]:
    place = score.form.parts[part]
    return [
        (note.step - place.start, note.pitch)
        for note in score.melody
        if place.start <= note.step < place.start + place.steps
    ]


@pytest.mark.parametrize("genre", ["folk", "jazz", "blues", "rock", "electronic", "ambient"])
def test_a_chorus_comes_back_note_for_note(genre: str) -> None:
    """The same words under the same heading have the same rhythm and melody."""
    score = _score(genre=genre)
    assert _sung(score, 1) == _sung(score, 3)
    assert _sung(score, 0) != _sung(score, 1)


def test_verses_share_their_melody_even_with_different_words() -> None:
    """Where two verses sing on the same step of the same line, they mostly sing the same pitch."""
    score = _score()
    first, second = dict(_sung(score, 0)), dict(_sung(score, 2))
    both = first.keys() & second.keys()
    same = sum(first[step] == second[step] for step in both)
    assert len(both) >= 8
    assert same >= 0.7 * len(both)


@pytest.mark.parametrize(
    ("key", "classes"),
    [("C major", {0, 2, 4, 5, 7, 9, 11}), ("A minor", {9, 11, 0, 2, 4, 5, 7, 8})],
)
def test_the_melody_stays_in_its_key(key: str, classes: set[int]) -> None:
    """In minor the leading tone may be raised, but no other."""
    sung = Counter(
        round(note.pitch) % 12 for seed in range(8) for note in _score(seed=seed, key=key).melody
    )
    assert set(sung) <= classes


def test_major_and_minor_differ_in_their_third() -> None:
    """The same song in C major has E, in C minor E flat."""
    third = {}
    for mode in ("major", "minor"):
        third[mode] = {round(note.pitch) % 12 for note in _score(key=f"C {mode}").melody} & {3, 4}
    assert third == {"major": {4}, "minor": {3}}


def test_moods_choose_the_mode_when_no_key_is_given() -> None:
    """Melancholy is minor, joy is major."""
    assert manner_of(Wishes(mood="reflective melancholy"), 1).key.is_minor
    assert not manner_of(Wishes(mood="joyful"), 1).key.is_minor


def test_every_section_ends_on_the_tonic() -> None:
    """The last note of a section is the tonic, over the tonic chord."""
    score = _score(key="D major")
    for part in score.form.parts:
        last = [note for note in score.melody if note.step < part.start + part.steps][-1]
        assert round(last.pitch) % 12 == 2
        assert last.chord.root == 0


def test_a_question_rises() -> None:
    """The last note of a question is above the note before it."""
    lyrics = "Will you stay with me tonight?\nI will stay with you"
    for seed in range(10):
        melody = _score(lyrics, seed=seed).melody
        question = melody[:-5]
        assert question[-1].pitch > question[-2].pitch


def test_fast_songs_sing_more_syllables_a_second() -> None:
    """And the same two lines end sooner."""
    slow, fast = (_score("La la la la\nLa la la la", tempo=tempo) for tempo in ("slow", "fast"))
    rates = [
        (len(score.melody) - 1) / (score.melody[-1].start - score.melody[0].start)
        for score in (slow, fast)
    ]
    assert rates[1] > rates[0] * 1.3
    assert fast.seconds < slow.seconds


def test_another_seed_is_another_song() -> None:
    """A seed decides everything that the lyrics leave open."""
    assert _score(seed=1) == _score(seed=1)
    assert _score(seed=1).melody != _score(seed=2).melody


@given(
    lines=st.lists(st.integers(1, 30), min_size=1, max_size=60),
    seconds=st.floats(6, 120),
    signature=st.sampled_from(["4/4", "3/4", "6/8", "7/8", "5/4", "12/8"]),
    tempo=st.sampled_from(["slow", "moderate", "very fast"]),
)
def test_a_song_keeps_to_its_length(
    lines: list[int], seconds: float, signature: str, tempo: str
) -> None:
    """However long the text: never above the limit, and something is sung."""
    lyrics = "\n".join(("[CHORUS]\n" if count % 3 == 0 else "") + "la " * count for count in lines)
    score = _score(lyrics, seconds=seconds, tempo=tempo, time_signature=signature)
    assert score.seconds <= seconds
    assert score.melody
    assert score.melody[0].start < seconds - 2
    starts = [note.start for note in score.melody]
    assert starts == sorted(starts)


def test_all_sections_stay_when_lines_must_go() -> None:
    """A long song is shortened within its sections first."""
    long = "\n\n".join(
        f"[{kind}]\n" + "\n".join(["Every line has quite a lot to say"] * 8)
        for kind in ("VERSE", "CHORUS", "VERSE", "CHORUS", "BRIDGE", "CHORUS")
    )
    score = _score(long, seconds=42.0, tempo="100")
    assert [part.kind for part in score.form.parts] == [
        "VERSE", "CHORUS", "VERSE", "CHORUS", "BRIDGE", "CHORUS",
    ]  # fmt: skip


def test_genres_have_different_bands_and_instruments_replace_them() -> None:
    """Folk has no kick on every beat; a requested cello is heard."""
    electronic, folk = _score(genre="electronic"), _score(genre="indie folk")
    beat = electronic.manner.metre.step_seconds * 4
    part = electronic.form.parts[0]
    kicks = {hit.start for hit in electronic.drums if hit.drum == "kick"}
    first = electronic.manner.metre.seconds_at(part.start)
    assert all(any(abs(first + index * beat - kick) < 1e-6 for kick in kicks) for index in range(8))
    assert folk.manner.band.comp == "steel"
    assert manner_of(Wishes(genre="folk", instrumentation="cello"), 1).band.sustain == "cello"
