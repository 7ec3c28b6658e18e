"""Request → plan: given > said > inferred > default, with every conflict, unknown word and stand-in listed."""

from __future__ import annotations

from dataclasses import replace

from partimento.interpret import sketch_plan, sketches
from partimento.interpret.caption import with_caption
from partimento.interpret.data import comma_list
from partimento.interpret.entries import Timeline, active_ranges
from partimento.interpret.form import choose_sections, form_bars, shaped
from partimento.interpret.gaps import filled
from partimento.interpret.grid import Grid, choose_grid, choose_metre, choose_tempo
from partimento.interpret.heard_tune import heard_tune
from partimento.interpret.imitation import with_imitation
from partimento.interpret.key_choice import choose_chords_and_key
from partimento.interpret.long_forms import with_second_lead
from partimento.interpret.meaning import BY_MEANING, with_meanings
from partimento.interpret.mood import character, dynamics
from partimento.interpret.parts import Draft, Ensemble, choose_parts, sound_remarks
from partimento.interpret.reader import read
from partimento.interpret.reading import Reading
from partimento.interpret.style_choice import StyleChoice, choose_style
from partimento.interpret.tempo_course import with_course
from partimento.plan.plan import BarRange, Conflict, Order, Origin, PartPlan, Plan, Value
from partimento.plan.request import GenerateRequest
from partimento.score.score import Section


def make_plan(request: GenerateRequest) -> Plan:
    """Resolve a request into a plan.

    Args:
        request: words and controls.

    Returns:
        A plan whose sections cover its bars, whose parts lie within them and in which nothing ruled out plays.

    Raises:
        PartimentoError: when a given control (style, key, metre, chords, a file) is not valid; words never raise.
    """
    plain = with_course(read(request.words))
    reading, meaning_remarks = with_meanings(plain)
    sketch = sketches.load(request)
    choice = choose_style(request, reading)
    if sketch:
        choice = sketch_plan.style_of_tune(sketch, choice)
    chords, key, conflicts = choose_chords_and_key(request, reading, choice, sketch.key if sketch else None)
    placed = sketch_plan.place(sketch, request, reading, choice, chords, key) if sketch else None
    if placed:
        reading, chords, key, grid, sections = placed.reading, placed.chords, placed.key, placed.grid, placed.sections
        conflicts += placed.conflicts
    else:
        unit = 12 if choice.facts.get("form") == "blues12" else 4
        grid = choose_grid(request, reading, choice, _said_bars(request, reading, choice), unit, None)
        sections = choose_sections(reading, choice, grid.n_bars.value)
    n_bars = grid.n_bars.value
    lane = dynamics(reading, sections.value, n_bars)
    mood = character(reading, choice.facts)
    sections = replace(sections, value=shaped(sections.value, lane, mood.value.energy))
    negative, negative_remarks = _negative(request.negative)
    drafts = [replace(d) for d in placed.drafts] if placed else []
    ensemble = choose_parts(reading, choice, negative, drafts, placed.accompaniment if placed else "")
    parts = _with_bars(ensemble, reading, sections.value, grid)
    if placed:
        parts = sketch_plan.from_first_note(parts, placed.tracks, grid)
    parts, sections, fugal = with_imitation(reading, parts, sections, chords.value, grid.metre.value[0].metre, n_bars)
    if not reading.passages:
        parts = with_second_lead(parts, sections.value, grid.duration_s.value)
    parts, stayed = filled(parts, reading.passages, n_bars)
    orders, unkept = _orders(reading, parts)
    heard = heard_tune(request, grid.tempo, key)
    told = (*(placed.remarks if placed else ()), *(heard.remarks if heard else ()))
    more = (*fugal, *negative_remarks, *meaning_remarks, *told)
    plan = Plan(
        caption="",
        language=reading.language,
        style=choice.value,
        tempo=grid.tempo,
        key=key,
        metre=grid.metre,
        n_bars=grid.n_bars,
        duration_s=grid.duration_s,
        sections=sections,
        parts=parts,
        dynamics=lane,
        chords=chords,
        style_label=choice.label,
        moods=_moods(reading, plain),
        era=_era(reading, choice),
        character=mood,
        absent=tuple(ensemble.absent),
        orders=orders,
        unplayed=tuple(Value(u.value, Origin.SAID, u.words) for u in reading.unplayed),
        ending=Value(reading.ending.value, Origin.SAID, reading.ending.words) if reading.ending else _style_ending(choice),
        sketch=placed.tracks if placed else (),
        sketch_left_out=placed.left_out if placed else (),
        conflicts=(
            *choice.conflicts,
            *conflicts,
            *grid.conflicts,
            *ensemble.conflicts,
            *unkept,
            *stayed,
            *_contradictions(reading),
        ),
        unknown=(*reading.refused, *reading.unknown),
        remarks=(*grid.remarks, *ensemble.remarks, *sound_remarks([p.instrument for p in parts]), *_remarks(reading), *more),
    )
    return with_caption(plan)


def _moods(reading: Reading, plain: Reading) -> Value[tuple[str, ...]]:
    """Moods with their words; inferred when all of them were matched by meaning."""
    if not reading.moods:
        return Value(())
    names = tuple(m.value for m in reading.moods)
    words = tuple(w for m in reading.moods for w in m.words)
    return Value(names, Origin.SAID, words) if plain.moods else Value(names, Origin.INFERRED, words, BY_MEANING)


