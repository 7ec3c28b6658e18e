"""A change of the score → new stems: only what is touched is rendered, and the rest keeps its samples."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from partimento.audio.exact import STEM_BITS, quantised
from partimento.audio.parallel import map_in_order
from partimento.audio.waveform import Waveform
from partimento.edit.ceiling import Gain, unclipped
from partimento.edit.change import Change, Kept, Piece, kept_outside, splice
from partimento.edit.contents import Contents, EffectStep, KnownMix, Sound, SoundStep, StemSound
from partimento.edit.rendering import apply_steps, render_stem, with_common_gain, with_level
from partimento.score.score import Note


def apply(contents: Contents, piece: Piece, change: Change) -> tuple[Contents, tuple[str, ...]]:
    """The contents after a change, and lines on what had to give way."""
    kept = change.kept
    if kept is None:
        n = round(change.score.duration_s * piece.sample_rate)
        kept = kept_outside(change.span, piece.sample_rate, n) if change.span is not None else ()
    with ThreadPoolExecutor(max_workers=1) as beside:
        beside.submit(_read_ahead, contents, change)  # a mistake in it shows where the same is read below
        sound = _sound_after(contents, piece, change, bool(kept))
        raw = _raw_stems(piece, change, kept, sound)
    silent = _silent(piece, change)
    moved_only = {t for t in raw if t not in change.rendered and change.kept is not None}

    def stems_at(gain: Gain) -> dict[str, Waveform]:
        """All stems, those that changed at a gain."""
        made: dict[str, Waveform] = {}
        for track in change.score.tracks:
            name = track.name
            if name not in raw:
                made[name] = piece.stems[name]
            elif name in moved_only:
                made[name] = raw[name] if name in change.steps else splice(piece.stems[name], raw[name], kept)
            else:
                old = piece.stems.get(name, silent)
                same = isinstance(gain, float) and gain == 1.0
                new = raw[name] if same else Waveform(raw[name].samples * np.float32(gain), piece.sample_rate)
                # What was only treated as sound keeps its samples outside by itself, with edges of its own.
                seams = name in change.rendered or not same
                made[name] = splice(old, new, kept) if seams and _reaches(old, kept) else new

        def on_grid(name: str) -> Waveform:
            """What is new gets the depth of rendered stems; what was there, wherever it moved to, stays."""
            if change.kept is not None:
                return quantised(made[name])
            if name not in change.treated:
                return quantised(made[name], STEM_BITS, piece.stems.get(name))
            return made[name] if change.rounded and made[name] is raw[name] else quantised(made[name], STEM_BITS)

        touched = [name for name in made if name in raw]
        return {**made, **dict(zip(touched, map_in_order(on_grid, touched), strict=True))}

    all_changed = change.kept is None and (change.span is None or change.span.whole) and len(raw) == len(change.score.tracks)
    touched = tuple(raw) if change.limits and change.kept is None else ()
    stems, mix, gain_db, limited_db = unclipped(stems_at, contents, all_changed, touched)
    if gain_db < 0.0:
        sound = _lowered(sound, [name for name in raw if name not in moved_only], gain_db, change)
    sound = replace(sound, stems={name: of for name, of in sound.stems.items() if name in stems})
    known = KnownMix(stems, lambda: mix)
    lines = [f"{', '.join(raw)} lowered by {-gain_db:.2g} dB so that the mix does not clip"] if gain_db < 0.0 else []
    lines += [f"short peaks of {', '.join(raw)} limited by up to {limited_db:.1f} dB"] if limited_db > 0.0 else []
    return Contents(contents.request, change.plan, change.score, contents.report, stems, sound, known), tuple(lines)


def _silent(piece: Piece, change: Change) -> Waveform:
    """Silence as long as the piece is after the change."""
    n = round(change.score.duration_s * piece.sample_rate)
    return Waveform(np.zeros((2, n), np.float32), piece.sample_rate)


def _read_ahead(contents: Contents, change: Change) -> None:
    """Read what the new stems are compared with while they are rendered: decoding keeps the other core busy."""
    after = {track.name for track in change.score.tracks}
    touched = {*change.rendered, *change.steps, *change.gains_db}
    if not change.rendered or change.kept is not None or after <= touched:
        return  # the parent's mix will not be asked for
    old = [stem for name, stem in contents.stems.items() if name in change.rendered or name not in after]
    for wave in (contents.mix, *old):
        wave.part(0, wave.n_samples)


def _raw_stems(piece: Piece, change: Change, kept: tuple[Kept, ...], sound: Sound) -> dict[str, Waveform]:
    """Every stem that changes, whole and not yet rounded; what lies outside the change is not yet the parent's."""
    raw: dict[str, Waveform] = {}
    for track in change.score.tracks:
        name = track.name
        if name in change.rendered:
            raw[name] = render_stem(piece, change.score, name, sound, change.span if kept and change.kept is None else None)
            if change.kept is not None:  # what was kept lies elsewhere in the parent: only what is new is rounded
                raw[name] = quantised(raw[name], STEM_BITS)
        elif change.kept is not None:
            raw[name] = _silent(piece, change)
            if name in change.steps:
                raw[name] = apply_steps(splice(piece.stems[name], raw[name], kept), change.steps[name], change.score)
        elif name in change.steps:
            done = change.treated.get(name)
            raw[name] = apply_steps(piece.stems[name], change.steps[name], change.score) if done is None else done
        elif name in change.gains_db:
            factor = np.float32(10.0 ** (change.gains_db[name] / 20.0))
            raw[name] = Waveform(piece.stems[name].samples * factor, piece.sample_rate)
    return raw


