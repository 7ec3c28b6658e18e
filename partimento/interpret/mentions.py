"""Instruments in the words: which names count, what is said about each, which ones are the same."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from partimento.interpret.cues import cues
from partimento.interpret.data import comma_list, load_yaml
from partimento.interpret.quantities import parse_number
from partimento.interpret.reading import SaidInstrument
from partimento.interpret.tokens import normalise
from partimento.interpret.vocabulary import DYNAMICS, ENSEMBLE, INSTRUMENT, MOOD, PLAYING, STAND_IN, UNPLAYED, Hit

GENERIC = {
    "guitar": ("acoustic_guitar", "classical_guitar", "electric_guitar", "jazz_guitar", "muted_guitar", "overdriven_guitar",
               "distorted_guitar", "steel_guitar"),
    "electric_guitar": ("overdriven_guitar", "distorted_guitar", "jazz_guitar", "muted_guitar"),
    "acoustic_guitar": ("classical_guitar",),
    "saxophone": ("alto_sax", "tenor_sax", "soprano_sax", "baritone_sax"),
    "bass": ("fretless_bass", "slap_bass", "synth_bass", "double_bass", "contrabass"),
    "double_bass": ("contrabass",),
    "synth": ("synth_lead", "synth_pad", "synth_pluck", "synth_strings", "synth_brass"),
    "drums": ("drum_machine",),
    "organ": ("church_organ",),
    "trumpet": ("muted_trumpet",),
    "strings": ("pizzicato_strings", "tremolo_strings"),
    "flute": ("pan_flute", "dizi"),
    "accordion": ("bandoneon",),
}  # fmt: skip
"""A general name and the particular ones that it may stand for when both occur."""
_ALWAYS_SAME = {"guitar", "electric_guitar", "acoustic_guitar", "saxophone", "drums", "organ", "trumpet", "double_bass"}
_DEFINITE = re.compile(r"\b(?:the|this|that|his|her|its|same)\s+(?:\w+\s+)?$|[这那]\S{0,2}$")
_DETERMINER = re.compile(r"(?:[a-z]+(?:[- ][a-z]+)?|\d+|[一二两三四五六七八九十双\d]+[把支个架台只件根面位名组])\s*$")
_VERB_LIKE = (
    "sing",
    "sings",
    "singing",
    "sung",
    "sang",
    "chanting",
    "humming",
    "harmonies",
    "vocals",
    "vocal",
    "voices",
    "singers",
)
_BEFORE_GAP = re.compile(r"(?:[\s-]|\b(?:a|an|the|by|on|from|of|played|some|warm|soft|electric|is|performed)\b|的)*")
_NO_ADJECTIVE_WORDS = "with for of on in over to by then but song piece music track tune melody chords solo from at is are"
_NO_ADJECTIVE = frozenset(_NO_ADJECTIVE_WORDS.split())
_PAIR = 2
_GAIN_DB_PER_LEVEL = 16.0
"""A part called soft (level 0.34) is 2.6 dB under its usual level, a loud one (0.76) 4 dB over it."""
_AFTER_GAP = re.compile(
    r"(?:[\s-]|\b(?:plays?|playing|played|is|are|a|an|the|plays the|main|in|does|carries|takes|holds?|on|"
    r"provides?|providing|its|some|soft|slow|fast|simple|and|doing|as)\b|[弹吹拉奏演])*"
)


@dataclass(frozen=True, slots=True)
class Mention:
    """One place where the words name something that sounds."""

    id: str
    start: int
    end: int
    text: str
    facts: dict[str, Any] = field(default_factory=dict, hash=False, compare=False)
    stand_in: str = ""
    implied: bool = False
    unplayed: bool = False
    general: str = ""
    count: int = 1
    role: str = ""
    solo: bool = False
    accompanies: bool = False
    style_words: tuple[str, ...] = ()
    gain_db: float = 0.0


@cache
def _contexts() -> dict[str, list[tuple[re.Pattern[str] | None, re.Pattern[str] | None]]]:
    """Name → patterns (before, after) in which it means something else."""
    table: dict[str, list[tuple[re.Pattern[str] | None, re.Pattern[str] | None]]] = {}
    for row in load_yaml("instruments.yaml")["contexts"]:
        before = re.compile(rf"(?:^|(?<![a-z])){row['not_after']}[\s-]*$") if "not_after" in row else None
        after = re.compile(rf"[\s-]*{row['not_before']}") if "not_before" in row else None
        for name in comma_list(row["words"]):
            table.setdefault(" ".join(normalise(name)) if not name.isascii() else name, []).append((before, after))
    return table


def means_something_else(hit: Hit, text: str) -> bool:
    """True when the context makes a name no instrument ("minor keys", "kicks in")."""
    for before, after in _contexts().get(hit.text, ()):
        if before and before.search(text[max(0, hit.start - 40) : hit.start]):
            return True
        if after and after.match(text[hit.end : hit.end + 30]):
            return True
    return False


def find_mentions(hits: list[Hit], text: str) -> list[Mention]:
    """Mentions of instruments, stand-ins, ensembles' players and unplayed things, in order."""
    mentions: list[Mention] = []
    for hit in hits:
        if means_something_else(hit, text):
            continue
        for sense in hit.senses:
            if sense.kind == INSTRUMENT:
                mentions.append(Mention(sense.value, hit.start, hit.end, hit.text, sense.facts))
            elif sense.kind == STAND_IN:
                mentions.append(Mention(sense.value, hit.start, hit.end, hit.text, stand_in=sense.facts["thing"]))
            elif sense.kind == UNPLAYED:
                mentions.append(Mention(sense.value, hit.start, hit.end, hit.text, unplayed=True))
            elif sense.kind == ENSEMBLE and "parts" in sense.facts:
                players = comma_list(sense.facts["parts"])
                if len(players) == _PAIR and len(set(players)) == 1 and _one_each(mentions, hit, text):
                    players = players[:1]
                for id_ in dict.fromkeys(players):
                    implied = not sense.facts.get("only")
                    mentions.append(
                        Mention(id_, hit.start, hit.end, hit.text, {"ensemble": True}, implied=implied, count=players.count(id_))
                    )
    return mentions


