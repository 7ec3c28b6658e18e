"""Speed of the score performer, from the command line's start to the written file, and warm.

Times on shared machines are noisy, so each figure is the best of several runs, and the renderer is set beside a peer
(FluidSynth playing the same MIDI file) in the same run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from partimento.pipeline import compose_score, generate, item_rng, make_plan
from partimento.plan.request import GenerateRequest

WORDS = "upbeat pop with piano, electric guitar, bass, drums, strings and a trumpet melody"
SHORT_S = 30.0
LONG_S = 300.0


@dataclass(frozen=True, slots=True)
class BenchRow:
    """One figure.

    Attributes:
        name: what was timed.
        figure: the best of the runs.
        unit: of ``figure``.
        goal: as text, empty when there is none.
        met: whether the goal holds, or None.
    """

    name: str
    figure: float
    unit: str
    goal: str = ""
    met: bool | None = None


def best_of(runs: int, work: Callable[[], object]) -> float:
    """Shortest wall time in seconds."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def bench_generate(runs: int = 3) -> list[BenchRow]:
    """Measure; takes about a minute."""
    rows = [*_cold(runs), *_warm(runs)]
    peer = _fluidsynth(runs)
    return [*rows, *peer]


def _cold(runs: int) -> list[BenchRow]:
    """The command as a user starts it, in a process of its own."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "partimento", "generate", WORDS, "--duration", f"{SHORT_S:g}", "--quiet"]
        command += ["-o", str(Path(folder) / "out.wav"), "--stems", str(Path(folder) / "stems")]
        for label, extra, goal in (("notes checked", ["--no-audio-report"], 4.0), ("with audio report", [], 8.0)):
            seconds = best_of(runs, lambda extra=extra: subprocess.run([*command, *extra], check=True))  # type: ignore[misc]
            rows.append(BenchRow(f"command to file, 30 s, cold, {label}", seconds, "s", f"<= {goal:g}", seconds <= goal))
    return rows


def _warm(runs: int) -> list[BenchRow]:
    """Plan, compose and render in one process, stems included; then ten times the length."""
    short = GenerateRequest(WORDS, duration_s=SHORT_S)
    generate(short, audio_report=False)
    plan_s = best_of(runs, lambda: make_plan(short))
    compose_s = best_of(runs, lambda: compose_score(short))
    # A new seed each run: nothing but the notes' cache may help, as in a session of several pieces.
    seeds = iter(range(1, 100 + 2 * runs))

    def make(duration_s: float) -> None:
        generate(GenerateRequest(WORDS, duration_s=duration_s, seed=next(seeds)), audio_report=False)

    # In turns, so that a machine that is busy for a while slows both down.
    pairs = [(best_of(1, lambda: make(SHORT_S)), best_of(1, lambda: make(LONG_S))) for _ in range(runs)]
    short_s = min(min(a for a, _ in pairs), best_of(runs, lambda: make(SHORT_S)))
    long_s = min(b for _, b in pairs)
    speed, growth = SHORT_S / short_s, long_s / short_s
    return [
        BenchRow("plan, warm", plan_s * 1000, "ms"),
        BenchRow("plan + compose, warm", compose_s * 1000, "ms"),
        BenchRow("plan + compose + render + note report, stems included, warm", speed, "x real time", ">= 30", speed >= 30),
        BenchRow("five minutes against thirty seconds", growth, "x", "<= 12", growth <= 12),
    ]


def _fluidsynth(runs: int) -> list[BenchRow]:
    """Our sampler's stems against FluidSynth's one mix of the same score and SoundFont."""
    program = shutil.which("fluidsynth")
    if program is None:
        return []
    from partimento.compose import compose
    from partimento.score.midi import write_midi
    from partimento.score.sampler import render_tracks
    from partimento.score.soundfont import find_soundfont

    request = GenerateRequest(WORDS, duration_s=SHORT_S)
    score = compose(make_plan(request), item_rng(request))
    ours = best_of(runs, lambda: render_tracks(score))
    with tempfile.TemporaryDirectory() as folder:
        midi, wav = Path(folder) / "a.mid", Path(folder) / "a.wav"
        write_midi(score, midi)
        command = [program, "-ni", "-q", "-F", str(wav), "-r", "44100", str(find_soundfont(None).path), str(midi)]
        theirs = best_of(runs, lambda: subprocess.run(command, check=True, capture_output=True))
    name = f"sampler, {len(score.tracks)} stems, against FluidSynth's one mix (time ratio, {os.cpu_count()} cores)"
    return [BenchRow(name, ours / theirs, "x")]
