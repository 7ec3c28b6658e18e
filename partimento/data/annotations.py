"""The truth about a rendered item in seconds, read off its score: beats, chords, melody, keys, sections."""

from __future__ import annotations

from typing import Any

from partimento.score.score import Score


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
