"""Wishes about things that are not music: "add a toaster", "two litres louder", 把月亮调亮."""

from __future__ import annotations

import re

from partimento.interpret.edit_frames import Frame
from partimento.plan.edit import EditOperation

CAN_BE_ASKED = (
    'say what to change, e.g. "remove the drums", "add strings in the chorus", "piano up 3 dB", "faster", "warmer", '
    '"bars 5-8 up a tone"'
)
"""What a refused instruction is told."""
_MEASURED = re.compile(
    r"\b(?:\d+|an?|two|three|four|five|ten|half an?) (?:kilos?|kg|pounds?|grams?|ounces?|lit(?:er|re)s?|gallons?|miles?|"
    r"met(?:er|re)s|inch(?:es)?|feet|euros?|dollars?|degrees?|volts?|watts?|slices?|cups?|spoons?)\b|"
    r"[\d一二三两五十](?:公?斤|克|米|升|度电|块钱|元|英里|公里|杯|勺)"
)
_NO_SOUND = re.compile(
    r"\btime itself\b|\bspace-?time\b|\b(?:faster|quicker|slower) than (?:the speed of )?(?:light|sound)\b|"
    r"\bspeed of light\b|\b(?:tast(?:e|es|ing)|smell(?:s|ing)?)(?: more| less)? (?:like|of)\b|"
    r"\b(?:multipl(?:y|ied)|divided?)\b[^,.;]*\bby (?:the|my|a|an)\b(?! (?:half|third|quarter|factor))|"
    r"\bthe (?:it|of|up down|down up)\b(?!\w)|"
    r"(?:除以|乘以|乘上)(?![0-9一二两三四五六七八九十半])|开平方|\bsquare root\b|"
    r"\bgravity\b(?! drums)|\b(?:edible|delicious|pregnant)\b|"
    r"\bthe (?:universe|planet|government|weather|internet|wifi)\b|"
    r"把?时间(?:变|调|放|弄|倒|停)|光速|尝起来|闻起来|宇宙|天气|万有引力"
)
_POSSESSIVE = re.compile(r"\b(?:my|your|the|a|an|some)\s+$")
_OF_MINE = re.compile(
    r"\W*(?:please |can you |could you )?\w+ (?:up |down |out )?(?:my|your|his|her|their|our) (?:\w+ )?(\w+)\W*"
)
_MUSIC = re.compile(
    r"song|piece|track|music|mix|tune|version|arrangement|composition|recording|sound|ears?|parts?|solo|chorus|verse|bridge|intro|"
    r"outro|tempo|key|style|vibe|mood|ending|beginning|up|down"
)


def lost_object(frame: Frame, done: list[EditOperation]) -> str:
    """Why a clause asks for something that does not exist here: "add a toaster", "make my coffee stronger"."""
    strange = frame.strange
    if (
        (m := _OF_MINE.fullmatch(frame.text))
        and not frame.own
        and not frame.clause.of("region")
        and not _MUSIC.fullmatch(m.group(1))
    ):
        return f"'{m.group(1)}' is nothing that can be changed here; {CAN_BE_ASKED}"  # "clean my room"
    if outside := _NO_SOUND.search(frame.text):
        return f"'{outside.group().strip()}' is nothing that music can be changed by; {CAN_BE_ASKED}"
    words = ", ".join(w for w, _ in strange[:3])
    if (m := _MEASURED.search(frame.text)) and frame.cues & {"add", "remove", "up", "down", "becomes", "extend", "trim"}:
        return f"'{m.group().strip()}' is no measure of music; {CAN_BE_ASKED}"
    if done and strange and (elsewhere := _elsewhere(frame, strange, pans=done[0].op == "pan")):
        return f"'{elsewhere}' is nothing that can be changed here; {CAN_BE_ASKED}"
    if not done:
        if frame.cues & {"add", "remove", "swap", "vary", "mute", "negated"} and strange:
            return f"'{words}' is nothing that can be changed here; {CAN_BE_ASKED}"
        if "tempo" in frame.cues and strange:
            return f"'{words}' is no tempo; give beats per minute, e.g. 96 bpm"
        return ""
    if frame.own or frame.clause.of("chords", "key", "metre", "style") or not strange:
        return ""
    before = [frame.text[: span[0]] for _, span in strange]
    if any(
        re.search(r"[把将让][^,，。;]{0,6}$", frame.text[: frame.text.find(w[0], s[0])]) for w, s in strange if not w.isascii()
    ):
        return f"'{words}' is nothing that can be changed here; {CAN_BE_ASKED}"
    if not any(i.value in ("all", "it") for i in frame.things) and any(_is_object(b) for b in before):
        return f"'{words}' is nothing that can be changed here; {CAN_BE_ASKED}"
    unnamed = not any(i.value in ("all", "it") for i in frame.things) and not frame.clause.of("intent", "effect")
    unnamed = unnamed and not re.search(r"\b(?:it|them|this|that)\b", frame.text) and not all(map(_ADVERBIAL.search, before))
    unnamed = unnamed and not frame.clause.joined
    if unnamed and not frame.clause.of("amount") and all(o.op in ("gain", "transpose") and o.targets == ("all",) for o in done):
        return f"'{words}' is nothing that can be changed here; {CAN_BE_ASKED}"  # "louder bananas": a part that is not known
    if frame.clause.of("region", "amount") or any(i.value in ("all", "it") for i in frame.things):
        too_strange = len(strange) > 3
    else:
        owned = any(re.search(r"\b(?:my|your)\s+(?:\w+\s+)?$", words_before) for words_before in before)
        object_ = bool(frame.cues & {"swap", "add", "remove"}) and any(
            _POSSESSIVE.search(words_before) for words_before in before
        )
        too_strange = len(strange) > 2 or owned or object_
    return f"'{words}' is nothing that can be changed here; {CAN_BE_ASKED}" if too_strange else ""


