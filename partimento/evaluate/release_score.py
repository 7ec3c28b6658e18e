"""Release a score model: small weights, configuration, and an entry in the manifest with its measured figures.

    python -m partimento.evaluate.release_score runs/score/step-00001400 --data data/scores --recipe recipes/mini-score.yaml \\
        --about "training data in words" --hardware "1 CPU core" --commit abc1234 [--name mini-score] [--out DIR]
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from partimento.checkpoints import ManifestEntry
from partimento.data.scores import read_scores
from partimento.errors import RequestError
from partimento.evaluate.release import install, release_parser, run_release
from partimento.evaluate.score_model import Likelihood, asked_and_there, held_out_bits, markdown

MAX_LOSS_BY_PACKING = 0.02
"""A release that needs more bits per note than this when packed is refused."""


def export_score_model(
    checkpoint: Path, lines: Sequence[dict[str, Any]], out: Path, entry: ManifestEntry, *, requests: int = 40
) -> tuple[ManifestEntry, str]:
    """Pack a score model into ``out``, measure it there, and list it.

    Args:
        checkpoint: folder that the trainer wrote.
        lines: dataset with a held-out split (:func:`partimento.data.scores.read_scores`).
        out: weights' folder.
        entry: name and facts; file, hash, size and results are filled in here.
        requests: random requests to compose to.

    Returns:
        The entry as listed, and the table of figures as text.

    Raises:
        FileError: something cannot be read.
        RequestError: packing costs too much.
    """
    from safetensors.torch import save_file

    from partimento.codec.packing import pack
    from partimento.score_lm.familiar import remembered
    from partimento.score_lm.loading import load_score_model
    from partimento.train.score_data import lead_of

    model = load_score_model(str(checkpoint))
    out.mkdir(parents=True, exist_ok=True)
    staging = out / f".{entry.name}.partial"
    staging.mkdir(exist_ok=True)
    learned = (lead_of(line["piece"]) for line in lines if (line["source"], line["split"]) == ("sheet", "train"))
    config = {"score_model": msgspec.to_builtins(replace(model.config, familiar=remembered(learned)))}
    (staging / "config.json").write_text(json.dumps(config) + "\n", encoding="utf-8")
    save_file(pack(model.state_dict()), str(staging / "model.safetensors"))
    packed = load_score_model(str(staging))
    before, after = held_out_bits(model, lines), held_out_bits(packed, lines)
    lost = mean_bits(after, "model") - mean_bits(before, "model")
    if lost > MAX_LOSS_BY_PACKING:
        raise RequestError(f"packing costs {lost:.3f} bits per note; the limit is {MAX_LOSS_BY_PACKING}: keep float16")
    results = {f"bits_per_note_{row.source}": round(row.per_note["model"], 2) for row in after}
    results |= {
        f"bits_per_note_{name}": round(mean_bits(after, name), 2) for name in ("model", "told", "markov", "unigram", "notes")
    }
    if requests:
        there = asked_and_there(packed, requests)
        results |= {
            "key_there": round(there.key, 3), "metre_there": there.metre, "instruments_there": round(there.instruments, 3),
        }  # fmt: skip
    listed = install(staging, out, replace(entry, results=results))
    return listed, markdown(after)


def mean_bits(rows: Sequence[Likelihood], name: str) -> float:
    """Bits per note over all sources, each note counting once."""
    return sum(row.per_note[name] * row.n_notes for row in rows) / sum(row.n_notes for row in rows)


def main(argv: list[str] | None = None) -> int:
    """Command line of this module."""
    description = "Release a score model into the package's weights."
    parser = release_parser(description, "dataset of partimento data scores", "mini-score")
    parser.add_argument("--requests", type=int, default=40)
    args = parser.parse_args(argv)
    command = f"python -m partimento.evaluate.score_model {args.name} --data DIR"

    def export(entry: ManifestEntry) -> tuple[ManifestEntry, str]:
        return export_score_model(args.checkpoint, read_scores(args.data), args.out, entry, requests=args.requests)

    return run_release(args, command, export)


if __name__ == "__main__":
    sys.exit(main())
