"""Tracks → stems as the first mix made them: same level, same place, same room, same later treatment."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from partimento.audio import effects
from partimento.audio.effects.filters import BANDS, bands
from partimento.audio.fades import fade_curve
from partimento.audio.waveform import Waveform
from partimento.edit.change import Kept, Piece, splice
from partimento.edit.contents import EffectStep, Sound, SoundStep, StemSound
from partimento.edit.region import Span
from partimento.score.score import Score

_MUTE_FADE_S = 0.01
_COMPARED_S = 10.0
_LEAD_S = 4.0  # heard by an effect before its stretch begins, so that filters, gains and rooms are in their stride
_NEAR_S = 2.0  # for the room and for what is faded around a span


def dry(piece: Piece, score: Score, name: str, span: Span | None = None) -> Waveform:
    """A track as the sampler plays it; with a span, only what can be heard in it."""
    from partimento.score.sampler import render_tracks

    font = piece.request.soundfont if piece.request is not None else None
    if span is not None:
        score = _near(score, name, span)
    return render_tracks(score, font, piece.sample_rate, [name])[name]


def _near(score: Score, name: str, span: Span) -> Score:
    """The score with only those notes of a track that begin before the span ends and may still sound when it begins."""
    from partimento.score.sampler_envelope import MAX_TAIL_S

    seconds = score.tempo_map.seconds
    near = [
        note
        for note in score.track(name).notes
        if seconds(note.start) + note.nudge_s < span.end_s + _NEAR_S
        and seconds(note.end) + note.nudge_s + MAX_TAIL_S > span.start_s - _NEAR_S
    ]
    return replace(score, tracks=tuple(replace(t, notes=tuple(near)) if t.name == name else t for t in score.tracks))


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
    from partimento.score.mix import active_lufs, level_gain_db

    known = sound.stems.get(name, StemSound())
    if known.level_db is not None:
        return sound
    track = piece.score.track(name)
    wave = dry(piece, piece.score, name)
    level_db = level_gain_db(track, wave) + (sound.common_gain_db or 0.0)
    return replace(sound, stems={**sound.stems, name: replace(known, level_db=level_db, lufs=active_lufs(wave))})


def render_stem(piece: Piece, score: Score, name: str, sound: Sound, span: Span | None = None) -> Waveform:
    """A stem made again, with everything that was done to it as sound.

    Args:
        piece: holds the request.
        score: holds the track ``name``.
        name: of the track.
        sound: how the stem follows from the track.
        span: where it is needed; elsewhere it may be silent.
    """
    from partimento.score.mix import level_gain_db, stem_before_common_gain

    known = sound.stems.get(name, StemSound())
    level_db = known.level_db
    # Its loudness as a whole decides the level of a stem that has none yet.
    wave = dry(piece, score, name, span if level_db is not None else None)
    if level_db is None:
        level_db = level_gain_db(score.track(name), wave) + (sound.common_gain_db or 0.0)
    # A stretch alone would be rounded above its own loudness, not the stem's.
    lufs = known.lufs if span is not None else None
    placed = stem_before_common_gain(score, name, wave, level_db=level_db, lufs=lufs)
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
    if start == 0 and end == wave.n_samples:
        return chain(wave, step.effects)
    first = max(0, start - round(_LEAD_S * wave.sample_rate))
    samples[:, first:end] = chain(wave.part(first, end), step.effects).samples
    outside = tuple(k for k in (Kept(0, 0, start), Kept(end, end, wave.n_samples - end)) if k.n > 0)
    return splice(wave, Waveform(samples, wave.sample_rate), outside)


def chain(wave: Waveform, steps: tuple[EffectStep, ...]) -> Waveform:
    """A sound through a chain of effects with final parameters."""
    return Waveform(chained(wave, steps), wave.sample_rate)


def chained(wave: Waveform, steps: tuple[EffectStep, ...]) -> NDArray[np.float32]:
    """See :func:`chain`; always new samples, which may be changed. Neighbouring filters run in one pass."""
    samples = wave.samples
    for is_band, run in groupby(steps, key=lambda step: step.effect in BANDS):
        if is_band:
            samples = bands(samples, wave.sample_rate, [(step.effect, step.parameters) for step in run])
            continue
        for step in run:
            if step.effect == "gain":
                samples = samples * np.float32(10.0 ** (step.parameters["gain_db"] / 20.0))
            else:
                samples = getattr(effects, step.effect)(samples, wave.sample_rate, **step.parameters)
    samples = np.asarray(samples, np.float32)
    return samples.copy() if np.may_share_memory(samples, wave.samples) else samples
