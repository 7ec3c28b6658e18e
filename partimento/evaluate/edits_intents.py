"""Vague words measured: does every intent move its figure in the right direction, without clipping or getting louder?

Sounds are measured by :mod:`partimento.audio.measure` on the mix before and after; ways of playing by velocities, note
counts and lengths of the new score, and by the course of the mix's level.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from partimento.audio.loudness import integrated_lufs, true_peak_dbtp
from partimento.audio.waveform import Waveform
from partimento.edit.contents import Contents, SoundStep
from partimento.edit.execute import execute
from partimento.edit.intents import MEASURES, Intent, intents
from partimento.errors import PartimentoError
from partimento.evaluate.edits_cases import piece_request
from partimento.pipeline import generate
from partimento.plan.edit import EditOperation, EditPlan, EditRequest
from partimento.score.score import Note, Score
from partimento.sessions import contents_of

MAX_LOUDNESS_CHANGE_LU = 1.0
MAX_PEAK_DBTP = 0.0
MAX_MOVED_SHARE = 2.5
"""A figure may move at most so many times as far as the table asks for."""
PIECE_S = 8.0
LOUD_WORDS = frozenset({"louder", "softer", "drop", "build_up"})
"""Here another loudness is what was asked: a build-up begins below what was there and arrives above it."""


@dataclass(frozen=True, slots=True)
class IntentRow:
    """One intent on one sound.

    Attributes:
        source: piece or recording.
        kind: ``effect`` or ``dynamics``.
        intent, measure, unit: what was asked and what it is measured by.
        change: how far the figure moved.
        wanted: its direction (and, for effects, the size at full strength).
        loudness_change_lu, peak_dbtp: of the mix.
        in_bounds: parameters within the table's, figure not moved too far.
        refused: why nothing was done, empty when something was.
    """

    source: str
    kind: str
    intent: str
    measure: str
    unit: str
    change: float
    wanted: float
    loudness_change_lu: float
    peak_dbtp: float
    in_bounds: bool
    refused: str = ""

    @property
    def right(self) -> bool:
        """The figure moved in the right direction."""
        return not self.refused and self.change * self.wanted > 0

    @property
    def good(self) -> bool:
        """Right, in bounds, not clipped, and no louder or softer than was asked."""
        level = self.intent in LOUD_WORDS or abs(self.loudness_change_lu) <= MAX_LOUDNESS_CHANGE_LU
        return self.right and self.in_bounds and self.peak_dbtp <= MAX_PEAK_DBTP and level


def _notes(score: Score) -> list[Note]:
    return [n for t in score.tracks for n in t.notes]


def _velocity(score: Score) -> float:
    return float(np.mean([float(n.velocity) for n in _notes(score)] or [0.0]))


def _spread(score: Score) -> float:
    """Mean over the parts of the spread of their velocities."""
    spreads = [float(np.std([n.velocity for n in t.notes])) for t in score.tracks if len(t.notes) > 1]
    return float(np.mean(spreads or [0.0]))


def _length(score: Score) -> float:
    return float(np.mean([n.duration for n in _notes(score)] or [0.0]))


def _thirds(score: Score) -> tuple[float, float, float]:
    """Mean velocity of each third of the piece, part by part."""
    rows: list[list[float]] = []
    for track in score.tracks:
        parts: list[list[float]] = [[], [], []]
        for note in track.notes:
            parts[min(2, int(3 * note.start / score.length))].append(note.velocity)
        if all(parts):
            rows.append([float(np.mean(p)) for p in parts])
    first, middle, last = np.mean(rows, axis=0) if rows else (0.0, 0.0, 0.0)
    return float(first), float(middle), float(last)


def _trend(score: Score) -> float:
    first, _, last = _thirds(score)
    return last - first


def _bulge(score: Score) -> float:
    first, middle, last = _thirds(score)
    return middle - (first + last) / 2


def _late_share(score: Score) -> float:
    """Mean velocity after the first bar, less 100 times the share of notes in it: high after a gap."""
    end = score.bar_span(0)[1]
    notes = _notes(score)
    early = [n for n in notes if n.start < end - 1e-6]
    late = [float(n.velocity) for n in notes if n.start >= end - 1e-6]
    return float(np.mean(late or [0.0])) - 100.0 * len(early) / max(1, len(notes))


def _richness(score: Score) -> float:
    """Mean number of chord tones."""
    return float(np.mean([float(len(c.chord.intervals)) for c in score.chords] or [0.0]))


def _swing_ms(score: Score) -> float:
    off = [1000 * n.nudge_s for n in _notes(score) if abs(n.start % 1.0 - 0.5) < 1e-3]
    return float(np.mean(off or [0.0]))


def _lateness_ms(score: Score) -> float:
    """Mean distance of the pitched notes behind the beat."""
    return float(np.mean([1000 * n.nudge_s for t in score.tracks if not t.is_drum for n in t.notes] or [0.0]))


def _per_bar(score: Score) -> float:
    return len(_notes(score)) / score.n_bars


Figure = tuple[str, str, float, Callable[[Score], float]]
PLAYED: dict[str, Figure] = {
    "crescendo": ("velocity, last third less first", "", 1.0, _trend),
    "build_up": ("velocity, last third less first", "", 1.0, _trend),
    "diminuendo": ("velocity, last third less first", "", -1.0, _trend),
    "swell": ("velocity, middle less outer thirds", "", 1.0, _bulge),
    "louder": ("mean velocity", "", 1.0, _velocity),
    "softer": ("mean velocity", "", -1.0, _velocity),
    "harder": ("mean velocity", "", 1.0, _velocity),
    "drop": ("velocity behind the first bar, less notes in it", "", 1.0, _late_share),
    "expressive": ("spread of velocities", "", 1.0, _spread),
    "more_expressive": ("spread of velocities", "", 1.0, _spread),
    "even": ("spread of velocities", "", -1.0, _spread),
    "calmer": ("mean velocity", "", -1.0, _velocity),
    "energy": ("mean velocity", "", 1.0, _velocity),
    "more_energy": ("mean velocity", "", 1.0, _velocity),
    "staccato": ("mean note length", "quarters", -1.0, _length),
    "jazzier": ("chord tones, and swing in tenths of a second", "", 1.0, lambda s: _richness(s) + _swing_ms(s) / 100.0),
    "sparser": ("notes in a bar", "", -1.0, _per_bar),
    "busier": ("notes in a bar", "", 1.0, _per_bar),
    "laid_back": ("lateness of the pitched parts", "ms", 1.0, _lateness_ms),
    "pushed": ("lateness of the pitched parts", "ms", -1.0, _lateness_ms),
}
"""What a way of playing is measured by: name, unit, direction, function of the score."""
HEARD = {"crescendo": 1.0, "build_up": 1.0, "diminuendo": -1.0}
"""Ways of playing whose course is heard in the mix's level too: last third less first third."""


