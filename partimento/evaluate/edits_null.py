"""The null test of edits: what nobody named keeps its samples, undo returns the bytes, a history can be played again.

Everything is compared here anew, from what a project holds on disk; the edit's own verification is not asked.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from partimento.audio.waveform import Waveform
from partimento.edit.contents import Contents
from partimento.errors import PartimentoError
from partimento.evaluate.edits_cases import TIMED, EditCase, generator, piece_request, random_case
from partimento.interpret.edit_reader import read_edit
from partimento.plan.edit import EditPlan, EditRequest
from partimento.project import Project
from partimento.score.score import Score
from partimento.sessions import create_project, edit_project, replay

SEAM_S = 0.02
"""Where a cut joins two stretches, this much may be a cross-fade."""
CUT_FADE_S = 0.41
"""A piece cut before its ending fades out over this."""
_TRIES = 12


@dataclass(frozen=True, slots=True)
class NullRow:
    """One edit of a history.

    Attributes:
        project, edit: which (0-based).
        op, text: what was done.
        said: True when the plan was read from words.
        region: True when it has a region that keeps its length.
        faults: what was not bit-identical though nobody had named it.
        undone: undo and redo gave back the bytes of the mix.
    """

    project: int
    edit: int
    op: str
    text: str
    said: bool
    region: bool
    faults: tuple[str, ...]
    undone: bool


@dataclass(frozen=True, slots=True)
class History:
    """All edits of a project in a row.

    Attributes:
        project: which.
        request: the words and settings of the piece.
        rows: one per edit.
        refused: operations that were refused, with the reason; another was drawn.
        replayed: playing the history again gave the same bytes (mix and every stem).
    """

    project: int
    request: str
    rows: tuple[NullRow, ...]
    refused: tuple[str, ...]
    replayed: bool


def run_history(project: int, n_edits: int, seed: int) -> History:
    """Make a piece, edit it ``n_edits`` times in a row, undo and redo each, and play the whole history again."""
    request = piece_request(project, seed)
    rng = generator(seed, project, 1)
    rows: list[NullRow] = []
    refused: list[str] = []
    with tempfile.TemporaryDirectory(prefix="partimento-edits-") as name:
        folder = Path(name) / "song"
        made = create_project(folder, request)
        for edit in range(n_edits):
            before = made.load()
            case = _do(made, before, rng, (seed, project, edit), refused)
            rows.append(_row(project, edit, case, before, made))
        copy = replay(made, Path(name) / "copy")
        same = copy.head.stems == made.head.stems and _mix(copy) == _mix(made)
    metre = f", {request.metre}" if request.metre else ""
    return History(project, f"{request.words}, {request.bars} bars{metre}", tuple(rows), tuple(refused), same)


def _do(
    project: Project, before: Contents, rng: np.random.Generator, place: tuple[int, int, int], refused: list[str]
) -> EditCase:
    """Draw edits until one is done; a refusal is told and must leave everything as it was."""
    assert before.score is not None, "made from words"
    for _ in range(_TRIES):
        case = random_case(before.score, rng)
        try:
            edit_project(project, EditRequest(case.said or case.text(), seed=place[2]), case.plan)
        except PartimentoError as error:
            refused.append(f"{case.text()}: {error}")
            continue
        return case
    plan: EditPlan = read_edit("everything 2 dB quieter")[0]
    edit_project(project, EditRequest("everything 2 dB quieter"), plan)
    return EditCase("gain", plan, frozenset(before.stems))


def _row(number: int, edit: int, case: EditCase, before: Contents, project: Project) -> NullRow:
    """Compare with the parent, then go back and forth."""
    after = project.load()
    faults = compare(case, before, after)
    mix = _mix(project)
    parent = project.version(project.head.parent or 1)
    project.undo()
    undone = project.head.number == parent.number and _same_bytes(_mix(project), before)
    project.redo()
    undone = undone and _mix(project) == mix
    timed = any(o.op in TIMED for o in case.plan.operations)
    return NullRow(number, edit, case.op, case.text(), bool(case.said), bool(case.spans_s) and not timed, tuple(faults), undone)


def _mix(project: Project) -> bytes:
    return (project.folder / "mix.wav").read_bytes()


def _same_bytes(data: bytes, contents: Contents) -> bool:
    """True when a mix file is what the version's contents come to."""
    from partimento.audio.io import encode_audio

    return data == encode_audio(contents.mix, ".wav", depth="24")


