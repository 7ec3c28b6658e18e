"""Numbers in words: tempo, metre, key, lengths, chord text. English and Chinese."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from partimento.interpret.chord_words import chord_runs
from partimento.interpret.vocabulary import number_words
from partimento.score.timing import MAX_TEMPO_BPM, MIN_TEMPO_BPM, Key, Metre

Span = tuple[int, int]
_NUM = r"(?:\d+(?:\.\d+)?|[a-z]+(?:[- ][a-z]+)?)"
_DIGITS = r"\d{1,5}(?:\.\d{1,2})?"
_ZH_NUM = r"[0-9.]+|[零一二两三四五六七八九十百半]+"
_LETTERS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11, "h": 11}
_MODES = {
    "major": "major", "maj": "major", "dur": "major", "minor": "minor", "min": "minor", "moll": "minor",
    "aeolian": "minor", "ionian": "major", "dorian": "dorian", "phrygian": "phrygian", "lydian": "lydian",
    "mixolydian": "mixolydian", "locrian": "locrian",
}  # fmt: skip
_TEMPO = (
    re.compile(rf"between\s+({_DIGITS})\s*(?:bpm\s*)?and\s+({_DIGITS})\s*(?:bpm|beats?(?: per | a |/)min(?:ute)?|b\.p\.m)"),
    re.compile(rf"({_DIGITS})\s*(?:-|–|to|~|/)\s*({_DIGITS})\s*(?:bpm|beats?(?: per | a |/)min(?:ute)?|b\.p\.m)"),
    re.compile(rf"({_DIGITS})()\s*(?:bpm|b\.p\.m\.?|beats?(?: per | a |/)min(?:ute)?)"),
    re.compile(rf"(?:bpm|tempo|速度|节拍)\s*(?:of|is|=|:|at|around|about|为|是|约|在|大约|around|set to|"
    rf"-)*\s*({_DIGITS})(?:\s*(?:-|–|to|~|到)\s*({_DIGITS}))?(?![\d/]|\s*(?:bars?|小节|sec|s\b|分|秒))"),
    re.compile(rf"(?:[♩♪]|(?:dotted )?(?:quarter|eighth|half|crotchet|quaver|minim)(?:[- ]notes?)?)\.?\s*=\s*({_DIGITS})()"),
    re.compile(rf"(?:每分钟|一分钟)\s*(?:约|大约|大概)?\s*({_ZH_NUM})()\s*(?:拍|下|次)"),
    re.compile(rf"({_DIGITS})()\s*(?:拍每分钟|拍/分|拍一分钟)"),
)  # fmt: skip
_NOTE_QUARTERS = {"♩": 1.0, "quarter": 1.0, "crotchet": 1.0, "♪": 0.5, "eighth": 0.5, "quaver": 0.5, "half": 2.0, "minim": 2.0}
_NOTE_VALUE = re.compile(r"(dotted )?(♩|♪|quarter|crotchet|eighth|quaver|half|minim)(?:[- ]notes?)?(\.)?\s*=")
_SHARE = re.compile(r"\b(half|twice|double)(?: of| (?:the |a )?(?:tempo|speed|pace) (?:of|as))\s+$")
_SHARES = {"half": 0.5, "twice": 2.0, "double": 2.0}
_TEMPO_LATER = re.compile(
    r"(?:\bthen|\bto|\band|,|到了?|然后|之后|变|再)\s*(?:at |up to |down to |around |到|成|为)*(\d{2,3})(?![\d./:])\s*"
    r"(?:(?:from|in|at|for|after|once|by|on|during) (?:the )?(?:\w+ )?(?:verse|chorus|bridge|drop|outro|half|end|section|part)|"
    r"(?=(?:副歌|主歌|后半|结尾|高潮)))"
)  # a bare number with a place, behind a tempo: "tempo 90, then 120 from the chorus"
_METRE = (
    re.compile(r"(?<![\d/.])(\d{1,2})\s*/\s*(1|2|4|8|16|32)(?![\d/])(?=\s*(?:拍|time|metre|meter|signature|feel|"
    r"rhythm|groove|beat|waltz|swing|bars?|拍子|[,.;。!?)]|$)|\s)"),
    re.compile(r"([二三四五六七八九十]+)分之([一二两三四五六七八九十]+)拍?"),
    re.compile(r"([二三四五六七八九]|十二)([四八])拍"),
    re.compile(r"\b(two|three|four|five|six|seven|nine|twelve|2|3|4|5|6|7|9|12)[- ](?:over[- ])?(two|four|eight|2|4|"
    r"8)(?:(?: over four)?(?= (?:time|metre|meter|signature|feel|rhythm|groove|beat)))"),
    re.compile(r"(?:in|a) (three|five|six|seven|3|5|6|7)()(?:[- ](?:time|beat metre)|(?=[,.;]|$))"),
)  # fmt: skip
_NAMED_METRES = (
    (re.compile(r"\b(?:common time|common meter|four[- ]four|four over four)\b"), (4, 4)),
    (re.compile(r"\b(?:cut time|alla breve)\b"), (2, 2)),
    (re.compile(r"\b(?:waltz time|triple (?:time|metre|meter)|three[- ]four|three quarter time)\b"), (3, 4)),
    (re.compile(r"\b(?:six[- ]eight|compound duple)\b"), (6, 8)),
    (re.compile(r"\b(?:five[- ]four|take five metre)\b"), (5, 4)),
    (re.compile(r"\b(?:seven[- ]eight)\b"), (7, 8)),
    (re.compile(r"\b(?:twelve[- ]eight)\b"), (12, 8)),
    (re.compile(r"三拍子"), (3, 4)), (re.compile(r"二拍子"), (2, 4)), (re.compile(r"四拍子"), (4, 4)),
    (re.compile(r"五拍子"), (5, 4)), (re.compile(r"七拍子"), (7, 8)), (re.compile(r"六拍子"), (6, 8)),
)  # fmt: skip
_KEY_EN = re.compile(
    r"(?<![a-z0-9#/'])([a-h])(?:\s?(#|♯|♭|b(?![a-z0-9])|[- ]?sharp|[- ]?flat|is(?= )))?(?:[\s-]+)"
    r"(major|minor|maj|min|dorian|phrygian|lydian|mixolydian|locrian|aeolian|ionian|dur|moll|harmonic minor|natural minor)\b"
    r"(?!\s*(?:chords?|scale exercise|third|triad|seventh|7|arpeggio|and \w+ chord))"
)
_KEY_LETTER = re.compile(
    r"(?:(?:in (?:the )?key of|key of|key is|key:|key =|in the key)\s*|调(?:性)?\s*[:为是]\s*)([a-h])(?:\s?(#|"
    r"♯|♭|b(?![a-z])|[- ]?sharp|[- ]?flat))?(m(?![a-z]))?(?![a-z])"
)
_KEY_SHORT = re.compile(r"(?:\bin|,|^|;)\s+([a-g])(#|b)?(m)?(?=\s*(?:,|\.|;|$|at \d|with\b))")
_KEY_ZH = re.compile(
    r"(升|降)?([a-g])\s*(#|♯|♭|b(?![a-z]))?\s*(?:(自然|和声|旋律))?(大调|小调|多利亚|弗里几亚|利底亚|混合利底亚)"
)
_MODE = re.compile(
    r"\b(?:in )?(?:a )?(minor|major)[- ](?:key|mode|tonality|scale|sounding|feel)\b|\b(?:key|mode) (?:is |"
    r"should be )?(minor|major)\b|(小调|大调)"
)
_NUMBER_WORDS = "|".join(sorted((w for w in number_words() if w.isascii()), key=len, reverse=True))
_LENGTH_EN = re.compile(
    rf"(?<![\d.:/])({_DIGITS}|(?<![a-z])(?:{_NUMBER_WORDS}|an?))"
    r"[\s-]*(?:(?:and a half|1/2)[\s-]*)?(seconds?\b|secs?\b|s(?![a-z'])|bars?\b|measures?\b|"
    r"(?:minutes?|mins?)\b(?:( and a half)|[\s,]*(?:and )?(\d{1,2})\s*(?:seconds?|secs?|s(?![a-z])))?)"
)
_CLOCK = re.compile(r"(?<![\d:])(\d{1,2}):([0-5]\d)(?![\d:])(?: ?(?:min(?:utes?)?|long|m))?")
_LENGTH_ZH = re.compile(
    rf"({_ZH_NUM})\s*(?:个)?(?:多)?(分半钟?|分钟?半|分钟|分(?!之|解|明|享|别|段|节|贝)|秒钟?|s(?![a-z])|小节)(?:\s*({_ZH_NUM})\s*秒钟?)?"
)
_PLACE_BEFORE = re.compile(
    r"(?:after|at|from|in|on|for|by|within|around|until|till|before|every|each|per|first|last|final|next|"
    r"the first|the last|the final|past|another|bar|than)\s*(?:about|around|the|approximately|roughly|"
    r"only|the first|the last|the next|the final|each|every)?\s*$"
)
_OPENS = re.compile(
    r"\s*(?:of )?[^,.;:!?]{2,28}?\b(?:alone|only|solo|unaccompanied|by itself|on its own)\b"
    r"[\s,]*(?:and )?(?:then|before|followed by|until)\b"
)  # "4 bars piano alone, then …": how long the opening lasts
_LENGTH_FRAME = re.compile(
    r"(?:for|of|is|lasting|lasts?|length|duration|about|around|roughly|approximately|exactly|long|"
    r"at least|in)\s*(?:about|around|roughly|exactly|approximately|only|just)?\s*$"
)
_PLACE_AFTER = re.compile(
    r"[\s-]*(?:in(?=\s*[,.;:]|\s*$|\s+the\b)|later|mark|onwards?|before the end|intro\b|introduction\b|"
    r"outro\b|solo\b|break\b|phrases?\b|build\b|fade\b|pause\b|per\b|apart|into\b|of (?:silence|intro|"
    r"piano|drums?|guitar|solo|only|just|rain)|cycle|pattern|riff|delays?\b|motif\b|verse\b|chorus\b|"
    r"bridge\b|the (?:drums|bass|piano|strings|guitar|voice|choir))"
)
_ZH_PLACE_AFTER = re.compile(
    r"\s*(?:之后|以后|后|的时候|时候|处|时(?!长)|起|开始|进入?|左右(?:的时候|时|处|后|进|出)|的地方|前(?!后)|之前|以前|一次|的?(?:前奏|引子|间奏|尾奏|独奏))"
)
_ZH_PLACE_BEFORE = re.compile(r"(?:第|敲|弹|吹|拉|奏|过了?|等|前|后|最后|每|隔|头|开头|第一|在|到了?|停|响)\s*(?:大约|大概|约)?$")
_BLUES12 = re.compile(r"(?:12|twelve)[- ]bar blues|十二小节(?:蓝调|布鲁斯)|12小节(?:蓝调|布鲁斯)")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number found: what it is, its value, where it stands."""

    kind: str
    value: object
    span: Span


