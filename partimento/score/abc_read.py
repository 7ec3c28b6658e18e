"""Reading ABC notation (standard 2.1, abcnotation.com/wiki/abc:standard:v2.1) into a score as it sounds.

Read: tunes with several voices, overlays, chord symbols, ties, tuplets, broken rhythm, accidentals that hold for the
bar, repeats and endings, inline fields, ``%%MIDI program`` and ``channel``. Left out: grace notes, decorations, lyrics,
slurs, macros. The first tune of a file is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from partimento.errors import FileError, ParseError
from partimento.score.abc_fields import AbcKey, default_unit, length_of, read_key, read_metre, read_tempo, tuplet
from partimento.score.assemble import RawMeasure, RawNote, RawPart, assemble
from partimento.score.chord_names import parse_chord
from partimento.score.score import Score
from partimento.score.spelling import LETTER_PITCH
from partimento.score.timing import Metre

MAX_ABC_BYTES = 4 * 2**20
_LENGTH = r"\d{0,4}(?:/+\d{0,4})?"
_TOKEN = re.compile(
    rf"""
      (?P<field>\[(?P<fname>[A-Za-z]):(?P<fvalue>[^\]]*)\])
    | (?P<symbol>"[^"]*")
    | (?P<bar>\[\||\|\]|:+\|+:+|:+\|+\]?|\|+:+|::+|\|+|(?<=[\s|\]])\[(?=\d))
    | (?P<decoration>![^!\s]{{1,30}}!|\+[^+\s]{{1,30}}\+|[.~HLMOPSTuv](?=[\^_=A-Ga-gxzXZ\["(.~HLMOPSTuv]))
    | (?P<tuplet>\((?P<p>\d)(?::(?P<q>\d?)(?::(?P<r>\d{{0,2}}))?)?)
    | (?P<grace>\{{[^}}]*\}})
    | (?P<chord>\[(?P<inside>[^\]|:"]*)\](?P<clen>{_LENGTH}))
    | (?P<note>(?P<acc>\^\^|\^/?|__|_/?|=)?(?P<letter>[A-Ga-g])(?P<octave>[,']*)(?P<len>{_LENGTH}))
    | (?P<rest>[zx](?P<rlen>{_LENGTH}))
    | (?P<bars>[ZX](?P<nbars>\d{{0,3}}))
    | (?P<broken>[<>]{{1,3}})
    | (?P<tie>-)
    | (?P<overlay>&)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_INSIDE = re.compile(rf"(\^\^|\^/?|__|_/?|=)?([A-Ga-g])([,']*)({_LENGTH})(-?)")
_ENDING = re.compile(r"\s*\[?(\d{1,2}(?:[,-]\d{1,2})*)\.?")
_ACCIDENTAL = {"^^": 2, "^": 1, "^/": 0, "=": 0, "_/": 0, "_": -1, "__": -2}


def parse_abc(text: str, name: str = "ABC", play_repeats: bool = True) -> Score:
    """Read ABC text; ``name`` is what errors call it.

    Raises:
        FileError: there is no tune with a key and notes.
    """
    if len(text) > MAX_ABC_BYTES:
        raise FileError(f"{name} is larger than {MAX_ABC_BYTES // 2**20} MiB")
    lines = _tune_lines(text)
    if not any(line.startswith("K:") for line in lines):
        raise FileError(f"{name} is not an ABC tune: it needs a line K: (key), such as 'K:G'")
    tune = _Tune()
    for line in lines:
        tune.line(line)
    tune.finish()
    parts = [v.part() for v in tune.voices.values() if v.has_notes]
    if not parts:
        raise FileError(f"{name} has no notes after its K: line")
    return assemble(parts, tune.title, play_repeats)


def _tune_lines(text: str) -> list[str]:
    """Lines of the first tune: comments cut, continued lines joined."""
    lines: list[str] = []
    seen_x = False
    for raw in text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff").split("\n"):
        line = raw.strip()
        if line.startswith("X:"):
            if seen_x and any(known.startswith("K:") for known in lines):
                break
            seen_x = True
        if not line.startswith("%%"):
            line = re.sub(r"(?<!\\)%.*", "", line).strip()
        if line:
            lines.append(line)
    return lines


class _Voice:
    """One voice while it is being read."""

    def __init__(self, id_: str, tune: _Tune) -> None:
        self.id = id_
        self.tune = tune
        self.name = ""
        self.program: int | None = None
        self.is_drum = False
        self.shift = 0  # semitones
        self.measures: list[RawMeasure] = []
        self.unit = tune.unit
        self.metre = tune.metre
        self.key = tune.key
        self.has_notes = False
        self.pending_ties: set[tuple[int, Fraction]] = set()  # (pitch, where in the measure the tie arrives)
        self.endings: tuple[int, ...] = ()
        self.forward_next = False
        self._fresh()

    def _fresh(self) -> None:
        self.measure = RawMeasure()
        self.at = Fraction(0)
        self.measure_end = Fraction(0)
        self.accidentals: dict[tuple[str, int], int] = {}
        self.last_notes: list[RawNote] = []  # of the note before a broken-rhythm mark
        self.last_length = Fraction(0)
        self.broken = Fraction(1)  # factor for the next note
        self.tuplet_left = 0
        self.tuplet_factor = Fraction(1)
        if not self.measures:
            self.measure.metre, self.measure.free = self.tune.metre, self.tune.free
            self.measure.key = (self.key.fifths, self.key.mode)
        if self.forward_next:
            self.measure.marks = replace(self.measure.marks, forward=True)
            self.forward_next = False
        if self.endings:
            self.measure.marks = replace(self.measure.marks, endings=self.endings)

    def part(self) -> RawPart:
        """What was read, for the assembler."""
        return RawPart(self.name or ("" if self.id == "1" else self.id), self.program, None, self.is_drum, self.measures)

    def open(self) -> bool:
        """True when the measure has begun."""
        return bool(self.measure_end or self.at or self.measure.chords)

    def close_measure(self) -> None:
        """Ends the measure; an empty one is not counted."""
        if not self.open():
            return
        end = max(self.measure_end, self.at)
        self.measure.length = float(end)
        self.pending_ties = {(pitch, at - end) for pitch, at in self.pending_ties if at >= end}
        self.measures.append(self.measure)
        self._fresh()

    def advance(self, units: Fraction) -> Fraction:
        """Length in quarters of a note or rest of ``units`` unit lengths; tuplets and broken rhythm applied."""
        length = units * self.unit * 4 * self.broken
        self.broken = Fraction(1)
        if self.tuplet_left:
            length *= self.tuplet_factor
            self.tuplet_left -= 1
        return length

    def sound(self, pitches: list[tuple[int, bool]], length: Fraction) -> None:
        """Notes at the cursor: (pitch, tied on)."""
        self.last_notes = []
        arriving = {(p, at) for p, at in self.pending_ties if at <= self.at}
        for pitch, tied in pitches:
            if not 0 <= pitch <= 127 or length <= 0:
                continue
            stop = (pitch, self.at) in arriving
            note = RawNote(float(self.at), float(length), pitch, 80, tied, stop)
            self.measure.notes.append(note)
            self.last_notes.append(note)
            self.has_notes = True
        self.pending_ties -= arriving
        if any(tied for _, tied in pitches):
            self.pending_ties |= {(pitch, self.at + length) for pitch, tied in pitches if tied}
        self.at += length
        self.last_length = length

    def tie(self) -> None:
        """The notes just read go on into the next."""
        for note in self.last_notes:
            note.tie_start = True
            self.pending_ties.add((note.pitch, self.at))

    def break_rhythm(self, marks: str) -> None:
        """``>`` lengthens the note before and shortens the one after; ``<`` the other way round."""
        short = Fraction(1, 2 ** len(marks))
        factor = (2 - short) if marks[0] == ">" else short
        self.broken = 2 - factor
        change = self.last_length * factor - self.last_length
        for note in self.last_notes:
            note.duration = float(self.last_length * factor)
        self.at += change
        self.last_length += change

    def pitch(self, accidental: str | None, letter: str, octave: str) -> int:
        """MIDI pitch of a written note (middle C is ``C``), remembering its accidental for the bar."""
        height = 5 if letter.islower() else 4
        height += octave.count("'") - octave.count(",")
        name = letter.upper()
        if accidental:
            self.accidentals[(name, height)] = _ACCIDENTAL[accidental]
        alter = self.accidentals.get((name, height), self.key.accidentals.get(name, 0))
        return 12 * (height + 1) + LETTER_PITCH[name] + alter + self.shift


class _Tune:
    """The state of reading one tune."""

    def __init__(self) -> None:
        self.title = ""
        self.metre, self.free = read_metre("4/4")
        self.unit = Fraction(1, 8)
        self.unit_given = False
        self.metre_given = False
        self.key = AbcKey()
        self.tempo = 0.0
        self.in_body = False
        self.voices: dict[str, _Voice] = {}
        self.current = "1"
        self.declared: dict[str, str] = {}
        self.midi_lines: list[str] = []

    @property
    def voice(self) -> _Voice:
        """The voice that the next notes belong to."""
        if self.current not in self.voices:
            voice = _Voice(self.current, self)
            self.voices[self.current] = voice
            if len(self.voices) == 1 and self.tempo:
                voice.measure.tempos.append((0.0, self.tempo))
            self._voice_words(voice, self.declared.get(self.current, ""))
        return self.voices[self.current]

    def finish(self) -> None:
        """Closes the last measures."""
        for voice in self.voices.values():
            voice.close_measure()

    def line(self, line: str) -> None:
        """One line of the tune: a directive, a field or music."""
        if line.startswith("%%"):
            self._directive(line)
            return
        field = re.match(r"([A-Za-z+]):(.*)", line)
        if field and not (self.in_body and field[2].startswith(("|", ":"))):  # "c:|" is music
            self._field(field[1], field[2].strip(), inline=False)
        elif self.in_body:
            self._music(line.rstrip("\\"))

    def _directive(self, line: str) -> None:
        midi = re.match(r"%%\s*MIDI\s+(program|channel)\s+(?:(\d+)\s+)?(\d+)", line, re.IGNORECASE)
        if midi is None or not self.in_body:
            return
        value = int(midi[3])
        if midi[1].lower() == "program" and 0 <= value <= 127:
            self.voice.program = value
        elif midi[1].lower() == "channel" and value == 10:
            self.voice.is_drum = True

    def _field(self, name: str, value: str, inline: bool) -> None:
        if name == "T" and not self.title:
            self.title = value
        elif name == "M":
            self._metre_field(value)
        elif name == "L":
            found = re.match(r"(\d{1,3})/(\d{1,3})", value)
            if found and int(found[2]) and int(found[1]):
                self.unit_given = True
                self._set_unit(Fraction(int(found[1]), int(found[2])))
        elif name == "Q":
            bpm = read_tempo(value, self.unit)
            if bpm and not self.in_body:
                self.tempo = bpm
            elif bpm:
                self.voice.measure.tempos.append((float(self.voice.at), bpm))
        elif name == "P" and self.in_body:
            self.voice.measure.rehearsal = value
        elif name == "V":
            id_, _, rest = value.partition(" ")
            if not self.in_body:
                self.declared[id_] = rest
            else:
                self.current = id_ or self.current
                self._voice_words(self.voice, rest)
        elif name == "K":
            self._key_field(value)

    def _set_unit(self, unit: Fraction) -> None:
        if self.in_body:
            self.voice.unit = unit
        else:
            self.unit = unit

    def _metre_field(self, value: str) -> None:
        metre, free = read_metre(value)
        if not self.in_body:
            self.metre, self.free = metre, free
            if not self.unit_given and metre is not None:
                self.unit = default_unit(metre)
            return
        voice = self.voice
        voice.close_measure()
        voice.measure.metre, voice.measure.free = metre, free
        voice.metre = metre

    def _key_field(self, value: str) -> None:
        key = read_key(value, self.key if not self.in_body else self.voice.key)
        if not self.in_body:
            self.key = key
            self.in_body = True
            self.current = next(iter(self.declared), "1")
        else:
            self.voice.key = key
            self.voice.accidentals = {}
            self.voice.measure.key = (key.fifths, key.mode)

    def _voice_words(self, voice: _Voice, words: str) -> None:
        """``name="Violin I" octave=-1 transpose=2 clef=perc`` of a V: field."""
        named = re.search(r'\b(?:name|nm)="([^"]*)"', words) or re.search(r"\b(?:name|nm)=(\S+)", words)
        if named:
            voice.name = named[1]
        octave = re.search(r"\boctave=(-?\d)", words)
        shift = re.search(r"\btranspose=(-?\d{1,2})", words)
        if octave or shift:
            voice.shift = 12 * int(octave[1] if octave else 0) + int(shift[1] if shift else 0)
        if re.search(r"\bclef=perc|\bperc\b", words):
            voice.is_drum = True

    def _music(self, line: str) -> None:
        for match in self._tokens(line):
            kind = match.lastgroup if match.lastgroup in _HANDLERS else next(k for k in _HANDLERS if match[k] is not None)
            voice = self.voice
            if kind == "field":
                self._field(match["fname"], match["fvalue"].strip(), inline=True)
            elif kind == "note":
                length = voice.advance(length_of(match["len"]))
                voice.sound([(voice.pitch(match["acc"], match["letter"], match["octave"]), False)], length)
            elif kind == "chord":
                self._chord(voice, match["inside"], match["clen"])
            elif kind == "rest":
                voice.sound([], voice.advance(length_of(match["rlen"])))
            elif kind == "bars":
                self._rest_bars(voice, int(match["nbars"] or 1))
            elif kind == "symbol":
                _chord_symbol(voice, match["symbol"][1:-1].strip())
            elif kind == "bar":
                _bar_line(voice, match["bar"])
            elif kind == "tuplet":
                compound = self.metre is not None and self.metre.is_compound
                voice.tuplet_factor, voice.tuplet_left = tuplet(int(match["p"]), match["q"], match["r"], compound)
            elif kind == "broken":
                voice.break_rhythm(match["broken"])
            elif kind == "tie":
                voice.tie()
            elif kind == "overlay":
                voice.measure_end = max(voice.measure_end, voice.at)
                voice.at = Fraction(0)
                voice.last_notes = []

    def _tokens(self, line: str) -> Iterator[re.Match[str]]:
        at = 0
        while at < len(line):
            match = _TOKEN.match(line, at)
            assert match is not None
            at = match.end()
            yield match
            if match["bar"]:
                ending = _ENDING.match(line, at)
                if ending and (ending[0].lstrip().startswith("[") or not ending[0][:1].isspace()):
                    self.voice.endings = _numbers(ending[1])
                    self.voice.measure.marks = replace(self.voice.measure.marks, endings=self.voice.endings)
                    at = ending.end()

    def _chord(self, voice: _Voice, inside: str, length_text: str) -> None:
        found = _INSIDE.findall(inside)
        if not found:
            return
        inner = length_of(found[0][3])
        length = voice.advance(inner * length_of(length_text))
        voice.sound([(voice.pitch(acc or None, letter, octave), bool(tie)) for acc, letter, octave, _, tie in found], length)

    def _rest_bars(self, voice: _Voice, count: int) -> None:
        quarters = Fraction((voice.metre or Metre()).bar_quarters).limit_denominator(32)
        for i in range(min(count, 999)):
            if i:
                voice.close_measure()
            voice.sound([], quarters)


_HANDLERS = (
    "field",
    "symbol",
    "bar",
    "decoration",
    "tuplet",
    "grace",
    "chord",
    "note",
    "rest",
    "bars",
    "broken",
    "tie",
    "overlay",
    "other",
)


def _chord_symbol(voice: _Voice, text: str) -> None:
    """A chord in quotes; texts that begin with ^ _ < > @ are annotations, and what is no chord is let be."""
    if not text or text[0] in "^_<>@":
        return
    try:
        chord = parse_chord(text.split(";")[0].split("\n")[0].strip("() "))
    except ParseError:
        return
    if chord is None and text.upper() not in ("N.C.", "NC", "N.C", "N"):
        return
    voice.measure.chords.append((float(voice.at), chord))


def _numbers(text: str) -> tuple[int, ...]:
    numbers: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    return tuple(numbers[:16]) or (1,)


def _bar_line(voice: _Voice, bar: str) -> None:
    """Closes the measure and notes repeats; ``::`` ends one and begins another."""
    ends_repeat = bar.startswith(":")
    starts_repeat = bar.endswith(":")
    if bar == "[":
        return  # "[1" after a bar line: the ending's number follows
    heavy = ends_repeat or starts_repeat or bar in ("||", "|]", "[|")
    if voice.open():
        if ends_repeat:
            voice.measure.marks = replace(voice.measure.marks, backward=max(2, bar.count(":") + 1 if not starts_repeat else 2))
        if heavy:
            voice.endings = ()
        if starts_repeat:
            voice.forward_next = True
        voice.close_measure()
    else:
        if ends_repeat and voice.measures:
            voice.measures[-1].marks = replace(voice.measures[-1].marks, backward=2)
        if heavy:
            voice.endings = ()
            voice.measure.marks = replace(voice.measure.marks, endings=())
        if starts_repeat:
            voice.measure.marks = replace(voice.measure.marks, forward=True)
