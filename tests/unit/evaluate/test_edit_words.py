"""The measure of understood instructions, on made-up rows and the open labels."""

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


def test_open_labels_reach_the_goals() -> None:
    tallies = ew.evaluate_edit(ew.read_labels(LABELS / "edit_dev.jsonl"))
    assert ew.goals_met(tallies), [t.errors for t in tallies.values()]
    assert "| plain |" in ew.as_markdown(tallies, "x")
    assert {row["kind"] for row in ew.rows(tallies)} == set(ew.KINDS)


def test_missing_labels() -> None:
    with pytest.raises(FileError):
        ew.read_labels(Path("/nowhere/labels.jsonl"))
