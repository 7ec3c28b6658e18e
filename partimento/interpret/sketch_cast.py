"""Who plays given notes: the tune goes to the ensemble that the words name; a bare tune gets a small band."""

from __future__ import annotations

import re
from dataclasses import replace

from partimento.interpret.parts import possible_role
from partimento.interpret.reading import Reading, SaidInstrument
from partimento.interpret.sketches import Sketch, moved, upper_line
from partimento.score.instruments import instruments

_ALONE = re.compile(
    r"\b(?:unaccompanied|without (?:any )?accompaniment|no accompaniment|a ?cappella|monophonic|tune only|melody only)\b"
    r"|无伴奏|清唱|没有伴奏|不要伴奏"
)
_TWO_HANDED = ("keys", "guitars", "mallets")
ORCHESTRAL_LEAD = "violin"
"""Who leads an orchestra."""
_SOLO = re.compile(r"\bsolo\b|\balone\b|独奏")


def unaccompanied(reading: Reading) -> bool:
    """True when the words leave the tune alone."""
    return bool(_ALONE.search(reading.text.lower()))


def accompaniment(sketch: Sketch, reading: Reading, *, style_asked: bool) -> str:
    """What a given tune is accompanied by when the words name no ensemble.

    Finished parts (``--midi``) are complete as they are; "unaccompanied" and "solo" leave the tune alone.

    Args:
        sketch: before :func:`cast`.
        reading: before :func:`cast`.
        style_asked: the words name a style, whose ensemble completes what is said.

    Returns:
        ``band``: a small band of the style; ``hand``: the tune's player accompanies himself ("solo piano"); ``none``:
        nothing that the words do not name; ``""``: as for any piece.
    """
    said = reading.instruments
    if unaccompanied(reading):
        return "none"
    if not sketch.is_melody:
        return "" if style_asked or reading.ensemble_size else "none"
    if any(a.value == "*" for a in reading.absent):
        return ""
    lone = len(said) == 1 and said[0].count == 1 and not said[0].accompanies
    if lone and instruments()[said[0].instrument].poly and instruments()[said[0].instrument].family in _TWO_HANDED:
        return "" if style_asked and not said[0].solo else "hand"
    if _SOLO.search(reading.text.lower()) and len(said) <= 1:
        return "none"
    return "" if said else "band"


def cast(
    sketch: Sketch, reading: Reading, generic_lead: str | None = None
) -> tuple[Sketch, tuple[SaidInstrument, ...], tuple[str, ...]]:
    """Give the tune to a fitting instrument of the words.

    It goes to the instrument that the words let lead, else to the first melody instrument named (the first violin of a
    quartet, the first horn of a big band), else, where only the named shall play, to one that can carry a tune.
    Instruments that accompany by the words are left to do that; finished parts are never handed on.

    Args:
        sketch: the given notes.
        reading: the words.
        generic_lead: who leads where the words name a kind of ensemble ("orchestral") but no player, and the file says no
            more than "piano".

    Returns:
        The sketch with the tune on its player; the said instruments without that player; remarks.
    """
    said = reading.instruments
    if not sketch.is_melody or sketch.tune is None:
        return sketch, said, ()
    player = _player(said, reading, sketch)
    if player is None and generic_lead is not None and instruments()[sketch.tracks[sketch.tune].instrument].family == "keys":
        player = SaidInstrument(generic_lead, ())
    if player is None:
        return sketch, said, ()
    track = sketch.tracks[sketch.tune]
    row = instruments()[player.instrument]
    remarks: list[str] = []
    notes = track.notes
    if not row.poly and row.id != track.instrument:
        notes = upper_line(notes)
        if len(notes) < len(track.notes):
            remarks.append(f"a {row.en} plays one note at a time: it has the upper line of the given tune")
    program = player.program if player.program is not None else None
    low, high = row.range
    if player.instrument != track.instrument or any(not low <= n.pitch <= high for n in notes):
        track = moved(replace(track, notes=notes, instrument=row.id, program=row.program), 0, row.id)
    draft = replace(
        sketch.drafts[sketch.tune],
        instrument=row.id,
        program=program,
        words=player.words,
        reason="given notes",
        follows=player.instrument,
        style_words=player.style_words,
        gain_db=player.gain_db,
        role="melody",
    )
    tracks = tuple(track if i == sketch.tune else t for i, t in enumerate(sketch.tracks))
    drafts = tuple(draft if i == sketch.tune else d for i, d in enumerate(sketch.drafts))
    rest = tuple(replace(i, count=i.count - 1) if i is player else i for i in said if i is not player or i.count > 1)
    return replace(sketch, tracks=tracks, drafts=drafts), rest, tuple(remarks)


def _player(said: tuple[SaidInstrument, ...], reading: Reading, sketch: Sketch) -> SaidInstrument | None:
    """Who takes the tune, or nobody."""
    able = [i for i in said if not i.accompanies and instruments()[i.instrument].family not in ("drums", "percussion")]
    leading = [i for i in able if i.role == "melody" or i.solo]
    if leading:
        return leading[0]
    assert sketch.tune is not None
    own = [i for i in able if i.instrument == sketch.tracks[sketch.tune].instrument]
    if own and (_melodic(own[0]) or not any(i.implied for i in said)):
        return own[0]
    melodic = [i for i in able if i.role in ("", "melody") and _melodic(i)]
    if melodic:
        return min(melodic, key=lambda i: instruments()[i.instrument].role != "melody")
    closed = any(i.implied for i in said) or any(a.value == "*" for a in reading.absent) or len(able) == 1 == len(said)
    chordal = [i for i in able if instruments()[i.instrument].poly and i.role != "bass"]
    if closed and chordal:
        return chordal[0]
    return able[0] if closed and able and any(a.value == "*" for a in reading.absent) else None


def _melodic(item: SaidInstrument) -> bool:
    row = instruments()[item.instrument]
    return possible_role(row, row.role) in ("melody", "counter")
