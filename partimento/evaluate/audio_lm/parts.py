"""The parts of ``partimento evaluate mini``: what each needs, and how it is made from clips."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from partimento.errors import RequestError
from partimento.evaluate.audio_lm.clips import DEFAULT_BATCH, Clip, Studio, seed_of
from partimento.evaluate.audio_lm.page import Page
from partimento.evaluate.audio_lm.windows import HELD_OUT, RealWindow, windows
from partimento.evaluate.embedders import SIGNAL
from partimento.evaluate.systems.work import Progress, no_progress

if TYPE_CHECKING:
    from partimento.evaluate.audio_lm.hearing_net import Hearing, HearingConfig
    from partimento.lm.code_chains import CodeChains

PARTS = ("likelihood", "presence", "closeness", "faults", "by_heart", "best_of", "speed")
NEEDS = {
    "likelihood": ("tokens",), "presence": ("data", "hearing"), "closeness": ("data", "tokens"), "faults": ("data",),
    "by_heart": ("tokens",), "best_of": ("data", "hearing", "joint"), "speed": (),
}  # fmt: skip
"""What of :class:`MiniOptions` a part needs."""
DEFAULT_ITEMS = 100
DEFAULT_SECONDS = 10.0
LEAST_SECONDS = 1.0
CALIBRATION_ITEMS = 1_000
"""Windows of training pieces that set the thresholds of hearing."""


@dataclass(frozen=True)
class MiniOptions:
    """What to measure.

    Attributes:
        checkpoint: folder of the trainer, or ``mini``.
        work: folder for sound and measurements; what is there is not made again.
        data: rendered datasets with the model's held-out pieces.
        tokens: token caches that the model was trained on.
        hearing: rendered datasets with stems, of other SoundFonts.
        joint: joint embedding for best-of-n, or None.
        n_items: prompts, and windows of everything they are compared with.
        seconds: of a clip.
        n_pieces: training pieces that are continued.
        embedder: of the distances.
        engine, batch, jobs: how.
        guidance: how far clips are pushed towards their words, 1 to 50; None is what ``generate`` takes.
        hearing_config: of the classifier; None takes the defaults.
    """

    checkpoint: str
    work: Path
    data: tuple[Path, ...] = ()
    tokens: tuple[Path, ...] = ()
    hearing: tuple[Path, ...] = ()
    joint: str | None = None
    n_items: int = DEFAULT_ITEMS
    seconds: float = DEFAULT_SECONDS
    n_pieces: int = 500
    embedder: str = SIGNAL
    engine: str = "auto"
    batch: int = DEFAULT_BATCH
    jobs: int | None = None
    guidance: float | None = None
    hearing_config: HearingConfig | None = None

    def __post_init__(self) -> None:
        if not LEAST_SECONDS <= self.seconds <= 30.0:
            raise RequestError(f"clips of {self.seconds:g} s: must be {LEAST_SECONDS:g} to 30 s")
        if not 2 <= self.n_items <= 100_000 or not 2 <= self.n_pieces <= 100_000:
            raise RequestError(f"{self.n_items} items and {self.n_pieces} pieces: both must be 2 to 100000")
        if self.guidance is not None and not 1 <= self.guidance <= 50:
            raise RequestError(f"guidance {self.guidance:g}: must be 1 (none) to 50")
        if not 1 <= self.batch <= 256:
            raise RequestError(f"a batch of {self.batch}: must be 1 to 256")

    @property
    def possible(self) -> tuple[str, ...]:
        """Parts whose needs are given."""
        return tuple(part for part in PARTS if not self.missing(part))

    def missing(self, part: str) -> tuple[str, ...]:
        """What a part needs and is not given."""
        return tuple(need for need in NEEDS[part] if not getattr(self, need))


class MiniEvaluation:
    """Runs parts; what they share is made once.

    Args:
        options: what to measure.
        progress: bar.
    """

    def __init__(self, options: MiniOptions, progress: Progress = no_progress) -> None:
        self.options, self.progress = options, progress
        self.name = Path(options.checkpoint).name
        self._sung = self.name if options.guidance is None else f"{self.name}, guidance {options.guidance:g}"

    def pages(self, parts: Sequence[str] = ()) -> Iterator[Page]:
        """The pages of these parts (all that are possible when none is named), one by one.

        Raises:
            RequestError: an unknown part, or one whose needs are not given.
        """
        chosen = tuple(parts) or self.options.possible
        for part in chosen:
            if part not in PARTS:
                raise RequestError(f"unknown part '{part}'; known: {', '.join(PARTS)}")
            if lacks := self.options.missing(part):
                raise RequestError(f"the part '{part}' needs {' and '.join(f'--{need}' for need in lacks)}")
        makers: dict[str, Callable[[], Page]] = {
            "likelihood": self._likelihood, "presence": self._presence, "closeness": self._closeness, "faults": self._faults,
            "by_heart": self._by_heart, "best_of": self._best_of, "speed": self._speed,
        }  # fmt: skip
        for part in chosen:
            yield makers[part]()

    @cached_property
    def _studio(self) -> Studio:
        o = self.options
        from partimento.lm.sampling import Sampling

        sampling = None if o.guidance is None else Sampling(guidance=o.guidance)
        return Studio(o.checkpoint, o.work, engine=o.engine, batch=o.batch, sampling=sampling, progress=self.progress)

    @cached_property
    def _windows(self) -> list[RealWindow]:
        return windows(self.options.data, HELD_OUT, self.options.seconds, self.options.n_items)

    @cached_property
    def _hearing(self) -> Hearing:
        from partimento.evaluate.audio_lm.hearing import read_stems
        from partimento.evaluate.audio_lm.hearing_net import trained
        from partimento.evaluate.audio_lm.presence import asked_of, logits_of

        o = self.options
        hearing = trained(read_stems(o.hearing, o.work, self.progress), o.work, o.hearing_config, self.progress)
        places = windows(o.data, ("train",), o.seconds, CALIBRATION_ITEMS)
        clips = self._studio.round_trips(places, "train codec")
        return hearing.calibrated(logits_of(clips, hearing, o.work, self.progress), asked_of(places))

    def _asked(self, candidate: int = 0) -> list[Clip]:
        """A clip per prompt."""
        texts = [window.prompt for window in self._windows]
        seeds = [seed_of(i, candidate) for i in range(len(texts))]
        return self._studio.generated(texts, seeds, self._studio.frames_of(self.options.seconds), "model")

    def _unasked(self) -> list[Clip]:
        """As many without words."""
        n = len(self._windows)
        n_frames = self._studio.frames_of(self.options.seconds)
        return self._studio.generated([""] * n, [seed_of(i) for i in range(n)], n_frames, "model without words")

    def _chain(self) -> list[Clip]:
        """As many by the bigram."""
        from partimento.data.cache.read import FrameCache

        studio, n_codebooks = self._studio, self._studio.model.codec.n_codebooks
        caches = [FrameCache(folder) for folder in self.options.tokens]
        facts = {"caches": [[c.layout.fingerprint, len(c.entries)] for c in caches], "codebooks": n_codebooks}
        chains = counted(self.options.tokens, n_codebooks, studio.model.codec.cardinality)
        return studio.drawn(chains, len(self._windows), studio.frames_of(self.options.seconds), facts)

    def _likelihood(self) -> Page:
        from partimento.evaluate.audio_lm.likelihood import likelihoods

        found = likelihoods(self.options.checkpoint, self.options.tokens)
        means = {name: float(np.mean(row)) for name, row in found.rows.items()}
        best = min(value for name, value in means.items() if not name.startswith("model"))
        with_text, without = means["model with text"], means["model without text"]
        rows = tuple((name, *(f"{v:.3f}" for v in row), f"{means[name]:.3f}") for name, row in found.rows.items())
        books = len(rows[0]) - 2
        head = ("nats per code", *(f"book {k + 1}" for k in range(books)), "mean")
        notes = (f"{found.seconds:.0f} s of the validation split; bigrams smoothed in their favour. Model: {self.name}.",)
        goals = {
            f"with text below every chain of codes (by {best - with_text:.3f})": with_text < best,
            f"with text below without (by {without - with_text:.3f})": with_text < without,
        }
        return Page("likelihood", "Held-out likelihood", head, rows, notes, found.rows, goals)

    def _presence(self) -> Page:
        from partimento.evaluate.audio_lm.presence import presence_page

        studio, places = self._studio, self._windows
        sets = {
            "real": studio.real(places, "held out"), "real through the codec": studio.round_trips(places, "held out codec"),
            "model": self._asked(), "model without words": self._unasked(),
        }  # fmt: skip
        return presence_page(sets, places, self._hearing, self.options.work, self._sung, self.progress)

    def _closeness(self) -> Page:
        from partimento.evaluate.audio_lm.closeness import closeness_page

        studio, o = self._studio, self.options
        reference = studio.real(self._windows, "held out")
        train = windows(o.data, ("train",), o.seconds, len(reference))
        sets = {
            "real, training pieces": studio.real(train, "train"),
            "held out through the codec": studio.round_trips(self._windows, "held out codec"),
            "model": self._asked(), "model without words": self._unasked(), "bigram of codes": self._chain(),
        }  # fmt: skip
        n = min(len(clips) for clips in sets.values())
        equal: dict[str, Sequence[Clip]] = {name: clips[:n] for name, clips in sets.items()}
        return closeness_page(
            reference[:n], equal, "model", ("model without words", "bigram of codes"), o.work, self._sung, spec=o.embedder,
            jobs=o.jobs, progress=self.progress,
        )  # fmt: skip

    def _faults(self) -> Page:
        from partimento.evaluate.audio_lm.faults import MODEL, REAL, ROUND_TRIP, faults_page

        studio, places, o = self._studio, self._windows, self.options
        sets: dict[str, Sequence[Clip]] = {
            REAL: studio.real(places, "held out"), ROUND_TRIP: studio.round_trips(places, "held out codec"),
            MODEL: self._asked(), "model without words": self._unasked(),
        }  # fmt: skip
        if o.tokens:
            sets["bigram of codes"] = self._chain()
        return faults_page(sets, places, o.work, self._sung, jobs=o.jobs, progress=self.progress)

    def _by_heart(self) -> Page:
        from partimento.evaluate.audio_lm.by_heart import by_heart_page

        return by_heart_page(self._studio, self.options.tokens, n=self.options.n_pieces, progress=self.progress)

    def _best_of(self) -> Page:
        from partimento.evaluate.audio_lm.best_of import CANDIDATES, best_of_page

        o = self.options
        assert o.joint is not None
        candidates = [self._asked(k) for k in range(CANDIDATES)]
        return best_of_page(candidates, self._windows, self._hearing, o.joint, o.work, self._sung, self.progress)

    def _speed(self) -> Page:
        from partimento.evaluate.audio_lm.speed import speed_page

        return speed_page(self._studio)


def counted(caches: Sequence[Path], n_codebooks: int, cardinality: int) -> CodeChains:
    """The chain of the training split of token caches."""
    from partimento.data.cache.read import FrameCache
    from partimento.lm.code_chains import CodeChains

    found = []
    for folder in caches:
        cache = FrameCache(folder)
        found += [np.asarray(cache.frames(e)[:, :n_codebooks], np.int64) for e in cache.entries if e.split == "train"]
    if not found:
        raise RequestError(f"no training items in {', '.join(map(str, caches))}")
    return CodeChains(found, cardinality)
