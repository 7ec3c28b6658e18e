"""Does choosing the best of several by a joint embedding help? Presence of what was asked, with one candidate and with n."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from partimento.audio.waveform import Waveform
from partimento.evaluate.audio_lm.page import Page
from partimento.evaluate.audio_lm.presence import LEAST_PER_SIDE, asked_of, logits_of, macro_interval, rates
from partimento.evaluate.audio_lm.windows import RealWindow
from partimento.evaluate.embedders import text_embedder
from partimento.evaluate.systems.work import Measured, Progress, Values, measure, no_progress
from partimento.models.best_take import cosine, vector_of

if TYPE_CHECKING:
    from partimento.evaluate.audio_lm.clips import Clip
    from partimento.evaluate.audio_lm.hearing_net import Hearing

Floats = NDArray[np.float64]
CANDIDATES = 4


@dataclass(frozen=True)
class _Joint:
    """The job of embedding a file into the space of words."""

    spec: str

    @property
    def key(self) -> str:
        """For the cache: the embedder's weights decide, not only where they are."""
        model = text_embedder(self.spec)
        return f"joint 1 {self.spec} {model.embed_text(['piano and drums'])[0].round(5).tolist()}"

    def __call__(self, wave: Waveform) -> Values:
        """``joint [D]``, the mean over windows."""
        model = text_embedder(self.spec)
        return {"joint": vector_of(model, wave)}


def matches(clips: Sequence[Clip], prompts: Sequence[str], spec: str, work: Path, progress: Progress = no_progress) -> Floats:
    """Cosine of each clip and its prompt ``[N]``; -1 for a clip that cannot be measured."""
    model = text_embedder(spec)
    words = model.embed_text(list(prompts))
    found = measure([clip.path for clip in clips], _Joint(spec), cache=work, n_jobs=1, progress=progress, label="matching")
    out = np.full(len(clips), -1.0)
    for i, one in enumerate(found):
        if isinstance(one, Measured):
            out[i] = cosine(one.values["joint"], words[i])
    return out


def best_of_page(
    candidates: Sequence[Sequence[Clip]], windows: Sequence[RealWindow], hearing: Hearing, spec: str, work: Path,
    checkpoint: str, progress: Progress = no_progress, least: int = LEAST_PER_SIDE,
) -> Page:  # fmt: skip
    """The table.

    Args:
        candidates: for each candidate's number a clip per prompt.
        windows: what was asked.
        hearing: judges; it shares nothing with the embedding.
        spec: joint embedding that chooses (``mini-embed`` or ``mini-embed:DIR``).
        work: where measurements are kept.
        checkpoint: its name.
        progress: bar.
        least: see :data:`partimento.evaluate.audio_lm.presence.LEAST_PER_SIDE`.
    """
    asked = asked_of(windows)
    prompts = [window.prompt for window in windows]
    logits = np.stack([logits_of(clips, hearing, work, progress) for clips in candidates])
    heard = np.nan_to_num(logits, nan=-np.inf) >= hearing.thresholds
    match = np.stack([matches(clips, prompts, spec, work, progress) for clips in candidates])
    rows, figures = [], {}
    for n in [2**k for k in range(len(candidates).bit_length())]:
        if n > len(candidates):
            break
        # Every group of n candidates counts, so that one candidate is the mean of all and not the luck of the first.
        groups = [range(start, start + n) for start in range(0, len(candidates) - n + 1, n)]
        chosen = [np.array(group)[match[list(group)].argmax(axis=0)] for group in groups]
        picked = np.concatenate([heard[best, np.arange(len(windows))] for best in chosen])
        score = float(np.mean([match[best, np.arange(len(windows))].mean() for best in chosen]))
        wanted = np.tile(asked, (len(groups), 1))
        counted = rates(heard[0], asked, least).counted
        found = rates(picked, wanted, least)
        macro = float(found.difference[counted].mean()) if counted.any() else float("nan")
        low, high = macro_interval(picked, wanted, counted)
        rows.append((f"best of {n}", f"{macro:.3f} ({low:.3f} to {high:.3f})", f"{score:.3f}"))
        figures[str(n)] = {"macro": macro, "match": score}
    notes = (
        f"{len(windows)} prompts; macro of heard when asked minus heard when not (the table of presence), and mean cosine of "
        f"prompt and chosen sound by the embedding that chooses ({spec}).",
        f"Model: {checkpoint}.",
    )
    first, last = figures["1"]["macro"], list(figures.values())[-1]["macro"]
    goals = {f"best of {list(figures)[-1]} above one": bool(last > first)}
    return Page("best_of", "Best of several", ("chosen", "presence, macro", "match"), tuple(rows), notes, figures, goals)
