"""Who plays when, who must not, in what order, within what range; sketches kept. Recomputed from the notes."""

from __future__ import annotations

from collections import Counter

from partimento.interpret.absence import excludes, keys_left_out
from partimento.plan.plan import BarRange, Order, PartPlan, Plan
from partimento.plan.result import Finding
from partimento.report.grid import PlanGrid
from partimento.report.wording import bars, finding, percent, pitch_name, some
from partimento.score.instruments import instruments
from partimento.score.score import Note, Score, Track

ENTRY_BARS = 2
PICKUP = 1.0  # quarter notes: an upbeat or a slide into the first bar of an entrance
_NOTE_TOLERANCE = 1e-3


def check_parts(plan: Plan, score: Score, grid: PlanGrid) -> tuple[Finding, ...]:
    """Findings on every part, ban, order, range, solo and sketch."""
    out = [_part(part, score, grid) for part in plan.parts]
    out.append(_no_others(plan, score))
    out += [_absent(str(a.value), str(a.origin), plan, score) for a in plan.absent]
    out += [
        finding(
            f"instrument: {u.value}", "played", "no instrument here plays it", "instrument table", False, origin=str(u.origin)
        )
        for u in plan.unplayed
    ]
    out += [_order(order, plan, score) for order in plan.orders]
    out += [_solo(part, score, grid) for part in plan.parts if part.solo]
    out += [_gain(part, score) for part in plan.parts if part.gain_db]
    out.append(_ranges(score))
    out += [_sketch(i, track, plan, score) for i, track in enumerate(plan.sketch)]
    return tuple(out)


def _find(score: Score, name: str) -> Track | None:
    """The track of that name."""
    return next((t for t in score.tracks if t.name == name), None)


def _clipped(ranges: tuple[BarRange, ...], n_bars: int) -> list[BarRange]:
    """Ranges inside the piece."""
    inside = [BarRange(r.start_bar, min(r.end_bar, n_bars)) for r in ranges]
    return [r for r in inside if r.end_bar > r.start_bar]


def _part(part: PartPlan, score: Score, grid: PlanGrid) -> Finding:
    """Is the part there, the right instrument, playing where it shall and silent elsewhere?"""
    control = f"instrument: {part.instrument}" + ("" if part.name == part.instrument else f" ({part.name})")
    ranges = _clipped(part.active, score.n_bars)
    asked = f"{part.role}, {bars(ranges)}" if ranges else part.role
    how = f"a note within the first {ENTRY_BARS} bars of each range, none outside"
    track = _find(score, part.name)
    if track is None:
        return finding(control, asked, "no such track", how, False, origin=str(part.origin))
    faults = _wrong_instrument(part, track)
    late = []
    for span in ranges:
        start, end = grid.quarters(span.start_bar) - PICKUP, grid.quarters(min(span.start_bar + ENTRY_BARS, span.end_bar))
        if not any(start - 1e-6 <= n.start < end - 1e-6 for n in track.notes):
            late.append(bars([span]))
    if late:
        faults.append("nothing at the start of " + some(late))
    outside = [n for n in track.notes if not _inside(n, ranges, grid)]
    if outside:
        faults.append(f"{len(outside)} notes outside, first in bar {int(grid.bar(outside[0].start + 1e-6)) + 1}")
    if not track.notes and not ranges and not faults:
        return finding(control, f"{part.role}, silent", "no notes", how, True, origin=str(part.origin), value=0)
    heard = "; ".join(faults) or f"{len(track.notes)} notes, first in bar {int(grid.bar(track.notes[0].start + 1e-6)) + 1}"
    return finding(control, asked, heard, how, not faults, origin=str(part.origin), value=len(track.notes))


def _inside(note: Note, ranges: list[BarRange], grid: PlanGrid) -> bool:
    """True when the note starts in one of the ranges or is an upbeat to one."""
    return any(grid.quarters(r.start_bar) - PICKUP - 1e-6 <= note.start < grid.quarters(r.end_bar) - 1e-6 for r in ranges)


