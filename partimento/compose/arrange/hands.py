"""A hand: where a chord player plays, how thick, and which notes answer the letters of a pattern.

Letters of chord and broken-chord patterns: ``X x o`` the voicing, loud to light; ``g`` a muted scratch; ``d`` ``D``
strum down, ``u`` strum up; ``n`` the next chord ahead of time; ``t`` top two notes; ``l`` lowest note; ``m`` all but the
lowest; ``b`` bass, ``f`` its fifth; ``O`` bass in octaves; ``p`` root and fifth (power chord); digits: rungs of the
broken chord from the bottom.
"""

from __future__ import annotations

from dataclasses import dataclass

from partimento.compose.arrange.context import Context, Player, Segment
from partimento.compose.arrange.tables import LOUDNESS
from partimento.compose.arrange.voicing import ladder, place, strum, voice
from partimento.score.chord import Chord

_STRUM_S = 0.011
_UNDER_TUNE = 1
_LOW_TUNE = 58
_OPEN_CEILING = 81
_STRINGS_SPAN = 24
_LOWEST_OCTAVE = 29
_MINOR_THIRD = 3


@dataclass
class Hand:
    """A chord player's hand, or hands.

    Attributes:
        low, high: where chords may lie.
        bass_low, bass_high: where its bass notes lie when it has the bass.
        centre: where the middle of a voicing should be.
        size: voices of a voicing.
        kind: kind of voicing (:func:`partimento.compose.arrange.voicing.voice`), or ``strum``.
        family: instrument family.
        strict: avoid parallels.
        under_tune: keep the top voice under the tune.
        tenths: power chords carry the chord's third on top: without it they fit major and minor alike.
        previous: the voicing before.
    """

    low: int
    high: int
    bass_low: int
    bass_high: int
    centre: float
    size: int
    kind: str
    family: str
    strict: bool = False
    under_tune: bool = True
    tenths: bool = False
    previous: tuple[int, ...] = ()

    def ceiling(self, ctx: Context, start: float, end: float) -> int:
        """Highest pitch for the top voice between two positions."""
        if not self.under_tune:
            return self.high
        top = min(self.high, _OPEN_CEILING if self.kind != "strum" else self.low + _STRINGS_SPAN)
        floor = ctx.tune_floor(start, end)
        if floor is None or floor < _LOW_TUNE:
            return top
        return min(top, max(floor - _UNDER_TUNE, self.low + 12))

    def voicing(self, ctx: Context, segment: Segment, bass_duty: bool) -> tuple[int, ...]:
        """The notes of a segment's chord, led from the chord before."""
        ceiling = self.ceiling(ctx, segment.start, segment.end)
        if self.kind == "strum":
            low = self.bass_low if bass_duty else self.low
            shape = strum(segment.chord, low, self.high, ceiling, segment.chord.bass if bass_duty else None)
        else:
            shape = voice(
                segment.chord, self.kind, self.size, self.low, self.high, self.centre, ceiling, self.previous, self.strict
            )
        self.previous = shape
        return shape

    def bass(self, pitch_class: int) -> int:
        """A bass note of this hand."""
        return place(pitch_class, self.bass_low, self.bass_high, self.bass_low + 7)

    def rungs(self, chord: Chord, shape: tuple[int, ...], bass_duty: bool) -> tuple[int, ...]:
        """Notes for the digits: strings of a guitar shape, else the broken chord upwards; the bass first on duty."""
        if self.kind == "strum":
            return shape
        base = max(self.low, min(int(self.centre) - 7, self.high - 14))
        if bass_duty:
            bottom = self.bass(chord.bass)
            return (bottom, *ladder(chord, max(bottom + 4, base - 3)))
        return ladder(chord, base)


def make_hand(ctx: Context, player: Player, *, bass_duty: bool, kind: str | None = None, second: bool = False) -> Hand:
    """The hand of a player.

    Args:
        bass_duty: it also has the bass.
        kind: kind of voicing that the pattern asks for.
        second: it accompanies a tune in the player's other hand.
    """
    info = player.instrument
    low, high = info.range
    shift = 14.0 * (ctx.frame.character.register - 0.5)
    guitar = info.family == "guitars"
    base = {"chords": (60.0, 66.0, 55.0), "pad": (60.0, 67.0, 57.0), "arpeggio": (67.0, 72.0, 60.0)}.get(player.role, (62.0,))
    centre = base[player.rank % len(base)] + shift - (4 if guitar and player.role == "chords" and player.rank == 0 else 0)
    floor = max(low, (43 if bass_duty else 45) if guitar else 50)
    roof = min(high, 84 if player.role != "arpeggio" else 91)
    above = player.role == "pad" and player.rank > 0 and info.family in ("strings", "synth", "voices") and high >= 84
    if above:
        # A second pad leaves the middle to the first and shines above the tune.
        centre, floor = 72.0 + shift, max(floor, 62)
    if second:
        centre, floor, roof = 55.0, max(low, 46), min(high, 67)
    if floor > roof - 14:
        floor, roof = max(low, roof - 14), max(roof, min(high, floor + 14))
    centre = min(max(centre, floor + 5.0), roof - 5.0)
    bass_low = max(low, 40 if guitar else 35)
    size = 4 if player.rank == 0 and info.family in ("keys", "strings", "synth", "voices") else 3
    chosen = kind or ("strum" if guitar else "close")
    strict = bool(ctx.music.get("strict", False)) or player.role == "pad"
    return Hand(
        floor, roof, bass_low, bass_low + 16, centre, size, chosen, info.family, strict, under_tune=player.role != "arpeggio",
        tenths=ctx.plan.chords.value is not None,
    )  # fmt: skip


