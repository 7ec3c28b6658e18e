"""Who plays: said instruments with their roles, completed from the style only as far as is sensible."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from partimento.interpret.absence import excludes, with_exceptions
from partimento.interpret.ensembles import (
    BAND,
    LARGE,
    ORCHESTRA,
    asked_size,
    drops_out_of_nothing,
    is_closed_list,
    is_sung,
    is_whole_ensemble,
    leaves_nobody,
    wants_orchestra,
)
from partimento.interpret.reading import Reading, SaidInstrument
from partimento.interpret.style_choice import StyleChoice
from partimento.plan.plan import Conflict, Origin, Value
from partimento.score.instruments import Instrument, instruments
from partimento.score.score import ROLES

MAX_PARTS = 12
_MAX_PLAYERS = 4
_HANDS = 3  # percussionists who are the rhythm section of a style without a kit
HARMONY = ("chords", "pad", "arpeggio")
_TWO_HANDED = ("keys", "guitars", "mallets", "synth")
_SUBSTITUTES = {
    "chords": ("piano", "acoustic_guitar", "electric_piano", "organ", "strings", "harp", "synth_pad", "marimba"),
    "pad": ("strings", "synth_pad", "choir", "organ"),
    "arpeggio": ("harp", "piano", "acoustic_guitar", "marimba", "synth_pluck"),
    "bass": ("bass", "double_bass", "synth_bass", "tuba"),
    "melody": ("flute", "violin", "clarinet", "saxophone", "trumpet", "piano", "synth_lead"),
    "drums": (),
    "percussion": (),
    "counter": (),
}  # fmt: skip
_SOLO_STYLES = ("classical", "baroque", "ragtime", "ambient", "waltz", "chinese", "folk")
"""Styles in which one named keyboard, guitar or harp is a whole piece."""
_ELECTRIC_LEADS = ("synth_lead", "saxophone", "organ", "electric_piano", "piano", "electric_guitar")
_ELECTRIC = (
    "electric_guitar",
    "overdriven_guitar",
    "distorted_guitar",
    "drum_machine",
    "synth",
    "synth_lead",
    "synth_bass",
    "bass",
    "electric_piano",
)
_WORD_PROGRAMS = {
    ("electric_guitar", "distorted"): "distorted_guitar", ("electric_guitar", "muted"): "muted_guitar",
    ("guitar", "distorted"): "distorted_guitar", ("guitar", "muted"): "muted_guitar", ("guitar", "clean"): "electric_guitar",
    ("bass", "slapped"): "slap_bass", ("double_bass", "bowed"): "contrabass", ("trumpet", "muted"): "muted_trumpet",
    ("strings", "pizzicato"): "pizzicato_strings", ("strings", "tremolo"): "tremolo_strings",
    ("strings", "plucked"): "pizzicato_strings", ("drums", "electronic"): "drum_machine", ("drums", "programmed"): "drum_machine",
    ("drums", "digital"): "drum_machine",
}  # fmt: skip
_LULLABY = re.compile(r"\b(?:lullab(?:y|ies)|cradle songs?|berceuse)\b|摇篮曲|催眠曲")


@dataclass
class Draft:
    """A part before it has bars."""

    instrument: str
    role: str
    origin: Origin
    words: tuple[str, ...] = ()
    reason: str = ""
    program: int | None = None
    solo: bool = False
    style_words: tuple[str, ...] = ()
    sketch: int | None = None
    name: str = ""
    follows: str = field(default="")  # the instrument whose passages it shares
    gain_db: float = 0.0
    from_energy: float = 0.0  # quieter sections leave it out
    after: tuple[str, ...] = ()  # takes over from these: plays where none of them does

    @property
    def row(self) -> Instrument:
        """Its line in the instrument table."""
        return instruments()[self.instrument]


@dataclass
class Ensemble:
    """Result of :func:`choose_parts`."""

    drafts: list[Draft]
    absent: list[Value[str]]
    conflicts: list[Conflict]
    remarks: list[str]


def possible_role(row: Instrument, role: str) -> str:
    """The nearest role that an instrument can take."""
    if row.family == "drums":
        return "drums"
    if row.family == "percussion":
        return "percussion"
    if row.family == "bass":
        return role if role in ("melody", "counter") else "bass"
    if role == "bass":
        return "bass" if row.range[0] <= 45 else "chords" if row.poly else "counter"
    if role in ("drums", "percussion"):
        return row.role
    if not row.poly and role in HARMONY:
        return "counter"
    if role == "pad" and row.decays:
        return "arpeggio" if row.role == "arpeggio" else "chords"
    return role


def choose_parts(
    reading: Reading, choice: StyleChoice, negative: list[Value[str]], sketch: list[Draft], accompaniment: str = ""
) -> Ensemble:
    """Decide the parts.

    Args:
        negative: absences given as a control.
        sketch: parts whose notes are given.
        accompaniment: of given notes: ``band``, ``hand``, ``none`` or empty
            (:func:`partimento.interpret.sketch_cast.accompaniment`).
    """
    conflicts: list[Conflict] = []
    remarks: list[str] = []
    absent = [
        *negative,
        *(Value(a.value, Origin.SAID, a.words) for a in reading.absent if all(a.value != n.value for n in negative)),
    ]
    said = []
    for item in reading.instruments:
        forbidding = next((n for n in negative if excludes(n.value, item.instrument)), None)
        if forbidding:
            conflicts.append(
                Conflict(f"instrument: {item.instrument}", f"no {forbidding.value}", " ".join(item.words), "given beats said")
            )
        else:
            said.append(item)
    reading = replace(reading, ensemble_size=asked_size(reading))
    said = _sized(said, reading)
    said = [i for i in said if not (i.implied and any(excludes(a.value, i.instrument) for a in absent))]
    absent = with_exceptions(absent, [i.instrument for i in said if not i.implied], reading.text)
    drafts = [d for item in said for d in _said_drafts(item, choice)]
    drafts = sketch + [d for d in drafts if not _doubles(d, sketch)]
    only = any(a.value == "*" for a in absent)
    if only and not drafts:
        drafts, conflicts = _nobody(reading, absent, conflicts)
        only = any(a.value == "*" for a in absent) and bool(drafts)
    _assign_lead(drafts, reading)
    if not only:
        _accompany(drafts, choice, absent, accompaniment)
        if accompaniment != "none":
            _second_hand(drafts)
    if not only and accompaniment != "none":
        if not is_closed_list(reading) and not is_whole_ensemble(reading):
            _complete(drafts, reading, choice, absent)
        _enlarge(drafts, reading, choice, absent)
    _lowest_is_bass(drafts, absent)
    if all(a.value != "melody" for a in absent):
        _split_lone_harmony(drafts)
        _opening_tune(drafts, reading)
    drafts = _without_roles(drafts, absent, conflicts)
    drafts = _limited(drafts, remarks)
    _name(drafts)
    remarks += [
        f"'{item.words[0]}' is not among the instruments; stands in: {instruments()[item.instrument].en}"
        for item in said
        if item.stand_in
    ]
    return Ensemble(drafts, absent, conflicts, remarks)


def _accompany(drafts: list[Draft], choice: StyleChoice, absent: list[Value[str]], accompaniment: str) -> None:
    """Harmony, bass and drums of the style under a given tune, or the second hand of the one who plays it."""
    if accompaniment == "hand":
        lead = next(d for d in drafts if d.sketch is not None)
        role = possible_role(lead.row, lead.row.role if lead.row.role in HARMONY else "chords")
        drafts.append(replace(lead, role=role, solo=False, name="accompaniment", sketch=None, reason="the other hand"))
    elif accompaniment == "band":
        for want in ("harmony", "bass", "drums"):
            _want(drafts, want, choice, absent)


def _second_hand(drafts: list[Draft]) -> None:
    """A given tune that a keyboard or guitar plays over a rhythm section gets the player's other hand, when nobody has chords."""
    lead = next((d for d in drafts if d.sketch is not None and d.role == "melody"), None)
    if lead is None or not lead.row.poly or lead.row.family not in ("keys", "guitars"):
        return
    if any(d.role in HARMONY for d in drafts) or sum(d.role == "counter" for d in drafts) > 1 or len(drafts) < 2:
        return
    role = possible_role(lead.row, lead.row.role if lead.row.role in HARMONY else "chords")
    drafts.append(replace(lead, role=role, solo=False, name="accompaniment", sketch=None, reason="the other hand"))


