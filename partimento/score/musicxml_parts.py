"""MusicXML parts to plain measures: notes, harmonies, tempos and marks, each at its place in its written measure.

Source: MusicXML 4.0 (W3C Community Group). Time inside a measure is counted by the file's own integer divisions and
only then turned into quarter notes, so that tuplets do not drift.
"""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree.ElementTree import Element

from partimento.score.assemble import RawMeasure, RawNote, RawPart
from partimento.score.musicxml_harmony import read_harmony
from partimento.score.spelling import LETTER_PITCH
from partimento.score.timing import MAX_TEMPO_BPM, MIN_TEMPO_BPM, Metre

DYNAMICS = {
    "pppp": 12, "ppp": 22, "pp": 34, "p": 48, "mp": 62, "mf": 78, "f": 94, "ff": 110, "fff": 120, "ffff": 126, "sf": 104,
    "sfz": 104, "fp": 94, "sffz": 112, "rf": 100, "rfz": 100, "fz": 104,
}  # fmt: skip
"""MIDI velocity of a written dynamic (the usual ladder of notation programs)."""
_PASSING = ("sf", "sfz", "fp", "sffz", "rf", "rfz", "fz")  # accents: the level afterwards is as before
_BEAT_UNITS = {"breve": 8.0, "whole": 4.0, "half": 2.0, "quarter": 1.0, "eighth": 0.5, "16th": 0.25, "32nd": 0.125}
# Where drums stand on a five-line staff (N. Weinberg, "Guidelines for Drumset Notation", 1994) → General MIDI key.
_DRUM_STAFF = {
    "D4": 44, "E4": 35, "F4": 36, "G4": 41, "A4": 43, "B4": 45, "C5": 38, "D5": 47, "E5": 48, "F5": 51, "G5": 42, "A5": 49,
    "B5": 57,
}  # fmt: skip
MAX_MEASURE_QUARTERS = 512.0


def number(text: str | None, default: float = 0.0) -> float:
    """A finite number from text, else the default."""
    try:
        value = float(text or "")
    except ValueError:
        return default
    return value if -1e9 < value < 1e9 else default


