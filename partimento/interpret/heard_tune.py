"""A tune given as notes for a model that hears melodies: which of a file's notes it is told, how fast and in which key.

Nothing is arranged around the tune: the piece's length, form and parts are the model's, as with a recorded melody.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from partimento.interpret.sketches import in_key, read_sketch, upper_line
from partimento.plan.plan import KeyAt, Origin, TempoAt, Value
from partimento.plan.request import GenerateRequest
from partimento.score.score import Note, Score, Track
from partimento.score.timing import TempoPoint

_COVERED_SHARE = 0.5
"""A note under a higher one for at least this share of its length is not part of the tune."""


@dataclass(frozen=True)
class HeardTune:
    """What a model is told of a file.

    Attributes:
        score: tempo and length; where nothing else was asked for, those of the file.
        line: the tune, one note at a time.
        remarks: for the user.
    """

    score: Score
    line: Track
    remarks: tuple[str, ...]


def heard_tune(request: GenerateRequest, tempo: Value[tuple[TempoAt, ...]], key: Value[tuple[KeyAt, ...]]) -> HeardTune | None:
    """The tune of ``request.melody`` as the model shall hear it; None where there is none, or it is a recording or played.

    A tempo that was given or said as a number, and a key that was given or said, are the tune's from then on.

    Args:
        request: what is asked.
        tempo, key: of the plan.

    Raises:
        FileError, ParseError: the file cannot be read or holds no tune.
    """
    if request.melody is None or request.melody_is_recording or not request.melody_is_heard:
        return None
    sketch = read_sketch(request.melody, None)
    remarks: tuple[str, ...] = ()
    if key.origin in (Origin.GIVEN, Origin.SAID):
        sketch, _, conflicts, remarks = in_key(sketch, key.value[0].key)
        # No conflict of the plan: the model is told the key that was asked for, and may well follow it round the tune.
        remarks += tuple(f"{conflict.reason}; the model is told {conflict.dropped}" for conflict in conflicts)
    track, score = sketch.tracks[0], sketch.source
    if tempo.origin in (Origin.GIVEN, Origin.SAID) and not tempo.reason:  # a reason: said as a word, "slow"
        score = replace(score, tempos=(TempoPoint(0.0, tempo.value[0].bpm),))
    line = replace(track, notes=upper_line(_uncovered(track.notes)))
    start_s, end_s = (score.tempo_map.seconds(quarter) for quarter in (line.notes[0].start, line.notes[-1].end))
    at = f", at {score.tempo_bpm:g} bpm" if score.tempos != sketch.source.tempos else ""
    told = f"the model hears the {len(line.notes)} notes of '{line.name}' ({start_s:.1f} to {end_s:.1f} s{at}) as pitch classes"
    return HeardTune(score, line, (f"{told}: octaves are its own", *remarks))


def _uncovered(notes: tuple[Note, ...]) -> tuple[Note, ...]:
    """Notes without those that sound below another for half of their length or more: both hands may be in one part."""
    kept: list[Note] = []
    sounding: list[Note] = []
    for note in sorted(notes, key=lambda n: (n.start, -n.pitch)):
        sounding = [above for above in sounding if above.end > note.start]
        over = max((min(above.end, note.end) - note.start for above in sounding if above.pitch > note.pitch), default=0.0)
        if over < _COVERED_SHARE * note.duration:
            kept.append(note)
            sounding.append(note)
    return tuple(kept)
