"""Real lead sheets for the compose evaluation: the tune value, the split, reading with a cache.

The split is by file name only: the 100 sheets with the smallest SHA-256 of ``partimento-compose:<file name>`` are sealed and
are opened once, at the end (``--sealed``); the others are worked with. A sealed file is not read, not even
for the cache, unless it is asked for.

A sheet is used as written, repeats not played out. Sheets are left out, with the reason in the report, when they change
metre, have no chords, fewer than ``MIN_BARS`` bars or fewer than ``MIN_NOTES`` notes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from partimento.data.scores_sealed import N_SEALED, seal_order
from partimento.errors import FileError, PartimentoError
from partimento.metrics.note_arrays import FloatArray, IntArray
from partimento.paths import make_folder, read_bytes, write_text
from partimento.score.chord import Chord
from partimento.score.io import MUSICXML_SUFFIXES
from partimento.score.score import ChordSpan, Note, Score
from partimento.score.timing import Key, Metre

TICKS = 24
"""Grid of all comparisons, per quarter note."""
MIN_BARS = 8
MIN_NOTES = 20
_CACHE_VERSION = 1

Reader = Callable[[Path], Score]
T = TypeVar("T")


class Progress(Protocol):
    """Wraps an iteration to show how far it is."""

    def __call__(self, items: Iterable[T], total: int, label: str, /) -> Iterable[T]: ...


def silent(items: Iterable[T], total: int, label: str, /) -> Iterable[T]:
    """The :class:`Progress` that shows nothing."""
    return items


@dataclass(frozen=True)
class Tune:
    """A single line over chords.

    Attributes:
        name: file name of its sheet, or of the sheet it was composed for.
        notes: sorted, one at a time, on the grid of 1/24 quarter note.
        chords: sorted, not overlapping.
        metre: throughout.
        key: of the sheet (see :func:`sounding_key`).
        n_bars: bars of the sheet.
        tempo_bpm: quarter notes per minute.
    """

    name: str
    notes: tuple[Note, ...]
    chords: tuple[ChordSpan, ...]
    metre: Metre
    key: Key
    n_bars: int
    tempo_bpm: float

    @property
    def arrays(self) -> tuple[FloatArray, FloatArray, IntArray]:
        """Onsets and durations in quarter notes and pitches, ``[N]`` each."""
        return (
            np.array([n.start for n in self.notes], dtype=np.float64),
            np.array([n.duration for n in self.notes], dtype=np.float64),
            np.array([n.pitch for n in self.notes], dtype=np.int64),
        )


@dataclass(frozen=True, slots=True)
class Skipped:
    """A sheet that was left out, and why."""

    name: str
    reason: str


def split(names: Iterable[str], n_sealed: int = N_SEALED) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Part file names into those to work with and the sealed ones, each sorted by name."""
    ranked = seal_order(names)
    return tuple(sorted(ranked[n_sealed:])), tuple(sorted(ranked[:n_sealed]))


def single_line(notes: Iterable[Note]) -> tuple[Note, ...]:
    """The tune in a list of notes: highest of simultaneous ones, cut at the next onset, on the grid of 1/24 quarter note."""
    top: dict[int, tuple[int, int]] = {}
    for note in notes:
        start, end = round(note.start * TICKS), round(note.end * TICKS)
        if start not in top or note.pitch > top[start][1]:
            top[start] = (max(end, start + 1), note.pitch)
    starts = sorted(top)
    line = []
    for i, start in enumerate(starts):
        end, pitch = top[start]
        end = min(end, starts[i + 1]) if i + 1 < len(starts) else end
        line.append(Note(start / TICKS, (end - start) / TICKS, pitch))
    return tuple(line)


def sounding_key(key: Key, chords: Sequence[ChordSpan]) -> Key:
    """The key of a sheet whose signature names only the major key.

    The sheets of OpenEWLD say "major" throughout, if anything. A sheet whose last chord stands on the sixth degree of that
    key is taken to be in the relative minor.
    """
    if key.mode == "major" and chords and chords[-1].chord.root == (key.tonic + 9) % 12:
        return Key((key.tonic + 9) % 12, "minor")
    return key


