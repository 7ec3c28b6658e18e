"""Who plays, in which role, and when."""

import pytest

from partimento.interpret import make_plan
from partimento.interpret.absence import excludes
from partimento.interpret.parts import possible_role
from partimento.plan.plan import Origin, Plan
from partimento.plan.request import GenerateRequest
from partimento.score.instruments import instrument


def _plan(words: str, **controls: object) -> Plan:
    return make_plan(GenerateRequest(words=words, **controls))  # type: ignore[arg-type]


def _parts(words: str) -> dict[str, str]:
    return {p.name: p.role for p in _plan(words).parts}


def test_a_lone_instrument_stays_alone() -> None:
    assert _parts("solo piano") == {"piano": "melody", "piano accompaniment": "chords"}
    assert set(_parts("a calm harp piece")) == {"harp", "harp accompaniment"}
    assert set(_parts("solo violin")) == {"violin"}


def test_no_drums_without_a_style_that_calls_for_them() -> None:
    plan = _plan("piano and strings")
    assert {p.instrument for p in plan.parts} == {"piano", "strings"}
    assert all(p.origin is Origin.SAID for p in plan.parts)


def test_a_said_style_completes_the_ensemble() -> None:
    plan = _plan("lazy jazz, saxophone solo over piano")
    assert {p.instrument: p.origin for p in plan.parts} == {
        "saxophone": Origin.SAID,
        "piano": Origin.SAID,
        "double_bass": Origin.INFERRED,
        "drums": Origin.INFERRED,
    }
    assert plan.part("saxophone").solo
    assert (plan.part("saxophone").role, plan.part("piano").role) == ("melody", "chords")


def test_ensemble_words() -> None:
    assert [p.instrument for p in _plan("string quartet").parts] == ["violin", "violin", "viola", "cello"]
    assert _plan("string quartet").part("cello").role == "bass"
    assert {p.instrument for p in _plan("jazz trio with sax").parts} == {"saxophone", "double_bass", "drums"}
    assert {p.instrument for p in _plan("a rock power trio").parts} == {"electric_guitar", "bass", "drums"}
    assert len({p.instrument for p in _plan("a jazz duo").parts}) == 2


def test_counts_make_players() -> None:
    assert [p.name for p in _plan("three trumpets and a tuba, nothing else").parts if p.instrument == "trumpet"] == [
        "trumpet",
        "trumpet 2",
        "trumpet 3",
    ]


@pytest.mark.parametrize(
    ("words", "absent"),
    [
        ("rock without guitars", "guitar"),
        ("pop, no drums", "drums"),
        ("jazz, no bass", "bass"),
        ("salsa without percussion", "percussion"),
        ("reggae, instrumental", "voice"),
        ("synthwave without synths", "synth"),
        ("classical, no strings", "strings"),
        ("salsa, no brass", "brass"),
    ],
)
def test_nothing_absent_is_present(words: str, absent: str) -> None:
    plan = _plan(words)
    assert absent in {a.value for a in plan.absent}
    assert not any(excludes(absent, p.instrument, p.role) for p in plan.parts)
    assert any(p.role == "melody" for p in plan.parts)


def test_only_what_was_said() -> None:
    assert {p.instrument for p in _plan("a jazz piece, only piano").parts} == {"piano"}
    assert {p.instrument for p in _plan("a cappella pop").parts} == {"voice", "choir"}


def test_negative_control_beats_words() -> None:
    plan = _plan("piano and drums", negative="drums, low quality")
    assert {p.instrument for p in plan.parts} == {"piano"}
    assert any(c.field == "instrument: drums" for c in plan.conflicts)
    assert any("low quality" in r for r in plan.remarks)


def test_adjectives_choose_the_patch() -> None:
    assert _plan("a muted trumpet and a slapped bass, jazz").part("muted trumpet")
    assert "distorted guitar" in _parts("a distorted electric guitar with drums")
    assert next(p for p in _plan("808 bass and drums").parts if p.role == "bass").program == 38


def test_at_most_twelve() -> None:
    words = "violin, viola, cello, flute, oboe, clarinet, bassoon, horns, trumpet, trombone, tuba, harp, timpani, piano, choir"
    plan = _plan(words)
    assert len(plan.parts) == 12
    assert any("at most 12" in r for r in plan.remarks)


def test_remarks_on_voices_and_stand_ins() -> None:
    plan = _plan("a choir, erhu and a shofar")
    assert any("no words are sung" in r for r in plan.remarks)
    assert any(r.startswith("erhu") for r in plan.remarks)
    assert any("shofar" in r for r in plan.remarks)
    assert next(p for p in plan.parts if p.instrument == "french_horn").origin is Origin.INFERRED


@pytest.mark.parametrize(
    ("id_", "role", "possible"),
    [
        ("drums", "melody", "drums"),
        ("flute", "chords", "counter"),
        ("piano", "pad", "chords"),
        ("cello", "bass", "bass"),
        ("flute", "bass", "counter"),
        ("bass", "chords", "bass"),
        ("strings", "pad", "pad"),
        ("timpani", "bass", "percussion"),
    ],
)
def test_possible_roles(id_: str, role: str, possible: str) -> None:
    assert possible_role(instrument(id_), role) == possible


def _spans(plan: Plan, instrument_id: str) -> list[tuple[int, int]]:
    return [(r.start_bar, r.end_bar) for p in plan.parts if p.instrument == instrument_id for r in p.active][:1]


def test_entries_follow_the_words() -> None:
    plan = _plan("starts with piano, then drums enter, and halfway the choir joins", bars=16)
    assert _spans(plan, "piano") == [(0, 16)]
    (drums, _), (choir, _) = _spans(plan, "drums")[0], _spans(plan, "choir")[0]
    assert 0 < drums < choir
    assert [(o.first, o.then) for o in plan.orders] == [("piano", "drums"), ("drums", "choir")]


def test_said_bars_are_exact() -> None:
    assert _spans(_plan("piano; after 6 bars the bass comes in", bars=16), "bass") == [(6, 16)]
    assert _spans(_plan("piano and drums, drums drop out in the last 4 bars", bars=16), "drums") == [(0, 12)]


def test_alone_at_the_end() -> None:
    plan = _plan("钢琴和弦乐，最后只剩口琴", bars=16)
    start = _spans(plan, "harmonica")[0][0]
    assert 8 <= start < 16
    assert all(p.active[-1].end_bar <= start for p in plan.parts if p.instrument != "harmonica")


def test_sections_as_places() -> None:
    plan = _plan("pop with piano and drums, strings in the chorus", bars=24)
    chorus = [s for s in plan.sections.value if s.name == "chorus"]
    strings = next(p for p in plan.parts if p.instrument == "strings")
    assert [(r.start_bar, r.end_bar) for r in strings.active] == [(s.start_bar, s.end_bar) for s in chorus]
    solo = next(p for p in _plan("rock, guitar solo in the bridge", bars=32).parts if p.solo)
    assert len(solo.solo) == 1


def test_somebody_plays_in_the_first_bar() -> None:
    plan = _plan("after 4 bars the flute comes in", bars=8)
    assert any(p.active[0].start_bar == 0 for p in plan.parts)
