"""Chords and key, recomputed from the notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from partimento.listen.key import rank_keys
from partimento.plan.plan import Plan
from partimento.plan.result import Finding
from partimento.report.grid import PlanGrid, asked_chords
from partimento.report.wording import finding, percent, pitch_name, some, source
from partimento.score.chord import Chord
from partimento.score.instruments import instruments
from partimento.score.score import ChordSpan, Note, Score, Track
from partimento.score.timing import Key

COMPING_ROLES = ("chords", "pad", "arpeggio", "bass")
CHORD_TONE_SHARE = 0.9
ANTICIPATION = 0.5  # quarter notes by which a note may come before its chord
TAIL = 0.25  # quarter notes by which a note may ring into the next chord
AT_ONCE = 0.125  # quarter notes within which a chord is struck
_WINDOW = 2.0  # quarter notes within which a chord must have shown itself
_SCALE_SHARE = 0.8
_LEAST_SCALE_SHARE = 0.7  # given chords may be chromatic, if the music comes home
_NEAR_BEST = 0.12  # correlation


@dataclass(frozen=True, slots=True)
class ChordPass:
    """One pass of an asked chord.

    Attributes:
        span: where and what.
        sounds: False when no comping note sounds in it.
        bass: pitch class of the lowest note where it starts, None when nothing sounds.
        bass_ok, third_ok: as asked.
    """

    span: ChordSpan
    sounds: bool
    bass: int | None
    bass_ok: bool
    third_ok: bool

    @property
    def there(self) -> bool:
        """True when bass and third are right."""
        return self.sounds and self.bass_ok and self.third_ok


def comping_tracks(score: Score) -> tuple[Track, ...]:
    """Pitched tracks that carry the harmony; all but the tune where no instrument plays chords (a quartet), else all."""
    pitched = tuple(t for t in score.tracks if not t.is_drum and t.role != "percussion" and t.notes)
    comping = tuple(t for t in pitched if t.role in COMPING_ROLES)
    if any(t.role != "bass" and instruments()[t.instrument].poly for t in comping if t.instrument in instruments()):
        return comping
    return tuple(t for t in pitched if t.role in (*COMPING_ROLES, "counter")) or pitched


def held_to_chords(tracks: Sequence[Track]) -> tuple[Track, ...]:
    """Comping tracks whose time must be chord tones: a countermelody may pass through others, unless it is all there is."""
    if any(t.role in ("chords", "pad", "arpeggio") for t in tracks):
        return tuple(t for t in tracks if t.role != "counter")
    return tuple(tracks)


def check_harmony(plan: Plan, score: Score, grid: PlanGrid) -> tuple[Finding, ...]:
    """Findings on chords and keys."""
    return (*_chords(plan, score, grid), *_keys(plan, score, grid))


def chord_passes(tracks: Sequence[Track], spans: Sequence[ChordSpan], others: Sequence[Track] = ()) -> tuple[ChordPass, ...]:
    """Look at every pass of every chord in the notes.

    Args:
        tracks: comping tracks; the lowest of them carries the bass.
        spans: the asked chords.
        others: further pitched tracks in which the third may sound.
    """
    comping, rest = _Notes(tracks), _Notes(others)
    return tuple(_one_pass(comping.until(span), span, rest.until(span)) for span in spans)


class _Notes:
    """Notes of some tracks by time."""

    def __init__(self, tracks: Sequence[Track]) -> None:
        self._notes = sorted((n for t in tracks for n in t.notes), key=lambda n: n.start)
        self._starts = np.array([n.start for n in self._notes])
        self._longest = max((n.duration for n in self._notes), default=0.0)

    def until(self, span: ChordSpan) -> list[Note]:
        """Notes that start before the end of the span and may reach into it."""
        low = int(np.searchsorted(self._starts, span.start - self._longest - 1e-6))
        return self._notes[low : int(np.searchsorted(self._starts, span.end - 1e-6))]


def _one_pass(notes: Sequence[Note], span: ChordSpan, others: Sequence[Note]) -> ChordPass:
    """Bass and third of one pass; all notes start before the end of the span."""
    length = span.end - span.start
    ring = min(TAIL, 0.25 * length)
    # Notes of the chord: they sound after the tails of the chord before are over.
    own = [n for n in notes if n.end > span.start + ring + 1e-6]
    if not own:
        return ChordPass(span, False, None, False, False)
    window = min(length, _WINDOW)
    early = [n for n in own if n.start < span.start + window - 1e-6] or own
    first = max(span.start, min(n.start for n in early))
    # A chord may be built up over half a quarter note: the lowest of what sounds by then carries it.
    lowest = min((n for n in early if n.start <= first + ANTICIPATION - 1e-6), key=lambda n: n.pitch)
    if lowest.pitch % 12 != span.chord.bass:
        lower = min(early, key=lambda n: n.pitch)  # oom-pah begun by the chord, or a late bass
        lowest = lower if lower.pitch < lowest.pitch else lowest
    third = span.chord.third
    until = span.start + max(window, _third_window(length)) - 1e-6
    heard = [n for n in (*own, *others) if n.start < until and n.end > span.start + ring + 1e-6]
    third_ok = third is None or any(n.pitch % 12 == third for n in heard)
    return ChordPass(span, True, lowest.pitch % 12, lowest.pitch % 12 == span.chord.bass, third_ok)


def _third_window(length: float) -> float:
    """Arpeggios take their time: the third must come in the first half of the chord."""
    return 0.5 * length


@dataclass(frozen=True, slots=True)
class StrictChord:
    """A chord judged by what sounds at its very start.

    Attributes:
        span: where and what.
        bass: the lowest of all pitched notes that sound there is the chord's bass.
        third: its third sounds there (True for a chord without one).
    """

    span: ChordSpan
    bass: bool
    third: bool

    @property
    def there(self) -> bool:
        """True when both are."""
        return self.bass and self.third


def strict_chords(plan: Plan, score: Score, grid: PlanGrid) -> tuple[StrictChord, ...]:
    """The asked chords by the issue's own words: "there if its bass and third sound where it starts".

    A note sounds there when it begins at the start (or within :data:`AT_ONCE`, as a strummed chord does) or before, and is
    held beyond it. Chords during which the plan silences all parts that comp, or all but the bass, are left out.
    """
    spans = asked_chords(plan, grid, score.length) or ()
    comping = [t for t in score.tracks if not t.is_drum and t.role != "percussion"]
    notes = _Notes(comping)
    found = []
    for span in spans:
        if span.end - span.start <= AT_ONCE or not _anyone_comps(plan, grid, span) or _only_bass(plan, grid, span):
            continue
        sounding = [n.pitch for n in notes.until(span) if n.start <= span.start + AT_ONCE and n.end > span.start + AT_ONCE]
        third = span.chord.third
        bass_ok = bool(sounding) and min(sounding) % 12 == span.chord.bass
        found.append(StrictChord(span, bass_ok, third is None or third in {p % 12 for p in sounding}))
    return tuple(found)


def chord_tone_share(tracks: Sequence[Track], spans: Sequence[ChordSpan]) -> float | None:
    """Share of comping time (note lengths under asked chords) that is chord tones, 0 to 1; None when there is none.

    The tail of a note after a chord change does not count; an anticipation counts for the chord to come.
    """
    good = total = 0.0
    starts = np.array([s.start for s in spans])
    for track in tracks:
        for note in track.notes:
            i = max(0, int(np.searchsorted(starts, note.start + 1e-9, side="right")) - 1)
            while i < len(spans) and spans[i].start < note.end - 1e-9:
                part_good, part = _tone_time(note, spans, i)
                good += part_good
                total += part
                i += 1
    return good / total if total > 0 else None


def _tone_time(note: Note, spans: Sequence[ChordSpan], i: int) -> tuple[float, float]:
    """Time of one note under one chord: (chord tone, all)."""
    span = spans[i]
    start, end = max(note.start, span.start), min(note.end, span.end)
    fits = _is_tone(note.pitch, span.chord)
    if note.start < span.start - 1e-9 and not fits and note.end <= span.start + TAIL + 1e-9:
        return 0.0, 0.0
    if end <= start:
        return 0.0, 0.0
    if not fits and i + 1 < len(spans):
        following = spans[i + 1]
        anticipates = note.start >= following.start - ANTICIPATION - 1e-9 and note.end > following.start + 1e-9
        if anticipates and _is_tone(note.pitch, following.chord):
            fits = True
    return (end - start if fits else 0.0), end - start


def _is_tone(pitch: int, chord: Chord) -> bool:
    """True for chord tones and the chord's bass."""
    return pitch % 12 == chord.bass or pitch % 12 in chord.pitch_classes


