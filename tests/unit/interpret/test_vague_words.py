"""Words of clients, producers and teachers for sound and playing, and which way they point."""

from pathlib import Path

import pytest

from partimento.edit.intents import intents
from partimento.edit.registry import IN_NOTES, WAYS
from partimento.edit.score_dynamics import SHAPES
from partimento.errors import RequestError
from partimento.interpret.edit_items import edit_lexicon, fault_words, find_items, more_words
from partimento.interpret.edit_reader import read_edit
from partimento.interpret.tokens import normalise

ROWS = [
    (line.partition("|")[0].split(), phrase.strip())
    for line in Path(__file__).with_name("vague_words.txt").read_text(encoding="utf-8").splitlines()
    if "|" in line and not line.startswith("#")
    for phrase in line.partition("|")[2].split(";")
]


def _values(words: str) -> list[str]:
    try:
        return [o.value for o in read_edit(words)[0].operations]
    except RequestError:
        return []


def test_every_phrase_comes_to_what_practice_has_for_it() -> None:
    assert len(ROWS) > 1000
    wrong = [(phrase, _values(phrase)) for wanted, phrase in ROWS if not set(_values(phrase)) & set(wanted)]
    assert not wrong


def test_every_intent_can_be_done() -> None:
    lexicon = edit_lexicon()
    for value, row in lexicon["intents"].items():
        known = {*intents(), *IN_NOTES} if row["op"] == "effect" else {*SHAPES, *WAYS}
        assert value in known, value
    assert set(more_words()["intents"]) <= set(lexicon["intents"])
    assert set(more_words()["effects"]) <= set(lexicon["effects"])


def test_every_fault_is_a_word_of_a_wish() -> None:
    for word in fault_words() - {"吵"}:  # only within 么吵: "not so loud"
        found = find_items(normalise(word), word)
        assert any(i.kind in ("intent", "cue", "effect") for i in found), word


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("too robotic", "more_expressive"), ("less robotic", "more_expressive"), ("more robotic", "even"),
        ("make the drums more robotic", "even"), ("make it dull", "darker"), ("it sounds dull", "brighter"),
        ("not so icy", "warmer"), ("too busy", "calmer"), ("not busy enough", "more_energy"), ("less sparse", "busier"),
        ("less underwater", "brighter"), ("make it sleepy", "calmer"), ("too sleepy", "more_energy"),
        ("更机械", "even"), ("太机械", "more_expressive"), ("别太密", "sparser"),
    ],
)  # fmt: skip
def test_goal_and_fault_point_opposite_ways(words: str, value: str) -> None:
    assert _values(words) == [value]
