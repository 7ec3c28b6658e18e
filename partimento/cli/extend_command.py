"""``partimento extend``: a model goes on from a recording."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from partimento.cli import generate_command
from partimento.cli.request_options import add_sampling_options, request_from
from partimento.errors import RequestError
from partimento.plan.request import MAX_DURATION_S

EPILOG = """examples:
  partimento extend song.wav --model DIR --seconds 20 -o longer.wav
  partimento extend song.wav "the drums drop out" --model DIR --seconds 30 --negative drums -o longer.wav"""
DEFAULT_S = 15.0
KEPT = (
    "the recording to go on from; it is kept as it is but for its end: the new part is faded in over its last 20 ms, and up to "
    "20 ms behind them are left out"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add = parser.add_argument
    add("extends", metavar="FILE", help=KEPT)
    add("words", nargs="?", help="what should follow")
    add("--model", required=True, metavar="NAME", help="a MusicGen checkpoint: its folder or the id of a downloaded one")
    add("--seconds", type=float, default=DEFAULT_S, metavar="S", help=f"how much is added, in seconds (default {DEFAULT_S:g})")
    add("--negative", metavar="WORDS", help="what must not be there")
    add("--engine", metavar="NAME", help="how the model runs: auto, eager, int8, int4, bf16 or cuda")
    add_sampling_options(parser)
    add("--seed", type=int, metavar="N", help="same seed, same bytes (default 0)")
    add("-o", "--output", required=True, type=Path, metavar="FILE", help="wav, flac, ogg or mp3")
    add("--n", type=int, default=1, metavar="N", help="how many different continuations (out-1.wav, out-2.wav …)")
    add("--report", type=Path, metavar="FILE", help="write asked against heard as JSON")
    add("--no-audio-report", action="store_true", help="do not analyse the sound (faster)")
    add(
        "--depth",
        choices=("16", "24", "float"),
        help="bits of wav and flac (default the recording's, as far as the format has them)",
    )
    add("--json", action="store_true", help="print machine-readable JSON")
    add("--quiet", action="store_true", help="print nothing but errors")


def run(args: argparse.Namespace) -> int:
    """Go on from the recording; returns the exit code."""
    from partimento.audio.io import read_audio

    recording = read_audio(args.extends)
    if not 0 < args.seconds <= MAX_DURATION_S:
        raise RequestError(f"--seconds {args.seconds:g} must be above 0, and {MAX_DURATION_S:g} s at most")
    args.depth = args.depth or depth_for(args.extends, args.output)
    asked = replace(request_from(args), duration_s=recording.duration_s + args.seconds, sample_rate=recording.sample_rate)
    args.stems = args.midi_out = None
    return generate_command.make(asked, args)


def depth_for(recording: str, output: Path) -> str:
    """The depth at which a file loses nothing of a recording, as far as its format goes: ``16``, ``24`` or ``float``."""
    import soundfile

    subtype = soundfile.info(recording).subtype
    if subtype == "PCM_24":
        return "24"
    if subtype in ("PCM_32", "FLOAT", "DOUBLE"):
        return "24" if output.suffix.lower() == ".flac" else "float"
    return "16"
