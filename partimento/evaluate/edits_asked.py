"""Is what was asked there? Added parts sound, removed ones are silent, replaced ones keep their onsets; tempo, key,
chords and metre by the report's checks, from the notes and from the sound.

Presence, silence, range and onsets are measured here; tempo, key, chords and metre by :mod:`partimento.report`.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from partimento.audio.waveform import Waveform
from partimento.edit.contents import Contents
from partimento.edit.execute import execute
from partimento.errors import PartimentoError
from partimento.evaluate.edits_cases import EditCase, generator, piece_request, random_case
from partimento.metrics.key_score import weighted_score
from partimento.pipeline import generate
from partimento.plan.edit import EditRequest
from partimento.plan.result import Finding, Performance
from partimento.report.report import make_report
from partimento.score.instruments import instruments
from partimento.score.score import Score, Track
from partimento.sessions import contents_of

ASKED_OPS = ("add", "remove", "replace", "set_tempo", "set_key", "set_chords", "set_metre")
"""Operations whose outcome is measured here."""
MIN_ONSETS_KEPT = 0.9
SILENT_DBFS = -90.0
ACTIVE_DBFS = -60.0
MIN_BARS_ACTIVE = 0.5
TEMPO_TOLERANCE = 0.01
_EDGE_S = 0.011
_CONTROLS = {
    "set_tempo": ("tempo", "tempo (beats)", "grid", "bars"),
    "set_key": ("key", "bars"),
    "set_chords": ("chords", "chord tones", "bars"),
    "set_metre": ("metre", "grid", "bars", "tempo"),
}
_TRIES = 20


@dataclass(frozen=True, slots=True)
class AskedRow:
    """One edit.

    Attributes:
        piece, op, text: what was done.
        faults: what was asked and is not there.
        measured: figures by name.
        unmeasured: audio-level checks that found nothing measurable.
    """

    piece: int
    op: str
    text: str
    faults: tuple[str, ...]
    measured: dict[str, float]
    unmeasured: tuple[str, ...] = ()


def run_asked(piece: int, n_edits: int, seed: int) -> list[AskedRow]:
    """Edits of the first version of a piece, the operations in turn, each measured."""
    result = generate(piece_request(piece, seed + 1), audio_report=False)
    before = contents_of(result)
    assert before.score is not None, "made from words"
    rows = []
    for edit in range(n_edits):
        op = ASKED_OPS[(piece * n_edits + edit) % len(ASKED_OPS)]
        rng = generator(seed + 1, piece, 2, edit)
        for _ in range(_TRIES):
            case = random_case(before.score, rng, (op,))
            try:
                after = execute(before, case.plan, EditRequest(case.text(), seed=edit)).contents
            except PartimentoError:
                continue
            if case.op == op:
                rows.append(measured(piece, case, before, after))
                break
    return rows


def measured(piece: int, case: EditCase, before: Contents, after: Contents) -> AskedRow:
    """One edit against what was asked of it."""
    if case.op in _CONTROLS:
        return _by_report(piece, case, before, after)
    checks = {"add": _added, "remove": _removed, "replace": _replaced}
    figures, faults = checks[case.op](case, before, after)
    return AskedRow(piece, case.op, case.text(), tuple(faults), figures)


def _span_s(case: EditCase, contents: Contents) -> tuple[float, float]:
    return case.spans_s[0] if case.spans_s else (0.0, contents.mix.duration_s)


def _added(case: EditCase, before: Contents, after: Contents) -> tuple[dict[str, float], list[str]]:
    """The new part sounds in most bars of its region and stays in its instrument's range."""
    wanted = case.operation.instrument
    score = _score(after)
    changed = [
        t for t in score.tracks
        if t.instrument == wanted and (t.name not in before.stems or t.notes != _score(before).track(t.name).notes)
    ]  # fmt: skip
    if not changed:
        return {}, [f"no part of {wanted} came in"]
    low, high = _span_s(case, after)
    share = active_share(after.stems[changed[0].name], score, low, high)
    faults = [f"{changed[0].name} sounds in {100 * share:.0f} % of its bars"] if share < MIN_BARS_ACTIVE else []
    outside = out_of_range(changed[0])
    return {"bars active": share}, faults + ([f"{outside} notes out of range"] if outside else [])


def _removed(case: EditCase, before: Contents, after: Contents) -> tuple[dict[str, float], list[str]]:
    """The part is gone, or silent in the region."""
    loudest, faults = SILENT_DBFS, []
    low, high = _span_s(case, after)
    for name in case.named:
        stem = after.stems.get(name)
        if stem is None:
            continue
        if not case.spans_s:
            faults.append(f"{name} is still there")
        rate = stem.sample_rate
        start = round((low + (_EDGE_S if low > 0 else 0.0)) * rate)
        end = stem.n_samples if high >= stem.duration_s - 0.01 else round((high - _EDGE_S) * rate)
        peak = float(np.abs(stem.samples[:, start:end]).max(initial=0.0))
        level = 20.0 * np.log10(max(peak, 1e-9))
        loudest = max(loudest, level)
        if level > SILENT_DBFS:
            faults.append(f"{name} still sounds at {level:.0f} dBFS")
    return {"loudest sample (dBFS)": loudest}, faults