class PartReader:
    """Reads one ``<part>`` measure by measure, keeping what carries over from bar to bar."""

    def __init__(self, declaration: Element | None) -> None:
        self.divisions = 1
        self.chromatic = 0
        self.velocity = DYNAMICS["mf"]
        self.unpitched: dict[str, int] = {}
        self.percussion = False
        self.started = False  # past the first measure
        self.ending: tuple[int, ...] = ()
        self.closing = False  # the ending in force stops with this measure
        self.declared(declaration)

    def declared(self, part: Element | None) -> None:
        """Reads the ``<score-part>``."""
        self.name = (part.findtext("part-name") or "").strip() if part is not None else ""
        self.program: int | None = None
        self.pan: float | None = None
        if part is None:
            return
        if not self.name or self.name.lower() in ("musicxml part", "part_1", "instrument 1"):
            self.name = (part.findtext("score-instrument/instrument-name") or "").strip()
        for midi in part.findall("midi-instrument"):
            program = number(midi.findtext("midi-program"), 0)
            if self.program is None and 1 <= program <= 128:
                self.program = int(program) - 1
            if midi.find("pan") is not None and self.pan is None:
                self.pan = max(-1.0, min(1.0, number(midi.findtext("pan")) / 90.0))
            if number(midi.findtext("midi-channel")) == 10:
                self.percussion = True
            key = number(midi.findtext("midi-unpitched"), 0)
            if 1 <= key <= 128:
                self.unpitched[midi.get("id", "")] = int(key) - 1

    def read(self, part: Element) -> RawPart:
        """All measures of the part."""
        measures = [self._measure(m) for m in part.iter("measure")]
        struck = sum(n.unpitched for m in measures for n in m.notes)
        total = sum(len(m.notes) for m in measures)
        is_drum = struck * 2 > total if struck else self.percussion
        for measure in measures if struck and not is_drum else ():
            measure.notes = [n for n in measure.notes if not n.unpitched]  # a violinist tapping the body
        return RawPart(self.name, self.program, self.pan, is_drum, measures)

    def _measure(self, element: Element) -> RawMeasure:
        measure = RawMeasure()
        self.cursor = 0
        self.chord_start = 0
        self.before_notes: list[int] = []  # harmonies waiting for the next note
        for child in element:
            tag = child.tag
            if tag == "note":
                self._note(child, measure)
            elif tag == "backup":
                self.cursor = max(0, self.cursor - self._ticks(child))
            elif tag == "forward":
                self.cursor += self._ticks(child)
                self._reach(measure, self.cursor)
            elif tag == "attributes":
                self._attributes(child, measure)
            elif tag == "harmony":
                self._harmony(child, measure)
            elif tag == "direction":
                self._direction(child, measure)
            elif tag == "sound":
                self._sound(child, measure, self.cursor / self.divisions)
            elif tag == "barline":
                self._barline(child, measure)
        if self.ending and not measure.marks.endings:
            measure.marks = replace(measure.marks, endings=self.ending)
        self.started = True
        if self.closing:
            self.ending, self.closing = (), False
        return measure

    def _ticks(self, element: Element) -> int:
        return max(0, round(number(element.findtext("duration"))))

    def _reach(self, measure: RawMeasure, ticks: int) -> None:
        measure.length = min(MAX_MEASURE_QUARTERS, max(measure.length, ticks / self.divisions))

    def _attributes(self, element: Element, measure: RawMeasure) -> None:
        divisions = round(number(element.findtext("divisions"), 0))
        if divisions > 0 and divisions != self.divisions:
            self.cursor = round(self.cursor * divisions / self.divisions)
            self.divisions = divisions
        transpose = element.find("transpose")
        if transpose is not None:
            self.chromatic = int(number(transpose.findtext("chromatic"))) + 12 * int(number(transpose.findtext("octave-change")))
        key = element.find("key")
        if key is not None and key.find("fifths") is not None:
            mode = (key.findtext("mode") or "").strip().lower() or None
            fifths = int(number(key.findtext("fifths"))) + 7 * self.chromatic
            measure.key = (fifths, mode)
        time = element.find("time")
        if time is not None:
            measure.free = time.find("senza-misura") is not None
            measure.metre = _read_time(time) or measure.metre
        if element.findtext("clef/sign") == "percussion" and not self.started:
            self.percussion = True

    def _note(self, element: Element, measure: RawMeasure) -> None:
        if element.find("grace") is not None:
            return
        ticks = self._ticks(element)
        if element.find("chord") is not None:
            start = self.chord_start
        else:
            start = self.cursor
            self.chord_start = start
            self.cursor += ticks
            self._spread(measure, ticks)
        rest = element.find("rest")
        if rest is not None:
            if rest.get("measure") != "yes":
                self._reach(measure, self.cursor)
            return
        self._reach(measure, start + ticks)
        pitch = self._pitch(element)
        if pitch is None or ticks <= 0 or element.find("cue") is not None:
            return
        ties = {tie.get("type") for tie in element.findall("tie")}
        velocity = self.velocity
        if element.get("dynamics"):
            velocity = round(90 * number(element.get("dynamics"), 90.0) / 100)
        measure.notes.append(
            RawNote(
                start / self.divisions,
                ticks / self.divisions,
                pitch,
                max(1, min(127, velocity)),
                "start" in ties,
                "stop" in ties,
                element.find("unpitched") is not None,
            )
        )

    def _pitch(self, element: Element) -> int | None:
        unpitched = element.find("unpitched")
        if unpitched is not None:
            instrument = element.find("instrument")
            known = self.unpitched.get(instrument.get("id", "")) if instrument is not None else None
            if known is not None:
                return known
            if len(set(self.unpitched.values())) == 1:
                return next(iter(self.unpitched.values()))
            place = (unpitched.findtext("display-step") or "C").strip() + (unpitched.findtext("display-octave") or "5").strip()
            return _DRUM_STAFF.get(place, 38)
        pitch = element.find("pitch")
        if pitch is None:
            return None
        step = (pitch.findtext("step") or "").strip().upper()
        if step not in LETTER_PITCH:
            return None
        midi = LETTER_PITCH[step] + round(number(pitch.findtext("alter"))) + 12 * (int(number(pitch.findtext("octave"), 4)) + 1)
        midi += self.chromatic
        return midi if 0 <= midi <= 127 else None

    def _harmony(self, element: Element, measure: RawMeasure) -> None:
        try:
            chord = read_harmony(element, self.chromatic)
        except ValueError:
            return
        offset = number(element.findtext("offset"))
        at = max(0.0, (self.cursor + offset) / self.divisions)
        measure.chords.append((at, chord))
        if not offset:
            self.before_notes.append(len(measure.chords) - 1)

    def _spread(self, measure: RawMeasure, ticks: int) -> None:
        """Several harmonies written before one note without offsets share that note's length."""
        waiting, self.before_notes = self.before_notes, []
        same = [i for i in waiting if abs(measure.chords[i][0] - self.chord_start / self.divisions) < 1e-9]
        if len(same) > 1:
            for share, i in enumerate(same):
                at = self.chord_start / self.divisions + share * ticks / self.divisions / len(same)
                measure.chords[i] = (at, measure.chords[i][1])

    def _direction(self, element: Element, measure: RawMeasure) -> None:
        at = max(0.0, (self.cursor + number(element.findtext("offset"))) / self.divisions)
        sound = element.find("sound")
        if sound is not None:
            self._sound(sound, measure, at)
        for kind in element.findall("direction-type"):
            for child in kind:
                if child.tag == "dynamics":
                    names = [d.tag for d in child if d.tag in DYNAMICS and d.tag not in _PASSING]
                    self.velocity = DYNAMICS[names[-1]] if names else self.velocity
                elif child.tag == "metronome" and (sound is None or sound.get("tempo") is None):
                    _add_tempo(measure, at, _metronome(child))
                elif child.tag == "segno":
                    measure.marks = replace(measure.marks, segno=True)
                elif child.tag == "coda" and (sound is None or sound.get("tocoda") is None):
                    measure.marks = replace(measure.marks, coda=True)
                elif child.tag == "rehearsal":
                    measure.rehearsal = (child.text or "").strip()
                elif child.tag == "words" and sound is None:
                    self._words((child.text or "").strip(), measure)

    def _words(self, text: str, measure: RawMeasure) -> None:
        if re.match(r"(?i)d\.?\s?c\.?(\s|$)|da capo", text):
            measure.marks = replace(measure.marks, jump="dacapo")
        elif re.match(r"(?i)d\.?\s?s\.?(\s|$)|dal segno", text):
            measure.marks = replace(measure.marks, jump="dalsegno")
        elif re.fullmatch(r"(?i)fine\.?", text):
            measure.marks = replace(measure.marks, fine=True)
        elif re.fullmatch(r"(?i)(to|al) coda.*", text):
            measure.marks = replace(measure.marks, to_coda=True)

    def _sound(self, element: Element, measure: RawMeasure, at: float) -> None:
        if element.get("tempo"):
            _add_tempo(measure, at, number(element.get("tempo")))
        if element.get("dynamics"):
            self.velocity = max(1, min(127, round(90 * number(element.get("dynamics"), 90.0) / 100)))
        if element.get("dacapo") == "yes":
            measure.marks = replace(measure.marks, jump="dacapo")
        elif element.get("dalsegno"):
            measure.marks = replace(measure.marks, jump="dalsegno")
        marks = measure.marks
        measure.marks = replace(
            marks,
            fine=marks.fine or bool(element.get("fine")),
            to_coda=marks.to_coda or bool(element.get("tocoda")),
            segno=marks.segno or bool(element.get("segno")),
            coda=marks.coda or bool(element.get("coda")),
        )

    def _barline(self, element: Element, measure: RawMeasure) -> None:
        repeat = element.find("repeat")
        if repeat is not None and repeat.get("direction") == "forward":
            measure.marks = replace(measure.marks, forward=True)
        elif repeat is not None and repeat.get("direction") == "backward":
            times = int(number(repeat.get("times"), 2))
            measure.marks = replace(measure.marks, backward=max(2, min(16, times)))
        ending = element.find("ending")
        if ending is None:
            return
        if ending.get("type") == "start":
            self.ending = tuple(int(n) for n in re.findall(r"\d{1,2}", ending.get("number", "1"))) or (1,)
            measure.marks = replace(measure.marks, endings=self.ending)
        else:
            self.closing = True