def parse_number(text: str) -> float | None:
    """``"90"``, ``"sixty four"``, ``"二十四"``, ``"a"`` → a number, else None."""
    text = text.strip()
    try:
        return float(text)
    except ValueError:
        pass
    if text in ("a", "an"):
        return 1.0
    table = number_words()
    if text and all("\u4e00" <= c <= "\u9fff" for c in text):
        return _chinese_number(text)
    words = text.replace("-", " ").split()
    if not words or any(w not in table for w in words):
        return None
    return sum(table[w] for w in words)


def _chinese_number(text: str) -> float | None:
    """Numerals up to 999: 十六, 一百二十, 二十五, 半."""
    table = number_words()
    total, digit = 0.0, 0.0
    for char in text:
        if char == "百":
            total, digit = total + (digit or 1) * 100, 0.0
        elif char == "十":
            total, digit = total + (digit or 1) * 10, 0.0
        elif char in table:
            digit = digit * 10 + table[char] if digit >= 1 and table[char] >= 1 else table[char] + digit
        else:
            return None
    return total + digit


_NO_UNIT = (
    r"(?! ?(?:%|/|:|s\b|ms\b|k?hz\b|secs?\b|seconds?\b|min|bars?\b|measures?\b|beats?\b(?! per)|notes?\b|players?\b|people\b|"
    r"years?\b|instruments?\b|voices?\b|小节|秒|分钟|人|赫|年|个|件))"
)
_TEMPO_BARE = re.compile(
    rf"\bbetween (\d{{2,3}}) and (\d{{2,3}})(?!\d){_NO_UNIT}|"
    r"(?<!bar )(?<!bars )(?<!measure )(?<!measures )(?<!sure)(?<![\d:./第#-])(?<!opus )(?<!op )"
    rf"(\d{{2,3}}) ?[-–~] ?(\d{{2,3}})(?![\d:./-]){_NO_UNIT}"
)
"""Ranges without a unit: tempi when they can be ("between 100 and 110")."""
_BARE_RANGE = (60.0, 200.0)
_BARE_WIDTH = 30.0


