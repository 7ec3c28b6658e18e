"""Writing MusicXML 4.0 (.musicxml, .mxl).

Written directly rather than through music21: the same score gives the same bytes (no dates, no random ids), and three
hundred bars take a tenth of a second.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from partimento.score.instruments import instrument, instruments
from partimento.score.musicxml_harmony import write_harmony
from partimento.score.notation import UNITS, VALUES, Symbol, WrittenBar, to_units, written_bars
from partimento.score.score import Note, Score, Track
from partimento.score.spelling import spell_pitch
from partimento.score.timing import Key

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" "http://www.musicxml.org/dtds/partwise.dtd">\n'
)
_CONTAINER = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<container><rootfiles><rootfile full-path="score.musicxml" '
    'media-type="application/vnd.recordare.musicxml+xml"/></rootfiles></container>\n'
)
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
# General MIDI drum key → place and note head on the staff (N. Weinberg, "Guidelines for Drumset Notation", 1994).
_DRUM_PLACE = {
    35: ("E4", ""), 36: ("F4", ""), 37: ("C5", "x"), 38: ("C5", ""), 39: ("C5", "x"), 40: ("C5", ""), 41: ("G4", ""),
    42: ("G5", "x"), 43: ("A4", ""), 44: ("D4", "x"), 45: ("B4", ""), 46: ("G5", "x"), 47: ("D5", ""), 48: ("E5", ""),
    49: ("A5", "x"), 50: ("E5", ""), 51: ("F5", "x"), 52: ("B5", "x"), 53: ("F5", "diamond"), 54: ("E5", "triangle"),
    55: ("B5", "x"),
    56: ("E5", "triangle"), 57: ("B5", "x"), 59: ("F5", "x"), 70: ("G5", "x"), 82: ("G5", "x"),
}  # fmt: skip


def musicxml_bytes(score: Score) -> bytes:
    """A score as MusicXML text: parts at sounding pitch, chord symbols and tempo over the first, sections as rehearsal marks."""
    root = Element("score-partwise", {"version": "4.0"})
    if score.title:
        SubElement(SubElement(root, "work"), "work-title").text = score.title
    encoding = SubElement(SubElement(root, "identification"), "encoding")
    SubElement(encoding, "software").text = "Partimento"
    part_list = SubElement(root, "part-list")
    for number, track in enumerate(score.tracks, start=1):
        _declare(part_list, number, track)
    for number, track in enumerate(score.tracks, start=1):
        _write_part(SubElement(root, "part", {"id": f"P{number}"}), number, score, track)
    ElementTree.indent(root, " ")
    return (_HEAD + ElementTree.tostring(root, encoding="unicode") + "\n").encode("utf-8")


def mxl_bytes(score: Score) -> bytes:
    """A score as a compressed MusicXML archive (.mxl)."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in (("META-INF/container.xml", _CONTAINER.encode()), ("score.musicxml", musicxml_bytes(score))):
            info = zipfile.ZipInfo(name, _ZIP_DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, data)
    return stream.getvalue()


def _drum_keys(track: Track) -> list[int]:
    return sorted({n.pitch for n in track.notes})


def _declare(part_list: Element, number: int, track: Track) -> None:
    part = SubElement(part_list, "score-part", {"id": f"P{number}"})
    SubElement(part, "part-name").text = track.name
    name = instrument(track.instrument).en if track.instrument in instruments() else track.instrument
    ids = [(f"P{number}-K{key}", key) for key in _drum_keys(track)] if track.is_drum else [(f"P{number}-I1", None)]
    for id_, key in ids:
        sound = SubElement(part, "score-instrument", {"id": id_})
        SubElement(sound, "instrument-name").text = name if key is None else f"drum key {key}"
    channel = 10 if track.is_drum else 1 + [c for c in range(16) if c != 9][(number - 1) % 15]
    for id_, key in ids:
        midi = SubElement(part, "midi-instrument", {"id": id_})
        SubElement(midi, "midi-channel").text = str(channel)
        SubElement(midi, "midi-program").text = str(track.program + 1)
        if key is not None:
            SubElement(midi, "midi-unpitched").text = str(key + 1)
        if track.pan is not None:
            SubElement(midi, "pan").text = f"{track.pan * 90:.2f}"