def struck(
    hand: Hand, sign: str, chord: Chord, shape: tuple[int, ...], bass_duty: bool, first: bool
) -> list[tuple[int, int, float]]:
    """Notes of one letter: pitch, velocity, nudge in seconds. ``first``: this is the stroke on which the chord begins."""
    velocity = LOUDNESS.get(sign, 84)
    if sign in "XxonOmtl":
        return [(p, velocity, 0.0) for p in _block(hand, sign, chord, shape, bass_duty, first)]
    if sign in "dDu":
        pitches = shape if sign != "u" else shape[-4:][::-1]
        loud = {"d": 86, "D": 104, "u": 70}[sign]
        return [(p, loud, i * _STRUM_S) for i, p in enumerate(pitches)]
    if sign == "g":
        return [(p, 40, 0.0) for p in shape[-3:]]
    if sign in "bf":
        return [(_bass_step(hand, chord, sign, shape, bass_duty), 88, 0.0)]
    if sign == "p":
        return tenth(hand, chord, bass_duty) if hand.tenths else [(p, 94, 0.0) for p in power(hand, chord, bass_duty)]
    if sign.isdigit():
        rungs = hand.rungs(chord, shape, bass_duty)
        return [(rungs[min(int(sign) - 1, len(rungs) - 1)], 78, 0.0)]
    return [(p, velocity, 0.0) for p in shape]


def _block(hand: Hand, sign: str, chord: Chord, shape: tuple[int, ...], bass_duty: bool, first: bool) -> list[int]:
    pitches = list(shape)
    if sign == "t":
        return pitches[-2:]
    if sign == "l":
        return pitches[:1]
    if sign == "m":
        return pitches[1:] or pitches
    bottom = hand.bass(chord.bass)
    if sign == "O":
        return [bottom - 12, bottom] if bottom - 12 >= _LOWEST_OCTAVE else [bottom, bottom + 12]
    if bass_duty and first and hand.kind != "strum" and bottom not in pitches:
        pitches = [bottom, *(p for p in pitches if p > bottom + 2)]
    return pitches


def _bass_step(hand: Hand, chord: Chord, sign: str, shape: tuple[int, ...], bass_duty: bool) -> int:
    """Bass or its fifth: in the bass register on duty, else the low notes of the shape."""
    if not bass_duty:
        return shape[0] if sign == "b" else shape[min(1, len(shape) - 1)]
    bottom = hand.bass(chord.bass)
    if sign == "b":
        return bottom
    fifth = next((i for i in chord.intervals if i in (7, 6, 8)), 0)
    pitch = (chord.root + fifth) % 12
    if pitch == chord.bass:
        pitch = chord.root
    below = bottom - (bottom - pitch) % 12
    return below if below >= hand.bass_low else below + 12


def power(hand: Hand, chord: Chord, bass_duty: bool) -> tuple[int, ...]:
    """Root and fifth (or what stands for it) low on the instrument, with the octave."""
    low = hand.bass_low if bass_duty else max(hand.bass_low, hand.low - 10)
    root = place(chord.root if not bass_duty else chord.bass, low, low + 14, low + 4)
    fifth = next((i for i in chord.intervals if i in (7, 6, 8)), 0)
    upper = root + ((chord.root + fifth - root) % 12 or 12)
    return tuple(dict.fromkeys((root, upper, root + 12))) if upper < root + 12 else (root, upper)


def tenth(hand: Hand, chord: Chord, bass_duty: bool) -> list[tuple[int, int, float]]:
    """A power chord with the chord's third on top in place of the octave: pitch, velocity, nudge in seconds.

    The fifth harmonic of a distorted root is a loud major third two octaves up, so a minor third is doubled there.
    """
    low, fifth, *octave = power(hand, chord, bass_duty)
    if chord.third is None:
        return [(p, 94, 0.0) for p in (low, fifth, *octave)]
    third = low + 12 + (chord.third - low) % 12
    doubled = [(third + 12, 90, 0.0)] if (chord.third - chord.root) % 12 == _MINOR_THIRD else []
    return [(low, 84, 0.0), (fifth, 84, 0.0), (third, 104, 0.0), *doubled]


def third_note(hand: Hand, chord: Chord, near: float, floor: int) -> int | None:
    """The chord's third (or substitute) within the hand, near a pitch and above ``floor``."""
    if chord.third is None:
        return None
    return place(chord.third, max(hand.low, 48, floor + 1), hand.high, near)
