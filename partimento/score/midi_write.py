"""Writing Standard MIDI Files (type 1, RP-001 of the MIDI Association).

Track 0 holds tempo, metre, key and sections (markers); a track "chords" holds chord symbols as text events, which
players ignore and other programs show; then one track per part. Texts that begin with ``partimento`` carry what MIDI
has no word for (roles, modes, metre groups), so that reading gives the same score back.
"""

from __future__ import annotations

import io
import json
from typing import Any

from partimento.score.chord_names import chord_symbol
from partimento.score.score import Note, Score, Track
from partimento.score.timing import Key, TempoMap

TICKS_PER_QUARTER = 960
OWN_TEXT = "partimento "
CHORDS_TRACK = "chords"
DRUM_CHANNEL = 9
_MELODIC_CHANNELS = tuple(c for c in range(16) if c != DRUM_CHANNEL)
_REFERENCE_VOLUME = 100  # controller 7 at 0 dB (General MIDI's default)


def midi_bytes(score: Score) -> bytes:
    """A score as the bytes of a MIDI file: the same score gives the same bytes.

    Notes start where they are played (written onset plus ``nudge_s``). Where a pitch is struck again in the same part
    while it sounds, the first note ends there, since MIDI cannot tell the two apart.
    """
    import mido

    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_QUARTER, charset="utf-8")
    file.tracks.append(_track(_conductor(score), score))
    if score.chords:
        file.tracks.append(_track(_chord_texts(score), score))
    for track, (port, channel) in zip(score.tracks, assign_channels(score.tracks), strict=True):
        file.tracks.append(_track(_part(track, port, channel, score.tempo_map), score))
    stream = io.BytesIO()
    file.save(file=stream)
    return stream.getvalue()


def ticks(quarter: float) -> int:
    """Ticks of a position in quarter notes."""
    return round(quarter * TICKS_PER_QUARTER)


Event = tuple[int, int, Any]  # tick, rank among events of the same tick, message


def _track(events: list[Event], score: Score) -> Any:
    """A mido track from timed events, closed at the score's end or the last event."""
    import mido

    track = mido.MidiTrack()
    at = 0
    for tick, _, message in sorted(events, key=lambda e: (e[0], e[1])):
        message.time = tick - at
        track.append(message)
        at = tick
    track.append(mido.MetaMessage("end_of_track", time=max(0, ticks(score.length) - at)))
    return track


def _conductor(score: Score) -> list[Event]:
    import mido

    events: list[Event] = []
    if score.title:
        events.append((0, 0, mido.MetaMessage("track_name", name=score.title)))
    events.append((0, 1, mido.MetaMessage("text", text=OWN_TEXT + json.dumps(_header(score), ensure_ascii=False))))
    for tempo in score.tempos:
        micros = max(1, min(0xFFFFFF, round(60_000_000 / tempo.bpm)))
        events.append((ticks(tempo.at), 2, mido.MetaMessage("set_tempo", tempo=micros)))
    starts = score.bar_starts
    for point in score.metres:
        if point.bar < len(starts):
            metre = point.metre
            message = mido.MetaMessage("time_signature", numerator=metre.numerator, denominator=metre.denominator)
            events.append((ticks(starts[point.bar]), 3, message))
    events += [(ticks(p.at), 4, mido.MetaMessage("key_signature", key=_signature(p.key))) for p in score.keys]
    sections = [s for s in score.sections if s.start_bar < len(starts)]
    events += [(ticks(starts[s.start_bar]), 5, mido.MetaMessage("marker", text=s.name)) for s in sections]
    return events


def _header(score: Score) -> dict[str, Any]:
    return {
        "length": float(score.length),
        "keys": [[float(p.at), p.key.tonic, p.key.mode] for p in score.keys],
        "groups": [[p.bar, list(p.metre.groups)] for p in score.metres if p.metre.groups],
        "sections": [[s.name, s.material, s.start_bar, s.n_bars, float(s.energy)] for s in score.sections],
    }


def _signature(key: Key) -> str:
    """Name of the key signature; a church mode is written as the major or minor key with the same accidentals."""
    fifths = key.fifths
    tonic = (fifths * 7 + (9 if key.is_minor else 0)) % 12
    name = Key(tonic, "minor" if key.is_minor else "major").spell(tonic)
    return name + ("m" if key.is_minor else "")


