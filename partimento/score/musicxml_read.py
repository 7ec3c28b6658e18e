"""Reading MusicXML (.musicxml, .xml and compressed .mxl) into a score as it sounds.

Repeats are played out, ties joined, transposing instruments brought to sounding pitch, grace and cue notes dropped,
and an upbeat is set right-aligned into a full first bar, so that every bar of the score is a bar of its metre. A direct
reader rather than music21's, because lead sheets come by the hundred: about ten times as fast, and nothing to import.
"""

from __future__ import annotations

import io
import os
import xml.parsers.expat
import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from xml.etree import ElementTree

from partimento.errors import FileError
from partimento.paths import read_bytes
from partimento.score.bars import metre_of_length, metre_points, sections_from_marks, starts_of
from partimento.score.chord import Chord
from partimento.score.instrument_match import guess_role, match_instrument
from partimento.score.instruments import instrument
from partimento.score.key_guess import guess_key
from partimento.score.musicxml_parts import PartReader, RawMeasure, RawPart
from partimento.score.repeats import MeasureMarks, play_order
from partimento.score.score import ChordSpan, KeyPoint, Note, Score, Section, Track
from partimento.score.timing import Key, Metre, TempoPoint

MAX_XML_BYTES = 64 * 2**20
"""Largest MusicXML text that is read; also the bound on what an .mxl archive may unpack to."""
_EPS = 1e-6
_MODES = ("major", "minor", "dorian", "phrygian", "lydian", "mixolydian", "locrian")
_MODE_STEP = {"major": 0, "minor": 9, "dorian": 2, "phrygian": 4, "lydian": 5, "mixolydian": 7, "locrian": 11}
DEFAULT_TEMPO_BPM = 120.0


def read_musicxml(path: str | os.PathLike[str], play_repeats: bool = True) -> Score:
    """Read a MusicXML file.

    Args:
        path: ``.musicxml``, ``.xml`` or ``.mxl``; which of them it is is seen from the content.
        play_repeats: unfold repeats and jumps; else every written measure comes once, in the order of the page.

    Returns:
        The score as played (or as written). Where the file has no mode, major or minor is inferred from the last bass note.

    Raises:
        FileError: missing, too large, corrupt, or not MusicXML.
    """
    return parse_musicxml(read_bytes(path, "MusicXML"), str(path), play_repeats)


def parse_musicxml(data: bytes, name: str = "MusicXML", play_repeats: bool = True) -> Score:
    """Read MusicXML from bytes (plain or zipped); ``name`` is what errors call it.

    Raises:
        FileError: as :func:`read_musicxml`.
    """
    if not data.strip():
        raise FileError(f"'{name}' is empty")
    root = _root(_unpack(data, name) if data[:2] == b"PK" else data, name)
    parts = _parts(root)
    if not parts or not any(p.measures for p in parts):
        raise FileError(f"'{name}' has no measures; a MusicXML score with at least one part is needed")
    title = (root.findtext("work/work-title") or root.findtext("movement-title") or "").strip()
    return _Assembler(parts, title, play_repeats).score()


