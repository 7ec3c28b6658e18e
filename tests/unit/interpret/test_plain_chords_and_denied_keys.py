"""Chords without a cue, keys that are ruled out, and what is said of a second key."""

import pytest

from partimento.interpret import make_plan
from partimento.plan.request import GenerateRequest
from partimento.score.timing import Key


@pytest.mark.parametrize(
    ("words", "n_chords"),
    [
        ("lo-fi, rhodes, Dm9 G13 Cmaj9 A7alt", 4),
        ("soul ballad Am7 D9 Gmaj7 Cmaj7, slow", 4),
        ("a piece in Am with B section", 0),
        ("A grand waltz, G major", 0),
        ("strings in Dm, B7", 0),
    ],
)
def test_chords_show_by_their_qualities(words: str, n_chords: int) -> None:
    chords = make_plan(GenerateRequest(words)).chords
    said = chords.value if str(chords.origin) == "said" else None
    assert (len(said.chords) if said else 0) == n_chords


@pytest.mark.parametrize(
    ("words", "key"),
    [
        ("piano, not C major but D minor", Key(2, "minor")),
        ("a piece in Am with strings", Key(9, "minor")),
        ("a waltz, in F, not sad", Key(5, "major")),
    ],
)
def test_said_key(words: str, key: Key) -> None:
    found = make_plan(GenerateRequest(words)).key
    assert str(found.origin) == "said"
    assert [k.key for k in found.value] == [key]


@pytest.mark.parametrize("words", ["wedding march with organ, not in C", "钢琴，不要C大调"])
def test_a_denied_key_is_no_wish_and_is_listed(words: str) -> None:
    plan = make_plan(GenerateRequest(words))
    assert str(plan.key.origin) != "said"
    assert any("not ruled out" in u for u in plan.unknown)


def test_not_in_a_hurry_is_no_key() -> None:
    assert not any("ruled out" in u for u in make_plan(GenerateRequest("piano, not in a hurry")).unknown)


def test_a_second_key_is_not_said_to_hold() -> None:
    plan = make_plan(GenerateRequest("waltz, key changes from A minor to A major in the last section"))
    conflict = next(c for c in plan.conflicts if c.field == "key")
    assert conflict.kept == "A minor"
    assert "later" not in conflict.reason
