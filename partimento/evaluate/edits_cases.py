"""Random pieces and random edits of them, each with what it may touch, worked out here and not by the executors.

Pieces go through all styles in turn, with and without drums, every fourth in an odd or compound metre, 8 to 16 bars.
Edits are built as operations; some are said in words, whose meaning is known beforehand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from partimento.errors import PartimentoError
from partimento.interpret.edit_reader import read_edit
from partimento.plan.edit import OPERATIONS, EditOperation, EditPlan, Region
from partimento.plan.request import GenerateRequest
from partimento.score.score import Score, Track
from partimento.styles import style, style_ids

Seconds = tuple[float, float]

METRES = ("3/4", "5/4", "6/8", "7/8")
INSTRUMENTS = (
    "violin", "cello", "harp", "acoustic_guitar", "electric_guitar", "flute", "clarinet", "trumpet", "piano", "organ",
    "strings", "vibraphone", "tenor_sax", "marimba", "double_bass", "drums",
)  # fmt: skip
"""What comes in."""
PROGRESSIONS = ("Am | F | C | G", "Dm7 | G7 | Cmaj7 | A7", "C | Am | F G", "Em | C | G | D/F#", "Cm | Ab | Eb | Bb")
KEYS = ("C major", "D minor", "E major", "F# minor", "Bb major", "B minor", "Ab major", "G minor")
EFFECTS = ("warmer", "brighter", "darker", "punchier", "wider", "spacious", "closer", "dirtier", "lofi", "less_muddy")
PLAYING = ("crescendo", "softer", "expressive", "calmer", "energy", "staccato", "diminuendo")
TIMED = ("set_tempo", "set_metre", "extend", "trim", "copy", "move")
"""Operations that move things in time."""
_NO_REGION = ("set_metre",)
_SAID_SHARE = 0.2
_TRIES = 30


@dataclass(frozen=True, slots=True)
class EditCase:
    """One edit and what it may touch.

    Attributes:
        op: the (first) operation.
        plan: what is done.
        named: tracks that it may change; new ones are always allowed when ``adds``.
        spans_s: seconds that it may change, ascending; empty where it has no region.
        adds: tracks may come in.
        said: the words, when the plan was read from words.
    """

    op: str
    plan: EditPlan
    named: frozenset[str]
    spans_s: tuple[Seconds, ...] = ()
    adds: bool = False
    said: str = ""

    @property
    def operation(self) -> EditOperation:
        """The first operation."""
        return self.plan.operations[0]

    def text(self) -> str:
        """The edit in one line, enough to do it again by hand."""
        o = self.operation
        where = "" if o.region.kind == "all" else f" in {o.region.kind} {o.region.name} {o.region.start} {o.region.end}"
        body = f"{o.op} {','.join(o.targets)} {o.instrument} {o.value} {o.amount or ''} {o.unit} {','.join(o.keep)}"
        return " ".join(f"{body}{where}".split()) + (f' (said: "{self.said}")' if self.said else "")


def generator(*numbers: int) -> np.random.Generator:
    """A generator of its own for a piece or an edit."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(numbers)))


