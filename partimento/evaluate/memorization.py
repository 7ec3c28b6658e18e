"""MusicLM's memorization analysis for any token model (Agostinelli et al. 2023, section 5.7): given the first T seconds of a
training piece, does greedy decoding go on as the piece did?

Per T and piece: the prompt is tokens 0 to T, the continuation is compared with tokens T to T + 5 s. Exact matches need
all codebooks; matching costs and entropies use the first ``compared`` ones (the coarsest, which say what sounds). The
threshold comes from pairs of targets of different pieces, so it belongs to the data and not to the model.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from partimento.errors import RequestError
from partimento.evaluate.systems.work import Progress, no_progress
from partimento.metrics.memorization import (
    FALSE_POSITIVES,
    Calibration,
    MatchRate,
    calibrate,
    exact_match,
    match_rate,
    matching_cost,
    token_entropy_bits,
)
from partimento.paths import make_folder, write_bytes, write_text
from partimento.tables import markdown_table

Tokens = NDArray[np.int64]


class TokenModel(Protocol):
    """What the analysis needs of a model.

    Attributes:
        name: as in tables.
        frame_rate_hz: token frames per second.
        codebooks: vectors ``[K, N, D]`` of the tokens of each stream.
    """

    name: str
    frame_rate_hz: float
    codebooks: NDArray[np.float32]

    def continue_greedily(self, prompt_tokens: Tokens, n_frames: int, text: str = "") -> Tokens:
        """The likeliest next ``n_frames`` frames ``[K, n]`` after ``[K, T0]`` (T0 may be 0), told the words ``text``."""
        ...


@dataclass(frozen=True, slots=True)
class Piece:
    """A training piece.

    Attributes:
        name: of the file.
        tokens: ``[K, n]`` from its beginning.
        text: the words that it was trained with; empty for none.
    """

    name: str
    tokens: Tokens
    text: str = ""


@dataclass(frozen=True, slots=True)
class Options:
    """How to analyse.

    Attributes:
        prompts_s: lengths T of the prompts in seconds; 0 prompts with the words alone.
        continuation_s: length of what is compared.
        compared: codebooks whose histograms are compared.
        false_positives: share of negative pairs that may pass.
        max_pairs: negative pairs at most; more are drawn at random.
        bootstrap, seed: of the threshold's interval and of all draws.
    """

    prompts_s: tuple[float, ...] = (0.0, 2.0, 5.0, 10.0)
    continuation_s: float = 5.0
    compared: int = 1
    false_positives: float = FALSE_POSITIVES
    max_pairs: int = 20_000
    bootstrap: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.prompts_s or min(self.prompts_s) < 0 or max(self.prompts_s) > 300:
            raise RequestError(f"prompts of {list(self.prompts_s)} s: give one or more lengths of 0 to 300 s")
        if not 0 < self.continuation_s <= 60:
            raise RequestError(f"a continuation of {self.continuation_s} s: must be above 0 and at most 60 s")
        if self.compared < 1 or self.max_pairs < 1:
            raise RequestError(f"compared {self.compared} codebooks and {self.max_pairs} pairs: both must be 1 or more")

    @property
    def needed_s(self) -> float:
        """Length of sound that the longest prompt needs."""
        return max(self.prompts_s) + self.continuation_s


@dataclass(frozen=True, slots=True)
class Continuation:
    """One continuation beside the piece.

    Attributes:
        piece: name.
        prompt_s: T.
        exact: all tokens are equal.
        cost: matching cost.
        entropy_bits: of the target's tokens.
        matched: exact, or cost below the threshold.
    """

    piece: str
    prompt_s: float
    exact: bool
    cost: float
    entropy_bits: float
    matched: bool


@dataclass(frozen=True)
class Memorization:
    """The finished analysis.

    Attributes:
        model: name.
        rates: by T.
        calibration: of the threshold.
        continuations: all of them, by T and piece.
        negative_costs: matching costs of the negative pairs, sorted.
        duplicates: negative pairs with equal tokens (the same sound twice in the data), left out of the calibration.
        too_short: by T, how many pieces were too short.
        options: as asked.
    """

    model: str
    rates: dict[float, MatchRate]
    calibration: Calibration
    continuations: tuple[Continuation, ...]
    negative_costs: NDArray[np.float64]
    duplicates: int
    too_short: dict[float, int]
    options: Options

    def as_markdown(self) -> str:
        """A page with table and conventions."""
        rows = [
            [f"{t:g} s", str(r.n), _share(r.exact_share, r.exact_interval), _share(r.approximate_share, r.approximate_interval),
             f"{r.entropy_bits:.2f}", "–" if r.matched_entropy_bits is None else f"{r.matched_entropy_bits:.2f}",
             str(self.too_short[t])]
            for t, r in self.rates.items()
        ]  # fmt: skip
        head = ["prompt", "pieces", "exact matches", "approximate matches", "entropy, bits", "of the matches", "too short"]
        c, o = self.calibration, self.options
        seen = (
            f"{c.n_below} of {c.n_pairs} negative pairs lie below it (95 % bound of the true share: {c.false_positive_bound:.2%})"
        )
        notes = [
            f"Greedy continuations of {o.continuation_s:g} s; shares with 95 % Wilson intervals.",
            f"Matching cost: optimal transport between token histograms of {o.compared} codebook(s); approximate match below "
            f"{c.threshold:.4g} (bootstrap {c.low:.4g} to {c.high:.4g}); {seen}.",
        ]
        if c.n_pairs < 1 / c.false_positives:
            notes.append(
                f"{c.n_pairs} pairs cannot show a share of {c.false_positives:.2%}: the threshold is the lowest cost among them; "
                f"{int(np.ceil(1 / c.false_positives))} pairs can."
            )
        if self.duplicates:
            notes.append(f"{self.duplicates} negative pairs had equal tokens (the data repeats itself) and were left out.")
        notes.append("MusicLM reports exact matches below 0.2 % and approximate ones of about 1 % at T = 10 s; its tokens and "
                     "threshold are others, so the figures are not comparable.")  # fmt: skip
        return f"# Memorization: {self.model}\n\n{markdown_table(head, rows)}\n\n" + "\n".join(f"- {n}" for n in notes) + "\n"

    def as_json(self) -> str:
        """All figures but the single continuations."""
        body: dict[str, Any] = {
            "model": self.model,
            "options": asdict(self.options),
            "calibration": asdict(self.calibration),
            "rates": {f"{t:g}": asdict(rate) for t, rate in self.rates.items()},
            "duplicates": self.duplicates,
            "too_short": {f"{t:g}": n for t, n in self.too_short.items()},
        }
        return json.dumps(body, indent=2)

    def as_csv(self) -> str:
        """One line per continuation."""
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["piece", "prompt_s", "exact", "cost", "entropy_bits", "matched"])
        for c in self.continuations:
            writer.writerow([c.piece, f"{c.prompt_s:g}", int(c.exact), f"{c.cost:.6g}", f"{c.entropy_bits:.4f}", int(c.matched)])
        return stream.getvalue()

    def write(self, folder: Path, notes: Sequence[str] = ()) -> None:
        """``memorization.json``, ``.csv``, ``.md`` and ``.png`` into a folder; ``notes`` are added to the page."""
        make_folder(folder)
        write_text(folder / "memorization.md", self.as_markdown() + "".join(f"- {note}\n" for note in notes))
        write_text(folder / "memorization.json", self.as_json() + "\n")
        write_text(folder / "memorization.csv", self.as_csv())
        write_bytes(folder / "memorization.png", self.picture())

    def picture(self) -> bytes:
        """PNG: shares over T, costs against negative pairs, cost against entropy."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(12, 3.6), layout="constrained")
        left, middle, right = figure.subplots(1, 3)
        times = list(self.rates)
        for name, shift in (("exact", -0.08), ("approximate", 0.08)):
            shares = [getattr(r, f"{name}_share") for r in self.rates.values()]
            bounds = [getattr(r, f"{name}_interval") for r in self.rates.values()]
            errors = [[max(0.0, s - b[0]) for s, b in zip(shares, bounds, strict=True)],
                      [max(0.0, b[1] - s) for s, b in zip(shares, bounds, strict=True)]]  # fmt: skip
            left.errorbar([t + shift for t in times], shares, yerr=errors, marker="o", capsize=3, label=name)
        left.set(xlabel="prompt in s", ylabel="share of continuations", title="matches (95 % intervals)", ylim=(-0.03, 1.03))
        left.legend()
        costs = [c.cost for c in self.continuations]
        edges = np.linspace(0.0, max([*costs, *self.negative_costs, self.calibration.threshold, 1e-9]), 40)
        middle.hist(self.negative_costs, edges, density=True, alpha=0.5, label="different pieces")
        middle.hist(costs, edges, density=True, alpha=0.5, label="continuation and piece")
        middle.axvline(self.calibration.threshold, color="black", linestyle="--", label="threshold")
        middle.set(xlabel="matching cost", ylabel="density", title="costs")
        middle.legend()
        for t in times:
            here = [c for c in self.continuations if c.prompt_s == t]
            right.scatter([c.entropy_bits for c in here], [c.cost for c in here], s=10, label=f"{t:g} s")
        right.axhline(self.calibration.threshold, color="black", linestyle="--")
        right.set(xlabel="entropy of the piece's tokens in bits", ylabel="matching cost", title="are matches monotonous?")
        right.legend()
        stream = io.BytesIO()
        figure.savefig(stream, format="png", dpi=80, metadata={"Software": None})
        return stream.getvalue()


