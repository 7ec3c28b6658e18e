"""The time grid: metre, tempo, bars and seconds, so that a piece of an asked length ends on a bar where it can."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from partimento.errors import RequestError
from partimento.interpret.mood import tempo_pull
from partimento.interpret.reading import Reading
from partimento.interpret.style_choice import StyleChoice
from partimento.interpret.tempo_course import USUAL_CHANGE, ramp_in_seconds, ramp_over_bars, said_course
from partimento.plan.plan import Conflict, MetreAt, Origin, TempoAt, Value
from partimento.plan.request import MAX_BARS, MAX_DURATION_S, MIN_DURATION_S, GenerateRequest
from partimento.score.text import parse_metre
from partimento.score.timing import MAX_TEMPO_BPM, MIN_TEMPO_BPM, Metre, bars_in_quarters, mean_bpm

DEFAULT_DURATION_S = 30.0
MIN_BAR_QUARTERS = 1.5
MAX_BAR_QUARTERS = 12.0
LEEWAY = 0.02
"""How far a tempo without a said or given number may bend so that the piece ends on a bar: nobody hears it."""
_ABSOLUTE = {"very_slow": 50.0, "slow": 70.0, "medium": 100.0, "fast": 140.0, "very_fast": 180.0}
_AGAINST_USUAL = {"very_slow": 0.62, "slow": 0.8, "medium": 1.0, "fast": 1.15, "very_fast": 1.3}
_BOUNDS = {
    "very_slow": (40.0, 62.0),
    "slow": (50.0, 84.0),
    "medium": (80.0, 124.0),
    "fast": (116.0, 200.0),
    "very_fast": (150.0, 260.0),
}


@dataclass(frozen=True)
class Grid:
    """Tempo, metre and length of a plan."""

    tempo: Value[tuple[TempoAt, ...]]
    metre: Value[tuple[MetreAt, ...]]
    n_bars: Value[int]
    duration_s: Value[float]
    conflicts: tuple[Conflict, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class FileTime:
    """Tempo, metre and length of a given file (a sketch)."""

    tempo_bpm: float
    metre: Metre
    n_bars: int


def choose_metre(
    request: GenerateRequest, reading: Reading, choice: StyleChoice, file: FileTime | None
) -> tuple[Value[Metre], list[Conflict]]:
    """Given, of the file, said (also by a word such as "waltz"), else the style's own.

    Raises:
        ParseError: when the given metre does not parse.
        RequestError: when its bars are too short or too long to compose in.
    """
    said = reading.metre
    too_odd: list[Conflict] = []
    if said is not None and not _can_compose(said[0]):
        usual = choice.style.metres[0]
        too_odd = [
            Conflict("metre", usual, str(said[0]), f"bars last {MIN_BAR_QUARTERS:g} to {MAX_BAR_QUARTERS:g} quarter notes")
        ]
        said = None
    if said is None and "metre" in choice.facts and choice.value.origin is Origin.SAID:
        said = (parse_metre(str(choice.facts["metre"])), choice.value.words)
    given = parse_metre(request.metre) if request.metre is not None else file.metre if file else None
    if given is not None:
        if not _can_compose(given):
            limits = f"{MIN_BAR_QUARTERS:g} to {MAX_BAR_QUARTERS:g} quarter notes (3/8 to 12/4)"
            raise RequestError(
                f"metre {given}: a bar of {given.bar_quarters:g} quarter notes cannot be composed in; it may last {limits}"
            )
        conflicts = [Conflict("metre", str(given), " ".join(said[1]), "given beats said")] if said and said[0] != given else []
        return Value(given, Origin.GIVEN), conflicts
    if said is not None:
        return Value(said[0], Origin.SAID, said[1]), []
    origin = Origin.DEFAULT if choice.value.origin is Origin.DEFAULT else Origin.INFERRED
    return Value(parse_metre(choice.style.metres[0]), origin, (), f"style {choice.style.id}"), too_odd


def _can_compose(metre: Metre) -> bool:
    """True when a bar is long enough for a beat and a half, and short enough for a phrase of two."""
    return MIN_BAR_QUARTERS <= metre.bar_quarters <= MAX_BAR_QUARTERS


def _class_tempo(word: str, choice: StyleChoice) -> float:
    """Quarter notes per minute of a tempo class: relative to a named style, else near its absolute middle."""
    low, usual, high = choice.style.tempo
    if "tempo" in choice.facts:
        return float(str(choice.facts["tempo"])) * _AGAINST_USUAL[word]
    if choice.asked:
        relative = {
            "very_slow": low * 0.88, "slow": low + 0.1 * (usual - low), "medium": usual,
            "fast": usual + 0.7 * (high - usual), "very_fast": high * 1.06,
        }[word]  # fmt: skip
        lowest, highest = _BOUNDS[word]
        return min(max(relative, lowest), highest) if word != "medium" else relative
    lowest, highest = _BOUNDS[word]
    return min(max(_ABSOLUTE[word] * 0.5 + usual * 0.5, lowest), highest)


def choose_tempo(
    request: GenerateRequest, reading: Reading, choice: StyleChoice, metre: Metre, file: FileTime | None
) -> tuple[Value[float], bool, list[Conflict], list[str]]:
    """The tempo wished for, and whether it is exact: given, said, of the file, else the style's.

    A number said in a compound metre counts dotted beats, as people do, and is converted to quarter notes.
    """
    said = reading.tempo
    remarks: list[str] = []
    said_bpm = said.bpm if said else None
    if said and said_bpm is not None and not said.in_quarters and metre.is_compound and metre.denominator == 8:
        converted = said_bpm * 1.5
        if converted <= MAX_TEMPO_BPM:
            remarks.append(f"{said_bpm:g} bpm is read as dotted quarter notes in {metre}: {converted:g} quarter notes per minute")
            said_bpm = converted
    if request.tempo_bpm is not None:
        bpm = request.tempo_bpm
        conflicts = []
        if said_bpm is not None and abs(said_bpm - bpm) > 0.5:
            conflicts = [Conflict("tempo", f"{bpm:g} bpm", " ".join(said.words if said else ()), "given beats said")]
        elif said and said.word and said.bpm is None and _contradicts(said.word, bpm):
            conflicts = [Conflict("tempo", f"{bpm:g} bpm", " ".join(said.words), "given beats said")]
        return Value(bpm, Origin.GIVEN), True, conflicts, []
    if said and said_bpm is not None:
        return Value(said_bpm, Origin.SAID, said.words), True, [], remarks
    if said and said.usual_bpm is not None:
        return Value(float(said.usual_bpm), Origin.SAID, said.words, said.word), False, [], []
    if said and said.word:
        return Value(_class_tempo(said.word, choice), Origin.SAID, said.words, said.word), False, [], []
    if file is not None:
        return Value(file.tempo_bpm, Origin.GIVEN), False, [], []
    low, usual, high = choice.style.tempo
    if "tempo_word" in choice.facts:
        return (
            Value(
                _class_tempo(str(choice.facts["tempo_word"]), choice),
                Origin.SAID,
                choice.value.words,
                str(choice.facts["tempo_word"]),
            ),
            False,
            [],
            [],
        )
    if "tempo" in choice.facts:
        return (
            Value(float(str(choice.facts["tempo"])), Origin.INFERRED, choice.value.words, f"style {choice.label}"),
            False,
            [],
            [],
        )
    pull = tempo_pull(reading)
    bpm = usual + pull * 0.7 * ((high - usual) if pull > 0 else (usual - low))
    reason = f"style {choice.style.id}" + (", mood" if pull else "")
    origin = Origin.DEFAULT if choice.value.origin is Origin.DEFAULT and not pull else Origin.INFERRED
    return Value(bpm, origin, (), reason), False, [], []


def _contradicts(word: str, bpm: float) -> bool:
    """True when a tempo is far from what a tempo word means."""
    low, high = _BOUNDS[word]
    return not low * 0.8 <= bpm <= high * 1.25


def bars_in(duration_s: float, bpm: float, metre: Metre) -> int:
    """Bars that a duration holds, with a bar for the last chord where that stands behind the last bar line."""
    return bars_in_quarters(duration_s * bpm / 60.0, metre)


def fit_tempo(duration_s: float, bpm: float, metre: Metre, leeway: float, unit: int = 4) -> tuple[float, int]:
    """Move the tempo by at most ``leeway`` so that the duration is a whole number of bars.

    Multiples of ``unit`` bars are preferred, then even numbers, then any; when nothing is near enough the tempo stays and
    the last bar is shorter or longer.
    """
    bars = duration_s * bpm / 60.0 / metre.bar_quarters
    best: tuple[float, float, int] | None = None
    for n in range(max(1, math.floor(bars * (1 - leeway))), math.ceil(bars * (1 + leeway)) + 1):
        moved = abs(n / bars - 1.0)
        new = n * metre.bar_quarters * 60.0 / duration_s
        if moved <= leeway and MIN_TEMPO_BPM <= new <= MAX_TEMPO_BPM:
            rank = 0.0 if n % unit == 0 else 1.0 if n % 2 == 0 else 2.0
            if best is None or (rank, moved) < best[:2]:
                best = (rank, moved, n)
    if best is None:
        return bpm, bars_in(duration_s, bpm, metre)
    return best[2] * metre.bar_quarters * 60.0 / duration_s, best[2]


def choose_grid(
    request: GenerateRequest,
    reading: Reading,
    choice: StyleChoice,
    form_bars: int | None = None,
    unit: int = 4,
    file: FileTime | None = None,
) -> Grid:
    """Resolve metre, tempo and length.

    Args:
        form_bars: bars of a said form, used when no length is given or said.
        unit: preferred multiple of bars (12 for a 12-bar blues).
        file: time of a given sketch.
    """
    metre, conflicts = choose_metre(request, reading, choice, file)
    tempo, exact, more, remarks = choose_tempo(request, reading, choice, metre.value, file)
    conflicts += more
    bpm, to_bpm, course_words = _ends(request, reading, tempo, metre.value)
    if course_words:
        tempo, exact, remarks = Value(bpm, Origin.SAID, course_words), True, []
    change, factor = to_bpm / bpm, mean_bpm(bpm, to_bpm) / bpm
    duration, bars, dropped = _lengths(request, reading)
    if duration is None and bars is None and form_bars is None and file is None:
        duration = Value(DEFAULT_DURATION_S)
    timed = duration is not None
    agreed = _both(duration, bars, bpm, to_bpm, metre.value, choice, exact=exact)
    if agreed is not None and bars is not None and duration is not None:
        bpm, n_bars = agreed, bars
        reason = f"{bars.value} bars in {duration.value:g} s"
        origin = tempo.origin if exact or tempo.origin is Origin.SAID else Origin.INFERRED
        tempo = Value(bpm, origin, tempo.words, reason)
    elif duration is not None:
        conflicts += dropped
        bpm, n_bars = _fitted(duration.value, bpm, factor, metre.value, unit, exact=exact)
    else:
        if bars is None:
            count = form_bars if form_bars is not None else file.n_bars if file else 0
            bars = Value(count, Origin.INFERRED, (), "the form" if form_bars is not None else "the given notes")
        n_bars, duration = _from_bars(bars, bpm * factor, metre.value, conflicts)
    bpm = min(MAX_TEMPO_BPM, max(MIN_TEMPO_BPM, bpm))
    points: tuple[TempoAt, ...] = (TempoAt(0.0, bpm),)
    if reading.tempo_change is not None:
        to_bpm = min(MAX_TEMPO_BPM, max(MIN_TEMPO_BPM, to_bpm if exact else bpm * change))
        only = n_bars.value if agreed is not None or not timed else None
        points, n_bars = _moving(bpm, to_bpm, n_bars, duration, metre.value, unit, only)
        tempo = replace(tempo, words=tuple(dict.fromkeys((*tempo.words, *reading.tempo_change.words))))
    return Grid(
        Value(points, tempo.origin, tempo.words, tempo.reason),
        Value((MetreAt(0, metre.value),), metre.origin, metre.words, metre.reason),
        n_bars,
        duration,
        tuple(conflicts),
        tuple(remarks),
    )


def _ends(request: GenerateRequest, reading: Reading, tempo: Value[float], metre: Metre) -> tuple[float, float, tuple[str, ...]]:
    """First and last tempo in quarter notes a minute, and the words that state both."""
    bpm = min(MAX_TEMPO_BPM, max(MIN_TEMPO_BPM, tempo.value))
    course = said_course(reading)
    if course is not None and request.tempo_bpm is None:
        dotted = metre.is_compound and metre.denominator == 8 and not (reading.tempo and reading.tempo.in_quarters)
        share = 1.5 if dotted and max(course.from_bpm, course.to_bpm) * 1.5 <= MAX_TEMPO_BPM else 1.0
        return course.from_bpm * share, course.to_bpm * share, course.words
    if reading.tempo_change is None:
        return bpm, bpm, ()
    ratio = USUAL_CHANGE if reading.tempo_change.value == "faster" else 1 / USUAL_CHANGE
    return bpm, min(MAX_TEMPO_BPM, max(MIN_TEMPO_BPM, bpm * ratio)), ()


def _fitted(duration_s: float, bpm: float, factor: float, metre: Metre, unit: int, *, exact: bool) -> tuple[float, Value[int]]:
    """First tempo and bars that meet a duration; ``factor`` is the mean over the first tempo."""
    if exact:  # as given, to the last bit: not multiplied and divided again
        n = bars_in(duration_s, bpm * factor, metre)
    else:
        mean, n = fit_tempo(duration_s, bpm * factor, metre, LEEWAY, unit)
        bpm = mean / factor
    return bpm, Value(n, Origin.INFERRED, (), f"{duration_s:g} s at {bpm:.4g} bpm")


def _moving(
    bpm: float, to_bpm: float, n_bars: Value[int], duration: Value[float], metre: Metre, unit: int, only: int | None
) -> tuple[tuple[TempoAt, ...], Value[int]]:
    """Tempo points of a piece that speeds up or slows down, and its bars (``only``: no other number will do)."""
    ramp = ramp_in_seconds(bpm, to_bpm, duration.value, metre, unit, only) or ramp_over_bars(bpm, to_bpm, n_bars.value, metre)
    if ramp.n_bars == n_bars.value:
        return ramp.points, n_bars
    return ramp.points, Value(ramp.n_bars, Origin.INFERRED, (), f"{duration.value:g} s from {bpm:.4g} to {to_bpm:.4g} bpm")


def _from_bars(bars: Value[int], mean: float, metre: Metre, conflicts: list[Conflict]) -> tuple[Value[int], Value[float]]:
    """Bars and the seconds that they last; cut (and listed) when that is longer than a piece may be."""
    bar_s = metre.bar_quarters * 60.0 / mean
    if bars.value * bar_s > MAX_DURATION_S:
        kept = max(1, math.floor(MAX_DURATION_S / bar_s))
        conflicts.append(Conflict("bars", f"{kept} bars", f"{bars.value} bars", f"a piece lasts at most {MAX_DURATION_S:g} s"))
        bars = Value(kept, bars.origin, bars.words, bars.reason)
    return bars, Value(bars.value * bar_s, Origin.INFERRED, (), f"{bars.value} bars at {mean:.4g} bpm")


def _both(
    duration: Value[float] | None,
    bars: Value[int] | None,
    bpm: float,
    to_bpm: float,
    metre: Metre,
    choice: StyleChoice,
    *,
    exact: bool,
) -> float | None:
    """The first tempo at which bars and seconds agree, when nothing asked for speaks against it."""
    if duration is None or bars is None:
        return None
    needed = bars.value * metre.bar_quarters * 60.0 / duration.value * bpm / mean_bpm(bpm, to_bpm)
    low, _, high = choice.style.tempo
    if exact:
        bends = bpm != to_bpm and ramp_in_seconds(bpm, to_bpm, duration.value, metre, n_bars=bars.value) is not None
        return bpm if bends or abs(needed / bpm - 1.0) < 0.002 else None
    if not MIN_TEMPO_BPM <= needed <= MAX_TEMPO_BPM:
        return None
    return needed if low * 0.85 <= needed <= high * 1.15 else None


def _lengths(request: GenerateRequest, reading: Reading) -> tuple[Value[float] | None, Value[int] | None, list[Conflict]]:
    """The duration and the bars asked for; of two that disagree the stronger, of equals the duration."""
    conflicts: list[Conflict] = []
    duration: Value[float] | None = None
    bars: Value[int] | None = None
    if request.duration_s is not None:
        duration = Value(request.duration_s, Origin.GIVEN)
        if reading.duration_s and abs(reading.duration_s[0] - request.duration_s) > 0.05:
            conflicts.append(
                Conflict("duration", f"{request.duration_s:g} s", " ".join(reading.duration_s[1]), "given beats said")
            )
    elif reading.duration_s and request.bars is not None:
        conflicts.append(Conflict("duration", f"{request.bars} bars", " ".join(reading.duration_s[1]), "given beats said"))
    elif reading.duration_s:
        seconds = min(MAX_DURATION_S, max(MIN_DURATION_S, reading.duration_s[0]))
        if abs(seconds - reading.duration_s[0]) > 1e-6:
            conflicts.append(
                Conflict(
                    "duration",
                    f"{seconds:g} s",
                    " ".join(reading.duration_s[1]),
                    f"a piece lasts {MIN_DURATION_S:g} to {MAX_DURATION_S:g} s",
                )
            )
        duration = Value(seconds, Origin.SAID, reading.duration_s[1])
    if request.bars is not None:
        bars = Value(request.bars, Origin.GIVEN)
        if reading.bars and reading.bars[0] != request.bars:
            conflicts.append(Conflict("bars", f"{request.bars} bars", " ".join(reading.bars[1]), "given beats said"))
    elif reading.bars:
        bars = Value(min(MAX_BARS, reading.bars[0]), Origin.SAID, reading.bars[1])
    if duration and bars:
        quote = " ".join(bars.words) or f"{bars.value} bars"
        conflicts.append(Conflict("bars", f"{duration.value:g} s", quote, "the duration decides how many bars there are"))
    return duration, bars, conflicts