def _unpack(data: bytes, name: str) -> bytes:
    """The root file of an .mxl archive (MusicXML 4.0, "Compressed .mxl files")."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            target = ""
            if "META-INF/container.xml" in names:
                target = _rootfile(_bounded(archive, "META-INF/container.xml", name), name)
            if target not in names:
                target = next((n for n in names if n.endswith((".xml", ".musicxml")) and not n.startswith("META-INF")), "")
            if not target:
                raise FileError(f"'{name}' is an archive without a MusicXML file")
            return _bounded(archive, target, name)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"'{name}' is not a readable .mxl archive: {error}") from error


def _rootfile(container: bytes, name: str) -> str:
    """Path of the score that a container names; empty when the container is broken (common: an & not escaped)."""
    try:
        root = _root(container, name)
    except FileError:
        return ""
    return next((e.get("full-path", "") for e in root.iter() if e.tag.endswith("rootfile")), "")


def _bounded(archive: zipfile.ZipFile, member: str, name: str) -> bytes:
    with archive.open(member) as stream:
        data = stream.read(MAX_XML_BYTES + 1)
    if len(data) > MAX_XML_BYTES:
        raise FileError(f"'{name}' unpacks to more than {MAX_XML_BYTES // 2**20} MiB")
    return data


def _root(data: bytes, name: str) -> ElementTree.Element:
    """Parse XML; entity declarations are refused, so that no small file can grow large."""
    if len(data) > MAX_XML_BYTES:
        raise FileError(f"'{name}' is larger than {MAX_XML_BYTES // 2**20} MiB")
    try:
        guard = xml.parsers.expat.ParserCreate()
        guard.EntityDeclHandler = _refuse_entity
        guard.Parse(data, True)
        root = ElementTree.fromstring(data)
    except (xml.parsers.expat.ExpatError, ElementTree.ParseError, ValueError, LookupError) as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"'{name}' is not readable XML: {error}") from error
    if "}" in root.tag:
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2]
    return root


def _refuse_entity(*_: object) -> None:
    raise FileError("the XML declares entities, which MusicXML does not need; save the file again from a notation program")


def _parts(root: ElementTree.Element) -> list[RawPart]:
    declared = {p.get("id", ""): p for p in root.findall("part-list/score-part")}
    parts = root.findall("part")
    if root.tag == "score-timewise":
        by_id: dict[str, ElementTree.Element] = {}
        for measure in root.findall("measure"):
            for piece in measure.findall("part"):
                part = by_id.setdefault(piece.get("id", ""), ElementTree.Element("part", {"id": piece.get("id", "")}))
                bar = ElementTree.SubElement(part, "measure", dict(measure.attrib))
                bar.extend(list(piece))
        parts = list(by_id.values())
    return [PartReader(declared.get(part.get("id", ""))).read(part) for part in parts]


class _Assembler:
    """Lays the measures of all parts out in time."""

    def __init__(self, parts: list[RawPart], title: str, play_repeats: bool) -> None:
        self.parts = parts
        self.title = title
        self.n_written = max(len(p.measures) for p in parts)
        for part in parts:
            part.measures += [RawMeasure() for _ in range(self.n_written - len(part.measures))]
        self.columns = [[p.measures[i] for p in parts] for i in range(self.n_written)]
        self._written_metres()
        marks = [_merge_marks([m.marks for m in column]) for column in self.columns]
        self.order = play_order(marks) if play_repeats else list(range(len(marks)))
        self._lay_out()

    def _written_metres(self) -> None:
        """Metre in force and real length of every written measure."""
        metre = self._usual_metre()
        self.metres: list[Metre] = []
        self.lengths: list[float] = []
        for column in self.columns:
            metre = next((m.metre for m in column if m.metre is not None), metre)
            free = any(m.free for m in column)
            length = max(m.length for m in column)
            self.metres.append(metre_of_length(length, metre) if free and length else metre)
            self.lengths.append(length or self.metres[-1].bar_quarters)

    def _usual_metre(self) -> Metre:
        """For measures before any time signature: the commonest length in quarters."""
        lengths = [max(m.length for m in column) for column in self.columns]
        counts = Counter(round(length, 6) for length in lengths if length)
        if any(m.metre for m in self.columns[0]) or not counts:
            return Metre()
        return metre_of_length(max(counts.items(), key=lambda item: (item[1], item[0]))[0], Metre())

    def _lay_out(self) -> None:
        """Bars in time: ``starts`` of the played measures and ``bars`` (metre of each sounding bar)."""
        self.starts: list[float] = []
        self.bars: list[Metre] = []
        at = 0.0
        filled, whole = 0.0, None  # an incomplete bar that waits for its rest
        for k, index in enumerate(self.order):
            metre, length = self.metres[index], self.lengths[index]
            nominal = metre.bar_quarters
            if whole is not None:
                if length < nominal - _EPS and filled + length <= whole.bar_quarters + _EPS:
                    self.starts.append(at + filled)
                    filled += length
                    if filled > whole.bar_quarters - _EPS:
                        self.bars.append(whole)
                        at, whole = at + whole.bar_quarters, None
                    continue
                # Before a jump the bar is filled up with silence; elsewhere it is as short as it was written.
                jumped = self.order[k - 1] + 1 != index
                short = whole if jumped else metre_of_length(filled, whole)
                self.bars.append(short)
                at, whole = at + short.bar_quarters, None
            if k == 0 and length < nominal - _EPS:
                self.starts.append(nominal - length)
                self.bars.append(metre)
                at = nominal
            elif length < nominal - _EPS:
                self.starts.append(at)
                filled, whole = length, metre
            else:
                real = metre if length <= nominal + _EPS else metre_of_length(length, metre)
                self.starts.append(at)
                self.bars.append(real)
                at += real.bar_quarters
        if whole is not None:
            self.bars.append(whole)
            at += whole.bar_quarters
        self.length = at

    def score(self) -> Score:
        tracks = self._tracks()
        return Score(
            tracks=tracks,
            length=self.length,
            tempos=self._tempos(),
            metres=metre_points(self.bars),
            keys=self._keys(tracks),
            chords=self._chords(),
            sections=self._sections(),
            title=self.title,
        )

    def _tracks(self) -> tuple[Track, ...]:
        tracks: list[Track] = []
        used: set[str] = set()
        has_melody = False
        for number, part in enumerate(self.parts, start=1):
            notes = self._notes(part)
            id_ = match_instrument(part.name, part.program, part.is_drum)
            row = instrument(id_)
            role = "melody" if len(self.parts) == 1 and not part.is_drum else guess_role(id_, notes, not has_melody)
            has_melody = has_melody or role == "melody"
            name = " ".join(part.name.split()) or (row.en if len(self.parts) == 1 else f"part {number}")
            unique, n = name, 2
            while unique in used:
                unique, n = f"{name} {n}", n + 1
            used.add(unique)
            program = 0 if part.is_drum else row.program if part.program is None else part.program
            tracks.append(Track(unique, role, id_, program, part.is_drum, notes, pan=part.pan))
        return tuple(tracks)

    def _notes(self, part: RawPart) -> tuple[Note, ...]:
        """Notes of a part as played, ties joined, unisons of two voices kept once."""
        found: dict[tuple[int, int], list[float]] = {}  # (start in 1/960, pitch) → start, end, velocity
        tied: dict[tuple[int, int], tuple[list[float], int]] = {}  # (end in 1/960, pitch) → note that goes on, its measure
        for index, start in zip(self.order, self.starts, strict=True):
            for raw in part.measures[index].notes:
                begin = start + raw.start
                end = begin + raw.duration
                note, measure = tied.pop((round(begin * 960), raw.pitch), (None, -1))
                # Some files leave the second half of a tie out; over a repeat only a written "stop" counts.
                if note is None or not (raw.tie_stop or index >= measure):
                    key = (round(begin * 960), raw.pitch)
                    note = found.setdefault(key, [begin, end, float(raw.velocity)])
                note[1] = max(note[1], end)
                if raw.tie_start:
                    tied[(round(end * 960), raw.pitch)] = (note, index)
        notes = [Note(n[0], n[1] - n[0], pitch, int(n[2])) for (_, pitch), n in found.items()]
        return tuple(sorted(notes, key=lambda n: (n.start, n.pitch)))

    def _tempos(self) -> tuple[TempoPoint, ...]:
        points: list[tuple[float, float]] = []
        for k, (index, start) in enumerate(zip(self.order, self.starts, strict=True)):
            jumped = k > 0 and self.order[k - 1] + 1 != index
            if jumped:
                before = [bpm for column in self.columns[:index] for m in column for _, bpm in m.tempos]
                points += [(start, before[-1])] if before else []
            points += sorted((start + at, bpm) for m in self.columns[index] for at, bpm in m.tempos)
        if not points or points[0][0] > self.bars[0].bar_quarters + _EPS:
            points.insert(0, (0.0, DEFAULT_TEMPO_BPM))
        points[0] = (0.0, points[0][1])
        kept: list[TempoPoint] = []
        for at, bpm in points:
            if kept and at <= kept[-1].at + _EPS:
                kept[-1] = TempoPoint(kept[-1].at, bpm)
            elif not kept or bpm != kept[-1].bpm:
                kept.append(TempoPoint(at, bpm))
        return tuple(kept)

    def _keys(self, tracks: Sequence[Track]) -> tuple[KeyPoint, ...]:
        if not any(m.key for column in self.columns for m in column):
            return (KeyPoint(0.0, guess_key([n for t in tracks if not t.is_drum for n in t.notes], self._chords())),)
        written: list[tuple[int, str | None]] = []
        current: tuple[int, str | None] = next(m.key for column in self.columns for m in column if m.key)
        for column in self.columns:
            pitched = [m.key for m, p in zip(column, self.parts, strict=True) if m.key is not None and not p.is_drum]
            current = pitched[0] if pitched else current
            written.append(current)
        regions: list[tuple[float, tuple[int, str | None]]] = []
        for index, start in zip(self.order, self.starts, strict=True):
            if not regions or regions[-1][1] != written[index]:
                regions.append((start if regions else 0.0, written[index]))
        points: list[KeyPoint] = []
        for i, (start, (fifths, mode)) in enumerate(regions):
            end = regions[i + 1][0] if i + 1 < len(regions) else self.length
            key = _key(fifths, mode if mode in _MODES else {"ionian": "major", "aeolian": "minor"}.get(mode or "") or "")
            key = key or _infer_key(fifths, tracks, start, end)
            if not points or key != points[-1].key:
                points.append(KeyPoint(start, key))
        return tuple(points)

    def _chords(self) -> tuple[ChordSpan, ...]:
        counts = [sum(len(m.chords) for m in part.measures) for part in self.parts]
        if not any(counts):
            return ()
        measures = self.parts[counts.index(max(counts))].measures
        carried: list[Chord | None] = []
        current: Chord | None = None
        for measure in measures:
            carried.append(current)
            if measure.chords:
                current = max(measure.chords, key=lambda c: c[0])[1]
        events: list[tuple[float, Chord | None]] = []
        for k, (index, start) in enumerate(zip(self.order, self.starts, strict=True)):
            chords = sorted(measures[index].chords, key=lambda c: c[0])
            jumped = k > 0 and self.order[k - 1] + 1 != index
            if jumped and not (chords and chords[0][0] < _EPS):
                events.append((start, carried[index]))
            length = self.lengths[index]
            events += [(start + at, chord) for at, chord in chords if at < length - _EPS]
        spans: list[ChordSpan] = []
        for i, (at, chord) in enumerate(events):
            end = events[i + 1][0] if i + 1 < len(events) else self.length
            if chord is not None and end > at + _EPS:
                spans.append(ChordSpan(at, end, chord))
        return tuple(spans)

    def _sections(self) -> tuple[Section, ...]:
        """Rehearsal marks as sections, when the piece has any."""
        names: list[tuple[float, str]] = []
        for index, start in zip(self.order, self.starts, strict=True):
            name = next((m.rehearsal for m in self.columns[index] if m.rehearsal), "")
            if name:
                names.append((start, name))
        return sections_from_marks(names, starts_of(self.bars))


def _merge_marks(marks: Sequence[MeasureMarks]) -> MeasureMarks:
    """Marks of all parts together: files write repeats into every part, signs often into the first only."""
    return MeasureMarks(
        forward=any(m.forward for m in marks),
        backward=max(m.backward for m in marks),
        endings=next((m.endings for m in marks if m.endings), ()),
        segno=any(m.segno for m in marks),
        coda=any(m.coda for m in marks),
        fine=any(m.fine for m in marks),
        to_coda=any(m.to_coda for m in marks),
        jump=next((m.jump for m in marks if m.jump), ""),
    )


def _key(fifths: int, mode: str) -> Key | None:
    return Key((fifths * 7 + _MODE_STEP[mode]) % 12, mode) if mode else None


def _infer_key(fifths: int, tracks: Sequence[Track], start: float, end: float) -> Key:
    """Major, or the relative minor when the region's last and lowest note is its tonic."""
    major, minor = Key(fifths * 7 % 12, "major"), Key((fifths * 7 + 9) % 12, "minor")
    notes = [n for t in tracks if not t.is_drum for n in t.notes if start - _EPS <= n.start < end - _EPS]
    if not notes:
        return major
    last = max(n.end for n in notes)
    final = min((n.pitch for n in notes if n.end > last - 0.26), default=notes[-1].pitch)
    return minor if final % 12 == minor.tonic else major
