"""Everything said about the piece as a whole: style, mood, era, tempo words, dynamics, form, ending."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from partimento.interpret.course import read_course
from partimento.interpret.mentions import is_adjective_of, means_something_else
from partimento.interpret.reading import Said, SaidStyle, SaidTempo
from partimento.interpret.regions import overlaps
from partimento.interpret.vocabulary import (
    DYNAMICS,
    ENDING,
    ENSEMBLE,
    ERA,
    INSTRUMENT,
    MOOD,
    SECTION,
    STYLE,
    TEMPO,
    TEMPO_CHANGE,
    Hit,
    Sense,
)  # fmt: skip

Span = tuple[int, int]
_NOT = re.compile(
    r"(?:\b(?:not|never|no|isn't|is not|nothing|without being|don't (?:make it|want it)|less|avoid|"
    r"without)(?: (?:too|very|so|that|overly|really|be|sound|get|feel|anything|at all|a|an|any|being))*|"
    r"(?:不要|不|别|不能|不用|不必|不需要|没有|无)(?:太|那么|过于|很|过|要|特别|这么|显得|突然|变得?|弄得?)*)\s*$"
)
_TOO = re.compile(r"\btoo\s*$|太$|过于$|过$|那么$")
_TEMPO_NOUN_AFTER = re.compile(
    r"\s*(?:tempo|paced?|beat|groove|song|piece|rhythm|drum|bpm|speed|track|music|ballad|\w+ (?:song|beat|"
    r"tempo|groove|rhythm|drum)|$|[,.;])"
)
_ADVERB_VERB = re.compile(
    r"^\s*(?:fading|fade|fades|building|builds|build|rising|changing|increasing|growing|moving|risers?|"
    r"builds?|swells?|sweeps?|fade|transition|attack|release|decay|dance\b|motion|jam\b|strumming fades)"
)
_PART_TEMPO = re.compile(
    r"^\s*(?:\w+ )?(?:melody|solo|chords?|arpeggio|run|runs|licks?|notes?|strumming|picking|scale|passage|"
    r"vibrato|riff|fills?|rolls?|attack|strokes?|hi hats?|hats|guitar|piano|violin|vocals?|rap(?:ping)?|"
    r"plucking|drum rolls?|movements?|succession)"
)
_LETTER_FORM = re.compile(r"(?<![A-Za-z])([A-D]{3,8})(?![A-Za-z'])(?:[- ]?form)?")
_CORRECTION = re.compile(
    r"\b(?:no,? wait|wait,? no|actually|scratch that|on second thoughts?|i mean|rather,|instead,? make|"
    r"make (?:it|that) (?:a|an|more)|"
    r"or better|better:|sorry)\b|不对|改成|换成|还是(?=要|来|用|做|改)|算了"
)


@dataclass
class Whole:
    """Result of :func:`read_whole`; each with the words behind it."""

    styles: list[SaidStyle] = field(default_factory=list)
    moods: list[Said] = field(default_factory=list)
    eras: list[Said] = field(default_factory=list)
    tempo: SaidTempo | None = None
    half_time: Said | None = None
    tempo_change: Said | None = None
    dynamics: list[Said] = field(default_factory=list)
    ending: Said | None = None
    contradictions: list[tuple[str, str, str]] = field(default_factory=list)
    sections: list[Said] = field(default_factory=list)
    ensemble_size: tuple[int, tuple[str, ...]] | None = None


def negated(text: str, at: int) -> bool:
    """True when a word at ``at`` follows "not", "nothing too", 不要 …."""
    return bool(_NOT.search(text[max(0, at - 30) : at]))


def read_whole(text: str, original: str, hits: list[Hit], ignored: list[Span], taken: list[Span]) -> Whole:
    """Collect whole-piece senses. ``taken``: spans already used otherwise (instruments that are negated …)."""
    whole = Whole()
    hits = _corrected(hits, text)
    course, told = read_course(text, original, [h for h in hits if not overlaps((h.start, h.end), ignored)])
    whole.dynamics += [course] if course else []
    tempi: list[tuple[int, SaidTempo]] = []
    for hit in hits:
        if overlaps((hit.start, hit.end), ignored) or overlaps((hit.start, hit.end), taken) or means_something_else(hit, text):
            continue
        words = (original[hit.start : hit.end],)
        no = negated(text, hit.start)
        for sense in hit.senses:
            if sense.kind == DYNAMICS and hit in told:
                continue
            if sense.kind == TEMPO:
                tempo = _tempo_word(text, hit, sense, words, no=no)
                if tempo:
                    tempi.append(tempo)
            elif not no and not (sense.kind == DYNAMICS and "level" in sense.facts and _of_one_part(text, hit, hits)):
                _put(whole, text, hit, sense, words)
    if tempi:
        whole.tempo = max(tempi, key=lambda item: item[0])[1]
    return whole


def _of_one_part(text: str, hit: Hit, hits: list[Hit]) -> bool:
    """True for "soft strings": the level of a part, not of the piece."""
    names = [h for h in hits if h.start >= hit.end and h.sense(INSTRUMENT)]
    return bool(names) and is_adjective_of(text[hit.end : names[0].start])


def _corrected(hits: list[Hit], text: str) -> list[Hit]:
    """Without what a correction takes back: "a rock song, no wait, make it a jazz waltz" is a jazz waltz."""
    for match in _CORRECTION.finditer(text):
        later = {s.kind for h in hits if h.start >= match.end() for s in h.senses} & {STYLE, TEMPO, ENDING}
        hits = [h for h in hits if h.start >= match.end() or not any(s.kind in later for s in h.senses)]
    return hits


def _put(whole: Whole, text: str, hit: Hit, sense: Sense, words: tuple[str, ...]) -> None:
    """File one sense under its field."""
    if sense.kind == STYLE:
        whole.styles.append(SaidStyle(sense.value, words[0], words, dict(sense.facts)))
    elif sense.kind == MOOD:
        if all(m.value != sense.value for m in whole.moods):
            whole.moods.append(Said(sense.value, words))
        else:
            index = next(i for i, m in enumerate(whole.moods) if m.value == sense.value)
            whole.moods[index] = Said(sense.value, tuple(dict.fromkeys(whole.moods[index].words + words)))
    elif sense.kind == ERA:
        if sense.value == "2020s" and hit.text in ("modern", "contemporary") and whole.eras:
            return
        whole.eras.append(Said(sense.value, words))
    elif sense.kind == TEMPO_CHANGE:
        if sense.value in ("half", "double"):
            if not re.search(r"(?:from|at)\s*$", text[max(0, hit.start - 6) : hit.start]):
                whole.half_time = Said(sense.value, words)
        else:
            whole.tempo_change = Said(sense.value, words)
    elif sense.kind == DYNAMICS:
        whole.dynamics.append(Said(sense.value, words))
    elif sense.kind == ENDING:
        if not (hit.text == "loop" and re.search(r"(?:the|of the|drum|this|of) $", text[max(0, hit.start - 8) : hit.start])):
            if whole.ending and whole.ending.value != sense.value:
                whole.contradictions.append(("ending", words[0], whole.ending.words[0]))
            whole.ending = Said(sense.value, words)
    elif sense.kind == SECTION:
        whole.sections.append(Said(sense.value, words))
    elif sense.kind == ENSEMBLE and "size" in sense.facts:
        whole.ensemble_size = (int(sense.facts["size"]), words)


def _tempo_word(text: str, hit: Hit, sense: Sense, words: tuple[str, ...], *, no: bool) -> tuple[int, SaidTempo] | None:
    """A tempo word with how surely it is about the piece; None when it is about one part or a process."""
    before, after = text[max(0, hit.start - 28) : hit.start], text[hit.end : hit.end + 28]
    if _ADVERB_VERB.match(after) or re.match(r"ly\b", after):
        return None
    plain = hit.text in (
        "slow",
        "fast",
        "quick",
        "rapid",
        "medium",
        "moderate",
        "brisk",
        "swift",
        "quickly",
        "low tempo",
        "faster",
        "slower",
    )
    if (
        plain
        and re.search(r"\b(?:more|get|gets|getting|becomes?|grows?|go|goes)\s*$", before)
        and hit.text in ("faster", "slower")
    ):
        return None
    if hit.text == "quickly" and not re.search(r"tempo|beat|play", before + after):
        return None
    if hit.text in ("medium", "moderate") and not re.search(r"tempo|pace|speed|beat|rhythm|groove|fast|slow", before + after):
        return None
    rank = 1
    if (
        re.search(r"\b(?:tempo|pace|speed|beat)\b(?: \w+){0,3}\s*$", before)
        or "tempo" in hit.text
        or _TEMPO_NOUN_AFTER.match(after)
        or "速度" in before
        or "节奏" in before
    ):
        rank = 3
    if plain and _PART_TEMPO.match(after):
        rank = 0
    value = sense.value
    if no:
        if not _TOO.search(before):
            return None
        value = "medium"
        return rank, SaidTempo(None, value, None, words)
    return rank, SaidTempo(None, value, sense.facts.get("bpm"), words)


_FORM_JOIN = re.compile(
    r"[\s,/>→+、\-–—]*(?:then|and|and then|followed by|into|to|然后|接着|再|到|a|an|the|short|long|big|then a|"
    r"then the)?[\s,]*(?:a|an|the)?\s*"
)


def section_form(text: str, original: str, hits: list[Hit]) -> Said | None:
    """Two or more section names in a row: "verse, chorus, verse", "intro then drop"."""
    best: list[Hit] = []
    run: list[Hit] = []
    for hit in hits:
        if hit.sense(SECTION) is None:
            continue
        if re.search(r"\b(?:in|until|till|before|during|at|after|for|on|from)(?: the| a| each| every)?\s*$", text[: hit.start]):
            run = []
            continue
        if run and not _FORM_JOIN.fullmatch(text[run[-1].end : hit.start]):
            run = []
        run.append(hit)
        best = list(run) if len(run) > len(best) else best
    if len(best) < 2:
        return None
    names = [sense.value for hit in best if (sense := hit.sense(SECTION))]
    return Said(" ".join(names), (original[best[0].start : best[-1].end],))


def letter_form(original: str) -> Said | None:
    """ "AABA", "ABAB", "ABAC": letters as a form; at least one repeat or the word "form" beside them."""
    for match in _LETTER_FORM.finditer(original):
        letters = match.group(1)
        near = original[match.end() - 6 : match.end() + 6].lower() + original[max(0, match.start() - 12) : match.start()].lower()
        ascending = letters[0] == "A" and all(ord(b) - ord("A") <= len(set(letters[: i + 1])) for i, b in enumerate(letters))
        if ascending and (
            "form" in near
            or "曲式" in near
            or "结构" in near
            or (len(set(letters)) < len(letters) and len(letters) >= 3 and len(set(letters)) > 1)
        ):
            return Said(letters, (match.group(0),))
    return None
