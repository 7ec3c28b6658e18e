"""What an edit of a recording asks of the ear: beats, bars, key, changes; each heard once and only when asked for."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from partimento.audio.waveform import Waveform
from partimento.errors import UnsupportedError
from partimento.listen.chords import recognise_chords
from partimento.listen.chroma import Chroma, chroma
from partimento.listen.key import KeyFound, find_key
from partimento.listen.metre import MetreGuess, guess_metre
from partimento.listen.onsets import OnsetEnvelope, onset_envelope
from partimento.listen.spectrum import Sound
from partimento.listen.structure import section_boundaries
from partimento.listen.tempo import Beats, track_beats

LEAST_PULSE = 0.62
"""Confidence of the beats below which bars are not counted: noise comes to 0.39–0.59, played music to 0.8 and more."""
_FIRST_SOUND_DB = -40.0
_LEAST_BEATS = 8
_START_BONUS = 0.4
_LEAST_RISE = 0.04
"""Mean rise of the mel bands (nepers of power) at the median beat below which nothing is struck: held tones, slow swells and
sweeps come to 0.01 at most, held strings to 0.16, struck music to 0.3 and more."""
_COMPRESSION, _LAG, _NEAR_FRAMES = 3e4, 2, 4  # as in :mod:`partimento.listen.onsets`
_LEAST_FIRST_BAR = 0.5
"""Sound before the first bar line that lasts a larger share of a bar than this is bar 1, not a pickup."""
_SEEN_S = 0.05


class Ear:
    """What is heard in a recording.

    Args:
        wave: the recording.
    """

    def __init__(self, wave: Waveform) -> None:
        self.wave = wave
        self.sound = Sound(wave)

    @cached_property
    def envelope(self) -> OnsetEnvelope:
        """Onset strength."""
        return onset_envelope(self.sound)

    @cached_property
    def beats(self) -> Beats:
        """Beats and tempo."""
        return track_beats(self.sound, envelope=self.envelope)

    @cached_property
    def chroma(self) -> Chroma:
        """Note strengths."""
        return chroma(self.sound)

    @cached_property
    def metre(self) -> MetreGuess:
        """Beats per bar and first beats, before :attr:`bars` extends and corrects them."""
        return guess_metre(self.beats, self.envelope, self.chroma)

    @cached_property
    def key(self) -> KeyFound:
        """The key."""
        chords = recognise_chords(self.sound, self.beats if self.has_pulse else None, self.chroma)
        return find_key(self.sound, self.chroma, chords)

    @property
    def has_pitch(self) -> bool:
        """False for silence and noise without pitch."""
        return bool(self.chroma.level.any()) and float(np.ptp(self.chroma.treble.sum(axis=0))) > 0

    @cached_property
    def boundaries_s(self) -> tuple[float, ...]:
        """Where the music changes."""
        return section_boundaries(self.sound, self.chroma)

    @property
    def has_pulse(self) -> bool:
        """True when there are beats to count: regular ones, on which something begins to sound."""
        if len(self.beats.times_s) < _LEAST_BEATS or self.beats.confidence < LEAST_PULSE:
            return False
        return self._rise_at_beats >= _LEAST_RISE

    @cached_property
    def _rise_at_beats(self) -> float:
        """How much louder it gets at the median beat; the onset envelope is scaled to itself and cannot tell."""
        level = np.log1p(_COMPRESSION * self.sound.mel)
        rise = np.maximum(level[_LAG:] - level[:-_LAG], 0.0).mean(axis=1)
        rate = self.sound.onset_frame_rate_hz
        at = [max(0, round(time * rate) - _LAG) for time in self.beats.times_s]
        return float(np.median([rise[max(0, a - _NEAR_FRAMES) : a + _NEAR_FRAMES].max(initial=0.0) for a in at]))

    @property
    def tempo_bpm(self) -> float:
        """The tempo.

        Raises:
            UnsupportedError: there is no pulse.
        """
        if not self.has_pulse:
            raise UnsupportedError("no steady pulse is heard in this recording; give the change as a factor (e.g. 10 % faster)")
        return self.beats.tempo_bpm

    @cached_property
    def bars(self) -> tuple[int, ...]:
        """Bar lines as samples, ascending, the end of the last bar among them; bar 1 begins at the first.

        The first beat of the bar is where accents say, leaning to the beat on which the sound begins. Bars before the
        first beat that was tracked and after the last are counted on at the tempo. What sounds before the first of these
        lines is a pickup without a number when it lasts half a bar at most; longer, it is bar 1.

        Raises:
            UnsupportedError: there is no pulse to count.
        """
        if not self.has_pulse or self.metre.beats_per_bar < 2:
            raise UnsupportedError(
                "no steady pulse is heard, so bars cannot be counted; give the place in seconds (--from, --to)"
            )
        beats, n = self.beats, self.metre.beats_per_bar
        times = np.array(beats.times_s)
        period = 60.0 / beats.tempo_bpm
        n_before = int((times[0] + 0.3 * period) // period)
        n_after = int((self.wave.duration_s - times[-1] + 0.2 * period) // period)
        early = times[0] - period * np.arange(n_before, 0, -1)
        late = times[-1] + period * np.arange(1, n_after + 1)
        every = np.concatenate([early, times, late])
        first = self._phase(every, n)
        lines = [max(0, round(float(t) * self.wave.sample_rate)) for t in every[first::n]]
        if len(lines) > 1 and self.wave.n_samples - lines[-1] < 0.5 * period * self.wave.sample_rate:
            lines.pop()  # what is left is the end of the bar before
        bar = n * period * self.wave.sample_rate
        if lines[0] - self.first_sound_s * self.wave.sample_rate > _LEAST_FIRST_BAR * bar:
            lines.insert(0, max(0, lines[0] - round(bar)))
        end = lines[-1] + round(bar)
        return (*lines, min(end, self.wave.n_samples)) if lines[-1] < self.wave.n_samples else tuple(lines)

    @property
    def bar_samples(self) -> float:
        """Length of a bar: the median, because the first and the last may be cut short.

        Raises:
            UnsupportedError: there is no pulse to count.
        """
        return float(np.median(np.diff(self.bars))) if len(self.bars) > 1 else float(self.bars[0])

    def _phase(self, every: np.ndarray, n: int) -> int:
        """Which beat (0 to n - 1) of all begins a bar."""
        scores = np.zeros(n)
        guessed = self.metre.downbeats_s
        for phase, accent in enumerate(self.metre.phase_accents):
            at = int(np.argmin(np.abs(every - self.beats.times_s[phase])))
            scores[at % n] = accent
        if not self.metre.phase_accents and guessed:
            scores[int(np.argmin(np.abs(every - guessed[0]))) % n] = 1.0
        scores[int(np.argmin(np.abs(every - self.first_sound_s))) % n] += _START_BONUS
        return int(np.argmax(scores))

    @property
    def first_sound_s(self) -> float:
        """Where the sound begins: the first 10 ms within 40 dB of the loudest."""
        size = max(1, self.wave.sample_rate // 100)
        mono = self.wave.mono()
        n = len(mono) // size
        if n == 0:
            return 0.0
        level = np.abs(mono[: n * size]).reshape(n, size).max(axis=1)
        loud = np.flatnonzero(level > 10 ** (_FIRST_SOUND_DB / 20) * level.max(initial=0.0))
        return float(loud[0]) * size / self.wave.sample_rate if len(loud) else 0.0

    def beat_near(self, sample: int, within_s: float) -> int | None:
        """The sample of the beat nearest to one, when there is a pulse and a beat that near."""
        if not self.has_pulse:
            return None
        times = np.array(self.beats.times_s)
        at = sample / self.wave.sample_rate
        nearest = float(times[int(np.argmin(np.abs(times - at)))])
        return round(nearest * self.wave.sample_rate) if abs(nearest - at) <= within_s else None

    def bars_text(self, start: int, end: int) -> str:
        """Seconds, and bars where they can be counted, of a stretch of samples."""
        rate = self.wave.sample_rate
        text = f"{start / rate:.2f}–{end / rate:.2f} s"
        if not self.has_pulse or self.metre.beats_per_bar < 2:
            return text
        slack = round(0.03 * rate)
        edges = np.array(self.bars)
        first = int(np.searchsorted(edges, start + slack, "right"))
        last = max(first, int(np.searchsorted(edges, end - slack, "left")))
        n = len(edges) - 1
        if first > n or last < 1:
            return text
        first, last = max(1, first), min(n, last)
        return f"{text} (" + (f"bar {first})" if first == last else f"bars {first}–{last})")

    @property
    def sureness(self) -> str:
        """How sure the bars are, in words, and where bar 1 begins when that is not the start."""
        text = f"beats {100 * self.beats.confidence:.0f} % sure, {self.metre.text} {100 * self.metre.confidence:.0f} % sure"
        begins = self.bars[0] / self.wave.sample_rate
        return f"{text}, bar 1 begins at {begins:.2f} s" if begins > _SEEN_S else text
