"""``partimento listening-test``: build a test from folders of sounds, serve its page, count what raters said."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from partimento.errors import FileError, RequestError

if TYPE_CHECKING:
    from partimento.evaluate.listening_test.pairs import ListeningTest

EPILOG = """examples:
  partimento listening-test build --systems ours/ theirs/ --captions captions.csv --out test/ --match-loudness
  partimento listening-test serve test/
  partimento listening-test report test/ --out docs/figures"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands."""
    sub = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    build = sub.add_parser("build", help="pairs of sounds under one caption")
    build.add_argument("--systems", type=Path, nargs="+", required=True, metavar="DIR", help="one folder of sounds per system")
    build.add_argument(
        "--captions", type=Path, required=True, metavar="CSV",
        help="columns id (or file, ytid, name) and caption; sounds are named like the ids",
    )  # fmt: skip
    build.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the test")
    build.add_argument("--pairs", type=int, metavar="N", help="pairs in all (default: every pair of systems under every caption)")
    build.add_argument("--per-rater", type=int, metavar="N", help="pairs that each rater is given (default: all)")
    build.add_argument("--seed", type=int, default=0, metavar="N", help="of the choice, of sides and of orders")
    build.add_argument("--match-loudness", action="store_true", help="copy all sounds at one loudness (the report says so)")
    build.add_argument("--quiet", action="store_true", help="no progress bar")
    serve = sub.add_parser("serve", help="the raters' page; stop with Ctrl-C, start again to go on")
    serve.add_argument("test", type=Path, metavar="DIR", help="folder of the test")
    serve.add_argument("--port", type=int, metavar="N", help="default 8765; 0 takes a free one")
    serve.add_argument("--host", metavar="ADDRESS", help="default 127.0.0.1, this machine only; 0.0.0.0 for the network")
    report = sub.add_parser("report", help="wins, intervals, tests, picture")
    report.add_argument("test", type=Path, metavar="DIR", help="folder of the test")
    report.add_argument("--out", type=Path, metavar="DIR", help="where the files go (default: report/ in the test's folder)")


def run(args: argparse.Namespace) -> int:
    """Run one of the three."""
    return {"build": _build, "serve": _serve, "report": _report}[args.action](args)


def _build(args: argparse.Namespace) -> int:
    from partimento.cli.progress import track
    from partimento.evaluate.listening_test.pairs import BuildOptions, build

    options = BuildOptions(tuple(args.systems), args.captions, args.pairs, args.per_rater, args.seed, args.match_loudness)
    test = build(options, args.out, lambda items, total, label: track(items, total, label, args.quiet))
    for line in test.left_out:
        print(f"left out: {line}", file=sys.stderr)
    print(_summary(test))
    print(f"next: partimento listening-test serve {args.out}")
    return 0


def _summary(test: ListeningTest) -> str:
    loud = "" if test.matched_lufs is None else f", all at {test.matched_lufs:g} LUFS"
    each = "all of them" if test.per_rater is None else f"{test.per_rater}"
    return (
        f"{len(test.pairs)} pairs of {len(test.clips)} clips of {len(test.systems)} systems "
        f"under {len(test.captions)} captions{loud}; "
        f"each rater hears {each}"
    )


def _serve(args: argparse.Namespace) -> int:
    from partimento.evaluate.listening_test.server import DEFAULT_PORT, LOCAL, make_server

    host = args.host or LOCAL
    server = make_server(args.test, DEFAULT_PORT if args.port is None else args.port, host)
    port = server.server_address[1]
    print(f"http://{'localhost' if host == LOCAL else host}:{port}/  (Ctrl-C stops; ratings are kept)", flush=True)
    if host not in (LOCAL, "localhost", "::1"):
        print("everyone who reaches this address can rate; there is no password", file=sys.stderr)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
    finally:
        server.server_close()
    return 0


def _report(args: argparse.Namespace) -> int:
    from partimento.evaluate.listening_test.pairs import read_test
    from partimento.evaluate.listening_test.report import count
    from partimento.evaluate.listening_test.store import DATABASE, Ratings

    test = read_test(args.test)
    if not (args.test / DATABASE).exists():
        raise RequestError(f"nobody has rated {args.test} yet; open its page with: partimento listening-test serve {args.test}")
    found = count(test, Ratings(args.test).all())
    out = args.out or args.test / "report"
    if out.exists() and not out.is_dir():
        raise FileError(f"{out} is a file; name a folder")
    found.write(out)
    print(found.as_markdown(), end="")
    return 0