def _one_each(mentions: list[Mention], hit: Hit, text: str) -> bool:
    """ "Piano and violin duet": one player of each, not two violins."""
    last = mentions[-1] if mentions else None
    return bool(last and re.fullmatch(r"\s*(?:and|&|\+|/|,|和|与|、|跟)\s*(?:an? )?", text[last.end : hit.start]))


def drop_echoes(mentions: list[Mention], text: str, clauses: list[tuple[int, int]]) -> list[Mention]:
    """Without words that repeat another instrument: "a choir singing", "a tuba plays the bass"."""
    kept = []
    for mention in mentions:
        clause = next(((a, b) for a, b in clauses if a <= mention.start < b), (0, len(text)))
        if mention.id == "voice" and mention.text in _VERB_LIKE:
            if any(m.id == "choir" and clause[0] <= m.start < clause[1] and m.start != mention.start for m in mentions):
                continue
            follower = next((m for m in mentions if 0 <= m.start - mention.end <= 1 and m.id not in ("voice", "choir")), None)
            if follower and mention.text in ("singing", "humming"):
                continue
        if mention.id == "bass" and _is_bass_part(mention, mentions, text, clause):
            continue
        kept.append(mention)
    return kept


def _is_bass_part(mention: Mention, mentions: list[Mention], text: str, clause: tuple[int, int]) -> bool:
    """True for "a tuba plays the bass line" and "the bass is played on a tuba": the bass is a role there."""
    before, after = text[clause[0] : mention.start], text[mention.end : clause[1]]
    others = [m for m in mentions if clause[0] <= m.start < clause[1] and m.id not in ("bass", "drums", "percussion", "voice")]
    if re.search(r"play(?:s|ing|ed)? (?:the |a |its )?$", before):
        subject = [m for m in others if m.end <= mention.start]
        return bool(subject) and not re.search(r"\b(?:while|and|with)\b", text[subject[-1].end : mention.start])
    match = re.match(r"(?: ?line| part)? (?:is |being |are )?(?:played|provided|performed|covered) (?:by|on|with|using) ", after)
    return bool(match) and any(m.start >= mention.end for m in others)


