"""An edit plan done on a piece that still has its score."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from partimento.edit.apply import apply
from partimento.edit.change import Change, Piece
from partimento.edit.contents import Contents
from partimento.edit.outcome import outcomes
from partimento.edit.region import resolve
from partimento.edit.registry import executor
from partimento.edit.targets import tracks_of
from partimento.edit.verify import compare, compare_moved
from partimento.errors import RequestError, UnsupportedError
from partimento.interpret.edit_names import stand_in_text
from partimento.plan.edit import EditOperation, EditPlan, EditRequest, Region
from partimento.plan.result import Finding, Performance, Report, Verdict
from partimento.score.score import Score

_ONLY_QUIETER = {"remove", "extract", "mute_region", "gain", "fade"}
_OF_THE_WHOLE = {"chords", "chord tones", "key", "metre", "grid", "bars", "ending", "section energy", "form", "dynamics", "parts"}


@dataclass(frozen=True)
class Edited:
    """A finished edit.

    Attributes:
        contents: the piece afterwards; its report is the edit's findings, then those on the new plan.
        changed: lines for people: what was done, and which stems and bars differ from the parent's.
        report: the edit's own findings: what was asked, what changed, what stayed bit-identical.
    """

    contents: Contents
    changed: tuple[str, ...]
    report: Report


def execute(
    contents: Contents,
    plan: EditPlan,
    request: EditRequest,
    *,
    audio_report: bool = False,
    on_stage: Callable[[str], None] | None = None,
) -> Edited:
    """Do the operations of a plan, in order.

    Args:
        contents: the parent; it is not changed.
        plan: what to do.
        request: its bars, seconds and stem overrule the plan's regions and targets; its seed is the only source of chance.
        audio_report: also analyse the new mix (seconds for a long piece).
        on_stage: told each operation's name as it begins.

    Raises:
        RequestError: a region, stem, section or instrument that is not there.
        UnsupportedError: the piece has no score, or an operation cannot be done on one.
    """
    if contents.plan is None or contents.score is None:
        raise UnsupportedError("this project is a recording without a score; notes can be edited in pieces made by generate")
    if not plan.operations:
        raise RequestError("the plan has no operation; nothing to do")
    tell = on_stage or (lambda _name: None)
    now = contents
    findings: list[Finding] = []
    lines: list[str] = []
    for index, asked in enumerate(plan.operations):
        tell(asked.op)
        before = now
        now, changes, found = _operate(now, confined(asked, request, now.score), request, index)
        lines += found
        verified, where = _verified(before, now, changes)
        heard = outcomes(confined(asked, request), before, now, changes)
        findings += [_done(asked, found, heard), *heard, *verified]
        lines += where
    report = Report(tuple(findings))
    tell("report")
    checks = _checks(now, audio_report).findings
    if {asked.op for asked in plan.operations} <= _ONLY_QUIETER:
        checks = tuple(_excused(finding) for finding in checks)
    everything = Report((*report.findings, *checks))
    return Edited(replace(now, report=everything), tuple(lines), report)


def confined(operation: EditOperation, request: EditRequest, score: Score | None = None) -> EditOperation:
    """The operation with the region and stem that the request insists on.

    Raises:
        RequestError: the words name other parts than the request allows (told apart where the score is given).
    """
    if request.bars is not None:
        operation = replace(operation, region=Region("bars", request.bars[0], request.bars[1]))
    elif request.from_s is not None or request.to_s is not None:
        operation = replace(operation, region=Region("seconds", request.from_s or 0.0, request.to_s))
    if request.stem is not None:
        operation = _only_stem(operation, request.stem, score)
    if request.keep:
        operation = replace(operation, keep=tuple(dict.fromkeys((*operation.keep, *request.keep))))
    return operation


def _only_stem(operation: EditOperation, stem: str, score: Score | None) -> EditOperation:
    """The operation on one stem only.

    Raises:
        RequestError: it is about others.
    """
    way_out = "leave --stem out, or ask for something about that part"
    if operation.op == "add":
        new = operation.instrument or ", ".join(operation.targets)
        if new != stem:
            raise RequestError(f"only '{stem}' may be touched, but the words ask for a new part ({new}); {way_out}")
        return operation
    if operation.op == "extract":
        raise RequestError(f"only '{stem}' may be touched, but the words silence all other parts; {way_out}")
    if score is not None and not set(tracks_of((stem,), score)) & set(tracks_of(operation.targets, score)):
        raise RequestError(f"only '{stem}' may be touched, but the words are about {', '.join(operation.targets)}; {way_out}")
    return replace(operation, targets=(stem,))


def _piece(contents: Contents, seed: tuple[int, ...]) -> Piece:
    assert contents.plan is not None, "checked at the start of the edit"
    assert contents.score is not None, "checked at the start of the edit"
    return Piece(contents.plan, contents.score, contents.request, contents.stems, seed, lambda: contents.mix)


def _operate(
    contents: Contents, operation: EditOperation, request: EditRequest, index: int
) -> tuple[Contents, list[tuple[Change, Score]], list[str]]:
    """One operation on all stretches of its region, the last first, so that earlier ones keep their place."""
    piece = _piece(contents, (request.seed, index))
    run = executor(operation.op)
    spans = resolve(operation.region, piece.score)
    if operation.op == "extend" and any("repeat" in word.lower() for word in (operation.value, *operation.words)):
        spans = spans[-1:]  # "repeat the chorus": once, not after every chorus
    if operation.op in ("copy", "move"):
        spans = spans[-1:] if operation.op == "copy" else spans[:1]
    changes: list[tuple[Change, Score]] = []
    lines: list[str] = []
    for number, span in reversed(list(enumerate(spans))):
        piece = _piece(contents, (request.seed, index, number))
        change = run(piece, operation, span)
        contents, remarks = apply(contents, piece, change)
        changes.append((change, piece.score))
        lines = [*change.lines, *remarks, *lines]
    if operation.stands_for:
        lines.append(stand_in_text(operation))
    return contents, changes, lines


def _verified(before: Contents, after: Contents, changes: list[tuple[Change, Score]]) -> tuple[list[Finding], list[str]]:
    """Samples compared with the parent's: by span, or stretch by stretch where things moved in time."""
    if all(change.kept is None for change, _ in changes):
        return compare(before, after, [change.span for change, _ in changes if change.span is not None])
    if len(changes) > 1:  # several stretches moved one after the other: only what lies before the first is compared
        first = changes[-1][0].kept or ()
        return compare_moved(before, after, tuple(k for k in first if k.old == k.new == 0))
    change = changes[0][0]
    kept = list(change.kept or ())
    if kept and change.n_faded:
        kept[-1] = replace(kept[-1], n=max(0, kept[-1].n - change.n_faded))
    return compare_moved(before, after, tuple(kept))