def piece_request(index: int, seed: int, duration_s: float | None = None) -> GenerateRequest:
    """The request of piece ``index``: styles in turn, drums in two of three, an odd metre in every fourth.

    It has 8 to 16 bars, or the length in seconds.
    """
    rng = generator(seed, index)
    ids = style_ids()
    chosen = style(ids[(index * 7 + seed) % len(ids)])
    drums = "with drums" if index % 3 else "no drums"
    metre = METRES[index // 4 % len(METRES)] if index % 4 == 3 else None
    n_bars = None if duration_s is not None else int(rng.integers(8, 17))
    words, seed = f"{chosen.en}, {drums}", int(rng.integers(2**31))
    return GenerateRequest(words, duration_s, n_bars, metre=metre, style=chosen.id, seed=seed)


def random_case(score: Score, rng: np.random.Generator, ops: Sequence[str] = OPERATIONS) -> EditCase:
    """A random edit that makes sense for a score: one of ``ops``, as an operation or said in words."""
    for _ in range(_TRIES):
        op = str(rng.choice(list(ops)))
        if rng.random() < _SAID_SHARE:
            spoken = _said(score, op, rng)
            if spoken is not None:
                return spoken
        made = _made(score, op, rng)
        if made is not None:
            return made
    return EditCase("gain", _plan(EditOperation("gain", amount=-2.0, unit="dB")), frozenset(t.name for t in score.tracks))


def _plan(operation: EditOperation) -> EditPlan:
    return EditPlan((operation,))


def _made(score: Score, op: str, rng: np.random.Generator) -> EditCase | None:
    """An edit as an operation; None where the score has no use for it."""
    whole = op in _NO_REGION or (op != "mute_region" and rng.random() < 0.35)
    region, spans = (Region(), ()) if whole else random_region(score, rng, on_bars=op in ("set_chords", *TIMED))
    names = [t.name for t in score.tracks]
    pitched = frozenset(t.name for t in score.tracks if not t.is_drum and t.role not in ("drums", "percussion"))
    everything = frozenset(names)
    base = EditOperation(op, region=region)
    if op == "add":
        return _addition(score, base, spans, rng)
    if op in ("set_key", "set_chords", "set_metre", "set_tempo", "extend", "trim"):
        if len(score.tempos) > 1 or (len(score.metres) > 1 and op in TIMED):
            return None
        if (op == "trim" and score.n_bars < 8) or (op == "extend" and score.n_bars > 24):
            return None
        operation = _global(score, base, bool(spans), rng)
        if operation is None or (op == "extend" and spans and spans[-1][1] >= score.duration_s - 0.01):
            return None
        return EditCase(op, _plan(operation), pitched if op in ("set_key", "set_chords") else everything, spans)
    if op in ("copy", "move"):
        return _form(score, op, rng)
    if op == "trade":
        free = sorted(t.name for t in score.tracks if t.name in pitched and t.has_pitch)
        if len(free) < 2:
            return None
        two = frozenset(str(n) for n in rng.choice(free, 2, replace=False))
        return EditCase(op, _plan(replace(base, targets=tuple(sorted(two)))), two, spans)
    if op == "fade":
        value = str(rng.choice(["in", "out"]))
        operation = replace(base, region=Region(), value=value, amount=2.0, unit="s")
        edge = (0.0, 2.0) if value == "in" else (score.duration_s - 2.0, score.duration_s)
        return EditCase(op, _plan(operation), everything, (edge,))
    return _targeted(score, base, spans, rng)


def _form(score: Score, op: str, rng: np.random.Generator) -> EditCase | None:
    """Some bars that are played again, or go, before a later bar."""
    if len(score.tempos) > 1 or len(score.metres) > 1 or score.n_bars < 6:
        return None
    first = int(rng.integers(1, score.n_bars - 4))
    last = int(rng.integers(first, min(first + 2, score.n_bars - 4) + 1))
    at = int(rng.integers(last + 2, score.n_bars + 1))
    operation = EditOperation(op, region=Region("bars", float(first), float(last)), to=Region("before", float(at)))
    changed = (at - 1, score.n_bars) if op == "copy" else (first - 1, at - 1)
    return EditCase(op, _plan(operation), frozenset(t.name for t in score.tracks), (bars_s(score, *changed),))


def _targeted(score: Score, base: EditOperation, spans: tuple[Seconds, ...], rng: np.random.Generator) -> EditCase | None:
    """An edit of some of the parts."""
    op = base.op
    everything = frozenset(t.name for t in score.tracks)
    targets, named = random_targets(score, rng)
    if op in ("remove", "mute_region", "extract"):
        silenced = everything - named if op == "extract" else named
        if not silenced or (silenced == everything and not spans) or (op != "mute_region" and len(everything) < 3):
            return None
        return EditCase(op, _plan(replace(base, targets=targets)), silenced, spans)
    if op == "replace":
        track = _one(score, rng)
        if track is None:
            return None
        others = [i for i in INSTRUMENTS if i not in (track.instrument, "drums")]
        operation = replace(base, targets=(track.name,), instrument=str(rng.choice(others)))
        return EditCase(op, _plan(operation), frozenset({track.name}), spans, adds=True)
    if op == "gain":
        operation = replace(base, targets=targets, amount=float(rng.choice([-6.0, -3.0, 2.0, 4.0])), unit="dB")
        return EditCase(op, _plan(operation), named, spans)
    if op == "pan":
        operation = replace(base, targets=targets, amount=float(rng.choice([-1.0, -0.5, 0.3, 0.7])), unit="position")
        return EditCase(op, _plan(operation), named, spans)
    if op == "transpose":
        named = frozenset(n for n in named if score.track(n).has_pitch)
        operation = replace(base, targets=targets, amount=float(rng.choice([-12, -5, -2, 2, 3, 7])), unit="semitones")
        return EditCase(op, _plan(operation), named, spans) if named else None
    if op == "vary":
        keep = [(), ("melody",), ("melody", "chords"), ("groove",), ("melody", "chords", "groove")][int(rng.integers(5))]
        free = frozenset(
            t.name for t in score.tracks
            if t.name in named and not (t.role == "melody" and "melody" in keep)
            and not (t.role in ("drums", "percussion") and "groove" in keep)
        )  # fmt: skip
        return EditCase(op, _plan(replace(base, targets=targets, keep=keep)), free, spans) if free else None
    table: dict[str, Sequence[str]] = {"restyle": style_ids(), "effect": EFFECTS, "dynamics": PLAYING}
    value = str(rng.choice(list(table[op])))
    return EditCase(op, _plan(replace(base, targets=targets, value=value)), named, spans)


def _addition(score: Score, base: EditOperation, spans: tuple[Seconds, ...], rng: np.random.Generator) -> EditCase:
    """An instrument that comes in; a part of that instrument which is there already may play on."""
    instrument = str(rng.choice(INSTRUMENTS))
    same = frozenset(t.name for t in score.tracks if t.instrument == instrument)
    return EditCase("add", _plan(replace(base, instrument=instrument)), same, spans, adds=True)


def _global(score: Score, base: EditOperation, partly: bool, rng: np.random.Generator) -> EditOperation | None:
    """An edit of the whole texture."""
    if base.op == "set_tempo":
        if rng.random() < 0.5:
            return replace(base, amount=round(float(rng.uniform(0.8, 1.3)), 3), unit="factor")
        bpm = round(score.tempo_bpm * float(rng.uniform(0.8, 1.3)))
        return replace(base, amount=float(bpm), unit="bpm") if 40 <= bpm <= 300 else None
    if base.op == "set_key":
        keys = [k for k in KEYS if k != str(score.key)]
        return replace(base, value=str(rng.choice(keys)))
    if base.op == "set_chords":
        return replace(base, value=str(rng.choice(PROGRESSIONS)))
    if base.op == "set_metre":
        metres = [m for m in ("4/4", "3/4", "5/4", "6/8", "7/8") if m != str(score.metre)]
        return replace(base, value=str(rng.choice(metres)))
    if partly:
        return base
    return replace(base, amount=float(rng.integers(2, 5) if base.op == "extend" else score.n_bars - 3), unit="bars")


def random_region(score: Score, rng: np.random.Generator, *, on_bars: bool = False) -> tuple[Region, tuple[Seconds, ...]]:
    """A region as one may say it, and the seconds that it means."""
    n = score.n_bars
    first = int(rng.integers(0, n - 1))
    last = min(n - 1, first + int(rng.integers(1, max(2, n // 2))))
    kind = str(rng.choice(["bars", "fraction", "section", "first_bars", "last_bars", *([] if on_bars else ["seconds"])]))
    if kind == "seconds":
        low, high = (round(x, 2) for x in bars_s(score, first, last + 1))
        low, high = low + 0.13, min(high + 0.29, round(score.duration_s - 0.01, 2))
        return Region("seconds", low, high), ((low, high),)
    if kind == "section" and len(score.sections) > 1:
        section = score.sections[int(rng.integers(len(score.sections)))]
        alike = [s for s in score.sections if s.name == section.name]
        region = Region("section", name=section.name, which=alike.index(section) + 1)
        return region, (bars_s(score, section.start_bar, section.end_bar),)
    if kind == "fraction" and n % 2 == 0:
        half = int(rng.integers(2))
        return Region("fraction", half / 2, (half + 1) / 2), (bars_s(score, half * n // 2, (half + 1) * n // 2),)
    if kind in ("first_bars", "last_bars"):
        size = last - first + 1
        return Region(kind, size), (bars_s(score, *((0, size) if kind == "first_bars" else (n - size, n))),)
    return Region("bars", first + 1, last + 1), (bars_s(score, first, last + 1),)


def bars_s(score: Score, first: int, end: int) -> Seconds:
    """Bars ``first`` to ``end`` (0-based, exclusive) in seconds."""
    starts, seconds = score.bar_starts, score.tempo_map.seconds
    return seconds(starts[first]), score.duration_s if end >= score.n_bars else seconds(starts[end])


def random_targets(score: Score, rng: np.random.Generator) -> tuple[tuple[str, ...], frozenset[str]]:
    """Targets as one may name them (a part, a role, several, all), and the tracks that they mean."""
    track = score.tracks[int(rng.integers(len(score.tracks)))]
    kind = int(rng.integers(4))
    if kind == 0 and not any(t.name == track.role or t.instrument == track.role for t in score.tracks):
        families = [t for t in score.tracks if t.instrument.endswith("_" + track.role)]
        if not families:
            return (track.role,), frozenset(t.name for t in score.tracks if t.role == track.role)
    if kind == 1:
        return ("all",), frozenset(t.name for t in score.tracks)
    if kind == 2 and len(score.tracks) > 2:
        other = score.tracks[int(rng.integers(len(score.tracks)))]
        return tuple(dict.fromkeys((track.name, other.name))), frozenset({track.name, other.name})
    return (track.name,), frozenset({track.name})


def _one(score: Score, rng: np.random.Generator) -> Track | None:
    """A pitched part that plays."""
    pitched = [t for t in score.tracks if t.has_pitch and t.notes]
    return pitched[int(rng.integers(len(pitched)))] if pitched else None


_SENTENCES: dict[str, tuple[str, ...]] = {
    "remove": ("remove the {name}", "no {name} please", "take the {name} out in bars {a} to {b}"),
    "gain": ("turn the {name} down a bit", "{name} 3 dB louder", "make the {name} quieter in bars {a} to {b}"),
    "effect": ("make the {name} warmer", "brighter {name} in bars {a} to {b}"),
    "set_tempo": ("a bit faster", "10 % slower"),
    "transpose": ("transpose everything up a tone",),
    "add": ("add strings", "add a harp in bars {a} to {b}"),
    "mute_region": ("mute the {name} in bars {a} to {b}",),
}
"""Sentences whose meaning is beyond doubt, by what they ask for."""


def _said(score: Score, op: str, rng: np.random.Generator) -> EditCase | None:
    """An edit in words; None where there is no sentence for it, or where it is read otherwise."""
    track = _one(score, rng)
    if op not in _SENTENCES or track is None or score.n_bars < 6 or len(score.tracks) < 3:
        return None
    sentence = str(rng.choice(list(_SENTENCES[op])))
    first = int(rng.integers(1, score.n_bars - 2))
    words = sentence.format(name=track.name, a=first + 1, b=first + 2)
    try:
        plan = read_edit(words, tuple(t.name for t in score.tracks))[0]
    except PartimentoError:
        return None
    if len(plan.operations) != 1:
        return None
    spans = (bars_s(score, first, first + 2),) if "{a}" in sentence else ()
    everything = frozenset(t.name for t in score.tracks)
    named = frozenset({track.name}) if "{name}" in sentence else everything
    if op == "transpose":
        named = frozenset(n for n in everything if score.track(n).has_pitch)
    if op == "add":
        named = frozenset(t.name for t in score.tracks if t.instrument == plan.operations[0].instrument)
    return EditCase(plan.operations[0].op, plan, named, spans, adds=op == "add", said=words)
