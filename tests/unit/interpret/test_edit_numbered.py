"""Parts that carry a number, and what a wish must not become."""

import pytest

from partimento.interpret.edit_reader import read_edit

_TRACKS = ("piano", "piano 2", "bass", "drums")


@pytest.mark.parametrize(
    ("words", "targets", "amount"),
    [
        ("make the piano 2 quieter in bars 5 to 6", ("piano 2",), -3.0),
        ("piano 2 dB down", ("piano",), -2.0),
        ("piano and piano 2 up", ("piano", "piano 2"), 3.0),
        ("turn the piano up", ("piano",), 3.0),
    ],
)
def test_a_number_names_one_part_and_an_amount_does_not(words: str, targets: tuple[str, ...], amount: float) -> None:
    """ "Piano 2" is the part of that name where there is one; two decibels are no second piano."""
    (operation,) = read_edit(words, _TRACKS)[0].operations
    assert (operation.op, operation.targets, operation.amount) == ("gain", targets, amount)


@pytest.mark.parametrize(
    ("words", "done"),
    [
        ("louder, not faster", ("gain", "")),
        ("more energetic without getting faster", ("dynamics", "more_energy")),
        ("make it wider, not brighter", ("effect", "wider")),
        ("make it bigger but not louder", ("effect", "bigger")),
        ("softer, not slower", ("dynamics", "softer")),
    ],
)
def test_what_is_ruled_out_is_not_done(words: str, done: tuple[str, str]) -> None:
    """A comparative behind "not" or "without" guards the wish before it; it asks for nothing of its own."""
    plan = read_edit(words, _TRACKS)[0]
    assert [(o.op, o.value) for o in plan.operations] == [done]
    assert not plan.unknown
