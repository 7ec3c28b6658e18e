"""Common runs and local alignment, against brute force and by construction."""

from __future__ import annotations

import numpy as np
import pytest

from partimento.errors import PartimentoError
from partimento.metrics.tune_overlap import Corpus, evaluate, tokens

Tune = tuple[list[float], list[float], list[int]]


def _tune(pitches: list[int], lengths: list[float]) -> Tune:
    onsets = np.concatenate([[0.0], np.cumsum(lengths)[:-1]])
    return list(onsets), list(lengths), pitches


SCALE = _tune([60, 62, 64, 65, 67, 69, 71, 72], [1.0] * 8)
FOLK = _tune([67, 67, 64, 60, 62, 64, 65, 62, 59, 60], [1, 0.5, 0.5, 1, 1, 0.5, 0.5, 1, 1, 4])


def _random_tune(seed: int, n: int) -> Tune:
    rng = np.random.default_rng(seed)
    pitches = [int(p) for p in 60 + np.cumsum(rng.integers(-2, 3, n)) % 24]
    return _tune(pitches, [float(x) for x in rng.choice([0.5, 1.0], n)])


def test_tokens_are_interval_and_time_to_the_next_note() -> None:
    assert tokens([0, 1, 1.5], [1, 0.5, 2], [60, 64, 62]) == ((4, 24, 1), (-2, 12, 1))
    assert tokens([0, 1, 1.5], [1, 0.5, 2], [60, 64, 62], "ratio") == ((4, 1, 2), (-2, 4, 1))
    assert tokens([0], [1], [60]) == ()


def test_a_transposed_quotation_is_found_with_its_length_and_place() -> None:
    lengths = [1.0, 1.0, *FOLK[1][2:8], 0.5, 0.5]
    query = _tune([50, 52, *[p + 5 for p in FOLK[2][2:8]], 50, 49], lengths)
    run = Corpus({"scale": SCALE, "folk": FOLK}).longest_run(query)
    assert (run.name, run.n_notes, run.query_note, run.corpus_note) == ("folk", 6, 2, 2)


def test_ratio_sees_doubled_note_values() -> None:
    doubled = _tune(FOLK[2], [2 * x for x in FOLK[1]])
    assert Corpus({"folk": FOLK}).longest_run(doubled).n_notes < 5
    assert Corpus({"folk": FOLK}, "ratio").longest_run(doubled).n_notes == 10


def test_runs_do_not_cross_from_one_tune_into_the_next() -> None:
    half = _tune(SCALE[2][:4], [1.0] * 4)
    rest = _tune(SCALE[2][4:], [1.0] * 4)
    # the second half of the scale (steps 2, 2, 1) also lies inside the query, but nothing longer may be made of both
    assert Corpus({"a": half, "b": rest}).longest_run(SCALE).n_notes == 4


@pytest.mark.parametrize("seed", range(4))
def test_longest_run_and_alignment_agree_with_brute_force(seed: int) -> None:
    corpus = {f"t{i}": _random_tune(100 + 10 * seed + i, 30) for i in range(4)}
    query = _random_tune(seed, 25)
    q = tokens(*query)
    longest = best = 0.0
    for tune in corpus.values():
        t = tokens(*tune)
        run = np.zeros((len(q) + 1, len(t) + 1))
        score = np.zeros_like(run)
        for i in range(len(q)):
            for j in range(len(t)):
                same = q[i] == t[j]
                run[i + 1, j + 1] = run[i, j] + 1 if same else 0
                diagonal = score[i, j] + (1 if same else -1)
                score[i + 1, j + 1] = max(0, diagonal, score[i, j + 1] - 1, score[i + 1, j] - 1)
        longest, best = max(longest, run.max()), max(best, score.max())
    searched = Corpus(corpus)
    assert searched.longest_run(query).n_notes == longest + 1
    assert searched.local_alignment(query).score == pytest.approx(best)


def test_alignment_bridges_an_inserted_note() -> None:
    pitches, lengths = list(FOLK[2]), list(FOLK[1])
    altered = _tune([*pitches[:5], 90, *pitches[5:]], [*lengths[:5], 0.25, *lengths[5:]])
    corpus = Corpus({"folk": FOLK, "scale": SCALE})
    assert corpus.longest_run(altered).n_notes == 5
    alignment = corpus.local_alignment(altered)
    assert alignment.name == "folk"
    # 4 tokens before, 4 after, 2 tokens of the insertion against 1 of the tune: one mismatch and one gap
    assert alignment.score == pytest.approx(4 + 4 - 2)
    assert corpus.local_alignment(FOLK).share == 1.0


def test_skip_leaves_a_tune_out() -> None:
    corpus = Corpus({"folk": FOLK, "scale": SCALE})
    assert evaluate(FOLK, corpus)["longest_run_notes"] == 10
    assert evaluate(FOLK, corpus, skip=["folk"])["longest_run_with"] == "scale"


def test_empty_and_bad_input() -> None:
    corpus = Corpus({"folk": FOLK})
    assert corpus.longest_run(([], [], [])).n_notes == 0
    assert corpus.local_alignment(([0], [1], [60])).score == 0.0
    assert Corpus({}).longest_run(FOLK).n_notes == 0
    with pytest.raises(PartimentoError, match="single line"):
        corpus.longest_run(([0, 0], [1, 1], [60, 64]))
    with pytest.raises(PartimentoError, match="rhythm"):
        tokens(*FOLK, rhythm="tempo")  # type: ignore[arg-type]
    with pytest.raises(PartimentoError, match="below 0"):
        corpus.local_alignment(FOLK, gap=1.0)