def _write_part(part: Element, number: int, score: Score, track: Track) -> None:
    starts = score.bar_starts
    for bar in written_bars(score, track):
        measure = SubElement(part, "measure", {"number": str(bar.index + 1)})
        start, end = score.bar_span(bar.index)
        _attributes(measure, score, track, bar)
        if number == 1:
            _directions(measure, score, bar.index, start, end)
        key = score.key_at(starts[bar.index])
        for voice, symbols in enumerate(bar.voices, start=1):
            if voice > 1:
                SubElement(SubElement(measure, "backup"), "duration").text = str(bar.units)
            _voice(measure, number, track, key, symbols, voice)
        if bar.index == len(starts) - 1:
            SubElement(SubElement(measure, "barline", {"location": "right"}), "bar-style").text = "light-heavy"


def _attributes(measure: Element, score: Score, track: Track, bar: WrittenBar) -> None:
    first = bar.index == 0
    start, end = score.bar_span(bar.index)
    keys = [p.key for p in score.keys if start - 1e-6 <= p.at < end - 1e-6 or (first and p.at == 0)]
    metres = [p.metre for p in score.metres if p.bar == bar.index]
    if not (first or keys or metres):
        return
    attributes = SubElement(measure, "attributes")
    if first:
        SubElement(attributes, "divisions").text = str(UNITS)
    if keys and not track.is_drum:
        element = SubElement(attributes, "key")
        SubElement(element, "fifths").text = str(keys[-1].fifths)
        SubElement(element, "mode").text = keys[-1].mode
    if metres:
        element = SubElement(attributes, "time")
        groups = metres[-1].groups
        SubElement(element, "beats").text = "+".join(map(str, groups)) if groups else str(metres[-1].numerator)
        SubElement(element, "beat-type").text = str(metres[-1].denominator)
    if first:
        sign, line, octave = _clef(track)
        clef = SubElement(attributes, "clef")
        SubElement(clef, "sign").text = sign
        if line:
            SubElement(clef, "line").text = line
        if octave:
            SubElement(clef, "clef-octave-change").text = octave


def _clef(track: Track) -> tuple[str, str, str]:
    if track.is_drum:
        return "percussion", "", ""
    mean = sum(n.pitch for n in track.notes) / len(track.notes) if track.notes else 60.0
    return ("F", "4", "-1") if mean < 36 else ("F", "4", "") if mean < 57 else ("G", "2", "") if mean < 84 else ("G", "2", "1")


def _directions(measure: Element, score: Score, bar: int, start: float, end: float) -> None:
    """Tempo, rehearsal marks and chord symbols of a bar, placed by offset from its start."""
    for tempo in score.tempos:
        if start - 1e-6 <= tempo.at < end - 1e-6:
            direction = SubElement(measure, "direction", {"placement": "above"})
            metronome = SubElement(SubElement(direction, "direction-type"), "metronome")
            SubElement(metronome, "beat-unit").text = "quarter"
            SubElement(metronome, "per-minute").text = f"{tempo.bpm:g}"
            _offset(direction, tempo.at - start)
            SubElement(direction, "sound", {"tempo": f"{tempo.bpm:.6g}"})
    for section in score.sections:
        if section.start_bar == bar:
            direction = SubElement(measure, "direction", {"placement": "above"})
            SubElement(SubElement(direction, "direction-type"), "rehearsal").text = section.name
    events: list[tuple[float, Element]] = []
    for i, span in enumerate(score.chords):
        if start - 1e-6 <= span.start < end - 1e-6:
            events.append((span.start, write_harmony(span.chord)))
        following = score.chords[i + 1].start if i + 1 < len(score.chords) else score.length
        if span.end < following - 1e-6 and start - 1e-6 <= span.end < end - 1e-6:
            events.append((span.end, write_harmony(None)))
    for at, harmony in events:
        _offset(harmony, at - start)
        measure.append(harmony)


