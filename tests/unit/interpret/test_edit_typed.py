"""Instructions as a musician types them: last notes, counted chords, figures for the tempo, lengths, entrances, comparisons."""

import pytest

from partimento.errors import RequestError
from partimento.interpret.edit_reader import read_edit
from partimento.plan.edit import EditOperation, Region

PARTS = ("synth lead", "piano", "acoustic guitar", "strings", "bass", "drums")


def _first(words: str) -> tuple[EditOperation, ...]:
    return read_edit(words, PARTS)[0].operations


@pytest.mark.parametrize(
    ("words", "targets", "amount", "unit"),
    [
        ("make the last note longer", ("all",), None, ""),
        ("make the last note shorter", ("all",), 0.5, "factor"),
        ("the final chord should last twice as long", ("all",), 2.0, "factor"),
        ("hold the final note for two bars", ("all",), 2.0, "bars"),
        ("hold the last chord for four beats", ("all",), 4.0, "beats"),
        ("make the piano's last note longer", ("piano",), None, ""),
        ("let the melody's last note ring longer", ("melody",), None, ""),
        ("把最后一个音拉长", ("all",), None, ""),
        ("最后的和弦弹久一点", ("all",), 1.5, "factor"),
    ],
)
def test_last_notes_are_held_at_the_same_tempo(words, targets, amount, unit):
    (found,) = _first(words)
    assert (found.op, found.value, found.targets, found.amount, found.unit) == ("dynamics", "held", targets, amount, unit)


@pytest.mark.parametrize(
    ("words", "goes", "comes", "region"),
    [
        ("change the second chord to Dm7", "2", "Dm7", Region()),
        ("change the third chord of the chorus to Fm", "3", "Fm", Region("section", name="chorus")),
        ("use an F instead of the third chord", "3", "F", Region()),
        ("make the penultimate chord a G7", "-2", "G7", Region()),
        ("make the second chord of bar 7 a G7", "2", "G7", Region("bars", 7.0, 7.0)),
        ("把第二个和弦换成Dm7", "2", "Dm7", Region()),
        ("副歌的第三个和弦改成F", "3", "F", Region("section", name="chorus")),
        ("倒数第二个和弦换成G7", "-2", "G7", Region()),
        ("make bar 4's chord an Am", "", "Am", Region("bars", 4.0, 4.0)),
    ],
)
def test_chords_are_counted(words, goes, comes, region):
    (found,) = _first(words)
    assert (found.op, found.goes, found.value, found.region) == ("set_chords", goes, comes, region)
    assert not read_edit(words, PARTS)[0].unknown


@pytest.mark.parametrize(
    ("words", "factor"),
    [
        ("multiply the tempo by 1.5", 1.5), ("tempo times 0.8", 0.8), ("tempo x 1.2", 1.2), ("1.2 times the tempo", 1.2),
        ("tempo 1.5 times faster", 1.5), ("increase the tempo by a factor of 1.25", 1.25), ("divide the tempo by 2", 0.5),
        ("speed up 1.5x", 1.5), ("速度乘以1.5", 1.5),
    ],
)  # fmt: skip
def test_a_tempo_times_a_figure(words, factor):
    (found,) = _first(words)
    assert (found.op, found.unit, found.amount) == ("set_tempo", "factor", factor)


def test_a_tempo_that_is_reached_gradually():
    (found,) = _first("gradually speed up to 140")
    assert (found.op, found.value, found.amount, found.unit) == ("set_tempo", "gradually", 140.0, "bpm")


@pytest.mark.parametrize("words", ["swap piano and guitar", "钢琴和吉他互换", "have the piano and the guitar trade parts",
                                   "swap the piano with the guitar", "exchange piano and guitar"])  # fmt: skip
def test_two_parts_trade(words):
    assert [(o.op, o.targets) for o in _first(words)] == [("trade", ("piano", "guitar"))]


def test_what_follows_a_trade_is_its_own_wish():
    trade, gain = _first("钢琴和吉他互换，鼓小声点")
    assert (trade.op, trade.targets) == ("trade", ("piano", "guitar"))
    assert (gain.op, gain.targets, gain.amount) == ("gain", ("drums",), -1.5)


@pytest.mark.parametrize("words", ["40 dB louder", "90 dB louder", "lower the bass by 50 dB"])
def test_one_limit_of_gain_with_one_message(words):
    with pytest.raises(RequestError, match=r"outside ±24 dB; say e\.g\. 6 dB louder"):
        read_edit(words, PARTS)


@pytest.mark.parametrize(
    ("words", "instrument", "word"),
    [("add a kazoo", "harmonica", "kazoo"), ("加一个卡祖笛", "harmonica", "卡祖笛"), ("swap the bass for a lute", None, "")],
)
def test_an_instrument_that_stands_in_is_named(words, instrument, word):
    plan = read_edit(words, PARTS)[0]
    (found,) = plan.operations
    assert found.stands_for == word
    assert any(word in r and instrument in r for r in plan.remarks) if instrument else not plan.remarks


