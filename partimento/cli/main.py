"""The command ``partimento``: finds the subcommand, runs it, turns our errors into one line and an exit code.

Exit codes: 0 done, 1 a check failed (only where a command says so), 2 the user can put it right, 130 Ctrl-C,
143 ended by SIGTERM.
"""

from __future__ import annotations

import argparse
import importlib
import io
import os
import signal
import sys
from collections.abc import Sequence

COMMANDS = {
    "generate": "make a piece from words and controls",
    "extend": "let a model go on from a recording",
    "compose": "write a score (MIDI, MusicXML, ABC) without sound",
    "edit": "change a project or a recording by an instruction",
    "history": "the versions of a project",
    "undo": "go back to the version before",
    "redo": "take an undo back",
    "checkout": "go to any version; the next edit branches there",
    "replay": "make a project again from its requests and compare",
    "plan": "show how words are understood",
    "listen": "what is in a recording: tempo, key, chords, loudness",
    "score": "look at scores: plot a piano roll, convert between formats",
    "models": "list performers and what each can do",
    "data": "make training data",
    "train": "train a model from a recipe",
    "evaluate": "measure: sound, scores, plans and edits of any system",
    "listening-test": "let people compare systems by ear: build, serve, report",
    "bench": "measure speed",
}
"""Subcommand → help line; each lives in ``partimento.cli.<name>_command``, but for those of :data:`SHARED`."""
_TERMINATED = 143  # 128 + SIGTERM, as shells say it
SHARED = dict.fromkeys(("history", "undo", "redo", "checkout", "replay"), "project") | {"listening-test": "listening_test"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character gets an escape instead of a traceback.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        print("partimento: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output went away (``| head``); keep Python from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


class _Ended(BaseException):
    """SIGTERM came: what was begun is cleaned up on the way out, as after Ctrl-C."""


def _clean_up_when_ended() -> None:
    """Let SIGTERM end this process as Ctrl-C does, so that half-written files go."""
    own = os.getpid()

    def _end(_number: int, _frame: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one must not stop the cleaning up
        if os.getpid() != own:  # a worker made by fork: whoever made it ends it, without a word
            os._exit(_TERMINATED)
        raise _Ended

    signal.signal(signal.SIGTERM, _end)


def entry() -> None:
    """The console script: :func:`main`, then exit.

    After Ctrl-C the process leaves at once: Python remembers an interrupt that struck while it ran generated code (as in
    the making of a dataclass) and would replace our exit code by its own.
    """
    _clean_up_when_ended()
    try:
        code = main()
    except _Ended:
        code = _TERMINATED
    sys.stdout.flush()
    sys.stderr.flush()
    if code in (130, _TERMINATED):
        os._exit(code)
    sys.exit(code)


def _run(arguments: list[str]) -> int:
    """Parse and dispatch; our own errors become one line on stderr."""
    from partimento.errors import PartimentoError

    parser = _parser()
    if arguments and arguments[0] in COMMANDS:
        name = arguments[0]
        module = importlib.import_module(f"partimento.cli.{SHARED.get(name, name)}_command")
        sub = argparse.ArgumentParser(
            prog=f"partimento {name}",
            description=COMMANDS[name][0].upper() + COMMANDS[name][1:] + ".",
            epilog=getattr(module, "EPILOG", None),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(sub)
        try:
            return int(module.run(sub.parse_args(arguments[1:])))
        except PartimentoError as error:
            print(f"partimento: {' '.join(str(error).split())}", file=sys.stderr)
            return 2
        except MemoryError:
            print("partimento: not enough memory for this; ask for a shorter piece or fewer stems", file=sys.stderr)
            return 2
    options = parser.parse_args(arguments)
    if options.version:
        from importlib.metadata import version

        print(f"partimento {version('partimento')}")
        return 0
    parser.print_help()
    return 0


def _parser() -> argparse.ArgumentParser:
    """The top level: names and help lines only, so that ``--help`` is quick."""
    width = max(len(name) for name in COMMANDS)
    listing = "\n".join(f"  {name:<{width}}  {text}" for name, text in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="partimento",
        description="Music from words that does what was asked, and proves it.",
        epilog=f"commands:\n{listing}\n\n`partimento COMMAND --help` explains each.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="partimento COMMAND [options]",
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    parser.add_argument("command", nargs="?", choices=tuple(COMMANDS), metavar="COMMAND", help="one of those below")
    return parser


if __name__ == "__main__":
    entry()
