"""``partimento data inspect``: what a dataset holds, and what of it cannot be used."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add = parser.add_argument
    add("folder", type=Path, metavar="DIR", help="a dataset, a folder of sound, or a manifest of AudioCraft")
    add("--layout", default="auto", metavar="NAME", help="how it is laid out (default auto: found out)")
    add("--sound", action="store_true", help="decode every file: silent, cut off and broken ones are found as well")
    add("--report", type=Path, metavar="FILE", help="write what was left out, one JSON a line (skipped.jsonl)")
    add("--json", action="store_true", help="print machine-readable JSON")


def run(args: argparse.Namespace) -> int:
    """Count and print; returns the exit code."""
    from partimento.data.datasets.registry import inspect_dataset
    from partimento.paths import check_output
    from partimento.plan.serial import to_json

    report = None if args.report is None else check_output(args.report)
    summary = inspect_dataset(args.folder, args.layout, level="sound" if args.sound else "headers", report=report)
    if args.json:
        print(to_json(summary), end="")
        return 0
    print(f"layout    {summary.layout}")
    print(f"items     {summary.items} ({summary.captioned} with captions, {summary.scored} with a score)")
    print(f"sound     {summary.duration_s / 3600:.2f} h")
    print(f"splits    {_counts(summary.splits)}")
    if summary.stems:
        print(f"stems     {summary.stems}: {_counts(summary.roles)}")
    print(f"rates     {_counts(Counter({f'{rate} Hz': n for rate, n in summary.rates.items()}))}")
    print(f"licences  {_counts(summary.licences)}")
    print(f"skipped   {len(summary.skips)}" + (f" (all of them in {report})" if report is not None else ""))
    for skip in summary.skips[:SHOWN]:
        print(f"  {skip.what} {skip.name}: {skip.reason}")
    if len(summary.skips) > SHOWN:
        print(f"  and {len(summary.skips) - SHOWN} more" + ("" if report is not None else "; --report FILE writes them all"))
    return 0


def _counts(counts: Counter[str]) -> str:
    """The commonest first."""
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    listed = ", ".join(f"{name} {n}" for name, n in ranked[:12])
    return (listed or "none") + (f" and {len(ranked) - 12} more" if len(ranked) > 12 else "")
