"""Tracks → stems as the first mix made them: same level, same place, same room, same later treatment."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from partimento.audio import effects
from partimento.audio.fades import fade_curve
from partimento.audio.waveform import Waveform
from partimento.edit.change import Kept, Piece, splice
from partimento.edit.contents import EffectStep, Sound, SoundStep, StemSound
from partimento.score.score import Score

_MUTE_FADE_S = 0.01
_COMPARED_S = 10.0


def dry(piece: Piece, score: Score, name: str) -> Waveform:
    """A track as the sampler plays it."""
    from partimento.score.sampler import render_tracks

    font = piece.request.soundfont if piece.request is not None else None
    return render_tracks(score, font, piece.sample_rate, [name])[name]


def common_gain_of(piece: Piece, name: str) -> float:
    """The mix's common gain (dB), found by rendering an untreated stem again and comparing; 0 for silence."""
    from partimento.score.mix import stem_before_common_gain

    placed = stem_before_common_gain(piece.score, name, dry(piece, piece.score, name)).samples
    size = min(placed.shape[1], round(_COMPARED_S * piece.sample_rate))
    at = max(0, min(int(np.argmax(np.abs(placed[0]))) - size // 2, placed.shape[1] - size))
    part = placed[:, at : at + size].astype(np.float64)
    stem = piece.stems[name].samples[:, at : at + size].astype(np.float64)
    energy, shared = float((part**2).sum()), float((part * stem).sum())
    return 20.0 * float(np.log10(shared / energy)) if energy > 1e-12 and shared > 0.0 else 0.0


def with_common_gain(piece: Piece, sound: Sound | None) -> Sound:
    """The sound record with the common gain filled in; the track with the fewest notes is the quickest to compare."""
    found = sound or Sound()
    if found.common_gain_db is not None:
        return found
    audible = [t for t in piece.score.tracks if t.notes and t.name in piece.stems and t.name not in found.stems]
    if not audible:
        return replace(found, common_gain_db=0.0)
    shortest = min(audible, key=lambda t: (len(t.notes), t.name))
    return replace(found, common_gain_db=common_gain_of(piece, shortest.name))


def with_level(piece: Piece, sound: Sound, name: str) -> Sound:
    """The record with the level that a stem of the parent has, so that new bars match the old ones."""
    from partimento.score.mix import level_gain_db

    known = sound.stems.get(name, StemSound())
    if known.level_db is not None:
        return sound
    track = piece.score.track(name)
    level_db = level_gain_db(track, dry(piece, piece.score, name)) + (sound.common_gain_db or 0.0)
    return replace(sound, stems={**sound.stems, name: replace(known, level_db=level_db)})


def render_stem(piece: Piece, score: Score, name: str, sound: Sound) -> Waveform:
    """A stem made again, with everything that was done to it as sound."""
    from partimento.score.mix import level_gain_db, stem_before_common_gain

    wave = dry(piece, score, name)
    known = sound.stems.get(name, StemSound())
    level_db = known.level_db
    if level_db is None:
        level_db = level_gain_db(score.track(name), wave) + (sound.common_gain_db or 0.0)
    placed = stem_before_common_gain(score, name, wave, level_db=level_db)
    return apply_steps(placed, known.steps, score)


def apply_steps(wave: Waveform, steps: tuple[SoundStep, ...], score: Score) -> Waveform:
    """A stem after some changes of its sound."""
    for step in steps:
        wave = _applied(wave, step, score)
    return wave


def _applied(wave: Waveform, step: SoundStep, score: Score) -> Waveform:
    """One change; outside its stretch the samples stay."""
    seconds = score.tempo_map.seconds
    start = 0 if step.start is None else round(seconds(step.start) * wave.sample_rate)
    at_end = step.end is None or step.end >= score.length - 1e-6
    end = wave.n_samples if at_end or step.end is None else min(wave.n_samples, round(seconds(step.end) * wave.sample_rate))
    if end <= start:
        return wave
    samples = wave.samples.copy()
    if step.kind in ("fade_in", "fade_out"):
        curve = fade_curve(end - start)
        samples[:, start:end] *= curve if step.kind == "fade_in" else curve[::-1]
        if step.kind == "fade_out":
            samples[:, end:] = 0.0
        return Waveform(samples, wave.sample_rate)
    if step.kind == "mute":
        n = min(round(_MUTE_FADE_S * wave.sample_rate), (end - start) // 2)
        samples[:, start + (n if start else 0) : end - (n if end < wave.n_samples else 0)] = 0.0
        if start:
            samples[:, start : start + n] *= fade_curve(n)[::-1]
        if end < wave.n_samples:
            samples[:, end - n : end] *= fade_curve(n)
        return Waveform(samples, wave.sample_rate)
    changed = chain(wave, step.effects)
    outside = tuple(k for k in (Kept(0, 0, start), Kept(end, end, wave.n_samples - end)) if k.n > 0)
    return splice(wave, changed, outside)


def chain(wave: Waveform, steps: tuple[EffectStep, ...]) -> Waveform:
    """A sound through a chain of effects with final parameters."""
    samples = wave.samples
    for step in steps:
        if step.effect == "gain":
            samples = samples * np.float32(10.0 ** (step.parameters["gain_db"] / 20.0))
        else:
            samples = getattr(effects, step.effect)(samples, wave.sample_rate, **step.parameters)
    return Waveform(np.asarray(samples, np.float32), wave.sample_rate)