@pytest.mark.parametrize(
    ("words", "op", "region", "amount", "value"),
    [
        ("make it 2 minutes", "extend", Region(), 120.0, "to"),
        ("make the chorus 12 bars long", "extend", Region("section", name="chorus"), 12.0, "to"),
        ("make the chorus longer", "extend", Region("section", name="chorus"), 2.0, ""),
        ("crop it to the first 20 seconds", "trim", Region(), 20.0, "to"),
        ("keep only bars 5 to 12", "trim", Region("bars", 5.0, 12.0), None, "keep"),
        ("end after the second chorus", "trim", Region("after", name="chorus", which=2), None, "off"),
        ("第二段副歌之后结束", "trim", Region("after", name="chorus", which=2), None, "off"),
        ("start at the verse", "trim", Region("before", name="verse"), None, "off"),
    ],
)
def test_lengths(words, op, region, amount, value):
    (found,) = _first(words)
    assert (found.op, found.region, found.amount, found.value) == (op, region, amount, value)


CHORUS = Region("section", name="chorus")


@pytest.mark.parametrize(
    ("words", "op", "targets", "region"),
    [
        ("start with just the piano", "extract", ("piano",), Region("first_bars", 4.0)),
        ("end with just the strings", "extract", ("strings",), Region("last_bars", 4.0)),
        ("make the verse quieter than the chorus", "gain", ("all",), Region("section", name="verse")),
        ("主歌比副歌小声一点", "gain", ("all",), Region("section", name="verse")),
        ("the bass enters at the second verse", "mute_region", ("bass",), Region("before", name="verse", which=2)),
        ("only use the strings in the chorus", "mute_region", ("strings",), Region("except", name="chorus")),
        ("只在副歌里用弦乐", "mute_region", ("strings",), Region("except", name="chorus")),
        ("贝斯在第20小节停", "mute_region", ("bass",), Region("bars", 20.0, 20.0)),
        ("drop everything for two beats before the chorus", "mute_region", ("all",), Region("before", None, 2.0, "chorus")),
        ("副歌前一小节除了鼓都停", "extract", ("drums",), Region("before", 1.0, None, "chorus")),
        ("mute everything in the bar before the chorus", "mute_region", ("all",), Region("before", 1.0, None, "chorus")),
        ("add a drum fill before the chorus", "dynamics", ("drums",), Region("before", 1.0, None, "chorus")),
        ("所有乐器音量减半", "gain", ("all",), Region()),
        ("低音多一点", "effect", ("all",), Region()),
        ("make the second half minor", "set_key", ("all",), Region("fraction", 0.5, 1.0)),
        ("drop the key by 2", "transpose", ("all",), Region()),
        ("strings up 2", "gain", ("strings",), Region()),
    ],
)
def test_where_and_to_what(words, op, targets, region):
    (found,) = _first(words)
    assert (found.op, found.targets, found.region) == (op, targets, region)


def test_what_is_left_out_may_be_said_first():
    for words in ("除了钢琴，其他都小3分贝", "except for the piano, turn everything down 3 dB"):
        (found,) = _first(words)
        assert (found.op, found.amount, found.spare) == ("gain", -3.0, ("piano",))


def test_a_third_above_is_a_part_of_its_own():
    for words in ("add a harmony a third above the melody", "在旋律上方加三度和声"):
        (found,) = _first(words)
        assert (found.op, found.doubles, found.amount) == ("add", "melody", 4.0)


def test_a_player_and_the_role_that_comes_with_it_are_one_part():
    assert [(o.targets, o.instrument) for o in _first("大提琴加一个副旋律")] == [(("counter",), "cello")]
    solo, back = _first("give the piano a solo in the second verse")
    assert (solo.op, solo.targets, solo.instrument, back.op, back.spare) == ("add", ("melody",), "piano", "gain", ("piano",))


def test_an_effect_is_for_what_was_just_treated():
    assert [o.targets for o in _first("把吉他改成电吉他，加点失真")] == [("guitar",), ("electric_guitar",)]
    assert [o.targets for o in _first("make the piano brighter and add reverb")] == [("piano",), ("piano",)]
    assert [o.targets for o in _first("remove the drums and add reverb")] == [("drums",), ("all",)]


@pytest.mark.parametrize(("words", "pieces"), [("take out the hi-hats", "hi_hat"), ("no kick and snare", "kick snare"),
                                               ("去掉踩镲", "hi_hat"), ("remove the drums", "")])  # fmt: skip
def test_pieces_of_the_kit_go_and_the_rest_plays_on(words, pieces):
    (found,) = _first(words)
    assert (found.op, found.targets, found.goes) == ("remove", ("drums",), pieces)


def test_where_all_of_the_kit_is_changed_it_is_said():
    plan = read_edit("snare louder", PARTS)[0]
    assert any("whole kit" in r for r in plan.remarks)


@pytest.mark.parametrize("words", ["silence the last beat", "换个调", "make the first note shorter"])
def test_what_cannot_be_told_is_refused(words):
    with pytest.raises(RequestError):
        read_edit(words, PARTS)
