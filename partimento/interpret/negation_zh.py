"""Chinese negation: 不要鼓, 没有人声也没有贝斯, 萨克斯就不用了, 只要马林巴, 除此之外不加别的."""

from __future__ import annotations

import re

from partimento.interpret.clauses_zh import limited
from partimento.interpret.cues import cues
from partimento.interpret.mentions import Mention
from partimento.interpret.phrases import Negations, Span, backward_chain, forward_chain_zh, is_temporal, put
from partimento.interpret.vocabulary import IGNORE, Hit

_THING = r"(?:其他|其它|其余|别的|剩下的|剩余的?|另外的|什么)?(?:的)?(?:乐器|声音|东西|声部|音色)?"
_ONLY_EXCEPT = re.compile(
    rf"除(?:了|去|开)?([^,。;!?]{{1,16}}?)(?:之外|以外|外)?,?{_THING}(?:都|什么都|全都|全部|全|统统|通通|一概|一律|我?都)+(?:请|给我)?"
    r"(?:不要|别|不用|没有|不加|不需要|去掉|拿掉|删掉|删去|关掉|撤掉|撤走|免了?|静音|免谈|不准|不许|砍掉|剔除|去除|省掉|扔掉|走)"
)
_ALL_BUT = re.compile(
    r"除(?:了|去|开)([^,。;!?]{1,16}?)(?:之外|以外|外)?[,都](?!还|也|再|同时|另外|又|更)[^。;!?]{0,28}?"
    r"(?:可以|行|要|用|好|能|欢迎|没问题|留|有|上)(?!不)"
)
_CLAUSE_END = re.compile(r"\s*(?:的|了|啦|吧|哦|啊|呀|我)*\s*(?:$|[,。;!?、\s])")
_WITH_NEGATION_CHAR = tuple("特级区分告离个性类道")  # 特别, 级别 … are no negations
_THESE_ONLY = re.compile(r"(?:就|只|仅)(?!是)[^,。;!?]{1,24}?[这那][一两俩三四五六几0-9]+(?:样|件|种|个)")
_MUST_HAVE = (
    "不能",
    "不可缺",
    "不能缺",
    "不可",
    "不可以",
    "并非",
    "不是",
    "怎能",
    "怎么能",
    "绝不能",
)  # before 没有: a double negation
_SUBJECT_GAP = re.compile(
    r"(?:[?？]|请|啊|呀|啦|嘛|念白|说唱|演唱|伴唱|部分|声部|音色|声音|声|之?类|这些|那些|这种|那种|乐器|器|手|组|类|们|兄弟|西洋|电子|东西|乐器|玩意儿?|统统|的|这|些|\s)*"
)
_ALWAYS = re.compile(r"全程|从头到尾|自始至终|始终|一直|整首|全曲")
_KEEPS = re.compile(r"(?:不|没)(?:可|能)?(?:省|少|缺|嫌|停|断)|(?:别|不要|勿|莫|不能|不可)(?:忘|漏|落|少|缺)")
_THEN_GONE = re.compile(r"(?:后来|然后|接着|随后|再后来|之后|最后|中途|中间|到了?|忽然|突然)")
_FINE_WITHOUT = re.compile(r"也(?:没关系|行|可以|无妨|不要紧|没事|罢|好)")
_ANY_BUT = re.compile(r"(?:都行|都可以|都好|都能用|随便|都要|都用)[,，]?(?:就是|只是)?除了([^,，。;!?]{1,16})")
_INSTEAD_OF = re.compile(r"代替|替代|取代|顶替|替|换")
_REPLACED = re.compile(r"(?:把|将)?(?P<old>[^,。;!?把将]{1,12}?)(?:换成|换作|换为|改成|改为|替换成|替换为)")
_PLACED = re.compile(r"段|副歌|主歌|小节|秒|后|再|然后|接着|最后|中间|结尾|高潮|开头|一半|前奏|尾|随")
_JUST_FINE = ("即可", "就行", "就好", "就行了", "就好了")  # "that will do" closes any wish


def read_chinese(text: str, start: int, end: int, mentions: list[Mention], hits: list[Hit], found: Negations) -> None:
    """Chinese cues of one sentence."""
    known = [(h.start, h.end) for h in hits if any(s.kind != IGNORE for s in h.senses)]
    star_spans = _everything_else(text, start, end, mentions, found)
    _before(text, start, end, mentions, known, star_spans, found)
    _after(text, start, end, mentions, star_spans, found)
    _only(text, start, end, mentions, known, found)
    for match in _REPLACED.finditer(text, start, end):
        if not _PLACED.search(text, start, end):  # without a place, what is replaced never sounds
            for index, mention in enumerate(mentions):
                if match.start("old") <= mention.start < match.end("old"):
                    put(found, mentions, index, match.span())


