"""A planned edit in words: where it applies, how much is done, and which controls a vague word moves."""

from __future__ import annotations

from dataclasses import replace

from partimento.plan.edit import EditOperation, Region

_ORDINALS = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", 6: "sixth", -1: "last", -2: "last but one"}
_SHARES = {(0.0, 0.5): "the first half", (0.5, 1.0): "the second half", (0.25, 0.75): "the middle",
           (0.0, 0.3333): "the first third", (0.6667, 1.0): "the last third", (0.75, 1.0): "the last quarter",
           (0.0, 0.25): "the first quarter"}  # fmt: skip
_ONCE_ONLY = frozenset({"intro", "outro", "bridge", "coda"})
"""Sections that a piece usually has once; of others without a number every one is meant."""
_HARD = 0.995


def place_text(op: EditOperation) -> str:
    """Where an operation applies; fades and lengths without a place are at an edge of the piece."""
    if op.region.kind == "all" and op.op == "fade":
        return "at the start" if op.value == "in" else "at the end"
    if op.region.kind == "all" and op.op in ("extend", "trim") and op.unit in ("bars", "s"):
        return "at the end"
    return where_text(op.region)


def where_text(region: Region) -> str:
    """A region for people: "the last chorus", "from 0:30 on", "bars 9 to 12", "everywhere"."""
    if region.kind == "section":
        return _section(region)
    if region.kind == "seconds":
        return _seconds(region.start or 0.0, region.end)
    if region.kind == "bars":
        return _bars(region.start or 1.0, region.end)
    if region.kind in ("first_bars", "last_bars"):
        return f"the {region.kind.removesuffix('_bars')} {_count(region.start or 1.0, 'bar', one='')}"
    if region.kind == "fraction":
        low, high = region.start or 0.0, 1.0 if region.end is None else region.end
        return _SHARES.get((round(low, 4), round(high, 4)), f"{100 * low:.0f} to {100 * high:.0f} % of the piece")
    return "everywhere" if region.kind == "all" else _beside(region)


def _beside(region: Region) -> str:
    """Places told by others."""
    if region.kind == "between":
        return "between " + " and ".join(where_text(other) for other in region.others)
    if region.kind == "except":
        if region.others:
            return "everywhere but " + ", ".join(where_text(other) for other in region.others)
        if region.name or not region.start:
            return f"everywhere but {_section(region)}"
        kind, start = ("last_bars", -region.start) if region.start < 0 else ("bars", region.start)
        return f"everywhere but {where_text(Region(kind, start, region.end))}"
    named = bool(region.name or region.which)
    place = _section(replace(region, which=region.which)) if region.which or not region.name else f"the {_plain(region.name)}"
    if region.kind == "before":
        if not named:
            return f"before bar {region.start:g}"
        if region.end or region.start:
            return f"the {_count(region.end or region.start or 1.0, 'beat' if region.end else 'bar', one='')} before {place}"
    if region.kind == "after" and not named:
        return f"after bar {region.start or 0.0:g}"
    words = {"from": f"from {place} on", "while": f"while {place} plays"}
    return words.get(region.kind, f"{region.kind} {place}")


def _section(region: Region) -> str:
    """A section, or all of its name."""
    name = _plain(region.name) or "section"
    if region.which:
        ordinal = _ORDINALS.get(region.which, f"{abs(region.which)}th{' last' if region.which < 0 else ''}")
        return f"the {ordinal} {name}"
    return f"the {name}" if name in _ONCE_ONLY else f"every {name}"


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _bars(start: float, end: float | None) -> str:
    if end is None:
        return f"from bar {start:g} on"
    return f"bar {start:g}" if start == end else f"bars {start:g} to {end:g}"


def _seconds(start: float, end: float | None) -> str:
    if start < 0:
        return f"the last {_count(-start, 'second', one='')}"
    if end is None:
        return f"from {clock(start)} on"
    return f"{clock(start)} to {clock(end)}"


def clock(seconds: float) -> str:
    """``0:30``, ``1:05.5``."""
    minutes, rest = divmod(round(seconds, 2), 60.0)
    whole = f"{rest:05.2f}".rstrip("0").rstrip(".")
    return f"{minutes:.0f}:{whole}"


def _count(n: float, unit: str, one: str = "1 ") -> str:
    """``4 bars``, ``1 bar`` (``bar`` with an empty ``one``)."""
    return f"{one}{unit}" if n == 1 else f"{n:g} {unit}s"


def amount_text(op: EditOperation) -> str:
    """How much an operation does, for people; empty where nothing was said of it."""
    said = {"set_tempo": _tempo, "pan": _side, "extend": _length, "trim": _length, "fade": _fade, "gain": _gain,
            "transpose": _interval}.get(op.op)  # fmt: skip
    if said is not None and (op.amount is not None or op.op in ("extend", "trim", "fade")):
        return said(op)
    value = f"{op.goes} → {op.value}" if op.goes else op.value
    value = value.replace("_", " ") if op.op in ("effect", "dynamics") else value
    if op.amount is None:
        return value
    how = f"at {100 * op.amount:g} % of the usual strength" if op.unit == "strength" else f"{op.amount:+g} {op.unit}".strip()
    return f"{value} {how}".strip()


def _tempo(op: EditOperation) -> str:
    amount = op.amount or 0.0
    gradually = "gradually " if op.value.startswith("gradual") else ""
    if op.unit == "bpm":
        return f"{gradually}to {amount:g} bpm"
    if op.unit == "bpm_change":
        return f"{gradually}{abs(amount):g} bpm {'faster' if amount > 0 else 'slower'}"
    if amount in (0.5, 2.0):
        return f"{gradually}{'half' if amount < 1 else 'double'} the tempo"
    return f"{gradually}{100 * abs(amount - 1):.3g} % {'faster' if amount > 1 else 'slower'}"


def _side(op: EditOperation) -> str:
    amount = op.amount or 0.0
    if not amount:
        return "to the middle"
    side = "right" if amount > 0 else "left"
    return f"hard {side}" if abs(amount) > _HARD else f"{100 * abs(amount):.3g} % {side}"


def _length(op: EditOperation) -> str:
    if op.amount is None:
        return "taken out" if op.op == "trim" else ""
    unit = {"s": "second", "bars": "bar"}.get(op.unit)
    if unit is None:
        times = {2.0: "played twice"}.get(op.amount, f"played {op.amount:g} times")
        return times if op.op == "extend" else f"to {100 * op.amount:.3g} % of its length"
    if op.value == "to":
        return f"to {_count(op.amount, unit)}"
    return f"{_count(op.amount, unit)} {'more' if op.op == 'extend' else 'less'}"


def _fade(op: EditOperation) -> str:
    over = "" if op.amount is None else f" over {_count(op.amount, {'s': 'second', 'bars': 'bar'}.get(op.unit, op.unit))}"
    return f"{op.value}{over}"


def _gain(op: EditOperation) -> str:
    amount = op.amount or 0.0
    if op.unit != "dB":
        return f"{amount:+g} {op.unit}".strip()
    return f"{abs(amount):g} dB {'louder' if amount > 0 else 'quieter'}"


def _interval(op: EditOperation) -> str:
    amount = op.amount or 0.0
    unit, n = ("octave", amount / 12) if op.unit == "semitones" and amount % 12 == 0 and amount else ("semitone", amount)
    return f"{_count(abs(n), unit)} {'up' if amount > 0 else 'down'}"
