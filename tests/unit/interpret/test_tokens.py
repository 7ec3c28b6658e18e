"""Normalising keeps positions; sentences, clauses, language."""

import pytest

from partimento.interpret.tokens import clause_spans, language_of, normalise, sentence_spans, tokenise


@pytest.mark.parametrize("text", ["Café ＢＰＭ９０，鋼琴！", "ﬁ İstanbul ½ ß", "e\u0301 ’quoted’", "\x00\n\t\U0001f3b8"])
def test_normalising_keeps_every_position(text: str) -> None:
    assert len(normalise(text)) == len(text)


def test_traditional_and_full_width_become_plain() -> None:
    assert normalise("鋼琴、小號，ＢＰＭ　Été") == "钢琴、小号,bpm ete"


def test_hyphens_separate_and_possessives_drop() -> None:
    assert [t.text for t in tokenise("e-guitar r&b singer's 808贝斯")] == ["e", "guitar", "r&b", "singer", "808", "贝", "斯"]


def test_sentences_end_at_full_stops_but_not_in_numbers() -> None:
    text = "at 92.5 bpm.then drums! 好。坏"
    assert [text[a:b].strip() for a, b in sentence_spans(text)] == ["at 92.5 bpm.", "then drums!", "好。", "坏"]


def test_clauses_end_at_commas() -> None:
    text = "a, b (c) d"
    assert [text[a:b].strip() for a, b in clause_spans(text, 0, len(text))] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("text", "language"),
    [("calm piano", "en"), ("lo-fi hip hop, 电钢琴+贝斯+鼓", "zh"), ("", "en"), ("piano 和 violin with drums", "en")],
)
def test_language(text: str, language: str) -> None:
    assert language_of(normalise(text)) == language
