"""What raters said: wins, win shares with intervals, signed-rank tests, and a picture.

Conventions:
    A **win** is an answer for one system, much or a little better alike. A **tie** is "no preference": it is a comparison of
    both systems and a win of neither. The **win share** of A over B is A's wins over all their comparisons, ties included
    (MusicLM's count), with a Wilson interval. The **signed-rank test** (Wilcoxon, two-sided) takes the answers
    from -2 to 2; ties are zeros, which it leaves out, and equal ranks are averaged. It is made for every pair of systems, and
    its p is multiplied by the number of pairs (Bonferroni). Where a pair of clips was rated more than once the answers are not
    independent, so a second test takes the mean answer of every pair of clips: trust that one.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from partimento.errors import RequestError
from partimento.evaluate.listening_test.pairs import ListeningTest, Pair
from partimento.evaluate.listening_test.store import Rating
from partimento.metrics.memorization import wilson_interval
from partimento.paths import make_folder, write_bytes, write_text
from partimento.tables import markdown_table

ALPHA = 0.01
"""Level after Bonferroni, as in MusicLM (p < 0.01 / number of pairs)."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two systems.

    Attributes:
        first, second: systems.
        n: comparisons.
        wins_first, wins_second, ties: of them.
        counts: answers from "first much better" to "second much better".
        share_first, share_second: win shares.
        interval_first, interval_second: 95 % Wilson intervals.
        mean_answer: -2 (second) to 2 (first).
        n_clip_pairs: different pairs of clips that were rated.
        p: signed-rank test over all answers, times the number of system pairs, at most 1.
        p_clips: the same over means of pairs of clips.
    """

    first: str
    second: str
    n: int
    wins_first: int
    wins_second: int
    ties: int
    counts: tuple[int, int, int, int, int]
    share_first: float
    share_second: float
    interval_first: tuple[float, float]
    interval_second: tuple[float, float]
    mean_answer: float
    n_clip_pairs: int
    p: float
    p_clips: float

    @property
    def significant(self) -> bool:
        """The stricter test is below :data:`ALPHA`."""
        return max(self.p, self.p_clips) < ALPHA


@dataclass(frozen=True, slots=True)
class SystemScore:
    """One system against all others: comparisons, wins, ties, win share and its 95 % Wilson interval."""

    system: str
    n: int
    wins: int
    ties: int
    share: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class ListeningReport:
    """The counted test.

    Attributes:
        systems: by wins, most first.
        comparisons: every pair of systems that was rated.
        n_raters: who answered at least once.
        n_ratings: answers.
        n_pairs, n_pairs_rated: pairs of clips in the test, and those rated at least once.
        side_a: answers for A, for neither, for B: far from even shows a side bias.
        matched_lufs: loudness of the copies, None for as they were.
        reasons: how many answers came with a reason.
    """

    systems: tuple[SystemScore, ...]
    comparisons: tuple[Comparison, ...]
    n_raters: int
    n_ratings: int
    n_pairs: int
    n_pairs_rated: int
    side_a: tuple[int, int, int]
    matched_lufs: float | None
    reasons: int

    def as_markdown(self) -> str:
        """A page."""
        scores = [[s.system, str(s.n), str(s.wins), str(s.ties), _share(s.share, s.interval)] for s in self.systems]
        pairs = [
            [f"{c.first} – {c.second}", str(c.n), f"{c.wins_first} / {c.ties} / {c.wins_second}",
             _share(c.share_first, c.interval_first), _share(c.share_second, c.interval_second), f"{c.mean_answer:+.2f}",
             _p(c.p), _p(c.p_clips), "yes" if c.significant else "no"]
            for c in self.comparisons
        ]  # fmt: skip
        loud = "as loud as the files" if self.matched_lufs is None else f"copied at {self.matched_lufs:g} LUFS"
        m = len(self.comparisons)
        notes = [
            f"{self.n_ratings} answers of {self.n_raters} raters to {self.n_pairs_rated} of {self.n_pairs} pairs of clips; "
            f"{self.reasons} with a reason. Clips were {loud}.",
            f"Side A was preferred {self.side_a[0]} times, side B {self.side_a[2]} times, neither {self.side_a[1]} times.",
            "A win counts much and a little better alike. A tie is a comparison of both and a win of neither. Intervals: 95 %, "
            "Wilson.",
            f"p: Wilcoxon signed-rank, two-sided, zeros left out, times {m} (Bonferroni); over all answers and over "
            f"mean answers of pairs of clips (answers to one pair are not independent). Different: both below {ALPHA:g}.",
        ]
        head = ["systems", "n", "wins / ties / losses", "wins of the first", "wins of the second", "mean (-2 to 2)", "p, answers",
                "p, clips", "different"]  # fmt: skip
        return (
            f"# Listening test\n\n{markdown_table(['system', 'comparisons', 'wins', 'ties', 'win share'], scores)}\n\n"
            f"{markdown_table(head, pairs)}\n\n" + "\n".join(f"- {note}" for note in notes) + "\n"
        )

    def as_json(self) -> str:
        """All figures."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False)

    def as_csv(self) -> str:
        """One line per pair of systems."""
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(
            ["first", "second", "n", "wins_first", "ties", "wins_second", "share_first", "low_first", "high_first",
             "share_second", "low_second", "high_second", "mean_answer", "n_clip_pairs", "p", "p_clips"]
        )  # fmt: skip
        for c in self.comparisons:
            figures = [c.share_first, *c.interval_first, c.share_second, *c.interval_second, c.mean_answer]
            tests = [f"{c.p:.6g}", f"{c.p_clips:.6g}"]
            counts = [c.n, c.wins_first, c.ties, c.wins_second]
            writer.writerow([c.first, c.second, *counts, *(f"{x:.6f}" for x in figures), c.n_clip_pairs, *tests])
        return stream.getvalue()

    def picture(self) -> bytes:
        """PNG: win shares of the systems; who beats whom."""
        from matplotlib.figure import Figure

        names = [s.system for s in self.systems]
        figure = Figure(figsize=(10, 1.8 + 0.55 * len(names)), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(3, 2))
        places = np.arange(len(names))
        shares = np.array([s.share for s in self.systems])
        low, high = (np.array([s.interval[k] for s in self.systems]) for k in (0, 1))
        errors = [np.maximum(shares - low, 0), np.maximum(high - shares, 0)]
        left.barh(places, shares, xerr=errors, capsize=4, color="#6f93d8")
        left.set_yticks(places, [f"{s.system}\n{s.wins} of {s.n}" for s in self.systems])
        left.invert_yaxis()
        left.set(xlim=(0, 1), xlabel="share of comparisons won (95 % intervals)", title="wins")
        grid = np.full((len(names), len(names)), np.nan)
        for c in self.comparisons:
            i, j = names.index(c.first), names.index(c.second)
            grid[i, j], grid[j, i] = c.share_first, c.share_second
        right.imshow(grid, vmin=0, vmax=1, cmap="RdBu", aspect="auto")
        for i, j in itertools.product(range(len(names)), repeat=2):
            if math.isfinite(grid[i, j]):
                colour = "white" if abs(grid[i, j] - 0.5) > 0.3 else "black"
                right.text(j, i, f"{grid[i, j]:.0%}", ha="center", va="center", color=colour)
        right.set_xticks(places, names, rotation=20, ha="right")
        right.set_yticks(places, names)
        right.set(title="the row's system beats the column's")
        stream = io.BytesIO()
        figure.savefig(stream, format="png", dpi=90, metadata={"Software": None})
        return stream.getvalue()

    def write(self, folder: Path) -> None:
        """``listening_test.md``, ``.json``, ``.csv`` and ``.png``."""
        make_folder(folder)
        write_text(folder / "listening_test.md", self.as_markdown())
        write_text(folder / "listening_test.json", self.as_json() + "\n")
        write_text(folder / "listening_test.csv", self.as_csv())
        write_bytes(folder / "listening_test.png", self.picture())


