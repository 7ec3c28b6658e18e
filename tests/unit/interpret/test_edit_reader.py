"""Instructions → operations: verbs, targets, places, amounts, compounds, corrections, refusals."""

import pytest

from partimento.errors import RequestError
from partimento.interpret.edit_reader import read_edit
from partimento.plan.edit import EditOperation, Region

ALL = Region()
CHORUS = Region("section", name="chorus")


def _only(words: str) -> EditOperation:
    operations = read_edit(words)[0].operations
    assert len(operations) == 1
    return operations[0]


@pytest.mark.parametrize(
    ("words", "op", "targets", "instrument"),
    [
        ("remove the tambourines", "remove", ("tambourine",), ""),
        ("没有鼓", "remove", ("drums",), ""),
        ("swap the guitar for a harp", "replace", ("guitar",), "harp"),
        ("用竖琴代替吉他", "replace", ("guitar",), "harp"),
        ("a harp instead of the guitar", "replace", ("guitar",), "harp"),
        ("only the piano and the voice", "extract", ("piano", "voice"), ""),
        ("remove everything except the piano", "extract", ("piano",), ""),
    ],
)
def test_what_is_done_to_what(words: str, op: str, targets: tuple[str, ...], instrument: str) -> None:
    found = _only(words)
    assert (found.op, found.targets, found.instrument) == (op, targets, instrument)


@pytest.mark.parametrize(
    ("words", "region"),
    [
        ("piano louder in bars 9 to 12", Region("bars", 9, 12)),
        ("piano louder from bar 9 on", Region("bars", 9, None)),
        ("第5到8小节钢琴大声", Region("bars", 5, 8)),
        ("piano louder from 0:40", Region("seconds", 40, None)),
        ("piano louder from 0:40 to 1:05", Region("seconds", 40, 65)),
        ("piano louder in the second half", Region("fraction", 0.5, 1.0)),
        ("piano louder in the last chorus", Region("section", name="chorus", which=-1)),
        ("第二段主歌钢琴大声", Region("section", name="verse", which=2)),
        ("piano louder in the last four bars", Region("last_bars", 4)),
        ("piano louder after the drums come in", Region("after", name="drums")),
        ("piano louder", ALL),
    ],
)
def test_where(words: str, region: Region) -> None:
    found = _only(words)
    assert (found.op, found.targets, found.region) == ("gain", ("piano",), region)


@pytest.mark.parametrize(
    ("words", "amount", "unit"),
    [
        ("bass down 3 dB", -3, "dB"),
        ("bass a bit louder", 1.5, "dB"),
        ("bass much quieter", -6, "dB"),
        ("up a tone", 2, "semitones"),
        ("down an octave", -12, "semitones"),
        ("升三个半音", 3, "semitones"),
        ("10 bpm slower", -10, "bpm_change"),
        ("slow it down to 80 bpm", 80, "bpm"),
        ("half as fast", 0.5, "factor"),
        ("快10%", 1.1, "factor"),
        ("four more bars", 4, "bars"),
        ("cut it down to 30 seconds", 30, "s"),
        ("fade in over 4 bars", 4, "bars"),
    ],
)
def test_by_how_much(words: str, amount: float, unit: str) -> None:
    found = _only(words)
    assert (found.amount, found.unit) == (amount, unit)


@pytest.mark.parametrize(
    ("words", "op", "value"),
    [
        ("change the key to D minor", "set_key", "D minor"),
        ("改成3/4拍", "set_metre", "3/4"),
        ("chords Am F C G", "set_chords", "Am F C G"),
        ("make it jazz", "restyle", "jazz"),
        ("warmer", "effect", "warmer"),
        ("不够燃", "dynamics", "more_energy"),
        ("less reverb", "effect", "drier"),
        ("not so dark", "effect", "brighter"),
    ],
)
def test_values(words: str, op: str, value: str) -> None:
    found = _only(words)
    assert (found.op, found.value) == (op, value)


def test_a_place_at_the_end_is_of_the_last_wish_and_second_of_all() -> None:
    first, second = read_edit("remove the drums and add strings in the chorus")[:2]
    assert [o.region for o in first.operations] == [ALL, CHORUS]
    assert [o.region for o in second.operations] == [CHORUS, CHORUS]
    assert first.confidence > second.confidence


def test_a_leading_place_is_of_all() -> None:
    operations = read_edit("in the chorus, remove the drums and add strings")[0].operations
    assert [(o.op, o.region) for o in operations] == [("remove", CHORUS), ("add", CHORUS)]


def test_adjectives_share_their_noun_and_it_is_what_was_named() -> None:
    operations = read_edit("make the drums louder and punchier")[0].operations
    assert [o.targets for o in operations] == [("drums",), ("drums",)]
    assert read_edit("swap the guitar for a harp and make it warmer")[0].operations[1].targets == ("harp",)
    assert read_edit("remove the drums and make it warmer")[0].operations[1].targets == ("all",)


def test_corrections_take_back() -> None:
    assert _only("remove the drums, no wait, the bass").targets == ("bass",)
    assert _only("add a flute, no wait, an oboe").instrument == "oboe"
    assert _only("no, leave it, take out the piano instead").targets == ("piano",)


