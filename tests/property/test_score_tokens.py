"""Pieces on the grid survive tokens, scores and JSON exactly, in any order of bars."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from partimento.data.scores import from_plain, to_plain
from partimento.score.score import ROLES
from partimento.score_lm.grid import (
    DRUM_TICKS,
    QUALITIES,
    TEMPOS,
    Conditions,
    GridBar,
    GridChord,
    GridNote,
    GridScore,
    GridTrack,
    to_grid,
    to_score,
)
from partimento.score_lm.tokens import decode, encode, excerpt, with_gap
from partimento.score_lm.traits import BOUNDS, N_SHADES, N_SPAN, Traits
from partimento.score_lm.vocabulary import MODES, SOURCES, Vocabulary
from partimento.score_lm.walk import Walk

VOCABULARY = Vocabulary()
PITCHED = tuple(r for r in ROLES if r not in ("drums", "percussion"))


@st.composite
def pieces(draw):
    metres = st.sampled_from(((4, 4), (3, 4), (6, 8), (7, 8), (2, 2), (5, 4), (3, 16)))
    keys = st.tuples(st.integers(0, 11), st.sampled_from(MODES))
    bars, at = [], 0
    metre, key, tempo = draw(metres), draw(keys), draw(st.integers(0, len(TEMPOS) - 1))
    for i in range(draw(st.integers(1, 7))):
        if draw(st.integers(0, 4)) == 0:
            metre, key, tempo = draw(metres), draw(keys), draw(st.integers(0, len(TEMPOS) - 1))
        section = i // 4 if i in (0, 4) else -1
        bars.append(GridBar(at, metre, key, tempo, section))
        at += bars[-1].ticks
    places = sorted(draw(st.sets(st.integers(0, at - 1), max_size=4)))
    chords = []
    for place in places:
        root = draw(st.one_of(st.none(), st.integers(0, 11)))
        silent_again = root is None and (not chords or chords[-1].root is None)
        if not silent_again:
            bass = draw(st.sampled_from((root, (root + 7) % 12))) if root is not None else 0
            chords.append(GridChord(place, root, draw(st.integers(0, len(QUALITIES) - 1)) if root is not None else 0, bass))
    tracks = []
    for _ in range(draw(st.integers(0, 3))):
        drum = draw(st.booleans())
        figure = draw(st.sets(st.tuples(st.integers(0, at - 1), st.integers(24, 100)), max_size=10))
        if draw(st.booleans()):  # a figure that returns in the next bar
            figure |= {(s + bars[0].ticks, p) for s, p in figure if s + bars[0].ticks < at}
        lengths = st.sampled_from((1, 6, 12, 24, 96, 193, 385))
        notes = [GridNote(s, p, DRUM_TICKS if drum else min(draw(lengths), at - s)) for s, p in sorted(figure)]
        held = {i for n in notes for i, b in enumerate(bars) if b.start <= n.start < b.start + b.ticks}
        levels = tuple((i, draw(st.integers(0, 7))) for i in sorted(held))
        role = "drums" if drum else draw(st.sampled_from(PITCHED))
        tracks.append(GridTrack(role, "drums" if drum else draw(st.sampled_from(("piano", "violin"))), tuple(notes), levels))
    shades = st.one_of(st.none(), st.integers(0, 4))
    source, style = draw(st.sampled_from((None, *SOURCES))), draw(st.sampled_from((None, "jazz", "rock")))
    manners = st.tuples(*[st.integers(0, N_SHADES - 1)] * len(BOUNDS))
    traits = st.one_of(st.none(), st.builds(Traits, st.integers(42, 77), st.integers(0, N_SPAN - 1), manners))
    conditions = Conditions(source, style, draw(shades), draw(shades), draw(shades), draw(traits))
    return GridScore(tuple(bars), tuple(tracks), tuple(chords), conditions)


@settings(max_examples=60, deadline=None)
@given(pieces())
def test_tokens_say_a_piece_exactly(piece):
    assert decode(encode(piece, VOCABULARY), VOCABULARY) == piece


@settings(max_examples=30, deadline=None)
@given(pieces())
def test_json_keeps_a_piece(piece):
    measured = replace(piece, conditions=replace(piece.conditions, traits=None))  # traits are measured when a dataset is read
    assert from_plain(to_plain(piece)) == measured


@settings(max_examples=60, deadline=None)
@given(pieces())
def test_the_grid_of_its_score_is_the_piece(piece):
    grid = to_grid(to_score(piece), piece.conditions)
    assert (grid.bars, grid.tracks, grid.conditions) == (piece.bars, piece.tracks, piece.conditions)
    # A silence of harmony before the first chord needs no saying.
    assert grid.chords == (piece.chords[1:] if piece.chords and piece.chords[0].root is None else piece.chords)


@settings(max_examples=40, deadline=None)
@given(pieces(), st.data())
def test_a_walk_in_any_order_hears_the_same_notes(piece, data):
    first = data.draw(st.integers(0, len(piece.bars) - 1))
    last = data.draw(st.integers(first + 1, len(piece.bars)))
    order = with_gap(piece, first, last)
    walk = Walk(VOCABULARY, piece, [range(s.first, s.last) for s in order])
    for token in encode(piece, VOCABULARY, order, chords=data.draw(st.booleans())):
        walk.feed(token)
        assert all(f >= 0 for f in walk.features())
    for i, track in enumerate(piece.tracks):
        assert tuple(sorted(walk.notes[i])) == track.notes
        assert tuple(sorted(walk.levels[i].items())) == track.levels


@settings(max_examples=60, deadline=None)
@given(pieces(), st.data())
def test_an_excerpt_is_a_piece(piece, data):
    first = data.draw(st.integers(0, len(piece.bars) - 1))
    part = excerpt(piece, first, data.draw(st.integers(first + 1, len(piece.bars))))
    assert decode(encode(part, VOCABULARY), VOCABULARY) == part