def _chords(plan: Plan, score: Score, grid: PlanGrid) -> tuple[Finding, ...]:
    """Is each chord there, and is comping made of chord tones?"""
    spans = asked_chords(plan, grid, score.length)
    given = spans is not None
    wanted = tuple(s for s in (spans if spans is not None else score.chords) if s.end - s.start > 0.05)
    origin = source(plan.chords) if given else "inferred"
    what = f"{len(wanted)} chord spans" + ("" if given else " (the composer's choice)")
    tracks = comping_tracks(score)
    if not wanted or not tracks:
        reason = "no chord spans" if not wanted else "no pitched notes"
        return (finding("chords", what, reason, "notes of the comping parts", None, origin=origin),)
    leading_only = all(t.role not in COMPING_ROLES for t in tracks)
    others = [t for t in score.tracks if t not in tracks and not t.is_drum and t.role != "percussion"]
    passes = chord_passes(tracks, wanted, others)
    sounding = [p for p in passes if p.sounds]
    there = sum(p.there for p in sounding)
    share = chord_tone_share(held_to_chords(tracks), wanted)
    if leading_only:
        text = "nothing comps; " + (f"{percent(share)} of the tune's time is chord tones" if share is not None else "")
        return (finding("chords", what, text, "notes of the tune", None, origin=origin, value=share),)
    planned_silence = [p for p in passes if not p.sounds and not _anyone_comps(plan, grid, p.span)]
    bass_alone = [p for p in sounding if p.bass_ok and not p.third_ok and _only_bass(plan, grid, p.span)]
    missing = [p for p in passes if not p.there and p not in planned_silence and p not in bass_alone]
    heard = f"{there} of {len(sounding) - len(bass_alone)} there"
    if bass_alone:
        heard += f", {len(bass_alone)} where the bass is alone by plan"
    if planned_silence:
        heard += f", {len(planned_silence)} where nothing comps by plan"
    if missing:
        heard += ": " + some([_fault(p, grid) for p in missing])
    judged = len(passes) - len(planned_silence) - len(bass_alone)
    value = there / judged if judged else None
    how = "the chord's bass sounds lowest and its third sounds where it starts"
    tones = f"{percent(share)} chord tones" if share is not None else "no comping note under a chord"
    least = f"at least {percent(CHORD_TONE_SHARE)} of comping time"
    return (
        finding("chords", what, heard, how, not missing if sounding else None, origin=origin, value=value),
        finding("chord tones", least, tones, "note lengths of chords, pad, arpeggio and bass under each chord",
                None if share is None else share >= CHORD_TONE_SHARE, origin=origin, value=share),
    )  # fmt: skip


