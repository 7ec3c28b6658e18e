"""Reading Standard MIDI Files into a score."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from partimento.errors import FileError, ParseError
from partimento.paths import read_bytes
from partimento.score.bars import bars_from_changes, metre_points, sections_from_marks, starts_of
from partimento.score.chord_names import parse_chord
from partimento.score.instrument_match import guess_role, match_instrument
from partimento.score.instruments import instrument, instruments
from partimento.score.key_guess import guess_key
from partimento.score.midi_write import CHORDS_TRACK, DRUM_CHANNEL, OWN_TEXT
from partimento.score.score import ROLES, ChordSpan, KeyPoint, MetrePoint, Note, Score, Section, Track
from partimento.score.timing import MAX_TEMPO_BPM, MIN_TEMPO_BPM, Key, Metre, TempoMap, TempoPoint

MAX_QUARTERS = 100_000.0
"""Longest MIDI file that is read (about fourteen hours at 120 bpm); beyond it the file is taken for broken."""
MAX_MIDI_BYTES = 64 * 2**20
_EPS = 1e-6
_GRID = (4, 3)  # parts of a quarter note that quantising snaps to: sixteenths and eighth triplets


@dataclass(slots=True)
class _Part:
    """What is gathered for one track and channel of the file."""

    channel: int
    program: int | None = None
    volume: int | None = None
    pan: int | None = None
    begun: bool = False
    notes: list[tuple[int, int, int, int]] = field(default_factory=list)  # on, off, pitch, velocity


@dataclass(slots=True)
class _Contents:
    """What is gathered from the whole file, in ticks."""

    per_quarter: int
    names: dict[int, str] = field(default_factory=dict)
    own: dict[int, dict[str, Any]] = field(default_factory=dict)
    texts: list[tuple[int, int, str]] = field(default_factory=list)  # tick, track, text
    tempos: list[tuple[int, float]] = field(default_factory=list)
    metres: list[tuple[int, Metre]] = field(default_factory=list)
    keys: list[tuple[int, Key]] = field(default_factory=list)
    markers: list[tuple[int, str]] = field(default_factory=list)
    parts: dict[tuple[int, int], _Part] = field(default_factory=dict)


def read_midi(path: str | os.PathLike[str], quantize: bool = False) -> Score:
    """Read a MIDI file.

    Args:
        path: ``.mid`` of type 0, 1 or 2.
        quantize: snap written onsets and ends to sixteenths or triplet eighths, whichever is nearer, and keep the
            difference as ``nudge_s``; otherwise notes stand where the file has them, to the tick.

    Returns:
        The score; a part per track and channel that has notes. Without a key signature the key is guessed.

    Raises:
        FileError: missing, empty, not MIDI, corrupt, in SMPTE time, without notes, or longer than ``MAX_QUARTERS``.
    """
    return parse_midi(read_bytes(path, "MIDI"), str(path), quantize)


def parse_midi(data: bytes, name: str = "MIDI", quantize: bool = False) -> Score:
    """Read a MIDI file from its bytes; ``name`` is what errors call it.

    Raises:
        FileError: as :func:`read_midi`.
    """
    contents = _gather(_load(data, name))
    if not any(part.notes for part in contents.parts.values()):
        raise FileError(f"{name} has no notes")
    end = max(off for part in contents.parts.values() for _, off, _, _ in part.notes) / contents.per_quarter
    if end > MAX_QUARTERS:
        raise FileError(f"{name} lasts {end:.0f} quarter notes; at most {MAX_QUARTERS:.0f} are read")
    score = _assemble(contents, end)
    return _quantized(score) if quantize else score


def _load(data: bytes, name: str) -> Any:
    import mido

    if len(data) > MAX_MIDI_BYTES:
        raise FileError(f"{name} is larger than {MAX_MIDI_BYTES // 2**20} MiB")
    if not data.startswith(b"MThd"):
        raise FileError(f"{name} is not a MIDI file (it does not begin with MThd)")
    try:
        # Latin-1 takes every byte; texts in UTF-8 are recognised afterwards.
        file = mido.MidiFile(file=io.BytesIO(data), charset="latin1", clip=True)
    except Exception as error:  # on broken files mido raises whatever its parser stumbles over, not one error of its own
        raise FileError(f"{name} is not a readable MIDI file: {type(error).__name__}: {error}".rstrip(": ")) from error
    if not 1 <= file.ticks_per_beat < 0x8000:
        raise FileError(f"{name} counts time in SMPTE frames; save it with ticks per quarter note")
    return file


def _text(raw: str) -> str:
    try:
        return raw.encode("latin1").decode("utf-8").strip("\x00 \r\n")
    except UnicodeError:
        return raw.strip("\x00 \r\n")


def _gather(file: Any) -> _Contents:
    """All events in time order, so that programs set in one track hold for notes of another."""
    contents = _Contents(file.ticks_per_beat)
    events: list[tuple[int, int, int, Any]] = []
    offset = 0
    for index, track in enumerate(file.tracks):
        tick = offset if file.type == 2 else 0
        for message in track:
            tick += message.time
            # Offs before everything else, ons last: a program change at a note's tick is meant for the note.
            is_on = message.type == "note_on" and message.velocity > 0
            is_off = message.type == "note_off" or (message.type == "note_on" and not is_on)
            events.append((tick, 0 if is_off else 2 if is_on else 1, index, message))
        offset = tick
    events.sort(key=lambda e: (e[0], e[1]))
    state = _State()
    for tick, _, index, message in events:
        if message.is_meta:
            _meta(contents, state, tick, index, message)
        elif message.type in ("note_on", "note_off", "program_change", "control_change"):
            state.channel_event(contents, tick, index, message)
    return contents


def _meta(contents: _Contents, state: _State, tick: int, index: int, message: Any) -> None:
    kind = message.type
    if kind == "track_name":
        contents.names.setdefault(index, _text(message.name))
    elif kind == "text" and _text(message.text).startswith(OWN_TEXT):
        own = _own(_text(message.text)[len(OWN_TEXT) :])
        if own is not None:
            contents.own.setdefault(index, own)
    elif kind in ("text", "lyrics"):
        contents.texts.append((tick, index, _text(message.text)))
    elif kind == "marker":
        contents.markers.append((tick, _text(message.text)))
    elif kind == "set_tempo" and message.tempo > 0:
        contents.tempos.append((tick, _bpm(message.tempo)))
    elif kind == "time_signature" and 1 <= message.numerator <= 32 and message.denominator in (1, 2, 4, 8, 16, 32):
        contents.metres.append((tick, Metre(message.numerator, message.denominator)))
    elif kind == "key_signature":
        key = _key(message.key)
        if key is not None:
            contents.keys.append((tick, key))
    elif kind == "midi_port":
        state.ports[index] = message.port


def _own(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _bpm(micros: int) -> float:
    """Tempo with as few decimals as give back the same microseconds."""
    exact = 60_000_000 / micros
    for digits in range(5):
        rounded = round(exact, digits)
        if rounded > 0 and round(60_000_000 / rounded) == micros:
            exact = rounded
            break
    return max(MIN_TEMPO_BPM, min(MAX_TEMPO_BPM, exact))


def _key(name: str) -> Key | None:
    from partimento.score.spelling import pitch_class

    try:
        return Key(pitch_class(name.removesuffix("m")), "minor" if name.endswith("m") else "major")
    except KeyError:
        return None


class _State:
    """What MIDI channels remember while a file runs."""

    def __init__(self) -> None:
        self.ports: dict[int, int] = {}
        self.programs: dict[tuple[int, int], int] = {}
        self.controls: dict[tuple[int, int, int], int] = {}
        self.sounding: dict[tuple[int, int, int], list[tuple[int, int]]] = {}  # (track, channel, pitch) → (on, velocity)

    def channel_event(self, contents: _Contents, tick: int, index: int, message: Any) -> None:
        """A note, program or controller."""
        place = (self.ports.get(index, 0), message.channel)
        own = (-1 - index, message.channel)  # what the track itself says goes before what another said for its channel
        if message.type == "program_change":
            self.programs[place] = self.programs[own] = message.program
        elif message.type == "control_change":
            if message.control in (7, 10):
                self.controls[(*place, message.control)] = self.controls[(*own, message.control)] = message.value
        elif message.type == "note_on" and message.velocity > 0:
            part = contents.parts.setdefault((index, message.channel), _Part(message.channel))
            if not part.begun:
                part.begun = True
                part.program = self.programs.get(own, self.programs.get(place))
                part.volume = self.controls.get((*own, 7), self.controls.get((*place, 7)))
                part.pan = self.controls.get((*own, 10), self.controls.get((*place, 10)))
            self.sounding.setdefault((index, message.channel, message.note), []).append((tick, message.velocity))
        else:
            waiting = self.sounding.get((index, message.channel, message.note))
            if waiting:
                on, velocity = waiting.pop(0)
                contents.parts[(index, message.channel)].notes.append((on, max(on + 1, tick), message.note, velocity))


def _assemble(contents: _Contents, end: float) -> Score:
    per_quarter = contents.per_quarter
    header = next((own for own in contents.own.values() if "length" in own), {})
    changes = _unique([(t / per_quarter, m) for t, m in contents.metres])
    if not changes or changes[0][0] > _EPS:
        changes.insert(0, (0.0, Metre()))
    told = header.get("length")
    is_told = isinstance(told, int | float) and end - 0.01 <= told <= MAX_QUARTERS
    length = float(told) if is_told and told is not None else end
    changes = [(at, m) for at, m in changes if at < length - _EPS] or changes[:1]
    bars = bars_from_changes(changes, length)
    starts = starts_of(bars)
    if not is_told:
        length = starts[-1] + bars[-1].bar_quarters
    tracks = _tracks(contents)
    chords = _chords(contents, length)
    pitched = [n for t in tracks if not t.is_drum for n in t.notes]
    keys = [KeyPoint(at, key) for at, key in _unique([(t / per_quarter, k) for t, k in contents.keys]) if at < length - _EPS]
    if not keys:
        keys = [KeyPoint(0.0, guess_key(pitched, chords))]
    keys[0] = KeyPoint(0.0, keys[0].key)
    title_index = 0 if 0 in contents.names and not any(index == 0 for index, _ in contents.parts) else None
    return Score(
        tracks=tracks,
        length=length,
        tempos=_tempos(contents, length),
        metres=_with_groups(metre_points(bars), header),
        keys=_with_modes(tuple(keys), header),
        chords=chords,
        sections=_sections([(t / per_quarter, name) for t, name in contents.markers], starts, header),
        title=contents.names[title_index] if title_index is not None else "",
    )


def _unique(points: Sequence[tuple[float, Any]]) -> list[tuple[float, Any]]:
    """Ascending points, the last of equal places, without repeats of the value in force."""
    kept: list[tuple[float, Any]] = []
    for at, value in sorted(points, key=lambda p: p[0]):
        if kept and at <= kept[-1][0] + _EPS:
            kept[-1] = (kept[-1][0], value)
        elif not kept or kept[-1][1] != value:
            kept.append((at, value))
    return kept


def _tempos(contents: _Contents, length: float) -> tuple[TempoPoint, ...]:
    points = _unique([(t / contents.per_quarter, bpm) for t, bpm in contents.tempos])
    if not points or points[0][0] > _EPS:
        points.insert(0, (0.0, 120.0))
    points[0] = (0.0, points[0][1])
    return tuple(TempoPoint(at, bpm) for at, bpm in points if at < length - _EPS or at == 0)


def _with_groups(points: tuple[MetrePoint, ...], header: dict[str, Any]) -> tuple[MetrePoint, ...]:
    """Metre groups that our own header tells, where they still fit."""
    told: dict[int, tuple[int, ...]] = {}
    rows = header.get("groups")
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, list) and len(row) == 2 and isinstance(row[0], int) and isinstance(row[1], list):
            groups = tuple(g for g in row[1] if isinstance(g, int) and g > 0)
            told[row[0]] = groups
    return tuple(
        replace(p, metre=replace(p.metre, groups=told[p.bar])) if sum(told.get(p.bar, ())) == p.metre.numerator else p
        for p in points
    )


def _with_modes(points: tuple[KeyPoint, ...], header: dict[str, Any]) -> tuple[KeyPoint, ...]:
    """Church modes that our own header tells, where the signature is still theirs."""
    told: dict[int, Key] = {}
    rows = header.get("keys")
    for row in rows if isinstance(rows, list) else ():
        if (
            isinstance(row, list)
            and len(row) == 3
            and all(isinstance(v, kind) for v, kind in zip(row, (int | float, int, str), strict=True))
        ):
            try:
                told[round(row[0] * 960)] = Key(row[1], row[2])
            except ValueError:
                continue  # an edited header: the signature alone counts
    found = []
    for point in points:
        key = told.get(round(point.at * 960))
        found.append(
            KeyPoint(point.at, key) if key and key.fifths == point.key.fifths and key.is_minor == point.key.is_minor else point
        )
    return tuple(found)


def _sections(marks: list[tuple[float, str]], starts: Sequence[float], header: dict[str, Any]) -> tuple[Section, ...]:
    plain = sections_from_marks(marks, starts)
    rows = header.get("sections")
    try:
        told = tuple(Section(str(r[0]), str(r[1]), int(r[2]), int(r[3]), float(r[4])) for r in rows or ())
    except (TypeError, ValueError, IndexError, KeyError):
        return plain
    same = [(s.name, s.start_bar) for s in told] == [(s.name, s.start_bar) for s in plain]
    return told if same and all(s.n_bars >= 1 for s in told) else plain


def _chords(contents: _Contents, length: float) -> tuple[ChordSpan, ...]:
    """Chord symbols from the text events of a track "chords", or of all tracks when every text is a chord."""
    named = {index for index, name in contents.names.items() if name.lower() == CHORDS_TRACK}
    texts = [(tick, text) for tick, index, text in contents.texts if index in named] if named else []
    if not texts:
        texts = [(tick, text) for tick, _, text in contents.texts]
    events: list[tuple[float, Any]] = []
    for tick, text in texts:
        try:
            events.append((tick / contents.per_quarter, parse_chord(text)))
        except ParseError:
            if not named:
                return ()
    events.sort(key=lambda e: e[0])
    spans = []
    for i, (at, chord) in enumerate(events):
        end = min(length, events[i + 1][0] if i + 1 < len(events) else length)
        if chord is not None and end > at + _EPS:
            spans.append(ChordSpan(at, end, chord))
    return tuple(spans)


def _tracks(contents: _Contents) -> tuple[Track, ...]:
    tracks: list[Track] = []
    used: set[str] = set()
    has_melody = False
    single = {index for index, _ in contents.parts if sum(i == index for i, _ in contents.parts) == 1}
    for (index, channel), part in sorted(contents.parts.items()):
        if not part.notes:
            continue
        is_drum = channel == DRUM_CHANNEL
        own = contents.own.get(index, {}) if index in single else {}
        name = contents.names.get(index, "")
        notes = tuple(
            sorted(
                (Note(on / contents.per_quarter, (off - on) / contents.per_quarter, p, v) for on, off, p, v in part.notes),
                key=lambda n: (n.start, n.pitch),
            )
        )
        id_ = own.get("instrument")
        if id_ not in instruments() or instrument(str(id_)).is_drum != is_drum:
            id_ = match_instrument(name if index in single else "", part.program, is_drum)
        role = own.get("role")
        if role not in ROLES:
            role = guess_role(str(id_), notes, not has_melody)
        has_melody = has_melody or role == "melody"
        base = name or instrument(str(id_)).en
        unique, n = base, 2
        while unique in used:
            unique, n = f"{base} {n}", n + 1
        used.add(unique)
        gain_db, pan = _level(part, own)
        tracks.append(Track(unique, str(role), str(id_), part.program or 0, is_drum, notes, gain_db, pan))
    return tuple(tracks)


def _level(part: _Part, own: dict[str, Any]) -> tuple[float, float | None]:
    """Gain and pan: our own exact values while the controllers still say about the same."""
    import math

    gain = 40 * math.log10(max(1, part.volume) / 100) if part.volume is not None else 0.0
    pan = max(-1.0, min(1.0, (part.pan - 64) / 63.5)) if part.pan is not None else None
    told_gain, told_pan = own.get("gain_db"), own.get("pan")
    if isinstance(told_gain, int | float) and abs(told_gain - gain) < 1.0:
        gain = float(told_gain)
    if isinstance(told_pan, int | float) and pan is not None and abs(told_pan - pan) < 0.02:
        pan = float(told_pan)
    return gain, pan


def _quantized(score: Score) -> Score:
    tempo_map = score.tempo_map
    return replace(score, tracks=tuple(replace(t, notes=_snap(t.notes, tempo_map)) for t in score.tracks))


def _snap(notes: Sequence[Note], tempo_map: TempoMap) -> tuple[Note, ...]:
    snapped = []
    for note in notes:
        start = _nearest(note.start)
        end = max(_nearest(note.end), start + 1 / 6)
        nudge_s = tempo_map.seconds(note.start) - tempo_map.seconds(start)
        snapped.append(replace(note, start=start, duration=end - start, nudge_s=nudge_s))
    return tuple(sorted(snapped, key=lambda n: (n.start, n.pitch)))


def _nearest(quarter: float) -> float:
    return min((round(quarter * parts) / parts for parts in _GRID), key=lambda at: (abs(at - quarter), at))
