"""A run's log as numbers and as a picture.

python -m partimento.train.curves runs/codec
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from partimento.errors import FileError, PartimentoError
from partimento.train.loop import LOG_FILE


def read_log(folder: Path) -> list[dict[str, Any]]:
    """Rows of a run's log; steps that were run again after a crash count once, the last time.

    Raises:
        FileError: no log there.
    """
    path = folder / LOG_FILE
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise FileError(f"no {LOG_FILE} in {folder}: {error.strerror or error}") from error
    rows: list[dict[str, Any]] = []
    for line in lines:
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue  # a line cut off by a crash
        while rows and rows[-1]["step"] > row["step"]:
            rows.pop()
        rows.append(row)
    return rows


def plot_curves(folder: Path, picture: Path | None = None) -> Path:
    """Draw losses, and a codec's codebook perplexities, an embedding's held-out shares or how far a language model listens to
    the text where windows begin; returns the picture's path."""
    from matplotlib.figure import Figure

    rows = read_log(folder)
    train = [r for r in rows if r["kind"] == "train"]
    valid = [r for r in rows if r["kind"] == "valid"]
    figure = Figure(figsize=(11, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    is_codec, is_lm = any("l1" in r for r in train), any("start" in r for r in valid)
    names = {"loss": "windows, some of them thinned" if is_lm else "pairs and prompts"}
    held_out = "windows, held out" if is_lm else "pairs, held out"
    for name in ("l1", "mel") if is_codec else ("loss", "prompts"):
        points = [(r["step"], r[name]) for r in train if name in r]
        if points:
            left.plot(*zip(*points, strict=True), linewidth=0.6, alpha=0.6, label=f"{names.get(name, name)}, training")
        points = [(r["step"], r[f"valid_{name}"]) for r in valid if f"valid_{name}" in r]
        if points:
            left.plot(*zip(*points, strict=True), marker=".", label=f"{name}, held out" if is_codec else held_out)
    left.set(xlabel="step", ylabel="nepers" if is_codec else "nats", yscale="log", title="losses")
    left.legend()
    books = sorted({k for r in valid for k in r if k.startswith("perplexity_")}, key=lambda k: int(k.split("_")[1]))
    for name in books:
        right.plot(*zip(*[(r["step"], r[name]) for r in valid if name in r], strict=True), label=name.split("_")[1])
    others = {
        "valid_r1": "R@1 of 64", "valid_r10": "R@10 of 64", "valid_heard": "instruments, AUC",
        "start": "first two seconds, with the text", "start_unconditional": "the same without",
    }  # fmt: skip
    for name, words in others.items():
        points = [(r["step"], r[name]) for r in valid if name in r]
        if points:
            right.plot(*zip(*points, strict=True), marker=".", label=words)
    right.set(xlabel="step", title="perplexity of each codebook" if is_codec else "held out")
    if right.lines:
        right.legend(ncols=2)
    target = picture or folder / "curves.png"
    figure.savefig(target, dpi=80)
    return target


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw and say where; returns the exit code."""
    parser = argparse.ArgumentParser(description="Draw a training run's curves.")
    parser.add_argument("run", type=Path, help=f"folder with {LOG_FILE}")
    parser.add_argument("-o", "--output", type=Path, metavar="PNG", help="default: curves.png in it")
    args = parser.parse_args(arguments)
    try:
        print(plot_curves(args.run, args.output))
    except PartimentoError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
