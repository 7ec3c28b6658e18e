"""How good is an audio language model? Held-out likelihood of codes, beside what counting reaches.

    python -m partimento.evaluate.audio_lm CHECKPOINT --data cache/tokens [--split valid] [--windows 32] [--engines int8,int4]

Nats per code of each codebook (the lower the better), all on the same windows:

- **equal chances** and **unigram**: how often each code comes in the training split;
- **bigram, earlier**: given the code a frame earlier; **bigram, coarser**: given the next coarser code of the frame. Both are
  smoothed as suits the held-out windows best, which favours them;
- **model without text** and **model with text** (the captions of training, all true);
- **model with text, int8** and so on: the same run by another engine, with how far its mean is from the model's own.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from partimento.errors import PartimentoError
from partimento.tables import text_table

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from partimento.lm.audio_lm import AudioLm

DEFAULT_WINDOWS = 32
_SEED = 4_711
_BATCH = 4
_WITH_TEXT = "model with text"


@dataclass(frozen=True, slots=True)
class Likelihoods:
    """Nats per code, one number per codebook.

    Attributes:
        rows: name of a model to its figures.
        seconds: of held-out music.
    """

    rows: dict[str, tuple[float, ...]]
    seconds: float

    def table(self) -> str:
        """For people."""
        books = len(next(iter(self.rows.values())))
        head = ("nats per code", *(f"book {k + 1}" for k in range(books)), "mean")
        lines = [(name, *(f"{v:.3f}" for v in row), f"{np.mean(row):.3f}") for name, row in self.rows.items()]
        return text_table(head, lines)

    def engine_losses(self) -> dict[str, float]:
        """How much worse each engine's mean is than the model's own, as a share (negative where it is better)."""
        own = float(np.mean(self.rows[_WITH_TEXT]))
        head = f"{_WITH_TEXT}, "
        return {n.removeprefix(head): float(np.mean(row)) / own - 1.0 for n, row in self.rows.items() if n.startswith(head)}


def likelihoods(
    checkpoint: str, data: Sequence[Path], split: str = "valid", n_windows: int = DEFAULT_WINDOWS, engines: Sequence[str] = ()
) -> Likelihoods:
    """Measure a checkpoint.

    Args:
        checkpoint: folder, or ``mini``.
        data: token caches of its codec; the training split for counting.
        split: what is held out.
        n_windows: of 30 s.
        engines: names of :mod:`partimento.lm.engines` that run it once more.

    Raises:
        FileError, RequestError: no such checkpoint or cache, or one of another codec; no such engine.
        MissingDependencyError: an engine's library is not installed.
    """
    import torch

    from partimento.lm.code_chains import CodeChains
    from partimento.lm.engines import get_engine
    from partimento.models.mini import load_audio_lm
    from partimento.train.lm_data import TokenWindows
    from partimento.train.lm_setup import check_codec
    from partimento.train.recipe import recipe_from

    model, config = load_audio_lm(checkpoint)
    recipe = recipe_from(config)
    books, lm = model.config.n_codebooks, recipe.lm

    def windows(which: str) -> TokenWindows:
        return TokenWindows(data, books, lm.window_frames, recipe.text, lm.own_caption_share, which)

    held_out, train = windows(split), windows("train")
    check_codec(recipe, held_out.layout, data[0])
    chains = CodeChains(train.sequences(), model.config.cardinality)
    rng = np.random.default_rng(_SEED)
    others = [load_audio_lm(checkpoint)[0] for _ in engines]
    for name, other in zip(engines, others, strict=True):
        get_engine(name).prepare(other.lm)
    sums, counts, pieces = np.zeros((2 + len(others), books)), np.zeros(books), []
    for start in range(0, n_windows, _BATCH):
        codes, ids = held_out.batch(rng, min(_BATCH, n_windows - start))
        pieces += [row[:, row[0] < model.config.cardinality].T for row in codes]
        for i, (run, words) in enumerate([(model, np.zeros_like(ids)), (model, ids), *((other, ids) for other in others)]):
            nats, valid = _measured(run, torch.from_numpy(codes), torch.from_numpy(words))
            sums[i] += nats
        counts += valid
    without, with_text, *by_engine = sums / counts
    rows = {
        "equal chances": np.full(books, math.log(model.config.cardinality)), "unigram": chains.unigram(pieces),
        "bigram, earlier": chains.bigram(pieces), "bigram, coarser": chains.bigram(pieces, "coarser"),
        "model without text": without, _WITH_TEXT: with_text,
    }  # fmt: skip
    rows |= {f"{_WITH_TEXT}, {name}": row for name, row in zip(engines, by_engine, strict=True)}
    return Likelihoods({n: tuple(float(v) for v in row) for n, row in rows.items()}, counts[0] / held_out.layout.frame_rate_hz)


def _measured(model: AudioLm, codes: Tensor, ids: Tensor) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sums of nats and numbers of codes, per codebook."""
    import torch

    with torch.inference_mode():
        nats, valid = model.losses(codes, ids)
    return nats.double().sum((0, 2)).numpy(), valid.sum((0, 2)).numpy()


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", help="folder of the trainer, or mini")
    parser.add_argument("--data", type=Path, nargs="+", required=True, metavar="CACHE", help="of partimento data encode")
    parser.add_argument("--split", default="valid", choices=("valid", "test"))
    parser.add_argument("--windows", type=int, default=DEFAULT_WINDOWS, metavar="N", help=f"default {DEFAULT_WINDOWS}")
    parser.add_argument("--engines", default="", metavar="NAMES", help="that run it once more, as in int8,int4")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    args = parser.parse_args(arguments)
    engines = [name for name in args.engines.split(",") if name]
    try:
        found = likelihoods(args.checkpoint, args.data, args.split, max(1, args.windows), engines)
    except PartimentoError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(found.table())
    print(f"{found.seconds:.0f} s of the {args.split} split")
    for name, share in found.engine_losses().items():
        print(f"{name}: {share:+.2%} of the model's own")
    if args.json:
        figures = {"nats_per_code": found.rows, "seconds": found.seconds, "engines": found.engine_losses()}
        args.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
