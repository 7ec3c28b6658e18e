"""``partimento models``: which performers there are, what each does with every control; checkpoints in and out."""

from __future__ import annotations

import argparse
from pathlib import Path

from partimento.errors import RequestError
from partimento.tables import text_table

EPILOG = """examples:
  partimento models info score
  partimento models import facebook/musicgen-small --to models/small
  partimento models import audiocraft-folder --text-encoder google-t5/t5-base --to models/mine
  partimento models export models/small --layout audiocraft --to small-audiocraft
  partimento models merge runs/mine --to models/mine
  partimento models info models/small"""
LAYOUTS = ("transformers", "audiocraft")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands."""
    add = parser.add_argument
    actions = ("list", "info", "import", "export", "merge")
    add("action", nargs="?", choices=actions, default="list", help="list (default), info, import, export or merge")
    add(
        "name",
        nargs="?",
        help="info: a performer or a checkpoint (default: all performers); import, export: a folder or an id; merge: an adapter",
    )
    add("--to", type=Path, metavar="DIR", help="import, export, merge: the new folder")
    add("--layout", choices=LAYOUTS, help="import, export, merge: how to store it (default as it is)")
    add("--base", metavar="DIR", help="merge: where the adapter's base is (default: what it was made with)")
    add("--text-encoder", metavar="DIR", help="import, export: folder or id of the T5 that AudioCraft's files leave out")
    add("--json", action="store_true", help="print machine-readable JSON")


def run(args: argparse.Namespace) -> int:
    """Print, or bring a checkpoint in or out; returns the exit code."""
    if args.action in ("import", "export", "merge"):
        return _bring(args)
    if args.base is not None:
        raise RequestError("--base is for merge: partimento models merge ADAPTER --base DIR --to DIR")
    from partimento.models import CONTROLS, get_performer, performer_names
    from partimento.plan.serial import to_json

    performers = [get_performer(name) for name in ([args.name] if args.name else performer_names())]
    facts = _facts(args.name) if args.action == "info" and args.name else {}
    if args.json:
        table = {p.name: {"description": p.description, "licence": p.licence, "support": p.support} for p in performers}
        print(to_json(table | ({"checkpoint": facts} if facts else {})), end="")
    elif args.action == "list":
        from partimento.models.musicgen_performer import MusicGenPerformer as Checkpoint

        lines = [(p.name, p.description, p.licence) for p in performers]
        lines.append(("DIR or ID", Checkpoint.description, Checkpoint.licence))
        print(text_table(("name", "what it does", "licence"), lines, 100))
    else:
        if facts:
            print(text_table(("checkpoint", args.name), [(name, str(value)) for name, value in facts.items()], 100))
            print()
        rows = [(control, *(str(p.support[control]) for p in performers)) for control in CONTROLS]
        print(text_table(("control", *(p.name for p in performers)), rows))
    return 0


def _facts(name: str) -> dict[str, object]:
    """What a checkpoint is; nothing for a built-in performer."""
    from partimento.models import performer_names

    if name in performer_names():
        return {}
    _need_torch(name)
    from partimento.models.musicgen.store import describe

    return describe(name)


def _need_torch(name: str) -> None:
    """Raise a MissingDependencyError when the packages that read checkpoints are not there."""
    from partimento.models.musicgen_performer import need_packages

    need_packages(name)


def _bring(args: argparse.Namespace) -> int:
    """Import, export or merge."""
    if args.name is None or args.to is None:
        raise RequestError(f"give what to {args.action} and --to DIR, e.g. models {args.action} facebook/musicgen-small --to DIR")
    if args.action == "export" and args.layout is None:
        raise RequestError(f"export needs --layout: {' or '.join(LAYOUTS)}")
    _need_torch(args.name)
    if args.action == "merge":
        from partimento.train.finetune_merge import merge_adapter

        print(f"{args.to}: layout of {merge_adapter(Path(args.name), args.to, base=args.base, layout=args.layout)}")
        return 0
    from partimento.models.musicgen.store import import_model

    model = import_model(args.name, args.to, args.layout, args.text_encoder)
    millions = sum(p.numel() for p in model.lm.parameters()) / 1e6
    print(f"{args.to}: layout of {model.layout}, {millions:.1f} M parameters, hashes written")
    return 0