def tempo_numbers(text: str) -> Iterator[Quantity]:
    """Tempi in beats per minute (the middle of a range); numbers out of range are left alone."""
    taken: list[Span] = []
    for pattern in _TEMPO:
        for match in pattern.finditer(text):
            span = match.span()
            if any(span[0] < b and a < span[1] for a, b in taken):
                continue
            low, high = parse_number(match.group(1)), parse_number(match.group(2) or "")
            value = low if high is None or low is None else (low + high) / 2
            span, share = _with_share(text, span)
            value = value * share * (note_quarters(match.group()) or 1.0) if value is not None else None
            if value is not None and MIN_TEMPO_BPM <= value <= MAX_TEMPO_BPM:
                taken.append(span)
                yield Quantity("tempo", value, span)
    for match in () if taken else _TEMPO_BARE.finditer(text):
        low, high = (float(v) for v in (match.group(1) or match.group(3), match.group(2) or match.group(4)))
        if _BARE_RANGE[0] <= low < high <= _BARE_RANGE[1] and high - low <= _BARE_WIDTH:
            taken.append(match.span())
            yield Quantity("tempo", (low + high) / 2, match.span())
            break
    for match in _TEMPO_LATER.finditer(text) if taken else ():
        value = parse_number(match.group(1))
        if value is not None and MIN_TEMPO_BPM <= value <= MAX_TEMPO_BPM and all(b <= match.start(1) for _, b in taken):
            yield Quantity("tempo", value, match.span(1))


