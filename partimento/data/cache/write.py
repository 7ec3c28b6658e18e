"""Making a cache: every item's sound to frames, once; whatever happens in between, a second run goes on.

    partimento data encode data/rendered --codec mini-codec --out cache/tokens --jobs 2

Items are encoded one by one, each with one thread, and written in the dataset's order: the same data give the same bytes with
any number of processes and any number of interruptions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from partimento.data.cache.encoders import VERSION, EncoderSpec, FrameLayout, open_encoder
from partimento.data.cache.layout import INFO, LOCK, SHARDS, Entry, read_layout
from partimento.data.cache.sound import item_key, item_sound
from partimento.data.cache.writer import CacheWriter
from partimento.data.datasets.item import SKIPPED, Item, Skip, SkipReport
from partimento.data.datasets.registry import AUTO, find_layout, read_dataset
from partimento.data.splits import split_of
from partimento.data.workers import OrderedWork
from partimento.errors import FileError, PartimentoError
from partimento.paths import make_folder, write_text
from partimento.threads import one_thread

SHARD_BYTES = 256 * 2**20
_CONTROL_KEYS = ("tempo_bpm", "metre", "beats", "downbeats", "chords", "melody", "keys", "sections")
_PART_KEYS = ("instrument", "role", "is_drum", "active")


@dataclass(frozen=True, slots=True)
class EncodeConfig:
    """What to encode.

    Attributes:
        data: a dataset that :mod:`partimento.data.datasets` reads.
        out: the cache's folder.
        spec: tokens of which codec, or features.
        layout: of the dataset.
        name: of the dataset within the cache; empty takes its folder's name.
        jobs: processes.
        shard_bytes: a shard is full from here on.
    """

    data: Path
    out: Path
    spec: EncoderSpec
    layout: str = AUTO
    name: str = ""
    jobs: int = 1
    shard_bytes: int = SHARD_BYTES


@dataclass(frozen=True, slots=True)
class EncodeResult:
    """What a run did.

    Attributes:
        encoded, kept, skipped: items encoded now, there already, left out.
        duration_s: sound encoded now.
    """

    encoded: int
    kept: int
    skipped: int
    duration_s: float


@dataclass(frozen=True, slots=True)
class _Job:
    """An item to encode; ``known`` is the key that the cache has for it."""

    item: Item
    name: str
    spec: EncoderSpec
    known: str


@dataclass(frozen=True, slots=True)
class _Made:
    """An item's key, its frames unless the cache has them, and its truth."""

    key: str
    frames: NDArray[Any] | None
    controls: dict[str, Any] | None


def _make(job: _Job) -> _Made:
    """Encode one item (runs in a worker). Raises FileError when it cannot be used."""
    encoder = open_encoder(job.spec)
    key = item_key(job.item, encoder.layout.fingerprint)
    controls = _controls(job.item)
    if key == job.known:
        return _Made(key, None, controls)
    sound = item_sound(job.item, encoder.layout.sample_rate, encoder.layout.channels)
    # Sums of several threads differ in the last bit, and a code with them.
    with one_thread() if job.spec.kind == "tokens" else nullcontext():
        frames = encoder.encode(sound)
    if len(frames) == 0:
        raise FileError("shorter than one frame")
    return _Made(key, frames, controls)


def _controls(item: Item) -> dict[str, Any] | None:
    """The truth of an item that models are conditioned on."""
    if item.truth is None:
        return None
    try:
        data = json.loads(item.truth.read_text(encoding="utf-8"))
        rows = [{key: row[key] for key in _PART_KEYS if key != "active" or key in row} for row in data.get("stems", ())]
        return {key: data[key] for key in _CONTROL_KEYS if key in data} | {"instruments": rows}
    except (OSError, json.JSONDecodeError, KeyError, TypeError, AttributeError):
        return None  # the sound is good; only what is known about it is lost


def encode_dataset(config: EncodeConfig, *, say: Callable[[str], None] = lambda line: None) -> EncodeResult:
    """Encode what is missing.

    Raises:
        FileError: no dataset, no codec, a folder that cannot be written, a cache of another encoder, or one that another
            process is writing.
    """
    from filelock import FileLock, Timeout

    layout = open_encoder(config.spec).layout
    find_layout(config.data, config.layout)
    make_folder(config.out / SHARDS)
    try:
        with FileLock(str(config.out / LOCK), timeout=0):
            _claim(config.out, layout)
            return _encode(config, CacheWriter(config.out, layout, config.shard_bytes), say)
    except Timeout as error:
        raise FileError(f"another process is writing in {config.out}; wait for it, or take another folder") from error


def _claim(out: Path, layout: FrameLayout) -> None:
    """Write what the cache holds, or make sure that it holds the same."""
    if not (out / INFO).exists():
        write_text(out / INFO, json.dumps(asdict(layout) | {"version": VERSION}, indent=1) + "\n")
        return
    there = read_layout(out)
    if there.fingerprint != layout.fingerprint:
        found, wanted = (f"{one.name}, {one.fingerprint[:8]}" for one in (there, layout))
        raise FileError(
            f"{out} holds frames of another encoder, or of another version ({found}; wanted: {wanted}): take another folder, or "
            "delete that one"
        )


def _encode(config: EncodeConfig, writer: CacheWriter, say: Callable[[str], None]) -> EncodeResult:
    """The loop over items."""
    skipped = SkipReport(config.out / SKIPPED)
    prefix = config.name or config.data.resolve().name

    def jobs() -> Iterator[_Job]:
        """What the dataset has, with the key that the cache knows each item by."""
        for item in read_dataset(config.data, config.layout, on_skip=skipped.add):
            name = f"{prefix}/{item.id}"
            known = writer.entries.get(name)
            yield _Job(item, name, config.spec, "" if known is None else known.key)

    encoded = kept = lost = 0
    duration_s = 0.0
    with writer:
        for job, made in OrderedWork[_Job, _Made](_make, config.jobs).run(jobs()):
            if isinstance(made, Exception):
                if not isinstance(made, PartimentoError | ValueError | ArithmeticError | RuntimeError | MemoryError):
                    raise made
                skipped.add(Skip(job.name, f"{made}" if isinstance(made, PartimentoError) else f"{type(made).__name__}: {made}"))
                lost += 1
                continue
            item = job.item
            entry = Entry(job.name, made.key, 0, 0, 0, item.split or split_of(job.name), item.captions, item.tags, item.licence)
            writer.add(entry, made.frames, made.controls)
            encoded, kept = encoded + (made.frames is not None), kept + (made.frames is None)
            duration_s += item.duration_s if made.frames is not None else 0.0
            if (encoded + kept) % 50 == 0:
                say(f"{encoded + kept} items, {duration_s / 3600:.2f} h encoded, {lost} left out")
    return EncodeResult(encoded, kept, len(skipped.skips), duration_s)
