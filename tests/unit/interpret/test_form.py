"""Forms fitted to bars."""

import pytest

from partimento.interpret import make_plan
from partimento.interpret.form import fit
from partimento.plan.plan import Origin
from partimento.plan.request import GenerateRequest
from partimento.styles import style, style_ids


@pytest.mark.parametrize("id_", style_ids())
def test_every_template_fits_any_length(id_: str) -> None:
    for form in style(id_).forms:
        for n in (1, 2, 3, 7, 12, 23, 64):
            sections = fit(form, n)
            assert sum(s.n_bars for s in sections) == n
            assert all(s.n_bars >= 1 for s in sections)


def test_fringe_stays_shorter_than_the_body() -> None:
    sections = fit(style("jazz").forms[2], 23)
    assert sections[0].name == "intro"
    assert sections[0].n_bars <= min(s.n_bars for s in sections[1:])


def _names(words: str, **controls: object) -> list[str]:
    plan = make_plan(GenerateRequest(words=words, **controls))  # type: ignore[arg-type]
    return [s.name for s in plan.sections.value]


def test_said_forms() -> None:
    plan = make_plan(GenerateRequest(words="AABA jazz tune"))
    assert [s.material for s in plan.sections.value] == ["a", "a", "b", "a"]
    assert (plan.n_bars.value, plan.sections.origin, plan.sections.words) == (32, Origin.SAID, ("AABA",))
    assert _names("verse, chorus, verse, chorus") == ["verse", "chorus", "verse", "chorus"]
    assert _names("12-bar blues", bars=24) == ["chorus", "chorus"]


def test_named_sections_are_added() -> None:
    assert "bridge" in _names("pop with a guitar solo in the bridge", bars=32)


def test_long_pieces_repeat_the_body() -> None:
    assert len(_names("pop", duration_s=300)) > 6


def test_dynamics_shape_the_energy() -> None:
    plain = make_plan(GenerateRequest(words="rock", bars=16)).sections.value
    built = make_plan(GenerateRequest(words="rock, builds to a loud ending", bars=16)).sections.value
    assert built[0].energy < plain[0].energy
    assert built[-1].energy >= plain[-1].energy