def note_quarters(text: str) -> float | None:
    """Quarter notes of the note value in "eighth note = 120", 0.5; None when no note value is named."""
    match = _NOTE_VALUE.search(text)
    return _NOTE_QUARTERS[match.group(2)] * (1.5 if match.group(1) or match.group(3) else 1.0) if match else None


def _with_share(text: str, span: Span) -> tuple[Span, float]:
    """ "half the tempo of 120 bpm": the span with these words, and 0.5; else the span and 1."""
    match = _SHARE.search(text, max(0, span[0] - 32), span[0])
    return ((match.start(), span[1]), _SHARES[match.group(1)]) if match else (span, 1.0)


def metres(text: str) -> Iterator[Quantity]:
    """Metres: ``7/8``, "six-eight time", 四分之三拍, 八六拍 (read either way round)."""
    taken: list[Span] = []
    for quantity in _all_metres(text):
        if all(quantity.span[1] <= a or b <= quantity.span[0] for a, b in taken):
            taken.append(quantity.span)
            yield quantity


def _all_metres(text: str) -> Iterator[Quantity]:
    """Metres of all patterns, some found twice."""
    for index, pattern in enumerate(_METRE):
        for match in pattern.finditer(text):
            first, second = parse_number(match.group(1)), parse_number(match.group(2) or "")
            if index == 1:
                first, second = second, first
            if second is None and first is not None:
                second = 8.0 if first in (6, 7, 9, 12) else 4.0
            if index == 2 and first is not None and second is not None and first in (4, 8) and second not in (2, 4, 8):
                first, second = second, first
            if index == 2 and first == 8 and second == 4:
                continue
            if first and second in (1, 2, 4, 8, 16, 32) and 1 <= first <= 32 and first == int(first):
                yield Quantity("metre", Metre(int(first), int(second)), match.span())
    for match in re.finditer(r"([八四])([二三六九]|十二)拍", text):
        numerator, denominator = parse_number(match.group(2)), parse_number(match.group(1))
        if numerator and denominator:
            yield Quantity("metre", Metre(int(numerator), int(denominator)), match.span())
    for pattern, (numerator_, denominator_) in _NAMED_METRES:
        for match in pattern.finditer(text):
            yield Quantity("metre", Metre(numerator_, denominator_), match.span())


def _tonic(letter: str, accidental: str | None) -> int:
    """Pitch class of a letter with "#", "b", "sharp", "flat" … (h is the German b natural)."""
    shift = 0
    mark = (accidental or "").strip(" -")
    if mark in ("#", "♯", "sharp", "is", "升"):
        shift = 1
    elif mark in ("b", "♭", "flat", "降"):
        shift = -1
    return (_LETTERS[letter] + shift) % 12


