"""One piece by a MusicGen: what it hears along the time line, what it goes on from, and its sound as it comes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from partimento.audio.fades import crossfade
from partimento.audio.resample import resample, to_channels
from partimento.audio.waveform import Waveform
from partimento.conditioning.melody import Melody
from partimento.embed.t5 import TextStates
from partimento.errors import FileError, RequestError
from partimento.lm.generate import Texts, Window, generate
from partimento.lm.sampling import NotNumbersError, Sampling
from partimento.models.musicgen.asked import check_lengths, check_melody
from partimento.models.musicgen.folder import damaged
from partimento.models.musicgen.loader import MusicGen
from partimento.plan.story import StorySection

WINDOW_S = 30.0
"""What the published models were trained on."""
STRIDE_S = 18.0
"""AudioCraft's ``extend_stride``."""
BLOCK_S = 1.0
FIRST_BLOCK_S = 0.2
"""Sound is decoded in blocks that grow from this, so that the first comes soon, to :data:`BLOCK_S`, which costs less."""
JOIN_S = 0.02
"""Cross-fade from a recording to what follows it."""
_LEAD_S = 4.0  # of the recording's own tokens, so that the codec's LSTM has settled where new sound begins


@dataclass(frozen=True, slots=True, eq=False)
class Take:
    """What is to be made.

    Attributes:
        sections: words along the time line, the first at 0 s.
        duration_s: of the whole, ``recording`` included.
        seed: of this piece's own generator.
        negative: what to stay away from throughout; empty for nothing.
        negatives: the same for each section alone; empty, or one per section.
        melody: for melody models.
        recording: to go on from.
    """

    sections: tuple[StorySection, ...]
    duration_s: float
    seed: int
    negative: str = ""
    negatives: tuple[str, ...] = ()
    melody: Melody | None = None
    recording: Waveform | None = None


def check_take(model: MusicGen, take: Take) -> None:
    """Raise when the model cannot make it.

    Raises:
        UnsupportedError: a melody for a model that hears none.
        RequestError: a section or the recording's end beyond the piece's, or a recording too short for one token.
    """
    check_melody(take.melody is not None, model.lm.config.melody_classes is not None)
    check_lengths(take.sections, take.duration_s, take.recording)
    if take.recording is not None and not whole_frames(model, take.recording):
        length_ms = 1000 * take.recording.duration_s
        raise RequestError(f"a recording of {length_ms:.0f} ms is too short to go on from; give 20 ms or more")


def window_of(model: MusicGen) -> Window:
    """The published window and stride at this codec's frame rate."""
    rate = model.codec.frame_rate_hz
    return Window(round(WINDOW_S * rate), round(STRIDE_S * rate), round(FIRST_BLOCK_S * rate))


def _growing(codes: Iterator[Tensor], most: int) -> Iterator[Tensor]:
    """Blocks of frames put together: each as long as all before it, up to ``most`` frames."""
    waiting: list[Tensor] = []
    made = 0
    for block in codes:
        waiting.append(block)
        n = sum(part.shape[-1] for part in waiting)
        if n >= min(made, most):
            yield torch.cat(waiting, dim=-1)
            made, waiting = made + n, []
    if waiting:
        yield torch.cat(waiting, dim=-1)


def whole_frames(model: MusicGen, recording: Waveform) -> int:
    """Tokens that a recording fills to the end."""
    hop = round(model.codec.sample_rate / model.codec.frame_rate_hz)
    return round(recording.n_samples * model.codec.sample_rate / recording.sample_rate) // hop


def recorded_codes(model: MusicGen, recording: Waveform) -> Tensor:
    """Tokens ``[1, K, P]`` of a recording's whole frames."""
    wave = resample(to_channels(recording, model.channels), model.codec.sample_rate)
    return model.encode(torch.from_numpy(wave.samples.copy())[None])[..., : whole_frames(model, recording)]


def _one(texts: TextStates, i: int) -> TextStates:
    """The i-th of several texts, without the others' padding."""
    return TextStates(texts.states[i : i + 1][:, texts.mask[i]], texts.mask[i : i + 1][:, texts.mask[i]])