def _chord_texts(score: Score) -> list[Event]:
    import mido

    events: list[Event] = [(0, 0, mido.MetaMessage("track_name", name=CHORDS_TRACK))]
    end = 0.0
    for span in score.chords:
        if span.start > end + 1e-6:
            events.append((ticks(end), 1, mido.MetaMessage("text", text=chord_symbol(None))))
        events.append((ticks(span.start), 1, mido.MetaMessage("text", text=span.chord.symbol)))
        end = span.end
    if end < score.length - 1e-6:
        events.append((ticks(end), 1, mido.MetaMessage("text", text=chord_symbol(None))))
    return events


def assign_channels(tracks: tuple[Track, ...]) -> list[tuple[int, int]]:
    """(port, channel) of every track.

    Drum tracks take channel 10 (9 counted from 0), the same port while kit, level and place are the same. Pitched tracks have
    a channel each; from the sixteenth on, equal sounds (program, level, place) share one before a further port opens.
    """
    pitched = sum(not t.is_drum for t in tracks)
    share = pitched > len(_MELODIC_CHANNELS)
    places: list[tuple[int, int]] = []
    kits: list[tuple[int, float, float | None]] = []
    used: dict[tuple[int, float, float | None], tuple[int, int]] = {}
    n_used = 0
    for track in tracks:
        sound = (track.program, track.gain_db, track.pan)
        if track.is_drum:
            if sound not in kits:
                kits.append(sound)
            places.append((kits.index(sound), DRUM_CHANNEL))
            continue
        if not (share and sound in used):
            used[sound] = (n_used // len(_MELODIC_CHANNELS), _MELODIC_CHANNELS[n_used % len(_MELODIC_CHANNELS)])
            n_used += 1
        places.append(used[sound])
    return places


def _part(track: Track, port: int, channel: int, tempo_map: TempoMap) -> list[Event]:
    import mido

    own: dict[str, Any] = {"role": track.role, "instrument": track.instrument, "gain_db": float(track.gain_db)}
    own["pan"] = None if track.pan is None else float(track.pan)
    events: list[Event] = [
        (0, 0, mido.MetaMessage("track_name", name=track.name)),
        (0, 1, mido.MetaMessage("text", text=OWN_TEXT + json.dumps(own, ensure_ascii=False))),
    ]
    if port:
        events.append((0, 2, mido.MetaMessage("midi_port", port=port)))
    events.append((0, 3, mido.Message("program_change", channel=channel, program=track.program)))
    if track.gain_db:
        # General MIDI level 2, section 3.3.1: gain is 40 log10(value / 127) dB.
        value = max(0, min(127, round(_REFERENCE_VOLUME * 10 ** (track.gain_db / 40.0))))
        events.append((0, 4, mido.Message("control_change", channel=channel, control=7, value=value)))
    if track.pan is not None:
        value = max(0, min(127, round(64 + 63.5 * track.pan)))
        events.append((0, 4, mido.Message("control_change", channel=channel, control=10, value=value)))
    for on, off, pitch, velocity in played_ticks(track.notes, tempo_map):
        events.append((on, 7, mido.Message("note_on", channel=channel, note=pitch, velocity=velocity)))
        events.append((off, 6, mido.Message("note_off", channel=channel, note=pitch, velocity=0)))
    return events


def played_ticks(notes: tuple[Note, ...], tempo_map: TempoMap) -> list[tuple[int, int, int, int]]:
    """(on, off, pitch, velocity) of every note in ticks; no two notes of a pitch overlap."""
    by_pitch: dict[int, list[list[int]]] = {}
    for note in notes:
        start, end = note.start, note.end
        if note.nudge_s:
            start = max(0.0, tempo_map.quarters(tempo_map.seconds(start) + note.nudge_s))
            end = max(start, tempo_map.quarters(tempo_map.seconds(end) + note.nudge_s))
        on = ticks(start)
        by_pitch.setdefault(note.pitch, []).append([on, max(on + 1, ticks(end)), note.velocity])
    played: list[tuple[int, int, int, int]] = []
    for pitch, group in by_pitch.items():
        group.sort()
        kept: list[list[int]] = []
        for on, off, velocity in group:
            if kept and on == kept[-1][0]:
                kept[-1][1:] = [max(off, kept[-1][1]), max(velocity, kept[-1][2])]
            elif kept and on < kept[-1][1]:
                last_off = kept[-1][1]
                kept[-1][1] = on
                kept.append([on, max(off, last_off), velocity])
            else:
                kept.append([on, off, velocity])
        played += [(on, off, pitch, velocity) for on, off, velocity in kept]
    return sorted(played)
