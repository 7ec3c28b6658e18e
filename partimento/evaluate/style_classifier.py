"""Do the styles differ? A nearest-centroid classifier over symbolic texture.

It sees what is written: where drums, bass and chords strike in the bar, how many notes, how long, which chords, how swung; it
sees neither tempo nor program numbers nor instrument names. Trained on some seeds of every style, tested on others; features
are standardised by the training pieces and each style is the mean of its own. Chance is one in the number of styles.

Reference: R. Tibshirani et al., "Diagnosis of multiple cancer types by shrunken centroids of gene expression", PNAS 99, 2002 (the
classifier, here without shrinkage).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from partimento.errors import PartimentoError
from partimento.evaluate.compose_data import Progress, silent
from partimento.metrics.note_arrays import FloatArray, IntArray
from partimento.score.score import Note, Score, Track

MIN_ACCURACY = 0.80
TRAIN_SEEDS = tuple(range(8))
TEST_SEEDS = tuple(range(100, 104))
OWN_BAND = "each style's own ensemble"
SAME_BAND = "flute, piano, double bass and drums"
"""Words for an ensemble in which every style can be played."""
GRID = 16
"""Positions of a bar; metres other than 4/4 are stretched onto it."""

ComposeStyle = Callable[[str, int], Score]
"""(style id, seed) → score."""

_DRUM_GROUPS: Mapping[str, tuple[int, ...]] = {
    "kick": (35, 36),
    "snare": (37, 38, 39, 40),
    "hat": (42, 44, 46),
    "ride": (51, 53, 59),
    "toms": (41, 43, 45, 47, 48, 50),
    "crash": (49, 52, 55, 57),
}
_PART_GROUPS: Mapping[str, tuple[str, ...]] = {
    "bass": ("bass",),
    "chords": ("chords",),
    "pad": ("pad",),
    "arpeggio": ("arpeggio",),
    "melody": ("melody",),
    "counter": ("counter",),
}


@dataclass(frozen=True)
class StyleFigures:
    """Result of the classification.

    Attributes:
        band: who plays: the styles' own ensembles, or the same one for all (then only what is played tells them apart).
        styles: ids, in order of the table.
        confusion: test pieces ``[true style, named style]``.
        n_train, n_test: pieces per style.
        accuracy: share of test pieces named rightly.
    """

    band: str
    styles: tuple[str, ...]
    confusion: IntArray
    n_train: int
    n_test: int
    accuracy: float

    @property
    def passed(self) -> bool:
        """True when the accuracy reaches the limit."""
        return self.accuracy >= MIN_ACCURACY

    def confused(self) -> tuple[tuple[str, str, int], ...]:
        """(true, named, pieces) of all mistakes, the most frequent first."""
        found = [(self.styles[i], self.styles[j], int(n)) for (i, j), n in np.ndenumerate(self.confusion) if i != j and n > 0]
        return tuple(sorted(found, key=lambda row: (-row[2], row[0], row[1])))


def texture(score: Score) -> dict[str, float]:
    """Texture features of a score: names and values, without tempo, programs or instruments."""
    bars = max(1, score.n_bars)
    values: dict[str, float] = {"metre_bar": score.metre.bar_quarters, "metre_compound": float(score.metre.is_compound)}
    drums = [n for t in score.tracks if t.is_drum for n in t.notes]
    for name, keys in _DRUM_GROUPS.items():
        values |= _pattern(f"drum_{name}", score, [n for n in drums if n.pitch in keys], GRID)
    named = {k for keys in _DRUM_GROUPS.values() for k in keys}
    values["drum_other_per_bar"] = sum(n.pitch not in named for n in drums) / bars
    for name, roles in _PART_GROUPS.items():
        tracks = [t for t in score.tracks if not t.is_drum and t.role in roles]
        values |= _part(name, score, tracks)
    values |= _bass_line(score)
    values |= _harmony(score)
    values["swing"] = _swing(score)
    return values


def _place(score: Score, note: Note) -> float:
    """Place of a note in its bar, 0 to 1."""
    start, end = score.bar_span(score.bar_at(note.start))
    return (note.start - start) / max(end - start, 1e-9)


def _pattern(name: str, score: Score, notes: Sequence[Note], steps: int) -> dict[str, float]:
    """Onsets per bar, and how many of the bars with onsets strike at each of ``steps`` positions."""
    bars = {score.bar_at(n.start) for n in notes}
    struck = {(score.bar_at(n.start), round(_place(score, n) * steps) % steps) for n in notes}
    shares = np.zeros(steps)
    for _, step in struck:
        shares[step] += 1.0 / len(bars)
    return {f"{name}_per_bar": len(notes) / score.n_bars, **{f"{name}_{i}": float(s) for i, s in enumerate(shares)}}


def _part(name: str, score: Score, tracks: Sequence[Track]) -> dict[str, float]:
    """Texture of the parts of one role."""
    notes = [n for t in tracks for n in t.notes]
    onsets = {(t.name, round(n.start * 12)) for t in tracks for n in t.notes}
    return {
        **_pattern(name, score, notes, GRID // 2),
        f"{name}_parts": float(len(tracks)),
        f"{name}_chord_size": len(notes) / len(onsets) if onsets else 0.0,
        f"{name}_duration": float(np.mean([n.duration for n in notes])) if notes else 0.0,
        f"{name}_duration_sd": float(np.std([n.duration for n in notes])) if notes else 0.0,
        f"{name}_pitch": float(np.mean([n.pitch for n in notes])) if notes else 60.0,
        f"{name}_spread": float(np.std([n.pitch for n in notes])) if notes else 0.0,
        f"{name}_velocity": float(np.mean([n.velocity for n in notes])) if notes else 80.0,
    }


def _bass_line(score: Score) -> dict[str, float]:
    """How the bass moves: steps, leaps, roots."""
    notes = sorted((n for t in score.tracks if t.role == "bass" for n in t.notes), key=lambda n: n.start)
    size = np.abs(np.diff([n.pitch for n in notes])) if len(notes) > 1 else np.zeros(0)
    under = [(n, chord) for n in notes if (chord := score.chord_at(n.start)) is not None]

    def share(mask: np.ndarray) -> float:
        return float(mask.mean()) if mask.size else 0.0

    return {
        "bass_repeats": share(size == 0),
        "bass_steps": share((size == 1) | (size == 2)),
        "bass_fifths": share((size == 5) | (size == 7)),
        "bass_octaves": share(size == 12),
        "bass_roots": share(np.array([n.pitch % 12 == chord.root for n, chord in under])),
    }


def _harmony(score: Score) -> dict[str, float]:
    """Which chords, and how fast they change."""
    chords = [span.chord for span in score.chords]
    weights = np.array([span.end - span.start for span in score.chords])

    def share(flags: list[bool]) -> float:
        return float(np.average(flags, weights=weights)) if chords else 0.0

    return {
        "chords_per_bar": len(chords) / score.n_bars,
        "chord_minor": share([c.is_minor for c in chords]),
        "chord_dominant": share([c.is_dominant for c in chords]),
        "chord_seventh": share([c.seventh is not None for c in chords]),
        "chord_tension": share([max(c.intervals) > 12 for c in chords]),
        "chord_power": share([c.third is None for c in chords]),
        "chord_diatonic": share([all(p in score.key.scale for p in c.pitch_classes) for c in chords]),
        "mode_minor": float(score.key.is_minor),
    }


def _swing(score: Score) -> float:
    """Mean delay of off-beat eighths as played, in quarter notes (0 straight, about 0.17 triplet swing)."""
    delays = []
    for track in score.tracks:
        for note in track.notes:
            played = note.start + note.nudge_s * score.tempo_map.bpm_at(note.start) / 60.0
            if 0.4 <= note.start % 1.0 <= 0.7:
                delays.append(played % 1.0 - 0.5)
    return float(np.median(delays)) if delays else 0.0


def nearest_centroids(train: FloatArray, labels: IntArray, test: FloatArray) -> IntArray:
    """Label of the nearest class mean for each row of ``test [M, F]``, after standardising by ``train [N, F]``.

    Features that do not vary in training are left out.
    """
    mean, sd = train.mean(axis=0), train.std(axis=0)
    varying = sd > 1e-9
    scaled, asked = ((x[:, varying] - mean[varying]) / sd[varying] for x in (train, test))
    classes = np.unique(labels)
    centroids = np.stack([scaled[labels == c].mean(axis=0) for c in classes])
    distance = ((asked[:, None, :] - centroids[None]) ** 2).sum(axis=2)
    return np.asarray(classes[distance.argmin(axis=1)], dtype=np.int64)


def classify_styles(
    compose_style: ComposeStyle,
    styles: Sequence[str],
    train_seeds: Sequence[int] = TRAIN_SEEDS,
    test_seeds: Sequence[int] = TEST_SEEDS,
    progress: Progress = silent,
    band: str = OWN_BAND,
) -> StyleFigures:
    """Compose every style with every seed, train on some, name the others.

    Args:
        compose_style: composes a style with a seed.
        styles: ids.
        train_seeds: seeds of the training pieces of each style.
        test_seeds: seeds of the test pieces.
        progress: wraps the iteration.
        band: who plays, for the report.

    Raises:
        PartimentoError: with fewer than two styles, no seeds, or a seed on both sides.
    """
    if len(styles) < 2 or not train_seeds or not test_seeds or set(train_seeds) & set(test_seeds):
        raise PartimentoError("the style classifier needs two styles and separate training and test seeds")
    jobs = [(style, seed) for style in styles for seed in (*train_seeds, *test_seeds)]
    rows = np.array([list(texture(compose_style(*job)).values()) for job in progress(jobs, len(jobs), "styles")])
    label = np.array([styles.index(style) for style, _ in jobs], dtype=np.int64)
    is_test = np.array([seed in set(test_seeds) for _, seed in jobs])
    named = nearest_centroids(rows[~is_test], label[~is_test], rows[is_test])
    confusion = np.zeros((len(styles), len(styles)), dtype=np.int64)
    np.add.at(confusion, (label[is_test], named), 1)
    accuracy = float(np.trace(confusion) / confusion.sum())
    return StyleFigures(band, tuple(styles), confusion, len(train_seeds), len(test_seeds), accuracy)
