"""The generated tables of ``docs/editing.md``: operations, sounds, ways of playing, from the tables that the program reads.

A table stands between ``<!-- table: NAME -->`` and ``<!-- end of table -->``.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from partimento.edit.intents import MEASURES, Intent, intents
from partimento.edit.recording import OPERATIONS as ON_RECORDINGS
from partimento.errors import ParseError
from partimento.evaluate.edits_intents import PLAYED
from partimento.interpret.data import comma_list
from partimento.interpret.edit_items import edit_lexicon, more_words
from partimento.plan.edit import OPERATIONS
from partimento.tables import markdown_table

_EXAMPLES = {
    "add": ("add strings in the second half", "加上弦乐", "a part is composed to fit chords, tune and groove"),
    "remove": ("remove the drums", "去掉鼓", "the part goes, or is silent in the region"),
    "extract": ("only the piano in the last four bars", "只留钢琴", "everything else is silent"),
    "replace": ("swap the guitar for a harp", "把吉他换成竖琴", "same role and onsets, folded into the new range"),
    "gain": ("piano 3 dB louder", "钢琴大声一点", "level of the stem, to 24 dB either way"),
    "mute_region": ("mute everything in bar 8", "第8小节全部静音", "a stop"),
    "set_tempo": ("a bit slower", "快一点", "played again at the new tempo; behind a region the old one comes back"),
    "set_key": ("in D minor", "换成D小调", "the shorter way; another mode maps degree to degree"),
    "set_chords": (
        "chords Am F C G in bars 1 to 4",
        "和弦 Am F C G",
        "the tune gives way where it clashes",
    ),
    "set_metre": ("in 3/4", "改成三拍子", "bar by bar; the tune keeps its pitches"),
    "transpose": ("up a tone in the last chorus", "升高两个半音", "drums stay; all parts take chords and key along"),
    "restyle": ("as a bossa nova", "改成爵士风格", "same tune and chords, new accompaniment and feel"),
    "vary": ("vary the piano", "来个变奏", "written anew; `--keep melody,chords,groove` stays"),
    "extend": ("8 bars longer", "再长8小节", "a repeat before the ending, or of the region"),
    "trim": ("cut the last two bars", "剪到20秒", "whole bars"),
    "copy": ("repeat the chorus at the end", "结尾再来一遍副歌", "whole bars once more at another place; an outro stays the end"),
    "move": ("move the bridge before the last chorus", "把桥段移到最后一个副歌前面", "whole bars change their place"),
    "trade": ("let flute and violin swap", "钢琴和吉他互换", "each plays what the other played, folded into its range"),
    "pan": ("pan the guitar 30% left", "吉他放左边", "the image is turned, the loudness stays"),
    "fade": ("fade out over 5 seconds", "淡出", "at the start or the end"),
    "effect": ("make the bass warmer", "贝斯温暖一点", "a chain of effects, see below"),
    "dynamics": ("play it more expressively", "弹得更有感情", "velocities, lengths, small notes, see below"),
}
"""An instruction in English and Chinese, and what happens."""
_SHOWN_WORDS = 5
_UNITS = {"hz": "Hz", "db": "dB", "s": "s", "cents": "cents"}


def operations_table() -> str:
    """All operations: what is said, what happens, and whether recordings can be edited so."""
    rows = []
    for op in OPERATIONS:
        english, chinese, what = _EXAMPLES[op]
        rows.append((f"`{op}`", f'"{english}"', f"“{chinese}”", what, "yes" if op in ON_RECORDINGS else "no"))
    return markdown_table(("operation", "for example", "in Chinese", "what happens", "on recordings"), rows)


def sounds_table() -> str:
    """Words about a sound: figure, wanted change, controls with their bounds."""
    rows = []
    for intent in intents().values():
        controls = _controls(intent)
        if intent.stand_in is not None:
            controls += f"; where that moves nothing: {_controls(intent.stand_in)} ({_moves(intent.stand_in)})"
        rows.append((
            intent.id.replace("_", " "), _words(intent.id, "en"), _words(intent.id, "zh") or intent.zh, _moves(intent), controls,
        ))  # fmt: skip
    return markdown_table(("sound", "words", "中文", "moves", "controls, from nothing to the bound"), rows)


def _moves(intent: Intent) -> str:
    """The figure that an intent is about, and how far it moves at full strength."""
    label, unit, _ = MEASURES[intent.measure]
    return f"{label} {intent.change:+g} {unit}".strip()


def _controls(intent: Intent) -> str:
    """The chain with its bounds."""
    return "; ".join(_step(dict(row)) for row in intent.steps)


def playing_table() -> str:
    """Words about playing."""
    rows = []
    for value in PLAYED:
        label, _, direction, _ = PLAYED[value]
        arrow = "up" if direction > 0 else "down"
        rows.append((value.replace("_", " "), _words(value, "en"), _words(value, "zh"), f"{label} {arrow}".strip()))
    return markdown_table(("way of playing", "words", "中文", "moves"), rows)


TABLES: dict[str, Callable[[], str]] = {
    "operations": operations_table,
    "sounds": sounds_table,
    "playing": playing_table,
}
"""Generated tables by name."""


def renewed(text: str) -> str:
    """A Markdown text with its generated tables as they are now.

    Raises:
        ParseError: a table that the text should have, or the end of one, is not there.
    """
    for name, make in TABLES.items():
        pattern = re.compile(rf"(<!-- table: {name} -->\n).*?(<!-- end of table -->)", re.S)
        table = make()
        n = len(pattern.findall(text))
        if n != 1:
            marks = f"<!-- table: {name} --> and <!-- end of table -->"
            raise ParseError(f"the text has {n} tables '{name}'; it needs one between {marks}")
        found = pattern.search(text)
        assert found is not None, "counted above"
        text = f"{text[: found.start()]}{found[1]}{table}\n{found[2]}{text[found.end() :]}"
    return text


def _step(row: dict[str, object]) -> str:
    """An effect with its parameters."""
    name = str(row.pop("effect")).replace("_", " ")
    spared = row.pop("spare", [])
    values = []
    for key, value in row.items():
        shown = f"{value[0]:g} to {value[1]:g}" if isinstance(value, list) else f"{value:g}"
        stem, _, unit = key.rpartition("_")
        label = stem if unit in _UNITS else key
        values.append(f"{label.replace('_', ' ')} {shown} {_UNITS.get(unit, '')}".strip())
    not_for = f" (not for {', '.join(map(str, spared))})" if isinstance(spared, list) and spared else ""
    return f"{name}: {', '.join(values)}{not_for}"


def _words(value: str, language: str) -> str:
    """Some of the words that the reader knows for an intent or effect; the table of words holds patterns."""
    lexicon = edit_lexicon()
    entry = lexicon["intents"].get(value) or lexicon["effects"].get(value) or {}
    plain: list[str] = []
    for pattern in entry.get(language, []):
        word = re.sub(r"\((?:\?:)?([^()|]*)(?:\|[^()]*)?\)\?", "", pattern)
        word = re.sub(r"\(\?[=!<].*?\)", "", word)
        word = re.sub(r"\(\?:([^()|]*)\|[^()]*\)", r"\1", word).replace("?", "").strip()
        if word and not re.search(r"[\\\[\](){}|*+^$]", word) and word not in plain:
            plain.append(word)
    listed = (more_words()["intents"].get(value) or more_words()["effects"].get(value) or {}).get(language)
    plain += [word for word in comma_list(listed) if word not in plain]
    return ", ".join(plain[:_SHOWN_WORDS]) or (value.replace("_", " ") if language == "en" else "")
