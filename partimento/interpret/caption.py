"""The plan in one English sentence or two: what a text-conditioned model is given."""

from __future__ import annotations

from dataclasses import replace

from partimento.plan.plan import Order, Origin, PartPlan, Plan
from partimento.score.instruments import english_name
from partimento.styles import style

_ROLE_WORDS = {
    "melody": "melody",
    "bass": "",
    "drums": "",
    "percussion": "",
    "chords": "chords",
    "pad": "",
    "arpeggio": "arpeggios",
    "counter": "",
}
_MAX_MOODS = 4


def _a(word: str) -> str:
    return f"an {word}" if word[:1].lower() in "aeiou8" else f"a {word}"


def _thing(id_: str) -> str:
    """English name of an instrument, role or unplayed thing."""
    return "everything else" if id_ == "*" else english_name(id_)


def _part(part: PartPlan) -> str:
    name = _thing(part.instrument)
    words = [w for w in part.style_words if w.isascii() and w.lower() not in ("solo", "melody", "chords", "lead")][:2]
    name = " ".join([*words, name])
    if part.solo:
        return f"{name} solo"
    role = _ROLE_WORDS.get(part.role, "")
    return f"{name} {role}".strip() if part.role == "melody" and not name.startswith(("voice", "choir")) else name


def _list(items: list[str]) -> str:
    items = list(dict.fromkeys(items))
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]


def learned_caption(plan: Plan) -> str:
    """The canonical caption with the style's own name, which is what training data say ("swing" is jazz)."""
    return caption_of(replace(plan, style_label=""))


def caption_of(plan: Plan) -> str:
    """Canonical English caption: mood, era, style, tempo, metre, key, instruments, order, dynamics, absences."""
    moods = [m.replace("_", " ") for m in plan.moods.value[:_MAX_MOODS]]
    label = plan.style_label if plan.style_label.isascii() and plan.style_label else style(plan.style.value).en
    era = f"{plan.era.value} " if plan.era.value else ""
    head = f"{', '.join(moods)} {era}{label}".strip() if moods else f"{era}{label}"
    text = f"{_a(head)} piece" if "music" not in head and "song" not in head else _a(head)
    parts = [_part(p) for p in plan.parts if "accompaniment" not in p.name]
    text += f" with {_list(parts)}" if parts else ""
    text += f", {plan.tempo_bpm:.0f} bpm, {plan.first_metre}, {plan.first_key}."
    text = text[0].upper() + text[1:]
    text += _orders(plan.orders)
    levels = [p.level for p in plan.dynamics.value]
    if plan.dynamics.origin is not Origin.DEFAULT and len(levels) > 1:
        text += " It builds up." if levels[-1] > levels[0] + 0.1 else " It calms down." if levels[-1] < levels[0] - 0.1 else ""
    if plan.ending.value == "fade":
        text += " It fades out."
    absent = [_thing(a.value) for a in plan.absent if a.value != "*"]
    if any(a.value == "*" for a in plan.absent):
        absent.append("other instruments")
    if any(a.value == "voice" for a in plan.absent):
        absent = [a for a in absent if a != "voice"]
        text += " Instrumental."
    if absent:
        text += f" No {_list(absent).replace(' and ', ' or ')}."
    return text


def _orders(orders: tuple[Order, ...]) -> str:
    """Sentences on what comes when."""
    if not orders:
        return ""
    text = ""
    for order in orders[:4]:
        text += (
            f" {_thing(order.then).capitalize()} enters later."
            if order.first == "*"
            else f" {_thing(order.first).capitalize()} first, then {_thing(order.then)}."
        )
    return text


def with_caption(plan: Plan) -> Plan:
    """The plan with its own caption."""
    return replace(plan, caption=caption_of(plan))
