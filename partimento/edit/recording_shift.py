"""Tempo and pitch of a recording: ``set_tempo`` by time-stretching, ``transpose`` and ``set_key`` by pitch-shifting."""

from __future__ import annotations

from partimento.edit.change import Kept
from partimento.edit.recording_change import Outcome, below, ceiling_of, measured, outside, part, put
from partimento.edit.recording_ear import Ear
from partimento.edit.recording_region import Stretch
from partimento.edit.stretch import MAX_SEMITONES, check_installed, shift_pitch, stretch
from partimento.errors import RequestError, UnsupportedError
from partimento.listen.shift import measured_shift_cents
from partimento.listen.tempo import refine_tempo
from partimento.plan.edit import EditOperation
from partimento.plan.result import Finding
from partimento.score.text import parse_key

_TEMPO_TOLERANCE = 0.01
_CENTS_TOLERANCE = 5.0
_MEASURABLE_S = 6.0
_SURE_SHIFT = 0.5


def set_tempo(ear: Ear, operation: EditOperation, where: Stretch) -> Outcome:
    """Play at ``amount`` bpm, ``factor`` times the tempo, or ``bpm_change`` faster; with a region, what follows moves.

    An absolute tempo is reached from the heard one; where that could as well be counted twice or half as fast, the count
    nearer to the wish is taken, and the report says so.

    Raises:
        RequestError: no amount, or beyond a quarter to four times. UnsupportedError: bpm are given and no pulse is heard.
    """
    check_installed()
    wave = ear.wave
    factor, line = _factor(ear, operation)
    if abs(factor - 1.0) < 5e-4:
        raise RequestError(f"{line}: that is the tempo already")
    old = part(wave, where.start, where.end)
    n = round(old.n_samples / factor)
    if n < 1 or n == old.n_samples:
        raise RequestError(f"{old.n_samples} sample(s) are too short for another tempo; take a longer stretch")
    new, lowered = below(stretch(old, n), ceiling_of(wave))
    made = put(wave, new, where)
    kept = tuple(k for k in (Kept(0, 0, where.start), Kept(where.end, where.start + n, wave.n_samples - where.end)) if k.n > 0)
    lines = [f"{line} in {where}", *lowered]
    if where.end < wave.n_samples:
        lines.append(
            f"what follows begins {abs(n - old.n_samples) / wave.sample_rate:.2f} s {'sooner' if factor > 1 else 'later'}"
        )
    findings = [_length(old.n_samples, n, factor, wave.sample_rate)]
    if ear.has_pulse and new.duration_s >= _MEASURABLE_S and old.duration_s >= _MEASURABLE_S:
        findings.append(_tempo(Ear(old), Ear(new), ear.beats.tempo_bpm, factor))
    return Outcome(made, kept, tuple(lines), tuple(findings))


def _factor(ear: Ear, operation: EditOperation) -> tuple[float, str]:
    """New tempo over old, and the line that says so."""
    amount, unit = operation.amount, operation.unit
    if amount is None or (amount <= 0 and unit != "bpm_change"):
        raise RequestError("no tempo given; say e.g. 120 bpm, or 10 % faster")
    if unit == "factor":
        return amount, f"tempo × {amount:.4g}" + (f" (heard {ear.beats.tempo_bpm:.1f} bpm)" if ear.has_pulse else "")
    heard = ear.tempo_bpm
    sure = f"{100 * ear.beats.confidence:.0f} % sure"
    if unit == "bpm_change":
        if heard + amount <= 0:
            raise RequestError(f"{amount:+g} bpm from the {heard:.1f} bpm that are heard leaves no tempo")
        return (heard + amount) / heard, f"tempo {heard:.1f} → {heard + amount:.1f} bpm (heard, {sure})"
    counted = min((0.5 * heard, heard, 2.0 * heard), key=lambda bpm: max(bpm / amount, amount / bpm))
    how = f"heard, {sure}" if counted == heard else f"heard as {heard:.1f}, counted as {counted:.1f}, {sure}"
    return amount / counted, f"tempo {counted:.1f} → {amount:g} bpm ({how})"