def _replaced(case: EditCase, before: Contents, after: Contents) -> tuple[dict[str, float], list[str]]:
    """The role's onsets are kept, by the new program, in range, and they sound."""
    (old_name,) = case.named
    row = instruments()[case.operation.instrument]
    score = _score(after)
    new = [t for t in score.tracks if t.name not in before.stems and t.instrument == row.id]
    if not new:
        return {}, [f"no part of {row.id} came in"]
    quarters = _score(before).tempo_map.quarters
    low, high = (quarters(x) for x in _span_s(case, before))
    old_track = _score(before).track(old_name)
    onsets = {round(n.start, 3) for n in old_track.notes if low - 1e-6 <= n.start < high - 1e-6}
    kept = len(onsets & {round(n.start, 3) for n in new[0].notes}) / len(onsets) if onsets else 1.0
    faults = [f"{100 * kept:.0f} % of the onsets kept"] if kept < MIN_ONSETS_KEPT else []
    if new[0].program != row.program or new[0].role != old_track.role:
        faults.append(f"program {new[0].program}, role {new[0].role}")
    if outside := out_of_range(new[0]):
        faults.append(f"{outside} notes out of range")
    heard = active_share(after.stems[new[0].name], score, *_span_s(case, after))
    was = active_share(before.stems[old_name], _score(before), *_span_s(case, before))
    if onsets and heard < 0.8 * was:
        faults.append(f"sounds in {100 * heard:.0f} % of the bars, before {100 * was:.0f} %")
    return {"onsets kept": kept}, faults


def _by_report(piece: int, case: EditCase, before: Contents, after: Contents) -> AskedRow:
    """Tempo, key, chords and metre: the value itself, then the report's lines on it, from the notes and the sound."""
    assert after.plan is not None, "made from words"
    faults = _value_faults(case, _score(before), _score(after))
    report = make_report(after.plan, Performance(after.mix, after.stems, _score(after)))
    lines = [f for f in report.findings if f.control.split(":")[0] in _CONTROLS[case.op]]
    faults += [f"{f.level} {f.control}: asked {f.asked}, heard {f.heard}" for f in lines if f.verdict == "fail"]
    unmeasured = tuple(f.control for f in lines if f.level == "audio" and f.verdict == "not measurable")
    return AskedRow(piece, case.op, case.text(), tuple(faults), _figures(case, lines, after), unmeasured)


def _figures(case: EditCase, lines: Sequence[Finding], after: Contents) -> dict[str, float]:
    """What the sound says."""
    assert after.plan is not None, "made from words"
    values = {f.control: f.value for f in lines if f.level == "audio" and f.value is not None}
    if case.op == "set_tempo" and "tempo" in values:
        return {"tempo off (%)": 100.0 * abs(values["tempo"] / after.plan.tempo_bpm - 1.0)}
    if case.op == "set_key":
        one = len(after.plan.key.value) == 1
        return {"key score": values.get("key", weighted_score(after.plan.first_key, after.plan.first_key))} if one else {}
    return {"chord overlap": values["chords"]} if case.op == "set_chords" and "chords" in values else {}


def _value_faults(case: EditCase, before: Score, after: Score) -> list[str]:
    """The value that was set, read from the new score at the region's start."""
    from partimento.score.chord_text import parse_chords
    from partimento.score.text import parse_key, parse_metre

    o = case.operation
    at = before.tempo_map.quarters(case.spans_s[0][0]) + 1e-4 if case.spans_s else 0.0
    if case.op == "set_key":
        wanted: object = parse_key(o.value)
        got: object = after.key_at(at)
    elif case.op == "set_metre":
        wanted, got = parse_metre(o.value), after.metre
    elif case.op == "set_chords":
        first = next(slot.chord for bar in parse_chords(o.value, before.key) for slot in bar if slot.chord is not None)
        wanted, got = first, after.chord_at(at + 1e-3)
    else:
        old = before.tempo_map.bpm_at(at)
        factor = o.amount or 1.0
        bpm = {"factor": old * factor, "bpm": factor, "bpm_change": old + factor}[o.unit]
        heard = after.tempo_map.bpm_at(at)
        return [] if abs(heard / bpm - 1.0) < 1e-6 else [f"{heard:g} bpm in the score, asked {bpm:g}"]
    return [] if wanted == got else [f"the score says {got}, asked {wanted}"]


def active_share(stem: Waveform, score: Score, low_s: float, high_s: float) -> float:
    """Share of the bars between two times in which a stem sounds."""
    seconds, rate = score.tempo_map.seconds, stem.sample_rate
    edges = [*(seconds(q) for q in score.bar_starts), score.duration_s]
    heard = []
    for bar_s, next_s in itertools.pairwise(edges):
        start, end = max(bar_s, low_s), min(next_s, high_s)
        if end - start < 0.2:
            continue
        part = stem.samples[:, round(start * rate) : round(end * rate)]
        heard.append(20.0 * np.log10(max(float(np.abs(part).max(initial=0.0)), 1e-9)) > ACTIVE_DBFS)
    return float(np.mean(heard)) if heard else 1.0


def out_of_range(track: Track) -> int:
    """Notes that the instrument does not have."""
    row = instruments().get(track.instrument)
    if row is None or row.is_drum:
        return 0
    return sum(not row.range[0] <= n.pitch <= row.range[1] for n in track.notes)


def _score(contents: Contents) -> Score:
    assert contents.score is not None, "made from words"
    return contents.score
