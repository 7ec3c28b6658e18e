"""``extend`` and ``trim`` of a recording: loops on heard bars, cuts with cross-fades."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from partimento.audio.fades import fade_curve
from partimento.audio.waveform import Waveform
from partimento.edit.change import Kept
from partimento.edit.recording_change import Outcome, measured, seam_db
from partimento.edit.recording_ear import Ear
from partimento.edit.recording_loop import Loop, aligned, find_loop
from partimento.edit.recording_region import Stretch
from partimento.edit.score_length import DEFAULT_BARS, MAX_ADDED_BARS
from partimento.edit.wanted_length import wanted_length
from partimento.errors import RequestError, UnsupportedError
from partimento.plan.edit import EditOperation
from partimento.plan.result import Finding

MAX_S = 3_600.0
"""An extended recording is at most this long."""
_SEAM_S = 0.03
_CUT_SEAM_S = 0.02
_END_FADE_S = 0.4
_START_FADE_S = 0.008
_CLICK_LIMIT_DB = 6.0
_LENGTH_SHARE = 0.125  # of a bar: half a beat of four


def extend(ear: Ear, operation: EditOperation, where: Stretch) -> Outcome:
    """Repeat music on heard bars: ``amount`` bars more (or seconds, or a ``factor`` of the length).

    Of the whole recording the loop with the best seam is taken; with a region, its last bars are repeated (all of it where
    no amount is given). With ``value`` ``to`` the amount is the new length, and what is longer already is cut.

    Raises:
        UnsupportedError: no bars are heard. RequestError: no or too many bars.
    """
    if not ear.has_pulse:
        raise UnsupportedError(
            "no steady pulse is heard, so there are no bars that could be repeated to make it longer; "
            "it can be slower instead (e.g. 10 % slower)"
        )
    bar = ear.bar_samples
    wanted = wanted_length(operation, float(where.n_samples), bar, float(ear.wave.sample_rate))
    if wanted is not None and wanted < where.n_samples:
        if operation.value != "to":
            raise RequestError(f"{operation.amount:g} times as long is no extension; say trim")
        return trim(ear, replace(operation, op="trim"), where)
    if where.whole:
        added = DEFAULT_BARS if wanted is None else max(1, round((wanted - where.n_samples) / bar))
        loops = _loops(ear, added)
    else:
        loops = _loops_of(ear, where, None if wanted is None else (wanted - where.n_samples) / bar, bar)
        added = loops[0].n_bars * len(loops)
    longer = sum(loop.end - loop.start for loop in loops) / ear.wave.sample_rate
    if not 1 <= added <= MAX_ADDED_BARS or ear.wave.duration_s + longer > MAX_S:
        raise RequestError(f"{added} bars more: give 1 to {MAX_ADDED_BARS} bars, and at most {MAX_S:g} s in all")
    made, seams, kept = _looped(ear, loops)
    before, after = ear.wave.duration_s, made.duration_s
    source = ear.bars_text(loops[0].start, loops[0].end)
    alike = "" if not where.whole else f", {100 * loops[0].likeness:.0f} % alike at the seam"
    line = f"{added} bars more: {source} again{'' if len(loops) == 1 else f', {len(loops)} times'}{alike}; {ear.sureness}"
    more = added * bar / ear.wave.sample_rate
    # The loop runs from bar line to bar line as heard, and players are not metronomes: the count is still right by far.
    asked = f"{added} bars more: about {before + more:.2f} s"
    findings = [measured("length", asked, f"{before:.2f} → {after:.2f} s", "samples counted",
                         abs(after - before - more) < _LENGTH_SHARE * bar / ear.wave.sample_rate, after)]  # fmt: skip
    return Outcome(made, kept, (line,), (*findings, _seam(made, seams, ear.wave, (loops[0].start, loops[0].end))))


def _loops_of(ear: Ear, where: Stretch, more: float | None, bar: float) -> list[Loop]:
    """A region again, or its last bars, so often that about so many bars come in (once all of it for None)."""
    size = max(1, round(where.n_samples / bar))
    end = aligned(ear, where.start, where.end) if where.end < ear.wave.n_samples else where.end
    wanted = size if more is None else max(1, round(more))
    if wanted >= size:
        return [Loop(0, size, where.start, end, 1.0)] * max(1, round(wanted / size))
    start = min(ear.bars, key=lambda line: abs(line - (where.end - wanted * bar)))
    end = aligned(ear, start, where.end) if where.end < ear.wave.n_samples else where.end
    return [Loop(0, wanted, start, end, 1.0)]


def _loops(ear: Ear, added: int) -> list[Loop]:
    """Loops that add so many bars: one of that length, or a shorter one again and again with a rest."""
    loop = find_loop(ear, added) if added <= 16 else None
    if loop is not None and loop.likeness > 0.6:
        return [loop]
    divisors = [n for n in (16, 8, 12, 4, 6, 2, 3, 1) if added % n == 0 and n <= added]
    found = [other for n in divisors if (other := find_loop(ear, n)) is not None]
    if loop is not None:
        found.append(loop)
    if not found:
        raise UnsupportedError(f"{len(ear.bars) - 1} bars are heard, too few to loop; three at least are needed")
    best = max(found, key=lambda one: one.likeness + 0.005 * min(one.n_bars, 8))
    return [best] * (added // best.n_bars)


def _looped(ear: Ear, loops: list[Loop]) -> tuple[Waveform, list[int], tuple[Kept, ...]]:
    """The recording with the loop's stretch put in after itself, the seams, and the samples that stay."""
    wave, loop = ear.wave, loops[0]
    size = loop.end - loop.start
    fade = min(round(_SEAM_S * wave.sample_rate), loop.start, size // 4)
    source = wave.samples
    turn = source[:, loop.start : loop.end].copy()
    rise = _rise(source[:, loop.end - fade : loop.end], source[:, loop.start - fade : loop.start])
    if fade:
        # The old sound fades while the one before the loop's first beat rises; that beat itself is untouched.
        turn[:, size - fade :] = turn[:, size - fade :] * rise[::-1] + source[:, loop.start - fade : loop.start] * rise
    last = source[:, loop.start : loop.end]
    head = source[:, : loop.start]
    made = np.concatenate([head, *([turn] * len(loops)), last, source[:, loop.end :]], axis=1)
    seams = [loop.start + size * (i + 1) for i in range(len(loops))]
    added = size * len(loops)
    kept = (Kept(0, 0, loop.end - fade), Kept(loop.start, loop.start + added, wave.n_samples - loop.start))
    return Waveform(made, wave.sample_rate), seams, kept


def _rise(old: NDArray[np.float32], new: NDArray[np.float32]) -> NDArray[np.float32]:
    """A fade curve for these sounds: equal gain where they are alike, towards equal power where they are not."""
    curve = fade_curve(old.shape[1])
    energy = float(np.sqrt((old.astype(np.float64) ** 2).sum() * (new.astype(np.float64) ** 2).sum()))
    alike = float((old.astype(np.float64) * new).sum()) / energy if energy > 1e-9 else 1.0
    power = float(np.clip(1.0 - 0.5 * (1.0 - max(0.0, alike)), 0.5, 1.0))
    return np.asarray(curve**power, np.float32)


def trim(ear: Ear, operation: EditOperation, where: Stretch) -> Outcome:
    """Cut out the region (``value`` ``keep``: cut everything else).

    With an ``amount`` keep that much from its start, with ``value`` ``off`` cut that much from its end; without a region
    that is said of the whole recording.

    Raises:
        RequestError: nothing would be left, or nothing would go.
    """
    wave = ear.wave
    n = wave.n_samples
    if where.whole:
        end = _end_of(ear, operation, where)
        if not 0 < end < n:
            raise RequestError(f"{end / wave.sample_rate:.2f} s to keep: the recording lasts {wave.duration_s:.2f} s")
        return _kept_part(ear, 0, end)
    if operation.value == "keep":
        return _kept_part(ear, where.start, where.end)
    edge = operation.region.kind in ("first_bars", "last_bars", "seconds", "fraction")  # it says itself how much goes
    if operation.amount is not None and not edge and operation.value in ("to", "off"):
        where = replace(where, start=min(_end_of(ear, operation, where), where.end - 1))
    if where.start == 0:
        return _kept_part(ear, where.end, n)
    if where.end == n:
        return _kept_part(ear, 0, where.start)
    return _cut_out(ear, where)


def _end_of(ear: Ear, operation: EditOperation, where: Stretch) -> int:
    """Where what is kept of a stretch ends, in samples; bars are those that are heard.

    Raises:
        RequestError: no amount, or more bars than are heard.
    """
    if operation.amount is None:
        raise RequestError("say what to cut: a length to keep (20 s, 8 bars) or a region to take out")
    rate = ear.wave.sample_rate
    if operation.unit != "bars":
        wanted = wanted_length(operation, float(where.n_samples), float(rate), float(rate))
        return where.start + round(wanted or 0.0)
    lines = [line for line in ear.bars if where.start <= line <= where.end]
    heard = len(lines) - 1
    if not 1 <= operation.amount < heard:
        raise RequestError(f"{operation.amount:g} bars: {heard} bars are heard ({ear.sureness})")
    return lines[heard - round(operation.amount) if operation.value == "off" else round(operation.amount)]


def _kept_part(ear: Ear, start: int, end: int) -> Outcome:
    """Only a stretch of the recording, faded where it was cut."""
    wave, rate = ear.wave, ear.wave.sample_rate
    samples = wave.samples[:, start:end].copy()
    n = end - start
    fade_in = min(round(_START_FADE_S * rate), n // 4) if start else 0
    fade_out = min(round(_END_FADE_S * rate), n // 4) if end < wave.n_samples else 0
    samples[:, :fade_in] *= fade_curve(fade_in)
    samples[:, n - fade_out :] *= fade_curve(fade_out)[::-1]
    kept = Kept(start + fade_in, fade_in, n - fade_in - fade_out)
    line = f"{wave.duration_s:.2f} s → {n / rate:.2f} s: {ear.bars_text(start, end)} kept"
    finding = measured("length", f"{n / rate:.2f} s", f"{n} samples", "samples counted", samples.shape[1] == n, n / rate)
    return Outcome(Waveform(samples, rate), (kept,), (line,), (finding,))


def _cut_out(ear: Ear, where: Stretch) -> Outcome:
    """The recording without a stretch, its ends cross-faded; the sound after the cut keeps its first attack."""
    wave, rate = ear.wave, ear.wave.sample_rate
    source = wave.samples
    # Where the waveform goes on most smoothly near the cut's beginning.
    start = aligned(ear, where.end, where.start)
    fade = min(round(_CUT_SEAM_S * rate), start, where.end)
    rise = _rise(source[:, start - fade : start], source[:, where.end - fade : where.end])
    seam = source[:, start - fade : start] * rise[::-1] + source[:, where.end - fade : where.end] * rise
    made = Waveform(np.concatenate([source[:, : start - fade], seam, source[:, where.end :]], axis=1), rate)
    kept = (Kept(0, 0, start - fade), Kept(where.end, start, wave.n_samples - where.end))
    line = f"{where} cut out: {wave.duration_s:.2f} s → {made.duration_s:.2f} s"
    exact = wave.n_samples - where.n_samples
    finding = measured("length", f"{exact / rate:.2f} s", f"{made.duration_s:.2f} s", "samples counted",
                       abs(made.n_samples - exact) <= 0.03 * rate, made.duration_s)  # fmt: skip
    return Outcome(made, kept, (line,), (finding, _seam(made, [start], wave, (where.start, where.end))))


def _seam(wave: Waveform, seams: list[int], source: Waveform, places: tuple[int, ...]) -> Finding:
    """The worst seam's bend of the waveform against its surroundings, less that of the attacks which were there before."""
    worst = max(seam_db(wave, at, source, places) for at in seams)
    how = "sharpest bend at the seam against those of the half second around, less the source's own"
    return measured("seams", "no click", f"{worst:+.1f} dB", how, worst <= _CLICK_LIMIT_DB, worst)
