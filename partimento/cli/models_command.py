"""``partimento models``: which performers there are, and what each does with every control."""

from __future__ import annotations

import argparse

from partimento.tables import text_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands."""
    parser.add_argument("action", nargs="?", choices=("list", "info"), default="list", help="list (default) or info")
    parser.add_argument("name", nargs="?", help="with info: one performer (default: all)")
    parser.add_argument("--json", action="store_true", help="print machine-readable JSON")


def run(args: argparse.Namespace) -> int:
    """Print; returns the exit code."""
    from partimento.models import CONTROLS, get_performer, performer_names
    from partimento.plan.serial import to_json

    performers = [get_performer(name) for name in ([args.name] if args.name else performer_names())]
    if args.json:
        table = {p.name: {"description": p.description, "licence": p.licence, "support": p.support} for p in performers}
        print(to_json(table), end="")
    elif args.action == "list":
        print(text_table(("name", "what it does", "licence"), [(p.name, p.description, p.licence) for p in performers], 100))
    else:
        rows = [(control, *(str(p.support[control]) for p in performers)) for control in CONTROLS]
        print(text_table(("control", *(p.name for p in performers)), rows))
    return 0
