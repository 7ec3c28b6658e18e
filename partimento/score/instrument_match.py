"""From a part's name or General MIDI program to an id of the instrument table, and a guess of what the part does."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from partimento.score.instruments import instrument, instruments
from partimento.score.score import Note

# Names on printed parts, in the usual languages of editions; the table itself gives the English and Chinese ones.
_PART_NAMES = {
    "violin": r"violin[oie]?s?|vln?s?|geigen?|violons?|vni?",
    "viola": r"viola[s]?|viole|vla?s?|bratschen?|altos? \(viola\)",
    "cello": r"(violon)?cell[oi]s?|vlc|vcs?|vc",
    "contrabass": r"contrabass(es|i|o)?|kontrab[aä]ss(e)?|cb|contrebasses?",
    "double_bass": r"(double|upright|acoustic|string) bass(es)?",
    "piano": r"pian(o|oforte)s?|pno|pf|klavier|fl[uü]gel|hammerklavier|keyboards?|grand piano",
    "voice": r"voices?|vox|soprano?s?|mezzo(-?soprano)?s?|alto|tenore?s?|baritone?|bass-baritone|singstimme|gesang|cant(o|us)|"
    r"chant|contralto|vocals?|solo|stimme|sopran|bariton|melody",
    "choir": r"choir|chorus|chor|coro|satb",
    "flute": r"flut(e|es|o)|fl(auto|auti|öte|öten|ûte)?s?",
    "clarinet": r"clarinet(s|ti|to|te)?|klarinetten?|clarinettes?|cl",
    "oboe": r"oboe[ns]?|oboi|hautbois|ob",
    "bassoon": r"bassoons?|fagott(o|i|e)?|bassons?|bsn|fg",
    "french_horn": r"(french )?horns?|corn[oi]|h[oö]rner|cors?|hn",
    "trumpet": r"trumpets?|tromb[ae]|trompeten?|trompettes?|tpt",
    "trombone": r"trombon[eisn]+|posaunen?|tbn",
    "timpani": r"timpani|pauken?|timbales?|timp",
    "organ": r"organ[o]?|orgel|orgue",
    "church_organ": r"(church|pipe) organ",
    "guitar": r"guit(ar|are|arre)s?|gitarren?|gtr",
    "bass": r"(electric |e-)?bass( guitar)?",
    "harp": r"harp[es]?|arpa|harfen?",
    "drums": r"drum ?(set|kit)s?|drums|schlagzeug|batterie|drumset",
    "electric_piano": r"e-?piano|rhodes|wurlitzer",
    "saxophone": r"sax(ophones?)?",
    "alto_sax": r"alto sax(ophone)?s?",
    "tenor_sax": r"tenor sax(ophone)?s?",
    "strings": r"strings?( ensemble| section)?|streicher|archi",
}
_FAMILY_DEFAULT = {  # General MIDI programs that no row of the table owns: the nearest row that has one of the family
    0: "piano", 1: "piano", 2: "electric_piano", 3: "piano", 5: "electric_piano", 17: "organ", 18: "organ", 20: "organ",
    31: "electric_guitar", 34: "bass", 37: "slap_bass", 39: "synth_bass", 49: "strings", 51: "synth_strings", 54: "choir",
    55: "strings", 63: "synth_brass", 76: "pan_flute", 78: "tin_whistle", 80: "synth_lead", 111: "suona", 112: "bells",
    113: "bells", 115: "xylophone", 117: "taiko", 118: "taiko", 119: "timpani",
    **dict.fromkeys(range(96, 104), "synth_pad"), **dict.fromkeys(range(120, 128), "synth"),
}  # fmt: skip
_VOICES = (52, 53, 54)


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    rows = [(re.compile(pattern), id_) for id_, pattern in _PART_NAMES.items()]
    named = [(re.compile(re.escape(row.en.lower())), id_) for id_, row in instruments().items()]
    return tuple(named + rows)


def _clean(name: str) -> str:
    name = name.lower().strip().replace("_", " ")
    name = re.sub(r"\b(in|en) [a-h](es|is|b|♭| flat| sharp)?\b|\([^)]*\)", " ", name)
    name = re.sub(r"\b([b-h]b?)(?= (clarinet|trumpet|horn|sax))", " ", name)
    return re.sub(r"[\s\d.,:;]+|\b(i|ii|iii|iv|v)\b|\b(the|solo|1st|2nd|3rd|first|second)\b", " ", name).strip()


def instrument_by_name(name: str) -> str | None:
    """Instrument id of a part's name ("Violino II", "Vlc.", "Singstimme", "钢琴"), or None."""
    lines = [line for line in name.splitlines() if line.strip()]
    for text in (name.lower().strip(), _clean(name), *(_clean(line) for line in lines if len(lines) > 1)):
        if not text:
            continue
        for pattern, id_ in _patterns():
            if pattern.fullmatch(text):
                return id_
        for id_, row in instruments().items():
            if row.zh == text:
                return id_
    words = _clean(name)
    best = [(len(row.en), id_) for id_, row in instruments().items() if re.search(rf"\b{re.escape(row.en.lower())}\b", words)]
    return max(best, key=lambda pair: pair[0])[1] if best else None


@cache
def instrument_by_program(program: int) -> str:
    """Instrument id that plays a General MIDI program (0-127); pitched ones without a row go to their nearest kin."""
    if program in _FAMILY_DEFAULT:
        return _FAMILY_DEFAULT[program]
    for id_, row in instruments().items():
        if not row.is_drum and row.program == program and not row.like:
            return id_
    family = program // 8
    kin = [id_ for id_, row in instruments().items() if not row.is_drum and row.program // 8 == family]
    return kin[0] if kin else "piano"


def match_instrument(name: str, program: int | None, is_drum: bool) -> str:
    """Instrument id of an imported part: the name decides, else the program (0-127 or None), else it is the piano."""
    by_name = instrument_by_name(name)
    if is_drum:
        return by_name if by_name and instrument(by_name).is_drum else "drums"
    if by_name and instrument(by_name).is_drum:
        by_name = None
    if by_name == "bass" and program in _VOICES:
        return instrument_by_program(program)  # the lowest voice of a choir
    return by_name or instrument_by_program(program or 0)


def is_monophonic(notes: Sequence[Note]) -> bool:
    """True when hardly any notes (at most one in fifty) begin while another of the part still sounds."""
    overlaps, end = 0, 0.0
    for note in notes:
        overlaps += note.start < end - 1e-6
        end = max(end, note.end)
    return overlaps * 50 <= len(notes)


def guess_role(instrument_id: str, notes: Sequence[Note], is_first_tune: bool) -> str:
    """Role of an imported part: the first single line is the melody, further ones counter lines.

    Args:
        instrument_id: row of the table.
        notes: sorted by start.
        is_first_tune: no earlier part is a melody.
    """
    row = instrument(instrument_id)
    if row.is_drum or row.role == "bass":
        return row.role
    if is_monophonic(notes) or not row.poly:
        return "melody" if is_first_tune else "counter"
    return row.role if row.role in ("chords", "pad", "arpeggio") else "chords"
