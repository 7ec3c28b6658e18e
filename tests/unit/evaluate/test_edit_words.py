"""The measure of understood instructions, on made-up rows and the open labels."""

import dataclasses
from pathlib import Path

import pytest

from partimento.errors import FileError
from partimento.evaluate import edit_words as ew
from partimento.plan.edit import EditOperation, Region

LABELS = Path(ew.__file__).parent / "labels"
LABEL = {
    "op": "gain", "targets": ["piano"], "region": {"kind": "bars", "start": 5, "end": 8}, "instrument": "", "amount": 3,
    "unit": "dB", "value": "", "keep": [],
}  # fmt: skip
RIGHT = EditOperation("gain", ("piano",), Region("bars", 5, 8), amount=3.0, unit="dB")


def test_every_field_counts() -> None:
    assert ew.same(LABEL, RIGHT)
    for wrong in (
        EditOperation("gain", ("bass",), Region("bars", 5, 8), amount=3.0, unit="dB"),
        EditOperation("gain", ("piano",), Region("bars", 5, None), amount=3.0, unit="dB"),
        EditOperation("gain", ("piano",), Region("bars", 5, 8), amount=2.0, unit="dB"),
        EditOperation("gain", ("piano",), Region("bars", 5, 8), amount=3.0, unit="dB", keep=("melody",)),
    ):
        assert not ew.same(LABEL, wrong)


def test_a_convention_counts_by_direction() -> None:
    louder = EditOperation("gain", ("piano",), Region("bars", 5, 8), amount=1.0, unit="dB")
    assert ew.same(LABEL, louder, loose=True)
    assert not ew.same({**LABEL, "amount": -3}, louder, loose=True)


def test_alternatives_and_number_of_operations() -> None:
    row = {"ops": [{**LABEL, "op": "effect"}], "alt": [[LABEL]], "note": ""}
    assert ew.is_right(row, (RIGHT,))
    assert not ew.is_right(row, (RIGHT, RIGHT))


@pytest.mark.parametrize("name", ["edit_dev.jsonl", "edit_dev_2.jsonl"])
def test_open_labels_reach_the_goals(name: str) -> None:
    tallies = ew.evaluate_edit(ew.read_labels(LABELS / name))
    assert ew.goals_met(tallies), [t.errors for t in tallies.values()]
    assert "| plain |" in ew.as_markdown(tallies, "x")
    assert {row["kind"] for row in ew.rows(tallies)} == set(ew.KINDS)


def test_parts_may_be_named_in_one_operation_or_in_two() -> None:
    row = {"kind": "plain", "ops": [{**LABEL, "targets": ["piano", "bass"]}], "note": ""}
    assert ew.is_right(row, (RIGHT, dataclasses.replace(RIGHT, targets=("bass",))))
    assert not ew.is_right(row, (RIGHT,))


def test_styles_and_keys_are_compared_by_what_they_name() -> None:
    style = {**LABEL, "op": "restyle", "targets": ["all"], "amount": None, "unit": "", "value": "bossa nova"}
    assert ew.same(style, EditOperation("restyle", ("all",), RIGHT.region, value="bossa_nova"))
    key = {**style, "op": "set_key", "value": "Bb major"}
    assert ew.same(key, EditOperation("set_key", ("all",), RIGHT.region, value="A# major"))
    assert not ew.same(key, EditOperation("set_key", ("all",), RIGHT.region, value="B major"))


def test_missing_labels() -> None:
    with pytest.raises(FileError):
        ew.read_labels(Path("/nowhere/labels.jsonl"))
