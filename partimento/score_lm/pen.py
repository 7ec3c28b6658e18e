"""Tokens being written: a model, a walk and a grammar that move together, for several sequences at a time.

What writes a sequence is a generator: it asks for the logits behind what it has said, and goes on when they are sent.
``perform`` answers those who wait at once: linear layers see all sequences together, which costs hardly more than one.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import torch

from partimento.errors import RequestError
from partimento.lm.cache import KvCache
from partimento.score_lm.grammar import Grammar, Mask, PartRules
from partimento.score_lm.model import ScoreModel
from partimento.score_lm.walk import Walk

T = TypeVar("T")
MAX_BAR_TOKENS = 400


@dataclass(frozen=True, slots=True)
class ScoreSampling:
    """How tokens are chosen.

    Attributes:
        temperature: above 1 bolder, below 1 safer.
        top_p: the smallest set of likeliest tokens with this share of the probability is drawn from.
        candidates: tunes that are written, of which the one is kept that is most as it was to be (see
            :func:`partimento.score_lm.tune.write_tune`).
        guidance: how much more is made of a tune's traits than the model makes of them: logits are those without them, and this
            many times what they change (Ho and Salimans, "Classifier-Free Diffusion Guidance", 2022). 1 makes nothing more of
            them and takes half of the time.
        ending: the temperature of a piece's last bars, as a share of the others': endings are less of a surprise than what comes
            before them. No guidance is used in them.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    candidates: int = 4
    guidance: float = 1.0
    ending: float = 0.4

    def __post_init__(self) -> None:
        if not 0.0 < self.ending <= 4.0:
            raise RequestError(f"ending {self.ending:g} must be above 0 to 4")
        if not 0.0 <= self.guidance <= 10.0:
            raise RequestError(f"guidance {self.guidance:g} must be 0 to 10")
        if not 1 <= self.candidates <= 64:
            raise RequestError(f"candidates {self.candidates} must be 1 to 64")
        if not 0.0 < self.temperature <= 4.0 or not 0.0 < self.top_p <= 1.0:
            raise RequestError(f"temperature {self.temperature} must be above 0 to 4 and top_p {self.top_p} above 0 to 1")

    def of_the_ending(self) -> ScoreSampling:
        """How tokens of a piece's last bars are chosen."""
        return replace(self, temperature=min(4.0, self.temperature * self.ending), guidance=1.0)


def choose(logits: np.ndarray, mask: Mask, sampling: ScoreSampling, rng: np.random.Generator) -> int:
    """Draw a token among the allowed ones; ``logits [words]``."""
    places = np.flatnonzero(mask)
    if len(places) == 1:
        return int(places[0])
    scores = logits[places].astype(np.float64) / sampling.temperature
    chances = np.exp(scores - scores.max())
    chances /= chances.sum()
    order = np.argsort(-chances, kind="stable")
    kept = order[: int(np.searchsorted(np.cumsum(chances[order]), sampling.top_p)) + 1]
    return int(places[rng.choice(kept, p=chances[kept] / chances[kept].sum())])


@dataclass(frozen=True, slots=True)
class Ask:
    """Tokens said since the last answer, ``[n]``, what is beside them ``[n, F]``, and their sequence's past."""

    cache: KvCache
    tokens: list[int]
    features: list[tuple[int, ...]]


Writing = Generator[tuple[Ask, ...], np.ndarray, T]
"""Asks for logits ``[asks, words]`` and returns a result."""


class _Voice:
    """One sequence: its walk, the model's memory of it, and what has been said since the model last heard it."""

    def __init__(self, walk: Walk, cache: KvCache) -> None:
        self.walk, self.cache = walk, cache
        self._waiting: list[tuple[int, tuple[int, ...]]] = []

    @property
    def room(self) -> int:
        """Tokens that still fit."""
        return self.cache.capacity - self.cache.length - len(self._waiting)

    def say(self, tokens: Sequence[int]) -> None:
        """Go on by these tokens."""
        for token in tokens:
            self.walk.feed(token)
            self._waiting.append((token, self.walk.features()))

    def ask(self) -> Ask:
        """What waits, for the model."""
        ask = Ask(self.cache, [t for t, _ in self._waiting], [f for _, f in self._waiting])
        self._waiting = []
        return ask