def run_piece(index: int, seed: int) -> list[IntentRow]:
    """Every intent and every way of playing on one composed piece."""
    contents = contents_of(generate(piece_request(index, seed + 2, PIECE_S), audio_report=False))
    name = f"piece {index}: {contents.request.words if contents.request else ''}"
    loudness = integrated_lufs(contents.mix)
    rows = [_sound(name, contents, intent, loudness) for intent in intents().values()]
    return rows + [_playing(name, contents, value, loudness) for value in PLAYED]


def run_recording(path: Path) -> list[IntentRow]:
    """Every intent on one recording."""
    from partimento.audio.io import read_audio
    from partimento.edit.recording import contents_of_recording

    contents = contents_of_recording(read_audio(path))
    loudness = integrated_lufs(contents.mix)
    return [_sound(path.stem, contents, intent, loudness) for intent in intents().values()]


def _done(contents: Contents, operation: EditOperation) -> Contents:
    """The contents after one operation."""
    plan, request = EditPlan((operation,)), EditRequest(operation.value)
    if contents.score is not None:
        return execute(contents, plan, request).contents
    from partimento.edit.recording import execute_recording

    return execute_recording(contents, plan, request).contents


def _sound(source: str, contents: Contents, intent: Intent, loudness: float) -> IntentRow:
    """One intent on the whole mix, by the figure that it moved."""
    label, unit, figure = MEASURES[intent.measure]
    try:
        after = _done(contents, EditOperation("effect", value=intent.id))
    except PartimentoError as error:
        return IntentRow(source, "effect", intent.id, label, unit, 0.0, intent.change, 0.0, -99.0, True, str(error))
    if not _within_table(after, intent) and intent.stand_in is not None:
        intent = intent.stand_in
        label, unit, figure = MEASURES[intent.measure]
    moved = figure(after.mix) - figure(contents.mix)
    bounds = _within_table(after, intent) and abs(moved) <= MAX_MOVED_SHARE * abs(intent.change)
    return IntentRow(
        source, "effect", intent.id, label, unit, moved, intent.change, integrated_lufs(after.mix) - loudness,
        true_peak_dbtp(after.mix), bounds,
    )  # fmt: skip