def _wrong_instrument(part: PartPlan, track: Track) -> list[str]:
    """Deviations of the track's sound from the part's."""
    row = instruments()[part.instrument]
    program = part.program if part.program is not None else row.program
    if track.is_drum != row.is_drum:
        return ["a drum track" if track.is_drum else "not a drum track"]
    if not track.is_drum and track.program != program:
        return [f"program {track.program} instead of {program}"]
    if track.is_drum and row.role == "percussion":
        foreign = sorted({n.pitch for n in track.notes} - set(row.keys))
        if foreign:
            return [f"drum keys {foreign} are not {part.instrument}"]
    return []


def _no_others(plan: Plan, score: Score) -> Finding:
    """No track that the plan does not have."""
    extra = [t.name for t in score.tracks if all(t.name != p.name for p in plan.parts)]
    heard = f"{len(score.tracks)} parts" + (f"; not planned: {some(extra)}" if extra else "")
    return finding(
        "parts", f"{len(plan.parts)} parts", heard, "tracks of the score", not extra, origin="inferred", value=len(score.tracks)
    )


def _absent(word: str, origin: str, plan: Plan, score: Score) -> Finding:
    """No sounding track of that instrument, group or role."""
    sounding = [t for t in score.tracks if t.notes]
    if word == "*":
        # An inferred part that carries the user's words stands in for something said (an ensemble, a missing patch).
        wished = {p.name for p in plan.parts if str(p.origin) in ("given", "said") or p.words}
        found = [t.name for t in sounding if t.name not in wished]
        asked = "nothing but what was said"
    else:
        found = [t.name for t in sounding if excludes(word, t.instrument, t.role)]
        # A kit hides under any name: what plays drum keys of a kit is drums.
        if word == "drums":
            found += [t.name for t in sounding if t.is_drum and t.role == "drums" and t.name not in found]
        keys = keys_left_out([word])
        found += [t.name for t in sounding if t.is_drum and any(n.pitch in keys for n in t.notes)]
        asked = f"no {word}"
    heard = f"plays: {some(found)}" if found else "not there"
    return finding(f"absent: {word}", asked, heard, "instruments and roles of the tracks with notes", not found, origin=origin)


def _order(order: Order, plan: Plan, score: Score) -> Finding:
    """First onset of ``then`` later than that of ``first``."""
    first, then = (_first_onset(word, other, score) for word, other in ((order.first, order.then), (order.then, order.first)))
    label = {"*": "everything else"}
    asked = f"{label.get(order.first, order.first)} before {label.get(order.then, order.then)}"
    if first is None or then is None:
        missing = order.first if first is None else order.then
        # What no instrument here can play has its own line; its order cannot be judged.
        good = None if any(u.value in (order.first, order.then) for u in plan.unplayed) else False
        return finding(f"order: {order.then}", asked, f"{missing} does not play", "first onsets", good, origin="said")
    heard = f"bars {score.bar_at(first) + 1} and {score.bar_at(then) + 1}"
    return finding(f"order: {order.then}", asked, heard, "first onsets", then > first + 1e-6, origin="said", value=then - first)


def _first_onset(word: str, other: str, score: Score) -> float | None:
    """First onset of what a word names; ``*`` is everything that ``other`` does not name."""
    if word == "*":
        named = _named(other, score)
        starts = [t.notes[0].start for t in score.tracks if t.notes and t not in named]
    else:
        starts = [t.notes[0].start for t in _named(word, score)]
    return min(starts) if starts else None


def _named(word: str, score: Score) -> list[Track]:
    """Sounding tracks that a word names: of that very instrument, else of that role or group."""
    sounding = [t for t in score.tracks if t.notes]
    exact = [t for t in sounding if t.instrument == word]
    return exact or [t for t in sounding if excludes(word, t.instrument, t.role)]