def _said_bars(request: GenerateRequest, reading: Reading, choice: StyleChoice) -> int | None:
    """Bars of a said form, for a piece of no asked length."""
    metre, _ = choose_metre(request, reading, choice, None)
    tempo, _, _, _ = choose_tempo(request, reading, choice, metre.value, None)
    return form_bars(reading, choice, metre.value.bar_quarters * 60.0 / tempo.value)


def _negative(text: str) -> tuple[list[Value[str]], list[str]]:
    """Absences of the ``negative`` control; what names no instrument is remarked."""
    absent: list[Value[str]] = []
    remarks = []
    for item in comma_list(text.replace("，", ",").replace("、", ",")):
        reading = read(item)
        ids = [i.instrument for i in reading.instruments] + [a.value for a in reading.absent if a.value != "*"]
        for id_ in ids:
            if all(a.value != id_ for a in absent):
                absent.append(Value(id_, Origin.GIVEN, (item,)))
        if not ids:
            remarks.append(f"negative '{item}' names no instrument and is not used")
    return absent, remarks


def _with_bars(ensemble: Ensemble, reading: Reading, sections: tuple[Section, ...], grid: Grid) -> tuple[PartPlan, ...]:
    """Drafts with their bars."""
    n_bars = grid.n_bars.value
    time = Timeline(sections, n_bars, grid.duration_s.value / n_bars)
    active, solos = active_ranges(ensemble.drafts, reading, time)
    return tuple(
        _part(draft, ranges, solo, n_bars) for draft, ranges, solo in zip(ensemble.drafts, active, solos, strict=True) if ranges
    )  # fmt: skip


def _part(draft: Draft, active: tuple[BarRange, ...], solo: tuple[BarRange, ...], n_bars: int) -> PartPlan:
    whole = active if draft.solo and not solo else solo
    return PartPlan(
        name=draft.name,
        instrument=draft.instrument,
        role=draft.role,
        origin=draft.origin,
        active=active,
        words=draft.words,
        reason=draft.reason,
        program=draft.program,
        solo=whole,
        gain_db=draft.gain_db,
        sketch=draft.sketch,
        style_words=draft.style_words,
    )


def _era(reading: Reading, choice: StyleChoice) -> Value[str | None]:
    if reading.eras:
        return Value(reading.eras[0].value, Origin.SAID, reading.eras[0].words)
    if "era" in choice.facts:
        return Value(str(choice.facts["era"]), Origin.INFERRED, choice.value.words, f"style {choice.label}")
    return Value(None)


def _style_ending(choice: StyleChoice) -> Value[str]:
    if choice.value.origin is Origin.DEFAULT:
        return Value(choice.style.ending)
    return Value(choice.style.ending, Origin.INFERRED, (), f"style {choice.style.id}")


def _orders(reading: Reading, parts: tuple[PartPlan, ...]) -> tuple[tuple[Order, ...], tuple[Conflict, ...]]:
    """Said orders that the parts keep (or that name an unplayed thing), and those for which the piece is too short.

    "Ends with X alone" where X also opens the piece is no order in this sense: the bars of the other parts say it.
    """
    by_id = _played_as(reading, parts)
    unplayed = {u.value for u in reading.unplayed}
    alone = {by_id.get(i, i) for p in reading.passages if p.kind == "only" for i in p.instruments}
    begins = {id_: min(p.active[0].start_bar for p in parts if p.instrument == id_) for id_ in set(by_id.values())}
    kept, conflicts = [], []
    for said in reading.orders:
        order = Order(by_id.get(said.first, said.first), by_id.get(said.then, said.then), said.words)
        others = [begin for id_, begin in begins.items() if id_ != order.then]
        first = min(others, default=None) if order.first == "*" else begins.get(order.first)
        then = begins.get(order.then)
        if {order.first, order.then} & unplayed:
            kept.append(order)
        elif first is not None and then is not None and order.first != order.then:
            if first < then:
                kept.append(order)
            elif order.then not in alone:
                conflicts.append(
                    Conflict("order", "both from the start", f"{order.first} before {order.then}", "the piece is too short")
                )
    return tuple(kept), tuple(conflicts)


def _played_as(reading: Reading, parts: tuple[PartPlan, ...]) -> dict[str, str]:
    """Said instrument → the one that plays ("distorted electric guitar" may have become another id)."""
    played = {p.instrument for p in parts}
    table = {id_: id_ for id_ in played}
    for said in reading.instruments:
        if said.instrument not in played:
            match = next((p.instrument for p in parts if p.words and set(p.words) & set(said.words)), None)
            if match:
                table[said.instrument] = match
    return table


_HOLDS = dict.fromkeys(("tempo", "key", "metre"), "only one can be kept")


def _contradictions(reading: Reading) -> tuple[Conflict, ...]:
    return tuple(
        Conflict(field, kept, dropped, f"the words say both; {_HOLDS.get(field, 'the later one holds')}")
        for field, kept, dropped in reading.contradictions
    )


def _remarks(reading: Reading) -> list[str]:
    remarks = [f"'{u.words[0]}': {u.value.replace('_', ' ')} are not played; only instruments are" for u in reading.unplayed]
    if reading.half_time:
        feel = "half" if reading.half_time.value == "half" else "double"
        remarks.append(f"'{reading.half_time.words[0]}' changes the density ({feel}-time feel), not the tempo")
    return remarks
