"""Speed of edits, from the command's start to the written files, and the space that a long history takes."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from partimento.audio.io import encode_audio
from partimento.errors import PartimentoError
from partimento.evaluate.bench import WORDS, BenchRow, best_of
from partimento.evaluate.bench_recordings import EFFECT_GOAL, bench_recordings
from partimento.evaluate.timed_command import Took, best, timed
from partimento.plan.edit import EditOperation, EditPlan, EditRequest, Region
from partimento.plan.request import GenerateRequest
from partimento.project import Project
from partimento.sessions import create_project, edit_project

LONG_S = 180.0
SHORT_S = 30.0
N_EDITS = 100
PLAN_GOAL_S, EDIT_GOAL_S, SPACE_GOAL = 0.2, 3.0, 3.0
_INSTRUCTIONS = (
    "remove the drums and add strings in bars {} to 99",
    "make the bass warmer from 0:{}",
    "up a tone in the last {} bars",
    "第{}到99小节只留钢琴",
)
_SEED = 11
_MAX_PARTS, _MIN_PARTS = 9, 3


@dataclass(frozen=True, slots=True)
class Space:
    """What a history takes.

    Attributes:
        n_edits: edits that were done.
        project_bytes: the project folder.
        audio_bytes: mix and stems of its first version as 24-bit WAV files, as an export writes them.
        flac_bytes: the same as FLAC.
    """

    n_edits: int
    project_bytes: int
    audio_bytes: int
    flac_bytes: int


def bench_edit(runs: int = 3, n_edits: int = N_EDITS) -> list[BenchRow]:
    """Measure; takes some minutes.

    Args:
        runs: best of so many.
        n_edits: of the history whose space is measured.
    """
    return [*_plans(runs), *_long_piece(runs), *bench_recordings(runs, LONG_S), *space_rows(measure_space(n_edits))]


def _plans(runs: int) -> list[BenchRow]:
    """Words to readings, in a warm process."""
    from partimento.interpret.edit_reader import read_edit

    parts = ("piano", "electric guitar", "bass", "drums", "strings", "trumpet")
    read_edit(_INSTRUCTIONS[0].format(9), parts)
    numbers = iter(range(10, 10 + 4 * runs))  # readings are remembered, so no instruction is asked twice
    slowest = max(
        best_of(runs, lambda words=words: read_edit(words.format(next(numbers)), parts))  # type: ignore[misc]
        for words in _INSTRUCTIONS
    )
    return [BenchRow("plan, warm (slowest of four)", slowest * 1000, "ms", f"<= {PLAN_GOAL_S * 1000:g}", slowest <= PLAN_GOAL_S)]


def _long_piece(runs: int) -> list[BenchRow]:
    """Commands on a project of three minutes, each in a process of its own."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        first = create_project(Path(folder) / "first", GenerateRequest(WORDS, duration_s=LONG_S)).folder
        n = len(Project(first).head.stems)
        for words, what in (
            ("replace the trumpet with a flute", "one stem rendered again"),
            ("up a tone in bars 9 to 16", "eight bars of all tuned stems rendered again"),
            ("remove the drums", "one stem less"),
        ):
            took = _command(runs, first, "edit", words, "--yes", "--quiet")
            goal = "rendered" not in what or "one stem" in what
            met = took.wall_s <= EDIT_GOAL_S if goal else None
            name = f"edit of {n} stems, {LONG_S:g} s, cold ({took}): {what}"
            rows.append(BenchRow(name, took.wall_s, "s", f"<= {EDIT_GOAL_S:g}" if goal else "", met))
        for words, what in (("make the bass warmer", "a stem"), ("make everything warmer", f"the mix ({n} stems)")):
            took = _command(runs, first, "edit", words, "--yes", "--quiet")
            speed, name = LONG_S / took.wall_s, f"effect on {what}, cold ({took})"
            rows.append(BenchRow(name, speed, "x real time", f">= {EFFECT_GOAL:g}", speed >= EFFECT_GOAL))
        edited = Path(folder) / "edited"
        shutil.copytree(first, edited)
        timed("edit", str(edited), "remove the drums", "--yes", "--quiet")
        took = _command(runs, edited, "undo")
        rows.append(BenchRow(f"undo, cold ({took})", took.wall_s, "s"))
    return rows


