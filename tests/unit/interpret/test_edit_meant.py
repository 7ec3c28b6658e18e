"""Constructions that name their parts in another way: all but one, corrections, solos, late entries, what is no wish at all."""

import pytest

from partimento.errors import RequestError
from partimento.interpret.edit_reader import read_edit
from partimento.plan.edit import EditOperation, Region

STEMS = ("piano", "bass", "drums")


def _only(words: str, known: tuple[str, ...] = ()) -> EditOperation:
    operations = read_edit(words, known)[0].operations
    assert len(operations) == 1
    return operations[0]


@pytest.mark.parametrize(
    ("words", "spare"),
    [
        ("make everything but the bass brighter", "bass"), ("make all but the drums warmer", "drums"),
        ("everything but the bass louder", "bass"), ("除了贝斯其他都亮一点", "bass"),
        ("make everybody but the piano softer", "piano"),
    ],
)  # fmt: skip
def test_all_but_one_part(words: str, spare: str) -> None:
    found = _only(words)
    assert (found.targets, found.spare) == (("all",), (spare,))


@pytest.mark.parametrize(
    "words",
    [
        "make the bass sidechain to the kick", "route the drums to the bass", "make the piano swap seats with the bass",
        "make the bass follow the kick", "clean my room", "warm my soup", "brighten my day",
        "replace the piano with love", "put it in the key of H sharp purple", "set the tempo to zero bpm", "add minus three bars",
        "transpose up by 100 octaves", "up 200 dB", "swap the piano for the piano", "accent the first chord of the chorus",
    ],
)  # fmt: skip
def test_a_verb_or_an_object_that_is_not_known_is_refused(words: str) -> None:
    with pytest.raises(RequestError) as refused:
        read_edit(words)
    assert "\n" not in str(refused.value)


def test_strange_words_make_a_reading_less_sure() -> None:
    assert read_edit("piano louder than the sun")[0].confidence < 0.7 < read_edit("piano louder")[0].confidence


@pytest.mark.parametrize(
    ("words", "before", "after"),
    [
        ("把钢琴换成吉他，不对，换成竖琴", "piano", "harp"), ("把鼓换成钢琴，等等，换成吉他", "drums", "guitar"),
        ("swap the piano for a guitar, no, make it a harp", "piano", "harp"), ("把钢琴换成吉他，说错了，换竖琴", "piano", "harp"),
        ("replace the piano with a guitar, no wait, with a harp", "piano", "harp"),
    ],
)  # fmt: skip
def test_a_corrected_exchange_has_one_partner(words: str, before: str, after: str) -> None:
    found = _only(words)
    assert (found.op, found.targets, found.instrument) == ("replace", (before,), after)


@pytest.mark.parametrize(
    ("words", "semitones"), [("升高半个音", 1), ("降半个音", -1), ("升一个半音", 1), ("降两个半音", -2), ("升一个音", 2)]
)
def test_intervals(words: str, semitones: float) -> None:
    assert _only(words).amount == semitones


@pytest.mark.parametrize(
    "words", ["add a guitar solo in bars 9 to 12", "第9到12小节加一段吉他独奏", "in bars 9-12 put in a guitar solo"]
)
def test_a_solo_leads_and_the_others_step_back(words: str) -> None:
    first, second = read_edit(words)[0].operations
    assert (first.op, first.targets, first.instrument, first.region) == ("add", ("melody",), "guitar", Region("bars", 9, 12))
    assert (second.op, second.amount, second.spare, second.region) == ("gain", -3, ("guitar",), first.region)
    assert "step back" in second.reason


@pytest.mark.parametrize("words", ["bring the drums in at bar 5", "let the drums come in at bar 5", "让鼓从第5小节进来"])
def test_what_is_there_already_enters_late(words: str) -> None:
    found = _only(words, STEMS)
    assert (found.op, found.targets, found.region) == ("mute_region", ("drums",), Region("bars", 1, 4))


def test_what_is_not_there_is_added() -> None:
    found = _only("bring the drums in at bar 5", ("piano",))
    assert (found.op, found.instrument, found.region) == ("add", "drums", Region("bars", 5))


@pytest.mark.parametrize("words", ["slow down gradually in the last two bars", "最后两小节渐慢"])
def test_slowing_by_and_by_is_one_step_in_a_recording(words: str) -> None:
    plan = read_edit(words)[0]
    (found,) = plan.operations
    assert (found.value, found.amount, found.region) == ("gradually", 0.8, Region("last_bars", 2))
    assert any("one step" in r for r in plan.remarks)


@pytest.mark.parametrize(
    ("words", "op", "targets", "value"),
    [
        ("swing it more", "dynamics", ("all",), "swing"), ("more swing", "dynamics", ("all",), "swing"),
        ("swing the drums", "dynamics", ("drums",), "swing"), ("摇摆感强一点", "dynamics", ("all",), "swing"),
        ("emphasise the chord in bar 4", "dynamics", ("chords",), "accent"),
        ("强调第4小节的和弦", "dynamics", ("chords",), "accent"),
        ("telephone", "effect", ("all",), "telephone"), ("change it from major to minor", "set_key", ("all",), "minor"),
        ("change the key to E flat minor", "set_key", ("all",), "Eb minor"),
        ("repeat the chorus once more", "extend", ("all",), ""),
    ],
)  # fmt: skip
def test_more_that_is_read(words: str, op: str, targets: tuple[str, ...], value: str) -> None:
    found = _only(words)
    assert (found.op, found.targets, found.value) == (op, targets, value)


@pytest.mark.parametrize(
    ("words", "target", "amount"),
    [
        ("double the volume of the bass", "bass", 6.0), ("halve the volume of the drums", "drums", -6.0),
        ("贝斯音量加倍", "bass", 6.0),
        ("副歌里贝斯大声一点，其他别动", "bass", 1.5), ("bass louder in the chorus, leave everything else alone", "bass", 3),
    ],
)  # fmt: skip
def test_levels(words: str, target: str, amount: float) -> None:
    found = _only(words)
    assert (found.op, found.targets, found.amount) == ("gain", (target,), amount)
