"""MusicGen as a performer: the words, as they are, to sound. Loads no torch until it plays."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from partimento.errors import MissingDependencyError, UnsupportedError
from partimento.interpret import make_plan
from partimento.models.performer import CONTROLS, Support
from partimento.plan.plan import Origin, Plan
from partimento.plan.request import SAMPLING, GenerateRequest
from partimento.plan.result import Performance
from partimento.plan.story import StorySection, parse_story

if TYPE_CHECKING:
    from partimento.audio.waveform import Waveform
    from partimento.conditioning.melody import Melody
    from partimento.interpret.heard_tune import HeardTune
    from partimento.lm.engines import Choice
    from partimento.lm.sampling import Sampling
    from partimento.models.musicgen.loader import MusicGen
    from partimento.models.musicgen.take import Take

_REFUSED = ("chords", "notes (score file)", "drums (recording)", "style audio", "stems", "midi")
_OPTIONS = (("chords", "--chords"), ("midi", "--midi"))
_HIGHEST_DBTP = -0.1
"""Leaves room for what another change of rate adds to peaks."""
END_FADE_S = 0.02
"""A piece ends where its time is over, in the middle of a note maybe; cut off at once it would click."""
GROUP = 4
"""Pieces made together: more rows gain little time, and each takes memory for its past."""


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """What a request asks for, as far as no model is needed to tell; fields as of ``Take``.

    Attributes:
        tune: a recording, or notes.
    """

    sections: tuple[StorySection, ...]
    negative: str
    negatives: tuple[str, ...]
    duration_s: float
    recording: Waveform | None
    tune: Waveform | HeardTune | None


class MusicGenPerformer:
    """A MusicGen checkpoint.

    Args:
        source: its folder, or the id of one that has been downloaded.
    """

    name = "musicgen"
    description = (
        "a MusicGen checkpoint (--model DIR or facebook/musicgen-small): words to sound, obeyed as far as it has learned"
    )
    licence = "of the checkpoint (Meta's: CC-BY-NC-4.0)"
    support = dict.fromkeys(CONTROLS, Support.TEXT) | dict.fromkeys(_REFUSED, Support.REFUSED) | {
        "words": Support.LEARNED,
        "melody (score file)": Support.LEARNED,  # by melody checkpoints; the others refuse both
        "melody (recording)": Support.LEARNED,
        "duration": Support.EXACT,
    }  # fmt: skip
    packages: ClassVar[tuple[str, ...]] = ("torch", "transformers", "safetensors")

    def __init__(self, source: str) -> None:
        self.source = source
        self._heard: dict[str, str] = {}
        self._chosen: dict[str, str] = {}

    def perform(self, plan: Plan, request: GenerateRequest, rng: np.random.Generator) -> Performance:
        """Generate (see :class:`partimento.models.performer.Performer`).

        Raises:
            UnsupportedError: a control that words cannot carry.
            MissingDependencyError: PyTorch or the checkpoint is missing.
        """
        if request.n_takes > 1:
            return self._best(plan, request, rng)
        return self.perform_together(plan, request, [rng])[0]

    def _best(self, plan: Plan, request: GenerateRequest, rng: np.random.Generator) -> Performance:
        """The take that suits the words best; the first is the one that would be made alone."""
        from partimento.interpret.caption import learned_caption
        from partimento.models.best_take import suiting

        n, take = request.n_takes, self._take(plan, request, rng)
        seeds = [take.seed, *(_seed(other) for other in rng.spawn(n - 1))]
        size = self._n_together(request)
        sung = [wave for start in range(0, n, size) for wave in self._sung(take, request, seeds[start : start + size])]
        fits = suiting(sung, learned_caption(plan))
        best = int(fits.argmax())
        self._chosen = {"best_of": str(n), "take": str(best + 1), "takes_suit": " ".join(f"{fit:.3f}" for fit in fits)}
        return self._finished(self._load(request.engine), take, sung[best], request.sample_rate)

    def _sung(self, take: Take, request: GenerateRequest, seeds: Sequence[int]) -> list[Waveform]:
        """Takes of these seeds, made together, as the codec gives them."""
        from partimento.audio.waveform import Waveform
        from partimento.models.musicgen.take import sing_together

        model = self._load(request.engine)
        sounds = np.concatenate(list(sing_together(model, take, seeds, sampling_of(request))), axis=2)
        return [Waveform(sound, model.codec.sample_rate) for sound in sounds]

    def perform_together(self, plan: Plan, request: GenerateRequest, rngs: Sequence[np.random.Generator]) -> list[Performance]:
        """Several pieces of one request as one batch, a generator each (:meth:`group_size` says when that is exact enough).

        Errors as of :meth:`perform`.
        """
        take = self._take(plan, request, rngs[0])
        seeds = [take.seed, *(_seed(rng) for rng in rngs[1:])]
        model = self._load(request.engine)
        return [self._finished(model, take, wave, request.sample_rate) for wave in self._sung(take, request, seeds)]

    def group_size(self, request: GenerateRequest) -> int:
        """How many of ``--n`` pieces are made as one batch.

        The request has passed :meth:`check`: this loads the model, which ``auto`` chooses the engine by.

        One with the reference engine, where each must be exactly the piece that its seed gives alone: in a batch the same
        sums may differ in the last bit. The others round far more than that; a piece of four costs a third. With
        ``--best-of`` the takes of one piece are the batch.
        """
        return 1 if request.n_takes > 1 else self._n_together(request)

    def _n_together(self, request: GenerateRequest) -> int:
        """Rows of a batch."""
        need_packages(self.source, self.packages)
        return 1 if _loaded(self.source, request.engine)[1].engine.name == "eager" else GROUP

    def _finished(self, model: MusicGen, take: Take, new: Waveform, sample_rate: int) -> Performance:
        """What was sung, at its length, level and rate."""
        from partimento.audio.effects import limit
        from partimento.audio.loudness import true_peak_dbtp
        from partimento.audio.resample import resample
        from partimento.audio.waveform import Waveform
        from partimento.models.musicgen.take import joined
        from partimento.score.mix import MAX_TRUE_PEAK_DBTP

        if take.recording is None:
            return Performance(levelled(resample(_ended(new, take.duration_s), sample_rate)))
        # At its own level: the recording's loudness is what the new part has learned from. Its peaks may be as high as a
        # finished mix's, or as the recording's own as far as that does not clip.
        ceiling_db = min(_HIGHEST_DBTP, max(MAX_TRUE_PEAK_DBTP, true_peak_dbtp(take.recording)))
        new = resample(new, take.recording.sample_rate)
        new = Waveform(limit(new.samples, new.sample_rate, ceiling_db), new.sample_rate)
        return Performance(resample(_ended(joined(model, take.recording, new), take.duration_s), sample_rate))

    def stream(self, plan: Plan, request: GenerateRequest, rng: np.random.Generator) -> Iterator[Waveform]:
        """The piece as it comes, at the request's rate; leaving the iterator stops the work.

        Its level is the model's own, not the one that :meth:`perform` gives the finished piece, which is not known before
        the end; only peaks are held where a finished mix has them, too. Arguments and errors as of :meth:`perform`.
        """
        if request.extends is not None:
            raise UnsupportedError("going on from a recording cannot be streamed; leave out --stream")
        if request.n_takes > 1:
            raise UnsupportedError("the best of several takes is known when all are finished; leave out --stream or --best-of")
        take = self._take(plan, request, rng)
        import soxr

        from partimento.audio.effects import Limiter
        from partimento.audio.waveform import Waveform
        from partimento.models.musicgen.take import sing
        from partimento.score.mix import MAX_TRUE_PEAK_DBTP

        limiter = Limiter(request.sample_rate, MAX_TRUE_PEAK_DBTP)
        model, left = self._load(request.engine), round(take.duration_s * request.sample_rate)
        same = model.codec.sample_rate == request.sample_rate
        resampler = soxr.ResampleStream(
            model.codec.sample_rate, request.sample_rate, model.channels, dtype="float32", quality="VHQ"
        )
        for piece in chain(sing(model, take, sampling_of(request)), [None]):
            sound = np.zeros((model.channels, 0), np.float32) if piece is None else piece.samples
            if not same:
                sound = resampler.resample_chunk(np.ascontiguousarray(sound.T), last=piece is None).T
            ready = limiter.push(sound, last=piece is None)
            if left and ready.shape[1]:
                piece_now = np.ascontiguousarray(ready[:, :left])
                yield Waveform(_with_end_faded(piece_now, left, request.sample_rate), request.sample_rate)
                left -= piece_now.shape[1]

    def check(self, plan: Plan, request: GenerateRequest) -> None:
        """Raise for what the request, its files and the checkpoint's configuration show to be impossible; loads no weights."""
        self._asked(plan, request)

    def _asked(self, plan: Plan, request: GenerateRequest) -> _Asked:
        """What the request asks of the model; what it cannot do is refused here, before the model is loaded."""
        for field, option in _OPTIONS:
            if getattr(request, field) is not None:
                raise UnsupportedError(f"MusicGen cannot follow {option}; --model score plays it exactly")
        if request.n_takes > 1:
            if request.story is not None:
                raise UnsupportedError("--best-of chooses by words that hold throughout; leave out --story or --best-of")
            if request.extends_without_words:
                raise UnsupportedError("--best-of chooses by the words, and there are none; say what should follow")
        if request.soundfont is not None:
            raise UnsupportedError("MusicGen plays no SoundFont; leave out --soundfont, or take --model score")
        from partimento.audio.io import read_audio
        from partimento.models.musicgen.asked import check_lengths, check_melody

        recording = None if request.extends is None else read_audio(request.extends)
        if recording is not None and recording.n_channels > 2:
            few = f"{request.extends} has {recording.n_channels} channels; MusicGen goes on from 1 or 2"
            raise UnsupportedError(f"{few}: mix it down to stereo first")
        sections, negative, negatives = self._words(plan, request)
        check_lengths(sections, plan.duration_s.value, recording)
        need_packages(self.source, self.packages)
        if request.melody is not None:
            from partimento.models.musicgen.loader import hears_melody

            check_melody(True, hears_melody(self.source) is not False)
        tune = self._tune(plan, request)
        return _Asked(sections, negative, negatives, plan.duration_s.value, recording, tune)

    def _tune(self, plan: Plan, request: GenerateRequest) -> Waveform | HeardTune | None:
        """The given melody, from which a model can hear something."""
        from partimento.audio.io import read_audio
        from partimento.conditioning.melody import check_recording
        from partimento.conditioning.melody_notes import check_tune
        from partimento.interpret.heard_tune import heard_tune

        if request.melody is None:
            return None
        notes = heard_tune(replace(request, model=self.source), plan.tempo, plan.key)
        if notes is not None:
            check_tune(notes.score, notes.line.notes, plan.duration_s.value)
            return notes
        wave = read_audio(request.melody)
        check_recording(wave)
        return wave

    def _take(self, plan: Plan, request: GenerateRequest, rng: np.random.Generator) -> Take:
        """What the model is to make; loads it."""
        asked = self._asked(plan, request)
        model = self._load(request.engine)
        from partimento.models.musicgen.asked import check_melody
        from partimento.models.musicgen.take import Take, check_take

        check_melody(asked.tune is not None, model.lm.config.melody_classes is not None)
        melody = self._melody(asked, request)
        take = Take(
            asked.sections,
            asked.duration_s,
            _seed(rng),
            asked.negative,
            asked.negatives,
            melody=melody,
            recording=asked.recording,
        )
        check_take(model, take)
        return take

    def _melody(self, asked: _Asked, request: GenerateRequest) -> Melody | None:
        """The melody as a model hears it; where it came from is kept for :meth:`provenance`."""
        from partimento.audio.waveform import Waveform
        from partimento.conditioning.melody import prepare_melody
        from partimento.conditioning.melody_notes import melody_from_notes
        from partimento.models.musicgen.take import WINDOW_S

        self._heard, self._chosen = {}, {}
        if asked.tune is None:
            return None
        if isinstance(asked.tune, Waveform):
            melody = prepare_melody(asked.tune, solo=request.melody_alone)
            self._heard = {"melody_from": "recording", "melody_separation": melody.method}
            return melody
        line = asked.tune.line
        self._heard = {"melody_from": "notes", "melody_part": line.name, "melody_notes": str(len(line.notes))}
        return melody_from_notes(asked.tune.score, line.notes, asked.duration_s + WINDOW_S)

    def _words(self, plan: Plan, request: GenerateRequest) -> tuple[tuple[StorySection, ...], str, tuple[str, ...]]:
        """What the model is told along the time line, what to stay away from throughout, and in each section."""
        sections, negatives = story_of(plan, request)
        return sections, negative_text(plan, request), negatives

    def provenance(self, request: GenerateRequest) -> dict[str, str]:
        """Layout, hash of the weights and versions."""
        from importlib import metadata

        from partimento.checkpoints import sha256_of
        from partimento.models.musicgen.folder import AUDIOCRAFT_FILES, INDEX, PICKLED, SAFETENSORS

        model = self._load(request.engine)
        folder = model.folder
        names = AUDIOCRAFT_FILES if model.layout == "audiocraft" else (SAFETENSORS, INDEX, PICKLED)
        hashes = {f"{name}_sha256": sha256_of(folder / name) for name in names if (folder / name).exists()}
        versions = {name: metadata.version(name) for name in self.packages if name != "safetensors"}
        chosen = _loaded(self.source, request.engine)[1]
        engine = {"engine": chosen.engine.name, "engine_reason": chosen.reason}
        return {"layout": model.layout, **engine, **self._heard, **self._chosen, **hashes, **versions}

    def _load(self, engine: str) -> MusicGen:
        """The checkpoint, to be run by that engine."""
        need_packages(self.source, self.packages)
        return _loaded(self.source, engine)[0]


