"""Instructions as musicians and laymen say them: places without names, one chord, doublings, absences, corrections."""

import pytest

from partimento.errors import RequestError
from partimento.evaluate.edit_words import shown
from partimento.interpret.edit_chord_changes import chord_changes
from partimento.interpret.edit_reader import read_edit
from partimento.plan.edit import EditOperation, Region


def _only(words: str) -> EditOperation:
    (found,) = read_edit(words)[0].operations
    return found


@pytest.mark.parametrize(
    ("words", "region"),
    [
        ("add strings in the third section", Region("section", which=3)),
        ("the last section louder", Region("section", which=-1)),
        ("remove the drums in part two", Region("section", which=2)),
        ("第三部分钢琴大声", Region("section", which=3)),
        ("remove the bass in the 3rd bar", Region("bars", 3, 3)),
        ("piano louder in the 3rd to 5th bars", Region("bars", 3, 5)),
        (
            "piano louder between the first and second chorus",
            Region("between", others=(Region("section", name="chorus", which=1), Region("section", name="chorus", which=2))),
        ),
        (
            "主歌和副歌之间的鼓去掉",
            Region("between", others=(Region("section", name="verse"), Region("section", name="chorus"))),
        ),
    ],
)
def test_places_without_a_name_of_their_own(words: str, region: Region) -> None:
    assert _only(words).region == region


@pytest.mark.parametrize(
    ("words", "targets", "region"),
    [
        ("keep the drums out of the intro", ("drums",), Region("section", name="intro")),
        ("keep the bass silent until bar 5", ("bass",), Region("bars", 1, 4)),
        ("hold the strings back until the second verse", ("strings",), Region("before", name="verse", which=2)),
        ("the piano doesn't play until the drums come in", ("piano",), Region("before", name="drums")),
        ("鼓从第9小节才进来", ("drums",), Region("bars", 1, 8)),
        ("the drums should only play in the chorus", ("drums",), Region("except", name="chorus")),
        ("弦乐只在副歌出现", ("strings",), Region("except", name="chorus")),
        ("everything stops dead in bar 12", ("all",), Region("bars", 12, 12)),
        ("the band cuts out in bar 9 and comes back in bar 10", ("all",), Region("bars", 9, 9)),
        ("everything goes quiet for bar 16, total silence, then carries on", ("all",), Region("bars", 16, 16)),
        ("第12小节全部安静", ("all",), Region("bars", 12, 12)),
    ],
)
def test_who_is_silent_where(words: str, targets: tuple[str, ...], region: Region) -> None:
    found = _only(words)
    assert (found.op, found.targets, found.region) == ("mute_region", targets, region)


def test_only_the_piano_is_another_wish_than_the_piano_only_there() -> None:
    assert _only("only the piano in the chorus").op == "extract"
    assert [p.operations[0].op for p in read_edit("the piano only in the chorus")] == ["mute_region", "extract"]


@pytest.mark.parametrize(
    ("words", "goes", "comes", "region"),
    [
        ("G to G7", "G", "G7", Region()),
        ("change the G in bar 2 to G7", "G", "G7", Region("bars", 2, 2)),
        ("replace the Dm in bar 3 by D7", "Dm", "D7", Region("bars", 3, 3)),
        ("swap the F for an Fm in the chorus", "F", "Fm", Region("section", name="chorus")),
        ("make the last chord a Cmaj7", "last", "Cmaj7", Region()),
        ("把第3小节的Dm换成D7", "Dm", "D7", Region("bars", 3, 3)),
        ("最后一个和弦改成C6", "last", "C6", Region()),
    ],
)
def test_one_chord_is_exchanged(words: str, goes: str, comes: str, region: Region) -> None:
    found = _only(words)
    assert (found.op, found.goes, found.value, found.region) == ("set_chords", goes, comes, region)


@pytest.mark.parametrize("words", ["change the key from C to D", "A flute to the left", "from A to B", "move it up to E flat"])
def test_no_chords_are_seen_where_there_are_none(words: str) -> None:
    assert not list(chord_changes(words))


