"""Does what was asked for play? Per instrument family: how often it is heard when asked, minus how often when not.

Beside the model: real windows with exactly these instruments (the ceiling of the hearing), the same through the codec (the
ceiling that the codec allows), and the model without words, which can only be at 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from partimento.audio.waveform import Waveform
from partimento.evaluate.audio_lm.page import Page
from partimento.evaluate.audio_lm.windows import RealWindow, families
from partimento.evaluate.systems.work import Measured, Progress, Values, measure, no_progress

if TYPE_CHECKING:
    from partimento.evaluate.audio_lm.clips import Clip
    from partimento.evaluate.audio_lm.hearing_net import Hearing

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
GOAL = 0.5
LEAST_PER_SIDE = 10
"""Windows with and without a family from which on it counts in the average."""
_DRAWS = 200


@dataclass(frozen=True)
class _Heard:
    """The job of hearing a file."""

    hearing: Hearing

    @property
    def key(self) -> str:
        """Names network and version."""
        return f"families 1 {self.hearing.key()}"

    def __call__(self, wave: Waveform) -> Values:
        """``logits [F]``."""
        from partimento.audio.resample import mono_at
        from partimento.evaluate.audio_lm.hearing import SAMPLE_RATE

        return {"logits": self.hearing.logits(mono_at(wave, SAMPLE_RATE))}


def logits_of(clips: Sequence[Clip], hearing: Hearing, work: Path, progress: Progress = no_progress) -> Floats:
    """Logits ``[N, F]`` of clips; NaN for one that cannot be heard."""
    found = measure([clip.path for clip in clips], _Heard(hearing), cache=work, n_jobs=1, progress=progress, label="hearing")
    none = np.full(len(hearing.families), np.nan)
    return np.stack([one.values["logits"] if isinstance(one, Measured) else none for one in found])


def asked_of(windows: Sequence[RealWindow]) -> Bools:
    """Families ``[N, F]`` that the prompts ask for."""
    return np.array([[name in window.families for name in families()] for window in windows])


@dataclass(frozen=True, slots=True)
class Rates:
    """How often families are heard, NaN where there is nothing to count.

    Attributes:
        asked, not_asked: ``[F]``, 0 to 1.
        counted: families with enough windows on both sides.
    """

    asked: Floats
    not_asked: Floats
    counted: Bools

    @property
    def difference(self) -> Floats:
        """``[F]``, -1 to 1."""
        return self.asked - self.not_asked

    @property
    def macro(self) -> float:
        """Mean difference of the counted families; NaN without any."""
        return float(self.difference[self.counted].mean()) if self.counted.any() else float("nan")


def rates(heard: Bools, asked: Bools, least: int = LEAST_PER_SIDE) -> Rates:
    """Rates of ``heard [N, F]`` beside ``asked [N, F]``."""
    n_asked, n_other = asked.sum(axis=0), (~asked).sum(axis=0)
    with np.errstate(invalid="ignore"):
        when = np.where(n_asked, (heard & asked).sum(axis=0) / np.maximum(n_asked, 1), np.nan)
        other = np.where(n_other, (heard & ~asked).sum(axis=0) / np.maximum(n_other, 1), np.nan)
    return Rates(when, other, np.minimum(n_asked, n_other) >= least)


def macro_interval(heard: Bools, asked: Bools, counted: Bools, seed: int = 0) -> tuple[float, float]:
    """95 % interval of the macro difference, windows drawn with replacement."""
    if not counted.any():
        return float("nan"), float("nan")
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(_DRAWS):
        chosen = rng.integers(len(heard), size=len(heard))
        found = rates(heard[chosen], asked[chosen]).difference[counted]
        if np.isfinite(found).any():  # a draw may hold no family that is both asked for and not
            drawn.append(float(np.nanmean(found)))
    low, high = np.quantile(drawn or [float("nan")], [0.025, 0.975])
    return float(low), float(high)


def presence_page(
    sets: Mapping[str, Sequence[Clip]], windows: Sequence[RealWindow], hearing: Hearing, work: Path, checkpoint: str,
    progress: Progress = no_progress, least: int = LEAST_PER_SIDE,
) -> Page:  # fmt: skip
    """The table.

    Args:
        sets: clips of each column, one per window; the first are the real ones, the last but one the model's.
        windows: what was asked.
        hearing: the classifier.
        work: where measurements are kept.
        checkpoint: its name.
        progress: bar.
        least: see :data:`LEAST_PER_SIDE`.
    """
    from partimento.evaluate.joint_embedding import auc

    asked = asked_of(windows)
    logits = {name: logits_of(clips, hearing, work, progress) for name, clips in sets.items()}
    heard = {name: np.nan_to_num(values, nan=-np.inf) >= hearing.thresholds for name, values in logits.items()}
    found = {name: rates(h, asked, least) for name, h in heard.items()}
    real = next(iter(sets))
    counted = found[real].counted
    rows = []
    for f, family in enumerate(families()):
        n = int(asked[:, f].sum())
        if not n or n == len(asked):
            continue
        own = "–" if np.isnan(hearing.own_auc[f]) else f"{hearing.own_auc[f]:.3f}"
        cells = [f"{r.difference[f]:.2f} ({r.asked[f]:.2f} - {r.not_asked[f]:.2f})" for r in found.values()]
        mark = "" if counted[f] else " (too few to count)"
        rows.append((family + mark, str(n), own, f"{auc(logits[real][:, f], asked[:, f]):.3f}", *cells))
    spans = {name: macro_interval(h, asked, counted) for name, h in heard.items()}
    macro = [f"{r.macro:.2f} ({spans[name][0]:.2f} to {spans[name][1]:.2f})" for name, r in found.items()]
    kept = np.flatnonzero(counted)
    aucs = {
        name: float(np.mean([auc(v[:, f], asked[:, f]) for f in kept])) if len(kept) else np.nan for name, v in logits.items()
    }
    own_macro = float(np.nanmean(hearing.own_auc[kept])) if len(kept) else np.nan
    rows.append((f"macro of {len(kept)}", str(len(windows)), f"{own_macro:.3f}", f"{aucs[real]:.3f}", *macro))
    rows.append(("macro AUC", "", "", "", *(f"{value:.3f}" for value in aucs.values())))
    model = list(sets)[-2]
    figures = {name: {"macro": r.macro, "interval": spans[name], "auc": aucs[name]} for name, r in found.items()}
    notes = (
        f"Rate heard when asked minus rate when not (the two in brackets); {len(windows)} prompts from held-out pieces, "
        f"{windows[0].duration_s:g} s each; the last row with 95 % intervals by drawing prompts.",
        f"Heard by a small network trained on stems of {' and '.join(hearing.soundfonts)}; the model was trained on others. "
        "AUC: of that network on new mixes of held-out stems of its own SoundFonts, and on real windows of held-out pieces in "
        "the model's. Its thresholds suit windows of the model's training pieces, through the codec, best. The last row needs "
        "none: how often a clip that was asked for a family scores above one that was not.",
        f"Model: {checkpoint}.",
    )
    goals = {f"macro difference of {model} at least {GOAL}": bool(found[model].macro >= GOAL)}
    head = ("family", "asked", "AUC, own", "AUC, real", *sets)
    return Page("presence", "Instruments asked for and heard", head, tuple(rows), notes, figures, goals)
