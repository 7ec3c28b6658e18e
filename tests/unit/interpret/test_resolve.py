"""The whole plan: style, key, chords, mood, caption, priorities, errors."""

import pytest

from partimento.errors import PartimentoError
from partimento.interpret import make_plan
from partimento.interpret.key_choice import fitting_key
from partimento.plan.plan import Origin, Plan
from partimento.plan.request import GenerateRequest
from partimento.plan.serial import from_json, to_json
from partimento.score.chord_text import parse_chords


def _plan(words: str = "", **controls: object) -> Plan:
    return make_plan(GenerateRequest(words=words, **controls))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("words", "style", "origin"),
    [
        ("deep house", "house", Origin.SAID),
        ("lo-fi hip hop", "lofi", Origin.SAID),
        ("国风", "chinese", Origin.SAID),
        ("jazz house", "house", Origin.SAID),
        ("guzheng and erhu", "chinese", Origin.INFERRED),
        ("harpsichord", "baroque", Origin.INFERRED),
        ("music for meditation", "ambient", Origin.INFERRED),
        ("dramatic orchestra and choir", "cinematic", Origin.INFERRED),
        ("hello", "pop", Origin.DEFAULT),
    ],
)
def test_style(words: str, style: str, origin: Origin) -> None:
    plan = _plan(words)
    assert (plan.style.value, plan.style.origin) == (style, origin)


def test_the_users_label_is_kept() -> None:
    assert _plan("deep house").style_label == "deep house"


def test_given_style_beats_said() -> None:
    plan = _plan("a jazz tune", style="techno")
    assert (plan.style.value, plan.style.origin) == ("techno", Origin.GIVEN)
    assert [c.field for c in plan.conflicts] == ["style"]


@pytest.mark.parametrize(
    ("chords", "key"),
    [
        ("C | F | G | C", "C major"),
        ("Am | F | C | G", "A minor"),
        ("Am | Dm | E7 | Am", "A minor"),
        ("Dm7 | G7 | Cmaj7 | %", "C major"),
        ("Cm7 | F7 | Bbmaj7 | Ebmaj7 | Am7b5 | D7 | Gm", "G minor"),
        ("G | D | Em | C", "G major"),
        ("Fmaj7 | Em7 | Dm7 | Cmaj7", "C major"),
    ],
)
def test_key_fits_the_chords(chords: str, key: str) -> None:
    slots = [slot for bar in parse_chords(chords) for slot in bar]
    assert str(fitting_key([(s.chord, s.end - s.start) for s in slots if s.chord])) == key


def test_chords_given_and_said() -> None:
    given = _plan("pop", chords="Am | F | C | G")
    assert given.chords.origin is Origin.GIVEN
    assert given.chords.value is not None
    assert given.chords.value.loop
    assert given.chords.value.n_bars == 4
    assert (str(given.first_key), given.key.origin) == ("A minor", Origin.INFERRED)
    said = _plan("ii-V-I in Bb")
    assert said.chords.value is not None
    assert [c.chord.symbol for c in said.chords.value.chords if c.chord][:2] == ["Cm", "F"]
    assert [c.field for c in _plan("chords C G Am F", chords="Am | Dm").conflicts] == ["chords"]


def test_mode_follows_the_mood() -> None:
    assert _plan("sad pop").first_key.is_minor
    assert not _plan("happy pop").first_key.is_minor
    assert _plan("pop in a minor key").first_key.is_minor


def test_character_and_moods() -> None:
    plan = _plan("a calm, dark piece")
    assert plan.moods.value == ("calm", "dark")
    assert plan.moods.words == ("calm", "dark")
    assert plan.character.value.energy < 0.5
    assert plan.character.value.valence < 0.5
    assert _plan("swing feel pop").character.value.swing == 0.8


def test_dynamics_era_ending() -> None:
    plan = _plan("80s synthwave that builds up and fades out")
    assert plan.dynamics.value[0].level < plan.dynamics.value[-1].level
    assert plan.era.value == "1980s"
    assert (plan.ending.value, plan.ending.origin) == ("fade", Origin.SAID)


def test_unplayed_unknown_contradictions() -> None:
    plan = _plan("piano with rain sounds and zorbing. No drums. Then use drums.")
    assert [u.value for u in plan.unplayed] == ["sound_effects"]
    assert any("not played" in r for r in plan.remarks)
    assert "zorbing" in plan.unknown
    assert any(c.field == "instrument: drums" for c in plan.conflicts)


def test_caption_is_english_and_tells_the_plan() -> None:
    caption = _plan("古筝起头，笛子接着吹，没有人声，BPM 72").caption
    assert caption.isascii()
    for piece in ("guzheng", "72 bpm", "Instrumental", "4/4"):
        assert piece in caption


@pytest.mark.parametrize(
    "controls", [{"style": "polka-core"}, {"key": "H flat"}, {"metre": "5/7"}, {"chords": "Hm | Xyz"}, {"chords": "ii | V | I"}]
)
def test_bad_controls_raise_our_errors(controls: dict[str, str]) -> None:
    with pytest.raises(PartimentoError):
        _plan("pop", **controls)


def test_plans_are_the_same_every_time_and_travel_as_json() -> None:
    words = "epic orchestral trailer, starts with a lone cello, after 8 bars the brass comes in, ends with a huge choir"
    assert to_json(_plan(words)) == to_json(_plan(words))
    plan = _plan(words)
    assert from_json(to_json(plan), Plan) == plan


def test_controls_alone_are_enough() -> None:
    assert _plan(style="waltz").n_bars.value >= 1
    assert _plan(tempo_bpm=100.0).tempo.origin is Origin.GIVEN
