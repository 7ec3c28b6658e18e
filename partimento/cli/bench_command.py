"""``partimento bench``: measure speed on this machine."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="take the best of N (default 3)")
    parser.add_argument("--json", action="store_true", help="print machine-readable JSON")
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")


def run(args: argparse.Namespace) -> int:
    """Measure and print; returns the exit code."""
    from partimento.errors import RequestError
    from partimento.evaluate.bench import bench_generate
    from partimento.plan.serial import to_json
    from partimento.tables import markdown_table, text_table

    if not 1 <= args.runs <= 100:
        raise RequestError(f"--runs {args.runs} is outside 1 to 100")
    rows = bench_generate(args.runs)
    if args.json:
        print(to_json(rows), end="")
        return 0
    verdict = {True: "met", False: "missed", None: ""}
    cells = [(r.name, f"{r.figure:.2f} {r.unit}", r.goal, verdict[r.met]) for r in rows]
    head = ("what", "figure", "goal", "")
    print(markdown_table(head, cells) if args.markdown else text_table(head, cells, 90))
    return 0