_DENIED_KEY = re.compile(
    r"(?:\bnot|\bnever|n't be|\banything but|\bavoid)\s+(?:in )?(?:the )?(?:key of )?$|(?:不要|不用|不是|别用)$"
)


def denies_key(text: str, at: int) -> bool:
    """True when the key at ``at`` is one that is not wanted: "not in C", 不要C大调."""
    return bool(_DENIED_KEY.search(text, 0, at))


def keys(text: str, original: str) -> Iterator[Quantity]:
    """Keys with a tonic. A lower-case "a minor key" or "a major chord" names no tonic."""
    for match in _KEY_EN.finditer(text):
        letter, mode = match.group(1), match.group(3)
        follows = text[match.end() : match.end() + 12].strip()
        article = letter == "a" and not match.group(2) and (original[match.start(1)] == "a" or match.start(1) == 0)
        if article and not re.search(r"(?:\bin|key(?: of|:| is)?)\s*$", text[: match.start()]):
            begins = not text[: match.start()].strip() or text[: match.start()].rstrip().endswith(",")
            alone = not follows or follows[0] in ",.;" or (mode == "minor" and original[match.start(1)] == "A")
            if not (begins and alone):
                continue
        if article and re.match(r"(?:key|scale|mode|tonality|chord|feel|third|and major|or major)", follows):
            continue
        if re.match(r"(?:chord|scale being|triad)", follows) or denies_key(text, match.start()):
            continue
        mode = "minor" if "minor" in mode else _MODES.get(mode, "major")
        yield Quantity("key", Key(_tonic(letter, match.group(2)), mode), match.span())
    for match in _KEY_ZH.finditer(text):
        mode = {"大调": "major", "小调": "minor", "多利亚": "dorian", "弗里几亚": "phrygian", "利底亚": "lydian"}.get(
            match.group(5), "mixolydian"
        )
        if not denies_key(text, match.start()):
            yield Quantity("key", Key(_tonic(match.group(2), match.group(1) or match.group(3)), mode), match.span())
    full = [m.span() for m in _KEY_EN.finditer(text)]
    for pattern in (_KEY_LETTER, _KEY_SHORT):
        for match in pattern.finditer(text):
            if any(a <= match.start(1) < b for a, b in full) or denies_key(text, match.start()):
                continue
            letter = match.group(1)
            if pattern is _KEY_SHORT and (
                original[match.start(1)].islower()
                or (letter == "a" and not match.group(3) and text[match.end() :].startswith(" "))
            ):
                continue
            mode = "minor" if match.group(3) else "major"
            yield Quantity("key", Key(_tonic(letter, match.group(2)), mode), match.span())


def mode_words(text: str) -> Iterator[Quantity]:
    """ "in a minor key", 小调: a mode without a tonic."""
    for match in _MODE.finditer(text):
        word = next(g for g in match.groups() if g)
        if word in ("小调", "大调") and match.start() and text[match.start() - 1] in "abcdefg#":
            continue
        yield Quantity("mode", {"小调": "minor", "大调": "major"}.get(word, word), match.span())


_RESTS = re.compile(
    r"\b(?:rests?|waits?|silent|pauses?|tacet|quiet|out|absent|missing|solos?)\b[\s,]*(?:for )?"
    r"(?:the first |about |around |some )*$"
)


