import csv
import io
import json

import listening_factory as factory
import numpy as np
import pytest
from scipy.stats import wilcoxon

from partimento.errors import RequestError
from partimento.evaluate.listening_test.pairs import tasks_of
from partimento.evaluate.listening_test.report import count, signed_rank_p
from partimento.evaluate.listening_test.store import Rating


@pytest.fixture(scope="module")
def test(tmp_path_factory):
    return factory.make(tmp_path_factory.mktemp("lt"), n_items=10, seconds=0.05)


def answers_of(test, rater, judge):
    """Ratings of one rater whose answer toward the first system is ``judge(first, second)``."""
    out = []
    for task in tasks_of(test, rater):
        value = judge(*test.system_pair(task.pair))
        out.append(Rating(rater, task.pair, task.a, task.b, value if task.a == test.pairs[task.pair].first else -value))
    return out


ORDER = {"alpha": 0, "beta": 1, "gamma": 2}


def test_preferences_are_told_from_sides(test):
    # Everyone prefers the later system, whatever side it is on.
    ratings = [r for k in range(4) for r in answers_of(test, k, lambda a, b: -1 if ORDER[b] > ORDER[a] else 1)]
    found = count(test, ratings)
    assert [(s.system, s.wins, s.n, s.ties) for s in found.systems] == [
        ("gamma", 80, 80, 0),
        ("beta", 40, 80, 0),
        ("alpha", 0, 80, 0),
    ]
    assert all((c.wins_first, c.wins_second, c.ties) == (0, 40, 0) for c in found.comparisons)
    assert all(c.significant and c.counts == (0, 0, 0, 40, 0) for c in found.comparisons)
    assert found.side_a == (60, 0, 60)
    assert (found.n_raters, found.n_ratings, found.n_pairs_rated) == (4, 120, 30)


def test_always_a_is_a_side_bias_and_no_win(test):
    ratings = [Rating(r, t.pair, t.a, t.b, 2) for r in range(4) for t in tasks_of(test, r)]
    found = count(test, ratings)
    assert found.side_a == (120, 0, 0)
    assert all(c.share_first == c.share_second == 0.5 and c.p == 1 for c in found.comparisons)
    assert not any(c.significant for c in found.comparisons)


def test_ties_count_as_comparisons_and_as_no_wins(test):
    found = count(test, answers_of(test, 0, lambda a, b: 0))
    assert all(c.ties == c.n == 10 and c.share_first == c.share_second == 0 and c.p == 1 for c in found.comparisons)
    assert all(s.share == 0 and s.ties == 20 for s in found.systems)


def test_figures_are_scipys(test):
    rng = np.random.default_rng(0)
    ratings = [Rating(r, t.pair, t.a, t.b, int(rng.integers(-2, 3))) for r in range(6) for t in tasks_of(test, r)]
    found = count(test, ratings)
    for c in found.comparisons:
        toward = {}
        for r in ratings:
            if test.system_pair(r.pair) == (c.first, c.second):
                toward.setdefault(r.pair, []).append(r.answer if r.a == test.pairs[r.pair].first else -r.answer)
        flat = np.concatenate(list(toward.values()))
        assert c.wins_first == (flat > 0).sum()
        assert c.ties == (flat == 0).sum()
        assert c.p == pytest.approx(min(1, 3 * wilcoxon(flat[flat != 0]).pvalue))
        means = np.array([np.mean(v) for v in toward.values()])
        assert c.p_clips == pytest.approx(min(1, 3 * wilcoxon(means[means != 0]).pvalue))
        assert c.n_clip_pairs == 10


def test_many_raters_of_few_clips_do_not_pass_for_many_clips(test):
    few = [r for k in range(20) for r in answers_of(test, k, lambda a, b: 1) if r.pair in list(test.pairs)[:6]]
    found = count(test, few)
    assert all(c.p < 0.001 < c.p_clips for c in found.comparisons)
    assert not any(c.significant for c in found.comparisons)


def test_bonferroni_counts_the_pairs_that_were_rated(test):
    systems = ("alpha", "beta")
    ratings = [r for k in range(2) for r in answers_of(test, k, lambda a, b: 1) if test.system_pair(r.pair) == systems]
    found = count(test, ratings)
    assert len(found.comparisons) == 1
    assert found.comparisons[0].p == pytest.approx(wilcoxon(np.ones(20)).pvalue)
    assert [s.system for s in found.systems] == ["alpha", "beta"]


def test_signed_rank_edge_cases():
    assert signed_rank_p([]) == signed_rank_p([0, 0]) == 1
    assert signed_rank_p([1, 1, 1, 1, 1]) == pytest.approx(0.0625)  # 2 of the 32 ways to give five signs
    assert signed_rank_p([2, -1, 1, 0]) == pytest.approx(signed_rank_p([-2, 1, -1]))


def test_the_files(test, tmp_path):
    found = count(test, answers_of(test, 0, lambda a, b: 1 if a == "alpha" else 0))
    found.write(tmp_path)
    page = (tmp_path / "listening_test.md").read_text()
    assert "| alpha | 20 | 20 | 0 | 100% (84% to 100%) |" in page
    assert "as loud as the files" in page
    body = json.loads((tmp_path / "listening_test.json").read_text())
    assert body["comparisons"][0]["wins_first"] == 10
    rows = list(csv.DictReader(io.StringIO((tmp_path / "listening_test.csv").read_text())))
    assert [row["ties"] for row in rows] == ["0", "0", "10"]
    assert (tmp_path / "listening_test.png").read_bytes().startswith(b"\x89PNG")


def test_no_ratings(test):
    with pytest.raises(RequestError, match="nobody has rated"):
        count(test, [])
