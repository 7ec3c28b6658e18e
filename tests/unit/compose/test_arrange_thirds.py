"""Given chords have their third where they start, in styles that comp off the beat or leave it out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from partimento.pipeline import compose_score, make_plan
from partimento.plan.request import GenerateRequest
from partimento.report.grid import PlanGrid
from partimento.report.harmony_checks import strict_chords
from partimento.report.score_checks import check_score


@pytest.mark.parametrize("style", ["reggae", "march", "salsa", "techno", "rock"])
def test_every_given_chord_is_complete_where_it_starts(style):
    request = GenerateRequest(f"{style} with drums", style=style, chords="C | Am7 D7/F# | Fm G7 | C", bars=8, seed=5)
    plan, score = make_plan(request), compose_score(request)
    found = strict_chords(plan, score, PlanGrid(plan))
    assert len(found) == 12
    assert all(chord.there for chord in found)
    assert not [f for f in check_score(plan, score) if f.verdict == "fail" and f.control.startswith("chord")]


def test_strictness_tells_a_late_third_from_one_in_time():
    request = GenerateRequest("reggae", style="reggae", chords="C | F | G | C", bars=4, seed=1)
    plan, score = make_plan(request), compose_score(request)
    start = score.chords[1].start
    for name in [t.name for t in score.tracks if not t.is_drum]:
        track = score.track(name)
        late = tuple(n for n in track.notes if not (abs(n.start - start) < 0.2 and n.pitch % 12 == 9))
        score = score.with_track(replace(track, notes=late))
    found = strict_chords(plan, score, PlanGrid(plan))
    assert [c.third for c in found] == [True, False, True, True]
    assert all(c.bass for c in found)


@pytest.mark.parametrize("style", ["blues", "salsa", "rock", "metal"])
def test_given_chords_have_root_and_third_on_nearly_every_beat(style):
    """Shuffles, montunos and power chords tell major from minor when the chords are the user's, not only where they start."""
    request = GenerateRequest(f"{style} with drums", style=style, chords="C | Am | Fm | G7", bars=8, seed=5)
    score = compose_score(request)
    comping = [n for t in score.tracks if t.role in ("chords", "pad", "bass") for n in t.notes]
    told = []
    for span in score.chords:
        for beat in range(int(span.start), int(span.end)):
            heard = {n.pitch % 12 for n in comping if n.start < beat + 0.9 and n.end > beat + 0.1}
            told.append({span.chord.root, span.chord.third} <= heard)
    assert len(told) == 32
    assert sum(told) >= 29


def test_own_harmony_keeps_the_patterns_of_the_style():
    """The montuno in bare octaves belongs to the composer's own chords: nobody has asked for those by name."""
    from partimento.compose.arrange.context import Context
    from partimento.compose.arrange.patterns import Pattern

    def names(request: GenerateRequest) -> set[str]:
        seen: set[str] = set()
        real = Context.pool

        def pool(self: Context, kind: str, *, shared: bool = False) -> list[Pattern]:
            found = real(self, kind, shared=shared)
            seen.update(p.name for p in found if kind == "chords" and not shared)
            return found

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Context, "pool", pool)
            compose_score(request)
        return seen

    own = names(GenerateRequest("salsa", style="salsa", bars=4, seed=1))
    given = names(GenerateRequest("salsa", style="salsa", chords="C | F | G | C", bars=4, seed=1))
    assert "montuno" in own
    assert "full montuno" in given
    assert not own & given