def _only_bass(plan: Plan, grid: PlanGrid, span: ChordSpan) -> bool:
    """True when a part for chords exists and the plan keeps all of them silent here ("starts with bass, then …")."""
    first, last = int(grid.bar(span.start + 1e-6)), int(grid.bar(span.end - 1e-3))
    harmony = [p for p in plan.parts if p.role in COMPING_ROLES and p.role != "bass"]
    return bool(harmony) and not any(p.plays_in(bar) for p in harmony for bar in range(first, last + 1))


def _anyone_comps(plan: Plan, grid: PlanGrid, span: ChordSpan) -> bool:
    """True when the plan lets a comping part play in the bars of the span."""
    first, last = int(grid.bar(span.start + 1e-6)), int(grid.bar(span.end - 1e-3))
    comping = [p for p in plan.parts if p.role in COMPING_ROLES]
    return any(p.plays_in(bar) for p in comping for bar in range(first, last + 1))


def _fault(found: ChordPass, grid: PlanGrid) -> str:
    """What is wrong with a pass, for people."""
    where = f"bar {int(grid.bar(found.span.start + 1e-6)) + 1} {found.span.chord.symbol}"
    if not found.sounds:
        return f"{where}: silent"
    if not found.bass_ok:
        return f"{where}: bass {pitch_name(found.bass or 0)} instead of {pitch_name(found.span.chord.bass)}"
    return f"{where}: no {pitch_name(found.span.chord.third or 0)}"