def test_what_stays_is_noted() -> None:
    assert _only("turn it into a tango but keep the melody").keep == ("melody",)
    plan = read_edit("don't touch the bass, remove the drums")[0]
    assert [o.targets for o in plan.operations] == [("drums",)]
    assert plan.remarks == ("bass stays as it is",)


def test_not_there() -> None:
    operations = read_edit("add a cello but not in the intro")[0].operations
    assert [(o.op, o.region.name) for o in operations] == [("add", ""), ("mute_region", "intro")]


def test_what_the_piece_has_decides() -> None:
    assert read_edit("more cowbell", ("cowbell", "piano"))[0].operations[0].op == "gain"
    assert read_edit("more cowbell", ("piano", "bass"))[0].operations[0].op == "add"


def test_unknown_words_are_told_and_readings_add_up() -> None:
    plans = read_edit("make it louder than the sun")
    assert plans[0].unknown == ("sun",)
    assert sum(p.confidence for p in plans) <= 1.01


@pytest.mark.parametrize(
    "words",
    ["", "please", "remove the", "add a toaster", "make my coffee stronger", "set the tempo to minus 40 bpm", "把速度改成星期三",
     "今天天气怎么样", "piano louder in bars 12 to 9", "keep the bass", "make it 0 bars long", "bars -3 to 5 louder",
     "what is the capital of France"],
)  # fmt: skip
def test_nonsense_is_refused(words: str) -> None:
    with pytest.raises(RequestError) as refused:
        read_edit(words)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("words", "op", "targets", "instrument"),
    [
        ("give the tune to the violin", "replace", ("melody",), "violin"),
        ("could the melody be played on a clarinet?", "replace", ("melody",), "clarinet"),
        ("旋律交给小号", "replace", ("melody",), "trumpet"),
        ("make the bass a synth bass", "replace", ("bass",), "synth_bass"),
        ("instead of piano use harpsichord", "replace", ("piano",), "harpsichord"),
        ("everything but the drums", "remove", ("drums",), ""),
        ("cut everything except drums and bass", "extract", ("drums", "bass"), ""),
        ("strip it down to piano", "extract", ("piano",), ""),
        ("尾奏只保留钢琴和弦乐", "extract", ("piano", "strings"), ""),
        ("add a bit of violin in the background", "add", ("all",), "violin"),
        ("add a sax solo", "add", ("all",), "saxophone"),
        ("弦乐铺底加上", "add", ("pad",), "strings"),
        ("the choir is drowning out the voice", "gain", ("choir",), ""),
        ("let the drums start at bar 9", "remove", ("drums",), ""),
    ],
)
def test_who_takes_what_from_whom(words: str, op: str, targets: tuple[str, ...], instrument: str) -> None:
    found = _only(words)
    assert (found.op, found.targets, found.instrument) == (op, targets, instrument)


@pytest.mark.parametrize(
    ("words", "region"),
    [
        ("piano louder between 30 and 45 seconds", Region("seconds", 30, 45)),
        ("从1分20秒到结尾钢琴大声", Region("seconds", 80, None)),
        ("piano louder from bar 9 to the end", Region("bars", 9, None)),
        ("piano louder in the last 10 seconds", Region("seconds", -10, None)),
        ("piano louder during the solo", Region("section", name="solo")),
        ("piano louder while the voice sings", Region("while", name="voice")),
        ("piano louder in bars 4, 5 and 6", Region("bars", 4, 6)),
    ],
)
def test_more_places(words: str, region: Region) -> None:
    found = _only(words)
    assert (found.op, found.targets, found.region) == ("gain", ("piano",), region)


def test_listed_places_are_all_meant() -> None:
    operations = read_edit("raise the vocals 2 dB in the bridge and the outro")[0].operations
    assert [(o.amount, o.region.name) for o in operations] == [(2, "bridge"), (2, "outro")]


def test_the_remedy_stands_for_the_complaint() -> None:
    found = _only("a bit sleepy in the verses, wake it up")
    assert (found.value, found.region.name) == ("more_energy", "verse")
    assert _only("人声混响太多了，干一点").targets == ("voice",)


def test_parts_that_stay_are_spared() -> None:
    assert _only("everything louder except the drums").spare == ("drums",)
    assert _only("make it warmer but don't touch the bass").spare == ("bass",)


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("boost the highs", "brighter"),
        ("cut the lows on the guitar", "less_boomy"),
        ("高频少一点", "darker"),
        ("low-pass the drums", "darker"),
        ("put chorus on the guitar", "chorus"),
        ("like it comes through a telephone", "telephone"),
        ("tighten up the low end", "tighter"),
    ],
)
def test_effects_and_bands_by_name(words: str, value: str) -> None:
    assert _only(words).value == value


@pytest.mark.parametrize(
    "words",
    ["crop the photo", "louder bananas", "把月亮换成太阳", "把小狗声音调大", "paint the drums red", "shorten my trousers"],
)
def test_other_things_than_music_are_refused(words: str) -> None:
    with pytest.raises(RequestError, match="e\\.g\\."):
        read_edit(words)


def test_only_there_and_everything_else() -> None:
    for words in ("only in the chorus, add strings", "add strings but only in the chorus"):
        assert (_only(words).op, _only(words).region) == ("add", CHORUS)
    kept = _only("keep the drums, remove everything else")
    assert (kept.op, kept.targets) == ("extract", ("drums",))
