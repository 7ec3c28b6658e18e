"""Does every metric get worse when the music does? Growing noise, detuning, delay and wrong chords, metric by metric.

    partimento evaluate sanity --out docs/figures

The pieces are our own, composed and rendered for the purpose, so that chords and beats are known exactly. A metric is only
asked about what it claims to see: a chroma need not notice a delay of 20 ms.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from partimento.audio import Waveform, resample
from partimento.evaluate.exact import block_notes
from partimento.evaluate.systems.controls import controls_of
from partimento.listen import Heard, listen_to
from partimento.metrics.beat_f1 import beat_f1
from partimento.metrics.chord_recall import chord_recall
from partimento.metrics.chroma_cosine import chroma_cosine
from partimento.metrics.frechet_distance import frechet_distance
from partimento.metrics.kernel_distance import kernel_distance
from partimento.metrics.kl_divergence import kl_divergence
from partimento.metrics.log_mel_statistics import LogMelStatistics
from partimento.metrics.log_spectral_distance import log_spectral_distance_db
from partimento.metrics.mel_distance import mel_distance
from partimento.metrics.mel_ssim import SAMPLE_RATE as SSIM_RATE
from partimento.metrics.mel_ssim import mel_ssim
from partimento.metrics.melody_accuracy import melody_accuracy
from partimento.metrics.note_onset_f1 import note_f1
from partimento.metrics.si_sdr import si_sdr_db
from partimento.metrics.structure_boundaries import boundary_f1
from partimento.pipeline import generate
from partimento.plan.request import GenerateRequest
from partimento.score.chord_names import harte
from partimento.score.mix import render_mix
from partimento.score.score import ChordSpan, Score, Track
from partimento.tables import markdown_table

RATE = 32_000
PROMPTS = (
    "calm piano and strings, 90 bpm, 8 bars", "funk with guitar, bass and drums, 104 bpm, 8 bars",
    "bossa nova, guitar and flute, 120 bpm, 8 bars", "rock, 128 bpm, 12 bars",
    "string quartet, 80 bpm, 8 bars", "techno, 126 bpm, 12 bars",
)  # fmt: skip
NOISE_DB = (30.0, 20.0, 10.0, 0.0)
CENTS = (10.0, 20.0, 35.0, 50.0)
DELAY_S = (0.02, 0.06, 0.12, 0.2)
BEAT_DELAY_S = (0.06, 0.09, 0.14, 0.25)
JITTER_S = (0.02, 0.04, 0.08, 0.16)
PITCH_CENTS = (20.0, 40.0, 80.0, 160.0)
BOUNDARY_S = (0.2, 0.4, 0.8, 1.6)
WRONG_CHORDS = (0.1, 0.25, 0.5, 1.0)
Mono = NDArray[np.float32]


@dataclass(frozen=True)
class Line:
    """A metric under one kind of damage.

    Attributes:
        metric, damage: names.
        amounts: how they are written.
        values: of the undamaged sound, then at each amount.
        less: True when less is better.
    """

    metric: str
    damage: str
    amounts: tuple[str, ...]
    values: tuple[float, ...]
    less: bool

    @property
    def ordered(self) -> bool:
        """True when every step is worse than the one before."""
        steps = np.diff(np.array([min(v, 1e3) for v in self.values]))
        return bool((steps > 0).all() if self.less else (steps < 0).all())


@dataclass(frozen=True)
class _Piece:
    mono: Mono
    score: Score


def noisy(mono: Mono, snr_db: float, seed: int) -> Mono:
    """White noise at a signal-to-noise ratio."""
    noise = np.random.default_rng(seed).normal(size=len(mono))
    level = np.sqrt(np.mean(np.square(mono, dtype=np.float64))) * 10.0 ** (-snr_db / 20.0)
    return np.asarray(mono + level * noise, dtype=np.float32)


def detuned(mono: Mono, cents: float) -> Mono:
    """Played faster by so many cents, cut or padded to its length."""
    rate = round(RATE * 2.0 ** (cents / 1200.0))
    moved = np.asarray(resample(Waveform(mono, rate), RATE).samples[0])
    return _fit(moved, len(mono))


def delayed(mono: Mono, seconds: float) -> Mono:
    """Later by so much, same length."""
    return _fit(np.concatenate([np.zeros(round(seconds * RATE), np.float32), mono]), len(mono))


def with_wrong_chords(spans: Sequence[ChordSpan], share: float, seed: int) -> tuple[ChordSpan, ...]:
    """A share of the chords (by count) moved by a tritone, which leaves no triad with more than one note in place."""
    chords = list(spans)
    for index in np.random.default_rng(seed).permutation(len(chords))[: round(share * len(chords))]:
        chord = chords[index].chord
        moved = replace(chord, root=(chord.root + 6) % 12, bass=(chord.bass + 6) % 12)
        chords[index] = replace(chords[index], chord=moved)
    return tuple(chords)


def evaluate_sanity(
    prompts: Sequence[str] = PROMPTS, progress: Callable[[Sequence[str]], Sequence[str]] | None = None
) -> tuple[Line, ...]:
    """All metrics under all damages that they should notice."""
    pieces = [_piece(text) for text in (progress(prompts) if progress else prompts)]
    lines: list[Line] = []
    damages: tuple[tuple[str, tuple[str, ...], tuple[Callable[[Mono, int], Mono], ...], tuple[str, ...]], ...] = (
        ("noise", tuple(f"{d:g} dB" for d in NOISE_DB), tuple(lambda m, s, d=d: noisy(m, d, s) for d in NOISE_DB),  # type: ignore[misc]
         ("FAD", "KAD", "mel distance", "LSD", "chroma cosine", "SSIM", "SI-SDR", "KLD")),
        ("detuning", tuple(f"{c:g} cents" for c in CENTS), tuple(lambda m, _s, c=c: detuned(m, c) for c in CENTS),  # type: ignore[misc]
         ("mel distance", "LSD", "chroma cosine", "SSIM")),
        ("delay", tuple(f"{1000 * t:g} ms" for t in DELAY_S), tuple(lambda m, _s, t=t: delayed(m, t) for t in DELAY_S),  # type: ignore[misc]
         ("mel distance", "SSIM")),
    )  # fmt: skip
    for name, amounts, apply, metrics in damages:
        sets = [[p.mono for p in pieces]] + [[f(p.mono, i) for i, p in enumerate(pieces)] for f in apply]
        for metric in metrics:
            of, less = _AUDIO[metric]
            lines.append(Line(metric, name, amounts, tuple(of(sets[0], s) for s in sets), less))
    return (*lines, _beats(pieces), *_notes(pieces), *_chords(pieces))


def as_markdown(lines: Sequence[Line]) -> str:
    """The table of the documentation."""
    rows = [
        [line.metric + (" ↓" if line.less else " ↑"), line.damage, _number(line.values[0]),
         *(f"{_number(v)} ({a})" for v, a in zip(line.values[1:], line.amounts, strict=True)), "yes" if line.ordered else "NO"]
        for line in lines
    ]  # fmt: skip
    return markdown_table(["metric", "damage", "none", "a little", "more", "much", "most", "worse at every step"], rows)


def _number(value: float) -> str:
    value = 0.0 if abs(value) < 1e-6 else value
    return f"{value:.3g}" if math.isfinite(value) and abs(value) < 1e3 else ("equal" if value > 0 else "-")


def _fit(samples: Mono, n: int) -> Mono:
    return np.asarray(np.pad(samples[:n], (0, max(0, n - len(samples)))))


def _piece(words: str) -> _Piece:
    result = generate(GenerateRequest(words, seed=1), audio_report=False)
    assert result.score is not None, "the score performer always gives a score"
    mono = resample(Waveform(result.audio.mono(), result.audio.sample_rate), RATE).samples[0]
    return _Piece(np.asarray(mono), result.score)


def _embedded(sounds: Sequence[Mono]) -> NDArray[np.float32]:
    model = LogMelStatistics()
    return np.concatenate([model.embed(s) for s in sounds])


def _fad(a: Sequence[Mono], b: Sequence[Mono]) -> float:
    return frechet_distance(_embedded(a), _embedded(b), small="shrink").value


def _kad(a: Sequence[Mono], b: Sequence[Mono]) -> float:
    return kernel_distance(_embedded(a), _embedded(b)).value


def _band_logits(mono: Mono) -> NDArray[np.float32]:
    """Mean log-mel levels as class scores: enough of a classifier to try KLD on."""
    return LogMelStatistics().embed(mono)[:, :48]


def _mean(of: Callable[[Mono, Mono], float]) -> Callable[[Sequence[Mono], Sequence[Mono]], float]:
    return lambda a, b: float(np.mean([of(x, y) for x, y in zip(a, b, strict=True)]))


def _at(mono: Mono, rate: int) -> Mono:
    return np.asarray(resample(Waveform(mono, RATE), rate).samples[0])


_AUDIO: dict[str, tuple[Callable[[Sequence[Mono], Sequence[Mono]], float], bool]] = {
    "FAD": (_fad, True),
    "KAD": (_kad, True),
    "KLD": (_mean(lambda a, b: kl_divergence(_band_logits(a), _band_logits(b))), True),
    "mel distance": (_mean(lambda a, b: mel_distance(a, b, RATE)), True),
    "LSD": (_mean(log_spectral_distance_db), True),
    "chroma cosine": (_mean(lambda a, b: chroma_cosine(a, b, RATE)), False),
    "SSIM": (_mean(lambda a, b: mel_ssim(_at(a, SSIM_RATE), _at(b, SSIM_RATE), log=True)), False),
    "SI-SDR": (_mean(si_sdr_db), False),
}


def _beats(pieces: Sequence[_Piece]) -> Line:
    """Beats of the written score against the same, later by so much, plus a tracker's own error of ±20 ms."""
    values = []
    for shift in (0.0, *BEAT_DELAY_S):
        found = []
        for index, piece in enumerate(pieces):
            true = np.array(controls_of(piece.score)["beats_s"])
            heard = true + np.random.default_rng(index).uniform(-0.02, 0.02, len(true)) + shift * np.linspace(0.2, 1.0, len(true))
            found.append(beat_f1(true, np.sort(np.maximum(heard, 0.0))))
        values.append(float(np.mean(found)))
    return Line("beat F1", "growing delay", tuple(f"{1000 * t:g} ms" for t in BEAT_DELAY_S), tuple(values), False)


