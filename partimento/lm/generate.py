"""Generation: one window step by step, and any length by windows that overlap.

Longer than the window a model was trained on (30 s), the next window starts ``stride`` later and keeps the rest as its
prompt, as AudioCraft does (``extend_stride`` 18 s of 30 s). Everything comes as an iterator of finished frames, so that
decoding can start before the piece is over; leaving the iterator stops the work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from partimento.embed.t5 import TextStates
from partimento.errors import RequestError
from partimento.lm.patterns import deinterleave, first_step, frames_complete, interleave, n_steps, valid_steps
from partimento.lm.sampling import Sampling, guide, sample
from partimento.lm.threads import step_threads
from partimento.lm.transformer import MusicGenLm


@dataclass(frozen=True, slots=True)
class Window:
    """How long pieces are made.

    Attributes:
        frames: most that the model hears at once (30 s at 50 Hz).
        stride: from one window's start to the next one's (18 s).
        block: finished frames are handed on in blocks of this many (1 s).
    """

    frames: int = 1500
    stride: int = 900
    block: int = 50

    def __post_init__(self) -> None:
        if not 0 < self.stride < self.frames or self.block < 1:
            raise RequestError(f"a window of {self.frames} frames with stride {self.stride}: the stride must be 1 to frames - 1")


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """What a batch of B pieces hears.

    Attributes:
        prompt: states of the prompts (one each, or one for all), or None for none.
        negative: states of what to stay away from; it takes the null text's place in guidance. None for the null text.
        melody: one-hot chroma ``[B, n, classes]`` of this window for melody models, or None.
    """

    prompt: TextStates | None = None
    negative: TextStates | None = None
    melody: Tensor | None = None


TextAt = Callable[[int, int], Texts]
"""What a window hears, by its first frame and its first new frame: a piece may tell a story."""


def item_generators(seeds: Sequence[int], device: torch.device | str = "cpu") -> list[torch.Generator]:
    """One generator per item, on the device where it is drawn from."""
    return [torch.Generator(device).manual_seed(seed) for seed in seeds]


class _Branches:
    """The rows of one guided step: the prompted pieces, then (with guidance) the same pieces without."""

    def __init__(self, lm: MusicGenLm, texts: Texts, batch: int, sampling: Sampling, capacity: int) -> None:
        self.guidance = sampling.guidance if texts.prompt is not None else 1.0
        self.lm, self.copies = lm, 2 if self.guidance > 1 else 1
        items = [] if texts.prompt is None else _per_piece(texts.prompt, batch)
        if self.copies == 2 and texts.negative is not None:
            items += _per_piece(texts.negative, batch)
        self.text, self.prefix = None, None
        if lm.config.melody_classes is not None:
            self.prefix = _melody_prefix(lm, items, texts.melody, batch, self.copies)
            capacity += self.prefix.shape[1]
        elif any(len(item) for item in items):
            stacked = TextStates.stack(items)
            self.text = lm.text_context(stacked.states, stacked.mask)
        self.cache = lm.cache(self.copies * batch, capacity)

    def logits(self, tokens: Tensor) -> Tensor:
        """Guided logits ``[B, K, N]`` after tokens ``[B, K, s]``."""
        prefix = self.prefix if not self.cache.length else None
        out: Tensor = self.lm(tokens.repeat(self.copies, 1, 1), self.text, self.cache, prefix, last=1)[:, :, 0].float()
        if self.copies == 1:
            return out
        prompted, null = out.chunk(2)
        return guide(prompted, null, self.guidance)


def _melody_prefix(lm: MusicGenLm, items: list[Tensor], melody: Tensor | None, batch: int, copies: int) -> Tensor:
    """Melody and text of the prompted rows, then no melody and the null (or negative) text."""
    # The text's length moves every later position, so pieces made together must agree in it: each sounds as if alone.
    if len({len(item) for item in items[:batch]}) > 1:
        raise RequestError("a melody model makes pieces together only when their texts are equally long; make them one by one")
    width = lm.config.text_width or 1
    null = [torch.zeros(0, width)] * (copies * batch - len(items))
    stacked = TextStates.stack([*items, *null])
    if not stacked.mask.shape[1]:  # an empty text is one zero position in both published implementations
        stacked = TextStates(torch.zeros(copies * batch, 1, width), torch.zeros(copies * batch, 1, dtype=torch.bool))
    heard = [lm.prefix(stacked.states[:batch], stacked.mask[:batch], melody)]
    if copies == 2:
        heard.append(lm.prefix(stacked.states[batch:], stacked.mask[batch:]))
    return torch.cat(heard)


def _per_piece(states: TextStates, batch: int) -> list[Tensor]:
    """One ``[l, D]`` per piece; a single text is for all pieces."""
    items = [item[mask] for item, mask in zip(states.states, states.mask, strict=True)]
    if len(items) not in (1, batch):
        raise RequestError(f"{len(items)} texts for {batch} pieces; give one, or one each")
    return items * batch if len(items) == 1 else items


@torch.inference_mode()
def generate_window(
    lm: MusicGenLm, texts: Texts, n_frames: int, sampling: Sampling, generators: Sequence[torch.Generator],
    prompt: Tensor | None = None, block: int = 50,
) -> Iterator[Tensor]:  # fmt: skip
    """Frames of one window as they are finished.

    Args:
        lm: the model.
        texts: what it hears.
        n_frames: frames of the window, ``prompt`` included.
        sampling: how tokens are chosen.
        generators: one per item.
        prompt: codes ``[B, K, P]`` to go on from; kept exactly.
        block: frames per piece.

    Yields:
        New codes ``[B, K, n]``, ``n_frames - P`` in all.
    """
    config, batch = lm.config, len(generators)
    prompt = torch.zeros(batch, config.n_codebooks, 0, dtype=torch.int64) if prompt is None else prompt
    if prompt.shape[:2] != (batch, config.n_codebooks) or prompt.shape[2] >= n_frames:
        raise RequestError(f"a prompt of shape {tuple(prompt.shape)} for {batch} pieces of {n_frames} frames")
    steps, given = n_steps(config.delays, n_frames), prompt.shape[2]
    codes = torch.full((batch, config.n_codebooks, n_frames), -1)
    codes[..., :given] = prompt
    sequence = interleave(codes, config.delays, config.special)
    valid = valid_steps(config.delays, n_frames)
    branches = _Branches(lm, texts, batch, sampling, steps)
    fed, out, handed = 0, torch.empty(0), given
    threads = step_threads(lm)
    for step in range(first_step(config.delays, given), steps):
        with threads():  # for the step alone: who reads the frames has all threads
            out = branches.logits(sequence[..., fed:step])
            drawn = torch.where(valid[:, step], sample(out, sampling, generators).cpu(), config.special)
        fed = step
        sequence[..., step] = torch.where(sequence[..., step] == -1, drawn, sequence[..., step])
        done = frames_complete(config.delays, step)
        if done - handed >= block or (step == steps - 1 and done > handed):
            ready = deinterleave(sequence[..., : n_steps(config.delays, done)], config.delays)
            yield ready[..., handed:].clone()
            handed = done


def generate(
    lm: MusicGenLm, texts: Texts | TextAt, n_frames: int, sampling: Sampling, seeds: Sequence[int],
    prompt: Tensor | None = None, window: Window | None = None, breaks: Sequence[int] = (),
) -> Iterator[Tensor]:  # fmt: skip
    """Frames of pieces of any length as they are finished; cost grows linearly, memory does not.

    Args:
        lm: the model.
        texts: what it hears, or a function of the window's first frame and its first new one.
        n_frames: length, ``prompt`` included.
        sampling: how tokens are chosen.
        seeds: one per piece; a piece depends on its own only.
        prompt: codes ``[B, K, P]`` of a recording to continue; the last part that leaves room for a stride is heard.
        window: lengths.
        breaks: frames at which a new window begins in any case, because the texts change there.

    Yields:
        New codes ``[B, K, n]``: what follows ``prompt``.

    Raises:
        RequestError: lengths that leave nothing to make.
    """
    window = window or Window()
    given = 0 if prompt is None else prompt.shape[2]
    if n_frames <= given:
        raise RequestError(f"{n_frames} frames asked for, of which {given} are given; ask for more")
    generators = item_generators(seeds, lm.offsets.device)
    keep = window.frames - window.stride
    start = max(0, given - keep) if given >= window.frames else 0
    heard = None if prompt is None else prompt[..., start:]
    while True:
        made = start + (0 if heard is None else heard.shape[2])
        end = min([start + window.frames, n_frames, *(frame for frame in breaks if frame > made)])
        pieces = [] if heard is None else [heard]
        here = texts(start, made) if callable(texts) else texts
        for piece in generate_window(lm, here, end - start, sampling, generators, heard, window.block):
            pieces.append(piece)
            yield piece
        if end >= n_frames:
            return
        following = max(start, end - keep)
        heard = torch.cat(pieces, dim=-1)[..., following - start :]
        start = following
