"""Long pieces: a later return of the main tune goes to another instrument, so that three minutes are not one colour."""

from __future__ import annotations

from dataclasses import replace

from partimento.plan.plan import BarRange, PartPlan
from partimento.score.instruments import instruments
from partimento.score.score import Section

LONG_S = 180.0
"""From this duration on returns are developed."""
_HARMONY = ("chords", "arpeggio", "pad")


def with_second_lead(parts: tuple[PartPlan, ...], sections: tuple[Section, ...], duration_s: float) -> tuple[PartPlan, ...]:
    """In a long piece the lead rests in one later return of its tune, and another part has a solo there.

    Args:
        parts: of the plan; returned unchanged when the piece is short, its tune returns less than twice, several parts
            lead already, or nobody else could.
        sections: the form.
        duration_s: of the piece.
    """
    leads = [p for p in parts if p.role == "melody"]
    if duration_s < LONG_S - 0.5 or len(leads) != 1 or leads[0].sketch is not None or leads[0].solo:
        return parts
    place = _later_return(sections)
    second = _able(parts, place) if place is not None else None
    if place is None or second is None:
        return parts
    bars = BarRange(place.start_bar, place.end_bar)
    rested = replace(leads[0], active=_without(leads[0].active, bars))
    if not rested.active:
        return parts
    changed = {leads[0].name: rested, second.name: replace(second, solo=(bars,), reason=second.reason or "leads one return")}
    return tuple(changed.get(p.name, p) for p in parts)


def _later_return(sections: tuple[Section, ...]) -> Section | None:
    """A section called solo; else the second return of the material that returns most."""
    solo = next((s for s in sections[1:] if s.name == "solo" and s.n_bars >= 4), None)
    if solo is not None:
        return solo
    rows: dict[str, list[Section]] = {}
    for section in sections:
        if section.n_bars >= 4:
            rows.setdefault(section.material, []).append(section)
    longest = max(rows.values(), key=lambda found: (len(found), sum(s.n_bars for s in found)), default=[])
    return longest[2] if len(longest) >= 3 else None


def _able(parts: tuple[PartPlan, ...], place: Section) -> PartPlan | None:
    """Who may lead there: a countermelody, else a chord player while others keep the harmony or the bass."""
    here = [
        p for p in parts if p.sketch is None and not p.solo and all(p.plays_in(b) for b in range(place.start_bar, place.end_bar))
    ]
    counters = [p for p in here if p.role == "counter"]
    harmony = [p for p in here if p.role in _HARMONY]
    poly = [p for p in harmony if instruments()[p.instrument].poly and p.role != "pad"]
    if counters:
        return counters[0]
    bass = any(p.role == "bass" for p in here)
    return poly[-1] if poly and (bass or len(harmony) >= 2) else None


def _without(active: tuple[BarRange, ...], bars: BarRange) -> tuple[BarRange, ...]:
    out: list[BarRange] = []
    for r in active:
        for start, end in ((r.start_bar, min(r.end_bar, bars.start_bar)), (max(r.start_bar, bars.end_bar), r.end_bar)):
            if end > start:
                out.append(BarRange(start, end))
    return tuple(out)
