"""Chords and key: given text to a lane, the key that fits a progression, the mode that fits a mood."""

from __future__ import annotations

from partimento.errors import PartimentoError
from partimento.interpret.mood import mood_mode
from partimento.interpret.reading import Reading
from partimento.interpret.style_choice import StyleChoice
from partimento.plan.plan import ChordAt, ChordLane, Conflict, KeyAt, Origin, Value
from partimento.plan.request import GenerateRequest
from partimento.score.chord import Chord
from partimento.score.chord_text import parse_chords
from partimento.score.text import parse_key
from partimento.score.timing import Key

_FIRST_BONUS, _LAST_BONUS, _CADENCE_BONUS = 0.45, 0.4, 0.25


def fitting_key(chords: list[tuple[Chord, float]]) -> Key:
    """The major or minor key that holds most of a progression.

    Args:
        chords: chords with their lengths (any unit), in order.

    Returns:
        The key with the largest share of chord tones in its scale (harmonic minor counts with natural), with bonuses for
        a tonic at the beginning and the end and for a dominant going to the tonic; of relative keys the one whose tonic
        chord occurs.
    """
    best, best_score = Key(), float("-inf")
    total = sum(length for _, length in chords) or 1.0
    for mode in ("major", "minor"):
        for tonic in range(12):
            key = Key(tonic, mode)
            scale = set(key.scale) | ({(tonic + 11) % 12} if mode == "minor" else set())
            score = 0.0
            for chord, length in chords:
                tones = chord.pitch_classes
                score += length / total * sum(2.0 if t in scale else 0.0 for t in tones) / (2.0 * len(tones)) * 3.0
                if (
                    mode == "minor"
                    and (tonic + 11) % 12 in tones
                    and chord.root != (tonic + 7) % 12
                    and chord.root != (tonic + 11) % 12
                ):
                    score -= 0.6 * length / total
            for chord, bonus in ((chords[0][0], _FIRST_BONUS), (chords[-1][0], _LAST_BONUS)):
                if chord.root == tonic and chord.is_minor == (mode == "minor"):
                    score += bonus
            for (a, _), (b, _) in zip(chords, [*chords[1:], chords[0]], strict=True):
                if b.root == tonic and b.is_minor == (mode == "minor") and a.root == (tonic + 7) % 12 and not a.is_minor:
                    score += _CADENCE_BONUS / len(chords) * 2
            if score > best_score + 1e-9:
                best, best_score = key, score
    return best


def chord_lane(text: str, key: Key | None) -> ChordLane:
    """Chord text as a looping lane.

    Raises:
        ParseError: when the text is not chords, or has Roman numerals without a key.
    """
    bars = parse_chords(text, key)
    chords = tuple(ChordAt(i + slot.start, i + slot.end, slot.chord) for i, bar in enumerate(bars) for slot in bar)
    return ChordLane(chords, float(len(bars)))


def said_chords(reading: Reading) -> Value[ChordLane | None]:
    """Chords inside the words; text that does not parse is left to the unknown words."""
    if reading.chords is None:
        return Value(None)
    try:
        lane = chord_lane(
            reading.chords.value, reading.key[0] if reading.key else Key(0, reading.mode.value if reading.mode else "major")
        )
    except PartimentoError:
        return Value(None)
    return Value(lane, Origin.SAID, reading.chords.words)


def lane_key(lane: ChordLane) -> Key | None:
    """The key that fits a lane's chords, or None when it has none."""
    chords = [(c.chord, c.end_bar - c.start_bar) for c in lane.chords if c.chord is not None]
    return fitting_key(chords) if chords else None


def choose_chords_and_key(
    request: GenerateRequest, reading: Reading, choice: StyleChoice, file_key: Key | None = None
) -> tuple[Value[ChordLane | None], Value[tuple[KeyAt, ...]], list[Conflict]]:
    """Resolve chords and key together, because Roman numerals need a key and a key may follow from chords.

    Raises:
        ParseError: when the given chords or the given key do not parse.
    """
    conflicts: list[Conflict] = []
    given_key = parse_key(request.key) if request.key is not None else None
    asked_key = given_key or (reading.key[0] if reading.key else None)
    said = said_chords(reading)
    if request.chords is not None:
        chords: Value[ChordLane | None] = Value(chord_lane(request.chords, asked_key or file_key), Origin.GIVEN)
        if said.value is not None:
            conflicts.append(Conflict("chords", request.chords, " ".join(said.words), "given beats said"))
    else:
        chords = said
    if given_key is not None:
        if reading.key and reading.key[0] != given_key:
            conflicts.append(Conflict("key", str(given_key), " ".join(reading.key[1]), "given beats said"))
        return chords, Value((KeyAt(0.0, given_key),), Origin.GIVEN), conflicts
    if reading.key:
        return chords, Value((KeyAt(0.0, reading.key[0]),), Origin.SAID, reading.key[1]), conflicts
    if file_key is not None:
        if reading.mode and (reading.mode.value == "minor") != file_key.is_minor:
            conflicts.append(Conflict("key", str(file_key), " ".join(reading.mode.words), "the given notes are in this key"))
        return chords, Value((KeyAt(0.0, file_key),), Origin.GIVEN), conflicts
    if chords.value is not None and (key := lane_key(chords.value)) is not None:
        if "roman" in (reading.chords.value if reading.chords else ""):
            key = Key()
        return chords, Value((KeyAt(0.0, key),), Origin.INFERRED, (), "fits the chords"), conflicts
    return chords, _key_without_chords(reading, choice), conflicts


def _key_without_chords(reading: Reading, choice: StyleChoice) -> Value[tuple[KeyAt, ...]]:
    """Tonic of the style, mode of the words, the mood or the style."""
    tonic = choice.style.keys[0] if choice.style.keys else 0
    usual = max(choice.style.modes, key=lambda mode: choice.style.modes[mode])
    if reading.mode:
        return Value(
            (KeyAt(0.0, Key(tonic, reading.mode.value)),),
            Origin.INFERRED,
            reading.mode.words,
            "mode said, usual tonic of the style",
        )
    if "mode" in choice.facts:
        return Value(
            (KeyAt(0.0, Key(tonic, str(choice.facts["mode"]))),),
            Origin.INFERRED,
            choice.value.words,
            f"style {choice.label or choice.style.id}",
        )
    if lean := mood_mode(reading):
        mode = (
            lean[0]
            if lean[0] == "major" or choice.style.modes.get("dorian", 0) <= choice.style.modes.get("minor", 0)
            else "dorian"
        )
        return Value((KeyAt(0.0, Key(tonic, mode)),), Origin.INFERRED, lean[1], "mood")
    origin = Origin.DEFAULT if choice.value.origin is Origin.DEFAULT else Origin.INFERRED
    return Value((KeyAt(0.0, Key(tonic, usual)),), origin, (), f"style {choice.style.id}")
