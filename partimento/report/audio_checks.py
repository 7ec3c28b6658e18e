"""Audio-level checks of time and pitch: independent analysis of the rendered sound against the plan.

Nothing here looks at the score. Where a fair measurement is not possible the line says so and why.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np

from partimento.audio.waveform import Waveform
from partimento.listen.chords import ChordSegment, recognise_chords
from partimento.listen.chroma import Chroma, chroma
from partimento.listen.key import find_key
from partimento.listen.onsets import OnsetEnvelope, onset_envelope, onset_times
from partimento.listen.spectrum import Sound
from partimento.listen.tempo import (
    COMPOUND_PULSES,
    SIMPLE_PULSES,
    Beats,
    TempoComb,
    refine_tempo,
    track_beats,
)
from partimento.metrics import key_score
from partimento.metrics.chord_overlap import Span, majmin_overlap
from partimento.metrics.tempo_accuracy import folded
from partimento.plan.plan import Plan
from partimento.plan.result import Finding, Performance
from partimento.report.grid import PlanGrid, asked_chords
from partimento.report.harmony_checks import COMPING_ROLES
from partimento.report.level_checks import check_levels
from partimento.report.wording import finding, source, tempo_text
from partimento.score.chord_names import harte
from partimento.score.timing import Key

TEMPO_TOLERANCE = 0.01
CLEAR_COMB = 0.45
CLEAR_BEATS = 0.6
CHORD_OVERLAP = 0.6
LAST_ONSET_SHARE = 0.85
_KEY_TIE = 0.1
_LOST_BEAT = 0.05
_NEIGHBOUR_TONES = 6
_LEAST_TEMPO_S = 8.0


class Hearing:
    """What was heard in a performance, each thing computed once.

    Args:
        plan: what was asked (only its grid is used to place questions in time).
        performance: the rendered piece.
    """

    def __init__(self, plan: Plan, performance: Performance) -> None:
        self.plan = plan
        self.performance = performance
        self.grid = PlanGrid(plan)
        self.sound = Sound(performance.audio)

    @cached_property
    def envelope(self) -> OnsetEnvelope:
        """Onset strength of the mix."""
        return onset_envelope(self.sound)

    @cached_property
    def beats(self) -> Beats:
        """Beats of the mix, heard at the level that was asked."""
        return track_beats(self.sound, _felt_bpm(self.plan), self.envelope)

    @cached_property
    def harmony_sound(self) -> Sound:
        """The comping stems together, when there are stems; else the mix."""
        names = [p.name for p in self.plan.parts if p.role in COMPING_ROLES and p.name in self.performance.stems]
        if not names:
            return self.sound
        first = self.performance.stems[names[0]]
        total = np.zeros(first.n_samples, np.float32)
        for name in names:
            mono = self.performance.stems[name].mono()
            total[: mono.size] += mono[: total.size]
        return Sound(Waveform(total, first.sample_rate))

    @cached_property
    def mix_chroma(self) -> Chroma:
        """Chroma of the mix."""
        return chroma(self.sound)

    @cached_property
    def harmony_chroma(self) -> Chroma:
        """Chroma of the comping stems (of the mix without stems)."""
        return self.mix_chroma if self.harmony_sound is self.sound else chroma(self.harmony_sound)

    @cached_property
    def clear_beats(self) -> Beats | None:
        """The beats where they are clear enough to carry chords."""
        return self.beats if self.beats.confidence > CLEAR_BEATS else None

    @cached_property
    def chords(self) -> tuple[ChordSegment, ...]:
        """Chords recognised in the mix."""
        return recognise_chords(self.sound, self.clear_beats, self.mix_chroma)

    @cached_property
    def harmony_chords(self) -> tuple[ChordSegment, ...]:
        """Chords recognised in the comping stems."""
        if self.harmony_sound is self.sound:
            return self.chords
        return recognise_chords(self.harmony_sound, self.clear_beats, self.harmony_chroma)


def check_audio(plan: Plan, performance: Performance) -> tuple[Finding, ...]:
    """All audio-level findings."""
    hearing = Hearing(plan, performance)
    return (
        *_tempo(hearing),
        *_chords(hearing),
        _key(hearing),
        _last_onset(hearing),
        *check_levels(plan, performance, hearing.grid, hearing.sound),
    )


def _felt_bpm(plan: Plan) -> float:
    """Tempo of the felt beat: dotted quarters in compound metres, quarters else."""
    return plan.tempo_bpm * (2.0 / 3.0 if plan.first_metre.is_compound else 1.0)


def has_drums(plan: Plan) -> bool:
    """True when a part keeps the beat on struck instruments."""
    return any(p.role in ("drums", "percussion") for p in plan.parts)


def comb_tempo(plan: Plan, sound: Sound, envelope: OnsetEnvelope, grid: PlanGrid) -> TempoComb:
    """Tempo by the comb search around the asked one, in quarter notes per minute at the plan's first tempo.

    With changes of tempo the onset strength is first laid out on the asked quarter notes; the comb then measures the
    ratio to what was asked over the whole piece.
    """
    pulses = COMPOUND_PULSES if any(m.metre.is_compound for m in plan.metre.value) else SIMPLE_PULSES
    if len(plan.tempo.value) == 1:
        return refine_tempo(sound, plan.tempo_bpm, pulses=pulses, envelope=envelope)
    quarters = grid.quarters_at(sound.duration_s)
    rate = 24.0  # frames per quarter note
    at_s = np.array([grid.seconds(q) for q in np.arange(0.0, quarters, 1.0 / rate)])
    frames = np.array([envelope.frame_at(t) for t in at_s])
    axis = np.arange(envelope.strength.size)
    warped = np.interp(frames, axis, envelope.strength).astype(np.float32)
    # One quarter note is a second of the new axis: the comb searches around 60.
    straight = replace(envelope, strength=warped, low=warped, rate_hz=rate)
    comb = refine_tempo(sound, 60.0, pulses=tuple(p for p in pulses if p <= 4), envelope=straight)
    return TempoComb(comb.bpm / 60.0 * plan.tempo_bpm, comb.strength)


def _tempo(hearing: Hearing) -> tuple[Finding, ...]:
    """Comb search around the asked tempo, and regression over tracked beats."""
    plan = hearing.plan
    asked, origin = tempo_text(plan), source(plan.tempo)
    if hearing.sound.duration_s < _LEAST_TEMPO_S:
        reason = f"shorter than {_LEAST_TEMPO_S:g} s"
        return (finding("tempo", asked, reason, "comb search", None, level="audio", origin=origin),)
    comb = comb_tempo(plan, hearing.sound, hearing.envelope, hearing.grid)
    off = comb.bpm / plan.tempo_bpm - 1.0
    clear = comb.strength >= CLEAR_COMB
    text = f"{comb.bpm:.2f} bpm, comb strength {comb.strength:.2f}"
    good: bool | None = abs(off) <= TEMPO_TOLERANCE if clear else None
    if not clear:
        text += ": no clear pulse near the asked tempo"
        contrary = _other_tempo(hearing)
        if contrary:
            good, text = False, f"{text}; {contrary}"
    how = "comb search ±6 % around the asked tempo in the Fourier transform of the onset strength"
    found = finding("tempo", asked, text, how, good, level="audio", origin=origin, value=comb.bpm)
    return found, _regression(hearing, asked, origin)


def _other_tempo(hearing: Hearing) -> str:
    """A clear tempo that was not asked, as text; empty when there is none."""
    if len(hearing.plan.tempo.value) > 1 or not has_drums(hearing.plan):
        return ""
    free = track_beats(hearing.sound, None, hearing.envelope)
    if free.confidence < CLEAR_BEATS or free.tempo_bpm <= 0:
        return ""
    bpm, _ = folded(_felt_bpm(hearing.plan), free.tempo_bpm)
    return f"beats at {free.tempo_bpm:.1f} bpm" if abs(bpm / _felt_bpm(hearing.plan) - 1.0) > 0.03 else ""


def _regression(hearing: Hearing, asked: str, origin: str) -> Finding:
    """Slope of the tracked beats."""
    plan, beats = hearing.plan, hearing.beats
    how = "regression over beats tracked by dynamic programming"
    control = "tempo (beats)"
    if len(plan.tempo.value) > 1:
        return finding(control, asked, "the tempo changes", how, None, level="audio", origin=origin)
    if beats.confidence < CLEAR_BEATS or len(beats.times_s) < 8:
        text = f"beats not clear (confidence {beats.confidence:.2f}, {len(beats.times_s)} beats)"
        return finding(control, asked, text, how, None, level="audio", origin=origin)
    bpm, factor = folded(_felt_bpm(plan), beats.tempo_bpm)
    quarter = bpm * plan.tempo_bpm / _felt_bpm(plan)
    text = f"{quarter:.2f} bpm" + (f" (beats counted {factor:g} times as fast)" if abs(factor - 1.0) > 1e-6 else "")
    text += f", jitter {1000 * beats.jitter_s:.0f} ms"
    off = abs(quarter / plan.tempo_bpm - 1.0)
    # Beats that stray by more than this share from their line were not all beats: the slope is then no measurement.
    lost = beats.jitter_s > _LOST_BEAT * 60.0 / beats.tempo_bpm
    return finding(
        control, asked, text, how, None if lost else off <= TEMPO_TOLERANCE, level="audio", origin=origin, value=quarter
    )


def asked_spans_s(plan: Plan, grid: PlanGrid, performance: Performance) -> list[Span]:
    """Asked chords in seconds with Harte labels; the composer's own where the plan gives none (empty without a score)."""
    length = grid.quarters_at(performance.audio.duration_s)
    spans = asked_chords(plan, grid, length)
    if spans is None:
        spans = performance.score.chords if performance.score else ()
    end_s = performance.audio.duration_s
    timed = [(grid.seconds(s.start), min(grid.seconds(s.end), end_s), harte(s.chord)) for s in spans]
    return [t for t in timed if t[1] > t[0]]


