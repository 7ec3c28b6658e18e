"""MusicGen as a performer: the words, as they are, to sound. Loads no torch until it plays."""

from __future__ import annotations

import importlib.util
import math
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from partimento.errors import MissingDependencyError, UnsupportedError
from partimento.models.performer import CONTROLS, Support
from partimento.plan.plan import Origin, Plan
from partimento.plan.request import GenerateRequest
from partimento.plan.result import Performance

if TYPE_CHECKING:
    from partimento.audio.waveform import Waveform
    from partimento.models.musicgen.loader import MusicGen

WINDOW_S = 30.0
"""What the published models were trained on."""
STRIDE_S = 18.0
"""AudioCraft's ``extend_stride``."""
BLOCK_S = 1.0
_REFUSED = ("chords", "melody (score file)", "notes (score file)", "melody (recording)", "drums (recording)", "style audio",
            "stems", "midi")  # fmt: skip
_OPTIONS = (("chords", "--chords"), ("melody", "--melody"), ("midi", "--midi"))
_WEIGHT_FILES = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "state_dict.bin")
_SILENCE_LUFS = -70.0


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
        "duration": Support.EXACT,
    }  # fmt: skip

    def __init__(self, source: str) -> None:
        self.source = source

    def perform(self, plan: Plan, request: GenerateRequest, rng: np.random.Generator) -> Performance:
        """Generate (see :class:`partimento.models.performer.Performer`).

        Raises:
            UnsupportedError: a control that words cannot carry.
            MissingDependencyError: PyTorch or the checkpoint is missing.
        """
        for field, option in _OPTIONS:
            if getattr(request, field) is not None:
                raise UnsupportedError(f"MusicGen cannot follow {option}; --model score plays it exactly")
        import torch

        from partimento.audio.resample import resample
        from partimento.audio.waveform import Waveform
        from partimento.lm.generate import Texts, Window, generate
        from partimento.lm.sampling import Sampling

        model = self._model
        codec, negative = model.codec, negative_text(plan, request)
        rate = codec.frame_rate_hz
        texts = Texts(
            prompt=model.texts.encode([prompt_text(plan, request)]),
            negative=model.texts.encode([negative]) if negative else None,
        )
        window = Window(round(WINDOW_S * rate), round(STRIDE_S * rate), round(BLOCK_S * rate))
        n_frames = math.ceil(plan.duration_s.value * rate)
        codes = generate(model.lm, texts, n_frames, Sampling(), [int(rng.integers(2**63 - 1))], window=window)
        sound = torch.cat(list(model.decode_stream(codes)), dim=-1)[0].numpy()
        wave = Waveform(sound[:, : round(plan.duration_s.value * codec.sample_rate)], codec.sample_rate)
        return Performance(levelled(resample(wave, request.sample_rate)))

    def provenance(self, request: GenerateRequest) -> dict[str, str]:
        """Layout, hash of the weights and versions."""
        from importlib import metadata

        from partimento.checkpoints import sha256_of

        folder = self._model.folder
        hashes = {f"{name}_sha256": sha256_of(folder / name) for name in _WEIGHT_FILES if (folder / name).exists()}
        versions = {name: metadata.version(name) for name in ("torch", "transformers")}
        return {"layout": self._model.layout, "engine": "eager", **hashes, **versions}

    @cached_property
    def _model(self) -> MusicGen:
        for package in ("torch", "transformers", "safetensors"):
            if importlib.util.find_spec(package) is None:
                raise MissingDependencyError(f"--model {self.source} needs {package}: pip install 'partimento[neural]'")
        from partimento.models.musicgen.loader import load_musicgen

        return load_musicgen(self.source)


def prompt_text(plan: Plan, request: GenerateRequest) -> str:
    """The user's own words, then what was given as an option; the plan's caption for words that are not English."""
    if plan.language != "en" or not request.words.strip():
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
    return ". ".join([request.words.strip(), *given])


def negative_text(plan: Plan, request: GenerateRequest) -> str:
    """What must not be there: the option's words, then what the words rule out; empty for nothing."""
    things = [word.strip() for word in request.negative.split(",")]
    said = [absent.value for absent in plan.absent if absent.value != "*" and absent.origin is not Origin.GIVEN]
    things += [thing.replace("_", " ") for thing in said]
    return ", ".join(dict.fromkeys(thing for thing in things if thing))


def levelled(wave: Waveform) -> Waveform:
    """The sound at the loudness and under the peak that every performer's mix has; silence stays as it is."""
    from partimento.audio.loudness import integrated_lufs, true_peak_dbtp
    from partimento.audio.waveform import Waveform
    from partimento.score.mix import MAX_TRUE_PEAK_DBTP, TARGET_LUFS

    lufs = integrated_lufs(wave)
    if not lufs > _SILENCE_LUFS:
        return wave
    gain_db = min(TARGET_LUFS - lufs, MAX_TRUE_PEAK_DBTP - true_peak_dbtp(wave))
    return Waveform(wave.samples * np.float32(10 ** (gain_db / 20)), wave.sample_rate)


def is_checkpoint(name: str) -> bool:
    """True when a ``--model`` means a checkpoint: a folder, or an id such as ``facebook/musicgen-small``."""
    return "/" in name or Path(name).is_dir()
