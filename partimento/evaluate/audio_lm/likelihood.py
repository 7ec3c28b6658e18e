"""How good is an audio language model? Held-out likelihood of codes, beside what counting reaches.

    python -m partimento.evaluate.audio_lm CHECKPOINT --data cache/tokens [--split valid] [--windows 32] [--json FILE]

Nats per code of each codebook (the lower the better), all on the same windows:

- **equal chances** and **unigram**: how often each code comes in the training split;
- **bigram, earlier**: given the code a frame earlier; **bigram, coarser**: given the next coarser code of the frame. Both are
  smoothed as suits the held-out windows best, which favours them;
- **model without text** and **model with text** (the captions of training, all true).
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


def likelihoods(checkpoint: str, data: Sequence[Path], split: str = "valid", n_windows: int = DEFAULT_WINDOWS) -> Likelihoods:
    """Measure a checkpoint.

    Args:
        checkpoint: folder, or ``mini``.
        data: token caches of its codec; the training split for counting.
        split: what is held out.
        n_windows: of 30 s.

    Raises:
        FileError, RequestError: no such checkpoint or cache, or one of another codec.
    """
    import torch

    from partimento.lm.code_chains import CodeChains
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
    sums, counts, pieces = np.zeros((2, books)), np.zeros(books), []
    for start in range(0, n_windows, _BATCH):
        codes, ids = held_out.batch(rng, min(_BATCH, n_windows - start))
        pieces += [row[:, row[0] < model.config.cardinality].T for row in codes]
        for i, words in enumerate((np.zeros_like(ids), ids)):
            nats, valid = _measured(model, torch.from_numpy(codes), torch.from_numpy(words))
            sums[i] += nats
        counts += valid
    without, with_text = sums / counts
    rows = {
        "equal chances": np.full(books, math.log(model.config.cardinality)), "unigram": chains.unigram(pieces),
        "bigram, earlier": chains.bigram(pieces), "bigram, coarser": chains.bigram(pieces, "coarser"),
        "model without text": without, "model with text": with_text,
    }  # fmt: skip
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
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    args = parser.parse_args(arguments)
    try:
        found = likelihoods(args.checkpoint, args.data, args.split, max(1, args.windows))
    except PartimentoError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(found.table())
    print(f"{found.seconds:.0f} s of the {args.split} split")
    if args.json:
        args.json.write_text(
            json.dumps({"nats_per_code": found.rows, "seconds": found.seconds}, indent=1) + "\n", encoding="utf-8"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