def _notes(pieces: Sequence[_Piece]) -> tuple[Line, ...]:
    """Notes, melody and boundaries of the written score, with growing errors put on them."""
    notes = [_note_rows(piece.score) for piece in pieces]
    tunes = [_tune_hz(piece.score) for piece in pieces]
    edges = [np.array([*controls_of(piece.score)["downbeats_s"][::2], piece.score.duration_s]) for piece in pieces]

    def draws(index: int, like: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.random.default_rng(index).normal(size=like.shape))

    def moved(rows: NDArray[np.float64], seconds: float, index: int) -> NDArray[np.float64]:
        step = np.maximum(draws(index, rows[:, :1]) * seconds, -rows[:, :1])
        return np.asarray(rows + step * np.array([1.0, 1.0, 0.0]))

    found = {
        "note F1": [[note_f1(r, moved(r, t, i)) for i, r in enumerate(notes)] for t in (0.0, *JITTER_S)],
        "RPA": [
            [melody_accuracy(h, h * 2.0 ** (draws(i, h) * c / 1200.0))["rpa"] for i, h in enumerate(tunes)]
            for c in (0.0, *PITCH_CENTS)
        ],
        "boundary F1": [
            [boundary_f1(e, _shaken(e, draws(i, e) * t), 0.5) for i, e in enumerate(edges)] for t in (0.0, *BOUNDARY_S)
        ],
    }
    amounts = {
        "note F1": ("onsets ± s", tuple(f"{t:g} s" for t in JITTER_S)),
        "RPA": ("pitch ± cents", tuple(f"{c:g} cents" for c in PITCH_CENTS)),
        "boundary F1": ("boundaries ± s", tuple(f"{t:g} s" for t in BOUNDARY_S)),
    }
    return tuple(
        Line(name, *amounts[name], tuple(float(np.mean(step)) for step in steps), False) for name, steps in found.items()
    )