def _seed(rng: np.random.Generator) -> int:
    """Of a piece's own generator of codes."""
    return int(rng.integers(2**63 - 1))


def need_packages(source: str, packages: Sequence[str] = MusicGenPerformer.packages) -> None:
    """Raise a MissingDependencyError when what reads and runs checkpoints is not installed."""
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise MissingDependencyError(f"--model {source} needs {package}: pip install 'partimento[neural]'")


@lru_cache(maxsize=1)
def _loaded(source: str, engine: str) -> tuple[MusicGen, Choice]:
    """The last model stays: several pieces in a row load it once."""
    from partimento.models.musicgen.loader import load_for_engine

    return load_for_engine(source, engine)


def sampling_of(request: GenerateRequest) -> Sampling:
    """How codes are drawn: what the request says, else MusicGen's defaults."""
    from partimento.lm.sampling import Sampling

    return Sampling(**{field: getattr(request, field) for field in SAMPLING if getattr(request, field) is not None})


def story_of(plan: Plan, request: GenerateRequest) -> tuple[tuple[StorySection, ...], tuple[str, ...]]:
    """Words along the time line, and for each section what its own words rule out.

    What holds throughout comes before each section's words; words that are not English are told in English.
    """
    if request.story is None:
        return (StorySection(0.0, prompt_text(plan, request)),), ("",)
    throughout = prompt_text(plan, request) if request.words.strip() else ""
    before = f"{throughout.rstrip('.')}. " if throughout else ""
    sections, negatives = [], []
    for section in parse_story(request.story):
        own = GenerateRequest(section.text)
        understood = make_plan(own)
        sections.append(replace(section, text=before + prompt_text(understood, own)))
        negatives.append(negative_text(understood, own))
    if sections[0].start_s > 0:
        sections.insert(0, StorySection(0.0, throughout))
        negatives.insert(0, "")
    return tuple(sections), tuple(negatives)


