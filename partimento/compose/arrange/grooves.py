"""Which groove plays in a bar, shared by the drums and by whoever locks to them."""

from __future__ import annotations

from partimento.compose.arrange.context import Context
from partimento.compose.arrange.patterns import Pattern, hits
from partimento.compose.frame import Bar


def groove(ctx: Context, bar: Bar) -> Pattern | None:
    """The groove of a bar's section; the same whether or not anyone plays it."""
    if not ctx.pool("drums"):
        return None
    return ctx.pattern("drums", "groove", bar)


def kicks(ctx: Context, bar: Bar) -> list[float]:
    """Bass drum strokes of a bar's groove, quarter notes from the bar's start."""
    pattern = groove(ctx, bar)
    if pattern is None or "kick" not in pattern.lanes:
        return []
    strokes = hits(pattern.lanes["kick"], pattern.metre, bar.metre, bar.in_section)
    return [h.at for h in strokes if h.at < bar.quarters and h.sign != "g"]
