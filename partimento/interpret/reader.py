"""Words → :class:`Reading`: the whole way of the grammar on one page."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from partimento.interpret.adjectives import Whole, letter_form, read_whole, section_form
from partimento.interpret.chord_words import bad_chords
from partimento.interpret.cues import cues
from partimento.interpret.leftovers import covered, effects, unknown_words, uses
from partimento.interpret.mentions import Mention, describe, drop_echoes, find_mentions, merge, unify
from partimento.interpret.negation import read_negations
from partimento.interpret.order import Order, read_order
from partimento.interpret.phrases import Negations
from partimento.interpret.places import find_place, section_place
from partimento.interpret.quantities import (
    Quantity,
    chord_texts,
    keys,
    lengths,
    metres,
    mode_words,
    note_quarters,
    opening_length,
    tempo_numbers,
)
from partimento.interpret.reading import Passage, Reading, Said, SaidInstrument, SaidTempo, Where
from partimento.interpret.refusals import refusals
from partimento.interpret.regions import comparison_regions, is_only_like, overlaps, use_regions
from partimento.interpret.section_lengths import measured_form, section_lengths
from partimento.interpret.tokens import Token, clause_spans, language_of, normalise, sentence_spans, tokenise
from partimento.interpret.vocabulary import INSTRUMENT, Hit, Sense, vocabulary
from partimento.score.timing import Key, Metre

Span = tuple[int, int]
_BLANKS = re.compile(r"[^\S\n\r]+")  # runs of blanks; a new line ends a sentence
_LEAVES = re.compile(r"(?:at the (?:very )?end|in the (?:outro|last|ending|final|second half)|for the (?:last|final)|after)")
_CORRECTS = re.compile(
    r"\b(?:no|not|wait|actually|rather|instead|make (?:it|that)|sorry|i mean|or better|correction|changed? my mind|oh)\b|"
    r"不对|不是|改成|改为|还是|更正|应该是|算了|说错"
)
_SILENT = re.compile(
    r"\b(?:not|never|silent|quiet|tacet|absent|out|rests?|pauses?|missing|no)\b|n't\b|[不没无别停休]"
)  # between a name and "in the verse": it pauses there
_DUET, _MOST_ALIKE = 2, 8
_MOVES = re.compile(
    r"\b(?:com(?:es?|ing)|enter(?:s|ing)?|join(?:s|ing)?|kick(?:s|ing)?|start(?:s|ing)?|until|before|drops?|stops?)\b"
)


@dataclass(frozen=True)
class _Found:
    """What the stages of :func:`read` found, before it is put together."""

    said: str
    words: str
    text: str
    sentences: list[Span]
    tokens: list[Token]
    numbers: list[Quantity]
    hits: list[Hit]
    ignored: list[Span]
    mentions: list[Mention]
    negations: Negations
    order: Order
    whole: Whole


@lru_cache(maxsize=64)
def read(words: str) -> Reading:
    """Read a request in English, Chinese or both.

    Args:
        words: any text; nothing in it can make this fail.

    Returns:
        What the words say, with the user's spans; nothing is decided here.
    """
    said, words = words, _BLANKS.sub(" ", words)
    text = normalise(words)
    measured = section_lengths(text)
    numbers = [q for q in _numbers(text, words) if q.kind != "bars" or not overlaps(q.span, [m.span for m in measured])]
    tokens = [t for t in tokenise(text) if not _inside(t, numbers)]
    hits = _band_not_style(vocabulary().match(tokens), text)
    sentences = sentence_spans(text)
    clauses = [c for s in sentences for c in clause_spans(text, *s)]
    candidates = find_mentions(hits, text)
    purposes = use_regions(text, sentences, [(m.start, m.end) for m in candidates])
    likes = comparison_regions(text, sentences)
    ignored = purposes + likes + [m.span() for m in cues("en")["ignored"]["not_music"].finditer(text)]
    mentions = [m for m in candidates if not overlaps((m.start, m.end), ignored) and not is_only_like(text, m.end)]
    mentions = drop_echoes(mentions, text, clauses)
    negations = read_negations(_masked(text, purposes), sentences, clauses, mentions, hits)
    skip = set(negations.negated) | {i for i, _, limit in negations.temporal if _LEAVES.match(text, limit[0])}
    mentions = unify(mentions, set(range(len(mentions))) - set(negations.negated), text)
    described = [_described(m, mentions, hits, text, clauses) for m in mentions]
    order = read_order(_masked(text, purposes), words, sentences, described, skip)
    negations.absent = _lasting(negations.absent, described, order)
    whole = read_whole(text, words, hits, ignored, negations.spans)
    return _assemble(_Found(said, words, text, sentences, tokens, numbers, hits, ignored, described, negations, order, whole))


def _lasting(absent: list[tuple[str, Span]], mentions: list[Mention], order: Order) -> list[tuple[str, Span]]:
    """Absences without an "only piano" that ends when somebody else enters."""
    kept = []
    for value, span in absent:
        alone = {m.id for m in mentions if span[0] <= m.start < span[1]}
        if value == "*" and alone and any(p.first in (*alone, "*") and p.then not in alone for p in order.pairs):
            continue
        kept.append((value, span))
    return kept


def _inside(token: Token, numbers: list[Quantity]) -> bool:
    return any(q.span[0] <= token.start < q.span[1] for q in numbers if q.kind != "mode")


def _masked(text: str, regions: list[Span]) -> str:
    """The text with ignored stretches blanked, so that no cue is found in them."""
    chars = list(text)
    for a, b in regions:
        chars[a:b] = " " * (b - a)
    return "".join(chars)


def _numbers(text: str, original: str) -> list[Quantity]:
    """All numeric fields; chord text first, so that a chord is not taken for a key."""
    chords = list(chord_texts(original))
    found = list(chords)
    for group in (tempo_numbers(text), metres(text), keys(text, original), mode_words(text), lengths(text)):
        for quantity in group:
            inside_chords = any(c.span[0] <= quantity.span[0] < c.span[1] for c in chords)
            if not inside_chords and not (quantity.kind == "duration" and _is_tempo_part(quantity, found)):
                found.append(quantity)
    return found


def _is_tempo_part(quantity: Quantity, found: list[Quantity]) -> bool:
    return any(q.kind == "tempo" and q.span[0] < quantity.span[1] and quantity.span[0] < q.span[1] for q in found)


def _band_not_style(hits: list[Hit], text: str) -> list[Hit]:
    """ "guitar, drum and bass" names instruments, "drum and bass" alone a style."""
    out: list[Hit] = []
    for hit in hits:
        names = hit.text.replace("&", "and").split()
        if (
            names == ["drum", "and", "bass"]
            and out
            and out[-1].sense(INSTRUMENT)
            and re.fullmatch(r"[\s,]*(?:and|with|a|an)?\s*", text[out[-1].end : hit.start])
        ):
            out.append(Hit(hit.start, hit.start + 4, "drum", (Sense(INSTRUMENT, "drums"),)))
            out.append(Hit(hit.end - 4, hit.end, "bass", (Sense(INSTRUMENT, "bass"),)))
        else:
            out.append(hit)
    return out


def _described(mention: Mention, mentions: list[Mention], hits: list[Hit], text: str, clauses: list[Span]) -> Mention:
    clause = next(((a, b) for a, b in clauses if a <= mention.start < b), (0, len(text)))
    return describe(mention, mentions, hits, text, clause)


def _assemble(found: _Found) -> Reading:
    """Put the pieces together."""
    words, text, numbers, whole = found.words, found.text, found.numbers, found.whole
    mentions, negations = found.mentions, found.negations
    temporal = {i for i, _, _ in negations.temporal}
    positive = [m for i, m in enumerate(mentions) if i not in negations.negated and not m.unplayed]
    instruments = merge(positive, text, words)
    instruments = [_as_duet(i, instruments, found) for i in instruments]
    instruments, absent, contradictions = _later_wins(instruments, positive, negations, words)
    throughout = [m for i, m in enumerate(mentions) if m in positive and i not in temporal]
    passages = [
        *found.order.passages,
        *_temporal_passages(negations, mentions, words, text, {i for p in found.order.passages for i in p.instruments}),
        *_section_passages(throughout, text, words, found.sentences),
    ]
    passages = _after_opening(passages, found.order, text)
    unplayed = [m for i, m in enumerate(mentions) if m.unplayed and i not in negations.negated and i not in temporal]
    tempo = _tempo(numbers, whole, words)
    known = [*found.ignored, *negations.spans, *covered(text, words)]
    unknown = unknown_words(words, text, found.tokens, found.hits, known)
    form, form_bars, total = _form(found)
    bars = _bars(numbers, words)
    return Reading(
        text=found.said,
        language=language_of(text),
        instruments=tuple(instruments),
        absent=tuple(absent),
        orders=found.order.pairs,
        passages=tuple(passages),
        unplayed=tuple(
            Said(id_, tuple(words[m.start : m.end] for m in unplayed if m.id == id_))
            for id_ in dict.fromkeys(m.id for m in unplayed)
        ),
        tempo=tempo,
        half_time=whole.half_time,
        tempo_change=whole.tempo_change,
        metre=_first_of(numbers, "metre", words, Metre),
        key=_first_of(numbers, "key", words, Key),
        mode=next((Said(str(q.value), (words[slice(*q.span)],)) for q in numbers if q.kind == "mode"), None),
        chords=next((Said(str(q.value), (words[slice(*q.span)],)) for q in numbers if q.kind in ("chords", "roman")), None),
        styles=tuple(whole.styles),
        moods=tuple(whole.moods),
        eras=tuple(whole.eras),
        sections=tuple(whole.sections),
        form=form,
        form_bars=form_bars,
        dynamics=tuple(whole.dynamics),
        ending=whole.ending,
        ensemble_size=whole.ensemble_size,
        duration_s=_length(numbers, "duration", words),
        bars=bars or total,
        uses=uses(text),
        contradictions=(*contradictions, *whole.contradictions, *_said_twice(numbers, words)),
        refused=tuple(dict.fromkeys(refusals(text, words))),
        unknown=tuple(dict.fromkeys((*effects(words, text, found.hits, found.ignored), *bad_chords(words), *unknown))),
    )


def _form(found: _Found) -> tuple[Said | None, tuple[int, ...], tuple[int, tuple[str, ...]] | None]:
    """The said form, the bars of its sections, and those of the piece with their words; no bars: none are said."""
    rows = measured_form(found.text)
    if not rows:
        return letter_form(found.words) or section_form(found.text, found.words, found.hits), (), None
    quotes = tuple(found.words[slice(*row.span)].strip() for row in rows)
    bars = tuple(row.n_bars for row in rows)
    return Said(" ".join(row.name for row in rows), quotes), bars, (sum(bars), quotes)


def _after_opening(passages: list[Passage], order: Order, text: str) -> list[Passage]:
    """ "4 bars piano alone, then the band": the first entry of no other place stands behind these bars."""
    opening = opening_length(text)
    first = next((i for i, p in enumerate(passages) if p.kind == "enter" and p.where.unit == "stage"), None)
    if opening and first is None and any(p.kind == "start" for p in passages) and all(p.kind == "start" for p in passages):
        return [*passages, Passage("enter", ("*",), Where(opening[1], opening[0]), passages[0].words)]
    if not opening or first is None:
        return passages
    told = passages[first].words
    where = Where(opening[1], opening[0])
    entering = passages[first].instruments
    alone = tuple(dict.fromkeys(o.first for o in order.pairs if o.then in entering and o.first not in ("*", *entering)))
    starts = (
        [] if any(p.kind == "start" for p in passages) or not alone else [Passage("start", alone, Where("fraction", 0.0), told)]
    )
    return [*starts, *(replace(p, where=where) if p.kind == "enter" and p.words == told else p for p in passages)]


def _as_duet(said: SaidInstrument, instruments: list[SaidInstrument], found: _Found) -> SaidInstrument:
    """ "Flute duet", "trombone quartet", 长笛二重奏: with no other instrument named, all players have this one."""
    size = found.whole.ensemble_size
    lone = len(instruments) == 1 and said.count == 1 and not said.implied
    if not lone or not size or not _DUET <= size[0] <= _MOST_ALIKE:
        return said
    names = [rf"{re.escape(w)}\s*{re.escape(size[1][0])}|{re.escape(size[1][0])} (?:of|for) {re.escape(w)}" for w in said.words]
    return replace(said, count=size[0]) if re.search("|".join(names), found.words) else said


def _said_twice(numbers: list[Quantity], words: str) -> list[tuple[str, str, str]]:
    """A second tempo, key or metre in the words: (field, kept, dropped)."""
    found = []
    for kind in ("tempo", "key", "metre"):
        of_kind = [q for q in numbers if q.kind == kind]
        kept = _kept(of_kind, words)
        found += [
            (kind, words[slice(*kept.span)].strip(), words[slice(*q.span)].strip())
            for q in of_kind
            if kept and q is not kept and q.value != kept.value
        ]
    return found


def _kept(found: list[Quantity], words: str) -> Quantity | None:
    """The first of several, unless a later one corrects it ("90 bpm, no, 100") or no words stand between them."""
    kept = found[0] if found else None
    for quantity in found[1:]:
        between = words[kept.span[1] : quantity.span[0]] if kept else ""
        if _CORRECTS.search(between.lower()):
            kept = quantity
    return kept


def _first_of(numbers: list[Quantity], kind: str, words: str, type_: type) -> tuple | None:  # type: ignore[type-arg]
    """The quantity of a kind that holds, with its words."""
    found = _kept([q for q in numbers if q.kind == kind and isinstance(q.value, type_)], words)
    return (found.value, (words[slice(*found.span)],)) if found else None


def _length(numbers: list[Quantity], kind: str, words: str) -> tuple[float, tuple[str, ...]] | None:
    found = [q for q in numbers if q.kind == kind]
    return (float(str(found[-1].value)), (words[slice(*found[-1].span)],)) if found else None


def _bars(numbers: list[Quantity], words: str) -> tuple[int, tuple[str, ...]] | None:
    length = _length(numbers, "bars", words)
    return (max(1, int(length[0])), length[1]) if length and length[0] >= 1 else None


def _tempo(numbers: list[Quantity], whole: Whole, words: str) -> SaidTempo | None:
    """Number and word together."""
    found = _kept([q for q in numbers if q.kind == "tempo"], words)
    if not found:
        return whole.tempo
    span = found.span
    spans = (words[span[0] : span[1]],) + (whole.tempo.words if whole.tempo else ())
    word, in_quarters = whole.tempo.word if whole.tempo else "", note_quarters(words[slice(*span)].lower()) is not None
    return SaidTempo(float(str(found.value)), word, None, spans, exact=True, in_quarters=in_quarters)


def _later_wins(
    instruments: list[SaidInstrument], positive: list[Mention], negations: Negations, words: str
) -> tuple[list[SaidInstrument], list[Said], list[tuple[str, str, str]]]:
    """An instrument asked for and ruled out: what was said last holds (a correction), and the other is listed."""
    absent: list[Said] = []
    contradictions: list[tuple[str, str, str]] = []
    for value, span in sorted(negations.absent, key=lambda item: item[1]):
        last = max((m.start for m in positive if m.id == value and not m.implied), default=-1)
        quote = words[span[0] : span[1]]
        if value != "*" and last > span[0]:
            contradictions.append((f"instrument: {value}", "asked for", quote))
            continue
        if value != "*":  # an ensemble's own player goes without a word: "everything except drums: jazz trio"
            if last >= 0:
                contradictions.append((f"instrument: {value}", quote, "asked for before"))
            instruments = [i for i in instruments if i.instrument != value]
        if all(a.value != value for a in absent):
            absent.append(Said(value, (quote,)))
    return instruments, absent, contradictions


def _temporal_passages(negations: Negations, mentions: list[Mention], words: str, text: str, told: set[str]) -> list[Passage]:
    """ "no drums until the chorus" → enters there; "no drums at the end" → leaves there."""
    passages = []
    for index, span, limit in negations.temporal:
        limiting = text[limit[0] : limit[1]]
        quote = (words[span[0] : limit[1]].strip(" ,.;"),) if limit[0] >= span[0] else (words[limit[0] : mentions[index].end],)
        where = find_place(text, limit[0], limit[1])
        id_ = mentions[index].id
        if id_ in told and not _LEAVES.match(limiting):
            continue
        if re.match(r"(?:at the (?:very )?end|in the (?:outro|last|ending|final)|for the last|after)", limiting):
            passages.append(Passage("leave", (id_,), where if where.unit != "stage" else Where("end"), quote))
        elif re.match(r"(?:in|during) ", limiting) and where.unit == "section" and where.name not in ("intro",):
            passages.append(Passage("silent", (id_,), where, quote))
        elif re.match(r"in the second half", limiting):
            passages.append(Passage("leave", (id_,), Where("fraction", 0.5), quote))
        else:
            first_bars = re.search(r"for the first (\d+) (bars?|seconds?)", limiting)
            if first_bars:
                where = Where("bars" if first_bars.group(2).startswith("bar") else "seconds", float(first_bars.group(1)))
            elif where.unit == "fraction" or (where.unit == "section" and where.name == "intro"):
                where = Where("fraction", 0.5) if where.unit == "fraction" else Where()
            passages.append(Passage("enter", (id_,), where, quote))
    return passages


def _section_passages(positive: list[Mention], text: str, words: str, sentences: list[Span]) -> list[Passage]:
    """ "guitar solo in the bridge", "strings in the chorus": plays (or solos) there."""
    passages = []
    for index, mention in enumerate(positive):
        end = next((b for a, b in sentences if a <= mention.start < b), len(text))
        following = positive[index + 1].start if index + 1 < len(positive) else end
        stop = re.search(r"[,.;:!?，。、]", text[mention.end : min(end, following)])
        reach = mention.end + stop.start() if stop else min(end, following)
        place = section_place(text, mention.end, min(reach, mention.end + 40))
        if place and not _MOVES.search(text[mention.end : place[1][1]]):
            quote = (words[mention.start : place[1][1]],)
            elsewhere = any(m.id == mention.id and m is not mention and not m.implied for m in positive)
            between = text[mention.end : place[1][1]]
            kind = "solo" if mention.solo else "silent" if _SILENT.search(between) else "during"
            if kind != "during" or not elsewhere:
                passages.append(Passage(kind, (mention.id,), Where("section", name=place[0]), quote))
    return passages