def _keys(plan: Plan, score: Score, grid: PlanGrid) -> tuple[Finding, ...]:
    """One line per key of the lane."""
    lane = plan.key.value
    out = []
    for i, point in enumerate(lane):
        start = grid.quarters(point.bar)
        end = grid.quarters(lane[i + 1].bar) if i + 1 < len(lane) else score.length
        if start >= score.length - 1e-6:
            continue
        label = "key" if len(lane) == 1 else f"key from bar {point.bar + 1:g}"
        out.append(_one_key(label, point.key, score, (start, end), source(plan.key)))
    return tuple(out)


def _one_key(label: str, key: Key, score: Score, span: tuple[float, float], origin: str) -> Finding:
    """Scale share, profile rank and close of a stretch."""
    weights = _pitch_class_time(score, *span)
    how = "pitch classes by note length: share of the scale, profile correlation, bass at the close"
    if weights.sum() <= 0:
        return finding(label, str(key), "no pitched notes", how, None, origin=origin)
    scale = set(key.scale)
    if key.mode == "minor":  # melodic and harmonic minor raise the sixth and seventh degree
        scale |= {(key.tonic + 9) % 12, (key.tonic + 11) % 12}
    share = float(weights[list(scale)].sum() / weights.sum())
    ranking = rank_keys(weights)
    twin = Key(key.tonic, "minor" if key.is_minor else "major")
    rank = [k for k, _ in ranking].index(twin)
    behind = ranking[0][1] - ranking[rank][1]
    close = _closing_bass(score, *span)
    on_tonic = close == key.tonic
    at_home = on_tonic and rank <= 3
    near = rank == 0 or behind <= _NEAR_BEST or (at_home and share >= _LEAST_SCALE_SHARE)
    good: bool | None = near or (share >= _SCALE_SHARE and (on_tonic or rank <= 3))
    if not good and share >= _SCALE_SHARE and score.bar_at(span[1] - 1e-6) == score.bar_at(span[0]):
        good = None  # one bar of the scale's notes fits several keys
    heard = f"{percent(share)} of the scale; profile says {ranking[0][0]}"
    heard += f" ({twin} is number {rank + 1})" if rank else ""
    heard += f"; closes on {pitch_name(close)}" if close is not None else ""
    return finding(label, str(key), heard, how, good, origin=origin, value=share)


def _pitch_class_time(score: Score, start: float, end: float) -> NDArray[np.float64]:
    """Quarter notes of each pitch class between two positions."""
    weights = np.zeros(12)
    for track in score.tracks:
        if track.is_drum or track.role == "percussion":
            continue
        for note in track.notes:
            weights[note.pitch % 12] += max(0.0, min(note.end, end) - max(note.start, start))
    return weights


def _closing_bass(score: Score, start: float, end: float) -> int | None:
    """Pitch class of the lowest note of the last onset of the comping parts before ``end``."""
    notes = [n for t in comping_tracks(score) for n in t.notes if start <= n.start < end - 1e-6]
    if not notes:
        return None
    last = max(n.start for n in notes)
    return min(n.pitch for n in notes if n.end > last + 1e-6 and n.start <= last + 1e-6) % 12
