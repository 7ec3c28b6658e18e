"""``replace``: another instrument takes over a part's notes."""

from __future__ import annotations

import itertools
from dataclasses import replace as with_

from partimento.edit.change import Change, Piece
from partimento.edit.composing import bars_with, bars_without, merged, original_rngs, with_part, within, without, write_parts
from partimento.edit.contents import SoundStep
from partimento.edit.region import Span
from partimento.edit.targets import free_name, instrument_of, tracks_of
from partimento.errors import RequestError
from partimento.plan.edit import EditOperation
from partimento.plan.plan import Origin, PartPlan, Plan
from partimento.score.instruments import Instrument
from partimento.score.score import Note, Score, Track


def replace(piece: Piece, operation: EditOperation, span: Span) -> Change:
    """Let another instrument play what the targets play: same role, same onsets, folded into its range.

    A drum kit that becomes a pitched instrument (or the other way round) is written anew.

    Raises:
        RequestError: unknown instrument, or ``all`` as the target.
    """
    row = instrument_of(operation.instrument)
    names = tracks_of(operation.targets, piece.score)
    if not names or any(t in ("all", "*") for t in operation.targets):
        raise RequestError(f"say which part {row.en} shall replace; there are: {', '.join(t.name for t in piece.score.tracks)}")
    plan, score = piece.plan, piece.score
    rendered: list[str] = []
    steps: dict[str, tuple[SoundStep, ...]] = {}
    lines = []
    for name in names:
        track, part = score.track(name), plan.part(name)
        if track.instrument == row.id:
            raise RequestError(f"{name} is a {row.en} already; name another instrument")
        if not within(track.notes, span):
            raise RequestError(f"{name} plays nothing in {span}; name another part or region, or add a {row.en}")
        new = _new_part(part, row, score, operation, span)
        score, plan = _swap(piece, plan, score, part, new, row, span)
        rendered.append(new.name)
        if any(t.name == name for t in score.tracks):
            steps[name] = (SoundStep("mute", span.start, span.end),)
        lines.append(f"{name} → {new.name} in {span}")
    return Change(plan, score, tuple(dict.fromkeys(rendered)), steps, span=span, lines=tuple(lines))


def _new_part(part: PartPlan, row: Instrument, score: Score, operation: EditOperation, span: Span) -> PartPlan:
    """The part that comes in."""
    return PartPlan(
        free_name(row.en, {t.name for t in score.tracks}), row.id, part.role if not row.is_drum else row.role, Origin.SAID,
        part.active if span.whole else bars_with((), span), operation.words, f"replaces {part.name}",
        gain_db=part.gain_db, solo=part.solo if span.whole else (),
    )  # fmt: skip


def _swap(
    piece: Piece, plan: Plan, score: Score, part: PartPlan, new: PartPlan, row: Instrument, span: Span
) -> tuple[Score, Plan]:
    """Score and plan with the new part in the old one's place."""
    old = score.track(part.name)
    role = new.role
    if old.is_drum != row.is_drum:
        role = row.role
        new = with_(new, role=role)
        notes = within(write_parts(with_part(plan, new), score, (new.name,), original_rngs(piece))[new.name].notes, span)
    else:
        notes = folded(within(old.notes, span), row, role)
    track = Track(new.name, role, row.id, row.program, row.is_drum, merged((), notes, span), old.gain_db)
    rest = without(old.notes, span)
    # A part without a note left may still sound beside the region: a tail that rings on behind it stays what it was.
    stays = bool(rest) or _sounds_outside(piece, part.name, span)
    tracks: list[Track] = []
    for each in score.tracks:
        if each.name != part.name:
            tracks.append(each)
            continue
        if stays:
            tracks.append(with_(each, notes=rest))
        tracks.append(track)
    parts: list[PartPlan] = []
    for other in plan.parts:
        if other.name != part.name:
            parts.append(other)
            continue
        if stays:
            active = bars_without(other.active, span, score)
            parts.append(with_(other, active=active or other.active))
        parts.append(new)
    absent = tuple(a for a in plan.absent if a.value not in (row.id, role, "*"))
    orders = tuple(o for o in plan.orders if stays or part.instrument not in (o.first, o.then))
    return with_(score, tracks=tuple(tracks)), with_(plan, parts=tuple(parts), absent=absent, orders=orders)


def _sounds_outside(piece: Piece, name: str, span: Span) -> bool:
    """Whether a part's stem has a sample other than 0 outside the region of an edit."""
    if span.whole or name not in piece.stems:
        return False
    stem = piece.stems[name]
    before, after = (round(at_s * stem.sample_rate) for at_s in (span.start_s, span.end_s))
    return bool(stem.samples[:, :before].any() or stem.samples[:, after:].any())


def folded(notes: tuple[Note, ...], row: Instrument, role: str) -> tuple[Note, ...]:
    """Notes in an instrument's range, by octaves; one note at a time for an instrument that plays no chords.

    Args:
        notes: sorted.
        row: who plays them.
        role: basses keep the lowest of simultaneous notes, others the highest.
    """
    if row.is_drum or not notes:
        return notes
    if not row.poly:
        notes = _single(notes, lowest=role == "bass")
    low, high = row.range
    middle = sorted(n.pitch for n in notes)[len(notes) // 2]
    shifts = range(-60, 61, 12)
    outside = {s: sum(not low <= n.pitch + s <= high for n in notes) for s in shifts}
    best_middle = (row.best[0] + row.best[1]) / 2
    reach = (row.best[1] - row.best[0]) / 2

    def cost(shift: int) -> tuple[float, int, int]:
        strained = max(0.0, abs(middle + shift - best_middle) - reach)
        return (8.0 * outside[shift] / len(notes) + strained, abs(shift), shift)

    shift = min(shifts, key=cost)
    moved: dict[tuple[float, int], Note] = {}
    for note in notes:
        pitch = into_range(note.pitch + shift, low, high)
        moved.setdefault((note.start, pitch), with_(note, pitch=pitch))
    return tuple(sorted(moved.values(), key=lambda n: (n.start, n.pitch)))


def into_range(pitch: int, low: int, high: int) -> int:
    """A pitch moved by octaves into a range (the nearest octave to it where the range is narrower than one)."""
    while pitch > high and pitch - 12 >= 0:
        pitch -= 12
    while pitch < low and pitch + 12 <= 127:
        pitch += 12
    return min(max(pitch, 0), 127)


def _single(notes: tuple[Note, ...], *, lowest: bool) -> tuple[Note, ...]:
    """One note per onset, each let go when the next begins."""
    chosen: dict[float, Note] = {}
    for note in notes:
        at = round(note.start, 4)
        held = chosen.get(at)
        if held is None or (note.pitch < held.pitch if lowest else note.pitch > held.pitch):
            chosen[at] = note
    line = [chosen[at] for at in sorted(chosen)]
    cut = [with_(n, duration=min(n.duration, following.start - n.start)) for n, following in itertools.pairwise(line)]
    return (*cut, line[-1])