def _everything_else(text: str, start: int, end: int, mentions: list[Mention], found: Negations) -> list[Span]:
    """ "Nothing else" (除此之外…, 无伴奏) and the two readings of 除了."""
    star_spans: list[Span] = []
    for match in cues("zh")["everything_else"][""].finditer(text, start, end):
        star_spans.append(match.span())
        if not is_temporal(text, start, end, match.start()):
            found.absent.append(("*", match.span()))
            found.spans.append(match.span())
    for match in _ONLY_EXCEPT.finditer(text, start, end):
        found.absent.append(("*", match.span()))
        star_spans.append(match.span())
    for match in _ANY_BUT.finditer(text, start, end):
        for index, mention in enumerate(mentions):
            if match.start(1) <= mention.start < match.end(1):
                put(found, mentions, index, match.span())
    for match in () if star_spans else _ALL_BUT.finditer(text, start, end):
        for index, mention in enumerate(mentions):
            if match.start(1) <= mention.start < match.end(1):
                put(found, mentions, index, match.span())
    return star_spans


def _before(
    text: str, start: int, end: int, mentions: list[Mention], known: list[Span], star_spans: list[Span], found: Negations
) -> None:
    """不要 …, 没有 …."""
    negation = cues("zh")["negation"]
    for match in negation["before"].finditer(text, start, end):
        span = match.span()
        if match.group().endswith("除了") or any(a <= span[0] < b or a <= span[1] - 1 < b for a, b in star_spans):
            continue
        if (
            any(a < span[1] and span[0] < b and a <= span[0] for a, b in known)
            or text[max(0, span[0] - 1) : span[0]] in _WITH_NEGATION_CHAR
        ):
            continue
        if (text[start : span[0]].endswith(_MUST_HAVE) and not text[start : span[0]].endswith("能不能")) or (
            span[0] > start and re.match(r"不[能可](?:以)?没", text[span[0] : span[1]])
        ):
            continue
        chain = forward_chain_zh(text, span[1], end, mentions)
        if not chain:
            continue
        low = max((m.end() for m in re.finditer(r"[,;:]", text[start : span[0]])), default=0) + start
        if _INSTEAD_OF.match(text, span[0], span[1]) and _PLACED.search(text, start, end):
            continue  # 中段萨克斯取代小号: both sound, one after the other
        if limited(text, low, span[1]) and not _ALWAYS.search(text, low, span[1]):
            continue  # 前奏不要鼓: only there
        if _KEEPS.search(text, low, span[1]):
            continue  # 少了鼓也没关系, 别忘了三角铁
        gap = text[span[1] : mentions[chain[0]].start]
        if negation["until"].search(gap) or negation["until"].match(text, mentions[chain[-1]].end, end):
            continue
        if _FINE_WITHOUT.match(text, mentions[chain[-1]].end, end):
            continue
        found.spans.append((span[0], mentions[chain[-1]].end))
        for index in chain:
            put(found, mentions, index, span)


def _after(text: str, start: int, end: int, mentions: list[Mention], star_spans: list[Span], found: Negations) -> None:
    """… 就不用了, … 一概不用."""
    negation = cues("zh")["negation"]
    for match in negation["after"].finditer(text, start, end):
        if any(a < match.end() and match.start() < b for a, b in star_spans):
            continue
        low = max((m.end() for m in re.finditer(r"[,;:]", text[start : match.start()])), default=0) + start
        if (limited(text, low, match.end()) and not _ALWAYS.search(text, low, match.end())) or _KEEPS.search(
            text, low, match.end()
        ):
            continue
        if re.search(r"没有?了?$|停|走$|撤|关", match.group()) and _THEN_GONE.search(text, low, match.start()):
            continue  # 后来鼓没了: it leaves
        chain = backward_chain(text, match.start(), start, mentions, 10)
        if (
            chain
            and _CLAUSE_END.match(text, match.end(), end)
            and _SUBJECT_GAP.fullmatch(text, mentions[chain[-1]].end, match.start())
        ):
            for index in chain:
                put(found, mentions, index, match.span())


def _only(text: str, start: int, end: int, mentions: list[Mention], known: list[Span], found: Negations) -> None:
    """只要 …, 就一把 …."""
    only = cues("zh")["only"]
    for match in _THESE_ONLY.finditer(text, start, end):
        if any(match.start() <= m.start < match.end() for m in mentions) and not is_temporal(text, start, end, match.start()):
            found.absent.append(("*", match.span()))
    for match in only["before"].finditer(text, start, end):
        if text[max(0, match.start() - 1) : match.start()] == "不":  # 不仅有, 不只有
            continue
        if only["not_before"].match(text, max(start, match.start() - 1), end) or any(
            a < match.end() and match.start() < b and a <= match.start() for a, b in known
        ):
            continue
        chain = forward_chain_zh(text, match.end(), end, mentions, 5)
        if chain and not is_temporal(text, start, end, match.start()):
            found.absent.append(("*", (match.start(), mentions[chain[-1]].end)))
    for match in only["after"].finditer(text, start, end):
        chain = backward_chain(text, match.start(), start, mentions, 0)
        if chain and match.group() not in _JUST_FINE and not is_temporal(text, start, end, match.start()):
            found.absent.append(("*", (mentions[chain[0]].start, match.end())))
