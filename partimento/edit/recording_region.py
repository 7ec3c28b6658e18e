"""Where an edit of a recording applies: a region as said → samples. Bars are those that are heard."""

from __future__ import annotations

from dataclasses import dataclass

from partimento.edit.recording_ear import Ear
from partimento.errors import RequestError, UnsupportedError
from partimento.plan.edit import Region

BEAT_PULL_S = 0.08
"""An edge given in seconds is pulled inwards onto a beat that lies this near: cuts are least heard there."""
_BAR_PULL_S = 2.0
_SHORT_PICKUP = 0.3
"""A pickup shorter than this share of a bar goes with bar 1."""
_FIRST = frozenset({"intro", "opening", "beginning", "start"})
_LAST = frozenset({"outro", "ending", "end", "coda"})


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of a recording.

    Attributes:
        start, end: first sample and first sample after it.
        whole: True for the whole recording.
        text: for people: seconds, bars when counted.
        how: how it was found, with how sure; empty when it was given in seconds.
    """

    start: int
    end: int
    whole: bool
    text: str
    how: str = ""

    @property
    def n_samples(self) -> int:
        """Length in samples."""
        return self.end - self.start

    def __str__(self) -> str:
        return self.text


def resolve_heard(region: Region, ear: Ear, *, exact: bool = False) -> Stretch:
    """The stretch of a recording that a region means.

    Args:
        region: as said; negative seconds count from the end.
        ear: of the recording.
        exact: leave edges in seconds exactly where they were said, even beside a beat.

    Raises:
        RequestError: it lies past the end. UnsupportedError: it needs bars, sections or instruments that are not heard.
    """
    n = ear.wave.n_samples
    if region.kind == "all":
        return Stretch(0, n, True, "the whole recording")
    if region.kind == "seconds":
        return _seconds(region, ear, exact)
    if region.kind == "fraction":
        return _fraction(region, ear)
    if region.kind in ("bars", "first_bars", "last_bars"):
        return _bars(region, ear)
    if region.kind == "section":
        return _section(region, ear)
    if region.kind in ("after", "before", "while"):
        raise UnsupportedError(
            f"where '{region.name}' is {'heard' if region.kind == 'while' else 'first heard'} cannot be told in a recording; "
            "give bars or seconds"
        )
    raise RequestError(f"unknown region '{region.kind}'; give bars or seconds")


def _seconds(region: Region, ear: Ear, exact: bool) -> Stretch:
    """A region in seconds; its edges move inwards onto near beats."""
    rate, n = ear.wave.sample_rate, ear.wave.n_samples
    duration = ear.wave.duration_s
    low, high = (_from_end(x, duration, default) for x, default in ((region.start, 0.0), (region.end, duration)))
    if not 0.0 <= low < high or low >= duration or high > duration + 0.05:
        asked = f"{region.start or 0:g} s to {'the end' if region.end is None else f'{region.end:g} s'}"
        raise RequestError(f"{asked}: the recording lasts {duration:.2f} s")
    start, end = round(low * rate), min(n, round(high * rate))
    if end <= start:
        raise RequestError(f"{low:g} s to {high:g} s is less than a sample")
    how = ""
    if not exact:
        first, last = ear.beat_near(start, BEAT_PULL_S), ear.beat_near(end, BEAT_PULL_S)
        pulled = (first if first and start and first > start else start, last if last and end < n and last < end else end)
        if pulled != (start, end) and pulled[1] - pulled[0] > rate // 4:
            (start, end), how = pulled, "edges moved inwards onto beats"
    return Stretch(start, end, start == 0 and end == n, ear.bars_text(start, end), how)


def _from_end(value: float | None, duration: float, default: float) -> float:
    """Seconds, negative ones from the end."""
    if value is None:
        return default
    return duration + value if value < 0 else value


def _fraction(region: Region, ear: Ear) -> Stretch:
    """A share of the recording, from bar line to bar line where bars are heard."""
    n, rate = ear.wave.n_samples, ear.wave.sample_rate
    low, high = region.start or 0.0, 1.0 if region.end is None else region.end
    if not 0.0 <= low < high <= 1.0 + 1e-6:
        raise RequestError(f"part {low:g} to {high:g} of the recording: give shares from 0 to 1, the first smaller")
    edges = [round(low * n), min(n, round(high * n))]
    how = ""
    if ear.has_pulse and ear.metre.beats_per_bar >= 2:
        for i, at in enumerate(edges):
            nearest = min(ear.bars, key=lambda line: abs(line - at))
            if 0 < at < n and abs(nearest - at) <= _BAR_PULL_S * rate:
                edges[i], how = nearest, f"from bar line to bar line as heard: {ear.sureness}"
    if edges[1] <= edges[0]:
        edges, how = [round(low * n), min(n, round(high * n))], ""
    return Stretch(edges[0], edges[1], edges == [0, n], ear.bars_text(*edges), how)


def _bars(region: Region, ear: Ear) -> Stretch:
    """Bars as heard; what rings after the last bar line belongs to the last bar."""
    lines = ear.bars
    n_bars = len(lines) - 1
    if region.kind == "bars":
        first = int(region.start or 1)
        last = n_bars if region.end is None else int(region.end)
        if not 1 <= first <= last or last > n_bars:
            raise RequestError(f"bars {first}-{last}: bars 1 to {n_bars} are heard ({ear.sureness}); or give seconds")
    else:
        count = int(region.start or 1)
        if not 1 <= count <= n_bars:
            raise RequestError(f"{region.kind.replace('_', ' ')} {count}: {n_bars} bars are heard ({ear.sureness})")
        first, last = (1, count) if region.kind == "first_bars" else (n_bars - count + 1, n_bars)
    start = 0 if first == 1 and lines[0] < _SHORT_PICKUP * ear.bar_samples else lines[first - 1]
    end = ear.wave.n_samples if last == n_bars else lines[last]
    return Stretch(start, end, start == 0 and end == ear.wave.n_samples, ear.bars_text(start, end),
                   f"bars as heard: {ear.sureness}")  # fmt: skip


def _section(region: Region, ear: Ear) -> Stretch:
    """First or last section; the others have no names that could be heard."""
    edges = [0, *(round(s * ear.wave.sample_rate) for s in ear.boundaries_s), ear.wave.n_samples]
    name = region.name.lower()
    if name in _FIRST | _LAST and len(edges) > 2:
        start, end = (edges[0], edges[1]) if name in _FIRST else (edges[-2], edges[-1])
        if ear.has_pulse:
            start, end = (ear.beat_near(x, 1.0) or x if 0 < x < edges[-1] else x for x in (start, end))
        return Stretch(start, end, False, ear.bars_text(start, end), f"the {'first' if name in _FIRST else 'last'} section heard")
    times = ", ".join(f"{s:.1f}" for s in ear.boundaries_s)
    where = f"the music changes at {times} s" if times else "no change of section is heard"
    raise UnsupportedError(
        f"sections of a recording have no names, so '{region.name}' is not found; {where}: give seconds or bars"
    )