def _share(value: float, interval: tuple[float, float]) -> str:
    return f"{value:.1%} ({interval[0]:.1%} to {interval[1]:.1%})"


def analyse(
    model: TokenModel, pieces: Sequence[Piece], options: Options | None = None, progress: Progress = no_progress
) -> Memorization:
    """Prompt, continue, compare, calibrate.

    Args:
        model: the model.
        pieces: training pieces with the tokens of their first seconds; at least two long enough for the longest prompt.
        options: lengths and limits.
        progress: bar.

    Raises:
        RequestError: too few pieces are long enough, or tokens do not fit the model's codebooks.
    """
    options = options or Options()
    rate, streams = model.frame_rate_hz, len(model.codebooks)
    if options.compared > streams:
        raise RequestError(f"compared {options.compared} codebooks; this model has {streams}")
    for piece in pieces:
        if piece.tokens.ndim != 2 or len(piece.tokens) != streams:
            raise RequestError(f"{piece.name}: tokens of shape {piece.tokens.shape}; this model's are [{streams}, n]")
    n = max(1, round(options.continuation_s * rate))
    starts = {t: round(t * rate) for t in sorted(set(options.prompts_s))}
    long_enough = {t: [i for i, p in enumerate(pieces) if p.tokens.shape[1] >= start + n] for t, start in starts.items()}
    for t, found in long_enough.items():
        if len(found) < 2:
            raise RequestError(
                f"{len(found)} of {len(pieces)} pieces last {t + options.continuation_s:g} s, which a prompt of {t:g} s needs; "
                "give at least 2, or shorter prompts"
            )
    targets = {(t, i): pieces[i].tokens[:, starts[t] : starts[t] + n] for t, found in long_enough.items() for i in found}
    costs, owners, duplicates = _negatives(targets, model.codebooks, options, progress)
    calibration = calibrate(
        costs, owners, false_positives=options.false_positives, bootstrap=options.bootstrap, seed=options.seed
    )
    done = []
    for t, i in progress(targets, len(targets), "continuing"):
        prompt = pieces[i].tokens[:, : starts[t]]
        made = model.continue_greedily(prompt, n, pieces[i].text)
        done.append(_compared(pieces[i].name, t, made, targets[t, i], model.codebooks, options, calibration))
    rates = {
        t: match_rate(
            [c.exact for c in done if c.prompt_s == t], [c.cost for c in done if c.prompt_s == t],
            [c.entropy_bits for c in done if c.prompt_s == t], calibration.threshold,
        )
        for t in starts
    }  # fmt: skip
    too_short = {t: len(pieces) - len(found) for t, found in long_enough.items()}
    return Memorization(model.name, rates, calibration, tuple(done), np.sort(costs), duplicates, too_short, options)


