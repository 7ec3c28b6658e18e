"""What an untrained model writes is still a piece: the grammar sees to it."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from partimento.compose import compose
from partimento.compose.learned import LearnedTune
from partimento.compose.learned_bars import add_bars, rewrite_bars
from partimento.errors import RequestError
from partimento.pipeline import compose_score, make_plan
from partimento.score_lm.grammar import PartRules, rules_of
from partimento.score_lm.grid import Conditions, to_grid
from partimento.score_lm.model import ScoreModel, ScoreModelConfig
from partimento.score_lm.pen import Pen, ScoreSampling, choose
from partimento.score_lm.tokens import decode, encode
from partimento.score_lm.traits import distance, traits_of
from partimento.score_lm.tune import draw_traits, write_tune
from partimento.score_lm.vocabulary import START, Vocabulary
from partimento.score_lm.walk import Walk
from partimento.score_lm.write import fill_gap, write_bars

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def model() -> ScoreModel:
    torch.manual_seed(0)
    config = ScoreModelConfig(width=32, n_layers=2, n_heads=2, ffn=64, context=160)
    return ScoreModel(config).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def band():  # type: ignore[no-untyped-def]
    return compose_score("jazz trio", bars=8, seed=2)


def said(model: ScoreModel, n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The first tokens of a piece ``[1, n]`` and what is beside them."""
    grid = to_grid(compose_score("", style="folk", bars=8, seed=1), Conditions("composed", "folk"))
    tokens = encode(grid, model.config.vocabulary)[:n]
    walk = Walk(model.config.vocabulary, grid, [range(8)])
    features = []
    for token in tokens:
        walk.feed(token)
        features.append(walk.features())
    return torch.tensor([tokens]), torch.tensor([features])


def test_cached_steps_equal_whole_sequences(model: ScoreModel) -> None:
    t, f = said(model, 120)
    whole, cache = model(t, f), model.cache(1, 120)
    parts = [model(t[:, a:b], f[:, a:b], cache) for a, b in ((0, 50), (50, 51), (51, 120))]
    assert torch.allclose(torch.cat(parts, dim=1), whole, atol=1e-5)


def test_all_parts_of_a_band(model: ScoreModel, band) -> None:  # type: ignore[no-untyped-def]
    grid = to_grid(band)
    empty = replace(grid, tracks=tuple(replace(t, notes=(), levels=()) for t in grid.tracks))
    rules = rules_of(empty)
    done = write_bars(model, empty, 0, rules, np.random.default_rng(3))
    assert (done.bars, done.chords) == (grid.bars, grid.chords)
    assert sum(len(t.notes) for t in done.tracks) > 20
    for track, rule in zip(done.tracks, rules, strict=True):
        assert all(rule.low <= n.pitch <= rule.high and n.start + n.ticks <= grid.end + 6 for n in track.notes)
        if rule.single:
            assert all(a.start + a.ticks <= b.start for a, b in zip(track.notes, track.notes[1:], strict=False))
    assert decode(encode(done, Vocabulary()), Vocabulary()) == done


@pytest.mark.parametrize(("first", "last"), [(2, 5), (0, 3), (6, 8), (0, 8)])
def test_a_gap_is_all_that_changes(model: ScoreModel, band, first: int, last: int) -> None:  # type: ignore[no-untyped-def]
    grid = to_grid(band)
    done = fill_gap(model, grid, first, last, rules_of(grid), np.random.default_rng(5))
    start, end = grid.bars[first].start, grid.bars[last - 1].start + grid.bars[last - 1].ticks
    for old, new in zip(grid.tracks, done.tracks, strict=True):
        outside = [n for n in old.notes if not start <= n.start < end]
        assert [n for n in new.notes if not start <= n.start < end] == outside
        assert new.is_drum or all(n.start + n.ticks <= end for n in new.notes if start <= n.start < end)
    assert done.tracks != grid.tracks


def test_a_long_piece_goes_on_over_windows(model: ScoreModel, band) -> None:  # type: ignore[no-untyped-def]
    tune = LearnedTune(model, source=None)
    chords = tuple(replace(c, start=c.start, end=c.end) for c in band.chords)
    notes = tune.lead_sheet(chords, band.metre, band.key, 60, 100.0, np.random.default_rng(1))
    assert all(a.end <= b.start + 1e-9 for a, b in itertools.pairwise(notes))
    assert max(n.start for n in notes) > 30 * band.metre.bar_quarters
    assert max(n.end for n in notes) <= 60 * band.metre.bar_quarters


