"""The truth about a rendered item in seconds, read off its score: beats, chords, melody, keys, sections."""

from __future__ import annotations

from typing import Any

from partimento.score.score import Score, Track

_BREATH_S = 1.0


def annotate(score: Score) -> dict[str, Any]:
    """Plain values for ``item.json``.

    Returns:
        ``beats`` and ``downbeats`` (seconds), ``chords`` ``[start, end, symbol]``, ``melody`` ``[onset, offset, pitch]``
        of the first melody track as played, ``keys`` ``[start, name]``, ``sections`` ``[start, end, name]``, ``tempo_bpm``
        and ``metre``.
    """
    seconds = score.tempo_map.seconds

    def at(quarter: float) -> float:
        return round(seconds(quarter), 4)

    beats, downbeats = [], []
    for bar in range(score.n_bars):
        low, high = score.bar_span(bar)
        downbeats.append(at(low))
        beats += [at(low + beat) for beat in score.metre_at(bar).beat_quarters if low + beat < high - 1e-6]
    tune = next((t for t in score.tracks if t.role == "melody"), None)
    starts = [*score.bar_starts, score.length]
    return {
        "tempo_bpm": score.tempo_bpm,
        "metre": str(score.metre),
        "beats": beats,
        "downbeats": downbeats,
        "chords": [[at(c.start), at(c.end), c.chord.symbol] for c in score.chords],
        "melody": [] if tune is None else [[round(at(n.start) + n.nudge_s, 4), at(n.end), n.pitch] for n in tune.notes],
        "keys": [[at(k.at), f"{k.key.spell(k.key.tonic)} {k.key.mode}"] for k in score.keys],
        "sections": [[at(starts[s.start_bar]), at(starts[min(s.end_bar, len(starts) - 1)]), s.name] for s in score.sections],
    }


def active_spans(score: Score, track: Track) -> list[list[float]]:
    """When a track plays: ``[start, end]`` in seconds, in order; rests of up to a second do not part spans."""
    at = score.tempo_map.seconds
    spans: list[list[float]] = []
    for start, end in sorted((at(note.start), at(note.end)) for note in track.notes):
        if spans and start - spans[-1][1] <= _BREATH_S:
            spans[-1][1] = max(spans[-1][1], end)
        else:
            spans.append([start, end])
    return [[round(start, 2), round(end, 2)] for start, end in spans]
