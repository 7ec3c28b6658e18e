"""The lexicon in memory: every known name as a sequence of tokens with its meanings, matched longest first."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from partimento.interpret.data import comma_list, load_yaml
from partimento.interpret.tokens import Token, normalise, tokenise

INSTRUMENT, STAND_IN, UNPLAYED = "instrument", "stand_in", "unplayed"
STYLE, MOOD, TEMPO, TEMPO_CHANGE, DYNAMICS = "style", "mood", "tempo", "tempo_change", "dynamics"
ENDING, SECTION, ERA, ENSEMBLE, PLAYING, IGNORE, EFFECT = (
    "ending", "section", "era", "ensemble", "playing", "ignore", "effect",
)  # fmt: skip
_AND = ("和", "与", "跟", "及", "或", "加")  # "和弦乐" is "and strings", not "chords" and a rest
_NO_PLURAL = ("s", "ing", "ed")


@dataclass(frozen=True, slots=True)
class Sense:
    """One meaning of a name: its kind, what it stands for, and further facts."""

    kind: str
    value: str
    facts: dict[str, Any] = field(default_factory=dict, hash=False, compare=False)


@dataclass(frozen=True, slots=True)
class Hit:
    """A name found in the words, at ``start`` to ``end``."""

    start: int
    end: int
    text: str
    senses: tuple[Sense, ...]

    def sense(self, kind: str) -> Sense | None:
        """The meaning of that kind, if it has one."""
        return next((s for s in self.senses if s.kind == kind), None)


class Vocabulary:
    """Names → senses.

    Args:
        entries: normalised names with their senses.
    """

    def __init__(self, entries: dict[str, list[Sense]]) -> None:
        self._by_tokens: dict[tuple[str, ...], tuple[Sense, ...]] = {}
        self._longest: dict[str, int] = {}
        for name, senses in entries.items():
            tokens = tuple(t.text for t in tokenise(name))
            if not tokens:
                continue
            known = self._by_tokens.get(tokens, ())
            self._by_tokens[tokens] = known + tuple(s for s in senses if s not in known)
            self._longest[tokens[0]] = max(self._longest.get(tokens[0], 0), len(tokens))

    def __len__(self) -> int:
        return len(self._by_tokens)

    def names(self, *kinds: str) -> dict[str, tuple[Sense, ...]]:
        """All names (tokens joined by spaces) that have a sense of one of these kinds."""
        return {" ".join(t): s for t, s in self._by_tokens.items() if any(sense.kind in kinds for sense in s)}

    def look_up(self, name: str) -> tuple[Sense, ...]:
        """Senses of exactly this name, or ()."""
        return self._by_tokens.get(tuple(t.text for t in tokenise(normalise(name))), ())

    def _reaches(self, tokens: list[Token], at: int) -> int:
        """Where the longest instrument name that begins at token ``at`` ends (``at`` when there is none)."""
        for n in range(min(self._longest.get(tokens[at].text, 0), len(tokens) - at), 0, -1):
            senses = self._by_tokens.get(tuple(t.text for t in tokens[at : at + n]), ())
            if any(s.kind == INSTRUMENT for s in senses):
                return at + n
        return at

    def match(self, tokens: list[Token]) -> list[Hit]:
        """Longest names from left to right, not overlapping."""
        hits, i = [], 0
        while i < len(tokens):
            for n in range(min(self._longest.get(tokens[i].text, 0), len(tokens) - i), 0, -1):
                senses = self._by_tokens.get(tuple(t.text for t in tokens[i : i + n]))
                if senses and not (n > 1 and tokens[i].text in _AND and self._reaches(tokens, i + 1) > i + n):
                    text = " ".join(t.text for t in tokens[i : i + n])
                    hits.append(Hit(tokens[i].start, tokens[i + n - 1].end, text, senses))
                    i += n
                    break
            else:
                i += 1
        return hits


def _add(entries: dict[str, list[Sense]], names: str | None, sense: Sense, *, plural: bool = False) -> None:
    """Enter a comma separated list of names; ``plural`` adds the plural of the last English word."""
    for raw in comma_list(names):
        name = normalise(raw)
        forms = [name]
        if plural and name[-1].isascii() and name[-1].isalpha() and not name.endswith(_NO_PLURAL):
            forms.append(name + ("es" if name.endswith(("ch", "sh", "x")) else "s"))
        for form in forms:
            if form != name and form in entries:  # a plural of its own ("horns") means something else
                continue
            senses = entries.setdefault(form, [])
            if all((s.kind, s.value) != (sense.kind, sense.value) for s in senses):
                senses.append(sense)


def _add_instruments(entries: dict[str, list[Sense]]) -> None:
    data = load_yaml("instruments.yaml")
    for row in data["variants"]:
        facts = {k: v for k, v in row.items() if k in ("program", "play")}
        for language in ("en", "zh"):
            _add(entries, row.get(language), Sense(INSTRUMENT, row["id"], facts), plural=True)
    for plural in (False, True):
        for id_, row in data["names"].items():
            for language in ("en", "zh"):
                _add(entries, row[language], Sense(INSTRUMENT, id_), plural=plural)
    for thing, row in data["stand_ins"].items():
        for names in (row["names"], row["zh"]):
            _add(entries, names, Sense(STAND_IN, row["id"], {"thing": thing}), plural=True)


def _add_styles(entries: dict[str, list[Sense]]) -> None:
    data = load_yaml("styles.yaml")
    special: dict[str, dict[str, Any]] = {}
    for row in data["special"]:
        facts = {k: v for k, v in row.items() if k != "words"}
        for name in comma_list(row["words"]):
            special.setdefault(normalise(name), {}).update(facts)
    for id_, row in data["words"].items():
        for raw in comma_list(row["en"]) + comma_list(row["zh"]):
            name = normalise(raw)
            _add(entries, name, Sense(STYLE, id_, special.get(name, {})))


def _add_terms(entries: dict[str, list[Sense]]) -> None:
    data = load_yaml("terms.yaml")
    kinds = (
        ("tempo", TEMPO, "class"), ("tempo_change", TEMPO_CHANGE, "kind"), ("ending", ENDING, "value"),
        ("sections", SECTION, "name"), ("eras", ERA, "value"), ("playing", PLAYING, "word"),
    )  # fmt: skip
    for table, kind, key in kinds:
        for row in data[table]:
            facts = {k: v for k, v in row.items() if k not in ("en", "zh", key)}
            for language in ("en", "zh"):
                _add(entries, row.get(language), Sense(kind, str(row[key]), facts), plural=kind == SECTION)
    for row in data["dynamics"]:
        value = f"level {row['level']}" if "level" in row else row["shape"]
        for language in ("en", "zh"):
            _add(entries, row.get(language), Sense(DYNAMICS, value, row))
    for row in data["ensembles"]:
        for language in ("en", "zh"):
            _add(entries, row.get(language), Sense(ENSEMBLE, row.get("parts", str(row.get("size"))), row))
            if "style" in row:
                _add(entries, row.get(language), Sense(STYLE, row["style"]))
    for id_, row in data["unplayed"].items():
        for language in ("en", "zh"):
            _add(entries, row[language], Sense(UNPLAYED, id_))
    for language in ("en", "zh"):
        _add(entries, data["effects"][language], Sense(EFFECT, ""))
        _add(entries, data["ignore"][language], Sense(IGNORE, ""))


@cache
def vocabulary() -> Vocabulary:
    """The whole lexicon (read once)."""
    entries: dict[str, list[Sense]] = {}
    _add_instruments(entries)
    _add_styles(entries)
    for id_, row in load_yaml("moods.yaml").items():
        facts = {k: v for k, v in row.items() if k not in ("en", "zh")}
        for language in ("en", "zh"):
            _add(entries, row[language], Sense(MOOD, id_, facts))
    _add_terms(entries)
    return Vocabulary(entries)


@cache
def number_words() -> dict[str, float]:
    """English and Chinese numerals as numbers."""
    data = load_yaml("terms.yaml")["numbers"]
    pairs = (item.split() for language in ("en", "zh") for item in comma_list(data[language]))
    return {word: float(value) for word, value in pairs}