def _chords(hearing: Hearing) -> tuple[Finding, ...]:
    """Weighted major-minor overlap of recognised chords with the asked ones."""
    plan = hearing.plan
    reference = asked_spans_s(plan, hearing.grid, hearing.performance)
    given = plan.chords.value is not None
    origin = source(plan.chords) if given else "inferred"
    asked = f"{len(reference)} chord spans" + ("" if given else " (the composer's choice)")
    how = "templates on chroma and bass chroma with a Viterbi path; share of the time with the asked major or minor triad"
    if not reference or not any(p.role not in ("drums", "percussion") for p in plan.parts):
        reason = "no chords are asked" if not reference else "no pitched part"
        return (finding("chords", asked, reason, how, None, level="audio", origin=origin),)
    mix = majmin_overlap(reference, _spans(hearing.chords))
    if not any(p.role in COMPING_ROLES for p in plan.parts):
        text = f"{mix:.2f} of the time; nothing comps, a tune alone leaves its chords open"
        return (finding("chords", asked, text, how, None, level="audio", origin=origin, value=mix),)
    text, best = f"{mix:.2f} of the time in the mix", mix
    if hearing.harmony_sound is not hearing.sound:
        alone = majmin_overlap(reference, _spans(hearing.harmony_chords))
        text += f", {alone:.2f} in the comping stems"
        best = max(best, alone)
    return (finding("chords", asked, text, how, best >= CHORD_OVERLAP, level="audio", origin=origin, value=mix),)


