"""Wishes as a new user words them: each sentence with what the plan must say."""

from __future__ import annotations

import numpy as np
import pytest

from partimento.interpret.absence import keys_left_out
from partimento.interpret.resolve import make_plan
from partimento.plan.plan import Plan
from partimento.plan.request import GenerateRequest


def plan_of(words: str) -> Plan:
    return make_plan(GenerateRequest(words=words))


def bars_of(plan: Plan, instrument: str) -> list[int]:
    """1-based bars in which an instrument plays."""
    part = next(p for p in plan.parts if p.instrument == instrument)
    return [bar + 1 for bar in range(plan.n_bars.value) if part.plays_in(bar)]


@pytest.mark.parametrize("words", ["two saxophones and drums", "trombones and xylophones", "gramophones, one song"])
def test_an_end_of_a_word_is_no_length(words: str) -> None:
    assert plan_of(words).duration_s.value == 30.0


def test_a_length_with_a_unit_is_still_read() -> None:
    assert plan_of("piano, one minute").duration_s.value == 60.0
    assert plan_of("piano, 45s").duration_s.value == 45.0


@pytest.mark.parametrize("name", ["stringed instruments", "string instruments", "low strings", "bowed strings"])
def test_names_of_the_string_family(name: str) -> None:
    plan = plan_of(f"{name}, then brass, 40 s")
    assert {p.instrument for p in plan.parts} >= {"strings", "brass"}
    assert [(o.first, o.then) for o in plan.orders] == [("strings", "brass")]


@pytest.mark.parametrize(
    "words",
    [
        "drums don't play in the intro, rock",
        "no drums in the intro, rock",
        "rock, drums stay silent for the first 4 bars",
        "鼓不要在开头出现，摇滚",
        "摇滚，前四小节不要鼓",
        "鼓在前四小节不演奏，摇滚",
    ],
)
def test_silent_at_first_enters_behind_the_opening(words: str) -> None:
    plan = plan_of(words)
    assert bars_of(plan, "drums") == list(range(5, plan.n_bars.value + 1))
    assert bars_of(plan, "bass")[0] == 1
    assert not plan.absent


def test_silent_in_the_chorus_pauses_there_only() -> None:
    plan = plan_of("verse chorus verse, rock, the drums don't play in the chorus")
    chorus = next(s for s in plan.sections.value if s.name == "chorus")
    inside = set(range(chorus.start_bar + 1, chorus.end_bar + 1))
    assert set(bars_of(plan, "drums")) == set(range(1, plan.n_bars.value + 1)) - inside


@pytest.mark.parametrize(
    "words",
    [
        "verse chorus verse chorus, rock band, drums only in the chorus",
        "drums only in the chorus, verse chorus verse chorus",
        "rock, verse chorus verse chorus, the drums play only in the chorus",
        "摇滚，主歌副歌主歌副歌，鼓只在副歌出现",
    ],
)
def test_only_in_the_chorus_leaves_the_band_around(words: str) -> None:
    plan = plan_of(words)
    inside = {b + 1 for s in plan.sections.value if s.name == "chorus" for b in range(s.start_bar, s.end_bar)}
    assert set(bars_of(plan, "drums")) == inside
    assert bars_of(plan, "bass") == list(range(1, plan.n_bars.value + 1))
    assert any(p.role == "melody" for p in plan.parts)


def test_a_said_member_takes_no_place_in_its_own_band() -> None:
    assert "electric_guitar" in {p.instrument for p in plan_of("rock band, the drums are loud").parts}


def test_what_is_excepted_stays_out_of_an_ensemble() -> None:
    plan = plan_of("everything except drums: jazz trio")
    assert {p.instrument for p in plan.parts} == {"piano", "double_bass"}
    assert [a.value for a in plan.absent] == ["drums"]


def test_a_family_with_an_exception() -> None:
    plan = plan_of("no brass except trumpet, big band")
    played = {p.instrument for p in plan.parts}
    assert "trumpet" in played
    assert not played & {"trombone", "brass", "tuba", "french_horn"}
    absent = {a.value for a in plan.absent}
    assert {"trombone", "tuba", "french_horn"} <= absent
    assert "trumpet" not in absent


