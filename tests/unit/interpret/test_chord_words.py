"""Chords inside the words."""

import pytest

from partimento.interpret import make_plan
from partimento.interpret.chord_words import bad_chords, chord_runs
from partimento.plan.request import GenerateRequest


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("jazz, chords: Dm7b5 | G7alt | C6/9", "Dm7b5 | G7alt | C6/9"),
        ("| Am F | C G | please", "Am F | C G"),
        ("Am-F-C-G pop", "Am | F | C | G"),
        ("chords Am7, D7/F#, Gmaj9 and drums", "Am7 | D7/F# | Gmaj9"),
        ("chords of C7(b9) | F#°7 | Bø7 | E7#9 | A7sus4 | D-7", "C7(b9) | F#°7 | Bø7 | E7#9 | A7sus4 | D-7"),
        ("和弦进行 Am F C G，钢琴", "Am | F | C | G"),
        ("ii-V-I jazz", "ii | V | I"),
    ],
)
def test_as_much_as_the_parser_accepts(words: str, text: str) -> None:
    assert [run.text for run in chord_runs(words)] == [text]


@pytest.mark.parametrize("words", ["I want drums A and B", "Add Bass", "A piano | B", "Bass and Drums"])
def test_names_are_no_chords(words: str) -> None:
    assert not list(chord_runs(words))


def test_bad_chords_are_reported() -> None:
    words = "chords: Am7 | Xq9 | H7# | G, piano"
    assert bad_chords(words) == ("Xq9", "H7#")
    plan = make_plan(GenerateRequest(words=words))
    assert {"Xq9", "H7#"} <= set(plan.unknown)
    assert plan.chords.value is not None
    assert len(plan.chords.value.chords) == 2
