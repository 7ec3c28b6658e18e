"""Where an edit applies: a region as said → quarter notes, bars and seconds of a piece."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from partimento.edit.targets import tracks_of
from partimento.errors import RequestError
from partimento.plan.edit import Region
from partimento.score.score import Score, Section

_EPS = 1e-6


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a piece.

    Attributes:
        start, end: in quarter notes.
        start_bar, end_bar: the 0-based bars that it touches, the end exclusive.
        start_s, end_s: in seconds.
        whole: True when it is the whole piece.
    """

    start: float
    end: float
    start_bar: int
    end_bar: int
    start_s: float
    end_s: float
    whole: bool = False

    def samples(self, sample_rate: int) -> tuple[int, int]:
        """First sample and first sample after it."""
        return round(self.start_s * sample_rate), round(self.end_s * sample_rate)

    def __str__(self) -> str:
        if self.whole:
            return "the whole piece"
        if self.end_bar - self.start_bar == 1:
            return f"bar {self.start_bar + 1}"
        return f"bars {self.start_bar + 1}–{self.end_bar}"


def resolve(region: Region, score: Score) -> tuple[Span, ...]:
    """The stretches of a score that a region means, ascending and apart.

    Raises:
        RequestError: it lies past the end, or names a section or an instrument that is not there.
    """
    n_bars = score.n_bars
    if region.kind == "all":
        return (bar_span(score, 0, n_bars),)
    if region.kind == "bars":
        first = int(region.start or 1)
        last = int(region.end) if region.end is not None else n_bars
        if not 1 <= first <= last or last > n_bars:
            raise RequestError(f"bars {first}-{last}: the piece has bars 1 to {n_bars}")
        return (bar_span(score, first - 1, last),)
    if region.kind == "seconds":
        return (_seconds(region, score),)
    if region.kind == "fraction":
        low, high = region.start or 0.0, 1.0 if region.end is None else region.end
        if not 0.0 <= low < high <= 1.0 + _EPS:
            raise RequestError(f"part {low:g} to {high:g} of the piece: give shares from 0 to 1, the first smaller")
        first = min(n_bars - 1, round(low * n_bars))
        return (bar_span(score, first, max(first + 1, min(n_bars, round(high * n_bars)))),)
    if region.kind in ("first_bars", "last_bars"):
        n = int(region.start or 1)
        if not 1 <= n <= n_bars:
            raise RequestError(f"{region.kind.replace('_', ' ')} {n}: the piece has {n_bars} bars")
        return (bar_span(score, 0, n) if region.kind == "first_bars" else bar_span(score, n_bars - n, n_bars),)
    if region.kind == "section":
        return _sections(region, score)
    if region.kind == "from":
        named = resolve(replace(region, kind="section"), score)
        return (bar_span(score, named[0].start_bar, score.n_bars),)
    if region.kind in ("after", "before", "while"):
        return (_beside(region, score),)
    if region.kind == "except":
        return _except(region, score)
    if region.kind == "between":
        return (_between(region, score),)
    raise RequestError(f"unknown region '{region.kind}'; give bars, seconds, a section or an instrument")


def bar_span(score: Score, start_bar: int, end_bar: int) -> Span:
    """Bars ``start_bar`` to ``end_bar`` (0-based, exclusive)."""
    start, end = score.bar_starts[start_bar], score.bar_span(end_bar - 1)[1]
    return quarter_span(score, start, end)


def quarter_span(score: Score, start: float, end: float) -> Span:
    """A stretch given in quarter notes."""
    seconds = score.tempo_map.seconds
    whole = start <= _EPS and end >= score.length - _EPS
    end_s = score.duration_s if end >= score.length - _EPS else seconds(end)
    return Span(start, end, score.bar_at(start), score.bar_at(max(start, end - _EPS * 10)) + 1, seconds(start), end_s, whole)


def _seconds(region: Region, score: Score) -> Span:
    """A region in seconds."""
    duration = score.duration_s
    low, high = region.start or 0.0, duration if region.end is None else region.end
    if low < 0.0:
        if -low > duration + _EPS:
            raise RequestError(f"the last {-low:g} s: the piece lasts {duration:.2f} s")
        low = max(0.0, duration + low)
    high = duration + high if high < 0.0 else high
    if not 0.0 <= low < high or low >= duration - _EPS or high > duration + 0.05:
        raise RequestError(f"{low:g} s to {high:g} s: the piece lasts {duration:.2f} s")
    quarters = score.tempo_map.quarters
    return quarter_span(score, quarters(low), min(score.length, quarters(high)))


def _sections(region: Region, score: Score) -> tuple[Span, ...]:
    """All sections of a name, or one of them; neighbours are joined."""
    found = _named(region.name, score)
    if not found:
        raise RequestError(f"there is no section '{region.name}'; there are: {_section_names(score)}")
    if region.which:
        index = region.which - 1 if region.which > 0 else len(found) + region.which
        if not 0 <= index < len(found):
            raise RequestError(f"there is no {region.name or 'section'} number {region.which}; there are {len(found)}")
        found = [found[index]]
    joined: list[list[int]] = []
    for section in found:
        if joined and joined[-1][1] == section.start_bar:
            joined[-1][1] = section.end_bar
        else:
            joined.append([section.start_bar, section.end_bar])
    return tuple(bar_span(score, a, min(b, score.n_bars)) for a, b in joined)