def _solo(part: PartPlan, score: Score, grid: PlanGrid) -> Finding:
    """In its solo a part plays through and no other melodic part plays more."""
    ranges = _clipped(part.solo, score.n_bars)
    control, asked = f"solo: {part.name}", bars(ranges) if ranges else "outside the piece"
    track = _find(score, part.name)
    if track is None or not ranges:
        return finding(
            control, asked, "no such track" if ranges else "no such bars", "notes in the solo", False, origin=str(part.origin)
        )
    wanted = [b for r in ranges for b in range(r.start_bar, r.end_bar)]
    own = _bars_with_notes(track, grid, wanted)
    rivals = {
        t.name: len(_notes_in(t, grid, wanted))
        for t in score.tracks
        if t.role in ("melody", "counter") and t.name != part.name and not t.is_drum
    }
    most = max(rivals.values(), default=0)
    count = len(_notes_in(track, grid, wanted))
    good = own >= 0.6 * len(wanted) and (track.is_drum or count > most)
    heard = f"plays in {own} of {len(wanted)} bars, {count} notes (next {most})"
    return finding(
        control, asked, heard, "notes in the solo against the other melodic parts", good, origin=str(part.origin), value=count
    )


def _notes_in(track: Track, grid: PlanGrid, wanted: list[int]) -> list[Note]:
    """Notes that start in the given bars."""
    inside = set(wanted)
    return [n for n in track.notes if int(grid.bar(n.start + 1e-6)) in inside]


def _bars_with_notes(track: Track, grid: PlanGrid, wanted: list[int]) -> int:
    """How many of the bars have a sounding note."""
    sounding: set[int] = set()
    for note in track.notes:
        sounding.update(range(int(grid.bar(note.start + 1e-6)), int(grid.bar(note.end - 1e-3)) + 1))
    return sum(b in sounding for b in wanted)


def _gain(part: PartPlan, score: Score) -> Finding:
    """The asked level reached the track."""
    track = _find(score, part.name)
    heard = "no such track" if track is None else f"{track.gain_db:+g} dB"
    good = track is not None and abs(track.gain_db - part.gain_db) < 0.01
    return finding(f"level: {part.name}", f"{part.gain_db:+g} dB", heard, "gain of the track", good, origin=str(part.origin))


def _ranges(score: Score) -> Finding:
    """Every pitch within what its instrument can play."""
    faults: Counter[str] = Counter()
    total = 0
    for track in score.tracks:
        if track.is_drum or track.instrument not in instruments():
            continue
        low, high = instruments()[track.instrument].range
        total += len(track.notes)
        for note in track.notes:
            if not low <= note.pitch <= high:
                faults[f"{track.name} {pitch_name(note.pitch)}{note.pitch // 12 - 1}"] += 1
    bad = sum(faults.values())
    heard = f"{percent(1 - bad / total) if total else 'none'} of {total} notes inside"
    if faults:
        heard += ": " + some([f"{name} ({count}x)" for name, count in faults.most_common()])
    how = "pitches against the instrument table"
    return finding(
        "ranges",
        "playable pitches",
        heard,
        how,
        bad == 0 if total else None,
        origin="default",
        value=1 - bad / total if total else None,
    )


def _sketch(index: int, track: Track, plan: Plan, score: Score) -> Finding:
    """Every note of the user's sketch is in the score, at its place and length."""
    names = [p.name for p in plan.parts if p.sketch == index]
    tracks = [t for t in score.tracks if t.name in names] or list(score.tracks)
    have = Counter((round(n.start / _NOTE_TOLERANCE), n.pitch) for t in tracks for n in t.notes)
    lengths = {(round(n.start / _NOTE_TOLERANCE), n.pitch): n.duration for t in tracks for n in t.notes}
    notes = [n for n in track.notes if n.start < score.length - 1e-6]
    kept = exact = 0
    for note in notes:
        place = (round(note.start / _NOTE_TOLERANCE), note.pitch)
        if have[place] > 0:
            have[place] -= 1
            kept += 1
            exact += abs(lengths[place] - min(note.duration, score.length - note.start)) <= 0.02
    left_out = plan.sketch_left_out[index] if index < len(plan.sketch_left_out) else 0
    total = len(notes) + left_out
    share = kept / total if total else 1.0
    heard = f"{kept} of {total} notes at their place, {exact} with their length"
    if left_out:
        heard += f"; {left_out} left out, as the piece is shorter than the given notes"
    if len(notes) < len(track.notes):
        heard += f"; {len(track.notes) - len(notes)} lie after the end"
    good = kept == total == len(track.notes) and exact >= 0.95 * len(notes)
    return finding(f"sketch: {track.name}", "the given notes", heard, "place, pitch and length of each note", good, value=share)
