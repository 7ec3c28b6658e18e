import pytest

from partimento.errors import RequestError, UnsupportedError
from partimento.pipeline import compose_score
from partimento.score.score import Note, Score, Track
from partimento.score.timing import Metre
from partimento.score_lm.grid import QUALITIES, check_metre, nearest_quality, to_grid
from partimento.score_lm.tokens import decode, encode, with_gap
from partimento.score_lm.vocabulary import START, Vocabulary, pitch_offset

VOCABULARY = Vocabulary()


@pytest.mark.parametrize("style", ["jazz", "rock"])
def test_sixteen_bars_of_a_band_are_short(style: str) -> None:
    grid = to_grid(compose_score("", style=style, bars=16, seed=3))
    tokens = encode(grid, VOCABULARY)
    assert len(grid.bars) == 16
    assert len(grid.tracks) >= 5
    assert len(tokens) <= 1_500
    assert decode(tokens, VOCABULARY) == grid


def tune(*pitches: int) -> Score:
    notes = tuple(Note(float(i), 1.0, p) for i, p in enumerate(pitches))
    return Score((Track("voice", "melody", "voice", 53, False, notes),), float(len(pitches)))


def test_a_bar_is_read_as_written() -> None:
    text = [VOCABULARY.text(t) for t in encode(to_grid(tune(60, 62, 64, 65, 60, 62, 64, 65)), VOCABULARY)]
    first = ["bar:1", "track:0", "level:5", "at:0", "ticks:24", "pitch:66", "at:24", "pitch:68"]
    bars = text[text.index("start") + 1 :]
    assert bars[: len(first)] == first
    assert bars[-4:] == ["bar:0", "track:0", "repeat:0", "end"]


def test_all_keys_say_the_same_words() -> None:
    from partimento.train.score_data import transposed

    grid = to_grid(tune(60, 64, 67, 72))
    for semitones in range(-5, 6):
        there = encode(transposed(grid, semitones), VOCABULARY)
        here = encode(grid, VOCABULARY)
        assert there[here.index(START) :] == here[here.index(START) :]
    assert [pitch_offset(t) for t in (0, 5, 6, 11)] == [0, 5, -6, -1]


def test_what_the_grid_cannot_hold() -> None:
    assert check_metre(Metre(12, 8)) == (12, 8)
    with pytest.raises(UnsupportedError, match="bars of 9/4"):
        check_metre(Metre(9, 4))
    with pytest.raises(RequestError, match="no header"):
        decode([], VOCABULARY)
    with pytest.raises(RequestError, match="bars 3 to 9 are not a part"):
        with_gap(to_grid(tune(60, 62, 64, 65)), 2, 9)


def test_nearest_quality_keeps_the_third() -> None:
    assert QUALITIES[nearest_quality((0, 4, 7, 10, 14, 18))] == (0, 4, 7, 10, 14)
    assert QUALITIES[nearest_quality((0, 3, 7, 10, 14, 17))] == (0, 3, 7, 10, 14)


def test_every_token_has_one_kind() -> None:
    assert len(VOCABULARY.kinds) == len(VOCABULARY)
    assert VOCABULARY.kinds[VOCABULARY.pitch[3]] == ("pitch", 3)
    assert VOCABULARY.ticks[24] in VOCABULARY.ticks
    assert VOCABULARY.ticks[24] not in VOCABULARY.at
    with pytest.raises(IndexError):
        VOCABULARY.bar[33]