def _except(region: Region, score: Score) -> tuple[Span, ...]:
    """What lies outside a section, or outside bars.

    Raises:
        RequestError: nothing does.
    """
    if region.others:
        bars = {b for other in region.others for gap in resolve(other, score) for b in range(gap.start_bar, gap.end_bar)}
        gaps = _joined(bars, score)
    elif region.name or not region.start:
        gaps = _sections(replace(region, kind="section"), score)
    elif (region.start or 0.0) < 0.0:
        gaps = resolve(Region("last_bars", -(region.start or 0.0)), score)
    else:
        gaps = resolve(replace(region, kind="bars"), score)
    edges = [0, *(bar for gap in gaps for bar in (gap.start_bar, gap.end_bar)), score.n_bars]
    spans = tuple(bar_span(score, a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if a < b)
    if not spans:
        raise RequestError(f"nothing is left when {region.name or 'these bars'} are left out: they are the whole piece")
    return spans


def _joined(bars: set[int], score: Score) -> tuple[Span, ...]:
    """Bars as stretches."""
    starts = sorted(b for b in bars if b - 1 not in bars)
    ends = sorted(b + 1 for b in bars if b + 1 not in bars)
    return tuple(bar_span(score, a, b) for a, b in zip(starts, ends, strict=True))


def _between(region: Region, score: Score) -> Span:
    """What lies behind the first place and before the next one of the second.

    Raises:
        RequestError: nothing does.
    """
    first, second = region.others
    for low in resolve(first, score):
        following = [s for s in resolve(second, score) if s.start_bar >= low.end_bar]
        if following and following[0].start_bar > low.end_bar:
            return bar_span(score, low.end_bar, following[0].start_bar)
    names = " and ".join(f"{r.name or 'section'}{f' {r.which}' if r.which else ''}" for r in region.others)
    raise RequestError(f"nothing lies between {names}; sections in order: {', '.join(s.name for s in score.sections)}")


def _just_before(region: Region, span: Span, score: Score) -> Span:
    """The last bars or beats of what lies before something, as many as the region says."""
    if region.end is not None:
        metre = score.metre_at(span.end_bar - 1)
        starts = (*metre.beat_quarters, metre.bar_quarters)
        n = len(starts) - 1
        if not 0.0 < region.end <= n:
            raise RequestError(f"{region.end:g} beats before it: a bar has {n} beats; give bars for more")
        whole = int(region.end)
        last = starts[n - whole]
        part = (region.end - whole) * (last - starts[n - whole - 1]) if region.end > whole else 0.0
        return quarter_span(score, span.end - (metre.bar_quarters - last) - part, span.end)
    if region.start is None:
        return span
    if not 1 <= region.start <= span.end_bar - span.start_bar:
        raise RequestError(f"{region.start:g} bars before it: there are {span.end_bar - span.start_bar}")
    return bar_span(score, span.end_bar - int(region.start), span.end_bar)


def _named(name: str, score: Score) -> list[Section]:
    """Sections of a name, or where none has it, of a material (letter)."""
    if not name:
        return list(score.sections)
    exact = [s for s in score.sections if s.name.lower() == name.lower()]
    return exact or [s for s in score.sections if s.material.lower() == name.lower()]


def _section_names(score: Score) -> str:
    """The piece's sections in a line."""
    return ", ".join(dict.fromkeys(s.name for s in score.sections)) or "none are known; give bars"


def _beside_section(region: Region, found: list[Section], score: Score) -> Span:
    """What lies before or after a section: before the first and after the last of its name, unless one is counted."""
    index = region.which - 1 if region.which > 0 else len(found) + region.which if region.which < 0 else None
    if index is not None and not 0 <= index < len(found):
        raise RequestError(f"there is no {region.name} number {region.which}; there are {len(found)}")
    if region.kind == "after":
        start = found[-1 if index is None else index].end_bar
        if start >= score.n_bars:
            raise RequestError(f"nothing is after '{region.name}': it is the last section")
        return bar_span(score, start, score.n_bars)
    end = found[0 if index is None else index].start_bar
    if end <= 0:
        raise RequestError(f"nothing is before '{region.name}': it begins in bar 1")
    return bar_span(score, 0, end)


def _beside(region: Region, score: Score) -> Span:
    """Where an instrument has entered, has not yet entered, or plays; or what is before or after a section.

    Raises:
        RequestError: neither an instrument nor a section of that name is there, or nothing is before or after it.
    """
    if sections := _named(region.name, score):
        if region.kind != "while":
            span = _beside_section(region, sections, score)
            return _just_before(region, span, score) if region.kind == "before" else span
        return resolve(replace(region, kind="section"), score)[0]
    try:
        names = tracks_of((region.name,), score)
    except RequestError as error:
        raise RequestError(f"{error}; sections: {_section_names(score)}") from error
    notes = [n for name in names for n in score.track(name).notes]
    if not notes:
        raise RequestError(f"'{region.name}' plays nothing, so nothing is {region.kind} it; give bars or seconds")
    first = score.bar_at(min(n.start for n in notes))
    if region.kind == "after":
        return bar_span(score, first, score.n_bars)
    if region.kind == "before":
        if first == 0:
            raise RequestError(f"nothing is before '{region.name}': it enters in bar 1")
        return _just_before(region, bar_span(score, 0, first), score)
    last = score.bar_at(max(n.start for n in notes))
    return bar_span(score, first, last + 1)


def steps_of(value: float) -> int:
    """A whole number of semitones, rounding halves away from zero."""
    return int(math.copysign(math.floor(abs(value) + 0.5), value))
