"""The offline SoundFont player: a score in, one stereo stem per track out.

Every note is made on its own and added at its sample; nothing is shared between tracks but a cache, and a note's sound
before its envelope is rendered to a length from a fixed ladder that depends on this note alone. So a stem's samples do
not depend on which other stems are rendered, on the order, or on what the cache holds.
"""

from __future__ import annotations

import math
import threading
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partimento.audio.parallel import map_in_order
from partimento.audio.waveform import Waveform
from partimento.errors import RequestError
from partimento.score import sampler_envelope as se
from partimento.score import sampler_voice as sv
from partimento.score.sampler_events import NoteEvent, chokes, note_events
from partimento.score.score import Score, Track
from partimento.score.sf2_zones import Region
from partimento.score.soundfont import DRUM_BANK, SoundFont, SoundFontInfo, find_soundfont, open_soundfont

Samples = NDArray[np.float32]

DEFAULT_SAMPLE_RATE = 44_100
ENGINES = ("builtin", "fluidsynth")
_MIDDLE_GAIN = math.sqrt(0.5)  # of each channel for a sound in the middle, at constant power
_CENTRED = 0.01  # pans up to 2 % of the way to a side count as the middle
_TIMBRE_VELOCITIES = 4  # modulators other than loudness follow the velocity in steps of this size
_TAIL_END = 2e-4  # a release curve that ends above this level was cut short and needs a fade
_LADDER = [4096 * 2.0 ** (k / 2.0) for k in range(64)]
_RAMP = np.arange(1 << 16, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class PresetChoice:
    """Which preset plays a program.

    Attributes:
        bank, program: of the preset in the font (bank 128 holds the drum kits).
        name: as in the font.
        exact: False when the font lacks what was asked for and this is the nearest.
    """

    bank: int
    program: int
    name: str
    exact: bool


def preset_for(font: SoundFont, program: int, is_drum: bool) -> PresetChoice:
    """The preset that plays a General MIDI program, or the nearest that the font has.

    Drums: the kit, else the kit that opens its group of eight (9 → 8), else the standard kit, else the lowest kit.
    Others: the program in bank 0, else in the lowest bank that has it, else the nearest of its General MIDI family
    (eight programs), else the nearest number.

    Raises:
        RequestError: the font has no preset of that kind at all.
    """
    if is_drum:
        kits = sorted(p for bank, p in font.presets if bank == DRUM_BANK)
        if not kits:
            raise RequestError(f"the SoundFont {font.path.name} has no drum kit (bank {DRUM_BANK}); choose another SoundFont")
        bank, chosen = DRUM_BANK, next((p for p in (program, program // 8 * 8, 0) if p in kits), kits[0])
    else:
        melodic = sorted((p, bank) for bank, p in font.presets if bank != DRUM_BANK)
        if not melodic:
            raise RequestError(f"the SoundFont {font.path.name} has only drum kits; choose another SoundFont")
        chosen, bank = min(melodic, key=lambda pb: (pb[0] // 8 != program // 8, abs(pb[0] - program), pb[1]))
    return PresetChoice(bank, chosen, font.preset_name(bank, chosen), chosen == program)


class NoteCache:
    """Rendered notes (before envelope and gain) for reuse: the least recently used go when the memory is spent.

    Args:
        max_bytes: memory to keep.
    """

    def __init__(self, max_bytes: int = 192 << 20) -> None:
        self.max_bytes = max_bytes
        self.n_bytes = 0
        self._bodies: OrderedDict[tuple[Any, ...], sv.Body] = OrderedDict()
        self._voices: dict[tuple[Region, int, int], sv.Voice | None] = {}
        self._places: dict[tuple[sv.Voice, int, int], tuple[tuple[Any, ...], tuple[Any, ...] | None, float | None]] = {}
        self._lock = threading.Lock()

    def voice(self, font: SoundFont, region: Region, key: int, velocity: int) -> sv.Voice | None:
        """The numbers of a region at a key; velocity counts only where more than the loudness follows it."""
        if region.timbre_follows_velocity:
            velocity = velocity // _TIMBRE_VELOCITIES * _TIMBRE_VELOCITIES + _TIMBRE_VELOCITIES // 2
        else:
            velocity = 0
        place = (region, key, velocity)
        if place not in self._voices:
            if len(self._voices) > 20_000:
                self._voices.clear()
            voice = sv.make_voice(region, key, velocity, len(font.wave(region.sample)))
            return self._voices.setdefault(place, voice)  # one voice for all threads: bodies are kept by voice
        return self._voices[place]

    def body(self, font: SoundFont, voice: sv.Voice, n: int, sample_rate: int, off: int) -> sv.Body:
        """At least ``n`` samples of a voice (fewer only where its sample ends).

        Args:
            font: holds the voice's sample.
            voice: what to play.
            n: samples needed.
            sample_rate: Hz.
            off: sample at which the key is let go.
        """
        length = _ladder(n)
        if (voice, sample_rate, length) in self._places or voice.steady:
            return self._steady_body(font, voice, length, sample_rate)
        released = off if voice.depends_on_length else None
        wave = font.wave(voice.region.sample)
        # All of it: what is kept is what was asked for by the same note, and shorter only where its sample ends.
        return self._kept(
            (voice, sample_rate, length, released), 0, lambda: sv.render_body(wave, voice, length, sample_rate, released)
        )

    def _steady_body(self, font: SoundFont, voice: sv.Voice, length: int, sample_rate: int) -> sv.Body:
        """A voice whose long notes begin as its short ones do: one body for all lengths, and one resampled sound for all
        voices that read a sample at one speed."""
        key = (voice, sample_rate, length)
        place = self._places.get(key)
        if place is None:
            if len(self._places) > 100_000:
                self._places.clear()
            cutoff = sv.cutoff_of(voice, length, sample_rate)
            place = self._places[key] = (font, sample_rate, voice.pitch_source), voice.colour(cutoff), cutoff
        source, colour, cutoff = place

        def plain() -> sv.Body:
            return sv.Body(sv.pitched(font.wave(voice.region.sample), voice, length, sample_rate), None)

        if colour is None:
            return self._kept(source, length, plain)
        return self._kept(
            (source, colour), length, lambda: sv.coloured(self._kept(source, length, plain).held, voice, sample_rate, cutoff)
        )

    def _kept(self, place: tuple[Any, ...], length: int, render: Callable[[], sv.Body]) -> sv.Body:
        """The body at a place, rendered when there is none or only one of fewer than ``length`` samples."""
        with self._lock:
            body = self._bodies.get(place)
            if body is not None and len(body.held) >= length:
                self._bodies.move_to_end(place)
                return body
        body = render()
        with self._lock:
            before = self._bodies.pop(place, None)
            if before is not None:
                self.n_bytes -= before.n_bytes
                body = max(body, before, key=lambda b: len(b.held))  # another thread may have made a longer one meanwhile
            self._bodies[place] = body
            self.n_bytes += body.n_bytes
            while self.n_bytes > self.max_bytes and len(self._bodies) > 1:
                self.n_bytes -= self._bodies.popitem(last=False)[1].n_bytes
        return body


def _ladder(n: int) -> int:
    """The next length of the ladder 4096 x 2^(k/2): few lengths, and each follows from the note alone."""
    return int(_LADDER[bisect_left(_LADDER, n)]) + 1


_SHARED_CACHE = NoteCache()


def render_tracks(
    score: Score,
    soundfont: str | SoundFontInfo | None = None,
    sample_rate: int = DEFAULT_SAMPLE_RATE,
    tracks: Iterable[str] | None = None,
    cache: NoteCache | None = None,
    *,
    loop: bool = False,
    engine: str = "builtin",
) -> dict[str, Waveform]:
    """Play a score, each track on its own.

    Args:
        score: what to play.
        soundfont: see :func:`partimento.score.soundfont.find_soundfont`.
        sample_rate: Hz of the result, 8000 to 192000.
        tracks: names of the tracks to render; None for all.
        cache: rendered notes to reuse; None for one shared by the process. It never changes the result.
        loop: what rings on after the end is added at the start, for a piece that repeats without a seam.
        engine: ``builtin``, or ``fluidsynth`` (the system's library; its notes begin on a grid of 64 samples).

    Returns:
        Stereo float32 stems by track name in score order, each ``round(score.duration_s * sample_rate)`` samples, dry,
        at the font's own levels.

    Raises:
        RequestError: an unknown track name or engine, or an unusable sample rate.
        MissingDependencyError: FluidSynth is asked for and not installed.
        FileError: the SoundFont is missing or corrupt.
    """
    if not 8_000 <= sample_rate <= 192_000:
        raise RequestError(f"sample rate {sample_rate} Hz is outside 8000 to 192000 Hz")
    wanted = None if tracks is None else list(tracks)
    unknown = [name for name in wanted or () if name not in {t.name for t in score.tracks}]
    if unknown:
        names = ", ".join(t.name for t in score.tracks)
        raise RequestError(f"the score has no track '{unknown[0]}'; its tracks are {names}")
    info = soundfont if isinstance(soundfont, SoundFontInfo) else find_soundfont(soundfont)
    font = open_soundfont(info.path)
    notes = cache if cache is not None else _SHARED_CACHE
    if engine not in ENGINES:
        raise RequestError(f"unknown engine '{engine}'; known: {', '.join(ENGINES)}")
    chosen = [track for track in score.tracks if wanted is None or track.name in wanted]
    if engine == "fluidsynth":
        stems = _fluidsynth_stems(font, score, chosen, sample_rate, loop)
    else:
        stems = map_in_order(lambda track: render_track(font, score, track, sample_rate, notes, loop), chosen)
    return {track.name: Waveform(stem, sample_rate) for track, stem in zip(chosen, stems, strict=True)}


def render_track(font: SoundFont, score: Score, track: Track, sample_rate: int, cache: NoteCache, loop: bool = False) -> Samples:
    """One stem, ``[2, n]``; a track all of whose sound is in the middle has one channel in memory, seen twice."""
    n = round(score.duration_s * sample_rate)
    extra = round((se.MAX_TAIL_S + 5.0) * sample_rate) if loop else 0
    desk = _Desk(n + extra)
    if track.notes:
        choice = preset_for(font, track.program, track.is_drum)
        regions = font.regions(choice.bank, choice.program)
        plays: list[tuple[NoteEvent, Region]] = []
        near: dict[int, list[Region]] = {}  # of a preset's many regions few sound at a key
        for event in note_events(score, track, sample_rate):
            if event.on >= n:
                continue
            if event.key not in near:
                near[event.key] = [region for region in regions if region.keys[0] <= event.key <= region.keys[1]]
            plays += [(event, region) for region in near[event.key] if region.sounds(event.key, event.velocity)]
        for (event, region), choke in zip(plays, chokes(plays), strict=True):
            voice = cache.voice(font, region, event.key, event.velocity)
            if voice is not None:
                _play(desk, font, voice, event, choke, sample_rate, cache)
    return desk.stereo(n)


def _fluidsynth_stems(font: SoundFont, score: Score, tracks: list[Track], sample_rate: int, loop: bool) -> list[Samples]:
    """Stems by FluidSynth, each ``[2, n]``; one instance plays them one after the other."""
    from partimento.score.fluidsynth import Synth

    n = round(score.duration_s * sample_rate)
    tail = round(se.MAX_TAIL_S * sample_rate) if loop else 0
    stems: list[Samples] = []
    with Synth(font.path, sample_rate) as synth:
        for track in tracks:
            notes = [(e.on, e.off, e.key, e.velocity) for e in note_events(score, track, sample_rate) if e.on < n]
            if notes:
                choice = preset_for(font, track.program, track.is_drum)
                synth.select(choice.bank, choice.program)
            stems.append(_folded(synth.render(notes, n + tail), n) if notes else np.zeros((2, n), np.float32))
    return stems


class _Desk:
    """Sums of a track: the middle, and the sides only once something is panned."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.middle: Samples | None = None
        self.sides: Samples | None = None
        self._scratch = np.empty(1 << 14, np.float32)

    def add(self, at: int, sound: Samples, pan: float) -> None:
        """Add a mono sound, scaled for the middle, at a sample; placed from -0.5 (left) to 0.5 (right), constant power."""
        sound = sound[: max(0, self.n - at)]
        end = at + len(sound)
        if abs(pan) <= _CENTRED:
            if self.middle is None:
                self.middle = np.zeros(self.n, np.float32)
            self.middle[at:end] += sound
            return
        if self.sides is None:
            self.sides = np.zeros((2, self.n), np.float32)
        angle = (pan + 0.5) * math.pi / 2
        if len(sound) > len(self._scratch):
            self._scratch = np.empty(2 * len(sound), np.float32)
        scratch = self._scratch[: len(sound)]
        for channel, gain in enumerate((math.cos(angle), math.sin(angle))):
            if gain > 1e-6:
                np.multiply(sound, np.float32(gain / _MIDDLE_GAIN), out=scratch)
                self.sides[channel, at:end] += scratch

    def stereo(self, n: int) -> Samples:
        """Both channels, cut to ``n`` samples; what lies beyond is folded back to the start."""
        if self.sides is None:
            mono = np.zeros(n, np.float32) if self.middle is None else _folded(self.middle[None], n)[0]
            return np.broadcast_to(mono, (2, n))
        if self.middle is not None:
            self.sides += self.middle
        return _folded(self.sides, n)


def _folded(channels: Samples, n: int) -> Samples:
    """The first ``n`` samples with all later ones added modulo ``n``."""
    if channels.shape[1] == n:
        return channels
    out = channels[:, :n].copy()
    for at in range(n, channels.shape[1], n):
        part = channels[:, at : at + n]
        out[:, : part.shape[1]] += part
    return out


def _play(
    desk: _Desk, font: SoundFont, voice: sv.Voice, event: NoteEvent, choke: int | None, sample_rate: int, cache: NoteCache
) -> None:
    """Add one region of one note: key down, released, cut off."""
    env = voice.volume
    off = event.off
    falling = se.release_curve(env.release_s, sample_rate)
    cutting = se.release_curve(min(se.CHOKE_RELEASE_S, env.release_s), sample_rate)
    cut = math.inf if choke is None else choke
    if cut <= off:
        off, falling, cut = int(cut), cutting, math.inf
    last = off + len(falling)
    if cut < last:
        last = min(last, int(cut) + len(cutting))
    decayed = voice.decay_end(sample_rate)
    need = int(min(last, voice.wave_end(sample_rate), decayed if decayed <= off else math.inf))
    body = cache.body(font, voice, need, sample_rate, off)
    n = min(need, len(body.held))
    if n <= 0:
        return
    gain = np.float32(_MIDDLE_GAIN * voice.gain * sv.velocity_gain(voice.region, event.key, event.velocity))
    curve = se.volume_curve(env, _ladder(min(off, n) + 1), sample_rate)
    sound = np.empty(n, np.float32)
    down = min(off, n)
    np.multiply(body.held[:down], curve[:down], out=sound[:down])
    sound[:down] *= gain
    if n > down:
        level = curve[down] * gain
        stop = int(min(cut, n))
        np.multiply(_released(body, voice, down, n, sample_rate), level, out=sound[down:])
        sound[down:stop] *= falling[: stop - down]
        if n > stop:
            sound[stop:] *= falling[stop - down] * cutting[: n - stop]
        if n == last and falling[-1] > _TAIL_END and cut == math.inf:
            tail = min(n - down, sample_rate // 4)
            sound[n - tail :] *= np.linspace(1.0, 0.0, tail, dtype=np.float32)
    desk.add(event.on, sound, voice.pan)


def _released(body: sv.Body, voice: sv.Voice, down: int, n: int, sample_rate: int) -> Samples:
    """Body from the release on: the filter goes from where it was to rest as the modulation envelope dies away."""
    held = body.held[down:n]
    if body.closed is None:
        return held
    level = float(se.modulation_curve(voice.modulation, np.array([down / sample_rate]))[0])
    if abs(voice.mod_env_to_filter) * level < 100.0:
        return held
    closed = body.closed[down:n]
    step = 1.0 / (level * voice.modulation.release_s * sample_rate)
    moving = min(n - down, math.ceil(1.0 / step))
    weight = np.maximum(np.float32(0), 1.0 - _ramp(moving) * np.float32(step))
    out = closed.copy()
    out[:moving] += (held[:moving] - closed[:moving]) * weight
    return out


def _ramp(n: int) -> Samples:
    """0, 1, 2 ... as float32 ``[n]``."""
    return _RAMP[:n] if n <= len(_RAMP) else np.arange(n, dtype=np.float32)