def tune_from_score(score: Score, name: str) -> Tune:
    """The tune of a lead sheet: the first part that is not drums.

    Raises:
        PartimentoError: when the sheet cannot be used; the message says why.
    """
    if len({str(point.metre) for point in score.metres}) > 1:
        raise PartimentoError("changes metre")
    lines = [track for track in score.tracks if not track.is_drum and track.notes]
    line = single_line(lines[0].notes) if lines else ()
    if not score.chords:
        raise PartimentoError("has no chords")
    if score.n_bars < MIN_BARS:
        raise PartimentoError(f"has {score.n_bars} bars, fewer than {MIN_BARS}")
    if len(line) < MIN_NOTES:
        raise PartimentoError(f"has {len(line)} notes, fewer than {MIN_NOTES}")
    key = sounding_key(score.key, score.chords)
    return Tune(name, line, score.chords, score.metre, key, score.n_bars, score.tempo_bpm)


def sheet_names(folder: Path) -> tuple[str, ...]:
    """Names of the MusicXML files of a folder, sorted.

    Raises:
        FileError: when it is no folder or holds none.
    """
    if not folder.is_dir():
        raise FileError(f"lead sheets: {folder} is not a folder; give one with MusicXML files ({', '.join(MUSICXML_SUFFIXES)})")
    names = tuple(sorted(p.name for p in folder.iterdir() if p.suffix.lower() in MUSICXML_SUFFIXES))
    if not names:
        raise FileError(f"lead sheets: {folder} holds no MusicXML file ({', '.join(MUSICXML_SUFFIXES)})")
    return names


def load_tunes(
    folder: Path,
    names: Sequence[str],
    cache_dir: Path | None = None,
    reader: Reader | None = None,
    progress: Progress = silent,
) -> tuple[tuple[Tune, ...], tuple[Skipped, ...]]:
    """Read sheets, each from the cache when its file has not changed.

    Args:
        folder: folder of the sheets.
        names: file names to open; no other file is touched.
        cache_dir: folder of JSON files named by the sheet's SHA-256; None reads every sheet anew.
        reader: how a file becomes a score; None takes :func:`read_score_file`.
        progress: wraps the iteration, for a progress bar.

    Returns:
        the tunes, and the sheets left out with the reason.
    """
    tunes, skipped = [], []
    for name in progress(names, len(names), "reading sheets"):
        try:
            tunes.append(_load(folder / name, cache_dir, reader or read_score_file))
        except PartimentoError as error:
            skipped.append(Skipped(name, str(error)))
    return tuple(tunes), tuple(skipped)


def read_score_file(path: Path) -> Score:
    """Read a MusicXML file as written."""
    from partimento.score.musicxml import read_musicxml

    return read_musicxml(path, play_repeats=False)


def _load(path: Path, cache_dir: Path | None, reader: Reader) -> Tune:
    """One tune from the cache, else from its file (and then into the cache)."""
    if cache_dir is None:
        return tune_from_score(reader(path), path.name)
    digest = hashlib.sha256(read_bytes(path, "MusicXML")).hexdigest()
    cached = cache_dir / f"{digest}.v{_CACHE_VERSION}.json"
    if cached.is_file():
        return tune_from_dict(json.loads(cached.read_text(encoding="utf-8")), path.name)
    tune = tune_from_score(reader(path), path.name)
    make_folder(cache_dir)
    write_text(cached, json.dumps(tune_to_dict(tune)))
    return tune


def tune_to_dict(tune: Tune) -> dict[str, Any]:
    """Plain data of a tune, for JSON; the name is left out."""
    return {
        "notes": [[n.start, n.duration, n.pitch] for n in tune.notes],
        "chords": [[c.start, c.end, c.chord.root, list(c.chord.intervals), c.chord.bass, c.chord.symbol] for c in tune.chords],
        "metre": [tune.metre.numerator, tune.metre.denominator, list(tune.metre.groups)],
        "key": [tune.key.tonic, tune.key.mode],
        "n_bars": tune.n_bars,
        "tempo_bpm": tune.tempo_bpm,
    }


def tune_from_dict(data: dict[str, Any], name: str) -> Tune:
    """Inverse of :func:`tune_to_dict`."""
    numerator, denominator, groups = data["metre"]
    return Tune(
        name=name,
        notes=tuple(Note(start, duration, pitch) for start, duration, pitch in data["notes"]),
        chords=tuple(
            ChordSpan(start, end, Chord(root, tuple(intervals), bass, symbol))
            for start, end, root, intervals, bass, symbol in data["chords"]
        ),
        metre=Metre(numerator, denominator, tuple(groups)),
        key=Key(*data["key"]),
        n_bars=data["n_bars"],
        tempo_bpm=data["tempo_bpm"],
    )
