"""``partimento data inspect``: what a dataset holds, and what of it cannot be used."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from partimento.data.datasets.registry import Summary

SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add = parser.add_argument
    add("folder", type=Path, metavar="DIR", help="a dataset, a folder of sound, or a manifest of AudioCraft")
    add("--layout", default="auto", metavar="NAME", help="how it is laid out (default auto: found out)")
    add("--sound", action="store_true", help="decode every file: silent, cut off and broken ones are found as well")
    add(
        "--report",
        type=Path,
        metavar="FILE",
        help="write what was left out, one JSON a line (skipped.jsonl); - for standard output",
    )
    add("--json", action="store_true", help="print machine-readable JSON")


def run(args: argparse.Namespace) -> int:
    """Count and print; returns the exit code."""
    from partimento.data.datasets.registry import inspect_dataset
    from partimento.errors import RequestError
    from partimento.paths import check_output
    from partimento.plan.serial import to_json

    on_stdout = args.report is not None and str(args.report) == "-"
    if on_stdout and args.json:
        raise RequestError("--report - and --json both write to standard output; give --report a file")
    report = None if args.report is None or on_stdout else check_output(args.report)
    summary = inspect_dataset(args.folder, args.layout, level="sound" if args.sound else "headers", report=report)
    if args.json:
        print(to_json(summary), end="")
        return 0
    if on_stdout:
        for skip in summary.skips:
            print(skip.line())
    _print(summary, "standard output" if on_stdout else report, sys.stderr if on_stdout else sys.stdout)
    return 0


def _print(summary: Summary, report: object, to: TextIO) -> None:
    """A summary in words; ``report`` is where everything that was left out has gone, or None."""
    print(f"layout    {summary.layout}", file=to)
    print(f"items     {summary.items} ({summary.captioned} with captions, {summary.scored} with a score)", file=to)
    print(f"sound     {summary.duration_s / 3600:.2f} h", file=to)
    print(f"splits    {_counts(summary.splits)}", file=to)
    if summary.stems:
        print(f"stems     {summary.stems}: {_counts(summary.roles)}", file=to)
    print(f"rates     {_counts(Counter({f'{rate} Hz': n for rate, n in summary.rates.items()}))}", file=to)
    print(f"licences  {_counts(summary.licences)}", file=to)
    print(f"skipped   {len(summary.skips)}" + (f" (all of them in {report})" if report is not None else ""), file=to)
    for skip in summary.skips[:SHOWN]:
        print(f"  {skip.what} {skip.name}: {skip.reason}", file=to)
    if len(summary.skips) > SHOWN:
        print(
            f"  and {len(summary.skips) - SHOWN} more" + ("" if report is not None else "; --report FILE writes them all"),
            file=to,
        )


def _counts(counts: Counter[str]) -> str:
    """The commonest first."""
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    listed = ", ".join(f"{name} {n}" for name, n in ranked[:12])
    return (listed or "none") + (f" and {len(ranked) - 12} more" if len(ranked) > 12 else "")
