"""Speed of edits of recordings: a stereo file in, a stereo file out, as a user starts them."""

from __future__ import annotations

import tempfile
from pathlib import Path

from partimento.audio.io import write_audio
from partimento.evaluate.bench import BenchRow
from partimento.evaluate.timed_command import best, timed
from partimento.pipeline import generate
from partimento.plan.request import GenerateRequest

EFFECT_GOAL = 30.0
_MUSIC = "upbeat pop with piano, electric guitar, bass and drums in C"
EDITS = (
    ("3 dB quieter from 1:00 to 1:20", "gain in a region", False),
    ("warmer", "effect", True),
    ("10% faster", "tempo, by time-stretching", False),
    ("up a tone", "transposition", False),
    ("8 bars longer", "extended by looping", False),
)
"""Instruction, what it is, whether the goal for effects holds for it."""


def bench_recordings(runs: int, duration_s: float) -> list[BenchRow]:
    """Time edits of a piece of our own, rendered to a 16-bit stereo WAV file at 44.1 kHz.

    Args:
        runs: best of so many.
        duration_s: length of the recording.
    """
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "take.wav", Path(folder) / "out.wav"
        piece = generate(GenerateRequest(_MUSIC, duration_s=duration_s, sample_rate=44_100), audio_report=False)
        write_audio(source, piece.audio)
        for words, what, has_goal in EDITS:
            arguments = ("edit", str(source), words, "-o", str(target), "--yes", "--quiet")
            took = best(runs, lambda arguments=arguments: timed(*arguments))  # type: ignore[misc]
            speed = piece.audio.duration_s / took.wall_s
            goal, met = (f">= {EFFECT_GOAL:g}", speed >= EFFECT_GOAL) if has_goal else ("", None)
            name = f"recording of {duration_s:g} s, cold ({took}): {what}"
            rows.append(BenchRow(name, speed, "x real time", goal, met))
    return rows
