"""Chinese clauses joined in time: 等钢琴弹完, 小提琴再进; 钟琴一停, 木琴就应答; 鼓进来之前, 合成器循环; 鼓到副歌才进."""

from __future__ import annotations

import re

from partimento.interpret.clauses import Late, Relation, Span, inside_of, spoken_before
from partimento.interpret.cues import cues
from partimento.interpret.mentions import Mention
from partimento.interpret.phrases import forward_chain_zh

_BREAK = re.compile(r"[,;:。!?]")
_LATER_GAP = 12  # characters between the marker and the name of what follows
_BEHIND = re.compile(
    r"(?:紧接|紧跟|跟|接|排)?在(?P<what>[^,，。;；!?]{1,12}?)的?(?:"
    r"后面|之后|后头|后边|后(?=$|[,，。;；才再就进加出响登起开接切入浮现唱吹弹拉敲奏]))"
)
_COMPARED = re.compile(r"比(?P<what>[^,，。;；!?]{1,8}?)(?:要|再|还)?(?P<how>[早先晚迟后])(?!期|年|上的)")
"""贝斯比鼓晚四小节进."""
_PROMPTLY = re.compile(
    r"[,，][^,，。;；!?到等第]{0,8}?(?:便|方才|才|随即|立刻|立即|马上|旋即|随之|已经?(?=接|起|响)|就(?=[应接起响唱进吹弹拉]))(?![是能行好够可])"
)
"""A second clause that follows at once: …, 西塔琴便开始."""
_TOPIC = re.compile(r"(?:它|她|他|这|那|前者)们?")


def find_relations_zh(text: str, start: int, end: int, live: list[Mention], before: list[int]) -> list[Relation]:
    """Relations of one Chinese sentence; ``before`` is what 它 may mean."""
    found: list[Relation] = []
    group = cues("zh")["clause"]
    for match in _PROMPTLY.finditer(text, start, end):
        earlier, low = _side_before(text, start, match.start(), live)
        later = [
            i for i in inside_of(live, match.start(), match.end() + _LATER_GAP) if live[i].end <= _high(text, match.end(), end)
        ]
        if re.search(r"(?:时候?|之际|同时|前)$", text[low : match.start()]):
            continue
        if earlier and later and not {live[i].id for i in earlier} & {live[i].id for i in later}:
            found.append(Relation(tuple(earlier), tuple(later), (match.start() + 1, max(match.end(), live[later[-1]].end))))
    for match in _COMPARED.finditer(text, start, end):
        other = inside_of(live, match.start("what"), match.end("what"))
        own = inside_of(live, _clause_low(text, start, match.start()), match.start())
        if own and other and live[own[-1]].id != live[other[-1]].id:
            first, then = (other, own[-1:]) if match.group("how") in "晚迟后" else (own[-1:], other)
            found.append(Relation(tuple(first), tuple(then), (live[own[-1]].start, match.end())))
    for match in _BEHIND.finditer(text, start, end):
        earlier = inside_of(live, match.start("what"), match.end("what"))
        later = inside_of(live, _clause_low(text, start, match.start()), match.start())
        if earlier and later:
            found.append(Relation(tuple(earlier), tuple(later), (live[later[0]].start, match.end())))
    for match in group["before"].finditer(text, start, end):
        sub, low = _side_before(text, start, match.start(), live)
        main = _side_after(text, match.end(), end, live)
        if sub and main and re.search(r"[没未不]", text[live[sub[-1]].end : match.start()]):
            found.append(Relation(tuple(sub), tuple(main), (low, _high(text, live[main[-1]].end, end))))
        elif sub and main:
            found.append(Relation(tuple(main), tuple(sub), (low, live[main[-1]].end)))
    for match in group["after"].finditer(text, start, end):
        if any(r.span[0] <= match.start() < r.span[1] for r in found):
            continue
        earlier, low = _side_before(text, start, match.start(), live)
        later = _side_after(text, match.end(), end, live)
        waiting = _waiting(text, start, match.start(), live)
        if waiting and not later:
            later, earlier = waiting, [i for i in earlier if i not in waiting]
            topic = bool(_TOPIC.search(text, live[waiting[-1]].end, match.start()))
            earlier = earlier or (spoken_before(live, live[waiting[0]].start, start, before) if topic else [])
        elif waiting and not earlier:
            continue
        if not later and text[match.end() - 1] == "后":
            later = _topic_before(text, start, low, live)
        ids = {live[i].id for i in earlier}
        later = [i for i in later if live[i].id not in ids]
        if earlier and later:
            spots = [live[i] for i in (*earlier, *later)]
            found.append(
                Relation(tuple(earlier), tuple(later), (min(m.start for m in spots), max(match.end(), *(m.end for m in spots))))
            )
    return found


