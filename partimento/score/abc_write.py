"""Writing ABC notation (standard 2.1, abcnotation.com/wiki/abc:standard:v2.1).

One voice per part, overlaps in overlays (``&``), chord symbols in quotes over the first voice, triplets as ``(3:2:n``.
Dynamics, levels and humanised timing have no place in ABC and are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from partimento.score.abc_fields import signature
from partimento.score.chord_names import chord_symbol
from partimento.score.notation import UNITS, VALUES, Symbol, to_units, written_bars
from partimento.score.score import Score, Track
from partimento.score.spelling import spell_pitch
from partimento.score.timing import Key, Metre

_UNIT = UNITS // 2  # L:1/8
_BARS_PER_LINE = 4
_MODES = {"major": "", "minor": "m", "dorian": "dor", "phrygian": "phr", "lydian": "lyd", "mixolydian": "mix", "locrian": "loc"}
_ACCIDENTALS = {-2: "__", -1: "_", 0: "=", 1: "^", 2: "^^"}


def abc_text(score: Score) -> str:
    """A score as ABC text (the same score gives the same text)."""
    lines = ["%abc-2.1", "X:1", f"T:{_line(score.title) or 'Untitled'}", f"M:{_metre(score.metre)}", "L:1/8"]
    lines.append(f"Q:1/4={score.tempo_bpm:g}")
    for number, track in enumerate(score.tracks, start=1):
        clef = "perc" if track.is_drum else "bass" if _mean_pitch(track) < 57 else "treble"
        lines.append(f'V:{number} name="{_line(track.name)}" clef={clef}')
    lines.append(f"K:{_key(score.key)}")
    for number, track in enumerate(score.tracks, start=1):
        lines.append(f"V:{number}")
        lines.append("%%MIDI channel 10" if track.is_drum else f"%%MIDI program {track.program}")
        bars = _part(score, track, number == 1)
        lines += [" | ".join(bars[i : i + _BARS_PER_LINE]) + " |" for i in range(0, len(bars), _BARS_PER_LINE)]
        lines[-1] += "]"
    return "\n".join(lines) + "\n"


def _line(text: str) -> str:
    return " ".join(text.replace('"', "'").split())


def _metre(metre: Metre) -> str:
    return f"({'+'.join(map(str, metre.groups))})/{metre.denominator}" if metre.groups else str(metre)


def _key(key: Key) -> str:
    return key.spell(key.tonic) + _MODES[key.mode]


def _mean_pitch(track: Track) -> float:
    return sum(n.pitch for n in track.notes) / len(track.notes) if track.notes else 60.0


def _part(score: Score, track: Track, leads: bool) -> list[str]:
    """Text of every bar of a part; ``leads`` adds chord symbols, tempo changes and section names."""
    chords = _chord_events(score) if leads else []
    bars: list[str] = []
    key = score.key
    for bar in written_bars(score, track):
        start, end = score.bar_span(bar.index)
        edge = to_units(start)
        fields, key = _changes(score, bar.index, start, end, key, leads)
        names = {at - edge: name for at, name in chords if edge <= at < to_units(end)}
        voices = []
        seen: dict[str, int] = {}  # accidental last written for a letter in this bar, in any octave and overlay
        for number, symbols in enumerate(bar.voices):
            here = _cut(symbols, sorted(names)) if number == 0 else list(symbols)
            voices.append(_voice(here, key, track.is_drum, names if number == 0 else {}, seen))
        bars.append(fields + " & ".join(voices))
    return bars


def _chord_events(score: Score) -> list[tuple[int, str]]:
    events: list[tuple[int, str]] = []
    for i, span in enumerate(score.chords):
        events.append((to_units(span.start), chord_symbol(span.chord)))
        following = score.chords[i + 1].start if i + 1 < len(score.chords) else score.length
        if span.end < following - 1e-6:
            events.append((to_units(span.end), chord_symbol(None)))
    return events


def _changes(score: Score, bar: int, start: float, end: float, key: Key, leads: bool) -> tuple[str, Key]:
    """Inline fields at the start of a bar, and the key in force."""
    fields = ""
    if leads:
        fields += "".join(f"[P:{_line(s.name)}]" for s in score.sections if s.start_bar == bar)
        fields += "".join(f"[Q:1/4={p.bpm:g}]" for p in score.tempos if p.at > 0 and start - 1e-6 <= p.at < end - 1e-6)
    fields += "".join(f"[M:{_metre(p.metre)}]" for p in score.metres if p.bar == bar and bar > 0)
    now = score.key_at(start)
    if now != key:
        fields += f"[K:{_key(now)}]"
    return fields + (" " if fields else ""), now


def _cut(symbols: Sequence[Symbol], places: Sequence[int]) -> list[Symbol]:
    """Symbols cut (and tied) where a chord symbol falls inside one."""
    out: list[Symbol] = []
    for symbol in symbols:
        rest = symbol
        for place in places:
            if rest.start < place < rest.start + rest.units:
                first = place - rest.start
                out.append(replace(rest, units=first, tied_to=bool(rest.notes), whole_bar=False))
                rest = replace(rest, start=place, units=rest.units - first, tied_from=bool(rest.notes), whole_bar=False)
        out.append(rest)
    return out


def _voice(symbols: Sequence[Symbol], key: Key, is_drum: bool, names: dict[int, str], seen: dict[str, int]) -> str:
    words: list[str] = []
    base = {} if is_drum else signature(key.fifths)
    i = 0
    while i < len(symbols):
        run = _triplet_run(symbols, i)
        if run:
            words.append(f"(3:2:{run}")
        for symbol in symbols[i : i + max(1, run)]:
            name = f'"{names[symbol.start]}"' if symbol.start in names else ""
            words.append(name + _symbol(symbol, key, is_drum, base, seen, bool(run)))
        i += max(1, run)
    return " ".join(words)


def _triplet_run(symbols: Sequence[Symbol], first: int) -> int:
    """Number of symbols from ``first`` that are written as triplets, up to where they come out even."""
    count, total = 0, 0
    for symbol in symbols[first:]:
        value = VALUES.get(symbol.units)
        if symbol.whole_bar or value is None or not value.triplet:
            break
        count, total = count + 1, total + symbol.units
        if total % 3 == 0 or count == 9:
            break
    return count


def _symbol(symbol: Symbol, key: Key, is_drum: bool, base: dict[str, int], seen: dict[str, int], triplet: bool) -> str:
    length = _length(Fraction(symbol.units, _UNIT) * (Fraction(3, 2) if triplet else 1))
    if not symbol.notes:
        return "z" + length
    tie = "-" if symbol.tied_to else ""
    pitches = [_pitch(note.pitch, Key() if is_drum else key, base, seen) for note in sorted(symbol.notes, key=lambda n: n.pitch)]
    if len(pitches) == 1:
        return pitches[0] + length + tie
    return "[" + "".join(pitches) + "]" + length + tie


def _length(units: Fraction) -> str:
    if units == 1:
        return ""
    if units.denominator == 1:
        return str(units.numerator)
    return f"{units.numerator if units.numerator != 1 else ''}/{units.denominator}"


def _pitch(pitch: int, key: Key, base: dict[str, int], seen: dict[str, int]) -> str:
    """Letter with octave marks; an accidental wherever key or bar could mislead, in whichever octave."""
    letter, accidental, octave = spell_pitch(pitch, key)
    text = ""
    if letter in seen or accidental != base.get(letter, 0):
        text = _ACCIDENTALS[accidental]
        seen[letter] = accidental
    if octave >= 5:
        return text + letter.lower() + "'" * (octave - 5)
    return text + letter + "," * (4 - octave)