def _command(runs: int, project: Path, action: str, *words: str) -> Took:
    """What a command takes on fresh copies of a project."""

    def once() -> Took:
        with tempfile.TemporaryDirectory() as folder:
            return timed(action, str(shutil.copytree(project, Path(folder) / "song")), *words)

    return best(runs, once)


def space_rows(space: Space) -> list[BenchRow]:
    """The space of a history as rows."""
    times = space.project_bytes / space.audio_bytes
    name = f"{space.n_edits + 1} versions of {SHORT_S:g} s against mix and stems of the first as 24-bit WAV"
    return [
        BenchRow(name, times, "x", f"<= {SPACE_GOAL:g}", times <= SPACE_GOAL),
        BenchRow("the same against FLAC", space.project_bytes / space.flac_bytes, "x"),
    ]


def measure_space(n_edits: int = N_EDITS, duration_s: float = SHORT_S, sample_rate: int = 44_100) -> Space:
    """Do a long day's edits on a piece and measure the project.

    Of a hundred, drawn with a fixed seed: 25 change the notes of one part in one to four bars (transposed, varied, softer,
    silent), 12 add an instrument (half of them in some bars), 10 remove one, 22 change the level of a part (half of them in
    some bars), 23 its sound (half of them in some bars), 3 the sound of the whole mix, 5 undo the edit before.
    """
    rng = np.random.Generator(np.random.PCG64(_SEED))
    with tempfile.TemporaryDirectory() as folder:
        project = create_project(Path(folder) / "song", GenerateRequest(WORDS, duration_s=duration_s, sample_rate=sample_rate))
        first = project.load()
        waves = [first.mix, *first.stems.values()]
        audio, flac = (sum(len(encode_audio(w, suffix, depth="24")) for w in waves) for suffix in (".wav", ".flac"))
        done = 0
        while done < n_edits:
            contents = project.load()
            assert contents.score is not None
            operation = _drawn(rng, tuple(contents.stems), contents.score.n_bars)
            if operation is None:
                if project.head.parent is not None:
                    project.undo()
                    done += 1
                continue
            try:
                edit_project(project, EditRequest("bench", seed=done), EditPlan((operation,)))
            except PartimentoError:
                continue  # e.g. a bass that is dark already cannot be made darker: another edit is drawn
            done += 1
        size = sum(path.stat().st_size for path in project.folder.rglob("*") if path.is_file())
    return Space(n_edits, size, audio, flac)


def _drawn(rng: np.random.Generator, parts: tuple[str, ...], n_bars: int) -> EditOperation | None:
    """One edit, or None for an undo."""
    kinds = {"notes": 25, "add": 12, "remove": 10, "gain": 22, "effect": 23, "effect on all": 3, "undo": 5}
    kind = str(rng.choice(list(kinds), p=np.array(list(kinds.values())) / sum(kinds.values())))
    part = (str(rng.choice(parts)),)
    first = int(rng.integers(1, n_bars + 1))
    bars = Region("bars", first, min(n_bars, first + int(rng.integers(0, 4))))
    region = bars if rng.random() < 0.5 else Region()
    if kind == "notes":
        chosen = int(rng.integers(4))
        return (
            EditOperation("transpose", part, bars, amount=float(rng.choice([-12, -2, 2, 12])), unit="semitones"),
            EditOperation("vary", part, bars),
            EditOperation("dynamics", part, bars, value=str(rng.choice(["softer", "louder"]))),
            EditOperation("mute_region", part, bars),
        )[chosen]
    if kind == "add" and len(parts) < _MAX_PARTS:
        names = ("strings", "flute", "organ", "vibraphone", "clarinet", "harp")
        return EditOperation("add", region=region, instrument=str(rng.choice(names)))
    if kind == "remove" and len(parts) > _MIN_PARTS:
        return EditOperation("remove", part)
    if kind == "gain":
        return EditOperation("gain", part, region, amount=float(rng.choice([-4, -2, 2, 3])), unit="dB")
    if kind in ("effect", "effect on all"):
        value = str(rng.choice(["warmer", "brighter", "darker", "spacious", "closer", "punchier"]))
        return EditOperation(
            "effect", part if kind == "effect" else ("all",), region if kind == "effect" else Region(), value=value
        )
    return None if kind == "undo" else EditOperation("gain", part, bars, amount=-1.0, unit="dB")
