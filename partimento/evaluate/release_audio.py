"""Release an audio language model or a joint embedding: small weights, configuration, an entry in the manifest with figures.

    python -m partimento.evaluate.release_audio runs/mini/step-00008000 --data cache/tokens --recipe recipes/mini-gpu.yaml \\
        --about "training data in words" --hardware "1 H100" --commit abc1234 [--out DIR]

What the checkpoint is, its configuration says; ``--data`` is a cache of tokens for a language model, of log-mel features for an
embedding. A model that does not beat its baselines is refused the status ``released``.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from partimento.checkpoints import ManifestEntry
from partimento.errors import RequestError
from partimento.evaluate.release import install, release_parser, run_release

NAMES = {"lm": "mini", "embed": "mini-embed"}
COMMANDS = {"lm": ("partimento.evaluate.audio_lm", "--windows"), "embed": ("partimento.evaluate.joint_embedding", "--items")}
MAX_LOSS = {"lm": 0.02, "embed": 0.01}
"""What packing to 8 bits may cost: nats per code, or R@10; where it costs more, weights are stored as float16."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A model's figures.

    Attributes:
        table: for people.
        results: for the manifest.
        cost: the figure that packing must not raise.
        beats: whether the baselines are beaten.
    """

    table: str
    results: dict[str, float]
    cost: float
    beats: bool


def measure(task: str, folder: Path, data: Sequence[Path], split: str, items: int) -> Measured:
    """Figures of a checkpoint folder; ``items`` windows or items."""
    if task == "lm":
        from partimento.evaluate.audio_lm.likelihood import likelihoods

        found = likelihoods(str(folder), data, split, items)
        means = {name: round(float(np.mean(row)), 3) for name, row in found.rows.items()}
        results = {f"nats_per_code_{name.replace(', ', '_').replace(' ', '_')}": value for name, value in means.items()}
        rivals = min(value for name, value in means.items() if name != "model with text")
        return Measured(found.table(), results, means["model with text"], means["model with text"] < rivals)
    from partimento.embed.loading import load_joint
    from partimento.evaluate.joint_embedding import evaluate

    joint = evaluate(load_joint(str(folder)), data, split, items)
    n, recall = joint.n_items, float(np.mean(list(joint.recall.values())))
    results = {f"recall_at_10_{length}_{n}": round(value, 3) for length, value in joint.recall.items()}
    results |= {f"recall_at_10_oracle_{length}_{n}": round(value, 3) for length, value in joint.oracle.items()}
    results |= {
        f"recall_at_10_chance_{n}": round(joint.chance, 4),
        "instrument_auc": round(joint.instrument_auc, 3), "style_auc": round(joint.style_auc, 3),
    }  # fmt: skip
    return Measured(joint.table(), {n: v for n, v in results.items() if np.isfinite(v)}, -recall, recall > joint.chance)


def export_audio_model(
    checkpoint: Path, data: Sequence[Path], out: Path, entry: ManifestEntry, *, split: str = "test", items: int = 100
) -> tuple[ManifestEntry, str]:
    """Pack a checkpoint into ``out``, measure it there, and list it.

    Args:
        checkpoint: folder that the trainer wrote.
        data: caches with a held-out split.
        out: weights' folder.
        entry: facts; name (when empty), command, file, hash, size and results are filled in here.
        split: what is measured on.
        items: 30-s windows, or items.

    Raises:
        FileError, ParseError: something cannot be read.
        RequestError: not one of these models, or status ``released`` for one that does not beat its baselines.
    """
    from safetensors.torch import load_file

    from partimento.codec.packing import pack

    config = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))
    task = str(config.get("task"))
    if task not in NAMES:
        raise RequestError(f"{checkpoint} is a checkpoint of task '{task}'; this releases {' and '.join(NAMES)}")
    name = entry.name or NAMES[task]
    weights = load_file(str(checkpoint / "model.safetensors"))
    before = measure(task, checkpoint, data, split, items)
    out.mkdir(parents=True, exist_ok=True)
    staging = out / f".{name}.partial"
    try:
        after = _stage(staging, task, config, pack(weights), data, split, items)
        if after.cost - before.cost > MAX_LOSS[task]:
            halves = {key: value.half() if value.is_floating_point() else value for key, value in weights.items()}
            after = _stage(staging, task, config, halves, data, split, items)
        if entry.status == "released" and not after.beats:
            raise RequestError(f"this model does not beat its baselines, so it cannot be released:\n{after.table}")
        module, amount = COMMANDS[task]
        command = f"python -m {module} {name} --data CACHE --split {split} {amount} {items}"
        listed = install(staging, out, replace(entry, name=name, command=command, results=after.results))
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return listed, after.table


def _stage(
    staging: Path, task: str, config: dict[str, Any], weights: dict[str, Any], data: Sequence[Path], split: str, items: int
) -> Measured:
    """Write a small checkpoint and measure it."""
    from safetensors.torch import save_file

    from partimento.train.recipe import SECTIONS

    staging.mkdir(exist_ok=True)
    kept = {"task": task} | {key: config[key] for key in SECTIONS[task]}
    (staging / "config.json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    save_file({key: value.contiguous() for key, value in weights.items()}, str(staging / "model.safetensors"))
    return measure(task, staging, data, split, items)


def main(argv: list[str] | None = None) -> int:
    """Command line of this module."""
    parser = release_parser(
        "Release a language model or a joint embedding into the package's weights.", "caches of partimento data encode", "",
        name_help="default mini or mini-embed", caches=True,
    )  # fmt: skip
    parser.add_argument("--split", default="test", choices=("valid", "test"))
    parser.add_argument("--items", type=int, default=100, help="windows, or items")
    args = parser.parse_args(argv)

    def export(entry: ManifestEntry) -> tuple[ManifestEntry, str]:
        return export_audio_model(args.checkpoint, args.data, args.out, entry, split=args.split, items=args.items)

    return run_release(args, "", export, end="\n")


if __name__ == "__main__":
    sys.exit(main())