class Pen:
    """A model's memory, a walk and a grammar moving together over one sequence.

    Args:
        model: ready for use.
        walk: through the piece.
        rules, busy: see :class:`partimento.score_lm.grammar.Grammar`.
        capacity: most tokens.
        untold: a walk through the same piece whose traits nobody has told, for guidance (see :attr:`ScoreSampling.guidance`).
    """

    def __init__(
        self,
        model: ScoreModel,
        walk: Walk,
        rules: Sequence[PartRules],
        busy: Sequence[int],
        capacity: int,
        untold: Walk | None = None,
    ) -> None:
        self.walk, self.grammar = walk, Grammar(walk, rules, busy)
        self._voices = [_Voice(w, model.cache(1, capacity)) for w in (walk, untold) if w is not None]

    @property
    def n_heard(self) -> int:
        """Tokens that the model has heard."""
        return self._voices[0].cache.length

    @property
    def room(self) -> int:
        """Tokens that still fit."""
        return self._voices[0].room

    def say(self, tokens: Sequence[int], untold: Sequence[int] | None = None) -> None:
        """Tokens that are given; ``untold`` are said in their stead where traits are not told."""
        for voice, said in zip(self._voices, (tokens, tokens if untold is None else untold), strict=False):
            voice.say(said)

    def logits(self, guidance: float = 1.0) -> Writing[np.ndarray]:
        """Of the next token, ``[words]``."""
        rows = yield tuple(voice.ask() for voice in self._voices)
        told: np.ndarray = rows[0]
        return told if len(rows) == 1 else rows[1] + guidance * (told - rows[1])

    def bar(self, opening: Sequence[int], bar_over: int, sampling: ScoreSampling, rng: np.random.Generator) -> Writing[None]:
        """Write a bar."""
        self.say(opening)
        for _ in range(MAX_BAR_TOKENS):
            if self.room < 2:
                return
            logits = yield from self.logits(sampling.guidance)
            token = choose(logits, self.grammar.allowed(bar_over), sampling, rng)
            if token == bar_over:
                return
            self.say([token])


@torch.inference_mode()
def perform(model: ScoreModel, writings: Sequence[Writing[T]]) -> list[T]:
    """Let several sequences be written, side by side; their results in the given order."""
    results: dict[int, T] = {}
    waiting: dict[int, tuple[Ask, ...]] = {}

    def go_on(i: int, logits: np.ndarray | None) -> None:
        """To the next question, or the end."""
        try:
            waiting[i] = next(writings[i]) if logits is None else writings[i].send(logits)
        except StopIteration as done:
            waiting.pop(i, None)
            results[i] = done.value

    for i in range(len(writings)):
        go_on(i, None)
    while waiting:
        asked = list(waiting.items())
        answers = iter(_answers(model, [ask for _, asks in asked for ask in asks]))
        for i, asks in asked:
            go_on(i, np.stack([next(answers) for _ in asks]))
    return [results[i] for i in range(len(writings))]


def _answers(model: ScoreModel, asks: Sequence[Ask]) -> list[np.ndarray]:
    """Logits ``[words]`` behind each; those who said one token are heard together."""
    found: dict[int, np.ndarray] = {}
    single = [i for i, ask in enumerate(asks) if len(ask.tokens) == 1]
    if single:
        tokens, features = (torch.tensor([getattr(asks[i], name) for i in single]) for name in ("tokens", "features"))
        rows = model.step(tokens, features, [asks[i].cache for i in single]).float().numpy()
        found = dict(zip(single, rows, strict=True))
    for i, ask in enumerate(asks):
        if i not in found:
            found[i] = model(torch.tensor([ask.tokens]), torch.tensor([ask.features]), ask.cache)[0, -1].float().numpy()
    return [found[i] for i in range(len(asks))]
