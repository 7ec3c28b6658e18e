"""``partimento generate``: words and controls → sound, stems, MIDI, report."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from partimento.cli.progress import stages
from partimento.cli.request_options import add_request_options, request_from
from partimento.errors import RequestError, UnsupportedError
from partimento.plan.request import GenerateRequest
from partimento.plan.result import Result

MAX_N = 100
EPILOG = """examples:
  partimento generate "lazy jazz, saxophone solo over piano" -o out.wav
  partimento generate "funk, no drums" --chords "Am7 | D7 | Gmaj7 | %" --tempo 96 --bars 16 -o funk.flac --stems stems/
  partimento generate "strings" --model DIR --melody hum.wav --story "0: calm; 20: the whole orchestra" --duration 40 -o hum.wav
  partimento generate "slow blues" --model DIR --duration 60 --stream -o - | aplay
  partimento generate "慢板，钢琴和弦乐，不要鼓" -o calm.wav --midi-out calm.mid --report calm.json

The exit code is 0 when the piece was made, also where the report has a line with "fail": look there, or at --json."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_request_options(parser, sound=True)
    add = parser.add_argument
    add(
        "-o",
        "--output",
        required=True,
        type=Path,
        metavar="FILE",
        help="wav, flac, ogg or mp3; or a project that can be edited: a new folder (song/) or one file (song.partimento)",
    )
    add("--stream", action="store_true", help="write wav while it is made (MusicGen models; -o - is standard output), no report")
    add("--n", type=int, default=1, metavar="N", help="how many different results (out-1.wav, out-2.wav …)")
    add("--stems", type=Path, metavar="DIR", help="write one wav per part; they sum to the mix")
    add("--midi-out", type=Path, metavar="FILE", help="write the score (.mid, .musicxml, .mxl, .abc)")
    add("--report", type=Path, metavar="FILE", help="write asked against heard as JSON")
    add("--no-audio-report", action="store_true", help="check the notes only, do not analyse the sound (faster)")
    add("--check-index", type=Path, metavar="NPZ", help="look for copies in an index of training data (evaluate memorization)")
    add("--depth", choices=("16", "24", "float"), default="16", help="bits of wav and flac (default 16)")


def run(args: argparse.Namespace) -> int:
    """Make the pieces; returns the exit code."""
    if not 1 <= args.n <= MAX_N:
        raise RequestError(f"--n {args.n} is outside 1 to {MAX_N}")
    request = request_from(args)
    refuse_files(request.model, args.stems, args.midi_out)
    if args.stream:
        from partimento.cli.streaming import stream

        return stream(request, args)
    if args.output.suffix.lower() == ".partimento" or (not args.output.suffix and not args.output.is_file()):
        return _project(request, args)
    return make(request, args)


def make(request: GenerateRequest, args: argparse.Namespace) -> int:
    """Make ``args.n`` pieces and write their files; returns the exit code."""
    from partimento.outputs import OutputPaths, save
    from partimento.pipeline import generate_several

    if not 1 <= args.n <= MAX_N:
        raise RequestError(f"--n {args.n} is outside 1 to {MAX_N}")
    paths = OutputPaths(args.output, args.stems, args.midi_out, args.report, args.depth)
    checked = _copy_check(getattr(args, "check_index", None))
    for index in range(args.n):
        paths.numbered(index, args.n).check(request.sample_rate)
    with stages(4 * args.n, args.quiet) as tell:
        results = generate_several(request, args.n, audio_report=not args.no_audio_report, on_stage=tell)
        for index, result in enumerate(checked(made) for made in results):
            tell("write")
            written = save(result, paths.numbered(index, args.n))
            _say(result, written, args)
    return 0


def _copy_check(index: Path | None) -> Callable[[Result], Result]:
    """Adds to a report whether the piece copies one of an index; without an index nothing.

    Raises:
        FileError: the index cannot be read (asked before long work begins).
    """
    if index is None:
        return lambda result: result
    from partimento.evaluate.training_check import check_result, with_findings
    from partimento.evaluate.training_index import read_index

    known = read_index(index)
    return lambda result: with_findings(result, check_result(result, known))


def refuse_files(model: str, stems: Path | None, midi: Path | None) -> None:
    """Find out before long work whether the performer has what is to be written.

    Raises:
        UnsupportedError: it has no stems or no score.
    """
    from partimento.models import Support, get_performer

    for option, control, path in (("--stems", "stems", stems), ("--midi-out", "midi", midi)):
        if path is not None and get_performer(model).support[control] is Support.REFUSED:
            raise UnsupportedError(f"{model} has no {control} for {option}; --model score has")


def _project(request: GenerateRequest, args: argparse.Namespace) -> int:
    """Make a project, in a folder or in one file, instead of sound files."""
    from partimento.project.files import check_new
    from partimento.sessions import create_project

    if args.n != 1 or args.stems or args.midi_out or args.report or args.check_index:
        raise RequestError("a project holds stems, score and report; leave out --n, --stems, --midi-out, --report, --check-index")
    check_new(args.output)
    with stages(4, args.quiet) as tell:
        project = create_project(args.output, request, on_stage=tell)
    if not args.quiet:
        from partimento.report import report_table

        contents = project.load()
        print(report_table(contents.report))
        print(f"{project.folder}: version 1, {len(contents.stems)} stems; {project.where_mix}")
    return 0


def _say(result: Result, written: list[Path], args: argparse.Namespace) -> None:
    """Print what was made."""
    if args.json:
        from partimento.plan.serial import to_builtins, to_json

        body = {
            "files": [str(path) for path in written],
            "plan": to_builtins(result.plan),
            "report": to_builtins(result.report),
            "provenance": result.provenance,
        }
        print(to_json(body), end="")
        return
    if args.quiet:
        return
    from partimento.report import report_table

    plan = result.plan
    print(f"{written[0]}: {plan.caption}" if plan.caption else written[0])
    if result.report.findings:
        print(report_table(result.report))
    for remark in plan.remarks:
        print(f"note: {remark}")
    for conflict in plan.conflicts:
        print(f"conflict: {conflict.field}: kept {conflict.kept}, dropped {conflict.dropped} ({conflict.reason})")
    if plan.unknown:
        print(f"not understood: {', '.join(plan.unknown)}", file=sys.stderr)