@pytest.mark.parametrize(
    ("words", "piece", "keys"),
    [
        ("hip hop beat with no hi-hat", "hi_hat", {42, 44, 46}),
        ("rock with no snare", "snare", {37, 38, 40}),
        ("rock band, no cymbals", "cymbals", {49, 51, 57}),
        ("摇滚，不要镲", "cymbals", {49, 51, 57}),
    ],
)
def test_a_kit_plays_on_without_one_piece(words: str, piece: str, keys: set[int]) -> None:
    plan = plan_of(words)
    assert [a.value for a in plan.absent] == [piece]
    assert any(p.role == "drums" for p in plan.parts)
    assert keys <= keys_left_out([piece])


def test_the_kit_without_hi_hat_is_played_without_it() -> None:
    from partimento.compose.composer import compose

    score = compose(plan_of("rock with no hi-hat, 8 bars"), np.random.default_rng(1))
    drums = next(t for t in score.tracks if t.is_drum and t.role == "drums")
    assert drums.notes
    assert not {n.pitch for n in drums.notes} & keys_left_out(["hi_hat"])


@pytest.mark.parametrize(
    ("words", "louder"),
    [
        ("loud at the start, quiet at the end", False),
        ("start loud, get quieter", False),
        ("soft strings, then loud brass", True),
        ("starts calm and ends energetic", True),
        ("先安静，后激烈", True),
    ],
)
def test_loudness_follows_start_and_end_words(words: str, louder: bool) -> None:
    lane = plan_of(words).dynamics.value
    assert len(lane) > 1
    assert (lane[-1].level > lane[0].level + 0.15) == louder
    assert (lane[-1].level < lane[0].level - 0.15) != louder


def test_one_level_makes_no_course() -> None:
    assert len({p.level for p in plan_of("loud rock, then drums enter").dynamics.value}) == 1


@pytest.mark.parametrize(
    ("words", "quote"),
    [
        ("jazz, 10000 bpm", "10000 bpm (a tempo is 20 to 400 bpm)"),
        ("piano in 7/9", "7/9 ("),
        ("piano, chords Hx Zm", "Hx (no chord)"),
        ("piano, key of Z", "key of Z ("),
        ("ABA form with middle section in the minor, piano", "middle section in the minor ("),
    ],
)
def test_what_cannot_be_kept_is_listed_with_the_reason(words: str, quote: str) -> None:
    assert any(quote in u for u in plan_of(words).unknown)


@pytest.mark.parametrize("words", ["piano, chords Am F C G, 120 bpm, 7/8", "key of G, practice 24/7", "jazz in D minor, 90 bpm"])
def test_what_can_be_kept_is_not_refused(words: str) -> None:
    assert not any("(" in u for u in plan_of(words).unknown)


@pytest.mark.parametrize(
    ("words", "bpm"),
    [
        ("jazz between 100 and 110 bpm", 105.0),
        ("half the tempo of 120 bpm, piano", 60.0),
        ("piano, twice the speed of 60 bpm", 120.0),
        ("eighth note = 120, 6/8, piano", 60.0),
        ("dotted quarter = 80, 6/8, piano", 120.0),
        ("piano in 6/8, 60 bpm", 90.0),
        ("half time feel, 140 bpm trap", 140.0),
    ],
)
def test_tempi_that_have_to_be_worked_out(words: str, bpm: float) -> None:
    assert plan_of(words).tempo_bpm == pytest.approx(bpm)


@pytest.mark.parametrize(
    ("words", "players"),
    [
        ("flute duet", ["flute", "flute"]),
        ("长笛二重奏", ["flute", "flute"]),
        ("first flute, second flute and oboe", ["flute", "flute", "oboe"]),
        ("第一长笛、第二长笛和双簧管", ["flute", "flute", "oboe"]),
    ],
)
def test_two_players_of_one_instrument(words: str, players: list[str]) -> None:
    assert sorted(p.instrument for p in plan_of(words).parts) == players


@pytest.mark.parametrize(
    ("words", "bars", "later"),
    [
        ("4 bars piano alone then full band", 4, "bass"),
        ("8 bars of solo piano alone, then the drums enter, rock", 8, "drums"),
    ],
)
def test_bars_of_an_opening_are_not_the_length_of_the_piece(words: str, bars: int, later: str) -> None:
    plan = plan_of(words)
    assert plan.duration_s.value == 30.0
    assert plan.sections.value[0].n_bars == bars
    assert sum(s.n_bars for s in plan.sections.value) == plan.n_bars.value
    assert bars_of(plan, later)[0] == bars + 1
    assert {p.instrument for p in plan.parts if p.plays_in(0)} == {"piano"}
