"""Which style: given, said, or the likeliest by instruments, moods, uses and era."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

from partimento.interpret.data import comma_list
from partimento.interpret.leftovers import load_hints
from partimento.interpret.reading import Reading, SaidStyle
from partimento.plan.plan import Conflict, Origin, Value
from partimento.plan.request import GenerateRequest
from partimento.styles import Style, style

DEFAULT_STYLE = "pop"
_MOOD_WEIGHT, _USE_WEIGHT, _ERA_WEIGHT = 0.6, 0.9, 1.3


@dataclass(frozen=True)
class StyleChoice:
    """The style with what the user's word for it brings along."""

    value: Value[str]
    style: Style
    label: str = ""
    facts: dict[str, object] = field(default_factory=dict)
    conflicts: tuple[Conflict, ...] = ()

    @property
    def asked(self) -> bool:
        """True when the user named the style."""
        return self.value.origin in (Origin.GIVEN, Origin.SAID)


@cache
def _instrument_hints() -> dict[str, dict[str, float]]:
    """Style → instrument → weight."""
    table: dict[str, dict[str, float]] = {}
    for id_, text in load_hints()["instruments"].items():
        table[id_] = {item.rsplit(" ", 1)[0]: float(item.rsplit(" ", 1)[1]) for item in comma_list(text)}
    return table


def choose_style(request: GenerateRequest, reading: Reading) -> StyleChoice:
    """Decide the style.

    Raises:
        RequestError: when ``request.style`` is not a style.
    """
    said = main_style(reading)
    facts = {k: v for s in reading.styles for k, v in s.facts.items()} | (dict(said.facts) if said else {})
    if request.style is not None:
        chosen = style(request.style)
        conflicts: tuple[Conflict, ...] = ()
        if said and said.style != request.style:
            conflicts = (Conflict("style", request.style, said.label, "given beats said"),)
            facts = {}
        label = said.label if said and said.style == request.style else ""
        return StyleChoice(Value(chosen.id, Origin.GIVEN), chosen, label, facts, conflicts)
    if said:
        words = tuple(w for s in reading.styles for w in s.words if s.style == said.style)
        if facts.pop("by_meaning", False):
            return StyleChoice(Value(said.style, Origin.INFERRED, words, "by meaning"), style(said.style), "", facts)
        return StyleChoice(Value(said.style, Origin.SAID, tuple(dict.fromkeys(words))), style(said.style), said.label, facts)
    return _inferred(reading)


def main_style(reading: Reading) -> SaidStyle | None:
    """The style that the words mean: of neighbouring style words the last ("jazz house"), else the first said."""
    if not reading.styles:
        return None
    text = reading.text.lower()
    head = reading.styles[0]
    for following in reading.styles[1:]:
        first, second = head.words[0].lower(), following.words[0].lower()
        at = text.find(first)
        gap = text[at + len(first) :]
        if at >= 0 and gap.lstrip(" -/").startswith(second) and len(gap) - len(gap.lstrip(" -/")) <= 2:
            head = following
        else:
            break
    return head


def _inferred(reading: Reading) -> StyleChoice:
    """The likeliest style of an unnamed one."""
    scores: dict[str, float] = {}
    reasons: dict[str, dict[str, float]] = {}

    def add(id_: str, weight: float, reason: str) -> None:
        scores[id_] = scores.get(id_, 0.0) + weight
        reasons.setdefault(id_, {})[reason] = weight

    for said in reading.instruments:
        for id_, weights in _instrument_hints().items():
            if said.instrument in weights:
                add(id_, weights[said.instrument], said.instrument.replace("_", " "))
    hints = load_hints()
    for group, words, weight in (
        ("moods", [m.value for m in reading.moods], _MOOD_WEIGHT),
        ("uses", list(reading.uses), _USE_WEIGHT),
        ("eras", [e.value for e in reading.eras], _ERA_WEIGHT),
    ):
        for id_, names in hints[group].items():
            for word in comma_list(names):
                if word in words:
                    add(id_, weight, word)
    if not scores:
        return StyleChoice(Value(DEFAULT_STYLE, Origin.DEFAULT), style(DEFAULT_STYLE))
    best = max(sorted(scores), key=lambda id_: scores[id_])
    because = ", ".join(sorted(reasons[best], key=lambda r: -reasons[best][r])[:3])
    return StyleChoice(Value(best, Origin.INFERRED, (), because), style(best))