def _length(n_old: int, n_new: int, factor: float, rate: int) -> Finding:
    """The new length against the exact one."""
    heard = f"{n_old / rate:.3f} → {n_new / rate:.3f} s"
    return measured("length", f"÷ {factor:.4g}", heard, "samples counted", abs(n_new - n_old / factor) <= 0.5, n_new / rate)


def _tempo(old: Ear, new: Ear, heard_bpm: float, factor: float) -> Finding:
    """The tempo measured before and after in the same way."""
    before = refine_tempo(old.sound, heard_bpm, envelope=old.envelope, span=0.03)
    after = refine_tempo(new.sound, before.bpm * factor, envelope=new.envelope, span=0.03)
    error = after.bpm / (before.bpm * factor) - 1.0
    how = "comb over the onset strength, 3 % to either side"
    heard = f"{before.bpm:.2f} → {after.bpm:.2f} bpm"
    return measured("tempo", f"{before.bpm * factor:.2f} bpm", heard, how, abs(error) <= _TEMPO_TOLERANCE, after.bpm)


def transpose(ear: Ear, operation: EditOperation, where: Stretch) -> Outcome:
    """Move everything by ``amount`` semitones, up to an octave.

    Raises:
        RequestError: no amount, or beyond an octave.
    """
    steps = operation.amount or 0.0
    if not steps or abs(steps) > MAX_SEMITONES:
        raise RequestError(f"a transposition by {steps:+g} semitones: a recording takes 1 to {MAX_SEMITONES}, up or down")
    return _shifted(ear, steps, where, f"{steps:+g} semitones in {where}")


def set_key(ear: Ear, operation: EditOperation, where: Stretch) -> Outcome:
    """Move everything to another key, the shorter way from the key that is heard.

    Raises:
        UnsupportedError: no key is heard, or minor is to become major. RequestError: it is in that key.
    """
    local = ear if where.whole else Ear(part(ear.wave, where.start, where.end))
    if not local.has_pitch:
        raise UnsupportedError(f"no key is heard in {where}; give semitones, e.g. up 2 semitones")
    found = local.key
    wanted = parse_key(operation.value) if operation.value.lower() not in ("major", "minor", "relative") else None
    sure = f"heard, {100 * found.strength:.0f} % sure"
    if wanted is None or wanted.is_minor != found.key.is_minor:
        raise UnsupportedError(
            f"the recording is in {found.key} ({sure}); a shift of pitch cannot turn minor into major or back: "
            f"name a {'minor' if found.key.is_minor else 'major'} key, or semitones"
        )
    steps = (wanted.tonic - found.key.tonic + 6) % 12 - 6
    if steps == 0:
        raise RequestError(f"the recording is in {found.key} already ({sure}); name another key, or semitones")
    done = _shifted(ear, float(steps), where, f"key {found.key} → {wanted} ({sure}): {steps:+d} semitones in {where}")
    again = Ear(part(done.wave, where.start, where.end)).key
    finding = measured("key", str(wanted), str(again.key), "key profiles over the chroma", again.key == wanted)
    return Outcome(done.wave, done.kept, done.lines, (*done.findings, finding))


def _shifted(ear: Ear, semitones: float, where: Stretch, line: str) -> Outcome:
    """The stretch at another pitch."""
    check_installed()
    wave = ear.wave
    old = part(wave, where.start, where.end)
    new, lowered = below(shift_pitch(old, semitones), ceiling_of(wave))
    cents, sure = measured_shift_cents(old, new, 100.0 * semitones)
    good = abs(cents - 100.0 * semitones) <= _CENTS_TOLERANCE if sure >= _SURE_SHIFT else None
    finding = measured("pitch", f"{100 * semitones:+.0f} cents", f"{cents:+.1f} cents",
                       "long-term spectra on a logarithmic axis, shifted onto each other", good, cents)  # fmt: skip
    return Outcome(put(wave, new, where), outside(where, wave.n_samples), (line, *lowered), (finding,))