_DESTINATION = re.compile(
    r"\b(?:my|your|his|her|our|their)\s+(?:\w+\s+)?$|\babout\s+(?:an? |the )?$|\b(?:bars?|seconds?|minutes?|bit|lot) of\s+$|"
    r"\b(?:in|into|onto|inside|on) (?:the|an?)\s+$|(?:放|塞|装|扔|倒)(?:进|到|在|入)$"
)
_PUT_BEFORE = re.compile(
    r"\b(?:put|add|stick|place|pour|throw|sprinkle)\s+(?:an?|some|the|more)\s+(?:\w+\s+)?$|(?<=[\u4e00-\u9fff])[加放撒](?:点|些|一点|一些|个)?$"
)
_NOUN_OF_PUTTING = re.compile(r"\b(?:put|place|throw|drop|hide|store|add)\b|放|塞|装|扔|倒")


def _elsewhere(frame: Frame, strange: list[tuple[str, tuple[int, int]]], *, pans: bool = False) -> str:
    """What is outside music in a clause that else could be done: "to my shopping list", "four bars of chocolate", 放进冰箱."""
    for word, span in strange:
        if re.search("[左右]边", word) and not pans:
            return word
        before, after = frame.text[: span[0]], frame.text[span[1] :]
        if re.match(r"\s*(?:db|bpm|decibels?|semitones?|bars?)\b", after) and not frame.clause.of("region"):
            return word
        if _PUT_BEFORE.search(before) and re.match(r"\s+(?:on|in|into|to|onto|over)\b|$", after) and frame.own:
            return word
        m = _DESTINATION.search(before)
        if m is None:
            continue
        if re.match(r"in|on|放|塞|装|扔|倒", m.group()) and not _NOUN_OF_PUTTING.search(frame.text):
            continue
        return word
    owners = any(i.value not in ("it",) for i in frame.things) or frame.clause.of("region", "amount")
    bare = not owners and any(re.search(r"[剪裁截延]\s*$", frame.text[: s[0]]) for _, s in strange)
    return strange[0][0] if bare else ""


_OBJECT = re.compile(r"(?:\b(?:my|your|his|her|our|the|a|an|some)\s+(?:\w+\s+)?|把|将|给|让)$")
_ADVERBIAL = re.compile(
    r"\b(?:for|than|like|as|in|of|at|with|from|into|on|onto|to|behind|under|through|by|until|before|after|during)\s+"
    r"(?:my|your|his|her|our|the|a|an|some)\s+(?:\w+\s+)?$"
)


def _is_object(before: str) -> bool:
    """True when the words that follow ``before`` are what a verb is about: "crop the | photo", 把|月亮."""
    return bool(_OBJECT.search(before)) and not _ADVERBIAL.search(before)
