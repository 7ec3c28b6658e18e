"""``partimento plan``: how words are understood: field, value, origin, and the words it came from."""

from __future__ import annotations

import argparse

from partimento.cli.request_options import add_request_options, request_from
from partimento.plan.plan import BarRange, Plan
from partimento.tables import text_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_request_options(parser, sound=False)
    parser.add_argument("--styles", action="store_true", help="list the styles instead")


def run(args: argparse.Namespace) -> int:
    """Print the plan; returns the exit code."""
    if args.styles:
        from partimento.styles import style, style_ids

        rows = [(s.id, s.en, s.zh, f"{s.tempo[0]:g}-{s.tempo[2]:g}", s.metres[0]) for s in map(style, style_ids())]
        print(text_table(("id", "style", "风格", "bpm", "metre"), rows))
        return 0
    from partimento.pipeline import make_plan
    from partimento.plan.serial import to_json

    plan = make_plan(request_from(args))
    print(to_json(plan) if args.json else plan_table(plan))
    return 0


def plan_table(plan: Plan) -> str:
    """The plan as text: one line per field, then conflicts, remarks and what was not understood."""
    rows = [(name, value, origin, ", ".join(words) or reason) for name, value, origin, words, reason in plan_rows(plan)]
    lines = [plan.caption, "", text_table(("field", "value", "origin", "from"), rows)]
    lines += [f"conflict: {c.field}: kept {c.kept}, dropped {c.dropped} ({c.reason})" for c in plan.conflicts]
    lines += [f"note: {remark}" for remark in plan.remarks]
    if plan.unknown:
        lines.append(f"not understood: {', '.join(plan.unknown)}")
    return "\n".join(lines)


def plan_rows(plan: Plan) -> list[tuple[str, str, str, tuple[str, ...], str]]:
    """Field, value, origin, words, reason for everything that the plan decides."""
    rows = []

    def row(name: str, text: str, source: object) -> None:
        rows.append((name, text, str(source.origin), source.words, source.reason))  # type: ignore[attr-defined]

    label = f" ({plan.style_label})" if plan.style_label and plan.style_label != plan.style.value else ""
    row("style", plan.style.value + label, plan.style)
    if plan.moods.value:
        row("mood", ", ".join(plan.moods.value), plan.moods)
    if plan.era.value:
        row("era", plan.era.value, plan.era)
    row("tempo", "; ".join(f"{t.bpm:g} bpm" + _from_bar(t.bar) for t in plan.tempo.value), plan.tempo)
    row("key", "; ".join(f"{k.key}" + _from_bar(k.bar) for k in plan.key.value), plan.key)
    row("metre", "; ".join(f"{m.metre}" + _from_bar(m.bar) for m in plan.metre.value), plan.metre)
    row("bars", str(plan.n_bars.value), plan.n_bars)
    row("duration", f"{plan.duration_s.value:.2f} s", plan.duration_s)
    lane = plan.chords.value
    if lane is not None:
        names = " ".join(c.chord.symbol if c.chord else "N.C." for c in lane.chords[:16])
        row("chords", names + (" …" if len(lane.chords) > 16 else ""), plan.chords)
    form = " ".join(f"{s.name}[{s.start_bar + 1}-{s.end_bar}]" for s in plan.sections.value)
    row("form", form, plan.sections)
    row("dynamics", " ".join(f"{d.level:.2f}@{d.bar:g}" for d in plan.dynamics.value), plan.dynamics)
    for part in plan.parts:
        bars = "all bars" if part.active == (BarRange(0, plan.n_bars.value),) else _ranges(part.active)
        like = "" if part.instrument == part.name else f" [{part.instrument}]"
        rows.append((f"part: {part.name}", f"{part.role}{like}, {bars}", str(part.origin), part.words, part.reason))
    for absent in plan.absent:
        row(f"absent: {absent.value}", "must not play", absent)
    for missing in plan.unplayed:
        row(f"unplayed: {missing.value}", "no instrument here plays it", missing)
    rows.extend(("order", f"{order.first} before {order.then}", "said", order.words, "") for order in plan.orders)
    row("ending", plan.ending.value, plan.ending)
    return rows


def _from_bar(bar: float) -> str:
    """ " from bar N" in 1-based bars, nothing for the start."""
    return f" from bar {bar + 1:g}" if bar else ""


def _ranges(ranges: tuple[BarRange, ...]) -> str:
    """Bars as people count them."""
    return "bars " + ", ".join(f"{r.start_bar + 1}-{r.end_bar}" for r in ranges)
