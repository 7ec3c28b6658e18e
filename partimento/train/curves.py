"""A run's log as numbers and as a picture.

python -m partimento.train.curves runs/codec
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from partimento.errors import FileError
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
    """Draw losses, and a codec's codebook perplexities or an embedding's held-out shares; returns the picture's path."""
    from matplotlib.figure import Figure

    rows = read_log(folder)
    train = [r for r in rows if r["kind"] == "train"]
    valid = [r for r in rows if r["kind"] == "valid"]
    figure = Figure(figsize=(11, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    is_codec, names = any("l1" in r for r in train), {"loss": "pairs and prompts"}
    for name in ("l1", "mel") if is_codec else ("loss", "prompts"):
        points = [(r["step"], r[name]) for r in train if name in r]
        if points:
            left.plot(*zip(*points, strict=True), linewidth=0.6, alpha=0.6, label=f"{names.get(name, name)}, training")
        points = [(r["step"], r[f"valid_{name}"]) for r in valid if f"valid_{name}" in r]
        if points:
            left.plot(*zip(*points, strict=True), marker=".", label=f"{name}, held out" if is_codec else "pairs, held out")
    left.set(xlabel="step", ylabel="nepers" if is_codec else "nats", yscale="log", title="losses")
    left.legend()
    books = sorted({k for r in valid for k in r if k.startswith("perplexity_")}, key=lambda k: int(k.split("_")[1]))
    for name in books:
        right.plot(*zip(*[(r["step"], r[name]) for r in valid if name in r], strict=True), label=name.split("_")[1])
    shares = {"valid_r1": "R@1 of 64", "valid_r10": "R@10 of 64", "valid_heard": "instruments, AUC"}
    for name, words in shares.items():
        points = [(r["step"], r[name]) for r in valid if name in r]
        if points:
            right.plot(*zip(*points, strict=True), marker=".", label=words)
    right.set(xlabel="step", title="perplexity of each codebook" if is_codec else "held out")
    if right.lines:
        right.legend(ncols=2)
    target = picture or folder / "curves.png"
    figure.savefig(target, dpi=80)
    return target


if __name__ == "__main__":
    print(plot_curves(Path(sys.argv[1])))
