"""Asked against heard: the report of a performance, and its table."""

from __future__ import annotations

from partimento.plan.plan import Plan
from partimento.plan.result import Finding, Performance, Report
from partimento.report.score_checks import check_score, unmet_wishes
from partimento.tables import text_table

_MARKS = {"pass": "ok", "fail": "FAIL", "not measurable": "–"}
_LEVELS = {"score": "notes", "audio": "sound"}


def make_report(plan: Plan, performance: Performance, *, audio_level: bool = True) -> Report:
    """Compare a performance with its plan.

    Args:
        plan: what was asked.
        performance: what came out; its score, when it has one, is checked note by note.
        audio_level: also analyse the rendered sound (about a second for half a minute of music).
    """
    findings: tuple[Finding, ...] = ()
    findings += check_score(plan, performance.score) if performance.score is not None else unmet_wishes(plan)
    if audio_level:
        from partimento.report.audio_checks import check_audio

        findings += check_audio(plan, performance)
    return Report(findings)


def report_table(report: Report, *, how: bool = False) -> str:
    """The report as aligned text with a count at the end.

    Args:
        report: the report.
        how: also show how each line was measured.
    """
    headers = ["", "level", "control", "asked", "heard", *(["how"] if how else [])]
    rows = []
    for f in report.findings:
        origin = "" if f.origin in ("given", "said") else f" ({f.origin})"
        row = [_MARKS[f.verdict], _LEVELS[f.level], f.control, f.asked + origin, f.heard]
        rows.append([*row, f.how] if how else row)
    counts = {v: sum(f.verdict == v for f in report.findings) for v in _MARKS}
    summary = f"{counts['pass']} passed, {counts['fail']} failed, {counts['not measurable']} not measurable"
    return f"{text_table(headers, rows, max_width=96)}\n{summary}"