@pytest.mark.parametrize(
    ("words", "player", "model", "steps"),
    [
        ("a flute playing the melody an octave higher", "flute", "melody", 12.0),
        ("add a violin doubling the melody", "violin", "melody", None),
        ("double the melody with a flute", "flute", "melody", None),
        ("double the bass an octave lower with a synth bass", "synth_bass", "bass", -12.0),
        ("add a clarinet in unison with the flute", "clarinet", "flute", None),
        ("harmonise the melody in thirds", "", "melody", 4.0),
        ("用长笛高八度叠加旋律", "flute", "melody", 12.0),
        ("加一支长笛，高八度演奏旋律", "flute", "melody", 12.0),
        ("加个大提琴低八度跟着旋律走", "cello", "melody", -12.0),
    ],
)
def test_a_part_that_plays_along(words: str, player: str, model: str, steps: float | None) -> None:
    found = _only(words)
    assert (found.op, found.instrument, found.doubles, found.amount) == ("add", player, model, steps)


@pytest.mark.parametrize(
    ("words", "left"),
    [
        ("add a piano and a harp, no, leave out the harp", ["add all piano"]),
        ("add drums, bass and strings... no, not the strings", ["add all drums", "add all bass"]),
        ("add drums from bar 9, and a crash... no, leave that", ["add all drums @bars 9-"]),
        ("remove the piano and the drums, actually keep the drums", ["remove piano"]),
        ("加钢琴和竖琴，不对，竖琴不要了", ["add all piano"]),
        ("rough up the guitars a bit, they're too polite", ["effect guitar dirtier 0.5 strength"]),
        ("the drums have no punch, I want to feel the kick", ["effect drums punchier"]),
    ],
)
def test_corrections_and_reasons_add_nothing(words: str, left: list[str]) -> None:
    assert [shown(o).replace(".0-", "-") for o in read_edit(words)[0].operations] == left


@pytest.mark.parametrize(
    ("words", "op", "value", "amount"),
    [
        ("knock 10 bpm off", "set_tempo", "", -10.0),
        ("速度改成每分钟76拍", "set_tempo", "76", 76.0),
        ("速度放慢到原来的四分之三", "set_tempo", "", 0.75),
        ("at two thirds of the original tempo", "set_tempo", "", 0.6667),
        ("bring it up to 128", "set_tempo", "128", 128.0),
        ("逐渐慢下来", "set_tempo", "gradually", 0.8),
        ("less swing", "dynamics", "straight", None),
        ("less jazzy", "effect", "plainer", None),
        ("let the strings swell in bars 5 to 8", "dynamics", "swell", None),
        ("play louder in the chorus", "dynamics", "louder", None),
        ("push the piano further away", "effect", "distant", None),
        ("less boomy", "effect", "less_boomy", None),
        ("弦乐薄一点", "effect", "thinner", None),
        ("fuller piano", "effect", "fuller", None),
        ("ease in from silence over the first 3 seconds", "fade", "in", 3.0),
        ("double the chorus", "extend", "", 2.0),
    ],
)
def test_wishes(words: str, op: str, value: str, amount: float | None) -> None:
    found = _only(words)
    assert (found.op, found.value, found.amount) == (op, value, amount)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("turn it into a waltz in G major and add a cello", ["restyle all waltz", "set_key all G major", "add all cello"]),
        ("remove the piano, add a harp instead", ["remove piano", "add all harp"]),
        ("cut the tempo in half", ["set_tempo all 0.5 factor"]),
        ("switch the electric guitar to acoustic", ["replace electric_guitar acoustic_guitar"]),
        ("make room for the vocals", ["gain all -3 dB"]),
        ("make it a samba in D, with a flute", ["restyle all bossa_nova", "set_key all D major", "add all flute"]),
        ("redo the second half as drum and bass, same tune", ["restyle all drum_and_bass @fraction 0.5-1.0 keep melody"]),
        ("put an oboe where the flute is", ["replace flute oboe"]),
        ("have a cello do what the bass does", ["replace bass cello"]),
    ],
)
def test_several_things_at_once(words: str, expected: list[str]) -> None:
    assert [shown(o) for o in read_edit(words)[0].operations] == expected


@pytest.mark.parametrize(
    "words",
    [
        "fade out over minus 5 seconds",
        "第零小节去掉鼓",
        "add 3 kilos of bass",
        "put a hat on the bass",
        "add a drum to my shopping list",
        "把钢琴放进冰箱",
        "帮我剪头发",
        "add four bars of chocolate",
    ],
)
def test_what_cannot_be_is_refused(words: str) -> None:
    with pytest.raises(RequestError):
        read_edit(words)