def _sized(said: list[SaidInstrument], reading: Reading) -> list[SaidInstrument]:
    """ "jazz trio with sax": instruments named outright take places of those that the ensemble word implies."""
    implied = [i for i in said if i.implied]
    members = {w for i in implied for w in i.words}
    named = [i for i in said if not i.implied and not members & set(i.words)]  # "rock band, the drums …" names its own
    if not implied or not named or len(implied) > 5:
        return said
    drop = {i.instrument for i in implied[: len(named)]}
    return [i for i in said if not (i.implied and i.instrument in drop)]


def _doubles(draft: Draft, sketch: list[Draft]) -> bool:
    """True when a given part already is this instrument (one that took the tune over is no longer among the said ones)."""
    same = (s for s in sketch if s.instrument == draft.instrument and not s.words)
    return any(s.role == draft.role or draft.role != "melody" for s in same)


def _said_drafts(item: SaidInstrument, choice: StyleChoice) -> list[Draft]:
    """One draft a player."""
    id_ = item.instrument
    for word in item.style_words:
        id_ = _WORD_PROGRAMS.get((id_, word.replace("palm ", "").strip()), id_)
    row = instruments()[id_]
    role = possible_role(row, item.role or row.role)
    if row.family == "bass" and item.role == "melody" and not item.solo:
        role = "bass"
    inferred = item.implied or bool(item.stand_in)
    reason = " ".join(item.words) if item.implied else ""
    if item.stand_in:
        reason = f"stands in for '{item.words[0]}'"
    origin = Origin.INFERRED if inferred else Origin.SAID
    first = Draft(
        id_,
        role,
        origin,
        item.words,
        reason,
        item.program,
        item.solo,
        item.style_words,
        follows=item.instrument,
        gain_db=item.gain_db,
    )
    players = min(_MAX_PLAYERS, item.count) if row.family not in ("drums", "percussion") else 1
    return [first, *(replace(first, role="counter" if role == "melody" else role, solo=False) for _ in range(players - 1))]


