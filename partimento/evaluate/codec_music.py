"""What can still be heard of the music after a codec: onsets, beats, chords, and a buzz that was not there.

Heard by :mod:`partimento.listen`, in the original and in the decoded sound alike. Beats and chords are compared with the truth
where a rendered item brings it, so what the listener itself gets wrong shows in the original's row; onsets are compared with
those heard in the original.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from partimento.audio.waveform import Waveform
from partimento.metrics.beat_f1 import beat_f1
from partimento.metrics.chord_overlap import Span, majmin_overlap

ONSET_TOLERANCE_S = 0.05
Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A sound to measure on.

    Attributes:
        samples: mono ``[n]``.
        beats_s: true beats in seconds; None where nobody knows.
        chords: true chords, labels in Harte's syntax; None where nobody knows.
    """

    samples: Samples
    beats_s: tuple[float, ...] | None = None
    chords: tuple[Span, ...] | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """What the listener says of a sound.

    Attributes:
        onsets_s, beats_s: rising, in seconds.
        chords: without gaps.
        buzz_hz: spacing of a constant comb of lines, 0 when there is none.
    """

    onsets_s: tuple[float, ...]
    beats_s: tuple[float, ...]
    chords: tuple[Span, ...]
    buzz_hz: float


@dataclass(frozen=True, slots=True)
class Kept:
    """How much of the music of several sounds is kept; None where no truth is known.

    Attributes:
        onsets: mean F1 of onsets within 50 ms of those heard in the originals, 0 to 1; sounds without any are left out.
        beats: mean F1 of the beats heard against the true ones.
        chords: mean overlap of major and minor triads heard with the true ones.
        buzzing: sounds with a buzz that their originals lack.
    """

    onsets: float | None
    beats: float | None
    chords: float | None
    buzzing: int


def held_out(path: Path, samples: Samples, sample_rate: int) -> HeldOut:
    """A sound with the truth that its rendered item says of it, cut to its length.

    Args:
        path: of the sound file; a rendered item's lies beside its ``item.json``.
        samples: mono, from the file's beginning.
        sample_rate: Hz.

    Raises:
        FileError, ParseError: an ``item.json`` that cannot be read.
    """
    from partimento.data.render_files import ITEM, MIX
    from partimento.evaluate.audio_lm.windows import read_item
    from partimento.score.chord_names import harte, parse_chord

    if path.name != MIX or not (path.parent / ITEM).exists():
        return HeldOut(samples)
    item, end = read_item(path.parent), len(samples) / sample_rate
    chords = [(float(a), min(float(b), end), harte(parse_chord(name))) for a, b, name in item["chords"] if a < end]
    return HeldOut(samples, tuple(float(t) for t in item["beats"] if t < end), tuple(chords) or None)


def hear(samples: Samples, sample_rate: int) -> Heard:
    """Listen to a mono sound ``[n]``."""
    from partimento.listen.chords import recognise_chords
    from partimento.listen.onsets import onset_times
    from partimento.listen.quality import buzz_rate_hz
    from partimento.listen.spectrum import Sound
    from partimento.listen.tempo import track_beats

    sound = Sound.of(Waveform(np.array(samples, dtype=np.float32)[None, :], sample_rate))
    beats = track_beats(sound)
    chords = tuple((c.start_s, c.end_s, c.label) for c in recognise_chords(sound, beats))
    return Heard(tuple(float(t) for t in onset_times(sound)), beats.times_s, chords, buzz_rate_hz(sound))


def kept(sounds: Sequence[HeldOut], originals: Sequence[Heard], decoded: Sequence[Heard]) -> Kept:
    """Compare what is heard in decoded sounds with the originals and with the truth, in the same order.

    Raises:
        MissingDependencyError: ``mir_eval`` is not installed.
    """
    from partimento.metrics.mir import mir_eval_module

    onsets, beats, chords = [], [], []
    for sound, before, after in zip(sounds, originals, decoded, strict=True):
        a, b = np.array(before.onsets_s), np.array(after.onsets_s)
        if len(a) and len(b):
            onsets.append(float(mir_eval_module("onset").f_measure(a, b, window=ONSET_TOLERANCE_S)[0]))
        elif len(a) or len(b):
            onsets.append(0.0)
        if sound.beats_s:
            beats.append(beat_f1(sound.beats_s, after.beats_s))
        if sound.chords:
            chords.append(majmin_overlap(sound.chords, after.chords))
    buzzing = sum(after.buzz_hz > 0 and not before.buzz_hz for before, after in zip(originals, decoded, strict=True))
    return Kept(_mean(onsets), _mean(beats), _mean(chords), buzzing)


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