def _offset(element: Element, quarters: float) -> None:
    units = to_units(max(0.0, quarters))
    if units:
        SubElement(element, "offset").text = str(units)


def _voice(measure: Element, number: int, track: Track, key: Key, symbols: Sequence[Symbol], voice: int) -> None:
    tuplets = _tuplet_marks(symbols)
    for i, symbol in enumerate(symbols):
        for j, note in enumerate(symbol.notes or (None,)):
            element = SubElement(measure, "note")
            if note is not None:
                element.set("dynamics", f"{note.velocity / 0.9:.2f}")
            if j:
                SubElement(element, "chord")
            _pitch(element, track, key, note, symbol)
            SubElement(element, "duration").text = str(symbol.units)
            ties = [t for t, on in (("stop", symbol.tied_from), ("start", symbol.tied_to)) if on and note is not None]
            for tie in ties:
                SubElement(element, "tie", {"type": tie})
            if track.is_drum and note is not None:
                SubElement(element, "instrument", {"id": f"P{number}-K{note.pitch}"})
            SubElement(element, "voice").text = str(voice)
            _type(element, symbol)
            if track.is_drum and note is not None and _DRUM_PLACE.get(note.pitch, ("", ""))[1]:
                SubElement(element, "notehead").text = _DRUM_PLACE[note.pitch][1]
            marks = tuplets.get(i, []) if j == 0 else []
            if ties or marks:
                notations = SubElement(element, "notations")
                for tie in ties:
                    SubElement(notations, "tied", {"type": tie})
                for mark in marks:
                    SubElement(notations, "tuplet", {"type": mark})


def _pitch(element: Element, track: Track, key: Key, note: Note | None, symbol: Symbol) -> None:
    if note is None:
        SubElement(element, "rest", {"measure": "yes"} if symbol.whole_bar else {})
        return
    if track.is_drum:
        place = _DRUM_PLACE.get(note.pitch, ("C5", ""))[0]
        unpitched = SubElement(element, "unpitched")
        SubElement(unpitched, "display-step").text = place[0]
        SubElement(unpitched, "display-octave").text = place[1]
        return
    letter, accidental, octave = spell_pitch(note.pitch, key)
    pitch = SubElement(element, "pitch")
    SubElement(pitch, "step").text = letter
    if accidental:
        SubElement(pitch, "alter").text = str(accidental)
    SubElement(pitch, "octave").text = str(octave)


def _type(element: Element, symbol: Symbol) -> None:
    value = VALUES.get(symbol.units)
    if symbol.whole_bar or value is None:
        return
    SubElement(element, "type").text = value.type
    for _ in range(value.dots):
        SubElement(element, "dot")
    if value.triplet:
        change = SubElement(element, "time-modification")
        SubElement(change, "actual-notes").text = "3"
        SubElement(change, "normal-notes").text = "2"


def _tuplet_marks(symbols: Sequence[Symbol]) -> dict[int, list[str]]:
    """Where triplet brackets open and close, by symbol index: a bracket closes as soon as its sum is straight again."""
    marks: dict[int, list[str]] = {}
    opened, total = -1, 0
    for i, symbol in enumerate(symbols):
        value = VALUES.get(symbol.units)
        if value is None or not value.triplet or symbol.whole_bar:
            opened, total = -1, 0
            continue
        if opened < 0:
            opened, total = i, 0
        total += symbol.units
        if total % 3 == 0 and i > opened:
            marks.setdefault(opened, []).append("start")
            marks.setdefault(i, []).append("stop")
            opened = -1
    return marks