def prompt_text(plan: Plan, request: GenerateRequest) -> str:
    """The user's own words, then what was given as an option; the plan's caption for words that are not English.

    A recording that is gone on from without words asks for nothing: no words either.
    """
    if not request.extends_without_words and (plan.language != "en" or not request.words.strip()):
        return plan.caption
    given = []
    if plan.tempo.origin is Origin.GIVEN:
        given.append(f"bpm: {plan.tempo_bpm:.0f}")
    if plan.key.origin is Origin.GIVEN:
        given.append(f"key: {request.key}")
    if plan.metre.origin is Origin.GIVEN:
        given.append(f"metre: {request.metre}")
    if plan.style.origin is Origin.GIVEN:
        given.append(f"genre: {plan.style.value.replace('_', ' ')}")
    return ". ".join(text for text in (request.words.strip(), *given) if text)


def negative_text(plan: Plan, request: GenerateRequest) -> str:
    """What must not be there: the option's words, then what the words rule out; empty for nothing."""
    things = [word.strip() for word in request.negative.split(",")]
    said = [absent.value for absent in plan.absent if absent.value != "*" and absent.origin is not Origin.GIVEN]
    things += [thing.replace("_", " ") for thing in said]
    return ", ".join(dict.fromkeys(thing for thing in things if thing))


