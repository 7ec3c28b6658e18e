"""What an edit changed and what it left, found by comparing samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from partimento.audio.waveform import Waveform
from partimento.edit.change import Kept
from partimento.edit.contents import Contents
from partimento.edit.region import Span
from partimento.plan.result import Finding

_STRETCH_SAMPLES = 1 << 16  # as a project keeps sound: what is not in memory is read only as far as it is looked at
_HOW = "every sample compared with the parent's, unless the very same stored sound is used"


def difference(old: Waveform | None, new: Waveform) -> tuple[int, int] | None:
    """First sample that differs and the first after the last that does; None when all are equal.

    A stem that was not there counts as silence; one and the same object is equal to itself without being read.
    """
    if old is new:
        return None
    n = new.n_samples if old is None else min(old.n_samples, new.n_samples)
    longer = new.n_samples if old is None else max(old.n_samples, new.n_samples)

    def differing(at: int) -> NDArray[np.intp]:
        """Places in a stretch where any channel differs."""
        stretch = at, min(n, at + _STRETCH_SAMPLES)
        found = new.part(*stretch).samples != (0.0 if old is None else old.part(*stretch).samples)
        return np.flatnonzero(found.any(axis=0))

    starts = range(0, n, _STRETCH_SAMPLES)
    first = next((at + int(where[0]) for at in starts if len(where := differing(at))), None)
    if longer > n:
        return (n if first is None else first), longer
    if first is None:
        return None
    last = next(at + int(where[-1]) for at in reversed(starts) if len(where := differing(at)))
    return first, last + 1


def compare(before: Contents, after: Contents, spans: list[Span]) -> tuple[list[Finding], list[str]]:
    """Findings on every stem and on the mix outside the spans, and lines on what changed, for edits that keep the length.

    Args:
        before, after: parent and child.
        spans: where the edit was confined to (empty: it may reach everywhere).
    """
    findings, lines = [], []
    for name, stem in after.stems.items():
        found = difference(before.stems.get(name), stem)
        if found is None:
            heard = f"all {stem.n_samples} samples the same"
            findings.append(_finding(f"unchanged: {name}", "bit-identical", heard, True))
            continue
        where = _bars(after, *found)
        inside = _inside(found, spans, stem.sample_rate, stem.n_samples)
        asked = " and ".join(str(s) for s in spans) if spans else "anywhere"
        findings.append(_finding(f"changed: {name}", asked, where, inside))
        lines.append(f"{name}: {where}" + ("" if name in before.stems else " (new)"))
    gone = [name for name in before.stems if name not in after.stems]
    lines += [f"{name}: gone" for name in gone]
    if spans and not any(s.whole for s in spans):
        found = difference(before.mix, after.mix)
        good = found is None or _inside(found, spans, after.mix.sample_rate, after.mix.n_samples)
        heard = "bit-identical" if good else f"differs in {_bars(after, *(found or (0, 0)))}"
        findings.append(_finding("mix outside the region", "bit-identical", heard, good))
    return findings, lines


def compare_moved(before: Contents, after: Contents, kept: tuple[Kept, ...]) -> tuple[list[Finding], list[str]]:
    """The same for edits that move things in time: the kept stretches at their new places."""
    findings = []
    share = sum(k.n for k in kept) / max(1, after.mix.n_samples)
    for name, stem in after.stems.items():
        old = before.stems.get(name)
        if old is None or not kept:
            continue
        same = all(np.array_equal(old.samples[:, k.old : k.old + k.n], stem.samples[:, k.new : k.new + k.n]) for k in kept)
        heard = f"{100 * share:.0f} % of the samples, bit-identical" if same else "the kept part differs"
        findings.append(_finding(f"kept: {name}", "what was not named", heard, same))
    line = f"length {before.mix.duration_s:.2f} → {after.mix.duration_s:.2f} s"
    return findings, [line] if before.mix.n_samples != after.mix.n_samples else []


def _inside(found: tuple[int, int], spans: list[Span], sample_rate: int, n: int) -> bool:
    """True when the differing stretch lies in the hull of the spans."""
    if not spans:
        return True
    edges = [s.samples(sample_rate) for s in spans]
    start, end = min(a for a, _ in edges), max(n if s.whole else b for s, (_, b) in zip(spans, edges, strict=True))
    return found[0] >= start and found[1] <= max(end, start)


def _bars(contents: Contents, first: int, end: int) -> str:
    """Samples as bars and seconds."""
    score = contents.score
    rate = next(iter(contents.stems.values())).sample_rate
    times = f"{first / rate:.2f}–{end / rate:.2f} s"
    if score is None:
        return times
    quarters = score.tempo_map.quarters
    a, b = score.bar_at(quarters(first / rate) + 1e-4), score.bar_at(max(0.0, quarters((end - 1) / rate)))
    return (f"bar {a + 1}" if a == b else f"bars {a + 1}–{b + 1}") + f" ({times})"


def _finding(control: str, asked: str, heard: str, good: bool) -> Finding:
    return Finding(control, asked, heard, _HOW, "pass" if good else "fail", "audio", "said")