def describe(mention: Mention, mentions: list[Mention], hits: list[Hit], text: str, clause: tuple[int, int]) -> Mention:
    """Add what the words next to a name say: number, role, solo, adjectives."""
    next_start = min((m.start for m in mentions if m.start >= mention.end), default=len(text))
    before_end = max((m.end for m in mentions if m.end <= mention.start), default=0)
    low, high = max(clause[0], before_end), min(clause[1], next_start)
    role, words, gain_db = _adjectives(mention, hits, text, low, high)
    solo = _has_solo(mention, text, low, high)
    accompanied = cues("en")["accompanied"][""]
    match = next((m for m in accompanied.finditer(text, clause[0], mention.start) if m.end() >= mention.start - 30), None)
    accompanies = bool(match and not re.search(r"\b(?:and then|then)\b", text[match.end() : mention.start]))
    if accompanies and not role:
        role = "chords"
    return replace(
        mention,
        count=max(mention.count, _count(mention, text)),
        role="melody" if solo else role,
        solo=solo,
        accompanies=accompanies,
        style_words=words,
        gain_db=gain_db,
    )


def _adjectives(mention: Mention, hits: list[Hit], text: str, low: int, high: int) -> tuple[str, tuple[str, ...], float]:
    """Role, words and level from what stands directly before a name ("soft arpeggiated piano") or behind it ("piano chords")."""
    role, words, gain_db = "", [], 0.0
    for hit in hits:
        playing = hit.sense(PLAYING)
        if low <= hit.start and hit.end <= mention.start:
            gap = text[hit.end : mention.start]
            if playing and _BEFORE_GAP.fullmatch(gap):
                words.append(text[hit.start : hit.end])
                role = playing.facts.get("role") or role
            elif hit.sense(MOOD) and is_adjective_of(gap):
                words.append(text[hit.start : hit.end])
            elif (level := hit.sense(DYNAMICS)) and "level" in level.facts and is_adjective_of(gap):
                gain_db = _GAIN_DB_PER_LEVEL * (level.facts["level"] - 0.5)
        elif playing and mention.end <= hit.start < high and _AFTER_GAP.fullmatch(text[mention.end : hit.start]):
            role = role or playing.facts.get("role", "")
            words.append(text[hit.start : hit.end])
    return role, tuple(words), round(gain_db, 1)


def is_adjective_of(gap: str) -> bool:
    """True when between an adjective and a name stand at most two further adjectives."""
    words = re.findall(r"[a-z']+", gap)
    return len(words) <= 2 and not _NO_ADJECTIVE & set(words) and not re.search(r"[.;:!?。]|[\u3400-\u9fff]{2}", gap)


def _has_solo(mention: Mention, text: str, low: int, high: int) -> bool:
    """ "sax solo", "solo sax", "a solo on the sax", 萨克斯独奏."""
    before, after = text[max(low, mention.start - 40) : mention.start], text[mention.end : min(high, mention.end + 40)]
    for language in ("en", "zh"):
        patterns = cues(language)["solo"]
        found = list(patterns["before"].finditer(before))
        if (
            found
            and re.fullmatch(r"[\s\w'-]{0,24}|\W*", before[found[-1].end() :])
            and len(before[found[-1].end() :].split()) <= 2
        ):
            return not re.search(r"\b(?:over|with|and|on top|against|then|accompanied|by)\b", before[found[-1].end() :])
        match = patterns["after"].search(after)
        if match and len(after[: match.start()].split()) <= 2 and _AFTER_GAP.fullmatch(after[: match.start()]):
            return True
    return False


_NUMBERED = re.compile(r"\b(first|second|third|fourth|1st|2nd|3rd|4th) $|第([一二三四])$")
_ORDINALS = {
    "first": 1,
    "1st": 1,
    "一": 1,
    "second": 2,
    "2nd": 2,
    "二": 2,
    "third": 3,
    "3rd": 3,
    "三": 3,
    "fourth": 4,
    "4th": 4,
    "四": 4,
}
_PLACE_BEFORE_NUMBER = re.compile(r"(?:bars?|measures?|section|part|number|take|verse|chorus|no\.?|to|-|–)\s*$")