def test_given_chords_and_form_are_kept_and_equal_seeds_give_equal_notes(model: ScoreModel) -> None:
    plan = make_plan("folk song, flute and guitar", chords="C | Am | F | G7", bars=16, key="C major")
    made = [compose(plan, np.random.default_rng(7), LearnedTune(model)) for _ in range(2)]
    assert made[0] == made[1]
    rules = compose(plan, np.random.default_rng(7))
    assert made[0].chords == rules.chords
    assert made[0].duration_s == pytest.approx(rules.duration_s)
    assert [t.name for t in made[0].tracks] == [t.name for t in rules.tracks]
    assert made[0].track("flute").notes != rules.track("flute").notes


def test_bars_of_a_given_score(model: ScoreModel, band) -> None:  # type: ignore[no-untyped-def]
    lead = next(t for t in band.tracks if t.role == "melody")
    other = rewrite_bars(band, 2, 4, model, np.random.default_rng(1))
    start, end = band.bar_span(2)[0], band.bar_span(3)[1]
    kept = [n for n in lead.notes if not start <= n.start < end]
    assert [n for n in other.track(lead.name).notes if not start <= n.start < end] == kept
    assert [t for t in other.tracks if t.name != lead.name] == [t for t in band.tracks if t.name != lead.name]
    longer = add_bars(band, 5, model, np.random.default_rng(1))
    assert longer.n_bars == band.n_bars + 5 == longer.sections[-1].end_bar
    assert longer.track(lead.name).notes[: len(lead.notes)] == lead.notes
    assert longer.chord_at(band.length + 1.0) is not None
    with pytest.raises(RequestError, match="bars 8-9 are not in the score"):
        rewrite_bars(band, 7, 9, model, np.random.default_rng(1))


def test_a_part_keeps_to_its_bars_and_lengths(model: ScoreModel, band) -> None:  # type: ignore[no-untyped-def]
    grid = to_grid(replace(band, tracks=(replace(band.tracks[0], notes=()),)))
    rules = (PartRules(60, 72, True, frozenset((1, 2)), 6),)
    (track,) = write_bars(model, grid, 0, rules, np.random.default_rng(2)).tracks
    assert track.notes
    assert all(grid.bars[1].start <= n.start < grid.bars[3].start and 60 <= n.pitch <= 72 and n.ticks >= 6 for n in track.notes)


def test_only_allowed_tokens_are_chosen() -> None:
    logits, mask = np.array([9.0, 1.0, 0.5, 8.0]), np.array([False, True, True, False])
    rng = np.random.default_rng(0)
    assert {choose(logits, mask, ScoreSampling(), rng) for _ in range(50)} == {1, 2}
    assert {choose(logits, mask, ScoreSampling(top_p=0.1), rng) for _ in range(20)} == {1}
    with pytest.raises(RequestError, match="top_p 2"):
        ScoreSampling(top_p=2.0)
    for wrong in ({"candidates": 0}, {"guidance": -1.0}, {"ending": 0.0}):
        with pytest.raises(RequestError, match=next(iter(wrong))):
            ScoreSampling(**wrong)  # type: ignore[arg-type]


def test_endings_are_safer_and_unguided() -> None:
    ending = ScoreSampling(temperature=0.8, guidance=2.0, ending=0.5).of_the_ending()
    assert (ending.temperature, ending.guidance) == (pytest.approx(0.4), 1.0)


def test_the_last_bars_alone_are_drawn_as_endings(model: ScoreModel, band) -> None:  # type: ignore[no-untyped-def]
    alone = to_grid(replace(band, tracks=(replace(band.tracks[0], notes=()),)))
    rules = (PartRules(55, 84, True, None, 6),)
    wild, tame = (
        write_bars(model, alone, 0, rules, np.random.default_rng(2), ScoreSampling(ending=x)).tracks[0].notes for x in (3.0, 0.02)
    )
    start = alone.bars[6].start
    assert [n for n in wild if n.start < start] == [n for n in tame if n.start < start]
    assert wild != tame