def _within_table(contents: Contents, intent: Intent) -> bool:
    """True when every parameter that was used lies within the pair that the table gives."""
    steps: Iterable[SoundStep] = (s for stem in (contents.sound.stems.values() if contents.sound else ()) for s in stem.steps)
    return all(
        done.effect == "gain" or any(_within(done.parameters, row) for row in intent.steps if row["effect"] == done.effect)
        for step in steps for done in step.effects
    )  # fmt: skip


def _within(parameters: dict[str, float], row: dict[str, Any]) -> bool:
    """True when parameters lie within a step of the table."""
    for key, value in parameters.items():
        limits = row.get(key, value)
        low, high = sorted(limits) if isinstance(limits, list) else (limits, limits)
        if not low - 1e-3 <= value <= high + 1e-3:
            return False
    return True


def _playing(source: str, contents: Contents, value: str, loudness: float) -> IntentRow:
    """One way of playing on all parts."""
    label, unit, wanted, figure = PLAYED[value]
    kind = "effect" if value == "jazzier" else "dynamics"
    assert contents.score is not None, "made from words"
    try:
        after = _done(contents, EditOperation(kind, value=value))
    except PartimentoError as error:
        return IntentRow(source, "dynamics", value, label, unit, 0.0, wanted, 0.0, -99.0, True, str(error))
    assert after.score is not None, "an edit keeps the score"
    moved = figure(after.score) - figure(contents.score)
    heard = value not in HEARD or HEARD[value] * (level_trend_db(after.mix) - level_trend_db(contents.mix)) > 0
    return IntentRow(
        source, "dynamics", value, label, unit, moved if heard else 0.0, wanted, integrated_lufs(after.mix) - loudness,
        true_peak_dbtp(after.mix), all(12 <= n.velocity <= 124 for n in _notes(after.score)) or value == "staccato",
    )  # fmt: skip


def level_trend_db(wave: Waveform) -> float:
    """Level of the last third against that of the first, in dB (the final tenth, where things ring out, left aside)."""
    n = round(0.9 * wave.n_samples) // 3
    first, _, last = (float(np.mean(wave.samples[:, i * n : (i + 1) * n].astype(np.float64) ** 2)) for i in range(3))
    return float(10.0 * np.log10((last + 1e-10) / (first + 1e-10)))


@dataclass(frozen=True, slots=True)
class IntentFigures:
    """An intent over all sounds: one line of the table."""

    kind: str
    intent: str
    measure: str
    unit: str
    n: int
    change: float
    right: int
    good: int
    refused: int
    worst_loudness_lu: float
    highest_peak_dbtp: float


def summed(rows: Sequence[IntentRow]) -> list[IntentFigures]:
    """Rows by intent, in the order in which they come."""
    by: dict[tuple[str, str], list[IntentRow]] = {}
    for row in rows:
        by.setdefault((row.kind, row.intent), []).append(row)
    return [_figures(group) for group in by.values()]


def _figures(group: Sequence[IntentRow]) -> IntentFigures:
    done = [r for r in group if not r.refused]
    first = group[0]
    return IntentFigures(
        first.kind, first.intent, first.measure, first.unit, len(group),
        float(np.mean([r.change for r in done])) if done else 0.0, sum(r.right for r in group), sum(r.good for r in group),
        len(group) - len(done), max((r.loudness_change_lu for r in done), key=abs, default=0.0),
        max((r.peak_dbtp for r in done), default=-99.0),
    )  # fmt: skip
