"""Plans in words: places, amounts, and the controls behind vague words."""

import pytest

from partimento.edit.controls import controls_text
from partimento.edit.intents import intents
from partimento.edit.registry import WAYS
from partimento.edit.score_dynamics import SHAPES
from partimento.edit.wording import amount_text, place_text, where_text
from partimento.plan.edit import EditOperation, Region


@pytest.mark.parametrize(
    ("region", "text"),
    [
        (Region(), "everywhere"), (Region("section", name="chorus", which=-1), "the last chorus"),
        (Region("section", name="verse", which=2), "the second verse"), (Region("section", name="intro"), "the intro"),
        (Region("section", name="chorus"), "every chorus"), (Region("section", which=3), "the third section"),
        (Region("seconds", 30.0), "from 0:30 on"), (Region("seconds", 30.0, 65.5), "0:30 to 1:05.5"),
        (Region("seconds", -10.0), "the last 10 seconds"), (Region("bars", 9.0, 12.0), "bars 9 to 12"),
        (Region("bars", 9.0, 9.0), "bar 9"), (Region("bars", 9.0), "from bar 9 on"),
        (Region("last_bars", 4.0), "the last 4 bars"), (Region("first_bars", 1.0), "the first bar"),
        (Region("fraction", 0.5, 1.0), "the second half"), (Region("after", name="piano"), "after the piano"),
        (Region("before", 2.0, name="chorus", which=-1), "the 2 bars before the last chorus"),
        (Region("before", None, 1.0, "chorus"), "the beat before the chorus"), (Region("before", 9.0), "before bar 9"),
        (Region("while", name="piano"), "while the piano plays"),
        (Region("from", name="verse", which=2), "from the second verse on"),
        (Region("except", name="chorus"), "everywhere but every chorus"),
        (Region("except", -2.0), "everywhere but the last 2 bars"),
        (Region("between", others=(Region("section", name="verse", which=1), Region("section", name="chorus", which=1))),
         "between the first verse and the first chorus"),
    ],
)  # fmt: skip
def test_places(region, text):
    assert where_text(region) == text


def _op(op, amount=None, unit="", value="", region=None):
    return EditOperation(op, amount=amount, unit=unit, value=value, region=region or Region())


@pytest.mark.parametrize(
    ("operation", "text"),
    [
        (_op("set_tempo", 132.0, "bpm", "132"), "to 132 bpm"), (_op("set_tempo", -10.0, "bpm_change"), "10 bpm slower"),
        (_op("set_tempo", 0.8, "factor", "gradually"), "gradually 20 % slower"),
        (_op("set_tempo", 2.0, "factor"), "double the tempo"),
        (_op("pan", -1.0, "position"), "hard left"), (_op("pan", 0.3, "position"), "30 % right"),
        (_op("pan", 0.0), "to the middle"),
        (_op("gain", -3.0, "dB"), "3 dB quieter"), (_op("transpose", 12.0, "semitones"), "1 octave up"),
        (_op("transpose", -2.0, "semitones"), "2 semitones down"), (_op("extend", 2.0, "factor"), "played twice"),
        (_op("extend", 60.0, "s", "to"), "to 60 seconds"), (_op("trim", 1.0, "bars", "off"), "1 bar less"),
        (_op("trim", value="off"), "taken out"), (_op("fade", 5.0, "s", "out"), "out over 5 seconds"),
        (_op("fade", value="in"), "in"),
        (_op("dynamics", value="more_energy"), "more energy"), (_op("remove"), ""),
        (_op("effect", 0.5, "strength", "warmer"), "warmer at 50 % of the usual strength"),
    ],
)  # fmt: skip
def test_amounts(operation, text):
    assert amount_text(operation) == text


def test_edges_of_the_piece_are_named():
    assert place_text(_op("fade", 5.0, "s", "out")) == "at the end"
    assert place_text(_op("fade", value="in")) == "at the start"
    assert place_text(_op("extend", 5.0, "s")) == "at the end"
    assert place_text(_op("extend", 2.0, "factor", region=Region("section", name="chorus", which=-1))) == "the last chorus"


def test_a_sound_shows_its_controls_with_their_bounds():
    low, high, until = controls_text(_op("effect", value="warmer"))
    assert low == "low shelf up to +4.5 dB at 280 Hz"
    assert high == "high shelf up to -5 dB at 3500 Hz"
    assert until.startswith("until low/high ratio has moved by up to +2 dB")
    assert controls_text(_op("effect", 1.5, "strength", "warmer"))[0] == "low shelf up to +6.75 dB at 280 Hz"


def test_playing_shows_what_happens_to_the_notes():
    assert controls_text(_op("dynamics", value="more_energy")) == ("velocity +18 on the beat; velocity +12 off the beat",)
    assert controls_text(_op("dynamics", value="louder")) == ("velocity +16",)
    assert controls_text(_op("dynamics", 0.5, "strength", "louder")) == ("velocity +8",)
    assert controls_text(_op("dynamics", value="crescendo")) == (
        "velocity -18 at the start; velocity +16 at the end; as before halfway",
    )
    assert "3:1" not in controls_text(_op("dynamics", value="swing"))[0]


def test_every_vague_word_has_controls_and_nothing_else_has():
    for value in intents():
        assert controls_text(_op("effect", value=value)), value
    for value in (*SHAPES, *WAYS):
        assert controls_text(_op("dynamics", value=value)), value
    assert controls_text(_op("gain", 3.0, "dB")) == ()
