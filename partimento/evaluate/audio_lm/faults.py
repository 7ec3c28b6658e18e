"""Faults of generated clips beside those of real ones through the codec: silence, clipping, stuck codes, buzz, one held chord."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from partimento.audio.waveform import Waveform
from partimento.evaluate.audio_lm.clips import CEILING_DBTP
from partimento.evaluate.audio_lm.harmony_table import harmony_notes, harmony_table, measured_harmony
from partimento.evaluate.audio_lm.page import Page
from partimento.evaluate.systems.work import Measured, Progress, Values, measure, no_progress

if TYPE_CHECKING:
    from partimento.evaluate.audio_lm.clips import Clip
    from partimento.evaluate.audio_lm.windows import RealWindow

GOAL_ITEMS = 200
LONGEST_LAG = 100
"""Frames: loops of the codes up to 2 s are looked for."""
_SILENT_DBFS = -60.0
REAL, ROUND_TRIP, MODEL = "held out", "held out through the codec", "model"
"""Rows that are compared with each other."""
_NAMES = ("silent", "holes", "clipped", "clicks", "stuck sound", "buzz", "lowered")
_NEAR_DB = 0.001
"""A clip of the codec whose true peak is as near to the ceiling was lowered to it."""


class _Job:
    """What is measured of a sound."""

    key = "audio lm faults 3"

    def __call__(self, wave: Waveform) -> Values:
        """One flag per name of :data:`_NAMES`."""
        from partimento.audio.loudness import true_peak_dbtp
        from partimento.listen.quality import LONGEST_HOLE_S, measure_quality

        q = measure_quality(wave)
        flags = [
            q.silence_share >= 0.999, q.longest_hole_s > LONGEST_HOLE_S, q.clipped_runs > 0, bool(q.clicks_s),
            q.stuck_share > 0.2, q.buzz_hz > 0, abs(true_peak_dbtp(wave) - CEILING_DBTP) < _NEAR_DB,
        ]  # fmt: skip
        return {"flags": np.array(flags)}


def longest_repeat(codes: NDArray[np.int64], sounds: NDArray[np.bool_] | None = None, most_lag: int = LONGEST_LAG) -> int:
    """Most frames in a row of which all codes equal those some frames earlier, over lags 1 to ``most_lag``.

    A held frame counts at lag 1, a loop at its length; what repeats only once is as long as its lag at most and is music.

    Args:
        codes: ``[K, T]``.
        sounds: ``[T]``, False for frames that do not count because they are silent; None counts all.
        most_lag: frames.
    """
    longest = 0
    for lag in range(1, min(most_lag, codes.shape[1] - 1) + 1):
        same = (codes[:, lag:] == codes[:, :-lag]).all(axis=0)
        if sounds is not None:
            same &= sounds[lag:]
        edges = np.flatnonzero(np.diff(np.concatenate([[0], same.astype(np.int8), [0]])))
        runs = edges[1::2] - edges[::2]
        longest = max(longest, int(runs.max(initial=0)))
    return longest


def _repeat(clip: Clip) -> int:
    """Longest repeat of a clip where it sounds."""
    from partimento.audio import read_audio

    codes = clip.read_codes()
    samples = read_audio(clip.path).samples[0]
    hop = len(samples) // codes.shape[1]
    power = np.mean(samples[: hop * codes.shape[1]].reshape(-1, hop).astype(np.float64) ** 2, axis=1)
    return longest_repeat(codes, power > 10.0 ** (_SILENT_DBFS / 10.0))


def faults_page(
    sets: Mapping[str, Sequence[Clip]], places: Sequence[RealWindow], work: Path, checkpoint: str, *,
    jobs: int | None = None, progress: Progress = no_progress,
) -> Page:  # fmt: skip
    """The tables: faults, and harmony that is held throughout.

    Args:
        sets: clips of each row, :data:`REAL`, :data:`ROUND_TRIP` and :data:`MODEL` among them in the order of ``places``.
        places: the real windows, whose prompts the model was given.
        work: where measurements are kept.
        checkpoint: its name.
        jobs: processes.
        progress: bar.
    """
    rows, figures = [], {}
    repeats = {name: [_repeat(clip) for clip in clips if clip.codes is not None] for name, clips in sets.items()}
    limit = max(repeats[ROUND_TRIP])
    for name, clips in sets.items():
        done = measure([c.path for c in clips], _Job(), cache=work, n_jobs=jobs, progress=progress, label="faults")
        flags = [one.values["flags"] for one in done if isinstance(one, Measured)]
        counts = np.sum(flags, axis=0).astype(int) if flags else np.zeros(len(_NAMES), dtype=int)
        figures[name] = dict(zip(_NAMES, counts.tolist(), strict=True)) | {"clips": len(flags)}
        codes = ("", "")
        if repeats[name]:
            stuck = sum(value > limit for value in repeats[name])
            figures[name]["stuck codes"] = stuck
            codes = (str(stuck), f"{np.median(repeats[name]):.0f} / {max(repeats[name])}")
        if not repeats[name]:
            figures[name].pop("lowered")
        shown = [str(figures[name].get(flag, "")) for flag in _NAMES]
        rows.append((name, str(len(flags)), *shown, *codes))
    found = {name: measured_harmony(clips, work, jobs=jobs, progress=progress) for name, clips in sets.items()}
    asked = [place.prompt for place in places]
    prompts = dict.fromkeys((REAL, ROUND_TRIP, MODEL), asked)
    harmony, held = harmony_table(found, prompts)
    figures = {name: values | {"harmony": held[name]} for name, values in figures.items()}
    head = ("sound", "clips", *_NAMES, "stuck codes", "longest repeat, frames (median / most)")
    notes = (*_notes(limit), *harmony_notes(found[REAL], places), f"Model: {checkpoint}.")
    return Page("faults", "Faults of generated clips", head, tuple(rows), notes, figures, _goals(figures[MODEL]), (harmony,))


def _notes(limit: int) -> tuple[str, ...]:
    """What decides the first table."""
    return (
        "Numbers of clips. Silence, holes (2 s), clipping, clicks, stuck sound and buzz (lines at multiples of 50, 60 or 75 Hz): "
        f"`partimento.listen.quality`. Lowered: the codec gave true peaks above {CEILING_DBTP:g} dBTP, to which the whole clip "
        "was lowered, the highest that `generate` allows. So what comes out of the codec cannot clip; its column checks that.",
        f"Stuck codes: where there is sound, all codes of more than {limit} frames in a row equal those 1 to {LONGEST_LAG} "
        f"frames earlier; {limit} is the most in any clip of real music through the codec.",
    )


def _goals(model: Mapping[str, Any]) -> dict[str, bool]:
    """What is asked of the model's row."""
    goals = {f"no clip {name}": not model[key] for name, key in (("silent", "silent"), ("clipped", "clipped"))}
    goals |= {"no stuck frame": not model["stuck codes"], "no buzz": not model["buzz"]}
    return goals | {f"{GOAL_ITEMS} clips or more ({model['clips']} here)": model["clips"] >= GOAL_ITEMS}
