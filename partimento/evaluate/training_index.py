"""Is an output a copy of something in the training set? An index of the set, and a search in it.

**Sound.** Every piece is kept as log-mel statistics per half second (how it sounds) and as chroma (which notes). A search
takes the eight pieces whose five-second stretches resemble one of the output's most in each of the two, and aligns them
with the output by subsequence dynamic time warping of chroma, five seconds at a time. The figure is the lowest alignment
cost: 0 for the same notes in the same order, transposition not forgiven.

**Scores.** The longest run of notes that a tune of the output has in common with one of the set, by intervals and
times, so that transposition is forgiven.

**Thresholds** come from the set itself: every piece (or as many as :data:`MAX_CALIBRATION`) is searched among the others, and
less than 1 % of them may be found. With a hundred pieces or fewer that is: none. Pieces that the set holds twice would
spoil this; they are left out of the calibration and listed.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partimento.errors import FileError, RequestError
from partimento.evaluate.systems.work import Progress, no_progress
from partimento.evaluate.training_features import CHROMA_RATE_HZ, Array, embedder_name, unit
from partimento.metrics.subsequence_alignment import best_occurrence
from partimento.metrics.tune_overlap import Corpus, Tune
from partimento.paths import read_bytes, write_bytes

STRETCH_S = 5.0
FALSE_POSITIVES = 0.01
MAX_CALIBRATION = 200
MIN_RUN_NOTES = 9
"""Runs up to this long are ordinary writing, however few pieces the index has (see :mod:`partimento.compose.novelty`)."""
_CANDIDATES = 8
_GRID_STRETCH = 9  # rows of half a second that make about five seconds
_HOP_FRAMES = 8  # from one stretch of chroma to the next, about a second
_CALIBRATION_S = 60.0  # of each piece
_REPEAT_COST, _REPEAT_SHARE = 0.02, 0.8  # below, above: the set holds the piece twice
_FORMAT = 1


@dataclass(frozen=True)
class Space:
    """Rows of many pieces: of piece i, ``rows[starts[i] : starts[i + 1]]``; every piece has at least 9 (zeros are added)."""

    rows: Array
    starts: NDArray[np.int64]

    @classmethod
    def of(cls, parts: Sequence[NDArray[np.float32]]) -> Space:
        """One space of the pieces' rows ``[n, D]``."""
        padded = [np.pad(p, ((0, max(0, _GRID_STRETCH - len(p))), (0, 0))) for p in parts]
        return cls(np.concatenate(padded).astype(np.float32), np.cumsum([0, *(len(p) for p in padded)]).astype(np.int64))

    def nearest(self, query: Array, n: int, skip: int | None = None) -> list[int]:
        """The ``n`` pieces with the stretch most like one of the query's (mean cosine along the diagonal), best first."""
        size = min(_GRID_STRETCH, len(query))
        n_columns = len(self.rows) - size + 1
        inside = np.zeros(n_columns, dtype=bool)
        for start, end in zip(self.starts[:-1], self.starts[1:], strict=True):
            inside[start : end - size + 1] = True
        best = np.full(n_columns, -np.inf)
        for first in range(0, len(query) - size + 1, 64):  # in blocks, for the memory
            likeness = query[first : first + 64 + size - 1] @ self.rows.T
            n_rows = len(likeness) - size + 1
            total = likeness[:n_rows, :n_columns].copy()
            for k in range(1, size):
                total += likeness[k : k + n_rows, k : k + n_columns]
            best = np.maximum(best, total.max(axis=0))
        scores = np.maximum.reduceat(np.where(inside, best, -np.inf), self.starts[:-1])
        if skip is not None:
            scores[skip] = -np.inf
        return [int(i) for i in np.argsort(-scores, kind="stable")[:n] if np.isfinite(scores[i])]


@dataclass(frozen=True, slots=True)
class Match:
    """The piece of the set that an output resembles most.

    Attributes:
        name: of the piece; empty when there is nothing to compare.
        value: alignment cost (sound), or notes in common (score).
        threshold: sound: below it is a copy; score: above it is a copy.
        found: it is a copy.
        at_s, piece_at_s: where the stretch begins in the output and in the piece (sound); note numbers for scores.
    """

    name: str
    value: float
    threshold: float
    found: bool
    at_s: float = 0.0
    piece_at_s: float = 0.0