def _read_time(element: Element) -> Metre | None:
    """Metre of a ``<time>``; ``3+2`` and several fractions become groups."""
    beats, types = element.findall("beats"), element.findall("beat-type")
    pairs: list[tuple[list[int], int]] = []
    for top, bottom in zip(beats, types, strict=False):
        groups = [int(n) for n in re.findall(r"\d{1,3}", top.text or "")]
        unit = int(number(bottom.text))
        if not groups or min(groups) <= 0 or unit not in (1, 2, 4, 8, 16, 32):
            return None
        pairs.append((groups, unit))
    if not pairs:
        return None
    unit = max(u for _, u in pairs)
    felt = [g * unit // u for groups, u in pairs for g in groups]
    if sum(felt) > 32:
        return None
    return Metre(sum(felt), unit, tuple(felt) if len(felt) > 1 else ())


def _metronome(element: Element) -> float:
    unit = _BEAT_UNITS.get((element.findtext("beat-unit") or "").strip(), 0.0)
    dots = len(element.findall("beat-unit-dot"))
    found = re.search(r"\d+(\.\d+)?", element.findtext("per-minute") or "")
    return float(found[0]) * unit * (2 - 0.5**dots) if found else 0.0


def _add_tempo(measure: RawMeasure, at: float, bpm: float) -> None:
    if bpm > 0:
        measure.tempos.append((at, max(MIN_TEMPO_BPM, min(MAX_TEMPO_BPM, bpm))))