def lengths(text: str) -> Iterator[Quantity]:
    """Lengths of the whole piece: ``duration`` in seconds, ``bars``. Places ("after 8 bars") are left out."""
    blues = [m.span() for m in _BLUES12.finditer(text)]
    for match in _LENGTH_EN.finditer(text):
        span = match.span()
        if any(a <= span[0] < b for a, b in blues):
            continue
        value = parse_number(match.group(1))
        unit = match.group(2)
        before, after = text[max(0, span[0] - 32) : span[0]], text[span[1] : span[1] + 24]
        if _RESTS.search(before):
            continue  # "drums rest for 8 bars"
        if value is None or _PLACE_AFTER.match(after) or _OPENS.match(text, span[1]):
            continue
        if _PLACE_BEFORE.search(before) and not (
            _LENGTH_FRAME.search(before)
            and not re.search(
                r"(?:after|at|from|until|before|within|first|last|final|next|every|each)\W*(?:about|around|the|\s)*$", before
            )
        ):
            continue
        if "and a half" in match.group(0) or "1/2" in match.group(0):
            value += 0.5
        if match.group(1) in ("a", "an") and not unit.startswith("min"):
            continue
        if unit == "s" and (not match.group(1)[0].isdigit() or _is_decade(value, match.group(0), before, after)):
            continue  # "saxophones" ends in no "one s"
        if unit.startswith("bar") or unit.startswith("measure"):
            if re.search(r"\bbars?\s*$", unit) and value != int(value):
                continue
            yield Quantity("bars", int(value), span)
        else:
            seconds = value * (60 if unit.startswith("min") else 1) + float(match.group(4) or 0)
            yield Quantity("duration", seconds, span)
    for match in _CLOCK.finditer(text):
        before = text[max(0, match.start() - 16) : match.start()]
        if not re.search(r"(?:at|from|after|until|till|by|around)\s*$", before):
            yield Quantity("duration", float(match.group(1)) * 60 + float(match.group(2)), match.span())
    yield from _lengths_zh(text)


_FIRST_BARS = re.compile(
    r"\bfirst (\d+|two|three|four|six|eight|twelve|sixteen) (bars|measures|seconds),?(?: (?:are|have|is|should be|with|of))? "
    r"(?:just|only|solo|nothing but)\b|"
    r"(?:前|头)([0-9]+|[一二两三四五六七八九十]+)个?(小节|秒)(?:里|内|中)?(?=只|仅|光|先|单|由|是)"
)


def opening_length(text: str) -> tuple[float, str] | None:
    """Number and unit (``bars`` or ``seconds``) of an opening that somebody plays alone ("4 bars piano alone, then …")."""
    for match in _FIRST_BARS.finditer(text):
        if value := parse_number(match.group(1) or match.group(3)):
            unit = match.group(2) or match.group(4)
            return value, "bars" if unit.startswith(("bar", "meas", "小")) else "seconds"
    for match in _LENGTH_EN.finditer(text):
        value = parse_number(match.group(1))
        if value and _OPENS.match(text, match.end()):
            unit = match.group(2)
            bars = unit.startswith(("bar", "meas"))
            return value * (60 if unit.startswith("min") else 1), "bars" if bars else "seconds"
    return None


def _is_decade(value: float, spelled: str, before: str, after: str) -> bool:
    """True when "80s" means the eighties: glued, a round decade, and not framed as a length."""
    if value in (303, 707, 808, 909):  # drum machines
        return True
    if (
        " " in spelled
        or value not in range(20, 100, 10)
        or re.search(r"(?:for|is|length|duration|lasting|lasts|:|=|,)\s*$", before)
    ):
        return False
    if re.match(r"\s*(?:long|loop|clip|intro|piece of|of\b|track|\d)", after):
        return False
    return value >= 50 or bool(re.match(r"\s*(?:style|era|swing|jazz|big band|vibe|sound|music|gypsy|hot|ragtime)", after))


def _lengths_zh(text: str) -> Iterator[Quantity]:
    """Chinese lengths."""
    for match in _LENGTH_ZH.finditer(text):
        value = parse_number(match.group(1))
        unit = match.group(2)
        before, after = text[max(0, match.start() - 8) : match.start()], text[match.end() : match.end() + 8]
        if value is None or _ZH_PLACE_AFTER.match(after) or _ZH_PLACE_BEFORE.search(before):
            continue
        if unit == "s" and (not match.group(1).replace(".", "").isdigit() or _is_decade(value, match.group(0), before, after)):
            continue
        if unit == "小节":
            if any(a <= match.start() < b for a, b in (m.span() for m in _BLUES12.finditer(text))):
                continue
            yield Quantity("bars", int(value), match.span())
        else:
            seconds = value * (60 if unit.startswith("分") else 1)
            if "半" in unit:
                seconds += 30
            elif after.startswith("半"):
                seconds += 30 if unit.startswith("分") else 0.5
            extra = parse_number(match.group(3)) if match.group(3) else None
            yield Quantity("duration", seconds + (extra or 0.0), match.span())


def chord_texts(original: str) -> Iterator[Quantity]:
    """Chord text inside the words: after "chords", between bar lines, dash-linked, or Roman numerals."""
    for run in chord_runs(original):
        yield Quantity("roman" if run.roman else "chords", run.text, run.span)