def _done(operation: EditOperation, lines: list[str], outcome: list[Finding]) -> Finding:
    """The line of an operation: what was asked, what was done, and where that fell short."""
    verdict: Verdict
    asked = " ".join(operation.words) or " ".join(
        str(p) for p in (operation.op, operation.instrument, *operation.targets, operation.value, operation.amount or "") if p
    )
    heard, verdict = ("; ".join(lines), "pass") if lines else ("nothing had to change", "not measurable")
    missed = [finding for finding in outcome if finding.verdict == "fail"]
    if missed:
        heard = "; ".join([heard, *(f"{f.control}: {f.heard}" for f in missed)])
        verdict = "fail"
    return Finding(f"edit: {operation.op}", asked, heard, "what was done", verdict, "score", "said")


def _excused(finding: Finding) -> Finding:
    """A wish about the whole that nothing sounds any more because parts were taken out: told, but not a failure."""
    if finding.verdict != "fail" or finding.control not in _OF_THE_WHOLE:
        return finding
    return replace(finding, verdict="not measurable", heard=f"{finding.heard} (what sounded it was taken out)")


def _checks(contents: Contents, audio_report: bool) -> Report:
    """The new plan against the new score."""
    from partimento.report import make_report

    assert contents.plan is not None, "checked at the start of the edit"
    return make_report(contents.plan, Performance(contents.mix, contents.stems, contents.score), audio_level=audio_report)
