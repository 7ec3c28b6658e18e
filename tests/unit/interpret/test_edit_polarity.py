"""Which way a wish points: not enough, too much, less of it, a fault instead of a goal, prohibitions, "not too much"."""

import pytest

from partimento.errors import RequestError
from partimento.interpret.edit_reader import read_edit
from partimento.plan.edit import EditOperation


def _only(words: str) -> EditOperation:
    operations = read_edit(words)[0].operations
    assert len(operations) == 1
    return operations[0]


@pytest.mark.parametrize(
    ("words", "target", "amount"),
    [
        ("the drums are not loud enough", "drums", 3), ("the vocals are hardly loud enough", "voice", 3),
        ("the guitar isn't quiet enough", "guitar", -3), ("the drums are too quiet", "drums", 3), ("too loud", "all", -3),
        ("鼓不够响", "drums", 3), ("别太吵", "all", -3), ("the bass is not so loud", "bass", -3),
        ("不要这么吵", "all", -3), ("鼓太弱了", "drums", 3),
    ],
)  # fmt: skip
def test_level(words: str, target: str, amount: float) -> None:
    found = _only(words)
    assert (found.op, found.targets, found.amount) == ("gain", (target,), amount)


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("the piano isn't bright enough", "brighter"), ("the strings are not really warm enough", "warmer"),
        ("not energetic enough", "more_energy"), ("钢琴不够亮", "brighter"), ("the drums aren't punchy enough", "punchier"),
        ("the piano is too bright", "darker"), ("too wide", "narrower"), ("别太亮", "darker"), ("不要太亮", "darker"),
        ("less bright", "darker"), ("less expressive", "even"), ("make it less wide", "narrower"), ("not so dark", "brighter"),
        ("没那么亮", "darker"), ("sound less dull", "brighter"), ("less boring", "more_energy"), ("too small", "bigger"),
        ("less muddy", "less_muddy"), ("too robotic", "more_expressive"), ("less calm", "more_energy"),
        ("不那么闷", "less_muddy"),
    ],
)  # fmt: skip
def test_sound(words: str, value: str) -> None:
    assert _only(words).value == value


@pytest.mark.parametrize(
    "words",
    [
        "don't make it brighter",
        "don't make it louder",
        "不要更亮",
        "never add drums",
        "I don't want it brighter",
    ],
)
def test_what_is_forbidden_changes_nothing(words: str) -> None:
    with pytest.raises(RequestError):
        read_edit(words)


def test_a_prohibition_beside_a_wish_is_told() -> None:
    plan = read_edit("warmer but don't make it louder")[0]
    assert [o.value for o in plan.operations] == ["warmer"]
    assert "don't make it louder" in plan.remarks[0]


@pytest.mark.parametrize(
    ("words", "amount"),
    [
        ("quieter but not too much", -1.5), ("louder, but only slightly", 1.5), ("大声一点但别太大", 1.5),
        ("warmer but not too much", 0.5),
        ("faster but not too fast", 1.07), ("a bit louder but not too much", 1.5), ("5 dB louder but not too much", 5),
    ],
)  # fmt: skip
def test_held_back(words: str, amount: float) -> None:
    assert _only(words).amount == amount
