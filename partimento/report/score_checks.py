"""Score-level checks: every control of the plan, recomputed from the notes and not by comparing labels."""

from __future__ import annotations

from partimento.plan.plan import Plan
from partimento.plan.result import Finding
from partimento.report.grid import PlanGrid
from partimento.report.harmony_checks import check_harmony
from partimento.report.part_checks import check_parts
from partimento.report.shape_checks import check_shape
from partimento.report.time_checks import check_time
from partimento.report.wording import finding
from partimento.score.score import Score


def check_score(plan: Plan, score: Score) -> tuple[Finding, ...]:
    """All score-level findings, and a line for each wish that was dropped or not understood."""
    grid = PlanGrid(plan)
    found = check_time(plan, score, grid)
    if any(t.notes for t in score.tracks):
        found += check_harmony(plan, score, grid)
    return (*found, *check_parts(plan, score, grid), *check_shape(plan, score), *unmet_wishes(plan))


def unmet_wishes(plan: Plan) -> tuple[Finding, ...]:
    """Conflicts count as failures (one of two wishes was not kept); words that were not understood are listed."""
    out = [finding(f"dropped: {c.field}", c.dropped, f"kept {c.kept}", c.reason, False, origin="said") for c in plan.conflicts]
    if plan.unknown:
        words = ", ".join(plan.unknown)
        out.append(finding("words", words, "not understood", "no entry in the lexicon", None, origin="said"))
    return tuple(out)