@dataclass(frozen=True)
class SoundIndex:
    """Sounds of a training set.

    Attributes:
        names: of the N pieces.
        vectors, grid: coarse rows of how it sounds and of its notes.
        chroma: fine chroma ``[F, 12]``.
        chroma_starts: ``[N + 1]``.
        mean, deviation: of the vectors before they were standardised ``[144]``.
        threshold: costs below it are copies.
        repeats: pairs of names that the set holds twice.
    """

    names: tuple[str, ...]
    vectors: Space
    grid: Space
    chroma: Array
    chroma_starts: NDArray[np.int64]
    mean: Array
    deviation: Array
    threshold: float = 0.0
    repeats: tuple[tuple[str, str], ...] = ()

    def search(self, features: dict[str, NDArray[Any]], skip: int | None = None) -> Match:
        """The nearest piece to a sound's features; ``skip`` leaves a piece out.

        Raises:
            RequestError: the sound is silent.
        """
        frames = np.asarray(features["chroma"], dtype=np.float32)
        if not frames.any():
            raise RequestError("the sound is silent; there is nothing to search for")
        vectors = unit((features["vectors"] - self.mean) / self.deviation)
        candidates = self.vectors.nearest(vectors, _CANDIDATES, skip)
        candidates += [i for i in self.grid.nearest(features["grid"], _CANDIDATES, skip) if i not in candidates]
        window = round(STRETCH_S * CHROMA_RATE_HZ)
        best, name = None, ""
        for i in candidates:
            reference = self.chroma[self.chroma_starts[i] : self.chroma_starts[i + 1]]
            occurrence = best_occurrence(frames, reference, window, _HOP_FRAMES)
            if best is None or occurrence.cost < best.cost:
                best, name = occurrence, self.names[i]
        if best is None:
            return Match("", 2.0, self.threshold, False)
        found = best.cost < self.threshold
        return Match(name, best.cost, self.threshold, found, best.query_start / CHROMA_RATE_HZ, best.start / CHROMA_RATE_HZ)


@dataclass(frozen=True)
class TuneIndex:
    """Tunes of a training set's scores.

    Attributes:
        tunes: by ``piece: track``.
        threshold: longer runs, in notes, are copies.
        repeats: pairs of names that the set holds twice.
    """

    tunes: dict[str, Tune]
    threshold: int = MIN_RUN_NOTES
    repeats: tuple[tuple[str, str], ...] = ()

    def search(self, tunes: dict[str, Tune], corpus: Corpus | None = None, skip: Sequence[str] = ()) -> Match:
        """The longest run of notes in common with a tune of the set."""
        corpus = corpus or Corpus(self.tunes)
        best = Match("", 0.0, self.threshold, False)
        for tune in tunes.values():
            run = corpus.longest_run(tune, skip)
            if run.n_notes > best.value:
                found = run.n_notes > self.threshold
                best = Match(run.name, float(run.n_notes), self.threshold, found, run.query_note, run.corpus_note)
        return best


@dataclass(frozen=True)
class TrainingIndex:
    """An index; either part may be missing."""

    sounds: SoundIndex | None = None
    scores: TuneIndex | None = None


def index_sounds(
    names: Sequence[str], features: Sequence[dict[str, NDArray[Any]]], progress: Progress = no_progress
) -> SoundIndex:
    """Index and calibrate.

    Args:
        names: of the pieces, N ≥ 2.
        features: by :class:`partimento.evaluate.training_features.SoundFeatures`.
        progress: bar.

    Raises:
        RequestError: fewer than two pieces that sound.
    """
    kept = [i for i, f in enumerate(features) if f["chroma"].any()]
    if len(kept) < 2:
        raise RequestError(f"{len(kept)} pieces with sound: an index needs at least 2 to calibrate its threshold")
    names, features = [names[i] for i in kept], [features[i] for i in kept]
    everything = np.concatenate([f["vectors"] for f in features]).astype(np.float64)
    mean, deviation = everything.mean(axis=0), np.maximum(everything.std(axis=0), 1e-6)
    vectors = Space.of([unit((f["vectors"] - mean) / deviation) for f in features])
    grid = Space.of([np.asarray(f["grid"], dtype=np.float32) for f in features])
    # Half precision halves the file; the index searches what it stores.
    fine = np.concatenate([f["chroma"] for f in features]).astype(np.float16).astype(np.float32)
    starts = np.cumsum([0, *(len(f["chroma"]) for f in features)]).astype(np.int64)
    index = SoundIndex(tuple(names), vectors, grid, fine, starts, mean.astype(np.float32), deviation.astype(np.float32))
    costs, repeats = [], []
    chosen = _calibration_set(len(names))
    for i in progress(chosen, len(chosen), "calibrating"):
        match = index.search(_beginning(features[i]), skip=i)
        if match.value < _REPEAT_COST:
            repeats.append((names[i], match.name))
        else:
            costs.append(match.value)
    threshold = sorted(costs)[_allowed(len(costs))] if costs else _REPEAT_COST
    return SoundIndex(index.names, vectors, grid, fine, starts, index.mean, index.deviation, float(threshold), tuple(repeats))


