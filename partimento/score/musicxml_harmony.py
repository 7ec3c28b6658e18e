"""MusicXML ``<harmony>`` elements to chords and back.

Source: MusicXML 4.0 (W3C Community Group), elements ``harmony``, ``kind``, ``degree``; the values of ``kind`` are the
standard's, with the further ones that common programs write.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement

from partimento.score.chord import Chord
from partimento.score.chord_names import make_chord
from partimento.score.chord_quality import QualityError, parse_quality, quality_text
from partimento.score.spelling import NOTE_NAME, plain

KINDS: dict[str, tuple[int, ...]] = {
    "major": (0, 4, 7), "minor": (0, 3, 7), "augmented": (0, 4, 8), "diminished": (0, 3, 6), "dominant": (0, 4, 7, 10),
    "major-seventh": (0, 4, 7, 11), "minor-seventh": (0, 3, 7, 10), "diminished-seventh": (0, 3, 6, 9),
    "augmented-seventh": (0, 4, 8, 10), "half-diminished": (0, 3, 6, 10), "major-minor": (0, 3, 7, 11),
    "major-sixth": (0, 4, 7, 9), "minor-sixth": (0, 3, 7, 9), "dominant-ninth": (0, 4, 7, 10, 14),
    "major-ninth": (0, 4, 7, 11, 14), "minor-ninth": (0, 3, 7, 10, 14), "dominant-11th": (0, 4, 7, 10, 14, 17),
    "major-11th": (0, 4, 7, 11, 14, 17), "minor-11th": (0, 3, 7, 10, 14, 17), "dominant-13th": (0, 4, 7, 10, 14, 21),
    "major-13th": (0, 4, 7, 11, 14, 21), "minor-13th": (0, 3, 7, 10, 14, 17, 21), "suspended-second": (0, 2, 7),
    "suspended-fourth": (0, 5, 7), "power": (0, 7), "pedal": (0,), "Neapolitan": (0, 4, 7), "Italian": (0, 4, 10),
    "French": (0, 4, 6, 10), "German": (0, 4, 7, 10), "Tristan": (0, 3, 6, 10),
    # not in the standard, but written:
    "minor-major": (0, 3, 7, 11), "augmented-ninth": (0, 4, 8, 10, 14), "major-minor-seventh": (0, 4, 7, 10),
    "suspended-fourth-seventh": (0, 5, 7, 10), "maj69": (0, 4, 7, 9, 14), "min69": (0, 3, 7, 9, 14),
    "dominant-seventh": (0, 4, 7, 10),
}  # fmt: skip
_WRITTEN = (*tuple(KINDS)[:24], "power")
_DOMINANT_DEGREE = {1: 0, 2: 2, 3: 4, 4: 5, 5: 7, 6: 9, 7: 10, 8: 12, 9: 14, 10: 16, 11: 17, 12: 19, 13: 21, 14: 22}
_DEGREE_OF = {
    1: (9, -1), 2: (2, 0), 3: (3, -1), 4: (3, 0), 5: (4, 0), 6: (5, -1), 7: (5, 0), 8: (5, 1), 9: (6, 0), 10: (7, 0), 11: (7, 1),
    13: (9, -1), 14: (9, 0), 15: (9, 1), 16: (11, -1), 17: (11, 0), 18: (11, 1), 20: (13, -1), 21: (13, 0), 22: (13, 1),
    23: (14, 1),
}  # fmt: skip


def _int(element: Element | None, default: int = 0) -> int:
    try:
        return round(float(element.text or "")) if element is not None else default
    except (ValueError, OverflowError):
        return default


def _name(parent: Element, step: str, alter: str) -> str | None:
    letter = (parent.findtext(step) or "").strip().upper()
    if len(letter) != 1 or letter not in "ABCDEFG":
        return None
    accidentals = max(-2, min(2, _int(parent.find(alter))))
    return letter + ("#" * accidentals if accidentals > 0 else "b" * -accidentals)


def _pitch(name: str) -> int:
    return ({"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[name[0]] + name.count("#") - name[1:].count("b")) % 12


def _kind_intervals(kind: Element | None) -> set[int]:
    """Notes that the ``kind`` element says; its text is believed where it names more notes than the value."""
    value = (kind.text or "").strip() if kind is not None else "major"
    intervals = KINDS.get(value)
    shown = plain(kind.get("text", "") if kind is not None else "").strip()
    for text in (shown, value if intervals is None else ""):
        try:
            heard = parse_quality(text) if text and len(text) < 20 else None
        except QualityError:
            heard = None
        if heard is not None and (intervals is None or set(intervals) < set(heard)):
            intervals = heard
    return set(intervals or (0, 4, 7))


def _apply_degree(notes: set[int], degree: Element) -> None:
    value, alter = _int(degree.find("degree-value")), _int(degree.find("degree-alter"))
    if value not in _DOMINANT_DEGREE or abs(alter) > 2:
        return
    # A degree's notes are those on its scale step, whatever their accidental; perfect degrees move by one only.
    middle = _DOMINANT_DEGREE[value]
    reach = {3: (-1, 0), 7: (-1, 0, 1), 5: (-1, 0, 1), 9: (-1, 0, 1), 11: (0, 1), 13: (-1, 0)}.get(value, (0,))
    present = [middle + step for step in reach if middle + step in notes]
    kind = (degree.findtext("degree-type") or "add").strip()
    if kind == "subtract":
        notes.difference_update([middle] if middle in notes else present)
    elif kind == "alter":
        notes.difference_update(present)
        notes.add((present[0] if present else middle) + alter)
    else:
        notes.add(middle + alter)


def read_harmony(element: Element, chromatic: int = 0) -> Chord | None:
    """Chord of a ``<harmony>`` element.

    Args:
        element: the element.
        chromatic: semitones from written to sounding pitch of its part.

    Returns:
        The sounding chord; None for ``kind`` "none".

    Raises:
        ValueError: when the element has no root that can be read.
    """
    kind = element.find("kind")
    if kind is not None and (kind.text or "").strip() == "none":
        return None
    root_element = element.find("root")
    name = _name(root_element, "root-step", "root-alter") if root_element is not None else None
    if name is None:
        raise ValueError("harmony without a root")
    notes = _kind_intervals(kind)
    for degree in element.findall("degree"):
        _apply_degree(notes, degree)
    intervals = tuple(sorted({0} | {n for n in notes if 0 <= n < 24}))
    root = _pitch(name)
    bass_element = element.find("bass")
    bass_name = _name(bass_element, "bass-step", "bass-alter") if bass_element is not None else None
    inversion = _int(element.find("inversion"))
    if bass_name is not None:
        bass = _pitch(bass_name)
    else:
        bass = (root + intervals[inversion]) % 12 if 0 <= inversion < len(intervals) else root
    if chromatic % 12 or len(name) > 2:
        return make_chord((root + chromatic) % 12, intervals, (bass + chromatic) % 12)
    return make_chord(root, intervals, bass, name)


def write_harmony(chord: Chord | None) -> Element:
    """``<harmony>`` element of a chord (None: "no chord")."""
    harmony = Element("harmony")
    if chord is None:
        root = SubElement(harmony, "root")
        SubElement(root, "root-step", {"text": ""}).text = "C"
        SubElement(harmony, "kind", {"text": "N.C."}).text = "none"
        return harmony
    match = NOTE_NAME.match(chord.symbol)
    name = (
        match[0] if match and len(match[0]) <= 2 and _pitch(match[0]) == chord.root else make_chord(chord.root, (0,)).symbol[:2]
    )
    name = name if len(name) == 1 or name[1] in "#b" else name[0]
    _write_name(SubElement(harmony, "root"), "root", name)
    kind, extra, missing = _nearest_kind(chord.intervals)
    SubElement(harmony, "kind", {"text": quality_text(chord.intervals) or kind}).text = kind
    if chord.bass != chord.root:
        bass_text = chord.symbol.rpartition("/")[2]
        bass_match = NOTE_NAME.fullmatch(bass_text)
        bass = bass_text if bass_match and _pitch(bass_text) == chord.bass else make_chord(chord.bass, (0, 4, 7)).symbol
        _write_name(SubElement(harmony, "bass"), "bass", bass)
    altered = [n for n in (6, 8) if n in extra][:1] if 7 in missing else []
    missing = [n for n in missing if not (altered and n == 7)]
    extra = [n for n in extra if n not in altered]
    for type_, notes in (("alter", altered), ("subtract", missing), ("add", extra)):
        for note in notes:
            value, alter = _DEGREE_OF[note]
            degree = SubElement(harmony, "degree")
            SubElement(degree, "degree-value").text = str(value)
            SubElement(degree, "degree-alter").text = str(0 if type_ == "subtract" else alter)
            SubElement(degree, "degree-type").text = type_
    return harmony


def _write_name(parent: Element, tag: str, name: str) -> None:
    SubElement(parent, f"{tag}-step").text = name[0]
    accidentals = name.count("#") - name[1:].count("b")
    if accidentals:
        SubElement(parent, f"{tag}-alter").text = str(accidentals)


def _nearest_kind(intervals: tuple[int, ...]) -> tuple[str, list[int], list[int]]:
    """Kind with the fewest added and left-out notes."""
    have = set(intervals)

    def cost(kind: str) -> int:
        notes = set(KINDS[kind])
        return len(have - notes) + 2 * len(notes - have)

    best = min(_WRITTEN, key=cost)
    notes = set(KINDS[best])
    return best, sorted(have - notes), sorted(notes - have)
