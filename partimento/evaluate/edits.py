"""Edits measured: the null test, whether what was asked is there, and vague words: three evaluations with goals.

Pieces are independent of one another and may be measured in several processes; the outcome does not depend on that.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from partimento.evaluate.compose_data import Progress, silent
from partimento.evaluate.edits_asked import AskedRow, run_asked
from partimento.evaluate.edits_intents import IntentRow, run_piece, run_recording, summed
from partimento.evaluate.edits_null import History, run_history
from partimento.tables import markdown_table

T = TypeVar("T")
R = TypeVar("R")

PARTS = ("null", "asked", "intents")
INTENT_PIECES = 20
ASKED_PER_PIECE = 5
_SCORE_TRIES = 10


@dataclass(frozen=True)
class EditsOptions:
    """What to measure.

    Attributes:
        projects: histories of the null test.
        edits: of all histories together, and of the edits whose outcome is measured.
        pieces: for vague words.
        seed: of everything.
        part: of :data:`PARTS`.
        recordings: sound files on which vague words are measured too.
        jobs: processes.
    """

    projects: int = 10
    edits: int = 100
    pieces: int = INTENT_PIECES
    seed: int = 0
    part: str = "null"
    recordings: tuple[Path, ...] = ()
    jobs: int = 1


@dataclass(frozen=True)
class EditsEvaluation:
    """All rows."""

    options: EditsOptions
    histories: tuple[History, ...] = ()
    asked: tuple[AskedRow, ...] = ()
    intents: tuple[IntentRow, ...] = ()
    recorded: tuple[IntentRow, ...] = ()

    @property
    def goals(self) -> dict[str, bool]:
        """Which goals hold."""
        out: dict[str, bool] = {}
        rows = [r for h in self.histories for r in h.rows]
        if rows:
            out["what was not named is bit-identical"] = not any(r.faults for r in rows)
            out["undo and redo give back the bytes"] = all(r.undone for r in rows)
            out["a history played again gives the same bytes"] = all(h.replayed for h in self.histories)
        if self.asked:
            out["what was asked is there"] = not any(r.faults for r in self.asked)
        for title, some in (("pieces", self.intents), ("recordings", self.recorded)):
            if some:
                out[f"vague words on {title}: right, in bounds, no clipping, same loudness"] = all(r.good for r in some)
        return out


def evaluate_edits(options: EditsOptions, progress: Progress = silent) -> EditsEvaluation:
    """Measure.

    Args:
        options: what.
        progress: wraps the pieces of each part.
    """
    seed, jobs = options.seed, options.jobs
    histories: list[History] = []
    asked: list[AskedRow] = []
    intents: list[IntentRow] = []
    recorded: list[IntentRow] = []
    if options.part == "null":
        per = [options.edits // options.projects + (i < options.edits % options.projects) for i in range(options.projects)]
        tasks = [partial(run_history, i, n, seed) for i, n in enumerate(per) if n]
        histories = list(progress(_run(tasks, jobs), len(tasks), "histories"))
    if options.part == "asked":
        sizes = [min(ASKED_PER_PIECE, options.edits - at) for at in range(0, options.edits, ASKED_PER_PIECE)]
        made = [partial(run_asked, i, n, seed) for i, n in enumerate(sizes)]
        asked = [row for rows in progress(_run(made, jobs), len(made), "asked") for row in rows]
    if options.part == "intents":
        pieces = [partial(run_piece, i, seed) for i in range(options.pieces)]
        intents = [row for rows in progress(_run(pieces, jobs), len(pieces), "vague words") for row in rows]
        sounds = [partial(run_recording, path) for path in options.recordings]
        recorded = [row for rows in progress(_run(sounds, jobs), len(sounds), "recordings") for row in rows]
    return EditsEvaluation(options, tuple(histories), tuple(asked), tuple(intents), tuple(recorded))


def _run(tasks: Sequence[Callable[[], R]], jobs: int) -> Iterator[R]:
    """Outcomes in the order of the tasks."""
    if jobs <= 1 or len(tasks) < 2:
        yield from (task() for task in tasks)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from [future.result() for future in [pool.submit(task) for task in tasks]]


def render_scores(folder: Path, out: Path, n: int = 10, seconds: float = 10.0) -> tuple[Path, ...]:
    """Recordings made from a folder of scores (MIDI, MusicXML, ABC) by the built-in sampler, cut to some seconds.

    Files are taken in the order of their names, evenly spread; those that cannot be read or are too short are passed over.
    """
    from partimento.audio.io import write_audio
    from partimento.audio.waveform import Waveform
    from partimento.errors import PartimentoError
    from partimento.score.io import read_score
    from partimento.score.mix import mix
    from partimento.score.sampler import render_tracks

    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".mid", ".midi", ".mxl", ".musicxml", ".xml", ".abc"))
    made: list[Path] = []
    for i in range(n):
        for path in files[i * len(files) // n : (i + 1) * len(files) // n][:_SCORE_TRIES]:
            try:
                score = read_score(path)
            except PartimentoError:
                continue
            if not seconds <= score.duration_s <= 20 * seconds or not any(t.notes for t in score.tracks):
                continue
            whole = mix(score, render_tracks(score)).audio
            start = round(0.1 * whole.n_samples)
            part = Waveform(whole.samples[:, start : start + round(seconds * whole.sample_rate)], whole.sample_rate)
            made.append(write_audio(out / f"{i:02d}-{path.stem[:40]}.wav", part, depth="24"))
            break
    return tuple(made)


def to_json(evaluation: EditsEvaluation) -> str:
    """Settings, goals and all rows."""
    body = {
        "seed": evaluation.options.seed,
        "goals": evaluation.goals,
        "histories": [asdict(h) for h in evaluation.histories],
        "asked": [asdict(r) for r in evaluation.asked],
        "intents": [_rounded(asdict(f)) for f in summed(evaluation.intents)],
        "recordings": [_rounded(asdict(f)) for f in summed(evaluation.recorded)],
    }
    return json.dumps(body, ensure_ascii=False, indent=1) + "\n"


def _rounded(row: dict[str, object]) -> dict[str, object]:
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}


def to_markdown(evaluation: EditsEvaluation) -> str:
    """The tables."""
    o = evaluation.options
    parts = ["# Edits", "", f"Seed {o.seed}; `partimento evaluate edits --parts {o.part}`.", ""]
    parts += [markdown_table(("goal", "holds"), [(k, "yes" if v else "no") for k, v in evaluation.goals.items()]), ""]
    if evaluation.histories:
        parts += _null_page(evaluation.histories)
    if evaluation.asked:
        parts += _asked_page(evaluation.asked)
    for title, rows in (("composed pieces", evaluation.intents), ("recordings", evaluation.recorded)):
        if rows:
            parts += _intents_page(title, rows)
    return "\n".join(parts)


def _null_page(histories: Sequence[History]) -> list[str]:
    """Null test per operation; failures; histories."""
    rows = [r for h in histories for r in h.rows]
    table = []
    for op in (*sorted({r.op for r in rows}), ""):
        of = [r for r in rows if r.op == op or not op]
        within = [r for r in of if r.region]
        table.append((
            op or "all", str(len(of)), str(sum(not r.faults for r in of)), str(len(within)),
            str(sum(not any(f.startswith("mix") for f in r.faults) for r in within)), str(sum(r.undone for r in of)),
            str(sum(r.said for r in of)),
        ))  # fmt: skip
    heads = ("operation", "edits", "unnamed the same", "in a region", "mix outside the same", "undone to the byte", "in words")
    replayed = f"{sum(h.replayed for h in histories)} of {len(histories)} histories give the same bytes when played again."
    bad = [r for r in rows if r.faults or not r.undone]
    failures = [f"- project {r.project}, edit {r.edit}: {r.text}: {'; '.join(r.faults) or 'undo'}" for r in bad]
    failures += [f"- project {h.project}: {h.request}: another mix when played again" for h in histories if not h.replayed]
    refused = sum(len(h.refused) for h in histories)
    lines = ["## What nobody named", "", markdown_table(heads, table), "", replayed]
    lines += [f"{refused} further edits were refused with a reason and changed nothing.", ""]
    again = "Failures (project and edit count from 0; the same seed draws them again):"
    return lines + ([again, "", *failures, ""] if failures else [])


def _asked_page(rows: Sequence[AskedRow]) -> list[str]:
    """What was asked is there, per operation."""
    table = []
    for op in (*dict.fromkeys(r.op for r in rows), ""):
        of = [r for r in rows if r.op == op or not op]
        figures: dict[str, list[float]] = {}
        for row in of if op else []:
            for name, value in row.measured.items():
                figures.setdefault(name, []).append(value)
        text = "; ".join(f"{name}: {min(v):.3g} to {max(v):.3g}" for name, v in figures.items())
        counts = (len(of), sum(not r.faults for r in of), sum(bool(r.unmeasured) for r in of))
        table.append((op or "all", *map(str, counts), text))
    heads = ("operation", "edits", "as asked", "not all audible", "measured")
    failures = [f"- piece {r.piece}: {r.text}: {'; '.join(r.faults)}" for r in rows if r.faults]
    lines = ["## What was asked", "", markdown_table(heads, table), ""]
    return lines + (["Failures:", "", *failures, ""] if failures else [])


def _intents_page(title: str, rows: Sequence[IntentRow]) -> list[str]:
    """Vague words, one line each."""
    table = []
    for f in summed(rows):
        change = f"{f.change:+.2f} {f.unit}".strip()
        right = f"{f.right}/{f.n}" + (f" ({f.refused} refused)" if f.refused else "")
        level, peak = f"{f.worst_loudness_lu:+.2f}", f"{f.highest_peak_dbtp:.2f}"
        table.append((f.intent.replace("_", " "), f.kind, f.measure, change, right, level, peak, f"{f.good}/{f.n}"))
    heads = ("intent", "kind", "measure", "mean change", "right", "worst loudness change (LU)", "peak (dBTP)", "all holds")
    reasons = [f"- {r.intent}, {r.source}: {r.refused or _why(r)}" for r in rows if not r.good]
    lines = [f"## Vague words on {title}", "", markdown_table(heads, table), ""]
    return lines + (["Not as wanted:", "", *reasons, ""] if reasons else [])


def _why(row: IntentRow) -> str:
    """What does not hold of a row."""
    bounds = "" if row.in_bounds else ", out of bounds"
    return f"moved {row.change:+.3f}, loudness {row.loudness_change_lu:+.2f} LU, peak {row.peak_dbtp:.2f} dBTP{bounds}"