def levelled(wave: Waveform) -> Waveform:
    """The sound at the loudness and under the peak that every performer's mix has; silence stays as it is."""
    from partimento.audio.fades import gain
    from partimento.audio.loudness import SILENCE_LUFS, integrated_lufs, true_peak_dbtp
    from partimento.score.mix import MAX_TRUE_PEAK_DBTP, TARGET_LUFS

    lufs = integrated_lufs(wave)
    if not lufs > SILENCE_LUFS:
        return wave
    return gain(wave, min(TARGET_LUFS - lufs, MAX_TRUE_PEAK_DBTP - true_peak_dbtp(wave)))


def _ended(wave: Waveform, duration_s: float) -> Waveform:
    """The sound at exactly that length (tokens come in whole frames), its end faded."""
    whole = wave.part(0, round(duration_s * wave.sample_rate))
    return replace(whole, samples=_with_end_faded(whole.samples, whole.n_samples, wave.sample_rate))


def _with_end_faded(samples: NDArray[np.float32], left: int, sample_rate: int) -> NDArray[np.float32]:
    """A piece of a stream ``[channels, n]`` of which ``left`` samples are still to come, this one included."""
    from partimento.audio.fades import fade_curve

    n_fade, n = round(END_FADE_S * sample_rate), samples.shape[1]
    first = max(0, left - n_fade)  # of this piece to be faded
    if first >= n:
        return samples
    out = samples.copy()
    curve = fade_curve(n_fade)[::-1]
    out[:, first:] *= curve[n_fade - (left - first) :][: n - first]
    return out


def is_checkpoint(name: str) -> bool:
    """True when a ``--model`` means a checkpoint: a folder, or an id such as ``facebook/musicgen-small``."""
    return "/" in name or Path(name).is_dir()