def _nobody(reading: Reading, absent: list[Value[str]], conflicts: list[Conflict]) -> tuple[list[Draft], list[Conflict]]:
    """ "a cappella" without a named voice is voices; "no instruments" with nothing else cannot hold."""
    words = next(a.words for a in absent if a.value == "*")
    silent = any(a.value in ("voice", "choir") for a in absent)
    if not silent and any("app" in w.lower() or "acap" in w.lower() or "清唱" in w or "阿卡" in w for w in words):
        return [
            Draft("voice", "melody", Origin.SAID, words, follows="voice"),
            Draft("choir", "pad", Origin.SAID, words, follows="choir"),
        ], conflicts
    absent[:] = [a for a in absent if a.value != "*"]
    return [], [
        *conflicts,
        Conflict("instruments", "the style's ensemble", " ".join(words), "no instrument was named that could play"),
    ]


def _assign_lead(drafts: list[Draft], reading: Reading) -> None:
    """One part leads; others that would like to answer it."""
    explicit = [
        d for d in drafts if d.role == "melody" and (d.solo or d.sketch is not None or _said_role(d, reading) == "melody")
    ]
    leads = [d for d in drafts if d.role == "melody"]
    lead = next(iter(explicit), None) or _opener(drafts, reading)
    lead = lead or next((d for d in leads if d.instrument == "voice"), None) or next(iter(leads), None)
    if lead is None:
        return
    lead.role = "melody"
    for draft in leads:
        if draft is not lead and draft not in explicit:
            draft.role = possible_role(draft.row, "counter")
    for draft in explicit[2:]:
        draft.role = possible_role(draft.row, "counter")


def _opener(drafts: list[Draft], reading: Reading) -> Draft | None:
    """The one melody instrument that a piece starts with leads it; alone it would have nothing to accompany."""
    starters = {id_ for p in reading.passages if p.kind == "start" for id_ in p.instruments}
    able = [d for d in drafts if d.follows in starters and d.role in ("melody", "counter")]
    return able[0] if len(starters) == 1 and able else None


def _said_role(draft: Draft, reading: Reading) -> str:
    return next((i.role for i in reading.instruments if i.instrument == draft.follows), "")


