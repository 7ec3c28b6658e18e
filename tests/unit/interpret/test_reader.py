"""Instruments with what is said of them, whole-piece words, noise, unknown words."""

import time

import pytest

from partimento.interpret import read


def _ids(text: str) -> list[str]:
    return [i.instrument for i in read(text).instruments]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("lazy jazz, saxophone solo over piano", ["saxophone", "piano"]),
        ("an electric guitar; the guitar has effects", ["electric_guitar"]),
        ("this guitar clip features an acoustic guitar", ["acoustic_guitar"]),
        ("a choir singing softly", ["choir"]),
        ("she sings", ["voice"]),
        ("a tuba plays the bass line", ["tuba"]),
        ("the bass is played on a tuba", ["tuba"]),
        ("a singing cello", ["cello"]),
        ("minor keys", []),
        ("the beat kicks in", []),
        ("a guitar effects pedal", []),
        ("It sounds like a bugle", []),
        ("accordion-like textures", []),
        ("instruments like a piano and strings", ["piano", "strings"]),
        ("I'd like a piano", ["piano"]),
        ("guitar, drum and bass", ["guitar", "drums", "bass"]),
        ("drum and bass", []),
        ("This song could be used in a film with drums", []),
        ("It can be heard with a flute", ["flute"]),
        ("music for a drama film with harp", ["harp"]),
        ("string quartet", ["violin", "viola", "cello"]),
        ("electronic drums", ["drums"]),
        ("像笛子一样的钢琴", ["piano"]),
        ("鼓励人心的钢琴", ["piano"]),
        ("口琴和钢琴", ["harmonica", "piano"]),
        ("slap贝斯", ["slap_bass"]),
        ("singing bowls", ["bells"]),
        ("floating vibes", []),
        ("vibes and marimba", ["vibraphone", "marimba"]),
    ],
)
def test_instruments(text: str, ids: list[str]) -> None:
    assert _ids(text) == ids


@pytest.mark.parametrize(
    ("text", "id_", "role", "solo", "count"),
    [
        ("saxophone solo over piano", "saxophone", "melody", True, 1),
        ("saxophone solo over piano", "piano", "chords", False, 1),
        ("solo flute", "flute", "melody", True, 1),
        ("two violins", "violin", "", False, 2),
        ("三把小提琴", "violin", "", False, 3),
        ("strummed acoustic guitar", "acoustic_guitar", "chords", False, 1),
        ("sustained strings", "strings", "pad", False, 1),
        ("the violin plays the melody", "violin", "melody", False, 1),
        ("arpeggiated piano", "piano", "arpeggio", False, 1),
        ("a melody on the flute", "flute", "melody", False, 1),
        ("flute accompanied by harp", "harp", "chords", False, 1),
        ("二胡独奏", "erhu", "melody", True, 1),
        ("吉他扫弦", "guitar", "chords", False, 1),
        ("古筝吹旋律", "guzheng", "melody", False, 1),
    ],
)
def test_roles_and_counts(text: str, id_: str, role: str, solo: bool, count: int) -> None:
    said = next(i for i in read(text).instruments if i.instrument == id_)
    assert (said.role, said.solo, said.count) == (role, solo, count)


def test_stand_ins_and_unplayed_things() -> None:
    assert [(i.instrument, i.stand_in) for i in read("a shofar").instruments] == [("french_horn", "shofar")]
    assert [u.value for u in read("piano with rain sounds").unplayed] == ["sound_effects"]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("slow piano", "slow"),
        ("the tempo is medium", "medium"),
        ("not too fast", "medium"),
        ("a fast tempo", "fast"),
        ("andante", "medium"),
        ("极慢", "very_slow"),
        ("节奏要快", "fast"),
        ("慢板", "slow"),
        ("慢慢进来", None),
        ("slowly fading in", None),
        ("an upbeat song", None),
        ("medium fast tempo", "medium"),
        ("欢快", None),
        ("played quickly fading", None),
    ],
)
def test_tempo_words(text: str, word: str | None) -> None:
    tempo = read(text).tempo
    assert (tempo.word if tempo else None) == word


def test_the_number_and_the_word_stand_together() -> None:
    tempo = read("快节奏，每分钟160拍").tempo
    assert tempo is not None
    assert (tempo.bpm, tempo.word) == (160.0, "fast")


@pytest.mark.parametrize(
    ("text", "field", "values"),
    [
        ("a calm but dark piece", "moods", ["calm", "dark"]),
        ("not sad", "moods", []),
        ("不要太悲伤", "moods", []),
        ("80s synth pop", "eras", ["1980s"]),
        ("starts softly and builds up", "dynamics", ["soft_start", "up"]),
        ("very loud", "dynamics", ["level 0.92"]),
        ("渐强", "dynamics", ["up"]),
    ],
)
def test_whole_piece_words(text: str, field: str, values: list[str]) -> None:
    assert [said.value for said in getattr(read(text), field)] == values


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("AABA please", "AABA"),
        ("verse, chorus, verse", "verse chorus verse"),
        ("intro then drop", "intro drop"),
        ("主歌、副歌、主歌", "verse chorus verse"),
        ("no drums until the chorus, verse, chorus", "verse chorus"),
        ("ABBA is a band in C", "ABBA"),
        ("the DAB", None),
        ("drums drop out", None),
    ],
)
def test_form(text: str, form: str | None) -> None:
    said = read(text).form
    assert (said.value if said else None) == form


@pytest.mark.parametrize(
    ("text", "ending"),
    [("it fades out", "fade"), ("a seamless loop", "loop"), ("无缝循环", "loop"), ("淡出", "fade"), ("piano", None)],
)
def test_ending(text: str, ending: str | None) -> None:
    said = read(text).ending
    assert (said.value if said else None) == ending


def test_a_correction_takes_back_the_style() -> None:
    assert [s.style for s in read("a rock song, no wait, make it jazz").styles] == ["jazz"]


def test_unknown_lists_content_words_only() -> None:
    assert read("Please make me a calm piano piece with some quizzaciously zorbing strings").unknown == (
        "quizzaciously",
        "zorbing",
    )
    assert read("帮我写一段温柔的钢琴曲，慢一点，不要鼓，30秒左右就行").unknown == ()
    assert read("赑屃风格的钢琴").unknown == ("赑屃",)


def test_uses_are_hints() -> None:
    assert "yoga" in read("music for a yoga class").uses


def test_reading_is_quick() -> None:
    text = "Calm piano and strings, then drums enter after 8 bars; no vocals, 90 bpm in A minor, builds to a loud ending. " * 4
    taken = []
    for end in ("one", "two", "three", "four"):  # the first one also reads the lexicon
        begin = time.process_time()
        read(text + end)
        taken.append(time.process_time() - begin)
    assert min(taken) < 0.2  # about 0.01 s on an idle core; a slip into quadratic time is seconds
