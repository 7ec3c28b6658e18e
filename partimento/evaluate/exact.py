"""Does a piece do exactly what was asked? Hard controls on real progressions, over all styles.

Per request: score-level checks (recomputed from the notes), and audio-level figures of the rendered mix: tempo by comb
search and by regression, chord overlap, key, last onset, duration, faults. Chords are heard by an analyser that errs by
itself, so the same progression is also rendered as plain block chords on a piano and heard by the same analyser: the
ratio tells what the arrangement costs.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from partimento.evaluate.compose_data import Progress, silent
from partimento.evaluate.exact_cases import ExactCase, held_out_cases, make_cases
from partimento.metrics import key_score
from partimento.metrics.chord_overlap import majmin_overlap
from partimento.pipeline import compose_score, make_plan
from partimento.plan.plan import Plan
from partimento.plan.result import Finding, Performance
from partimento.report.audio_checks import Hearing, asked_spans_s, check_audio, comb_tempo
from partimento.report.grid import PlanGrid, asked_chords
from partimento.report.harmony_checks import CHORD_TONE_SHARE, strict_chords
from partimento.report.score_checks import check_score
from partimento.score.score import ChordSpan, KeyPoint, MetrePoint, Note, Score, Track
from partimento.score.timing import TempoPoint
from partimento.tables import markdown_table

MIN_CHORD_RATIO = 0.95
MIN_TEMPO_SHARE = 0.99
MIN_KEY_SCORE = 0.85
_TEMPO_TOLERANCE = 0.01


@dataclass(frozen=True)
class ExactRow:
    """Figures of one request.

    Attributes:
        index, sheet, style, key, metre, tempo_bpm, bars: the request.
        parts: instruments that played.
        failed: score-level checks that failed, with what was heard.
        chords_asked, chords_strict: asked chords, and those whose bass is lowest and whose third sounds right where they
            start (:func:`partimento.report.harmony_checks.strict_chords`).
        tones: share of comping time that is chord tones, None where nothing comps.
        comb_bpm, comb_strength: tempo by the comb search.
        beats_bpm: tempo by regression over tracked beats, None where the beats were not clear.
        chords_mix, chords_block: majmin overlap in the mix and of block chords.
        chords_comping: the same in the comping stems.
        key_heard, key_score: key profile of the mix and its MIREX weight.
        last_onset_share, duration_error_s: end of the piece.
        audio_failed: audio-level checks that failed.
    """

    index: int
    sheet: str
    style: str
    key: str
    metre: str
    tempo_bpm: float
    bars: int
    parts: tuple[str, ...]
    failed: tuple[str, ...]
    chords_asked: int = 0
    chords_strict: int = 0
    tones: float | None = None
    comb_bpm: float | None = None
    comb_strength: float | None = None
    beats_bpm: float | None = None
    chords_mix: float | None = None
    chords_comping: float | None = None
    chords_block: float | None = None
    key_heard: str | None = None
    key_score: float | None = None
    last_onset_share: float | None = None
    duration_error_s: float | None = None
    audio_failed: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExactEvaluation:
    """All rows and their settings."""

    rows: tuple[ExactRow, ...]
    seed: int
    audio: bool
    held_out: bool = False


def evaluate_exact(
    folder: Path, n: int = 100, seed: int = 0, *, audio: bool = True, held_out: bool = False, progress: Progress = silent
) -> ExactEvaluation:
    """Run the evaluation.

    Args:
        folder: folder of lead sheets.
        n: number of requests.
        seed: of the requests.
        audio: also render and listen (about three seconds per request).
        held_out: use the sheets that nothing was chosen on (:func:`held_out_cases`).
        progress: wraps the iterations.
    """
    cases = held_out_cases(folder, n, seed, progress) if held_out else make_cases(folder, n, seed, progress)
    rows = [run_case(i, case, audio=audio) for i, case in enumerate(progress(cases, len(cases), "exact"))]
    return ExactEvaluation(tuple(rows), seed, audio, held_out)


def run_case(
    index: int,
    case: ExactCase,
    *,
    audio: bool = True,
    planner: Callable[[ExactCase], Plan] | None = None,
    composer: Callable[[ExactCase, Plan], Score] | None = None,
) -> ExactRow:
    """Plan, compose, render, check one request. ``planner`` and ``composer`` stand in for the product's own in tests."""
    plan = planner(case) if planner else make_plan(case.request)
    score = composer(case, plan) if composer else compose_score(case.request)
    findings = check_score(plan, score)
    failed = tuple(f"{f.control}: {f.heard}" for f in findings if f.verdict == "fail")
    strict = strict_chords(plan, score, PlanGrid(plan))
    tones = next((f.value for f in findings if f.control == "chord tones"), None)
    row = ExactRow(
        index, case.sheet, case.style, str(case.key), str(case.metre), case.tempo_bpm, case.bars,
        tuple(t.instrument for t in score.tracks), failed, len(strict), sum(c.there for c in strict), tones,
    )  # fmt: skip
    return _with_audio(row, plan, score) if audio else row