def _complete(drafts: list[Draft], reading: Reading, choice: StyleChoice, absent: list[Value[str]]) -> None:
    """Add what the style needs and the words leave open."""
    roles = {d.role for d in drafts}
    pitched = [d for d in drafts if d.role not in ("drums", "percussion")]
    if not drafts:
        for part in choice.style.ensemble:
            if part.role != "drums" or not _LULLABY.search(reading.text.lower()):
                _add(drafts, part.instrument, part.role, choice, absent, part.from_energy)
        if reading.ensemble_size:
            _cut_to(drafts, reading.ensemble_size[0])
        if not any(d.role not in ("drums", "percussion") for d in drafts) and not drafts:
            _add(drafts, "piano", "chords", choice, [])
        return
    size = reading.ensemble_size[0] if reading.ensemble_size else None
    lone = len(drafts) == 1
    alone = lone and (any(d.solo for d in drafts) or drafts[0].row.poly or not pitched or drafts[0].role == "bass")
    if (size is not None and len(drafts) >= size) or any(i.implied for i in reading.instruments):
        return
    alone = alone and not any(p.kind == "only" or "*" in p.instruments for p in reading.passages)
    moving = not pitched and drops_out_of_nothing(reading)
    if pitched and size is None and leaves_nobody(reading, (d.follows for d in drafts)) and not any(d.solo for d in drafts):
        _take_over(drafts, choice, absent)
        return
    if alone and drafts[0].row.poly and choice.style.id in _SOLO_STYLES and size is None:
        return
    if not choice.asked and (alone or (not pitched and size is None)) and not moving:
        return
    if lone and drafts[0].solo and size is None and not reading.passages and _is_solo_piece(reading):
        return
    wanted: list[str] = []
    if choice.asked or size is not None or moving or any(p.kind == "only" or "*" in p.instruments for p in reading.passages):
        wanted = ["melody", "harmony", "bass", "drums"]
    else:
        wanted = (
            ["harmony"]
            if roles & {"melody", "counter"}
            else ["melody"]
            if not roles & {"melody"} and len(pitched) >= 2 and not _can_lead(drafts)
            else []
        )
    if size is None and _LULLABY.search(reading.text.lower()):  # sung to sleep: the named players, one of whom has the tune
        wanted = [w for w in wanted if w == "harmony" or (w == "melody" and not _can_lead(drafts))]
    for want in wanted:
        if size is not None and len(drafts) >= size:
            break
        _want(drafts, want, choice, absent)


def _take_over(drafts: list[Draft], choice: StyleChoice, absent: list[Value[str]]) -> None:
    """Add who goes on when all named players leave: harmony and bass of the style, and another tune from there on."""
    if all(a.value != "melody" for a in absent):
        _split_lone_harmony(drafts)
    fresh: list[Draft] = []
    banned = [*absent, *(Value(d.instrument) for d in drafts)]
    for role in ("melody", "bass"):
        part = next((p for p in choice.style.ensemble if p.role == role), None)
        if part is not None:
            _add(fresh, part.instrument, role, choice, banned)
    inner = [p for p in choice.style.ensemble if p.role in HARMONY][:1]
    for part in inner or [p for p in choice.style.ensemble if p.role == "counter"][:2]:
        _add(fresh, part.instrument, part.role, choice, banned)
    leaving = tuple(dict.fromkeys(d.follows for d in drafts))
    drafts += [replace(d, after=leaving) if d.role == "melody" else d for d in fresh]


def _enlarge(drafts: list[Draft], reading: Reading, choice: StyleChoice, absent: list[Value[str]]) -> None:
    """Fill up to the number of parts asked for, or to an orchestra where the words want one."""
    orchestral = wants_orchestra(reading, choice) and not is_closed_list(reading)
    size = reading.ensemble_size[0] if reading.ensemble_size else LARGE if orchestral else 0
    if len(drafts) >= size or any(i.implied for i in reading.instruments):
        return
    if orchestral:
        for draft in drafts:
            if draft.origin is Origin.INFERRED:
                draft.from_energy = min(draft.from_energy, 0.4)
    named = {i.instrument for i in reading.instruments}
    own = [(p.instrument, p.role, 0.0) for p in choice.style.ensemble]
    more = ORCHESTRA if orchestral or choice.style.id in ("cinematic", "classical", "baroque") else BAND
    for instrument, role, from_energy in (*more, *own) if orchestral else (*own, *more):
        if len(drafts) >= size:
            return
        taken = any(d.instrument == instrument or d.role == role in ("bass", "drums") for d in drafts)
        if not taken and not any(excludes(a.value, instrument, role) for a in absent):
            row = instruments()[instrument]
            reason = "orchestra" if orchestral else f"{size} parts"
            role = possible_role(row, role)
            # Players of a named orchestra come in with it ("first a flute, finally full orchestra").
            follows = "orchestra" if orchestral and "orchestra" in named else instrument
            drafts.append(Draft(instrument, role, Origin.INFERRED, (), reason, follows=follows, from_energy=from_energy))


