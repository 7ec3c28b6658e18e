"""Plan → score: frame, chords, tune, arrangement, performance."""

from __future__ import annotations

import numpy as np

from partimento.compose.arrange import accompany, arrange, perform
from partimento.compose.frame import Frame, Sketch
from partimento.compose.frame_build import build_frame, key_points, metre_points
from partimento.compose.fugue import compose_imitation, is_imitative
from partimento.compose.harmonising import chords_under, is_harmony
from partimento.compose.harmony import write_chords
from partimento.compose.lead import lead_tracks
from partimento.compose.melody import TuneWriter, plan_phrases, write_melody
from partimento.compose.sketching import composed_between, given_tune, laid_out, sketch_tracks
from partimento.compose.tune_variation import develop_returns
from partimento.plan.plan import Plan
from partimento.score.instruments import instrument
from partimento.score.score import Note, Score, Track


def compose(plan: Plan, rng: np.random.Generator, tune: TuneWriter | None = None) -> Score:
    """Write a piece.

    Given chords sound exactly as given, a given tune is kept note for note, and the audio lasts exactly
    ``plan.duration_s``.

    Args:
        plan: the resolved request.
        rng: the only source of chance: the same plan and generator state give the same score.
        tune: writes the tune instead of the rules (not in fugues and canons, nor where the user gave one).

    Returns:
        A score with one track per part of the plan, in plan order.
    """
    harmony_rng, melody_rng, lead_rng, hands_rng, arrange_rng, perform_rng = rng.spawn(6)
    frame = build_frame(plan)
    if is_imitative(frame):
        sketch, made = _imitation(frame, harmony_rng, arrange_rng)
        return perform(_score(plan, sketch, made), plan, sketch, perform_rng)
    sketch = _sketch(frame, harmony_rng, melody_rng, tune)
    lead = accompany(sketch, lead_tracks(sketch, lead_rng), hands_rng)
    made = {track.name: track for track in (*lead, *sketch_tracks(sketch), *arrange(sketch, arrange_rng))}
    return perform(_score(plan, sketch, made), plan, sketch, perform_rng)


def _score(plan: Plan, sketch: Sketch, made: dict[str, Track]) -> Score:
    """The tracks with everything that the frame knows."""
    frame = sketch.frame
    return Score(
        tracks=tuple(made[part.name] for part in plan.parts),
        length=frame.length,
        tempos=frame.tempos,
        metres=metre_points(frame),
        keys=key_points(frame),
        chords=sketch.chords,
        sections=tuple(dict.fromkeys(bar.section for bar in frame.bars)),
        title=plan.caption,
    )


def _imitation(frame: Frame, rng: np.random.Generator, arrange_rng: np.random.Generator) -> tuple[Sketch, dict[str, Track]]:
    """A fugue or canon: its voices are all there is, but for drums that were asked for."""
    tracks, chords = compose_imitation(frame, rng)
    sketch = Sketch(frame, chords, plan_phrases(frame, chords), tracks[0].notes)
    made = {track.name: track for track in tracks}
    for track in arrange(sketch, arrange_rng):
        made.setdefault(track.name, track)
    return sketch, made


def _sketch(
    frame: Frame, harmony_rng: np.random.Generator, melody_rng: np.random.Generator, writer: TuneWriter | None = None
) -> Sketch:
    """Chords and tune: from the user's notes where there are any, else the chords first and a tune over them."""
    tune = given_tune(frame)
    given = _pitched(frame)
    if frame.plan.chords.value or not (tune or is_harmony(given)):
        chords = write_chords(frame, harmony_rng)
    else:
        chords = chords_under(frame, tune, given, harmony_rng)
    if tune:
        between = composed_between(frame, tune, chords)
        return Sketch(frame, chords, plan_phrases(frame), tuple(sorted((*tune, *between), key=lambda n: n.start)))
    phrases, melody = write_melody(frame, chords, melody_rng, writer)
    return Sketch(frame, chords, phrases, develop_returns(frame, melody))


def _pitched(frame: Frame) -> tuple[Note, ...]:
    """All given notes with a pitch, with their returns."""
    parts = [p for p in frame.plan.parts if p.sketch is not None and not instrument(p.instrument).is_drum]
    return tuple(n for part in parts for n in laid_out(frame, part))
