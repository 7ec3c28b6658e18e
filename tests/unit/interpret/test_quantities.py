"""Numbers in words."""

import pytest

from partimento.interpret.quantities import chord_texts, keys, lengths, metres, mode_words, parse_number, tempo_numbers
from partimento.interpret.tokens import normalise


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("90", 90),
        ("sixty four", 64),
        ("十六", 16),
        ("一百二十", 120),
        ("二十五", 25),
        ("半", 0.5),
        ("a", 1),
        ("banana", None),
        ("", None),
    ],
)
def test_numbers(text: str, value: float | None) -> None:
    assert parse_number(text) == value


@pytest.mark.parametrize(
    ("text", "bpm"),
    [
        ("around 90 bpm", [90]),
        ("90-100bpm", [95]),
        ("tempo of 120", [120]),
        ("BPM 72", [72]),
        ("BPM：128", [128]),
        ("每分钟160拍", [160]),
        ("每分钟九十拍", [90]),
        ("140 beats per minute", [140]),
        ("0 bpm", []),
        ("10000 bpm", []),
        ("in 4/4", []),
        ("tempo 16 bars", []),
    ],
)
def test_tempo(text: str, bpm: list[float]) -> None:
    assert [q.value for q in tempo_numbers(normalise(text))] == bpm


@pytest.mark.parametrize(
    ("text", "metre"),
    [
        ("in 7/8", "7/8"),
        ("3/4 time", "3/4"),
        ("common time", "4/4"),
        ("six-eight time", "6/8"),
        ("四分之三拍", "3/4"),
        ("八六拍", "6/8"),
        ("六八拍", "6/8"),
        ("2/4拍", "2/4"),
        ("waltz time", "3/4"),
        ("五四拍", "5/4"),
        ("三拍子", "3/4"),
    ],
)
def test_metre(text: str, metre: str) -> None:
    assert [str(q.value) for q in metres(normalise(text))] == [metre]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("in A minor", "A minor"),
        ("key of Eb", "Eb major"),
        ("in the key of E minor", "E minor"),
        ("in F# minor", "F# minor"),
        ("B flat major", "Bb major"),
        ("in D dorian", "D dorian"),
        ("降E大调", "Eb major"),
        ("升F小调", "F# minor"),
        ("降B小調", "Bb minor"),
        ("G小调", "G minor"),
        ("in a minor", "A minor"),
        ("a sonata in C, slow", "C major"),
    ],
)
def test_key(text: str, key: str) -> None:
    assert str([q.value for q in keys(normalise(text), text)][-1]) == key


@pytest.mark.parametrize(
    "text",
    [
        "in a minor key",
        "a minor chord",
        "an E minor chord",
        "a major and minor chord melody",
        "a major label",
        "A minor key piece",
    ],
)
def test_no_key(text: str) -> None:
    assert [q.value for q in keys(normalise(text), text)] == []


def test_mode_without_tonic() -> None:
    assert [q.value for q in mode_words("in a minor key")] == ["minor"]
    assert [q.value for q in mode_words("g小调")] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("30 seconds", [("duration", 30)]),
        ("a 30-second loop", [("duration", 30)]),
        ("two minutes", [("duration", 120)]),
        ("a minute and a half", [("duration", 90)]),
        ("1 min 30 s", [("duration", 90)]),
        ("1:30 long", [("duration", 90)]),
        ("16 bars", [("bars", 16)]),
        ("for 16 bars", [("bars", 16)]),
        ("32 bars in Bb", [("bars", 32)]),
        ("30秒左右", [("duration", 30)]),
        ("大概一分钟", [("duration", 60)]),
        ("一分半钟", [("duration", 90)]),
        ("写个16小节", [("bars", 16)]),
        ("十六小节", [("bars", 16)]),
        ("16 bars fades out", [("bars", 16)]),
    ],
)
def test_length(text: str, found: list[tuple[str, float]]) -> None:
    assert [(q.kind, q.value) for q in lengths(normalise(text))][:1] == found


@pytest.mark.parametrize(
    "text",
    [
        "after 8 bars",
        "at bar 9",
        "an 8 bar intro",
        "for the first 8 bars",
        "in the last 4 bars",
        "after 20 seconds",
        "at 0:20",
        "12-bar blues",
        "8小节之后",
        "大约二十秒的时候",
        "先敲四小节",
        "5秒后",
        "十二小节蓝调",
        "四分之三拍",
        "every 4 bars",
    ],
)
def test_a_place_is_no_length(text: str) -> None:
    assert [q.value for q in lengths(normalise(text))] == []


@pytest.mark.parametrize(
    ("text", "chords"),
    [
        ("chords Am F C G please", "Am | F | C | G"),
        ("| Am7 | D7 | Gmaj7 | % |", "Am7 | D7 | Gmaj7 | %"),
        ("ii-V-I in Bb", "ii | V | I"),
        ("Dm7 - G7 - Cmaj7", "Dm7 | G7 | Cmaj7"),
        ("和弦 C G Am F", "C | G | Am | F"),
        ("a chord of A and B", None),
        ("I am a DJ", None),
    ],
)
def test_chords(text: str, chords: str | None) -> None:
    assert next((q.value for q in chord_texts(text)), None) == chords
