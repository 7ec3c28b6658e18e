"""The form: a said one, or a template of the style, fitted to the bars of the piece."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache

from partimento.interpret.data import load_yaml
from partimento.interpret.mood import level_at
from partimento.interpret.quantities import opening_length
from partimento.interpret.reading import Reading, Said
from partimento.interpret.style_choice import StyleChoice
from partimento.interpret.tokens import normalise
from partimento.plan.plan import DynamicAt, Origin, Value
from partimento.score.score import Section
from partimento.styles import Form, FormSection

_LETTER_ENERGY = {"A": 0.5, "B": 0.65, "C": 0.75, "D": 0.6}
_FRINGE = ("intro", "outro")
_BLUES_BARS = 12


@cache
def _known() -> dict[str, tuple[str, float]]:
    """Section name → (material, energy)."""
    return {row["name"]: (row["material"], float(row["energy"])) for row in load_yaml("terms.yaml")["sections"]}


def said_form(reading: Reading) -> Form | None:
    """The form of the words ("AABA", "verse, chorus, verse") with its said bars, else 8 (4 for intro and outro)."""
    if reading.form is None:
        return None
    form = _spelled(reading.form)
    if reading.form_bars:
        form = Form(tuple(replace(row, bars=n) for row, n in zip(form.sections, reading.form_bars, strict=True)))
    return form


def _spelled(said: Said) -> Form:
    text = said.value
    if text.isupper() and " " not in text:
        rows = [FormSection(c, c.lower(), 8, _LETTER_ENERGY.get(c, 0.6)) for c in text]
    else:
        rows = []
        for name in text.split():
            material, energy = _known()[name]
            rows.append(FormSection(name, material, 4 if name in _FRINGE else 8, energy))
    return Form(tuple(rows))


def form_bars(reading: Reading, choice: StyleChoice, seconds_per_bar: float) -> int | None:
    """Bars of a said form when no length is asked for: full size, or half when that would last over 90 s."""
    if choice.facts.get("form") == "blues12" and reading.form is None:
        return _BLUES_BARS * (2 if seconds_per_bar * _BLUES_BARS < 20 else 1)
    form = said_form(reading)
    if form is None:
        return None
    return form.n_bars if form.n_bars * seconds_per_bar <= 90 else max(len(form.sections), form.n_bars // 2)


def choose_sections(reading: Reading, choice: StyleChoice, n_bars: int) -> Value[tuple[Section, ...]]:
    """Sections that cover exactly ``n_bars``."""
    wanted = {p.where.name for p in reading.passages if p.where.unit in ("section", "after_section")} | {
        s.value for s in reading.sections
    }
    opening = _opening_bars(reading, n_bars)
    if opening:
        later = choose_sections(replace(reading, passages=()), choice, n_bars - opening)
        body = list(later.value)
        if len(body) > 1 and body[0].name == "intro":  # the style's own intro gives way to the asked one
            body[:2] = [replace(body[1], start_bar=0, n_bars=body[0].n_bars + body[1].n_bars)]
        material, energy = _known()["intro"]
        moved = (replace(s, start_bar=s.start_bar + opening) for s in body)
        words = _opening_words(reading)
        return Value((Section("intro", material, 0, opening, energy), *moved), Origin.SAID, words, later.reason)
    form = said_form(reading)
    if form is not None and reading.form is not None:
        exact = bool(reading.form_bars) and form.n_bars == n_bars
        return Value(_laid_out(form.sections) if exact else fit(form, n_bars), Origin.SAID, reading.form.words)
    if choice.facts.get("form") == "blues12":
        return Value(_blues(n_bars), Origin.SAID, choice.value.words)
    forms = choice.style.forms
    template = min(forms, key=lambda f: (abs(_log_ratio(f.n_bars, n_bars)), f.n_bars))
    template, added = _with_sections(template, wanted, n_bars)
    words = tuple(w for s in reading.sections if s.value in added for w in s.words)
    origin = Origin.SAID if added else Origin.DEFAULT if choice.value.origin is Origin.DEFAULT else Origin.INFERRED
    return Value(fit(_stretched(template, n_bars), n_bars), origin, words, f"style {choice.style.id}")


def _opening_bars(reading: Reading, n_bars: int) -> int:
    """Bars that the words give to an opening alone; 0 when they give none or the piece is too short."""
    opening = opening_length(normalise(reading.text))
    bars = int(opening[0]) if opening and opening[1] == "bars" else 0
    return bars if 0 < bars <= n_bars - 2 and any(p.kind == "enter" for p in reading.passages) else 0


def _opening_words(reading: Reading) -> tuple[str, ...]:
    return next(p.words for p in reading.passages if p.kind == "enter")


def _log_ratio(a: int, b: int) -> float:
    return max(a, b) / min(a, b) - 1.0


def _with_sections(form: Form, wanted: set[str], n_bars: int) -> tuple[Form, set[str]]:
    """Add sections that the words name and the template lacks, while there is room for them."""
    rows = list(form.sections)
    added: set[str] = set()
    have = {r.name for r in rows}
    for name in sorted(wanted):
        if name in have or name not in _known() or n_bars < 2 * (len(rows) + 1):
            continue
        material, energy = _known()[name]
        row = FormSection(name, material, 4, energy)
        inner = [i for i, r in enumerate(rows) if r.name not in _FRINGE]
        if name == "intro":
            rows.insert(0, row)
        elif name == "outro":
            rows.append(row)
        elif name in ("verse", "chorus"):
            at = inner[0] if name == "verse" else inner[-1]
            rows[at] = FormSection(name, material, rows[at].bars, energy)
        else:
            rows.insert(max(1, inner[-1] if inner else len(rows)), row)
        added.add(name)
    return Form(tuple(rows)), added


def _stretched(form: Form, n_bars: int) -> Form:
    """Repeat the body until the form is about as long as the piece."""
    rows = list(form.sections)
    head = [r for r in rows[:1] if r.name in (*_FRINGE, "build")]
    tail = [r for r in rows[1:][-1:] if r.name == "outro"]
    body = rows[len(head) : len(rows) - len(tail)]
    length = sum(r.bars for r in body)
    if not body or n_bars < form.n_bars * 1.5:
        return form
    times = max(1, round((n_bars - form.n_bars + length) / length))
    return Form(tuple(head + body * times + tail))


def fit(form: Form, n_bars: int) -> tuple[Section, ...]:
    """Stretch or shrink the sections of a form to ``n_bars``, in units of 4, 2 or 1 bars.

    When there are fewer bars than sections, fringe sections go first, then those at the end.
    """
    rows = list(form.sections)
    while len(rows) > max(1, n_bars // 2) and len(rows) > 1:
        fringe = [i for i, r in enumerate(rows) if r.name in _FRINGE]
        rows.pop(fringe[-1] if fringe else len(rows) - 1)
    total = sum(r.bars for r in rows)
    unit = next(u for u in (4, 2, 1) if n_bars // u >= len(rows) or u == 1)
    units = n_bars // unit
    shares = [r.bars / total * units for r in rows]
    counts = [max(1, int(share)) for share in shares]
    order = sorted(range(len(rows)), key=lambda i: (-(shares[i] - counts[i]), rows[i].name in _FRINGE, i))
    k = 0
    while sum(counts) < units:
        counts[order[k % len(order)]] += 1
        k += 1
    while sum(counts) > units:
        counts[max(range(len(rows)), key=lambda i: (counts[i], i))] -= 1
    bars = [c * unit for c in counts]
    bars[_last_of_body(rows)] += n_bars - sum(bars)
    return _laid_out(replace(row, bars=length) for row, length in zip(rows, bars, strict=True))


def _laid_out(rows: Iterable[FormSection]) -> tuple[Section, ...]:
    """One section after the other from bar 0."""
    sections, at = [], 0
    for row in rows:
        sections.append(Section(row.name, row.material, at, row.bars, row.energy))
        at += row.bars
    return tuple(sections)


def _last_of_body(rows: list[FormSection]) -> int:
    """Where odd bars go: the last section (a tag before the end)."""
    return len(rows) - 1


def _blues(n_bars: int) -> tuple[Section, ...]:
    """Choruses of 12 bars; what is left makes a shorter last one."""
    sections, at, k = [], 0, 0
    while at < n_bars:
        length = min(_BLUES_BARS, n_bars - at)
        if 0 < n_bars - at - length < 4:
            length = n_bars - at
        sections.append(Section("chorus", "a", at, length, min(0.9, 0.5 + 0.1 * k)))
        at, k = at + length, k + 1
    return tuple(sections)


def shaped(sections: tuple[Section, ...], lane: Value[tuple[DynamicAt, ...]], energy: float) -> tuple[Section, ...]:
    """Section energies moved by said dynamics and the mood's energy (0.5 is neutral)."""
    out = []
    for section in sections:
        shift = 0.45 * (energy - 0.5)
        if lane.origin is not Origin.DEFAULT:
            shift += 0.6 * (level_at(lane.value, section.start_bar + section.n_bars / 2) - 0.5)
        out.append(
            Section(
                section.name,
                section.material,
                section.start_bar,
                section.n_bars,
                round(max(0.05, min(1.0, section.energy + shift)), 3),
            )
        )
    return tuple(out)