def _negatives(model: MusicGen, take: Take) -> list[TextStates | None]:
    """What each section stays away from; None for nothing."""
    alone = take.negatives or ("",) * len(take.sections)
    words = [", ".join(part for part in (take.negative, own) if part) for own in alone]
    wanted = [text for text in dict.fromkeys(words) if text]
    if not wanted:
        return [None] * len(words)
    states = model.texts.encode(wanted)
    return [_one(states, wanted.index(text)) if text else None for text in words]


def sing(model: MusicGen, take: Take, sampling: Sampling | None = None) -> Iterator[Waveform]:
    """The piece's sound as it comes, ``[channels, n]`` at the codec's rate; leaving the iterator stops the work.

    With a recording the sound begins :data:`JOIN_S` before its last whole token ends, for the cross-fade.
    """
    for together in sing_together(model, take, [take.seed], sampling):
        yield Waveform(together[0], model.codec.sample_rate)


def sing_together(
    model: MusicGen, take: Take, seeds: Sequence[int], sampling: Sampling | None = None
) -> Iterator[NDArray[np.float32]]:
    """Several pieces of one take as one batch, ``[pieces, channels, n]`` at a time; ``seeds`` stand for the take's own.

    Each piece draws from its own generator. Sums over more rows may differ in their last bit, so that with eager a piece is
    only sure to be the one that its seed gives alone when it is made alone.

    Raises:
        FileError: the model's weights hold what is not a number; the message names the first that does.
    """
    check_take(model, take)
    try:
        for sound in _sung(model, take, seeds, sampling):
            if not np.isfinite(sound).all():
                raise NotNumbersError("the codec's sound is not numbers (NaN or infinity)")
            yield sound
    except NotNumbersError as error:
        raise FileError(damaged(model.folder, model.layout) or f"{model.folder}: {error}; get the model again") from error


def _sung(model: MusicGen, take: Take, seeds: Sequence[int], sampling: Sampling | None) -> Iterator[NDArray[np.float32]]:
    """What :func:`sing_together` gives, unchecked."""
    rate, window = model.codec.frame_rate_hz, window_of(model)
    n_frames = int(np.ceil(take.duration_s * rate))
    given = None if take.recording is None else recorded_codes(model, take.recording).expand(len(seeds), -1, -1)
    starts = [round(section.start_s * rate) for section in take.sections]
    texts = model.texts.encode([section.text for section in take.sections])
    negatives = _negatives(model, take)

    def hears(start: int, made: int) -> Texts:
        """What the window from frame ``start`` hears, whose first new frame is ``made``."""
        i = max(i for i, frame in enumerate(starts) if frame <= made)
        prompt = _one(texts, i)
        melody = None
        if take.melody is not None:
            heard = torch.from_numpy(take.melody.window(start / rate, WINDOW_S, repeated=n_frames > window.frames))
            melody = heard.expand(len(seeds), -1, -1)
        return Texts(prompt, negatives[i], melody)

    blocks = generate(model.lm, hears, n_frames, sampling or Sampling(), seeds, prompt=given, window=window, breaks=starts[1:])
    codes = _growing(blocks, round(BLOCK_S * rate))
    skip = 0
    if given is not None:
        lead = given[..., -round(_LEAD_S * rate) :]
        codes = chain([lead], codes)
        hop = round(model.codec.sample_rate / rate)
        skip = max(0, lead.shape[-1] * hop - round(JOIN_S * model.codec.sample_rate))
    for piece in model.decode_stream(codes):
        sound = piece[..., skip:]
        skip = max(0, skip - piece.shape[-1])
        if sound.shape[-1]:
            yield sound.numpy()


def joined(model: MusicGen, recording: Waveform, new: Waveform) -> Waveform:
    """A recording and what :func:`sing` made after it, at the recording's rate and channels.

    The recording is kept as it is but for its end: what no whole token covers (less than 20 ms) is left out, and the
    :data:`JOIN_S` before that are cross-faded.
    """
    end = round(whole_frames(model, recording) / model.codec.frame_rate_hz * recording.sample_rate)
    after = to_channels(resample(new, recording.sample_rate), recording.n_channels)
    return crossfade(recording.part(0, end), after, round(JOIN_S * recording.sample_rate))