def _beginning(features: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The first minute, so that a long piece of the set has no more chances than a usual output."""
    rows = round(_CALIBRATION_S * 2)
    return {
        "vectors": features["vectors"][:rows],
        "grid": features["grid"][:rows],
        "chroma": features["chroma"][: round(_CALIBRATION_S * CHROMA_RATE_HZ)],
    }


def index_tunes(pieces: dict[str, dict[str, Tune]], progress: Progress = no_progress) -> TuneIndex:
    """Index and calibrate.

    Args:
        pieces: tunes by track, by the name of the piece; at least two with a tune.
        progress: bar.

    Raises:
        RequestError: fewer than two pieces with a tune.
    """
    pieces = {name: tunes for name, tunes in pieces.items() if tunes}
    if len(pieces) < 2:
        raise RequestError(f"{len(pieces)} scores with a tune: an index needs at least 2 to calibrate its threshold")
    tunes = {f"{name}: {track}": tune for name, found in pieces.items() for track, tune in found.items()}
    index, corpus = TuneIndex(tunes), Corpus(tunes)
    names = list(pieces)
    runs, repeats = [], []
    chosen = _calibration_set(len(names))
    for i in progress(chosen, len(chosen), "calibrating"):
        own = pieces[names[i]]
        match = index.search(own, corpus, [f"{names[i]}: {track}" for track in own])
        if match.value >= _REPEAT_SHARE * max(len(tune[2]) for tune in own.values()):  # type: ignore[arg-type]
            repeats.append((names[i], match.name))
        else:
            runs.append(int(match.value))
    longest = sorted(runs, reverse=True)[_allowed(len(runs))] if runs else 0
    return TuneIndex(tunes, max(MIN_RUN_NOTES, longest), tuple(repeats))


def _calibration_set(n: int) -> list[int]:
    """Pieces to calibrate with: all, or :data:`MAX_CALIBRATION` evenly spread."""
    return sorted({round(i) for i in np.linspace(0, n - 1, min(n, MAX_CALIBRATION))})


def _allowed(n: int) -> int:
    """How many of ``n`` may be found so that it is less than :data:`FALSE_POSITIVES` of them."""
    return max(0, int(np.ceil(FALSE_POSITIVES * n)) - 1)


def write_index(index: TrainingIndex, path: Path) -> Path:
    """Write an ``.npz``; the same index gives the same bytes.

    Raises:
        FileError: another ending, or it cannot be written.
    """
    if path.suffix != ".npz":
        raise FileError(f"cannot write {path}: an index is an .npz file")
    meta: dict[str, Any] = {"format": _FORMAT, "embedder": embedder_name()}
    arrays: dict[str, NDArray[Any]] = {}
    if (sounds := index.sounds) is not None:
        meta["sounds"] = {"names": sounds.names, "threshold": sounds.threshold, "repeats": sounds.repeats}
        arrays |= {
            "vectors": sounds.vectors.rows, "vector_starts": sounds.vectors.starts, "grid": sounds.grid.rows,
            "grid_starts": sounds.grid.starts, "chroma": sounds.chroma.astype(np.float16), "chroma_starts": sounds.chroma_starts,
            "mean": sounds.mean, "deviation": sounds.deviation,
        }  # fmt: skip
    if (scores := index.scores) is not None:
        meta["scores"] = {"names": list(scores.tunes), "threshold": scores.threshold, "repeats": scores.repeats}
        columns = [np.concatenate([np.asarray(t[k], dtype=np.float64) for t in scores.tunes.values()]) for k in range(3)]
        arrays["tunes"] = np.stack(columns)
        arrays["tune_starts"] = np.cumsum([0, *(len(np.asarray(t[2])) for t in scores.tunes.values())]).astype(np.int64)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, meta=np.array(json.dumps(meta)), **arrays)  # type: ignore[arg-type]
    return write_bytes(path, buffer.getvalue())


def read_index(path: Path) -> TrainingIndex:
    """Read what :func:`write_index` wrote.

    Raises:
        FileError: missing, damaged, or not such an index.
    """
    try:
        with np.load(io.BytesIO(read_bytes(path, "an index")), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        meta = json.loads(str(arrays["meta"]))
        if meta["format"] != _FORMAT or meta["embedder"] != embedder_name():
            raise FileError(f"{path} was made by another version; make it again with --index DIR -o {path.name}")
        return TrainingIndex(_sounds(meta, arrays), _scores(meta, arrays))
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, json.JSONDecodeError) as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"{path} is not an index of a training set; make one with --index DIR -o INDEX.npz") from error


def _sounds(meta: dict[str, Any], a: dict[str, NDArray[Any]]) -> SoundIndex | None:
    if "sounds" not in meta:
        return None
    m = meta["sounds"]
    return SoundIndex(
        tuple(m["names"]), Space(a["vectors"], a["vector_starts"]), Space(a["grid"], a["grid_starts"]),
        a["chroma"].astype(np.float32), a["chroma_starts"], a["mean"], a["deviation"], float(m["threshold"]),
        tuple((x, y) for x, y in m["repeats"]),
    )  # fmt: skip


def _scores(meta: dict[str, Any], a: dict[str, NDArray[Any]]) -> TuneIndex | None:
    if "scores" not in meta:
        return None
    m, starts, columns = meta["scores"], a["tune_starts"], a["tunes"]
    tunes: dict[str, Tune] = {
        name: (columns[0, s:e], columns[1, s:e], columns[2, s:e])
        for name, s, e in zip(m["names"], starts[:-1], starts[1:], strict=True)
    }
    return TuneIndex(tunes, int(m["threshold"]), tuple((x, y) for x, y in m["repeats"]))