def render(score: Score) -> Performance:
    """The score through the built-in sampler and mixer."""
    from partimento.score.mix import render_mix

    mixed = render_mix(score)
    return Performance(mixed.audio, mixed.stems, score)


def block_notes(spans: Sequence[ChordSpan]) -> tuple[tuple[Note, ...], tuple[Note, ...]]:
    """Chords as held notes around middle C in root position, each pitch once, and their basses."""
    upper, lower = [], []
    for span in spans:
        root, length = 54 + (span.chord.root - 54) % 12, span.end - span.start
        upper += [Note(span.start, length, root + i, 80) for i in dict.fromkeys(i % 12 for i in span.chord.intervals)]
        lower.append(Note(span.start, length, 36 + (span.chord.bass - 36) % 12, 80))
    return tuple(sorted(upper, key=lambda n: (n.start, n.pitch))), tuple(lower)


def block_chords(plan: Plan) -> Score:
    """The plan's chords as plain held block chords on a piano, root position around middle C over their bass."""
    grid = PlanGrid(plan)
    length = grid.quarters_at(plan.duration_s.value)
    upper, lower = block_notes(asked_chords(plan, grid, length) or ())
    return Score(
        tracks=(Track("chords", "chords", "piano", 0, False, upper), Track("bass", "bass", "piano", 0, False, lower)),
        length=length,
        tempos=(TempoPoint(0.0, plan.tempo_bpm),),
        metres=(MetrePoint(0, plan.first_metre),),
        keys=(KeyPoint(0.0, plan.first_key),),
    )


def _with_audio(row: ExactRow, plan: Plan, score: Score) -> ExactRow:
    """The row with the figures of its sound."""
    performance = render(score)
    hearing = Hearing(plan, performance)
    findings = check_audio(plan, performance)
    comb = comb_tempo(plan, hearing.sound, hearing.envelope, hearing.grid)
    reference = asked_spans_s(plan, hearing.grid, performance)
    block = Hearing(plan, render(block_chords(plan)))
    key = _finding(findings, "key")
    return ExactRow(
        **{
            **{name: getattr(row, name) for name in row.__dataclass_fields__},
            "comb_bpm": round(comb.bpm, 4),
            "comb_strength": round(comb.strength, 3),
            "beats_bpm": _finding(findings, "tempo (beats)").value,
            "chords_mix": _overlap(reference, hearing.chords),
            "chords_comping": _overlap(reference, hearing.harmony_chords),
            "chords_block": _overlap(reference, block.chords),
            "key_heard": key.heard.split(",")[0],
            "key_score": key.value if key.value is not None else key_score.weighted_score(plan.first_key, plan.first_key),
            "last_onset_share": _finding(findings, "ending").value,
            "duration_error_s": round(performance.audio.duration_s - plan.duration_s.value, 6),
            "audio_failed": tuple(f"{f.control}: {f.heard}" for f in findings if f.verdict == "fail"),
        }
    )


def _finding(findings: Sequence[Finding], control: str) -> Finding:
    """The line of a control."""
    return next(f for f in findings if f.control == control)


def _overlap(reference: Sequence[tuple[float, float, str]], heard: Sequence[object]) -> float | None:
    """Majmin overlap, None where no chord is asked."""
    if not reference:
        return None
    spans = [(s.start_s, s.end_s, s.label) for s in heard]  # type: ignore[attr-defined]
    return round(majmin_overlap(reference, spans), 4)