def _compared(
    name: str, t: float, made: Tokens, target: Tokens, codebooks: NDArray[np.float32], options: Options, limit: Calibration
) -> Continuation:
    """One continuation beside its target."""
    exact = exact_match(made, target)
    cost = matching_cost(made[: options.compared], target[: options.compared], codebooks)
    entropy = float(np.mean([token_entropy_bits(row) for row in target[: options.compared]]))
    return Continuation(name, t, exact, cost, entropy, exact or cost < limit.threshold)


def _negatives(
    targets: dict[tuple[float, int], Tokens], codebooks: NDArray[np.float32], options: Options, progress: Progress
) -> tuple[NDArray[np.float64], NDArray[np.int64], int]:
    """Costs ``[P]`` and owners ``[P, 2]`` of pairs of different pieces at one T; and how many pairs were duplicates."""
    groups: dict[float, list[int]] = {}
    for t, i in targets:
        groups.setdefault(t, []).append(i)
    pairs = [(t, a, b) for t, members in groups.items() for x, a in enumerate(members) for b in members[x + 1 :]]
    if len(pairs) > options.max_pairs:
        chosen = np.random.default_rng(options.seed).choice(len(pairs), options.max_pairs, replace=False)
        pairs = [pairs[k] for k in np.sort(chosen)]
    costs, owners, duplicates = [], [], 0
    work: Iterable[tuple[float, int, int]] = progress(pairs, len(pairs), "calibrating")
    for t, a, b in work:
        first, second = targets[t, a], targets[t, b]
        if np.array_equal(first, second):
            duplicates += 1
            continue
        costs.append(matching_cost(first[: options.compared], second[: options.compared], codebooks))
        owners.append((a, b))
    if not costs:
        raise RequestError(f"all {duplicates} pairs of pieces have equal tokens: the data is one piece; give different ones")
    return np.array(costs), np.array(owners, dtype=np.int64), duplicates
