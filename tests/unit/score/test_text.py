"""Keys and metres as people write them."""

from __future__ import annotations

import pytest

from partimento.errors import ParseError, RequestError
from partimento.score.text import parse_key, parse_metre
from partimento.score.timing import Key, Metre


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("A minor", "A minor"),
        ("Am", "A minor"),
        ("a minor", "A minor"),
        ("AM", "A major"),
        ("F# major", "F# major"),
        ("F sharp minor", "F# minor"),
        ("e flat major", "Eb major"),
        ("Bb", "Bb major"),
        ("B♭ major", "Bb major"),
        ("♭B", "Bb major"),
        ("c", "C major"),
        ("D dorian", "D dorian"),
        ("G mixolydian mode", "G mixolydian"),
        ("in the key of G", "G major"),
        ("C harmonic minor", "C minor"),
        ("d-moll", "D minor"),
        ("h-Moll", "B minor"),
        ("B-Dur", "Bb major"),
        ("Fis-Dur", "F# major"),
        ("la mineur", "A minor"),
        ("do# mineur", "C# minor"),
        ("降B大调", "Bb major"),
        ("A小调", "A minor"),
        ("C大调", "C major"),
        ("C调", "C major"),
        ("升F小调", "F# minor"),
        ("D多利亚调式", "D dorian"),
        ("1=D", "D major"),
        ("Ｃ大调", "C major"),
    ],
)
def test_keys(text, key):
    assert str(parse_key(text)) == key


@pytest.mark.parametrize(
    ("text", "says"), [("", "note"), ("X", "A to G"), ("A minro", "A minor"), ("H minor", "B minor"), ("C 大大", "mode")]
)
def test_bad_keys_say_what_would_be_valid(text, says):
    with pytest.raises(ParseError, match=says) as caught:
        parse_key(text)
    assert "\n" not in str(caught.value)


def test_every_key_reads_its_own_name():
    for tonic in range(12):
        for mode in ("major", "minor", "dorian", "phrygian", "lydian", "mixolydian", "locrian"):
            assert parse_key(str(Key(tonic, mode))) == Key(tonic, mode)


@pytest.mark.parametrize(
    ("text", "metre"),
    [
        ("4/4", Metre()),
        ("7/8", Metre(7, 8)),
        ("3/4拍", Metre(3, 4)),
        ("四分之三拍", Metre(3, 4)),
        ("八分之七拍", Metre(7, 8)),
        ("八六拍", Metre(6, 8)),
        ("三拍子", Metre(3, 4)),
        ("common time", Metre(4, 4)),
        ("C", Metre(4, 4)),
        ("cut time", Metre(2, 2)),
        ("6/8 (3+3)", Metre(6, 8, (3, 3))),
        ("2+2+3/8", Metre(7, 8, (2, 2, 3))),
        ("(2+2+3)/8", Metre(7, 8, (2, 2, 3))),
        ("5/4 [3+2]", Metre(5, 4, (3, 2))),
        ("three-four", Metre(3, 4)),
        ("six eight time", Metre(6, 8)),
        ("waltz time", Metre(3, 4)),
        ("６／８", Metre(6, 8)),
        ("3", Metre(3, 4)),
        ("12/8", Metre(12, 8)),
    ],
)
def test_metres(text, metre):
    assert parse_metre(text) == metre


@pytest.mark.parametrize("text", ["", "foo", "4/", "/4", "7/8 (3+3)", "three-ish"])
def test_bad_metres_say_what_would_be_valid(text):
    with pytest.raises(ParseError, match=r"4/4|add up"):
        parse_metre(text)


@pytest.mark.parametrize("text", ["0/4", "40/4", "4/5", "99999/4"])
def test_impossible_metres_name_the_limit(text):
    with pytest.raises(RequestError, match="must be"):
        parse_metre(text)