def compare(case: EditCase, before: Contents, after: Contents) -> list[str]:
    """What is not the parent's though it was not named, in words (empty: all is well)."""
    if case.op in TIMED:
        return _moved(case, before, after)
    faults: list[str] = []
    for name, old in before.stems.items():
        new = after.stems.get(name)
        if name not in case.named:
            if new is None or not np.array_equal(old.samples, new.samples):
                faults.append(f"{name} was not named and differs")
        elif new is not None:
            faults += _outside(name, case, old, new)
    for name, new in after.stems.items():
        if name not in before.stems:
            if not case.adds:
                faults.append(f"{name} came in unasked")
            faults += _outside(name, case, Waveform(np.zeros_like(new.samples), new.sample_rate), new)
    faults += _outside("mix", case, before.mix, after.mix)
    return faults


def _outside(name: str, case: EditCase, old: Waveform, new: Waveform) -> list[str]:
    """A stem or mix outside the region."""
    if not case.spans_s:
        return []
    if old.n_samples != new.n_samples:
        return [f"{name} changed its length"]
    kept = np.ones(new.n_samples, dtype=bool)
    for low, high in case.spans_s:
        kept[round(low * new.sample_rate) : round(high * new.sample_rate)] = False
    wrong = np.flatnonzero((old.samples != new.samples).any(axis=0) & kept)
    if not wrong.size:
        return []
    return [f"{name} differs outside the region at {wrong[0] / new.sample_rate:.3f}–{wrong[-1] / new.sample_rate:.3f} s"]


def _moved(case: EditCase, before: Contents, after: Contents) -> list[str]:
    """Operations that move things in time: what lies before stays, what lies behind is the same, later or earlier."""
    if case.op == "set_metre" or (case.op == "set_tempo" and not case.spans_s):
        return []
    rows = [(name, before.stems[name], after.stems[name]) for name in before.stems if name in after.stems]
    lost = [f"{name} is gone" for name in before.stems if name not in after.stems]
    rate = before.mix.sample_rate
    faults = []
    for name, old, new in [*rows, ("mix", before.mix, after.mix)]:
        a, b = old.samples, new.samples
        if case.op == "trim" and case.operation.value == "keep":
            start = round(case.spans_s[0][0] * rate)
            ahead, wanted = _prefix(a[:, start:], b), b.shape[1] - round(CUT_FADE_S * rate)
        else:
            ahead, wanted = _prefix(a, b) + _suffix(a, b), _wanted(case, before, after, rate)
        if ahead < wanted:
            faults.append(f"{name}: only {ahead / rate:.3f} s of {wanted / rate:.3f} s kept")
    return lost + faults


def _wanted(case: EditCase, before: Contents, after: Contents, rate: int) -> int:
    """How many samples at both ends together have to be the parent's."""
    old_n, new_n = before.mix.n_samples, after.mix.n_samples
    if case.op in ("extend", "copy"):
        return old_n - 2
    score = before.score
    assert isinstance(score, Score), "made from words"
    if case.op in ("set_tempo", "move"):
        low, high = (round(x * rate) for x in case.spans_s[0])
        return low + (old_n - high) - 2
    ends_early = not case.spans_s or case.spans_s[0][1] >= score.duration_s - 1e-3
    return new_n - round((CUT_FADE_S if ends_early else SEAM_S) * rate) - 2


def _prefix(a: np.ndarray, b: np.ndarray) -> int:
    """Samples at the start that are equal."""
    n = min(a.shape[1], b.shape[1])
    wrong = np.flatnonzero((a[:, :n] != b[:, :n]).any(axis=0))
    return int(wrong[0]) if wrong.size else n


def _suffix(a: np.ndarray, b: np.ndarray) -> int:
    """Samples at the end that are equal, where the lengths differ (0 where all are); places are rounded to samples."""
    n = min(a.shape[1], b.shape[1]) - 1
    if n <= 0 or (a.shape == b.shape and _prefix(a, b) == a.shape[1]):
        return 0
    best = 0
    for x, y in ((a, b), (a[:, :-1], b), (a, b[:, :-1])):
        wrong = np.flatnonzero((x[:, -n:] != y[:, -n:]).any(axis=0))
        best = max(best, n - 1 - int(wrong[-1]) if wrong.size else n)
    return best
