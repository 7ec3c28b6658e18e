"""The measure of understanding, on made-up labels and on the open half of the real ones."""

from pathlib import Path

import pytest

from partimento.errors import FileError
from partimento.evaluate import plan_words as pw
from partimento.interpret import make_plan, read
from partimento.plan.request import GenerateRequest

LABELS = Path(pw.__file__).parent / "labels"


def _row(**fields: object) -> dict[str, object]:
    row: dict[str, object] = {
        "id": "x", "text": "-", "present": [], "absent": [], "optional": [], "tempo": {"bpm": None, "word": None},
        "key": None, "metre": None, "order": [], "note": "",
    }  # fmt: skip
    return row | fields


def _seen(instruments: set[str], absent: set[str], orders: set[tuple[str, str]]) -> pw.Understood:
    return pw.Understood(frozenset(instruments), frozenset(absent), frozenset(orders))


def _tally(row: dict[str, object], seen: pw.Understood) -> dict[str, pw.Tally]:
    return pw.evaluate_plan([row], {}, lambda _: seen)


def test_instruments_count_right_wrong_and_missed() -> None:
    t = _tally(_row(present=["piano", "violin"], optional=["bells"]), _seen({"piano", "bells", "harp"}, set(), set()))[
        "instruments"
    ]
    assert (t.right, t.claimed, t.found, t.wanted) == (1, 2, 1, 2)
    assert (t.precision, t.recall) == (0.5, 0.5)


def test_a_wider_negation_covers_a_label() -> None:
    t = _tally(_row(absent=["drums", "percussion"]), _seen(set(), {"percussion"}, set()))["negations"]
    assert (t.precision, t.recall) == (1.0, 1.0)


def test_star_orders_stand_for_everything_before_and_notes_are_neutral() -> None:
    row = _row(order=[["*", "flute"]], note="order?: piano>drums", present=["piano", "flute", "drums"])
    t = _tally(row, _seen(set(), set(), {("piano", "flute"), ("piano", "drums"), ("drums", "piano")}))["orders"]
    assert (t.right, t.claimed, t.found, t.wanted) == (1, 2, 1, 1)


def test_what_follows_from_labels_is_neutral() -> None:
    row = _row(order=[["a", "b"], ["b", "c"]])
    t = _tally(row, _seen(set(), set(), {("a", "b"), ("b", "c"), ("a", "c")}))["orders"]
    assert (t.precision, t.recall) == (1.0, 1.0)


def test_plans_are_read_back_in_label_ids() -> None:
    words = "waltz for alto sax and classical guitar, 90 bpm, in A minor, no drums, slow"
    seen = pw.understood(make_plan(GenerateRequest(words=words)), read(words))
    assert seen.instruments == {"saxophone", "acoustic_guitar"}
    assert seen.absent == {"drums"}
    assert (seen.tempo_bpm, seen.tempo_word, seen.metre, seen.key) == (90.0, "slow", "3/4", "A minor")


def test_chinese_development_labels() -> None:
    tallies = pw.evaluate_plan(pw.read_labels(LABELS / "plan_zh_dev.jsonl"), {})
    assert tallies["instruments"].recall >= 0.95
    assert tallies["instruments"].precision >= 0.94
    for name in ("negations", "orders"):
        assert min(tallies[name].recall, tallies[name].precision) >= 0.92
    assert "| instruments |" in pw.as_markdown(tallies, "zh")
    assert {row["field"] for row in pw.rows(tallies)} == set(pw.FIELDS)


def test_missing_files_and_captions_are_our_errors(tmp_path: Path) -> None:
    with pytest.raises(FileError):
        pw.read_labels(tmp_path / "none.jsonl")
    with pytest.raises(FileError):
        pw.read_captions(tmp_path / "none.csv")
    with pytest.raises(FileError):
        pw.evaluate_plan([_row(text="", ytid="abc")], {})


def test_goals_missed_names_field_and_figure() -> None:
    tallies = {name: pw.Tally() for name in pw.FIELDS}
    assert pw.goals_missed(tallies) == []
    tallies["orders"] = pw.Tally(right=8, claimed=10, found=8, wanted=8)
    assert pw.goals_missed(tallies) == ["orders: precision 0.800, wanted 0.9"]