def _reaches(old: Waveform, kept: tuple[Kept, ...]) -> bool:
    """True when the old stem has the samples that shall be kept."""
    return bool(kept) and all(k.old + k.n <= old.n_samples for k in kept)


def _sound_after(contents: Contents, piece: Piece, change: Change, partly: bool) -> Sound:
    """The record of how stems are made, after a change."""
    sound = contents.sound or Sound()
    treated = set(sound.stems) | set(change.steps)
    # The common gain is found by comparing an untreated stem: at the latest when the last one is about to be treated.
    if change.rendered or not any(t.notes and t.name not in treated for t in change.score.tracks):
        sound = with_common_gain(piece, sound)
    for name in change.rendered:
        if (partly or change.holds_level) and name in piece.stems and piece.score.track(name).notes:
            sound = with_level(piece, sound, name)
    stems = dict(sound.stems)
    for name in change.rendered:
        if name in stems:
            notes = change.score.track(name).notes
            stems[name] = replace(stems[name], steps=tuple(s for s in stems[name].steps if not _hides(s, notes)))
    if change.moved is not None:
        move = change.moved
        for name, of in stems.items():
            stems[name] = replace(of, steps=tuple(_moved(step, move) for step in of.steps))
    for name, steps in change.steps.items():
        known = stems.get(name, StemSound())
        stems[name] = replace(known, steps=(*known.steps, *steps))
    for name, gain_db in change.gains_db.items():
        known = stems.get(name, StemSound())
        if known.level_db is not None:
            stems[name] = replace(known, level_db=known.level_db + gain_db)
    return replace(sound, stems=stems)


def _hides(step: SoundStep, notes: tuple[Note, ...]) -> bool:
    """True for a mute where something has been written since."""
    start, end = step.start or 0.0, float("inf") if step.end is None else step.end
    return step.kind == "mute" and any(start - 1e-6 <= n.start < end - 1e-6 for n in notes)


def _moved(step: SoundStep, move: Callable[[float], float]) -> SoundStep:
    """A step at its new place."""
    start = None if step.start is None else move(step.start)
    return replace(step, start=start, end=None if step.end is None else move(step.end))


def _lowered(sound: Sound, names: list[str], gain_db: float, change: Change) -> Sound:
    """The record after some stems had to be lowered where they changed."""
    partly = change.span is not None and not change.span.whole
    start, end = (change.span.start, change.span.end) if partly and change.span is not None else (None, None)
    step = SoundStep("effects", start, end, (EffectStep("gain", {"gain_db": gain_db}),))
    stems = dict(sound.stems)
    for name in names:
        known = stems.get(name, StemSound())
        stems[name] = replace(known, steps=(*known.steps, step))
    return replace(sound, stems=stems)
