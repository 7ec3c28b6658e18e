"""What a user asks for: words and controls, everything that decides the output.

Requests are frozen, validated when made, and JSON-serialisable (:mod:`partimento.plan.serial`). The same object
serves Python, the command line and HTTP and is saved beside each output.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral, Real

from partimento.errors import RequestError
from partimento.plan.story import parse_story
from partimento.score.timing import MAX_TEMPO_BPM, MIN_TEMPO_BPM

MAX_WORDS = 4_000
MIN_DURATION_S = 2.0
MAX_DURATION_S = 1_800.0
MAX_BARS = 1_000
MAX_SEED = 2**63 - 1
_TEXTS = {
    "words": "calm piano and strings", "negative": "drums", "chords": "Am | F | C | G", "key": "A minor", "metre": "3/4",
    "style": "jazz", "melody": "tune.mid", "midi": "sketch.mid", "model": "score", "soundfont": "sounds.sf2",
    "story": "0: calm piano; 15: drums come in", "extends": "song.wav", "engine": "eager",
}  # fmt: skip
"""Text fields with an example of each."""
RECORDINGS = frozenset((".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff", ".opus"))
"""Suffixes that make ``melody`` a recording instead of a score."""
COMPOSERS = frozenset(("score", "mini-score"))
"""Performers that play the notes of a melody; all others hear it (:attr:`GenerateRequest.melody_is_heard`)."""
SAMPLING = {"top_k": "--top-k", "top_p": "--top-p", "temperature": "--temperature", "guidance": "--guidance"}
"""Fields of how a language model draws its codes, with their options."""
LEARNED_ONLY = SAMPLING | {"best_of": "--best-of"}
"""Fields that only language models know, with their options."""
MAX_BEST_OF = 32
_ALWAYS = frozenset(("words", "negative", "model", "engine"))  # never None


@dataclass(frozen=True, slots=True)
class GenerateRequest:
    """A request for a piece.

    Attributes:
        words: what is wanted, in English or Chinese; may be empty only when a control is given.
        duration_s: length in seconds, 2 to 1800; None leaves it to the words, else 30 s or the given bars.
        bars: length in bars, 1 to 1000. With both, the duration wins and the conflict is listed.
        tempo_bpm: quarter notes per minute (dotted quarters in compound metres are converted by the words' reader only).
        key: e.g. ``"A minor"``.
        metre: e.g. ``"4/4"`` or ``"7/8"``.
        chords: chord text (lead-sheet, Harte or Roman numerals with a key); repeated to fill the piece.
        melody: path of a MIDI, MusicXML or ABC file whose tune is kept, or, for melody checkpoints, heard; or of a recording
            (for these checkpoints only).
        midi: path of a MIDI file used as the sketch: its tracks are kept and arranged around.
        negative: words for what must not be there, comma separated.
        style: style id that overrules the words.
        model: performer: ``score`` or the name or directory of a model.
        soundfont: path of an ``.sf2``/``.sf3`` file, or None for the built-in one.
        sample_rate: Hz of the output, 8000 to 192000.
        seed: 0 to 2**63 - 1.
        index: which of ``--n`` results this is, ≥ 0; it takes part in the seed.
        story: words that change along the time line (:func:`partimento.plan.story.parse_story`); ``words`` hold throughout.
        extends: path of a recording that the piece goes on from; ``duration_s`` then counts from the recording's beginning.
        engine: how a language model is run (:mod:`partimento.lm.engines`): ``auto`` or a name.
        melody_alone: the melody's recording is hummed, whistled or played alone: nothing is taken out of it first.
        top_k: a language model draws each code from this many likeliest ones, 0 for all; None, here as in the next three,
            for the model's own habit.
        top_p: it draws from the likeliest codes up to this share of probability, above 0 to 1; ``top_k`` then has no effect.
        temperature: above 1 more surprising, below 1 less; 0.01 to 10.
        guidance: how far it is pushed from music without words towards the words, 1 (not at all) to 50.
        best_of: takes that are made, 1 to 32; the one that suits the words best is the piece
            (:mod:`partimento.models.best_take`). None makes one.
    """

    words: str = ""
    duration_s: float | None = None
    bars: int | None = None
    tempo_bpm: float | None = None
    key: str | None = None
    metre: str | None = None
    chords: str | None = None
    melody: str | None = None
    midi: str | None = None
    negative: str = ""
    style: str | None = None
    model: str = "score"
    soundfont: str | None = None
    sample_rate: int = 44_100
    seed: int = 0
    index: int = 0
    story: str | None = None
    extends: str | None = None
    engine: str = "auto"
    melody_alone: bool = False
    top_k: int | None = None
    top_p: float | None = None
    temperature: float | None = None
    guidance: float | None = None
    best_of: int | None = None

    def __post_init__(self) -> None:
        for name, example in _TEXTS.items():
            _check_text(name, getattr(self, name), example, optional=name not in _ALWAYS)
        if len(self.words) > MAX_WORDS:
            raise RequestError(f"the words have {len(self.words)} characters; the limit is {MAX_WORDS}: shorten them")
        controls = (self.chords, self.melody, self.midi, self.style, self.key, self.tempo_bpm, self.metre)
        along = (self.story, self.extends)
        if not self.words.strip() and all(c is None for c in (*controls, *along)):
            raise RequestError('nothing was asked: give words (e.g. "calm piano and strings") or a control such as --chords')
        _check_range("duration", self.duration_s, MIN_DURATION_S, MAX_DURATION_S, "s")
        _check_range("bars", self.bars, 1, MAX_BARS, "bars", whole=True)
        _check_range("tempo", self.tempo_bpm, MIN_TEMPO_BPM, MAX_TEMPO_BPM, "bpm")
        _check_range("sample rate", self.sample_rate, 8_000, 192_000, "Hz", whole=True, optional=False)
        _check_range("seed", self.seed, 0, MAX_SEED, "", whole=True, optional=False)
        _check_range("top k", self.top_k, 0, 1_000_000, "", whole=True)
        _check_range("top p", self.top_p, 0, 1, "")
        if self.top_p == 0:
            raise RequestError("top p 0 keeps no code; give more than 0, up to 1, or leave it out for --top-k")
        _check_range("temperature", self.temperature, 0.01, 10, "")
        _check_range("guidance", self.guidance, 1, 50, "")
        _check_range("best of", self.best_of, 1, MAX_BEST_OF, "takes", whole=True)
        _check_range("index", self.index, 0, 1_000_000, "", whole=True, optional=False)
        if self.melody_alone and not self.melody_is_recording:
            raise RequestError("melody alone says how a tune was recorded; give the recording with --melody FILE (wav, flac …)")
        if self.story is not None:
            parse_story(self.story)

    @property
    def n_takes(self) -> int:
        """How many takes are made, of which the best is the piece."""
        return self.best_of or 1

    @property
    def melody_is_recording(self) -> bool:
        """Whether the melody is sound, not notes."""
        return self.melody is not None and self.melody.lower().endswith(tuple(RECORDINGS))

    @property
    def melody_is_heard(self) -> bool:
        """Whether the melody, notes or sound, is what a model hears beside the words, instead of notes that are played."""
        return self.melody is not None and self.model not in COMPOSERS

    @property
    def extends_without_words(self) -> bool:
        """Whether a recording is gone on from without a word of what should follow."""
        return self.extends is not None and not self.words.strip() and self.story is None


def _check_text(name: str, text: object, example: str, *, optional: bool) -> None:
    """Raise unless ``text`` is a string of valid characters (Python keeps bytes that are not UTF-8 as lone surrogates)."""
    if text is None and optional:
        return
    if not isinstance(text, str):
        way_out = "leave it out or give" if not optional else "give None or"
        raise RequestError(f"{name} {text!r:.40} is no text; {way_out} a string such as {example!r}")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise RequestError(f"{name}: byte {error.start + 1} is not UTF-8 text; type it again or save it as UTF-8") from error


def _check_range(
    name: str, value: object, low: float, high: float, unit: str, *, whole: bool = False, optional: bool = True
) -> None:
    """Raise unless ``value`` is a number within ``low`` to ``high`` (NaN is not), or None where that is allowed."""
    if value is None and optional:
        return
    kind = "whole number" if whole else "number"
    fits = isinstance(value, Integral if whole else Real) and not isinstance(value, bool)
    if not fits:
        raise RequestError(f"{name} {value!r:.40} is no {kind}; give one of {low:g} to {high:g} {unit}".rstrip())
    if not low <= float(value) <= high:  # type: ignore[arg-type]  # a Real, as just checked
        raise RequestError(f"{name} {float(value):g} is outside {low:g} to {high:g} {unit}".rstrip())  # type: ignore[arg-type]
