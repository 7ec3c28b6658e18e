"""What an audio language model has learned by heart: MusicLM's analysis (:mod:`partimento.evaluate.memorization`) on a token
cache, continuations made in batches and kept."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from partimento.data.cache.read import FrameCache, controls_within
from partimento.errors import FileError
from partimento.evaluate.audio_lm.clips import Studio
from partimento.evaluate.audio_lm.page import Page
from partimento.evaluate.memorization import Options, Piece, Tokens, analyse
from partimento.evaluate.systems.work import Progress, no_progress
from partimento.lm.sampling import Sampling
from partimento.paths import make_folder, write_bytes
from partimento.train.captioning import facts_of_window, true_caption

DEFAULT_PIECES = 500
"""The goal's number of continuations."""
PROMPTS_S = (5.0,)
_GREEDY = Sampling(greedy=True, guidance=1.0)


class CachedContinuations:
    """A token model that has continued everything beforehand (see :class:`partimento.evaluate.memorization.TokenModel`).

    Args:
        studio: makes the continuations, ``studio.batch`` at a time.
        pieces: training pieces.
        options: of the analysis.
        progress: bar.
    """

    def __init__(self, studio: Studio, pieces: Sequence[Piece], options: Options, progress: Progress = no_progress) -> None:
        from partimento.codec.mini_stream import MiniCodecPart

        codec: object = studio.model.codec
        assert isinstance(codec, MiniCodecPart), "a model of our own trainer"
        self.name = Path(studio.checkpoint).name
        self.frame_rate_hz = float(codec.frame_rate_hz)
        self.codebooks = np.asarray(codec.codec.quantizer.entries[: codec.n_codebooks].numpy(), dtype=np.float32)
        self._studio = studio
        self._folder = make_folder(studio.work / "continuations")
        n = max(1, round(options.continuation_s * self.frame_rate_hz))
        for t in options.prompts_s:
            start = round(t * self.frame_rate_hz)
            wanted = [p for p in pieces if p.tokens.shape[1] >= start + n]
            missing = [p for p in wanted if not self._path(p.tokens[:, :start], n, p.text).exists()]
            batches = [missing[i : i + studio.batch] for i in range(0, len(missing), studio.batch)]
            for batch in progress(batches, len(batches), f"continuing after {t:g} s"):
                self._make(batch, start, n)

    def continue_greedily(self, prompt_tokens: Tokens, n_frames: int, text: str = "") -> Tokens:
        """What was made for these tokens and words."""
        return np.asarray(np.load(self._path(prompt_tokens, n_frames, text)), dtype=np.int64)

    def _make(self, batch: Sequence[Piece], start: int, n: int) -> None:
        """Continue pieces together."""
        prompt = np.stack([piece.tokens[:, :start] for piece in batch])
        made = self._studio.sing([p.text for p in batch], [0] * len(batch), start + n, prompt, _GREEDY)
        for piece, codes in zip(batch, made, strict=True):
            buffer = io.BytesIO()
            np.save(buffer, codes.astype(np.uint16))
            write_bytes(self._path(piece.tokens[:, :start], n, piece.text), buffer.getvalue())

    def _path(self, prompt: Tokens, n: int, text: str) -> Path:
        digest = hashlib.sha256(f"{self._studio.weights_sha256} {self._studio.engine} {n} {text}".encode())
        digest.update(np.ascontiguousarray(prompt, dtype=np.int64).tobytes())
        return self._folder / f"{digest.hexdigest()[:20]}.npy"


def training_pieces(caches: Sequence[Path], n_codebooks: int, n: int, needed_s: float, seed: int = 0) -> list[Piece]:
    """Up to ``n`` items of the training split from their beginning, with words as training has them.

    Args:
        caches: of tokens.
        n_codebooks: how many the model speaks.
        n: how many, drawn at random.
        needed_s: of each; shorter items are left out.
        seed: of the draw and the words.

    Raises:
        FileError: fewer than two.
    """
    found = []
    for folder in caches:
        cache = FrameCache(folder)
        frames = round(needed_s * cache.layout.frame_rate_hz)
        found += [(cache, entry, frames) for entry in cache.entries if entry.split == "train" and entry.n_frames >= frames]
    if len(found) < 2:
        raise FileError(f"{len(found)} training items of {needed_s:g} s or more in {', '.join(map(str, caches))}; 2 are needed")
    order = np.random.default_rng(seed).permutation(len(found))[:n]
    pieces = []
    for i in order:
        cache, entry, frames = found[i]
        tokens = np.asarray(cache.frames(entry, 0, frames), dtype=np.int64).T[:n_codebooks]
        caption = entry.captions[0] if entry.captions else ""
        facts = facts_of_window(caption, controls_within(cache.controls(entry), 0.0, needed_s), 0.0)
        text = caption if facts is None else true_caption(facts, np.random.default_rng([seed, int(i)]))
        pieces.append(Piece(entry.name, np.ascontiguousarray(tokens), text))
    return pieces


def by_heart_page(
    studio: Studio, caches: Sequence[Path], *, n: int = DEFAULT_PIECES, prompts_s: tuple[float, ...] = PROMPTS_S,
    continuation_s: float = 5.0, progress: Progress = no_progress,
) -> Page:  # fmt: skip
    """The table.

    Args:
        studio: the model.
        caches: the tokens that it was trained on.
        n: pieces.
        prompts_s: lengths of the prompts.
        continuation_s: length of what is compared.
        progress: bar.
    """
    options = Options(prompts_s, continuation_s)
    pieces = training_pieces(caches, studio.model.codec.n_codebooks, n, options.needed_s, options.seed)
    result = analyse(CachedContinuations(studio, pieces, options, progress), pieces, options, progress)
    rows = tuple(
        (f"{t:g} s", str(r.n), str(r.exact), f"{r.approximate} ({r.approximate_share:.1%})", f"{r.entropy_bits:.2f}",
         "–" if r.matched_entropy_bits is None else f"{r.matched_entropy_bits:.2f}")
        for t, r in result.rates.items()
    )  # fmt: skip
    head = ("prompt", "continuations", "exact matches", "approximate matches", "entropy, bits", "of the matches")
    c = result.calibration
    notes = (
        f"Greedy continuations of {options.continuation_s:g} s, with the words of training, without guidance; engine "
        f"{studio.engine}. As in MusicLM, section 5.7 (`partimento.evaluate.memorization`).",
        f"Approximate: transport cost of the coarsest codes' histograms below {c.threshold:.4g} ({c.low:.4g} to {c.high:.4g}); "
        f"of {c.n_pairs} pairs of different training pieces {c.n_below} lie below it.",
        f"{result.duplicates} pairs of training pieces had equal tokens and were left out.",
        f"Model: {Path(studio.checkpoint).name}.",
    )
    exact, made = sum(r.exact for r in result.rates.values()), min(r.n for r in result.rates.values())
    goals = {f"no exact match in {DEFAULT_PIECES} ({exact} in {made} here)": exact == 0 and made >= DEFAULT_PIECES}
    figures = {f"{t:g}": {"n": r.n, "exact": r.exact, "approximate": r.approximate} for t, r in result.rates.items()}
    return Page("by_heart", "Learned by heart", head, rows, notes, figures, goals)
