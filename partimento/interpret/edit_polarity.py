"""Which way a wish points: "not bright enough" is brighter, "too bright" and "less bright" darker, "less dull" brighter.

A word of a wish may name the goal ("bright") or the fault that the goal removes ("dull", listed as ``faults`` in
``edits.yaml``). "Not … enough" asks for more of the goal; "too", "less", "not so" ask for less of it, and of a fault they
ask for the goal itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from partimento.errors import RequestError
from partimento.interpret.edit_frames import Frame
from partimento.interpret.edit_items import Item, edit_lexicon, fault_words
from partimento.plan.edit import EditOperation

T = TypeVar("T")

OPPOSITE = {
    "darker": "brighter", "brighter": "darker", "wider": "narrower", "narrower": "wider", "spacious": "drier",
    "closer": "spacious", "dirtier": "cleaner", "cleaner": "dirtier",
    "softer": "harder", "harder": "softer", "more_energy": "calmer", "calmer": "more_energy", "lofi": "cleaner",
    "vintage": "cleaner", "warmer": "brighter", "punchier": "softer", "drier": "spacious", "bigger": "calmer",
    "tighter": "more_expressive", "more_expressive": "even", "even": "more_expressive", "smoother": "punchier",
    "swing": "straight", "straight": "swing", "jazzier": "plainer", "plainer": "jazzier", "distant": "closer",
    "fuller": "thinner", "thinner": "fuller", "accent": "softer", "sparser": "busier", "busier": "sparser",
    "laid_back": "pushed", "pushed": "laid_back", "underwater": "brighter", "louder": "softer",
    "build_up": "diminuendo", "diminuendo": "build_up", "staccato": "smoother",
    "up": "down", "down": "up", "faster": "slower", "slower": "faster",
}  # fmt: skip
"""What less of it comes to; a wish that is not here cannot be turned round."""
_THE_FAULT_ITSELF = OPPOSITE | {
    "less_muddy": "darker", "less_harsh": "brighter", "less_boomy": "fuller", "more_energy": "calmer", "tighter": "laid_back",
    "warmer": "brighter", "bigger": "thinner", "fuller": "thinner", "calmer": "more_energy", "distant": "distant",
    "wider": "narrower", "closer": "distant", "spacious": "drier", "punchier": "softer", "smoother": "staccato",
}  # fmt: skip
"""What a word for a fault comes to where the fault is wanted: "make it duller", "more robotic"."""
_WANTED = re.compile(
    r"\b(?:make|get|turn|want)\s+(?:it|this|that|them|things|everything|(?:the |my |our )?(?:\w+ ){1,3}?)\s*"
    r"(?:(?:to )?(?:sound|feel|be) )?(?:(?:more|a (?:bit|little)(?: more)?|really|very|much more|slightly(?: more)?|all) )*$|"
    r"(?<!no )(?<!any )\bmore $|(?:弄|变|搞|调|做)(?:得|成)?(?:更|再|稍微)?$|(?<!听起来)更$"
)
_TURNS = {"up", "down", "faster", "slower"}
_NOT = r"(?:not|n't|never|hardly|barely|nowhere near|isnt|arent)"
_LACKS = re.compile(rf"({_NOT})\s+(?:(?:really|quite|nearly|anywhere near|sounding|being|feeling|yet|getting)\s+)*$")
_ENOUGH = re.compile(r"\s*enough\b")
_LESS = re.compile(
    rf"(?:\b(?:less|too)(?: very)?|{_NOT}\s+(?:(?:be|sound|feel|get|make it|make them|make this|go)\s+)?"
    r"(?:so|too|as|that|overly)(?: very)?)\s+$|"
    r"(?:没|别|不|不要|不用)(?:有)?(?:那么|这么|太)$|(?<!点)太$|过于$"
)
_CUTS = re.compile(
    r"\b(?:too much(?: of)?|(?:reduc|decreas|lessen|tam)(?:e|es|ing)?|lower(?:ing)?|cut(?:ting)?(?: down| back)?(?: on)?|"
    r"(?:dial|turn|bring|tone|scale|pull|wind|roll|take)(?:ing)? (?:back|down)(?: on)?|ease (?:off|up|back)(?: on)?|"
    r"back off(?: on)?|go eas(?:y|ier) on)"
    r"(?: (?:the|that|this|its|all(?: the)?|some of the))?(?: (?:amount|level|degree) of(?: the)?)? $|"
    r"(?:少|减少|减弱|减轻|减低|降低|削弱|弱化|淡化|压低)一?[点些下]?儿?(?:了)?(?:整体|这种|那种)?的?$"
)
"""A verb of lessening before a wish that is a noun: "reduce the warmth", 少一点温暖."""
_GROWS = re.compile(r"(?:加强|增强|强化|加大|增加|提高|提升)(?:一[点些下])?(?:整体)?的?$")
_CUTS_ROUND = (
    re.compile(r"\b(?:dial|turn|bring|tone|scale|pull|wind|roll|take)(?:ing)? (?:the|that|this|its) $"),
    re.compile(r"\s+(?:feel )?(?:back|down|off)\b"),
)
"""The same around it: "dial the swing back"."""
_ZH_HOW_MUCH = re.compile(
    r"(?P<noun>感觉?|味道?|度)?(?:再|更|要|可以|稍微)*"
    r"(?:(?P<less>太(?:强烈?|重|浓|多|足|明显)|减?少|减?弱|淡(?![出入])|降?低|减轻|收)|(?P<more>加?强烈?|浓|增?多|足|明显|突出|重|高))"
    r"(?=一?[点些下了]|$|[，,。;；!！])"
)
"""How much of a wish that is a noun, behind it: 摇摆感强一点, 摇摆少一点."""
_RULES_OUT = re.compile(
    r"(?:\bwithout\s+(?:getting|being|going|becoming|sounding|making (?:it|them|this|that))|"
    r"(?:,|，|;|\bbut|\band)\s*(?:just |please )?not)"
    r"\s+(?:any |too )?$"
)
_COMPARATIVE = re.compile(r"\w+er\b|more\b|faster|slower")
_COMPLAINS = re.compile(r"(?:有点儿?|有些|稍微有点|略)$")
_BARE_FAULT = re.compile(r"(?:音量|声音?)?(?:大声?|小声?|响|轻|弱|快|慢)(?:了)?")
_WISHES = re.compile(r"[要想让把给请能再更](?:[^，。,;]{0,6})$")
_HELD_BACK = re.compile(
    r"\W*(?:just |only |maybe )?(?:not|nothing|don't|do not|never|without)\s*(?:make (?:it|them|this) |go |get |by |being |be )?"
    r"(?:(?:too|overly|that|so|very)\s*(?:much|far|strong|drastic|heavy|crazy|\w+)|overdo(?:ing)?(?: it| this)?|much|a lot|"
    r"over the top|drastic|crazy|extreme)\W*|\W*(?:only|just)\s+(?:slightly|a (?:tiny |little )?(?:bit|touch|tad|hair))\W*|"
    r"\W*(?:别|不要|不用|也别)(?:太|过|特别|过于)(?:多|大|过|明显|夸张|\S{1,2}?)(?:声|了)?\W*|\W*别过头\W*|\W*(?:只要)?一点点?就(?:好|行|够)了?\W*"
)
_FORBIDS = re.compile(
    r"(?:\b(?:don't|do not|dont|never)\s+(?:please\s+)?(?:make|get|turn|let|push|go|become|add|bring|boost|raise|crank|put)\b|"
    r"\b(?:don't|do not|dont) (?:want|need) (?:it|them|this)(?: to)? \w+"
    r"|(?:不要|别|不用)(?:再|更|把.{1,6}?)?(?:变|调|弄|搞|更|再|加)(?!了))(?!.*\b(?:too|so)\b)(?!.*太)"
)
_SOFTENED = {"gain", "effect", "dynamics", "set_tempo", "transpose"}


def turned(text: str, items: list[Item]) -> list[Item]:
    """The items with wishes pointing where the words around them say; negations that said so are used up.

    Raises:
        RequestError: less of something that has no opposite here.
    """
    used: list[tuple[int, int]] = []
    out: list[Item] = []
    for item in items:
        wish = item.kind == "intent" or (item.kind == "cue" and item.value in _TURNS)
        before = text[max(0, item.span[0] - 40) : item.span[0]]
        low = item.span[0] - len(before)
        if wish and out and (m := _RULES_OUT.search(before)) and _COMPARATIVE.match(item.text):
            used.append((low + m.start(), low + m.end()))  # "louder, not faster": what was asked does not do that anyway
            out.append(replace(item, kind="cue", value="ruled_out"))
            continue
        enough = item.text.endswith("enough") or _ENOUGH.match(text, item.span[1])
        if wish and enough and (m := _LACKS.search(before)):
            used.append((low + m.start(), low + m.end()))
            if item.kind == "intent" and item.text in fault_words():  # "not busy enough"
                item = replace(item, value=_THE_FAULT_ITSELF.get(item.value, item.value))
        elif wish and (m := _LESS.search(before)):
            used.append((low + m.start(), low + m.end()))
            item = item if _is_fault(item) else _flipped(item, text[low + m.start() : item.span[1]])
        elif item.kind == "intent" and (spans := _lessened(item, text, before)):
            used += [(low + a, low + b) for a, b in spans]
            item = item if _is_fault(item) else _flipped(item, text[low + spans[0][0] : item.span[1]])
            item = _with_words(item, text, low + spans[0][0], low + spans[-1][1])
        elif item.kind == "intent" and (m := _said_how_much(item, text)) and m.group("more"):
            used.append(m.span())
            item = _with_words(item, text, item.span[0], m.end())
        elif item.kind == "intent" and (m := _GROWS.search(before)):
            item = _with_words(item, text, low + m.start(), item.span[1])
            used.append(item.span)
        elif item.kind == "cue" and item.value in _TURNS and _BARE_FAULT.fullmatch(item.text) and _is_complaint(before):
            item = replace(item, value=OPPOSITE[item.value])  # 人声有点小: what is wrong, not what is wanted
        elif item.kind == "intent" and item.text in fault_words() and _WANTED.search(before):
            item = replace(item, value=_THE_FAULT_ITSELF.get(item.value, item.value))
        out.append(item)
    return [i for i in out if not any(_is_spent(i, a, b) for a, b in used)]


def _is_spent(item: Item, start: int, end: int) -> bool:
    """True for what only says which way a wish points."""
    if item.kind == "cue" and item.value in ("negated", "down", "remove"):
        return start - 4 <= item.span[0] and item.span[1] <= end
    says_way = item.kind == "intent" or (item.kind == "cue" and item.value in ("much", "up", "add"))
    return says_way and start <= item.span[0] and item.span[1] <= end and (item.span[1] - item.span[0]) < end - start


def _lessened(item: Item, text: str, before: str) -> list[tuple[int, int]]:
    """Where words around a wish ask for less of it, counted from the start of ``before``; empty where none do."""
    if m := _CUTS.search(before):
        return [m.span()]
    around, behind = _CUTS_ROUND[0].search(before), _CUTS_ROUND[1].match(text, item.span[1])
    at = item.span[0] - len(before)
    if around and behind:
        return [around.span(), (behind.start() - at, behind.end() - at)]
    after = _said_how_much(item, text)
    return [(after.start() - at, after.end() - at)] if after and after.group("less") else []


def _said_how_much(item: Item, text: str) -> re.Match[str] | None:
    """Chinese words behind a wish that say how much of it there shall be."""
    m = _ZH_HOW_MUCH.match(text, item.span[1]) if re.search(r"[\u4e00-\u9fffa-z]$", item.text) else None
    noun = m is not None and (m.group("noun") or item.text.endswith(("感", "味", "度")))
    return m if m is not None and (noun or not re.fullmatch("收|重|足|突出|低|高", m.group("less") or m.group("more"))) else None


def _with_words(item: Item, text: str, start: int, end: int) -> Item:
    """The item with the words around it that belong to it."""
    span = min(start, item.span[0]), max(end, item.span[1])
    return replace(item, span=span, text=text[slice(*span)])


def _is_complaint(before: str) -> bool:
    """True for 有点 before an adjective, unless a verb of wishing stands before it."""
    m = _COMPLAINS.search(before)
    return m is not None and not _WISHES.search(before[: m.start()])


def _flipped(item: Item, said: str) -> Item:
    if item.value not in OPPOSITE:
        raise RequestError(f"'{said}' cannot be done by itself; undo what brought it in, or say what shall be instead")
    return replace(item, value=OPPOSITE[item.value])


def _is_fault(item: Item) -> bool:
    """True when the word names what is wrong, and its entry the remedy."""
    if item.value in ("less_muddy", "less_harsh", "less_boomy") or re.match(r"too\b|less\b|太|no\b|lacks?\b|没", item.text):
        return True
    return item.text in fault_words()


def forbids(f: Frame) -> bool:
    """True for a clause that only says what must not happen: "don't make it brighter", 别再加鼓了."""
    if f.own and f.region.kind == "before" and re.search(r"\b(?:until|till)\b", f.text):
        return False  # "don't bring the bass in until the drums": silent before
    return bool(_FORBIDS.search(f.text)) and not f.cues & {"keep", "cancel"} and "negated" in f.cues


def held_back(f: Frame) -> bool:
    """True for a clause that only says "not too much" of what was asked just before."""
    last = f.context.last
    if not last or f.own or f.clause.of("region", "amount") or not _HELD_BACK.fullmatch(f.text):
        return False
    wishes = {i.value for i in f.clause.of("intent")}
    done = {o.value for o in last} | {OPPOSITE.get(o.value, "") for o in last}
    tempo = bool(f.cues & {"faster", "slower"})
    same_tempo = not tempo or any(o.op == "set_tempo" for o in last)
    return all(o.op in _SOFTENED for o in last) and (not wishes or bool(wishes & done)) and same_tempo


def less_of(o: EditOperation) -> EditOperation:
    """The operation done only a bit, unless its amount was said in figures."""
    table = edit_lexicon()["amounts"]
    if o.op == "gain" and o.amount is not None and abs(o.amount) in table["gain_db"].values():
        return replace(o, amount=_signed(table["gain_db"]["bit"], o.amount))
    if o.op in ("effect", "dynamics"):
        return replace(o, amount=float(table["strength"]["bit"]), unit="strength")
    if o.op == "set_tempo" and o.unit == "factor" and o.amount:
        small = float(table["tempo_factor"]["bit"])
        plain = {round(v, 2) for t in table["tempo_factor"].values() for v in (t, 1 / t)}
        return replace(o, amount=small if o.amount > 1 else round(1 / small, 2)) if o.amount in plain else o
    if o.op == "transpose" and o.amount is not None and abs(o.amount) == table["transpose"]["plain"]:
        return replace(o, amount=_signed(table["transpose"]["bit"], o.amount))
    return o


def _signed(size: float, like: float) -> float:
    return float(size) if like > 0 else -float(size)


def each(change: Callable[[T], T], some: list[T], of: list[T]) -> None:
    """Change those of a list, in place, that are also in another."""
    of[:] = [change(o) if o in some else o for o in of]
