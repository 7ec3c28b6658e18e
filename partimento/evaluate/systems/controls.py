"""``partimento evaluate controls``: are the chords, tempo, key, beats and sections that were asked for in the sound?

Beside every sound stands what was asked: ``NAME.json`` in the reference folder, with any of ``chords``
(``[[start_s, end_s, Harte label], …]``), ``tempo_bpm``, ``key`` (``A minor``), ``beats_s``, ``downbeats_s``,
``boundaries_s`` (start and end included). What is heard comes from :mod:`partimento.listen`, for all systems alike; a row for the
reference's own sounds, where the folder has them, shows what this listening can reach.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from partimento.errors import FileError, PartimentoError, RequestError
from partimento.evaluate.systems.jobs import HeardMusic
from partimento.evaluate.systems.papers import paper_columns, paper_rows
from partimento.evaluate.systems.table import Column, Row, SystemsTable, marked_partial, mean_figure, versions
from partimento.evaluate.systems.text_to_music import named
from partimento.evaluate.systems.work import Measured, Progress, Values, measure, no_progress, sound_files
from partimento.metrics import tempo_accuracy
from partimento.metrics.beat_f1 import beat_f1
from partimento.metrics.chord_recall import evaluate as chord_scores
from partimento.metrics.key_score import weighted_score
from partimento.metrics.structure_boundaries import boundary_f1
from partimento.score.chord_names import harte
from partimento.score.score import Score
from partimento.score.text import parse_key

COLUMNS = (
    Column("chord_rec", "share of the time with the right major or minor triad", "more"),
    Column("chord_rec_star", "share with the right chord of the sevenths vocabulary and the right bass", "more"),
    Column("root", "share of the time with the right root", "more"),
    Column("tempo Acc1", "tempo within 4 %", "more"),
    Column("tempo Acc2", "tempo within 4 %, halves, doubles and thirds forgiven", "more"),
    Column("key", "MIREX weighted key score", "more"),
    Column("beat F1", "beats within 70 ms, nothing trimmed", "more"),
    Column("downbeat F1", "downbeats within 70 ms", "more"),
    Column("boundary F1", "section boundaries within 3 s", "more"),
)
_KNOWN = ("chords", "tempo_bpm", "key", "beats_s", "downbeats_s", "boundaries_s")


@dataclass(frozen=True)
class Options:
    """What to compare; see :class:`partimento.evaluate.systems.text_to_music.Options`."""

    systems: tuple[Path, ...]
    reference: Path
    bootstrap: int = 200
    seed: int = 0
    n_jobs: int | None = None
    cache: Path | None = None
    papers: bool = False


@dataclass
class _System:
    n: int = 0
    n_skipped: int = 0
    n_silent: int = 0
    scores: dict[str, list[float]] = field(default_factory=dict)


def controls_of(score: Score) -> dict[str, Any]:
    """What a score asks for, in the form of a ``NAME.json``: chords, tempo, key, beats, downbeats, boundaries."""
    at = score.tempo_map.seconds
    starts = score.bar_starts
    places = [start + b for bar, start in enumerate(starts) for b in score.metre_at(bar).beat_quarters]
    beats = [round(at(place), 6) for place in places if place < score.length - 1e-6]
    body: dict[str, Any] = {
        "key": str(score.key),
        "beats_s": beats,
        "downbeats_s": [round(at(start), 6) for start in starts],
    }
    if len(beats) > 1:
        body["tempo_bpm"] = round(60.0 / float(np.median(np.diff(beats))), 4)
    if score.chords:
        body["chords"] = [[round(at(c.start), 6), round(at(c.end), 6), harte(c.chord)] for c in score.chords]
    if score.sections:
        edges = [round(at(starts[s.start_bar]), 6) for s in score.sections]
        body["boundaries_s"] = [*edges, round(score.duration_s, 6)]
    return body


def read_controls(folder: Path) -> dict[str, dict[str, Any]]:
    """All ``NAME.json`` of a folder.

    Raises:
        FileError: no folder, none in it, or one that is not of this form.
    """
    if not folder.is_dir():
        raise FileError(f"{folder} is not a folder")
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.rglob("*.json")):
        try:
            body = json.loads(path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise FileError(f"cannot read {path}: {error}") from error
        if not isinstance(body, dict) or not set(body) & set(_KNOWN):
            raise FileError(f"{path} holds none of {', '.join(_KNOWN)}")
        found[path.stem] = body
    if not found:
        raise FileError(f"no NAME.json in {folder}; they say what was asked: {', '.join(_KNOWN)}")
    return found


def compare(asked: Mapping[str, Any], heard: Values) -> dict[str, float]:
    """Scores of one sound.

    Raises:
        RequestError: what was asked cannot be read.
    """
    scores: dict[str, float] = {}
    duration = float(heard["duration_s"])
    if "chords" in asked:
        spans = [(float(a), min(float(b), duration), str(label)) for a, b, label in asked["chords"] if float(a) < duration]
        estimate = [
            (float(a), float(b), str(label)) for (a, b), label in zip(heard["chords"], heard["chord_labels"], strict=True)
        ]
        found = chord_scores(spans, estimate)
        scores |= {name: found[name] for name in ("chord_rec", "chord_rec_star", "root")}
    if "tempo_bpm" in asked:
        heard_bpm = float(heard["tempo_bpm"])
        for name, test in (("tempo Acc1", tempo_accuracy.accuracy1), ("tempo Acc2", tempo_accuracy.accuracy2)):
            scores[name] = test(float(asked["tempo_bpm"]), heard_bpm) if heard_bpm > 0 else 0.0
    if "key" in asked:
        key = str(heard["key"])
        scores["key"] = 0.0 if key == "unknown" else weighted_score(parse_key(str(asked["key"])), parse_key(key))
    for name, field_name in (("beat F1", "beats_s"), ("downbeat F1", "downbeats_s")):
        if field_name in asked:
            scores[name] = beat_f1([t for t in asked[field_name] if t < duration], heard[field_name])
    if "boundaries_s" in asked:
        scores["boundary F1"] = boundary_f1(asked["boundaries_s"], heard["boundaries_s"], 3.0)
    return scores


def evaluate_controls(options: Options, command: str, progress: Progress = no_progress) -> SystemsTable:
    """Measure all systems, and the reference's own sounds where there are any.

    Raises:
        FileError, RequestError: see :func:`read_controls`, :func:`named`; no sound of a system has a ``NAME.json``.
    """
    asked = read_controls(options.reference)
    folders = named(options.systems)
    skipped: list[str] = []
    rows = []
    try:
        own = {name: path for name, path in sound_files(options.reference).items() if name in asked}
    except FileError:
        own = {}
    if own:
        rows.append(_row("(the reference's own sounds)", own, asked, options, progress, skipped))
    for name, folder in folders.items():
        files = {k: p for k, p in sound_files(folder).items() if k in asked}
        if not files:
            raise RequestError(f"no sound of {name} is named like a .json of {options.reference}")
        skipped += [f"{name}/{missing}: no sound" for missing in asked if missing not in files]
        rows.append(_row(name, files, asked, options, progress, skipped))
    rows = marked_partial(rows)
    published = paper_rows("controls") if options.papers else []
    notes = (f"means over clips with {options.bootstrap} bootstrap draws, seed {options.seed}; heard by partimento.listen",)
    return SystemsTable(
        "Controls", command, (*COLUMNS, *paper_columns(published)), (*rows, *published), notes, tuple(skipped), versions()
    )


def _row(
    name: str,
    files: Mapping[str, Path],
    asked: Mapping[str, Mapping[str, Any]],
    options: Options,
    progress: Progress,
    skipped: list[str],
) -> Row:
    system = _System()
    digests: list[str] = []
    results = measure(
        list(files.values()), HeardMusic(), cache=options.cache, n_jobs=options.n_jobs, progress=progress, label=name
    )
    for key, result in zip(files, results, strict=True):
        try:
            scores = compare(asked[key], result.values) if isinstance(result, Measured) else None
            reason = "" if isinstance(result, Measured) else result.reason
        except (PartimentoError, ValueError, TypeError) as error:
            scores, reason = None, f"what was asked cannot be read: {error}"
        if scores is None or not isinstance(result, Measured):
            system.n_skipped += 1
            skipped.append(f"{name}/{files[key].name}: {reason}")
            continue
        system.n += 1
        digests.append(result.sha256)
        system.n_silent += int(result.values["silent"])
        for column, value in scores.items():
            if math.isfinite(value):
                system.scores.setdefault(column, []).append(value)
    figures = {column: mean_figure(values, options.bootstrap, options.seed) for column, values in system.scores.items()}
    return Row(
        name, system.n, system.n_skipped, system.n_silent / system.n if system.n else 0.0, figures, anchor=name.startswith("(")
    )
