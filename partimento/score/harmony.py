"""Small pure helpers about chords in keys that more than one package needs."""

from __future__ import annotations

from partimento.score.chord import Chord
from partimento.score.chord_names import chord_symbol, make_chord
from partimento.score.timing import Key

TONIC, SUBDOMINANT, DOMINANT, CHROMATIC = "tonic", "subdominant", "dominant", "chromatic"
_FUNCTIONS = (TONIC, SUBDOMINANT, TONIC, SUBDOMINANT, DOMINANT, TONIC, DOMINANT)


def chord_in_key(root: int, intervals: tuple[int, ...], key: Key, bass: int | None = None) -> Chord:
    """A chord whose symbol is spelled as the key has it.

    Args:
        root: pitch class 0-11.
        intervals: semitones above the root, ascending, starting with 0.
        key: the key.
        bass: pitch class of the lowest note; the root when None.
    """
    chord = make_chord(root, intervals, bass)
    return Chord(chord.root, chord.intervals, chord.bass, chord_symbol(chord, key))


def transpose_chord(chord: Chord, semitones: int, key: Key | None = None) -> Chord:
    """The same chord ``semitones`` higher (negative: lower), spelled for ``key`` (the key of arrival) when given."""
    moved = make_chord((chord.root + semitones) % 12, chord.intervals, (chord.bass + semitones) % 12)
    return moved if key is None else Chord(moved.root, moved.intervals, moved.bass, chord_symbol(moved, key))


def diatonic_chords(key: Key, sevenths: bool = False) -> tuple[Chord, ...]:
    """The seven chords in thirds on the notes of the scale, from the tonic upwards.

    In minor the fifth is major and the seventh stands on the leading note, as functional harmony has them (harmonic
    minor); the church modes keep their own notes.
    """
    chords = []
    for degree in range(7):
        scale = list(key.scale)
        if key.mode == "minor" and degree in (4, 6):
            scale[6] = (key.tonic + 11) % 12
        root = scale[degree]
        steps = (0, 2, 4, 6) if sevenths else (0, 2, 4)
        intervals = tuple((scale[(degree + step) % 7] - root) % 12 for step in steps)
        chords.append(chord_in_key(root, intervals, key))
    return tuple(chords)


def is_diatonic(chord: Chord, key: Key) -> bool:
    """True when every note of the chord is in the scale (in minor also with raised sixth and seventh)."""
    notes = set(key.scale)
    if key.mode == "minor":
        notes |= {(key.tonic + 9) % 12, (key.tonic + 11) % 12}
    return set(chord.pitch_classes) | {chord.bass} <= notes


def chord_function(chord: Chord, key: Key) -> str:
    """``tonic``, ``subdominant``, ``dominant`` or ``chromatic``.

    After H. Riemann, "Vereinfachte Harmonielehre" (1893): I, III and VI stand for the tonic, II and IV for the
    subdominant, V and VII for the dominant. A dominant seventh chord or a leading-note diminished chord on another
    degree is chromatic (it belongs to another key), and so is a root outside the scale.
    """
    degree = (chord.root - key.tonic) % 12
    if degree == 11 and 3 in chord.intervals and 6 in chord.intervals:
        return DOMINANT
    if chord.root not in key.scale:
        return CHROMATIC
    index = key.scale.index(chord.root)
    if chord.is_dominant and index not in (4, 6):
        return CHROMATIC
    return _FUNCTIONS[index]


def chord_tones_in_range(chord: Chord, low: int, high: int) -> tuple[int, ...]:
    """All MIDI pitches from ``low`` to ``high`` (both included) that are notes of the chord, ascending."""
    notes = set(chord.pitch_classes)
    return tuple(p for p in range(max(0, low), min(127, high) + 1) if p % 12 in notes)


def is_chord_tone(pitch: int, chord: Chord) -> bool:
    """True when a MIDI pitch (or pitch class) is a note of the chord; a foreign slash bass counts as one."""
    return pitch % 12 in chord.pitch_classes or pitch % 12 == chord.bass


def nearest_chord_tone(pitch: int, chord: Chord) -> int:
    """The chord tone nearest to a MIDI pitch (the lower of two equally near)."""
    notes = set(chord.pitch_classes)
    return next(p for step in range(7) for p in (pitch - step, pitch + step) if p % 12 in notes)


def guide_tones(chord: Chord) -> tuple[int, ...]:
    """Pitch classes that tell the chord apart: its third (or what stands for it) and its seventh or sixth."""
    found = [chord.third] if chord.third is not None else []
    seventh = chord.seventh
    if seventh is None and 9 in chord.intervals:
        seventh = (chord.root + 9) % 12
    if seventh is not None and seventh not in found:
        found.append(seventh)
    return tuple(found)


def available_tensions(chord: Chord, key: Key) -> tuple[int, ...]:
    """Tensions (13 to 21 semitones above the root) that may colour a chord without hurting it.

    After B. Nettles and R. Graf, "The Chord Scale Theory" (1997): notes of the key a whole step above a chord tone; a
    note a semitone above a chord tone is avoided, except over dominant chords, where flat ninths and thirteenths of
    the key are good. Notes that the chord has already are not listed.
    """
    scale = set(key.scale)
    if key.mode == "minor" and chord.is_dominant:
        scale.add((key.tonic + 11) % 12)
    tones = set(chord.pitch_classes)
    found = []
    for tension in (13, 14, 15, 17, 18, 20, 21):
        pitch_class = (chord.root + tension) % 12
        if pitch_class in tones or pitch_class not in scale:
            continue
        clashes = (pitch_class - 1) % 12 in tones
        if not clashes or (chord.is_dominant and tension in (13, 20)):
            found.append(tension)
    return tuple(found)
