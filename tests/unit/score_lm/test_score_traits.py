from dataclasses import replace

import numpy as np
import pytest

from partimento.pipeline import compose_score
from partimento.score_lm.grid import Conditions, GridBar, GridChord, GridNote, GridScore, GridTrack, to_grid
from partimento.score_lm.tokens import decode, encode, likeness
from partimento.score_lm.traits import BOUNDS, N_OFF, N_SHADES, Tally, Traits, distance, trait_values, traits_of
from partimento.score_lm.vocabulary import REPEATS, Vocabulary
from partimento.score_lm.walk import FEATURES, NOWHERE, Walk, feature_sizes
from partimento.train.score_data import described, lead_of, sequence

VOCABULARY = Vocabulary()
NAMES = tuple(BOUNDS)


def tune(*bars: list[tuple[int, int, int]], chords: tuple[GridChord, ...] = (GridChord(0, 0),)) -> GridScore:
    """A tune in C major, four quarters to the bar: (place, pitch, ticks) of each bar."""
    notes = tuple(GridNote(i * 96 + at, pitch, ticks) for i, bar in enumerate(bars) for at, pitch, ticks in bar)
    frame = tuple(GridBar(i * 96, (4, 4), (0, "major"), 12) for i in range(len(bars)))
    levels = tuple((i, 4) for i, bar in enumerate(bars) if bar)
    return GridScore(frame, (GridTrack("melody", "voice", notes, levels),), chords)


PLAIN = [(0, 60, 24), (24, 62, 24), (48, 64, 24), (72, 64, 24)]
OTHER = [(0, 61, 36), (36, 67, 12), (48, 67, 48)]


def test_values_by_hand() -> None:
    values = trait_values(tune(PLAIN, PLAIN, OTHER))
    # Intervals: 2 2 0 | -4 2 2 0 | -3 6 0.
    assert values["unisons"] == pytest.approx(0.3)
    assert values["steps"] == pytest.approx(0.4)
    assert values["leaps"] == pytest.approx(0.1)
    assert values["turns"] == pytest.approx(4 / 6)  # 2 2 -4 2 2 -3 6
    assert values["quarters"] == pytest.approx(8 / 11)
    assert (values["eighths"], values["dotted"], values["longs"]) == pytest.approx((1 / 11, 1 / 11, 1 / 11))
    assert values["rests"] == 0.0
    assert (values["offbeats"], values["held"]) == pytest.approx((1 / 11, 0.0))
    assert values["chromatic"] == pytest.approx(36 / 288)
    # C, E, E of each plain bar, G and G of the other.
    assert values["chord_tones"] == pytest.approx((72 + 72 + 60) / 288)
    assert values["rhythms"] == pytest.approx((1.0 + 0.0) / 2)
    assert values["returns"] == pytest.approx((1.0 + 2 * 1 / 7) / 2)


@pytest.fixture(scope="module")
def lead() -> GridScore:
    return lead_of(to_grid(compose_score("", style="folk", bars=16, seed=5)))


def test_counting_along_ends_where_measuring_the_whole_does(lead: GridScore) -> None:
    traits = traits_of(lead)
    assert traits is not None
    walk = Walk(VOCABULARY, lead, [range(len(lead.bars))])
    seen = []
    for token in encode(replace(lead, conditions=Conditions(traits=traits)), VOCABULARY, chords=False):
        walk.feed(token)
        seen.append(walk.features()[-len(NAMES) :])
    assert set(seen[0]) == {N_OFF - 1}
    # Bars' manners are counted when the next bar begins; the last bar is not over.
    ended = [i for i, name in enumerate(NAMES) if name not in ("contrast", "rhythms", "returns")]
    assert {seen[-1][i] for i in ended} == {2}


def test_what_a_tune_lacks_is_known() -> None:
    tally = Tally()
    for i in range(8):
        tally.note(i * 24, 60, 24, i % 4 * 24, 24, False, None)
    off = dict(zip(NAMES, tally.off([0] * len(NAMES)), strict=True))
    assert off["unisons"] == off["quarters"] == 4
    assert off["steps"] == off["longs"] == 2
    assert off["chord_tones"] == off["returns"] == N_OFF - 1
    assert set(tally.off([N_SHADES] * len(NAMES))) == {N_OFF - 1}
    wanted = dict(zip(NAMES, tally.off([N_SHADES - 1] * len(NAMES)), strict=True))
    assert (wanted["unisons"], wanted["steps"]) == (2, 0)


def test_too_few_notes_have_no_traits_and_distance_counts_shades() -> None:
    assert traits_of(tune(PLAIN)) is None
    found = traits_of(tune(PLAIN, PLAIN, PLAIN))
    assert found is not None
    assert (found.low, found.span, found.high) == (60, 4, 64)
    assert distance(found, found) == 0.0
    other = Traits(found.low - 3, found.span + 6, (min(7, found.shades[0] + 1), *found.shades[1:]))
    assert distance(other, found) == pytest.approx(2.0 + abs(other.shades[0] - found.shades[0]))
    assert distance(found, None) > 100


def test_a_bar_like_an_earlier_one_says_so_and_hears_it() -> None:
    varied = [*PLAIN[:3], (72, 67, 24)]
    grid = tune(PLAIN, OTHER, varied)
    assert likeness(tuple(PLAIN), tuple(PLAIN)) == 1.0
    tokens = encode(grid, VOCABULARY)
    text = [VOCABULARY.text(t) for t in tokens]
    like = f"like:{REPEATS.index(2)}"
    assert text.count(like) == 1
    assert decode(tokens, VOCABULARY) == grid
    walk = Walk(VOCABULARY, grid, [range(3)])
    heard = {}
    for i, token in enumerate(tokens):
        walk.feed(token)
        heard[i] = dict(zip(FEATURES, walk.features(), strict=True))
    at = text.index(like)
    assert heard[at - 1]["other_at"] == NOWHERE + 1
    assert (heard[at]["distance"], heard[at]["other_at"]) == (REPEATS.index(2), 0)
    place = text.index("at:72", at)
    size = VOCABULARY.pitch.size
    assert (heard[place]["other_at"], heard[place]["other_ticks"]) == (NOWHERE, 24)
    # The other bar's E repeats its E; from this bar's E the same interval leads to E.
    assert heard[place]["other_pitch"] == heard[place]["other_moved"] == 64 + 6
    assert heard[place + 1]["other_pitch"] == size


def test_features_stay_in_their_sizes_in_any_order_of_bars(lead: GridScore) -> None:
    from partimento.score_lm.tokens import with_gap

    sizes = np.array(feature_sizes(VOCABULARY))
    for segments in (None, with_gap(lead, 4, 7), with_gap(lead, 0, 3)):
        rows = sequence(described(lead, traits=True), VOCABULARY, segments, chords=False)[:, 3:]
        assert rows.min() >= 0
        assert (rows < sizes).all()


def test_the_place_in_the_piece_is_heard_in_excerpts(lead: GridScore) -> None:
    rows = sequence(lead, VOCABULARY, past=3, left=5, ended=False, chords=False)
    heard = dict(zip(FEATURES, rows[-1, 3:], strict=True))
    assert (heard["left"], heard["left_in_round"], heard["past_in_round"]) == (5, 5, (3 + 15) % 8)
