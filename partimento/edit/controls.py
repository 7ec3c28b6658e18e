"""What a vague word comes to before anything is measured: the controls it moves, with their bounds."""

from __future__ import annotations

from typing import Any

from partimento.plan.edit import EditOperation

_UNITS = {"hz": "Hz", "db": "dB", "s": "s", "cents": "cents"}
_WAYS = {
    "swing": "off-beat eighths later, to {0:g}:1 (2:1 is the triplet feel), drums too",
    "straight": "off-beat eighths halfway between the beats",
    "laid_back": "melodic parts some 20 ms later than the drums",
    "pushed": "melodic parts some 20 ms earlier than the drums",
    "sparser": "fewer strokes and notes between the beats",
    "busier": "more strokes and notes between the beats",
    "build_up": "velocities grow from bar to bar, with a snare roll",
    "accent": "velocities of the accented notes up, octaves added to chords",
    "held": "the last notes sound longer at the same tempo",
}
"""Ways of playing that do more than change note by note; the rest is asked of the shapes themselves."""


def controls_text(op: EditOperation) -> tuple[str, ...]:
    """The concrete controls of a vague operation, one line each; empty for operations that say themselves what they do.

    Sounds: each effect of the table with the amount that it has at most; how far towards it is found by measuring.
    Playing: what happens to notes on and off the beat at the strength that was said.
    """
    if op.op == "effect":
        return _sound(op)
    return _playing(op) if op.op == "dynamics" else ()


def _sound(op: EditOperation) -> tuple[str, ...]:
    from partimento.edit.intents import MAX_STRENGTH, MEASURES, intents
    from partimento.edit.registry import IN_NOTES
    from partimento.edit.score_dynamics import way_of

    id_ = way_of(op.value)
    if id_ in IN_NOTES:
        jazz = "sevenths in the chords, swinging eighths" if id_ == "jazzier" else "triads for seventh chords, straight eighths"
        return (jazz,)
    intent = intents().get(id_)
    if intent is None:
        return ()
    strength = min(max(1.0 if op.amount is None else op.amount, 0.1), MAX_STRENGTH)
    label, unit, _ = MEASURES[intent.measure]
    wanted = f"until {label} has moved by up to {intent.change * strength:+.3g} {unit}".rstrip()
    return (*(_step(row, max(1.0, strength)) for row in intent.steps), wanted)


def _step(row: dict[str, Any], at: float) -> str:
    """An effect with its parameters at most."""
    fixed, moving = [], []
    for key, value in row.items():
        if key in ("effect", "spare"):
            continue
        stem, _, unit = key.rpartition("_")
        name, shown = (stem, _UNITS[unit]) if unit in _UNITS else (key, "")
        if isinstance(value, list):
            sign = "+" if unit == "db" and "gain" in key else ""
            most = value[0] + (value[1] - value[0]) * at
            start = "" if not value[0] and unit == "db" else f"{value[0]:g} to "
            moving.append(f"{_name(name)}{start or 'up to '}{round(most, 2):{sign}g} {shown}".rstrip())
        else:
            where = f"at {value:g} Hz" if key == "frequency_hz" else ""
            fixed.append(where or f"{name.replace('_', ' ')} {value:g} {shown}".rstrip())
    spared = f" (not for {', '.join(row['spare'])})" if row.get("spare") else ""
    return f"{row['effect'].replace('_', ' ')} {', '.join([*moving, *fixed]).replace(', at ', ' at ')}{spared}"


def _name(name: str) -> str:
    """A parameter's name before its amount; a gain needs none."""
    return "" if name == "gain" else f"{name.replace('_', ' ')} "


def _playing(op: EditOperation) -> tuple[str, ...]:
    from partimento.edit.score_dynamics import SHAPES, Stretch, way_of
    from partimento.edit.score_swing import MAX_RATIO
    from partimento.score.score import Note

    value = way_of(op.value)
    strength = op.amount if op.amount is not None else 1.0
    if value in _WAYS:
        return (_WAYS[value].format(min(max(1.0 + strength, 1.1), MAX_RATIO)),)
    shape = SHAPES.get(value)
    if shape is None:
        return ()
    at = Stretch(strength, mean=70.0, start=0.0, length=16.0, gap=4.0, may_thin=True)
    places = {"at the start": 0.0, "on the beat": 8.0, "off the beat": 8.5, "on sixteenths": 8.25, "at the end": 15.0}
    changed = {}
    for place, start in places.items():
        old = Note(start, 0.5, 60, 70)
        new = shape(old, at)
        changed[place] = _left_out(start) if new is None else _difference(old, new)
    if value in ("expressive", "more_expressive", "even"):
        wider = "smaller" if value == "even" else "larger"
        share = min(0.8, 0.6 * strength) if value == "even" else 0.6 * strength
        return (f"differences of velocity {100 * share:.3g} % {wider}",)
    if len(set(changed.values())) == 1:
        return (changed["on the beat"],) if changed["on the beat"] else ()
    if changed["at the start"] == changed["at the end"] == changed["on the beat"]:  # no course along the region
        del changed["at the start"], changed["at the end"]
    else:
        del changed["off the beat"], changed["on sixteenths"]
        changed["halfway"] = changed.pop("on the beat") or "as before"
    if changed.get("on sixteenths") == changed.get("off the beat"):
        changed.pop("on sixteenths", None)
    return ("; ".join(f"{text} {place}" for place, text in changed.items() if text),)


def _left_out(start: float) -> str:
    """What happens to a note that is not played any more: only small ones of some roles, or all at the start of a drop."""
    from partimento.edit.score_dynamics import THINNED

    return "silence" if start == 0.0 else f"left out ({', '.join(THINNED)})"


def _difference(old: Any, new: Any) -> str:
    """What happens to a note."""
    parts = [f"velocity {new.velocity - old.velocity:+d}"] if new.velocity != old.velocity else []
    if abs(new.duration - old.duration) > 1e-6:
        share = new.duration / old.duration - 1
        parts.append(f"notes {100 * abs(share):.0f} % {'longer' if share > 0 else 'shorter'}")
    return ", ".join(parts)
