"""Options that several commands share: the fields of a request, and how to talk while working."""

from __future__ import annotations

import argparse
from dataclasses import fields

from partimento.plan.request import MAX_DURATION_S, MIN_DURATION_S, GenerateRequest


def add_request_options(parser: argparse.ArgumentParser, *, sound: bool) -> None:
    """Words and controls; with ``sound`` also what only a performer needs."""
    add = parser.add_argument
    add("words", nargs="?", help='what is wanted, e.g. "lazy jazz, saxophone solo over piano, no drums" (or - for stdin)')
    span = f"{MIN_DURATION_S:g} to {MAX_DURATION_S:g}"
    add("--duration", dest="duration_s", type=float, metavar="S", help=f"length in seconds, {span}, met exactly (default 30)")
    add("--bars", type=int, metavar="N", help="length in bars")
    add("--tempo", dest="tempo_bpm", type=float, metavar="BPM", help="quarter notes per minute")
    add("--key", metavar="KEY", help='e.g. "A minor", "F# major", "D dorian"')
    add("--metre", "--meter", dest="metre", metavar="N/D", help="e.g. 3/4, 7/8, 12/8")
    add("--chords", metavar="TEXT", help='e.g. "Am7 | D7 | Gmaj7 | %%", Harte or Roman numerals; repeated to fill')
    tune = "keep this tune (MIDI, MusicXML, ABC) and arrange around it; a melody model hears it instead, or a recording"
    add("--melody", metavar="FILE", help=tune)
    add("--midi", metavar="FILE", help="keep these parts (MIDI, MusicXML, ABC) and complete them")
    add("--negative", metavar="WORDS", help='what must not be there, e.g. "vocals, drums"')
    add("--style", metavar="ID", help="style id that overrules the words (partimento plan --styles lists them)")
    add("--seed", type=int, metavar="N", help="same seed, same bytes (default 0)")
    add("--json", action="store_true", help="print machine-readable JSON")
    add("--quiet", action="store_true", help="print nothing but errors")
    if sound:
        add("--model", metavar="NAME", help="performer (default score; partimento models list)")
        alone = "the melody's recording is a tune alone (hummed, whistled): take no drums or bass out of it"
        add("--melody-alone", action="store_true", default=None, help=alone)
        times = "words along the time line (MusicGen models); times are seconds or minutes:seconds"
        add("--story", metavar="TEXT", help=f'{times}: "0: calm piano; 15: drums come in; 1:05: strings alone"')
        add("--engine", metavar="NAME", help="how a MusicGen model runs: auto, eager, int8, int4, bf16 or cuda")
        add_sampling_options(parser)
        most = "make N takes and keep the one that suits the words best by the built-in mini-embed (MusicGen models)"
        add("--best-of", type=int, metavar="N", help=most)
        add("--soundfont", metavar="SF2", help="a SoundFont file, fluidr3 or musescore (default: built-in TimGM6mb)")
        add("--sample-rate", type=int, metavar="HZ", help="of the output (default 44100)")


def add_sampling_options(parser: argparse.ArgumentParser) -> None:
    """How a language model draws its codes."""
    add = parser.add_argument
    add("--top-k", type=int, metavar="N", help="draw from the N likeliest codes, 0 for all (MusicGen models; default 250)")
    add(
        "--top-p",
        type=float,
        metavar="P",
        help="draw from the likeliest codes up to this share, above 0 to 1 (overrules --top-k)",
    )
    add("--temperature", type=float, metavar="T", help="above 1 more surprising, below 1 less (MusicGen models; default 1)")
    add("--guidance", type=float, metavar="G", help="how hard to push towards the words, 1 or more (MusicGen models; default 3)")


def request_from(args: argparse.Namespace) -> GenerateRequest:
    """The request that the options describe; what was not given keeps the request's own default.

    Raises:
        RequestError: a value is out of range.
    """
    import sys

    given = {f.name: getattr(args, f.name) for f in fields(GenerateRequest) if getattr(args, f.name, None) is not None}
    if given.get("words") == "-":
        given["words"] = sys.stdin.read()
    return GenerateRequest(**given)