def _spans(segments: tuple[ChordSegment, ...]) -> list[Span]:
    """Segments as plain spans."""
    return [(s.start_s, s.end_s, s.label) for s in segments]


def _key(hearing: Hearing) -> Finding:
    """Key profile of the mix."""
    plan = hearing.plan
    asked, origin = ", ".join(str(k.key) for k in plan.key.value), source(plan.key)
    how = "profile correlation of the chroma with time on the tonic and close"
    if len(plan.key.value) > 1:
        return finding("key", asked, "the key changes", how, None, level="audio", origin=origin)
    if not any(p.role not in ("drums", "percussion") for p in plan.parts):
        return finding("key", asked, "no pitched part", how, None, level="audio", origin=origin)
    found = find_key(hearing.sound, hearing.mix_chroma, hearing.chords)
    relation = key_score.relation(plan.first_key, found.key)
    score = key_score.weighted_score(plan.first_key, found.key)
    twin = Key(plan.first_key.tonic, "minor" if plan.first_key.is_minor else "major")
    behind = found.ranking[0][1] - dict(found.ranking)[twin]
    shared = len(set(twin.scale) & set(found.key.scale))
    text = f"{found.key}, strength {found.strength:.2f}"
    if relation == "same":
        good: bool | None = True
    elif relation != "other" or behind <= _KEY_TIE or shared >= _NEIGHBOUR_TONES:
        # Profiles do not tell neighbours apart well; the score-level line decides there.
        name = "neighbour" if relation == "other" else relation
        good, text = None, f"{text}: {name} of the asked key with {shared} common tones, {behind:.2f} ahead"
    else:
        good = False
    return finding("key", asked, text, how, good, level="audio", origin=origin, value=score)


def _last_onset(hearing: Hearing) -> Finding:
    """The last clear onset lies in the final 15 % where an ending was asked."""
    plan = hearing.plan
    times = onset_times(hearing.sound)
    how = "last peak of the onset strength"
    asked = plan.ending.value
    if times.size == 0:
        return finding("ending", asked, "no clear onset", how, None, level="audio", origin=source(plan.ending))
    share = float(times[-1]) / hearing.sound.duration_s
    good = share >= LAST_ONSET_SHARE if asked == "final" else None
    text = f"last onset at {100 * share:.1f} % of the duration"
    return finding("ending", asked, text, how, good, level="audio", origin=source(plan.ending), value=share)
