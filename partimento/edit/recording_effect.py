"""``effect`` on a recording: the same table of intents as on stems, amounts from what is measured in the region."""

from __future__ import annotations

from partimento.audio.loudness import true_peak_dbtp
from partimento.edit.change import Kept
from partimento.edit.contents import EffectStep
from partimento.edit.effects import treat
from partimento.edit.intents import MEASURES
from partimento.edit.recording_change import CEILING_DBTP, Outcome, below, measured, outside, part, put
from partimento.edit.recording_ear import Ear
from partimento.edit.recording_region import Stretch
from partimento.edit.rendering import chain
from partimento.plan.edit import EditOperation
from partimento.score.mix import active_lufs

_LEAD_S = 2.0
_LOUDNESS_LU = 1.0
_NAME = "the recording"


def effect(ear: Ear, operation: EditOperation, where: Stretch) -> Outcome:
    """Change the sound as the intent ``value`` means; ``amount`` (``strength``) is 1 when not given.

    Filters and rooms run in over the two seconds before the region, so that its beginning sounds as if the effect had
    always been there.

    Raises:
        UnsupportedError: unknown intent, or nothing of that kind is left to do.
    """
    wave = ear.wave
    old = part(wave, where.start, where.end)
    strength = operation.amount if operation.amount is not None else 1.0
    done = treat(operation.value, {_NAME: old}, {_NAME: ""}, strength)
    lead = min(where.start, round(_LEAD_S * wave.sample_rate))
    new, peak = done.waves[_NAME], done.peaks_dbtp[1]
    if lead:
        new = part(chain(part(wave, where.start - lead, where.end), done.chains[_NAME]), lead, lead + old.n_samples)
        peak = true_peak_dbtp(new)
    ceiling = max(CEILING_DBTP, done.peaks_dbtp[0])
    after = done.after
    if lead or peak > ceiling:
        new, lowered = below(new, ceiling)
        peak, after = true_peak_dbtp(new), MEASURES[done.intent.measure][2](new)
    else:
        lowered = ()
    made = put(wave, new, where)
    label, unit, _ = MEASURES[done.intent.measure]
    before = done.before
    good = (after - before) * done.intent.change > 0
    loudness, now = active_lufs(old), active_lufs(new)
    findings = (
        measured(f"sound: {done.intent.en}", "more" if done.intent.change > 0 else "less",
                 f"{label} {before:.2f} → {after:.2f} {unit}".strip(), "measured before and after", good, after),
        measured("loudness kept", f"within {_LOUDNESS_LU:g} LU", f"{loudness:.1f} → {now:.1f} LUFS", "BS.1770 of the region",
                 abs(now - loudness) <= _LOUDNESS_LU, now - loudness),
        measured("true peak", f"≤ {ceiling:.1f} dBTP", f"{peak:.1f} dBTP", "4x oversampled",
                 peak <= ceiling + 0.01, peak),
    )  # fmt: skip
    lines = (f"{done.line} in {where}", *_controls(done.chains[_NAME]), *lowered)
    kept: tuple[Kept, ...] = outside(where, wave.n_samples)
    return Outcome(made, kept, lines, findings)


def _controls(steps: tuple[EffectStep, ...]) -> tuple[str, ...]:
    """The chain with its amounts, for people."""
    shown = (f"{s.effect.replace('_', ' ')} {', '.join(f'{k} {v:g}' for k, v in s.parameters.items())}" for s in steps)
    return (f"controls: {'; '.join(shown)}",)
