"""``restyle`` and ``vary``: the same music played another way."""

from __future__ import annotations

from dataclasses import replace

from partimento.compose.arrange import perform
from partimento.edit.change import Change, Piece
from partimento.edit.composing import fresh_rngs, merged, new_chords, new_tune, original_rngs, sketch_of, within, write_parts
from partimento.edit.lanes import free_sketches
from partimento.edit.region import Span
from partimento.edit.score_chords import ACCOMPANYING, with_chords
from partimento.edit.targets import tracks_of
from partimento.errors import RequestError
from partimento.plan.edit import EditOperation
from partimento.plan.plan import Origin, Plan, Value
from partimento.score.score import ChordSpan, Score
from partimento.styles import style

_GROOVE = ("drums", "percussion")


def restyle(piece: Piece, operation: EditOperation, span: Span) -> Change:
    """Same tune, chords and parts in the style ``value``: new accompaniment, new feel.

    Raises:
        RequestError: unknown style.
    """
    chosen = style(operation.value)
    plan = piece.plan
    styled = replace(plan, style=Value(chosen.id, Origin.SAID, operation.words), style_label="")
    names = [n for n in tracks_of(operation.targets, piece.score) if any(p.name == n for p in plan.parts)]
    score = piece.score
    others = [n for n in names if score.track(n).role != "melody" and score.track(n).notes]
    written = write_parts(styled, score, others, original_rngs(piece)) if others else {}
    for name in others:
        track = score.track(name)
        program = written[name].program if span.whole else track.program
        score = score.with_track(replace(track, program=program, notes=merged(track.notes, written[name].notes, span)))
    leads = [n for n in names if score.track(n).role == "melody"]
    score = _replayed(piece, styled, score, leads, span)
    plan = free_sketches(styled if span.whole else plan, others)
    return Change(plan, score, (*leads, *others), span=span, lines=(f"{span} as {chosen.en}: {', '.join(names)}",))


def _replayed(piece: Piece, plan: Plan, score: Score, names: list[str], span: Span) -> Score:
    """The same notes with the loudness and timing of another style."""
    plain = score
    for name in names:
        track = score.track(name)
        notes = tuple(replace(n, velocity=80, nudge_s=0.0) for n in track.notes)
        plain = plain.with_track(replace(track, notes=notes))
    bare = replace(plan, parts=tuple(replace(p, sketch=None) if p.name in names else p for p in plan.parts))
    played = perform(plain, bare, sketch_of(plan, score), original_rngs(piece)[5])
    for name in names:
        track = score.track(name)
        score = score.with_track(replace(track, notes=merged(track.notes, played.track(name).notes, span)))
    return score


def vary(piece: Piece, operation: EditOperation, span: Span) -> Change:
    """Write the targets anew. What ``keep`` names stays: ``melody``, ``chords``, ``groove`` (drums and percussion);
    form and instruments always do. With no ``keep`` and all targets, tune and chords change too.

    Raises:
        RequestError: everything is to be kept.
    """
    keep = set(operation.keep)
    plan, score = piece.plan, piece.score
    names = set(tracks_of(operation.targets, score))
    everything = len(names) == len(score.tracks)
    new_harmony = everything and "chords" not in keep and "melody" not in keep
    if new_harmony:
        found = new_chords(plan, fresh_rngs(piece)[0])
        cut = tuple(
            ChordSpan(max(c.start, span.start), min(c.end, span.end), c.chord)
            for c in found if c.end > span.start + 1e-6 and c.start < span.end - 1e-6
        )  # fmt: skip
        given = plan.chords
        score, plan = with_chords(piece, cut, span, operation)
        plan = replace(plan, chords=given if given.value is None else plan.chords)
    playing = [t.name for t in score.tracks if t.name in names and within(t.notes, span) and plan_has(plan, t.name)]
    leads = [n for n in playing if score.track(n).role == "melody" and "melody" not in keep]
    others = [
        n for n in playing
        if score.track(n).role in ACCOMPANYING or (score.track(n).role in _GROOVE and "groove" not in keep)
    ]  # fmt: skip
    if not leads and not others:
        raise RequestError("nothing is left to vary; keep less, or name other parts")
    tune = new_tune(plan, score, fresh_rngs(piece)[1]) if leads else None
    for name in leads:
        written = write_parts(plan, score, [name], fresh_rngs(piece), tune)[name]
        score = score.with_track(replace(score.track(name), notes=merged(score.track(name).notes, written.notes, span)))
    if others:
        arranged = write_parts(plan, score, others, fresh_rngs(piece))
        for name in others:
            track = score.track(name)
            score = score.with_track(replace(track, notes=merged(track.notes, arranged[name].notes, span)))
    changed = (*leads, *others)
    plan = free_sketches(plan, changed)
    kept = f", kept: {', '.join(sorted(keep))}" if keep else ""
    return Change(plan, score, changed, span=span, lines=(f"varied in {span}: {', '.join(changed)}{kept}",))


def plan_has(plan: Plan, name: str) -> bool:
    """True when the plan has a part of that name."""
    return any(p.name == name for p in plan.parts)
