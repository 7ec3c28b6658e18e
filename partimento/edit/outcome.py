"""Did the sound get what an operation asked for? Figures of the stems before and after, for what can fall short."""

from __future__ import annotations

import numpy as np

from partimento.audio.waveform import Waveform
from partimento.edit.change import Change
from partimento.edit.contents import Contents
from partimento.edit.score_dynamics import LOUDER_WAYS, way_of
from partimento.edit.score_gain import gain_of
from partimento.edit.targets import tracks_of, without_spared
from partimento.plan.edit import EditOperation
from partimento.plan.result import Finding, Verdict
from partimento.score.score import Score

GAIN_TOLERANCE_DB = 0.3
"""A gain that comes out further off has missed what was asked."""
_SILENT_DB = -90.0
_LAST_SHARE = 0.25
"""The end of a build-up that is compared with what was there."""


def outcomes(operation: EditOperation, before: Contents, after: Contents, changes: list[tuple[Change, Score]]) -> list[Finding]:
    """Findings on the level of what was named.

    Args:
        operation: as it was done.
        before, after: parent and child.
        changes: what was done, each with the score that it was done on.
    """
    way = way_of(operation.value) if operation.op == "dynamics" else ""
    if operation.op == "gain":
        return _gains(operation, before, after, changes)
    if way in ("build_up", "accent", *LOUDER_WAYS) and way != "drop":
        return _louder(way, operation, before, after, changes)
    return []


def _gains(operation: EditOperation, before: Contents, after: Contents, changes: list[tuple[Change, Score]]) -> list[Finding]:
    """Each named stem against the gain that was asked."""
    asked_db = gain_of(operation)
    found: list[Finding] = []
    for change, score in changes:
        for name in tracks_of(without_spared(operation, score).targets, score):
            old, new = _levels([name], before, after, change, 0.0)
            if change.span is None or min(old, new) <= _SILENT_DB:
                continue
            got_db = new - old
            good = abs(got_db - asked_db) <= GAIN_TOLERANCE_DB
            heard = f"{got_db:+.1f} dB"
            if not good:
                heard = f"not fully: asked {asked_db:+.1f} dB, got {heard}, because the mix would clip"
            found.append(_finding(f"gain: {name}", f"{asked_db:+.1f} dB in {change.span}", heard, good, got_db))
    return found


def _louder(
    way: str, operation: EditOperation, before: Contents, after: Contents, changes: list[tuple[Change, Score]]
) -> list[Finding]:
    """What is meant to be louder, or to end louder, against what was there."""
    found: list[Finding] = []
    for change, _ in changes:
        if change.span is None or not change.rendered:
            continue
        share = 1.0 - _LAST_SHARE if way == "build_up" else 0.0
        old, new = _levels(list(change.rendered), before, after, change, share)
        if not change.holds_level and change.span.whole:
            continue  # the mixer keeps the level of what is played differently everywhere
        moved_db = new - old
        asked = "ends louder than it was" if way == "build_up" else "louder"
        heard = f"{old:.1f} → {new:.1f} dBFS" + ("" if moved_db > 0 else ": not louder, because the mix would clip")
        found.append(_finding(f"louder: {way.replace('_', ' ')}", f"{asked} in {change.span}", heard, moved_db > 0, moved_db))
    return found


def _levels(names: list[str], before: Contents, after: Contents, change: Change, share: float) -> tuple[float, float]:
    """Mean level (dBFS) of some stems together, from a share of a change's span to its end, before and after."""
    assert change.span is not None, "asked only where there is one"
    rate = next(iter(after.stems.values())).sample_rate
    start, end = change.span.samples(rate)
    start = round(start + share * (end - start))
    levels = []
    for contents in (before, after):
        parts = [contents.stems[name].part(start, end) for name in names if name in contents.stems]
        levels.append(_rms_db(parts))
    return levels[0], levels[1]


def _rms_db(parts: list[Waveform]) -> float:
    """Of the sum of some sounds."""
    if not parts or not parts[0].n_samples:
        return _SILENT_DB
    total = np.sum([part.samples for part in parts], axis=0, dtype=np.float64)
    return max(_SILENT_DB, 10.0 * float(np.log10(np.mean(total**2) + 1e-12)))


def _finding(control: str, asked: str, heard: str, good: bool, value: float) -> Finding:
    verdict: Verdict = "pass" if good else "fail"
    return Finding(control, asked, heard, "energy of the stems compared with the parent's", verdict, "audio", "said", value)