def _high(text: str, at: int, end: int) -> int:
    """Where the clause around ``at`` ends."""
    stop = _BREAK.search(text, at, end)
    return stop.start() if stop else end


def _clause_low(text: str, start: int, at: int) -> int:
    return max((m.end() for m in _BREAK.finditer(text, start, at)), default=start)


def _side_before(text: str, start: int, at: int, live: list[Mention]) -> tuple[list[int], int]:
    """Mentions of the clause that ends in a marker at ``at``, and where it begins."""
    low = _clause_low(text, start, at)
    if marks := [m.end() for m in re.finditer(r"等到?|待|直到|再|然后|接着", text[low:at])]:
        inner = inside_of(live, low + marks[-1], at)
        if inner:
            return inner, low
    return inside_of(live, low, at), low


def _side_after(text: str, at: int, end: int, live: list[Mention]) -> list[int]:
    """What comes next: a phrase behind the marker, in its clause or the next one."""
    match = re.match(r"[,\s]*", text[at:end])
    at += match.end() if match else 0
    stop = _BREAK.search(text, at, end)
    high = stop.start() if stop else end
    inside = inside_of(live, at, high)
    if not inside or live[inside[0]].start - at > _LATER_GAP:
        return []
    if cues("zh")["clause"]["not_main"].match(text, at):
        return []
    return forward_chain_zh(text, live[inside[0]].start, end, live)


def _waiting(text: str, start: int, at: int, live: list[Mention]) -> list[int]:
    """The subject of 等 in this clause or of 别急着/先别 in the one before."""
    low = _clause_low(text, start, at)
    if match := re.search(r"等到?|待|要到", text[low:at]):
        subject = inside_of(live, low, low + match.start())
        if subject:
            return subject
    if low > start:
        previous = _clause_low(text, start, low - 1)
        if cues("zh")["clause"]["hold"].search(text, previous, low):
            return inside_of(live, previous, low)
    return []


def _topic_before(text: str, start: int, low: int, live: list[Mention]) -> list[int]:
    """Mentions of the clause in front: …的是架子鼓, 在吉他之后."""
    if low <= start or not text[low:].startswith("在"):
        return []
    return inside_of(live, _clause_low(text, start, low - 1), low)


def find_late_zh(text: str, start: int, end: int, live: list[Mention]) -> list[Late]:
    """鼓到副歌才进, 口哨等第二遍才加上, 定音鼓留到压轴再敲, 合唱很晚才出现."""
    found: list[Late] = []
    group = cues("zh")["clause"]
    for name in ("late", "hold"):
        for match in group[name].finditer(text, start, end):
            low = _clause_low(text, start, match.start())
            stop = _BREAK.search(text, match.end(), end)
            high = stop.start() if stop else end
            subject = inside_of(live, low, high if name == "hold" else match.end())
            if name == "hold" and not group["limit"].search(text, low, end):
                continue
            if subject:
                first = live[subject[0]]
                found.append(Late(tuple(subject), (min(first.start, match.start()), high)))
    return found


def limited(text: str, low: int, high: int) -> bool:
    """True when words such as 先, 直到, 前奏 limit an absence in time."""
    return bool(cues("zh")["clause"]["limit"].search(text, low, high))


__all__ = ["Span", "find_late_zh", "find_relations_zh", "limited"]