def _is_solo_piece(reading: Reading) -> bool:
    """True for "solo piano", "a solo for cello": the solo is the piece, not a solo over a band."""
    text = reading.text.lower()
    name = reading.instruments[0].words[0].lower() if reading.instruments else ""
    return f"solo {name}" in text or f"{name}独奏" in text or f"独奏{name}" in text


def _can_lead(drafts: list[Draft]) -> bool:
    """True when a part can take the tune beside its own work."""
    return any(d.row.poly and d.row.family in (*_TWO_HANDED, "strings", "voices") for d in drafts)


def _want(drafts: list[Draft], want: str, choice: StyleChoice, absent: list[Value[str]]) -> None:
    """Fill one missing function from the style's ensemble."""
    have = {d.role for d in drafts}
    if (want == "harmony" and have & set(HARMONY)) or want in have:
        return
    if want == "melody" and (_can_lead(drafts) and not choice.asked):
        return
    for part in choice.style.ensemble:
        fits = part.role in HARMONY if want == "harmony" else part.role == want
        # The instrument of the tune may also accompany: ragtime's piano, metal's guitar.
        taken = any(d.instrument == part.instrument and (want != "harmony" or d.role in HARMONY) for d in drafts)
        if fits and part.from_energy <= 0.6 and not taken:
            before = len(drafts)
            _add(drafts, part.instrument, part.role, choice, absent)
            if len(drafts) > before:
                return
    kit = any(p.role == "drums" for p in choice.style.ensemble) or any(a.value == "drums" for a in absent)
    if want == "drums" and "percussion" not in have and not kit:
        for part in [p for p in choice.style.ensemble if p.role == "percussion" and p.from_energy <= 0.6][:_HANDS]:
            _add(drafts, part.instrument, part.role, choice, absent)
    if want == "harmony" and choice.asked:  # a quartet has no chordal part: its two inner voices are the harmony
        for part in [p for p in choice.style.ensemble if p.role == "counter"][:2]:
            _add(drafts, part.instrument, part.role, choice, absent)


def _add(
    drafts: list[Draft], instrument: str, role: str, choice: StyleChoice, absent: list[Value[str]], from_energy: float = 0.0
) -> None:
    """Add an inferred part, or a substitute when the words rule it out."""
    replaceable = role == "melody" or role in HARMONY or (role == "bass" and all(a.value != "bass" for a in absent))
    if not replaceable and any(excludes(a.value, instrument, role) for a in absent):
        return
    electric = role == "melody" and any(p.instrument in _ELECTRIC for p in choice.style.ensemble)
    for candidate in (instrument, *(_ELECTRIC_LEADS if electric else _SUBSTITUTES.get(role, ()))):
        if any(excludes(a.value, candidate, role) for a in absent) or any(
            d.instrument == candidate and d.origin is not Origin.INFERRED for d in drafts
        ):
            continue
        if candidate != instrument and any(d.role == role for d in drafts):
            return
        reason = f"style {choice.style.id}" + ("" if candidate == instrument else f", instead of {instrument.replace('_', ' ')}")
        row = instruments()[candidate]
        drafts.append(
            Draft(candidate, possible_role(row, role), Origin.INFERRED, (), reason, follows=candidate, from_energy=from_energy)
        )
        return


def _cut_to(drafts: list[Draft], size: int) -> None:
    """Keep the first ``size`` parts, the needed ones first."""
    del drafts[size:]


def _lowest_is_bass(drafts: list[Draft], absent: list[Value[str]]) -> None:
    """In a group of melody instruments without a bass the lowest carries it (the cello of a quartet)."""
    if any(d.role == "bass" for d in drafts) or any(a.value == "bass" for a in absent):
        return
    sung = is_sung(d.instrument for d in drafts)
    free = [d for d in drafts if d.role == "counter" and d.sketch is None and not d.row.poly]
    low = [d for d in free if sung or d.row.range[0] <= 41]
    if low and len([d for d in drafts if d.role in ("melody", "counter")]) >= 2:
        min(low, key=lambda d: (d.row.range[0], drafts.index(d))).role = "bass"