def summary(evaluation: ExactEvaluation) -> dict[str, float | int | str]:
    """The figures that the goals name."""
    rows = evaluation.rows
    out: dict[str, float | int | str] = {
        "requests": len(rows),
        "styles": len({r.style for r in rows}),
        "requests with a failed score-level check": sum(bool(r.failed) for r in rows),
        "requests with every chord there, bass and third where it starts": sum(_strictly_kept(r) for r in rows),
        "chords there, bass and third where they start": f"{sum(r.chords_strict for r in rows)} of "
        f"{sum(r.chords_asked for r in rows)}",
    }
    if not evaluation.audio or not rows:
        return out
    close = [abs((r.comb_bpm or 0.0) / r.tempo_bpm - 1.0) <= _TEMPO_TOLERANCE for r in rows]
    beats = [abs(r.beats_bpm / r.tempo_bpm - 1.0) <= _TEMPO_TOLERANCE for r in rows if r.beats_bpm]
    heard = [(r.chords_mix, r.chords_block, r.chords_comping) for r in rows if r.chords_mix is not None and r.chords_block]
    mix, block, comping = (float(np.mean([h[i] for h in heard])) if heard else 0.0 for i in range(3))
    return {
        **out,
        "tempo within 1 % by comb search": round(float(np.mean(close)), 4),
        "tempo within 1 % by regression, where beats were clear": round(float(np.mean(beats)), 4) if beats else 0.0,
        "beats clear": len(beats),
        "majmin overlap, mix": round(mix, 4),
        "majmin overlap, comping stems": round(comping, 4),
        "majmin overlap, block chords": round(block, 4),
        "majmin ratio, mix to block chords": round(mix / block, 4) if block else 0.0,
        "key score": round(float(np.mean([r.key_score for r in rows])), 4),
        "last onset in the final 15 %": sum((r.last_onset_share or 0.0) >= 0.85 for r in rows),
        "largest duration error (s)": round(max(abs(r.duration_error_s or 0.0) for r in rows), 4),
        "requests with a failed audio-level check": sum(bool(r.audio_failed) for r in rows),
    }


def _strictly_kept(row: ExactRow) -> bool:
    """All chords strictly there, and comping made of chord tones."""
    return row.chords_strict == row.chords_asked and (row.tones is None or row.tones >= CHORD_TONE_SHARE)


def goals(evaluation: ExactEvaluation) -> dict[str, bool]:
    """Which of the project's goals hold."""
    figures = summary(evaluation)
    out = {"score-level checks hold always": figures["requests with a failed score-level check"] == 0}
    strict = figures["requests with every chord there, bass and third where it starts"]
    out["every chord's bass and third where it starts"] = strict == len(evaluation.rows)
    if evaluation.audio and evaluation.rows:
        out["tempo within 1 % for 99 %"] = float(figures["tempo within 1 % by comb search"]) >= MIN_TEMPO_SHARE
        out["chords at 0.95 of block chords"] = float(figures["majmin ratio, mix to block chords"]) >= MIN_CHORD_RATIO
        out["key score 0.85"] = float(figures["key score"]) >= MIN_KEY_SCORE
        out["last onset in the final 15 %"] = figures["last onset in the final 15 %"] == len(evaluation.rows)
        out["duration within 50 ms"] = float(figures["largest duration error (s)"]) <= 0.05
    return out


def to_json(evaluation: ExactEvaluation) -> str:
    """Settings, figures, goals and rows."""
    body = {
        "seed": evaluation.seed,
        "held_out": evaluation.held_out,
        "figures": summary(evaluation),
        "goals": goals(evaluation),
        "rows": [asdict(row) for row in evaluation.rows],
    }
    return json.dumps(body, ensure_ascii=False, indent=1) + "\n"


def to_markdown(evaluation: ExactEvaluation) -> str:
    """Figures, failed checks, and one line per request."""
    command = "partimento evaluate exact" + (" --held-out" if evaluation.held_out else "")
    parts = ["# Exactness" + (", held-out progressions" if evaluation.held_out else ""), ""]
    parts += [f"Seed {evaluation.seed}; `{command}`.", ""]
    parts.append(markdown_table(("figure", "value"), [(k, str(v)) for k, v in summary(evaluation).items()]))
    parts += ["", markdown_table(("goal", "holds"), [(k, "yes" if v else "no") for k, v in goals(evaluation).items()])]
    failures = Counter(text.split(":")[0] for row in evaluation.rows for text in row.failed)
    if failures:
        parts += [
            "",
            "Failed score-level checks:",
            "",
            markdown_table(("check", "requests"), [(k, str(v)) for k, v in failures.most_common()]),
        ]
    heads = ("#", "style", "metre", "key", "bpm", "failed", "strict", "comb", "majmin", "block", "key heard")
    parts += ["", markdown_table(heads, [_cells(row) for row in evaluation.rows]), ""]
    return "\n".join(parts)


def _cells(row: ExactRow) -> tuple[str, ...]:
    """One line of the table."""

    def figure(value: float | None, digits: int = 2) -> str:
        return "–" if value is None else f"{value:.{digits}f}"

    failed = ", ".join(text.split(":")[0] for text in row.failed) or "–"
    return (
        str(row.index), row.style, row.metre, row.key, f"{row.tempo_bpm:g}", failed,
        f"{row.chords_strict}/{row.chords_asked}", figure(row.comb_bpm),
        figure(row.chords_mix), figure(row.chords_block), row.key_heard or "–",
    )  # fmt: skip