def test_sequences_written_side_by_side_hear_only_their_own_past(model: ScoreModel) -> None:
    t, f = said(model, 60)
    whole, caches = model(t, f)[0], [model.cache(1, 60) for _ in range(3)]
    pasts = (20, 35, 50)
    for cache, past in zip(caches, pasts, strict=True):
        model(t[:, :past], f[:, :past], cache)
    for ahead in range(3):
        at = [past + ahead for past in pasts]
        logits = model.step(t[0, at, None], f[0, at, None], caches)
        assert torch.allclose(logits, whole[at], atol=1e-5)
    assert [cache.length for cache in caches] == [past + 3 for past in pasts]


def test_a_tune_keeps_to_its_traits_and_the_nearest_candidate_is_kept(model: ScoreModel, band) -> None:  # type: ignore[no-untyped-def]
    alone = to_grid(replace(band, tracks=(replace(band.tracks[0], notes=()),)))
    rule = PartRules(55, 84, True, None, 6)
    drawn = draw_traits(model, alone, rule, np.random.default_rng(3))
    traits = drawn.conditions.traits
    assert traits is not None
    assert drawn.conditions.density is not None
    assert (drawn.bars, drawn.chords, drawn.tracks) == (alone.bars, alone.chords, alone.tracks)
    assert 55 <= traits.low < traits.high <= 84
    assert draw_traits(model, drawn, rule, np.random.default_rng(4)) is drawn

    def far(candidates: int) -> float:
        tune = write_tune(model, drawn, rule, np.random.default_rng(3), ScoreSampling(candidates=candidates))
        assert all(traits.low <= n.pitch <= traits.high for n in tune.tracks[0].notes)
        return distance(traits, traits_of(tune))

    few, many = far(1), far(6)
    assert many <= few
    assert far(6) == many


def test_guidance_says_the_same_twice_and_makes_more_of_the_difference(model: ScoreModel, band) -> None:  # type: ignore[no-untyped-def]
    alone = to_grid(replace(band, tracks=(replace(band.tracks[0], notes=()),)))
    v = model.config.vocabulary
    told, untold = (Walk(v, alone, [range(8)]) for _ in range(2))
    pen = Pen(model, told, rules_of(alone), (0,), 50, untold)
    pen.say([v.lowest[3], START], [START])
    writing = pen.logits(3.0)
    asks = next(writing)
    assert [ask.tokens for ask in asks] == [[v.lowest[3], START], [START]]
    with pytest.raises(StopIteration) as done:
        writing.send(np.array([[1.0, 5.0], [0.0, 4.0]]))
    assert done.value.value.tolist() == [3.0, 7.0]
    rule, rng = PartRules(55, 84, True, None, 6), np.random.default_rng
    drawn = draw_traits(model, alone, rule, rng(3))
    plain, more = (write_tune(model, drawn, rule, rng(3), ScoreSampling(candidates=1, guidance=g)) for g in (1.0, 4.0))
    assert plain != more
    assert more == write_tune(model, drawn, rule, rng(3), ScoreSampling(candidates=1, guidance=4.0))


def test_attention_in_plain_products_is_the_fused_one(model: ScoreModel) -> None:
    grid = to_grid(compose_score("", style="folk", bars=8, seed=1), Conditions("composed", "folk"))
    tokens = encode(grid, model.config.vocabulary)[:80]
    walk = Walk(model.config.vocabulary, grid, [range(8)])
    features = []
    for token in tokens:
        walk.feed(token)
        features.append(walk.features())
    t, f = torch.tensor([tokens]), torch.tensor([features])
    with torch.autocast("cpu", torch.bfloat16):
        products, cut = model(t, f), model(t[:, :50], f[:, :50])
    assert torch.allclose(products.float(), model(t, f), atol=0.02)
    assert torch.equal(products[:, :50], cut)


def test_returning_bars_are_said_as_repetitions(model: ScoreModel, band) -> None:  # type: ignore[no-untyped-def]
    alone = to_grid(replace(band, tracks=(replace(band.tracks[0], notes=()),), chords=()))
    rules = (PartRules(55, 84, True, None, 6),)
    done = write_bars(model, alone, 0, rules, np.random.default_rng(2), None, {5: 1, 6: 2})
    bar = done.bars[1].ticks
    for here, there in ((5, 1), (6, 2)):
        notes = {k: [(n.start - k * bar, n.pitch) for n in done.tracks[0].notes if n.start // bar == k] for k in (here, there)}
        free = max([0, *(n.start + n.ticks - here * bar for n in done.tracks[0].notes if n.start < here * bar)])
        assert notes[here] == [note for note in notes[there] if note[0] >= free]
