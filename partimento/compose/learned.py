"""The tune by the score model: over the rules' form and chords, for the rules' arranger.

Sections that return say again what they said, bar by bar where the harmony is the same; what is new is the model's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from partimento.compose.frame import Frame
from partimento.score.score import ChordSpan, Note
from partimento.score.timing import Key, Metre
from partimento.score_lm.grammar import PartRules
from partimento.score_lm.grid import TICKS, Conditions, GridBar, GridScore, GridTrack, check_metre, nearest_tempo, to_chords
from partimento.score_lm.vocabulary import SHADES
from partimento.score_lm.walk import harmony

if TYPE_CHECKING:
    from partimento.score_lm.model import ScoreModel
    from partimento.score_lm.pen import ScoreSampling

LEAD = "voice"
LEAD_RANGE = (53, 86)
"""MIDI numbers of a lead sheet's tune, as the model learned them."""
_CENTRE = 69.0
SHORTEST = TICKS // 6
"""Ticks: a sixteenth of a triplet."""


def shade(value: float) -> int:
    """A value of 0 to 1 as one of five shades."""
    return min(SHADES - 1, max(0, int(value * SHADES)))


class LearnedTune:
    """Writes tunes with a model (a :class:`partimento.compose.melody.TuneWriter`).

    Args:
        model: ready for use.
        sampling: how tokens are chosen; None for the usual way.
        source: kind of music to sound like, see :class:`partimento.score_lm.grid.Conditions`; None for any.
    """

    def __init__(self, model: ScoreModel, sampling: ScoreSampling | None = None, source: str | None = "sheet") -> None:
        self.model, self.sampling, self.source = model, sampling, source

    def __call__(
        self,
        frame: Frame,
        chords: tuple[ChordSpan, ...],
        wanted: list[bool],
        bounds: tuple[int, int],
        rng: np.random.Generator,
    ) -> tuple[Note, ...]:
        """The tune of a frame, within the bounds where its octaves allow."""
        from partimento.score_lm.tune import write_tune

        shift = 12 * round((_CENTRE - sum(bounds) / 2) / 12)
        character = frame.character
        conditions = Conditions(
            self.source, frame.style.id, shade(character.energy), shade(character.valence), shade(character.density)
        )
        grid = skeleton(frame, chords, conditions)
        bars = frozenset(i for i, is_wanted in enumerate(wanted) if is_wanted)
        rules = PartRules(max(0, bounds[0] + shift), min(127, bounds[1] + shift), True, bars, SHORTEST)
        done = write_tune(self.model, grid, rules, rng, self.sampling, returns_of(frame, grid))
        return to_notes(done, shift, [bar.start for bar in frame.bars], [bar.end for bar in frame.bars])

    def lead_sheet(
        self, chords: tuple[ChordSpan, ...], metre: Metre, key: Key, n_bars: int, tempo_bpm: float, rng: np.random.Generator
    ) -> tuple[Note, ...]:
        """A tune over a lead sheet's chords; arguments as of :func:`partimento.compose.compose_lead_sheet`."""
        from partimento.score_lm.tune import write_tune

        form = check_metre(metre)
        ticks = form[0] * 4 * TICKS // form[1]
        bars = tuple(GridBar(i * ticks, form, (key.tonic, key.mode), nearest_tempo(tempo_bpm)) for i in range(n_bars))
        lanes = to_chords(chords, n_bars * ticks / TICKS)
        grid = GridScore(bars, (GridTrack("melody", LEAD, ()),), lanes, Conditions(self.source))
        done = write_tune(self.model, grid, PartRules(*LEAD_RANGE, True, None, SHORTEST), rng, self.sampling)
        return tuple(Note(n.start / TICKS, n.ticks / TICKS, n.pitch) for n in done.tracks[0].notes)


def skeleton(frame: Frame, chords: tuple[ChordSpan, ...], conditions: Conditions) -> GridScore:
    """The frame on the grid, with a lead that has no notes yet.

    Raises:
        UnsupportedError: a metre that the grid cannot hold.
    """
    bars: list[GridBar] = []
    materials: dict[str, int] = {}
    at = 0
    for bar in frame.bars:
        number = materials.setdefault(bar.section.material, len(materials) % 8)
        tempo = nearest_tempo([p.bpm for p in frame.tempos if p.at <= bar.start + 1e-6][-1])
        key = (bar.key.tonic, bar.key.mode)
        bars.append(GridBar(at, check_metre(bar.metre), key, tempo, number if bar.in_section == 0 else -1))
        at += bars[-1].ticks
    return GridScore(tuple(bars), (GridTrack("melody", LEAD, ()),), to_chords(chords, at / TICKS), conditions)


def returns_of(frame: Frame, grid: GridScore) -> dict[int, int]:
    """Bars of returning sections to the bars that they say again: same place, metre, key and harmony."""
    found: dict[int, int] = {}
    firsts: dict[str, int] = {}
    for bar in frame.bars:
        first = firsts.setdefault(bar.section.material, bar.section.start_bar)
        source = first + bar.in_section
        if first == bar.section.start_bar or source >= bar.index or frame.bars[source].section.start_bar != first:
            continue
        there, here = grid.bars[source], grid.bars[bar.index]
        if (there.metre, there.key) == (here.metre, here.key) and harmony(grid, source) == harmony(grid, bar.index):
            found[bar.index] = source
    return found


def to_notes(grid: GridScore, shift: int, starts: list[float], ends: list[float]) -> tuple[Note, ...]:
    """The lead in quarter notes of the frame, ``shift`` semitones lower; a last bar cut short cuts its notes."""
    notes = []
    bar = 0
    for note in grid.tracks[0].notes:
        while bar + 1 < len(grid.bars) and grid.bars[bar + 1].start <= note.start:
            bar += 1
        start = starts[bar] + (note.start - grid.bars[bar].start) / TICKS
        end = min(start + note.ticks / TICKS, ends[-1])
        if start < ends[bar] - 1e-6 and end > start + 1e-6:
            notes.append(Note(start, end - start, note.pitch - shift))
    return tuple(notes)
