"""A MusicGen checkpoint as a token model of the memorization analysis, and a folder of sounds as its training pieces."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from partimento.audio import read_audio
from partimento.audio.resample import resample, to_channels
from partimento.data.audio_folder import find_training_audio
from partimento.errors import FileError, MissingDependencyError, RequestError
from partimento.evaluate.memorization import Piece, Tokens
from partimento.evaluate.systems.work import Progress, no_progress

if TYPE_CHECKING:
    from partimento.models.musicgen.loader import MusicGen


class MusicGenTokens:
    """The token model (see :class:`partimento.evaluate.memorization.TokenModel`).

    Args:
        source: folder of the checkpoint, or the id of one that has been downloaded.

    Raises:
        MissingDependencyError, FileError: see :func:`partimento.models.musicgen.loader.load_musicgen`.
    """

    def __init__(self, source: str) -> None:
        for package in ("torch", "transformers", "safetensors"):
            if importlib.util.find_spec(package) is None:
                raise MissingDependencyError(f"analysing {source} needs {package}: pip install 'partimento[neural]'")
        from partimento.models.musicgen.loader import load_musicgen

        self.model: MusicGen = load_musicgen(source)
        self.name = Path(source).name
        self.frame_rate_hz = float(self.model.codec.frame_rate_hz)
        entries = np.asarray(self.model.codec.quantizer.entries.numpy(), dtype=np.float32)
        # Stereo models interleave the codebooks of two sides: 1L, 1R, 2L, 2R, …
        self.codebooks: NDArray[np.float32] = np.repeat(entries, 2 if self.model.stereo else 1, axis=0)

    def continue_greedily(self, prompt_tokens: Tokens, n_frames: int, text: str = "") -> Tokens:
        """Greedy decoding without guidance; words are heard where there are any."""
        import torch

        from partimento.lm.generate import Texts, generate
        from partimento.lm.sampling import Sampling
        from partimento.models.musicgen.take import window_of

        given = prompt_tokens.shape[1]
        texts = Texts(prompt=self.model.texts.encode([text]) if text else None)
        window = window_of(self.model)
        prompt = torch.from_numpy(np.ascontiguousarray(prompt_tokens))[None] if given else None
        sampling = Sampling(greedy=True, guidance=1.0)
        pieces = generate(self.model.lm, texts, given + n_frames, sampling, [0], prompt, window)
        return np.asarray(torch.cat(list(pieces), dim=-1)[0].numpy(), dtype=np.int64)

    def encode(self, path: Path, needed_s: float) -> Tokens:
        """Tokens ``[K, n]`` of the first ``needed_s`` seconds of a sound file.

        Raises:
            FileError: it cannot be read.
        """
        import torch

        wave = read_audio(path)
        wave = wave.part(0, int(np.ceil(needed_s * wave.sample_rate)))
        wave = resample(to_channels(wave, self.model.channels), self.model.codec.sample_rate)
        with torch.inference_mode():
            codes = self.model.encode(torch.from_numpy(np.array(wave.samples))[None])[0]
        return np.asarray(codes.numpy(), dtype=np.int64)


def training_pieces(
    model: MusicGenTokens,
    folder: Path,
    needed_s: float,
    *,
    captions: Mapping[str, str] | None = None,
    n_files: int | None = None,
    seed: int = 0,
    progress: Progress = no_progress,
) -> tuple[list[Piece], list[str]]:
    """Tokens of the training sounds in a folder (of a rendered dataset: the mixes of its training split).

    Args:
        model: encodes.
        folder: with sound files.
        needed_s: seconds wanted of each; shorter files give what they have.
        captions: words by file name without suffix.
        n_files: draw this many at random; None takes all.
        seed: of the draw.
        progress: bar.

    Returns:
        Pieces, and a line for every file that was left out.

    Raises:
        FileError: no folder, or nothing readable in it. RequestError: ``n_files`` below 2.
    """
    if n_files is not None and n_files < 2:
        raise RequestError(f"{n_files} files: at least 2 are needed")
    files, skipped = find_training_audio([folder])
    if n_files is not None and n_files < len(files):
        chosen = np.random.default_rng(seed).choice(len(files), n_files, replace=False)
        files = [files[k] for k in np.sort(chosen)]
    pieces = []
    for file in progress(files, len(files), "encoding"):
        try:
            tokens = model.encode(file.path, needed_s)
        except FileError as error:
            skipped.append(str(error))
            continue
        name = str(file.path.relative_to(folder)) if file.path.is_relative_to(folder) else file.path.name
        pieces.append(Piece(name, tokens, (captions or {}).get(file.path.stem, "")))
    return pieces, skipped
