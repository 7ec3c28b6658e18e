"""How good is a score model? Likelihood of held-out tunes, what was asked, and tunes beside real ones.

    python -m partimento.evaluate.score_model [CHECKPOINT] --data data/scores [--sheets openewld/] [--midi FOLDER]

- **Bits per note** of held-out tunes under the model, under an order-2 Markov chain and a unigram over the same tokens, and
  under an order-2 chain over whole notes (interval, length, rest), all learned from the training split (Witten-Bell
  smoothing). All of them code the same notes, the model and the token chains with their bar lines; chords, key and metre are
  given. The model is measured twice: told nothing of the tune as a whole, and told its density and traits, which it then has to
  code, too, as it does when it writes.
- **Asked and there**: key (heard in the notes), metre and instruments of pieces written to random requests.
- With ``--sheets`` the tune part of ``evaluate compose`` with this model as the composer; ``--midi`` writes those tunes for
  ``evaluate compose --systems``.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from partimento.errors import FileError, PartimentoError
from partimento.score.score import ChordSpan, KeyPoint, MetrePoint, Note, Score, Track
from partimento.score.timing import Key, Metre, TempoPoint
from partimento.score_lm.grid import GridScore
from partimento.score_lm.tokens import excerpt

if TYPE_CHECKING:
    from partimento.score_lm.model import ScoreModel
    from partimento.score_lm.pen import ScoreSampling

Ints = NDArray[np.int64]
MAX_BARS = 24
MAX_PIECES = 60
ASKED_KEYS = ("C major", "D minor", "G major", "A minor", "F major", "E minor", "B flat major", "C minor", "E major", "F# minor")
ASKED_METRES = ("4/4", "3/4", "6/8", "2/4")
ASKED_INSTRUMENTS = ("flute", "violin", "trumpet", "clarinet", "cello", "saxophone", "oboe", "guitar", "accordion", "harmonica")
SAMPLING_OPTIONS = (
    ("candidates", int, "tunes of which the best is kept"),
    ("temperature", float, "above 1 bolder, below 1 safer"),
    ("top_p", float, "share of the probability that is drawn from"),
    ("guidance", float, "how much more is made of a tune's traits"),
)
"""Options of :class:`partimento.score_lm.pen.ScoreSampling` on the command line: name, type, in words."""
ASKED_WITH = ("piano", "double bass", "harp", "organ", "strings")


class Chain:
    """An n-gram model with Witten-Bell smoothing, down to equal chances of all words.

    Args:
        order: words looked back at; 0 is a unigram.
        n_words: size of the vocabulary.
    """

    def __init__(self, order: int, n_words: int) -> None:
        self.order, self.n_words = order, n_words
        self._counts: dict[tuple[Any, ...], Counter[Any]] = defaultdict(Counter)

    def learn(self, words: Sequence[Any]) -> None:
        """Count a sequence."""
        for i, word in enumerate(words):
            for order in range(min(self.order, i) + 1):
                self._counts[tuple(words[i - order : i])][word] += 1

    def bits(self, past: Sequence[Any], word: Any) -> float:
        """Bits of a word after others."""
        chance = 1.0 / self.n_words
        for order in range(min(self.order, len(past)) + 1):
            counts = self._counts.get(tuple(past[len(past) - order :]))
            if counts:
                total, kinds = sum(counts.values()), len(counts)
                chance = (counts[word] + kinds * chance) / (total + kinds)
        return -math.log2(chance)


@dataclass(frozen=True, slots=True)
class Likelihood:
    """Bits of held-out tunes.

    Attributes:
        source: kind of music.
        n_pieces, n_notes, n_tokens: measured on.
        per_token, per_note: bits by ``model`` told nothing and ``told`` (see the module's text), ``markov`` and ``unigram`` over
            tokens, ``notes`` over whole notes (per note only).
    """

    source: str
    n_pieces: int
    n_notes: int
    n_tokens: int
    per_token: dict[str, float]
    per_note: dict[str, float]


@dataclass(frozen=True, slots=True)
class Beginning:
    """The first :data:`MAX_BARS` bars of a tune that says its density and traits, and how many bars follow."""

    grid: GridScore
    left: int

    @classmethod
    def of(cls, tune: GridScore) -> Beginning:
        """Cut a tune."""
        n = min(len(tune.bars), MAX_BARS)
        return cls(excerpt(tune, 0, n), len(tune.bars) - n)

    @property
    def untold(self) -> GridScore:
        """Without density and traits."""
        return replace(self.grid, conditions=replace(self.grid.conditions, density=None, traits=None))


def note_words(grid: GridScore) -> list[tuple[int, int, int]]:
    """(interval from the note before, length, rest before it) of a tune's notes."""
    words: list[tuple[int, int, int]] = []
    pitch, end = -1, 0
    for note in grid.tracks[0].notes:
        words.append((note.pitch - pitch if pitch >= 0 else note.pitch, note.ticks, note.start - end))
        pitch, end = note.pitch, note.start + note.ticks
    return words


def held_out_bits(model: ScoreModel, lines: Sequence[dict[str, Any]]) -> list[Likelihood]:
    """Likelihood of the test split's tunes, by source.

    Args:
        model: ready for use.
        lines: of :func:`partimento.data.scores.read_scores`.

    Raises:
        FileError: there is no training or no test split.
    """
    from partimento.train.score_data import described, lead_of, sequence

    v = model.config.vocabulary
    leads = [(line["source"], line["split"], described(lead_of(line["piece"]), traits=True)) for line in lines]
    known = [row for row in leads if row[2].tracks and all(b.metre in v.metres for b in row[2].bars)]
    tunes = [(source, split, Beginning.of(grid)) for source, split, grid in known]
    tunes = [row for row in tunes if row[2].grid.tracks[0].notes]
    train = [tune for _, split, tune in tunes if split == "train"]
    test = [(source, tune) for source, split, tune in tunes if split == "test"]
    if not train or not test:
        raise FileError("the dataset has no training or no test split; build a larger one")
    chains = {"markov": Chain(2, len(v)), "unigram": Chain(0, len(v))}
    learned = [_learned(sequence(tune.untold, v, left=tune.left, ended=False, chords=False)) for tune in train]
    words = [note_words(tune.grid) for tune in train]
    notes = Chain(2, len({w for row in words for w in row}) + 1)
    for chain in chains.values():
        for row in learned:
            chain.learn(row)
    for row_of_notes in words:
        notes.learn(row_of_notes)
    return [
        _likelihood(model, source, [tune for s, tune in test if s == source][:MAX_PIECES], chains, notes)
        for source in sorted({s for s, _ in test})
    ]


def _learned(rows: Ints) -> list[int]:
    """The tokens that a model has to foresee."""
    return [int(t) for t in rows[rows[:, 1] == 1, 0]]


def _likelihood(
    model: ScoreModel, source: str, pieces: Sequence[Beginning], chains: dict[str, Chain], notes: Chain
) -> Likelihood:
    from partimento.train.score_data import sequence

    totals: dict[str, float] = defaultdict(float)
    n_notes = n_tokens = 0
    for tune in pieces:
        said = model.config.chord_tokens
        rows, told = (
            sequence(grid, model.config.vocabulary, left=tune.left, ended=False, chords=said) for grid in (tune.untold, tune.grid)
        )
        longer = len(told) - len(rows)
        rows = rows[: model.config.context]
        words = note_words(tune.grid)
        # What did not fit into the context is left out of all counts.
        count = _notes_said(rows, tune.grid, model)
        tokens = _learned(rows)
        n_notes, n_tokens = n_notes + count, n_tokens + len(tokens)
        totals["model"] += model_bits(model, rows)
        totals["told"] += model_bits(model, told[: len(rows) + longer])
        for name, chain in chains.items():
            totals[name] += sum(chain.bits(tokens[max(0, i - 2) : i], t) for i, t in enumerate(tokens))
        totals["notes"] += sum(notes.bits(words[max(0, i - 2) : i], w) for i, w in enumerate(words[:count]))
    per_token = {name: totals[name] / max(n_tokens, 1) for name in ("model", "told", *chains)}
    per_note = {name: totals[name] / max(n_notes, 1) for name in ("model", "told", *chains, "notes")}
    return Likelihood(source, len(pieces), n_notes, n_tokens, per_token, per_note)


def _notes_said(rows: Ints, grid: GridScore, model: ScoreModel) -> int:
    """Notes of the tune that tokens have said."""
    from partimento.score_lm.walk import Walk

    walk = Walk(model.config.vocabulary, grid, [range(len(grid.bars))])
    for token in rows[:, 0]:
        walk.feed(int(token))
    return len(walk.notes[0])


def model_bits(model: ScoreModel, rows: Ints) -> float:
    """Bits of the tokens to be learned in ``[T, CHANNELS]``."""
    import torch
    from torch.nn import functional

    with torch.inference_mode():
        data = torch.from_numpy(rows)[None]
        logits = model(data[:, :-1, 0], data[:, :-1, 3:])[0].float()
        wanted, learned = data[0, 1:, 0], data[0, 1:, 1].bool()
        return float(functional.cross_entropy(logits[learned], wanted[learned], reduction="sum")) / math.log(2.0)


@dataclass(frozen=True, slots=True)
class Asked:
    """Shares of random requests in which what was asked for is there."""

    n: int
    key: float
    metre: float
    instruments: float


def asked_and_there(model: ScoreModel, n: int, seed: int = 0, sampling: ScoreSampling | None = None) -> Asked:
    """Compose to random requests; the key is the one heard in the notes, an instrument is there when it plays."""
    from partimento.compose import compose
    from partimento.compose.learned import LearnedTune
    from partimento.pipeline import make_plan
    from partimento.score.key_guess import guess_key

    kept: list[tuple[bool, bool, float]] = []
    for i in range(n):
        rng = np.random.default_rng([seed, i])
        key, metre = str(rng.choice(ASKED_KEYS)), str(rng.choice(ASKED_METRES))
        names = (str(rng.choice(ASKED_INSTRUMENTS)), str(rng.choice(ASKED_WITH)))
        plan = make_plan(f"a tune for {names[0]} and {names[1]} in {metre} in {key}", bars=16, seed=i)
        score = compose(plan, rng, LearnedTune(model, sampling))
        heard: Key = guess_key([note for t in score.tracks if t.has_pitch for note in t.notes], score.chords)
        playing = {t.instrument for t in score.tracks if t.notes}
        asked = {p.instrument for p in plan.parts if p.words}
        share = float(np.mean([name in playing for name in asked])) if len(asked) == 2 else 0.0
        kept.append((heard == plan.first_key and str(heard.mode) in key, str(score.metre) == metre, share))
    key_rate, metre_rate, there = np.mean(np.array(kept, dtype=float), axis=0)
    return Asked(n, float(key_rate), float(metre_rate), float(there))


def tune_figures(
    model: ScoreModel, sheets: Path, midi: Path | None = None, cache: Path | None = None, sampling: ScoreSampling | None = None
) -> dict[str, Any]:
    """The tune part of ``evaluate compose`` with this model as the composer, on the sheets that are not sealed."""
    from partimento.compose.learned import LearnedTune
    from partimento.evaluate.compose import evaluate_tunes
    from partimento.evaluate.compose_data import load_tunes, sheet_names, split
    from partimento.evaluate.compose_tunes import compose_all, share_passed

    names, _ = split(sheet_names(sheets))
    tunes, _ = load_tunes(sheets, names, cache)
    writer = LearnedTune(model, sampling).lead_sheet
    made: dict[tuple[Any, ...], tuple[Note, ...]] = {}

    def once(
        chords: tuple[ChordSpan, ...], metre: Metre, key: Key, n_bars: int, tempo_bpm: float, rng: np.random.Generator
    ) -> tuple[Note, ...]:
        """The writer, asked the same thing only once."""
        asked = (chords, metre, key, n_bars, tempo_bpm, str(rng.bit_generator.state))
        if asked not in made:
            made[asked] = writer(chords, metre, key, n_bars, tempo_bpm, rng)
        return made[asked]

    figures = evaluate_tunes(tunes, tunes, tunes, once)
    if midi is not None:
        from partimento.score.midi import write_midi

        midi.mkdir(parents=True, exist_ok=True)
        for tune in compose_all(tunes, once, 0, "tunes"):
            track = Track("tune", "melody", "voice", 53, False, tune.notes)
            end = tune.n_bars * tune.metre.bar_quarters
            tempo, metre, key = (TempoPoint(0.0, tune.tempo_bpm),), (MetrePoint(0, tune.metre),), (KeyPoint(0.0, tune.key),)
            write_midi(Score((track,), end, tempo, metre, key, tune.chords), midi / f"{Path(tune.name).stem}.mid")
    longest = [row.run.n_notes for row in figures.overlaps]
    return {
        "sheets": figures.n_sheets,
        "features_in_range": share_passed(figures.features),
        "baseline_features_in_range": figures.baseline_features,
        "auc": {f"{row.pair}, {row.separation.kind}": round(row.separation.auc, 3) for row in figures.separations},
        "longest_run": max(longest),
        "longest_run_of_real_sheets": max(row.run.n_notes for row in figures.real_overlaps),
        "outside": [f"{r.spec.name}: {r.remark}" for r in figures.features if r.verdict == "fail"],
    }


def markdown(rows: Iterable[Likelihood]) -> str:
    """The likelihoods as a table."""
    lines = [
        "| held-out tunes | pieces | notes | bits/token: model | Markov 2 | unigram "
        "| bits/note: model | told, and telling | Markov 2 | unigram | notes 2 |",
        "|---" * 11 + "|",
    ]
    for r in rows:
        values = [r.per_token[n] for n in ("model", "markov", "unigram")]
        values += [r.per_note[n] for n in ("model", "told", "markov", "unigram", "notes")]
        lines.append(f"| {r.source} | {r.n_pieces} | {r.n_notes} | " + " | ".join(f"{x:.2f}" for x in values) + " |")
    return "\n".join(lines) + "\n"


def main(argv: list[str] | None = None) -> int:
    """Command line of this module."""
    parser = argparse.ArgumentParser(description="Measure a score model.")
    parser.add_argument("checkpoint", nargs="?", default="mini-score", help="folder of the trainer, or built-in weights")
    parser.add_argument("--data", type=Path, required=True, help="dataset of partimento data scores")
    parser.add_argument("--sheets", type=Path, help="lead sheets: compare tunes with real ones")
    parser.add_argument("--midi", type=Path, help="write those tunes here")
    parser.add_argument("--requests", type=int, default=40, help="random requests (default 40; 0 leaves them out)")
    for name, kind, what in SAMPLING_OPTIONS:
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, help=f"{what} (default: the model's own)")
    args = parser.parse_args(argv)
    from partimento.data.scores import read_scores
    from partimento.score_lm.loading import load_score_model
    from partimento.score_lm.pen import ScoreSampling

    try:
        chosen = {name: getattr(args, name) for name, _, _ in SAMPLING_OPTIONS if getattr(args, name) is not None}
        sampling = ScoreSampling(**chosen)
        model = load_score_model(args.checkpoint)
        print(markdown(held_out_bits(model, read_scores(args.data))), flush=True)
        if args.requests:
            print(asked_and_there(model, args.requests, sampling=sampling), flush=True)
        if args.sheets is not None:
            print(json.dumps(tune_figures(model, args.sheets, args.midi, sampling=sampling), indent=1))
    except PartimentoError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
