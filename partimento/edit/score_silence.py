"""``remove``, ``extract`` and ``mute_region``: parts fall silent, in a region or for good."""

from __future__ import annotations

from dataclasses import replace

from partimento.edit.change import Change, Piece
from partimento.edit.composing import bars_without, within, without, without_parts
from partimento.edit.contents import SoundStep
from partimento.edit.region import Span
from partimento.edit.targets import tracks_of
from partimento.errors import RequestError
from partimento.interpret.absence import keys_left_out
from partimento.plan.edit import EditOperation
from partimento.plan.plan import Origin, Plan, Value


def remove(piece: Piece, operation: EditOperation, span: Span) -> Change:
    """Take parts away, or pieces of the drum kit (``goes``).

    Raises:
        RequestError: nothing would be left of the piece.
    """
    if operation.goes:
        return _without_pieces(piece, operation, span)
    return _silenced(piece, tracks_of(operation.targets, piece.score), span, "removed")


def extract(piece: Piece, operation: EditOperation, span: Span) -> Change:
    """Leave only the targets."""
    kept = set(tracks_of(operation.targets, piece.score))
    names = tuple(t.name for t in piece.score.tracks if t.name not in kept)
    return _silenced(piece, names, span, "silent")


def mute_region(piece: Piece, operation: EditOperation, span: Span) -> Change:
    """Silence in a region: a stop of everything, of some parts, or of pieces of the drum kit (``goes``)."""
    if operation.goes:
        return _without_pieces(piece, operation, span)
    return _silenced(piece, tracks_of(operation.targets, piece.score), span, "muted")


def _without_pieces(piece: Piece, operation: EditOperation, span: Span) -> Change:
    """The kit without some of its pieces; where they never play again, nothing written later brings them back.

    Raises:
        RequestError: they do not play there.
    """
    pieces = operation.goes.split()
    keys = keys_left_out(pieces)
    spoken = " and ".join(p.replace("_", "-") for p in pieces)
    score, changed = piece.score, []
    for name in tracks_of(operation.targets, piece.score):
        track = score.track(name)
        gone = [n for n in within(track.notes, span) if n.pitch in keys]
        if track.is_drum and gone:
            left = tuple(n for n in track.notes if n.pitch not in keys or not span.start - 1e-6 <= n.start < span.end - 1e-6)
            if not left:
                raise RequestError(f"{name} plays nothing but {spoken}; remove {name} instead")
            score = score.with_track(replace(track, notes=left))
            changed.append(name)
    if not changed:
        raise RequestError(f"no {spoken} in {span}; name another piece of the kit or another place")
    plan = piece.plan
    if span.whole:
        there = {a.value for a in plan.absent}
        plan = replace(plan, absent=(*plan.absent, *(Value(p, Origin.SAID, operation.words) for p in pieces if p not in there)))
    lines = tuple(f"{name} without {spoken} in {span}" for name in changed)
    return Change(plan, score, tuple(changed), span=span, lines=lines)


def _silenced(piece: Piece, names: tuple[str, ...], span: Span, word: str) -> Change:
    """The stems are cut as sound (what rings into the span too), the notes are taken out of the score."""
    if not names:
        return Change(piece.plan, piece.score, span=span, lines=("nothing else plays",))
    if span.whole:
        if len(names) == len(piece.score.tracks):
            raise RequestError("nothing would be left; name the parts or the region that shall fall silent")
        plan, gone = piece.plan, set(names)
        score = replace(piece.score, tracks=tuple(t for t in piece.score.tracks if t.name not in gone))
        return Change(without_parts(plan, gone), score, span=span, lines=tuple(f"{name} {word}" for name in names))
    plan, score = piece.plan, piece.score
    for name in names:
        track = score.track(name)
        score = score.with_track(replace(track, notes=without(track.notes, span)))
        plan = inactive(plan, name, span, piece)
    # A part that has nothing left goes, unless what rings after the region is still its own.
    empty = {t.name for t in score.tracks if t.name in names and not t.notes and not _rings_outside(piece, t.name, span)}
    if empty and len(empty) < len(score.tracks):
        plan = without_parts(plan, empty)
        score = replace(score, tracks=tuple(t for t in score.tracks if t.name not in empty))
    step = SoundStep("mute", span.start, span.end)
    steps = {name: (step,) for name in names if name not in empty}
    return Change(plan, score, steps=steps, span=span, lines=tuple(f"{name} {word} in {span}" for name in names))


def inactive(plan: Plan, name: str, span: Span, piece: Piece) -> Plan:
    """The plan in which a part does not play in the bars of a span."""
    parts = []
    for part in plan.parts:
        if part.name == name:
            active = bars_without(part.active, span, piece.score)
            silent = not without(piece.score.track(name).notes, span)
            part = replace(part, active=() if silent else active or part.active)
        parts.append(part)
    return replace(plan, parts=tuple(parts))


def _rings_outside(piece: Piece, name: str, span: Span) -> bool:
    """True when a stem sounds before or after a span."""
    start, end = span.samples(piece.sample_rate)
    samples = piece.stems[name].samples
    return bool(samples[:, :start].any() or samples[:, end:].any())