def _opening_tune(drafts: list[Draft], reading: Reading) -> None:
    """When all tunes enter later, an instrument that opens the piece plays one until then, with its accompaniment."""
    starters = {id_ for p in reading.passages if p.kind == "start" for id_ in p.instruments}
    entering = {id_ for p in reading.passages if p.kind == "enter" for id_ in p.instruments}
    leads = [d for d in drafts if d.role == "melody"]
    if not starters or not leads or any(d.follows in starters or d.follows not in entering for d in leads):
        return
    opener = next((d for d in drafts if d.follows in starters and d.row.poly and d.role in HARMONY and d.sketch is None), None)
    if opener and _said_role(opener, reading) not in HARMONY:
        drafts.insert(drafts.index(opener) + 1, replace(opener, solo=False, name="accompaniment"))
        opener.role = "melody"


def _split_lone_harmony(drafts: list[Draft]) -> None:
    """When nothing leads, the best harmony instrument plays the tune, and keeps its accompaniment in a second part."""
    if any(d.role in ("melody", "counter") for d in drafts):
        if not any(d.role == "melody" for d in drafts):
            next(d for d in drafts if d.role == "counter").role = "melody"
        lead = next(d for d in drafts if d.role == "melody")
        alone = all(d.role in ("melody", "drums", "percussion") for d in drafts) and sum(d.role == "melody" for d in drafts) == 1
        if not alone or not lead.row.poly or lead.sketch is not None:
            return
    else:
        able = [d for d in drafts if d.row.poly and d.role in HARMONY and d.sketch is None]
        if not able:
            return
        lead = next((d for d in able if d.row.family in ("keys", "guitars", "mallets")), able[0])
        lead.role = "melody"
        if any(d.role in HARMONY and d is not lead for d in drafts) and lead.row.family not in ("keys", "guitars"):
            return
    index = drafts.index(lead)
    role = possible_role(lead.row, lead.row.role if lead.row.role in HARMONY else "chords")
    drafts.insert(index + 1, replace(lead, role=role, solo=False, name="accompaniment"))


def _without_roles(drafts: list[Draft], absent: list[Value[str]], conflicts: list[Conflict]) -> list[Draft]:
    """ "no melody", "no chords": inferred parts of that role go, said instruments take another role where they can.

    A said instrument that can play nothing else wins over the ban, and the conflict is listed.
    """
    banned = {a.value for a in absent if a.value in ("melody", "counter", *HARMONY)}
    if "melody" in banned:
        banned.add("counter")  # without a tune there is nothing to answer
    kept = []
    for draft in drafts:
        if draft.role not in banned or draft.sketch is not None:
            kept.append(draft)
            continue
        others = [r for r in ("chords", "pad", "arpeggio", "melody") if r not in banned and possible_role(draft.row, r) == r]
        if draft.origin is Origin.INFERRED and len(drafts) > 1:
            continue
        if others:
            draft.role, draft.solo = others[0], False
        else:
            field = f"no {draft.role}"
            conflicts.append(Conflict(field, draft.row.en, field, f"a {draft.row.en} plays nothing else"))
            absent[:] = [a for a in absent if a.value not in (draft.role, "melody" if draft.role == "counter" else "")]
        kept.append(draft)
    return kept or drafts


def _limited(drafts: list[Draft], remarks: list[str]) -> list[Draft]:
    """At most twelve parts, the said ones first."""
    if len(drafts) <= MAX_PARTS:
        return drafts
    ranked = sorted(drafts, key=lambda d: (d.origin is not Origin.GIVEN, d.origin is not Origin.SAID, drafts.index(d)))
    dropped = ranked[MAX_PARTS:]
    remarks.append(f"a piece has at most {MAX_PARTS} parts; left out: {', '.join(d.row.en for d in dropped)}")
    return [d for d in drafts if d not in dropped]


def _name(drafts: list[Draft]) -> None:
    """Unique names in score order."""
    drafts.sort(key=lambda d: ROLES.index(d.role))
    taken: set[str] = set()
    for draft in drafts:
        base = draft.instrument.replace("_", " ") + (" accompaniment" if draft.name == "accompaniment" else "")
        name, k = base, 2
        while name in taken:
            name, k = f"{base} {k}", k + 1
        draft.name = name
        taken.add(name)


def sound_remarks(ids: list[str]) -> list[str]:
    """What a user should know about the sound of these instruments."""
    rows = [instruments()[id_] for id_ in dict.fromkeys(ids)]
    remarks = [f"{row.en}: General MIDI has no such sound; stands in: {row.like}" for row in rows if row.like]
    if any(row.family == "voices" for row in rows):
        remarks.insert(0, "voices are played by choir and ooh patches; no words are sung")
    return remarks