def _share(value: float, interval: tuple[float, float]) -> str:
    return f"{value:.0%} ({interval[0]:.0%} to {interval[1]:.0%})"


def _p(value: float) -> str:
    return "< 0.0001" if value < 1e-4 else f"{value:.4f}"


def signed_rank_p(answers: Sequence[float] | NDArray[np.float64]) -> float:
    """Two-sided p of Wilcoxon's signed-rank test against symmetry about 0; zeros are left out; 1 when nothing is left."""
    from scipy.stats import wilcoxon

    values = np.asarray(answers, dtype=np.float64)
    values = values[values != 0]
    if not values.size:
        return 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few answers: the exact distribution, or scipy's note that it is approximate
        return float(wilcoxon(values, zero_method="wilcox", alternative="two-sided").pvalue)


def count(test: ListeningTest, ratings: Sequence[Rating]) -> ListeningReport:
    """Count the ratings of a test.

    Raises:
        RequestError: there are none.
    """
    known = [r for r in ratings if r.pair in test.pairs and {r.a, r.b} == _clips(test.pairs[r.pair])]
    if not known:
        raise RequestError("nobody has rated anything yet; open the page with: partimento listening-test serve")
    by_systems: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for rating in known:
        toward_first = rating.answer if rating.a == test.pairs[rating.pair].first else -rating.answer
        by_systems.setdefault(test.system_pair(rating.pair), []).append((rating.pair, toward_first))
    comparisons = tuple(_compare(*systems, answers, len(by_systems)) for systems, answers in sorted(by_systems.items()))
    scores = []
    for system in test.systems:
        mine = [c for c in comparisons if system in (c.first, c.second)]
        n, ties = sum(c.n for c in mine), sum(c.ties for c in mine)
        wins = sum(c.wins_first if c.first == system else c.wins_second for c in mine)
        if n:
            scores.append(SystemScore(system, n, wins, ties, wins / n, wilson_interval(wins, n)))
    answers = [r.answer for r in known]
    return ListeningReport(
        tuple(sorted(scores, key=lambda s: (-s.share, s.system))), comparisons, len({r.rater for r in known}), len(known),
        len(test.pairs), len({r.pair for r in known}),
        (sum(a > 0 for a in answers), answers.count(0), sum(a < 0 for a in answers)),
        test.matched_lufs, sum(bool(r.reason) for r in known),
    )  # fmt: skip


def _clips(pair: Pair) -> set[str]:
    return {pair.first, pair.second}


def _compare(first: str, second: str, answers: Sequence[tuple[str, int]], n_tests: int) -> Comparison:
    """One pair of systems from (pair of clips, answer toward the first)."""
    values = [value for _, value in answers]
    n, wins, losses = len(values), sum(v > 0 for v in values), sum(v < 0 for v in values)
    clips: dict[str, list[int]] = {}
    for pair, value in answers:
        clips.setdefault(pair, []).append(value)
    means = [float(np.mean(v)) for v in clips.values()]
    much, little, none, little_other, much_other = (values.count(k) for k in (2, 1, 0, -1, -2))
    return Comparison(
        first, second, n, wins, losses, n - wins - losses, (much, little, none, little_other, much_other), wins / n, losses / n,
        wilson_interval(wins, n), wilson_interval(losses, n), float(np.mean(values)), len(clips),
        min(1.0, signed_rank_p(values) * n_tests), min(1.0, signed_rank_p(means) * n_tests),
    )  # fmt: skip