def _shaken(edges: NDArray[np.float64], steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Boundaries moved, except start and end."""
    inner = np.clip(edges + steps, edges[0] + 0.1, edges[-1] - 0.1)[1:-1]
    return np.unique(np.array([edges[0], *inner, edges[-1]]))


def _note_rows(score: Score) -> NDArray[np.float64]:
    """All pitched notes as ``[N, 3]``."""
    at = score.tempo_map.seconds
    rows = [(at(n.start), at(n.end), n.pitch) for track in score.tracks if not track.is_drum for n in track.notes]
    return np.array(rows, dtype=np.float64)


def _tune_hz(score: Score) -> NDArray[np.float64]:
    """Pitch of the first part every 10 ms, 0 where it rests."""
    at = score.tempo_map.seconds
    line = np.zeros(int(score.duration_s * 100))
    for note in next(t for t in score.tracks if not t.is_drum).notes:
        line[int(at(note.start) * 100) : int(at(note.end) * 100)] = 440.0 * 2.0 ** ((note.pitch - 69) / 12.0)
    return line


def _chords(pieces: Sequence[_Piece]) -> tuple[Line, ...]:
    """Block chords with a growing share of wrong ones, heard by our own recogniser; and their chroma."""
    recall: list[list[float]] = []
    cosine: list[list[float]] = []
    for share in (0.0, *WRONG_CHORDS):
        found, near = [], []
        for index, piece in enumerate(pieces):
            chords = piece.score.chords
            right, wrong = _block(piece.score, chords), _block(piece.score, with_wrong_chords(chords, share, index))
            heard: Heard = listen_to(Waveform(wrong, RATE))
            at = piece.score.tempo_map.seconds
            spans = [(at(c.start), at(c.end), harte(c.chord)) for c in chords]
            found.append(chord_recall(spans, [(c.start_s, c.end_s, c.label) for c in heard.chords], ["majmin"])["majmin"])
            n = min(len(right), len(wrong))
            near.append(chroma_cosine(right[:n], wrong[:n], RATE))
        recall.append(found)
        cosine.append(near)
    amounts = tuple(f"{100 * s:g} %" for s in WRONG_CHORDS)
    return (
        Line("chord_rec", "wrong chords", amounts, tuple(float(np.nanmean(v)) for v in recall), False),
        Line("chroma cosine", "wrong chords", amounts, tuple(float(np.mean(v)) for v in cosine), False),
    )


def _block(score: Score, spans: Sequence[ChordSpan]) -> Mono:
    """Chords as held block chords on a piano over their bass, at the score's tempo; mono."""
    upper, lower = block_notes(spans)
    notes = sorted((*upper, *lower), key=lambda n: (n.start, n.pitch))
    piano = Track("chords", "chords", "piano", 0, False, tuple(notes))
    audio = render_mix(replace(score, tracks=(piano,))).audio
    return np.asarray(resample(Waveform(audio.mono(), audio.sample_rate), RATE).samples[0])
