"""An edit plan done on a recording: what signal processing does well, and one line on what does the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from partimento.audio.waveform import Waveform
from partimento.edit.change import Kept
from partimento.edit.contents import Contents
from partimento.edit.execute import Edited, confined
from partimento.edit.recording_change import Operation, Outcome, measured, seam_db, through
from partimento.edit.recording_ear import Ear
from partimento.edit.recording_effect import effect
from partimento.edit.recording_length import extend, trim
from partimento.edit.recording_level import dynamics, fade, gain, mute
from partimento.edit.recording_region import Stretch, resolve_heard
from partimento.edit.recording_shift import set_key, set_tempo, transpose
from partimento.edit.score_hold import DEFAULT_FACTOR
from partimento.errors import RequestError, UnsupportedError
from partimento.plan.edit import EditOperation, EditPlan, EditRequest, Region
from partimento.plan.result import Finding, Report

TRACK = "mix"
"""Name of the only stem of a recording."""
OPERATIONS: dict[str, Operation] = {
    "gain": gain,
    "fade": fade,
    "mute_region": mute,
    "dynamics": dynamics,
    "set_tempo": set_tempo,
    "transpose": transpose,
    "set_key": set_key,
    "effect": effect,
    "trim": trim,
    "extend": extend,
}
"""What can be done to a recording."""
_SEPARATION = "it would need separating the recording into its instruments, which is not built in"
_GENERATE = "a piece made by `partimento generate` has the score that this needs"
_REFUSED = {
    "add": f"an instrument cannot be composed into a recording: its chords are heard only roughly; {_GENERATE}",
    "remove": f"one instrument cannot be taken out of a recording: {_SEPARATION}; a place (bars, seconds) can be silenced",
    "extract": f"one instrument cannot be taken out of a recording: {_SEPARATION}",
    "replace": f"an instrument in a recording cannot be exchanged: {_SEPARATION}, and a model that plays it anew; {_GENERATE}",
    "set_chords": f"the chords of a recording cannot be rewritten; {_GENERATE}",
    "set_metre": f"the metre of a recording cannot be changed; {_GENERATE}",
    "jazzier": f"jazzier is harmony and swing, which a recording does not let change; {_GENERATE}",
    "trade": f"two instruments in a recording cannot change places: {_SEPARATION}; {_GENERATE}",
    "pan": f"one instrument of a recording cannot be panned: {_SEPARATION}; {_GENERATE}",
    "copy": f"bars of a recording cannot be played again elsewhere, only right behind themselves; {_GENERATE}",
    "move": f"bars of a recording cannot be put elsewhere; {_GENERATE}",
    "restyle": "a recording cannot be played in another style: that needs a language model of audio, which `edit` does not run; "
    + _GENERATE,
    "vary": f"a recording cannot be varied: that needs a language model of audio, which `edit` does not run; {_GENERATE}",
}
_EXACT = frozenset({"mute_region", "trim", "fade", "remove"})
_WHOLE = frozenset({"all", "*", "", TRACK, "recording"})
_CLICK_LIMIT_DB = 6.0
_HOW = "every sample compared with the source's"


@dataclass(frozen=True)
class EditedRecording(Edited):
    """A finished edit of a recording.

    Attributes:
        kept: which samples of the recording are in the new one unchanged.
    """

    kept: tuple[Kept, ...] = ()


def contents_of_recording(wave: Waveform) -> Contents:
    """A recording as the contents of a version: one stem, no score."""
    return Contents(None, None, None, Report(()), {TRACK: wave})


def execute_recording(
    contents: Contents, plan: EditPlan, request: EditRequest, *, on_stage: Callable[[str], None] | None = None
) -> EditedRecording:
    """Do the operations of a plan on a recording, in order.

    Args:
        contents: with one stem and no score; it is not changed.
        plan: what to do.
        request: its bars and seconds overrule the plan's regions.
        on_stage: told each operation's name as it begins.

    Raises:
        RequestError: a region that is not there, amounts out of range. UnsupportedError: what a recording does not let do.
    """
    if not plan.operations:
        raise RequestError("the plan has no operation; nothing to do")
    asked = [_doable(confined(operation, request)) for operation in plan.operations]
    tell = on_stage or (lambda _name: None)
    source = contents.mix
    ear = Ear(source)
    kept: tuple[Kept, ...] = (Kept(0, 0, source.n_samples),)
    findings: list[Finding] = []
    lines: list[str] = []
    for operation in asked:
        tell(operation.op)
        where = resolve_heard(operation.region, ear, exact=operation.op in _EXACT)
        done = OPERATIONS[operation.op](ear, operation, where)
        findings += [_done(operation, done, where), *done.findings, *_changed(ear, done, where)]
        lines += done.lines
        kept = through(kept, done.kept)
        ear = Ear(done.wave)
    tell("report")
    findings.append(_unchanged(source, ear.wave, kept))
    report = Report(tuple(findings))
    after = replace(contents, stems={TRACK: ear.wave}, report=report)
    return EditedRecording(after, tuple(lines), report, kept)


def places(wave: Waveform, plan: EditPlan, request: EditRequest) -> tuple[str, ...]:
    """Where in a recording each operation of a plan would apply, one line each; those on all of it are left out.

    Raises:
        PartimentoError: what the edit would be refused with, as far as that can be told beforehand.
    """
    ear = Ear(wave)
    lines = []
    for operation in (_doable(confined(asked, request)) for asked in plan.operations):
        where = resolve_heard(operation.region, ear, exact=operation.op in _EXACT)
        if operation.region.kind != "all":
            lines.append(f"{operation.op.replace('_', ' ')}: {where}" + (f" [{where.how}]" if where.how else ""))
    return tuple(lines)


def _doable(operation: EditOperation) -> EditOperation:
    """The operation as it can be done on one sound.

    Raises:
        UnsupportedError: it cannot; the line names what could.
    """
    named = [t for t in operation.targets if t.strip().lower() not in _WHOLE]
    if operation.op == "remove" and not named and operation.region.kind != "all":
        return replace(operation, op="mute_region")
    if operation.op == "dynamics" and operation.value == "held":
        return _held(operation)
    if operation.op in _REFUSED or operation.value in _REFUSED:
        raise UnsupportedError(_REFUSED.get(operation.op) or _REFUSED[operation.value])
    if operation.op not in OPERATIONS:
        raise UnsupportedError(f"'{operation.op}' cannot be done on a recording; there are: {', '.join(OPERATIONS)}")
    if named:
        raise UnsupportedError(
            f"'{', '.join(named)}' cannot be treated alone in a recording: {_SEPARATION}; leave the name out to treat everything"
        )
    return operation


def _held(operation: EditOperation) -> EditOperation:
    """A last note that is held: the notes of a recording cannot be longer by themselves, so its last bar is stretched.

    Raises:
        UnsupportedError: so many bars, beats or seconds are asked for, or only one instrument.
    """
    if operation.unit not in ("", "factor") or any(t.strip().lower() not in _WHOLE for t in operation.targets):
        raise UnsupportedError(
            f"a note of a recording can only be held by stretching its last bar: say twice as long; {_GENERATE}"
        )
    region = Region("last_bars", 1.0) if operation.region.kind == "all" else operation.region
    return replace(
        operation, op="set_tempo", region=region, amount=1.0 / (operation.amount or DEFAULT_FACTOR), unit="factor", value=""
    )


def _done(operation: EditOperation, done: Outcome, where: Stretch) -> Finding:
    """The line of an operation."""
    asked = " ".join(operation.words) or " ".join(str(x) for x in (operation.op, operation.value, operation.amount or "") if x)
    heard = "; ".join(done.lines) + (f" [{where.how}]" if where.how else "")
    return Finding(f"edit: {operation.op}", asked, heard, "what was done", "pass", "audio", "said")


def _changed(before: Ear, done: Outcome, where: Stretch) -> list[Finding]:
    """Which stretch differs, whether it lies in the region, and whether its seams click."""
    old, new = before.wave, done.wave
    if old.n_samples != new.n_samples:
        text = f"{old.duration_s:.2f} → {new.duration_s:.2f} s"
        return [measured("changed", str(where), text, "samples counted", True)]
    differs = np.flatnonzero((old.samples != new.samples).any(axis=0))
    if len(differs) == 0:
        return [measured("changed", str(where), "nothing", _HOW, None)]
    first, last = int(differs[0]), int(differs[-1]) + 1
    inside = where.start <= first and last <= where.end
    rate = new.sample_rate
    text = f"{first / rate:.2f}–{last / rate:.2f} s" if where.whole else before.bars_text(first, last)
    found = [measured("changed", str(where), text, _HOW, inside)]
    seams = [at for at in (where.start, where.end) if 0 < at < new.n_samples]
    if seams:
        worst = max(seam_db(new, at, old, (at,)) for at in seams)
        how = "sharpest bend at the seam against those of the half second around, less the source's own"
        found.append(measured("seams", "no click", f"{worst:+.1f} dB", how, worst <= _CLICK_LIMIT_DB, worst))
    return found


def _unchanged(source: Waveform, after: Waveform, kept: tuple[Kept, ...]) -> Finding:
    """What stayed bit-identical, in seconds."""
    rate = source.sample_rate
    if not kept:
        return measured("bit-identical", "what was not named", "nothing: the whole recording was to change", _HOW, None)
    same = all(np.array_equal(source.samples[:, k.old : k.old + k.n], after.samples[:, k.new : k.new + k.n]) for k in kept)
    where = []
    for k in kept:
        moved = "" if k.old == k.new else f" (from {k.old / rate:.2f} s)"
        where.append(f"{k.new / rate:.2f}–{(k.new + k.n) / rate:.2f} s{moved}")
    share = 100.0 * sum(k.n for k in kept) / max(1, after.n_samples)
    text = f"{share:.0f} % of the samples: {', '.join(where)}" if same else "what should stay differs"
    return measured("bit-identical", "what was not named", text, _HOW, same, share)
