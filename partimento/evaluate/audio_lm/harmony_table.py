"""How many clips hold one harmony throughout, by kind of clip and by the tempo that was asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from partimento.data.captions import TEMPO_WORDS, tempo_word
from partimento.evaluate.audio_lm.clips import Clip
from partimento.evaluate.audio_lm.harmony import HELD_SHARE, MOST_DISTANCE, HarmonyJob, HeldHarmony
from partimento.evaluate.audio_lm.page import Table
from partimento.evaluate.audio_lm.windows import RealWindow, written_chord_s
from partimento.evaluate.systems.work import Measured, Progress, measure, no_progress
from partimento.metrics.memorization import wilson_interval

TEMPI = ("slow", "medium", "fast")
_OF_WORD = {"very slow": "slow", "slow": "slow", "mid-tempo": "medium", "fast": "fast", "very fast": "fast"}
_BPM = re.compile(r"\b(\d{2,3}) bpm\b")
_WORD = re.compile(r"\b(" + "|".join(sorted((word for _, word in TEMPO_WORDS), key=len, reverse=True)) + r")\b")
_CHANGING = 0.7
"""A window of which no written chord lasts this share has chords that change."""


def tempo_asked(prompt: str) -> str:
    """``slow`` (below 84 bpm), ``medium`` or ``fast`` (from 108 bpm), by a prompt's figure or word; empty where it says none."""
    if figure := _BPM.search(prompt):
        return _OF_WORD[tempo_word(float(figure.group(1)))]
    word = _WORD.search(prompt.lower())
    return _OF_WORD[word.group(1)] if word else ""


def measured_harmony(
    clips: Sequence[Clip], work: Path, *, jobs: int | None = None, progress: Progress = no_progress
) -> list[HeldHarmony | None]:
    """Of each clip; None where one could not be measured."""
    done = measure([c.path for c in clips], HarmonyJob(), cache=work, n_jobs=jobs, progress=progress, label="harmony")
    return [HeldHarmony(*map(float, one.values["held"])) if isinstance(one, Measured) else None for one in done]


def harmony_table(
    found: Mapping[str, Sequence[HeldHarmony | None]], prompts: Mapping[str, Sequence[str]]
) -> tuple[Table, dict[str, dict[str, Any]]]:
    """The table, and its figures by row.

    Args:
        found: measurements by row.
        prompts: of those rows that follow prompts, one for each clip.
    """
    rows, figures = [], {}
    for name, clips in found.items():
        known = [one for one in clips if one is not None]
        n, held = len(known), sum(one.throughout for one in known)
        low, high = wilson_interval(held, n) if n else (0.0, 1.0)
        of_tempo = _by_tempo(clips, prompts[name]) if name in prompts else {}
        longest = [one.longest_s for one in known] or [0.0]
        middle, most = float(np.median(longest)), float(np.quantile(longest, 0.9))
        share = float(np.median([one.share for one in known] or [0.0]))
        onsets = float(np.median([one.onsets_hz for one in known] or [0.0]))
        cells = (_cell(*of_tempo[tempo]) if tempo in of_tempo else "" for tempo in TEMPI)
        span = f"{_cell(held, n)}, {100 * low:.1f} to {100 * high:.1f}"
        rows.append((name, span, *cells, f"{middle:.1f} / {most:.1f}", f"{share:.2f}", f"{onsets:.1f}"))
        figures[name] = {
            "clips": n, "held": held, "interval": [low, high], "by tempo": {t: list(v) for t, v in of_tempo.items()},
            "longest_s median": middle, "longest_s 90 %": most, "most frequent harmony": share, "onsets_hz": onsets,
        }  # fmt: skip
    head = (
        "sound", "held throughout (95 %)", *(f"asked {tempo}" for tempo in TEMPI), "longest held, s (median / 90 %)",
        "most frequent harmony, share", "onsets per s",
    )  # fmt: skip
    return Table("One harmony held", head, tuple(rows)), figures


def _by_tempo(clips: Sequence[HeldHarmony | None], prompts: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Clips held and clips at all, by the tempo of their prompts."""
    tempi = [tempo_asked(prompt) for prompt in prompts]
    out = {}
    for tempo in TEMPI:
        of = [one.throughout for one, asked in zip(clips, tempi, strict=True) if one is not None and asked == tempo]
        out[tempo] = (sum(of), len(of))
    return out


def _cell(held: int, n: int) -> str:
    return f"{held} of {n} ({100 * held / n:.1f} %)" if n else "0 of 0"


def harmony_notes(real: Sequence[HeldHarmony | None], places: Sequence[RealWindow]) -> tuple[str, ...]:
    """What decides the figures, and how the measure does on real windows of which the score says the chords."""
    pairs = [(one, longest) for one, w in zip(real, places, strict=True) if one and (longest := written_chord_s(w)) is not None]
    one_chord = [one.throughout for one, longest in pairs if longest >= 0.98 * one.duration_s]
    changing = [one.throughout for one, longest in pairs if longest < _CHANGING * one.duration_s]
    return (
        f"Held throughout: for {100 * HELD_SHARE:.0f} % of the clip or more, any two moments of chroma, smoothed over half a "
        f"second and centred, are at most {MOST_DISTANCE:g} apart (cosine); silence, noise and strokes without pitch hold "
        "nothing. The distance was chosen on real training pieces. Most frequent harmony: moments near the one that has most "
        "others near it; both this and onsets are medians. Rows of real music stand under the tempo of their windows' prompts.",
        f"By the score: {_cell(sum(changing), len(changing))} of the real windows whose chords change (none lasts "
        f"{100 * _CHANGING:.0f} % of the window) are called held, {_cell(sum(one_chord), len(one_chord))} of those with one "
        "chord throughout (over which a tune may move).",
    )