def _count(mention: Mention, text: str) -> int:
    """Players: "two violins", "a pair of trumpets", 三把小提琴."""
    before = text[max(0, mention.start - 28) : mention.start]
    match = re.search(r"(\d|two|three|four|five|six|seven|eight|a pair of|a couple of|twin|dual|double)(?: \w+)?\s+$", before)
    # "at bar 5 strings enter" names a place, and so does 第5小节小提琴.
    place = match and re.search(
        r"(?:bars?|measures?|section|part|number|take|verse|chorus|no\.?|to|-|–)\s*$", before[: match.start()]
    )
    if match and not place and (mention.text.endswith("s") or match.group(1) in ("twin", "dual")):
        word = match.group(1).replace("a pair of", "2").replace("a couple of", "2").replace("twin", "2").replace("dual", "2")
        return int(min(8, parse_number(word) or 1))
    match = re.search(r"([两二三四五六双2-8])(?:把|支|个|架|台|只|件|根|面|位|名|管)?$", before)
    if match and not mention.text.isascii():
        return int(min(8, parse_number(match.group(1)) or 1))
    return 1


def unify(mentions: list[Mention], sounding: set[int], text: str) -> list[Mention]:
    """The mentions, those of a general name renamed to the particular instrument that it stands for."""
    live = [m for i, m in enumerate(mentions) if i in sounding]
    present = {m.id for m in live}
    return [replace(m, id=_same_as(m, present, live, text), general=m.id) if i in sounding else m for i, m in enumerate(mentions)]


def merge(mentions: list[Mention], text: str, original: str) -> list[SaidInstrument]:
    """One entry an instrument, in order of appearance."""
    groups: dict[str, list[Mention]] = {}
    for mention in mentions:
        groups.setdefault(mention.id, []).append(mention)
    said = []
    for id_, group in groups.items():
        own = [m for m in group if m.id == m.general] or group
        extra = sum(
            bool(re.search(rf"\b(?:{'another|a second|one more'})(?: \w+)?\s*$", text[max(0, m.start - 24) : m.start]))
            for m in group[1:]
        )
        numbered = {n for m in group if (n := _ordinal(m, text))}
        programs = [m.facts["program"] for m in own if "program" in m.facts]
        said.append(
            SaidInstrument(
                instrument=id_,
                words=tuple(dict.fromkeys(original[m.start : m.end] for m in group)),
                count=max(max(m.count for m in group), len(numbered)) + (extra if max(m.count for m in group) == 1 else 0),
                role=next((m.role for m in group if m.role), ""),
                solo=any(m.solo for m in group),
                accompanies=any(m.accompanies for m in group),
                program=programs[0] if programs and len(programs) == len(own) else None,
                style_words=tuple(dict.fromkeys(w for m in group for w in m.style_words)),
                stand_in=next((m.stand_in for m in own if m.stand_in), "") if all(m.stand_in for m in own) else "",
                gain_db=next((m.gain_db for m in group if m.gain_db), 0.0),
                implied=all(m.implied for m in own),
                position=group[0].start,
            )
        )
    return said


def _ordinal(mention: Mention, text: str) -> int:
    """1 for "first flute", 2 for "second flute" or 第二长笛; 0 without a number."""
    match = _NUMBERED.search(text[max(0, mention.start - 8) : mention.start])
    word = next(g for g in match.groups() if g) if match else ""
    return _ORDINALS.get(word, 0)


def _same_as(mention: Mention, present: set[str], mentions: list[Mention], text: str) -> str:
    """The id that a mention counts for: "the guitar" after "an electric guitar" is the electric one."""
    particular = [id_ for id_ in GENERIC.get(mention.id, ()) if id_ in present]
    if not particular or mention.facts.get("program"):
        return mention.id
    if any(m.start == mention.start and m is not mention for m in mentions):
        return mention.id
    definite = bool(_DEFINITE.search(text[max(0, mention.start - 24) : mention.start]))
    separate = re.search(
        r"\b(?:another|second|other|additional|and an?|and)\s*$", text[max(0, mention.start - 14) : mention.start]
    )
    if mention.id in ("electric_guitar", "acoustic_guitar") and not definite:
        return mention.id
    if (
        mention.id in _ALWAYS_SAME
        or definite
        or (mention.id == "bass" and not separate and "double_bass" in particular and "part" in mention.text)
    ):
        return particular[0]
    return mention.id
