"""A multi-stem dataset with exact annotations, rendered from written scores and from our own composer.

    partimento data render --sheets scores/ --out data/ --items 1000 --seed 1 --jobs 2

Item ``i`` of seed ``s`` is always the same. A run that was interrupted goes on where it stopped, and makes damaged items again;
``settings.json`` refuses other settings in the same folder. A sheet that cannot be used is named in ``skipped.jsonl`` and another
one drawn; an item that cannot be made (a silent excerpt) is named there, and nothing stops. Levels follow Slakh2100 (Manilow
et al., "Cutting Music Source Separation Some Slakh", 2019, section 3): every stem at -13 LUFS, then one gain for all; stems
that hardly sound are left out instead of being blown up. On top of that each stem gets a gain of its own, so that mixes vary.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from partimento.data.audio_folder import RENDERED_MANIFEST, json_lines, manifest_lines
from partimento.data.datasets.item import SKIPPED
from partimento.data.render_check import check_old_items, check_render, render_settings
from partimento.data.render_config import RenderConfig
from partimento.data.render_files import LINE_KEYS, WriteError, damage, item_folder, line_of, write_item
from partimento.data.render_pieces import forget_sheets, make_piece, unusable_sheets
from partimento.data.render_record import (
    claim,
    cut_to_lines,
    keep_lines,
    read_settings,
    start_worker,
    stopping_gently,
    writing,
)
from partimento.data.splits import split_of
from partimento.errors import FileError, PartimentoError
from partimento.paths import append_line
from partimento.score.score import Score, Track

if TYPE_CHECKING:
    from partimento.score.sampler import NoteCache

Samples = NDArray[np.float32]

STEM_LUFS = -13.0
PEAK_DBFS = -1.0
SILENT_DBFS = -55.0
"""A stem whose peak stays below this is not part of the item."""
MANIFEST = RENDERED_MANIFEST
_NOTE_BYTES = 1 << 30  # of notes played before; 512 MB mean a seventh more to play again


@lru_cache(maxsize=1)
def _notes() -> NoteCache:
    """Notes played before, for all items of this process."""
    from partimento.score.sampler import NoteCache

    return NoteCache(_NOTE_BYTES)


def _dry_stems(score: Score, font: Path, sample_rate: int) -> Iterator[tuple[str, Samples]]:
    """Every track's sound ``[2, n]`` with its name, one at a time.

    In this thread alone: processes share the work, and threads would only wait for each other.
    """
    from partimento.score.sampler import render_track
    from partimento.score.soundfont import open_soundfont

    opened = open_soundfont(font)
    for track in score.tracks:
        yield track.name, render_track(opened, score, track, sample_rate, _notes())


def render_item(config: RenderConfig, index: int) -> dict[str, Any]:
    """Make item ``index`` on disk and return its line of the manifest.

    Raises:
        WriteError: it cannot be written.
        PartimentoError, ValueError: it cannot be made.
    """
    from partimento.data.annotations import active_spans, annotate
    from partimento.data.captions import TEST_TEMPLATES, TRAIN_TEMPLATES, captions, facts_of
    from partimento.plan.serial import to_json
    from partimento.score.soundfont import find_soundfont

    rng = np.random.default_rng([config.seed, index])
    piece = make_piece(config, rng, index)
    split = split_of(piece.group)
    font = config.soundfonts[int(rng.integers(len(config.soundfonts)))]
    if split == "test" and config.held_out_soundfont is not None and index % 2:
        font = config.held_out_soundfont
    info = find_soundfont(font)
    stems, levels, gain_db = mix_item(_dry_stems(piece.score, info.path, config.sample_rate), config, rng)
    if not stems:
        raise ValueError("no stem sounds")
    heard = tuple(t for t in piece.score.tracks if t.name in stems)
    facts = facts_of(
        Score(heard, piece.score.length, piece.score.tempos, piece.score.metres, piece.score.keys), piece.label, piece.moods
    )
    words = captions(facts, rng, TEST_TEMPLATES if split == "test" else TRAIN_TEMPLATES)
    line = {
        "id": f"{index:06d}", "split": split, "source": piece.source, "group": piece.group, "soundfont": info.name,
        "seconds": round(piece.score.duration_s, 3), "stems": len(stems), "captions": list(words),
    }  # fmt: skip
    item = line | annotate(piece.score) | {"mix_gain_db": gain_db, "sample_rate": config.sample_rate}
    item["stems"] = [
        _stem_row(i, track, levels[track.name]) | {"active": active_spans(piece.score, track)} for i, track in enumerate(heard)
    ]
    written = write_item(
        item_folder(config.out, index), _sum(stems.values()), list(stems.values()) if config.stems else [], config.sample_rate,
        item, to_json(piece.score),
    )  # fmt: skip
    return line | {"bytes": written}


def _stem_row(i: int, track: Track, level_db: float) -> dict[str, Any]:
    """What ``item.json`` says about a stem."""
    return {
        "file": f"stems/{i:02d}.flac", "name": track.name, "role": track.role, "instrument": track.instrument,
        "program": track.program, "is_drum": track.is_drum, "gain_db": level_db,
    }  # fmt: skip


def mix_item(
    dry: Iterable[tuple[str, Samples]], config: RenderConfig, rng: np.random.Generator
) -> tuple[dict[str, Samples], dict[str, float], float]:
    """Mono stems as they go into the mix, each stem's gain in dB, and the gain that all got at the end.

    Loudness is that of the stereo stem; the room is the mean of the stereo room's channels.

    Args:
        dry: names and stems ``[2, n]``; each is dropped before the next is asked for.
        config: levels.
        rng: draws gains and the room.
    """
    from partimento.audio.waveform import Waveform
    from partimento.data.mono_room import add_mono_room
    from partimento.score.mix import active_lufs

    room_db = float(rng.uniform(-24.0, -8.0)) if rng.random() < config.room_share else None
    stems: dict[str, Samples] = {}
    levels: dict[str, float] = {}
    for name, samples in dry:
        jitter = float(rng.uniform(-config.gain_jitter_db, config.gain_jitter_db))
        one_channel = samples.strides[0] == 0
        mono = samples[0] if one_channel else samples.mean(axis=0)
        if _peak(mono if one_channel else samples) < 10.0 ** (SILENT_DBFS / 20.0):
            continue
        level = STEM_LUFS - active_lufs(Waveform(samples, config.sample_rate)) + jitter
        stem = mono * np.float32(10.0 ** (level / 20.0))
        if room_db is not None:
            add_mono_room(mono, 10.0 ** ((level + room_db) / 20.0), stem, config.sample_rate)
        stems[name] = stem
        levels[name] = round(level, 3)
    if not stems:
        return {}, {}, 0.0
    loudest = max(_peak(x) for x in [_sum(stems.values()), *stems.values()])
    gain_db = round(min(0.0, PEAK_DBFS - 20.0 * float(np.log10(max(loudest, 1e-9)))), 3)
    for stem in stems.values():
        stem *= np.float32(10.0 ** (gain_db / 20.0))
    return stems, levels, gain_db


def _peak(samples: Samples) -> float:
    """Largest magnitude."""
    return float(max(samples.max(initial=0.0), -samples.min(initial=0.0)))


def _sum(stems: Iterable[Samples]) -> Samples:
    """Sum in the order given."""
    parts = iter(stems)
    total = next(parts).copy()
    for part in parts:
        total += part
    return total


def read_manifest(out: Path) -> list[dict[str, Any]]:
    """Lines of a dataset's manifest in order of their ids, each once; a line cut off by a crash is left out."""
    return manifest_lines(out)


@dataclass(frozen=True, slots=True)
class _Made:
    """What came of an item: its line, or why there is none, and sheets that turned out to be unusable with the reason."""

    index: int
    line: dict[str, Any] | None
    why: str
    bad_sheets: dict[str, str]


def _attempt(config: RenderConfig, index: int) -> _Made:
    """Make an item (runs in a worker). Raises WriteError: no other item could be written either."""
    try:
        line, why = render_item(config, index), ""
    except WriteError:
        raise
    except (PartimentoError, ValueError, KeyError, ArithmeticError) as error:
        line, why = None, f"{type(error).__name__}: {error}"
    return _Made(index, line, why, unusable_sheets(config.sheets))


def render_dataset(config: RenderConfig, *, jobs: int = 1, say: Callable[[str], None] = lambda line: None) -> int:
    """Render what is missing or damaged; returns the number of items that the dataset has now.

    Raises:
        RequestError: a setting is out of range, or not the one that the folder was made with.
        FileError: no sheets, the folder cannot be written, another process is writing in it, or not one item could be made.
    """
    forget_sheets()  # they may have changed since the last dataset of this process
    check_render(config, jobs)
    with writing(config.out):
        missing = _open_dataset(config, say)
        named = {str(row["sheet"]) for row in json_lines(config.out / SKIPPED) if "sheet" in row}
        count = 0

        def take(made: _Made) -> None:
            """Write down what came of an item."""
            nonlocal count
            count += 1
            for sheet, why in made.bad_sheets.items():
                if sheet not in named:
                    named.add(sheet)
                    append_line(config.out / SKIPPED, json.dumps({"sheet": sheet, "why": why}))
                    say(f"sheet {sheet} left out: {why}")
            if made.line is None:
                append_line(config.out / SKIPPED, json.dumps({"id": f"{made.index:06d}", "why": made.why}))
                say(f"item {made.index} skipped: {made.why}")
                return
            append_line(config.out / MANIFEST, json.dumps(made.line))
            if count % 20 == 0 or count == len(missing):
                say(f"{count} of {len(missing)} items")

        with stopping_gently(say) as stopped:
            _work(config, missing, jobs, take, stopped)
        n_items = len(read_manifest(config.out))
    if n_items == 0:
        raise FileError(f"not one item could be made; {config.out / SKIPPED} says why")
    return n_items


def _open_dataset(config: RenderConfig, say: Callable[[str], None]) -> list[int]:
    """Make sure that a folder holds this dataset, put its books in order, and say which items are to be made."""
    settings = read_settings(config.out)
    lines = {str(line["id"]): line for line in read_manifest(config.out)}
    folders = config.out / "items"
    lone = sorted(p for p in folders.glob("[0-9]" * 6) if p.name not in lines) if folders.is_dir() else []
    found = {p.name: line for p in lone if (line := line_of(p, config.stems)) is not None}
    strange = next(
        (line for key, line in lines.items() if not key.isdecimal() or any(name not in line for name in LINE_KEYS)), None
    )
    if strange is not None:
        raise FileError(
            f"{config.out / MANIFEST} has a line that 'data render' did not write ('{strange['id']}'); take another folder"
        )
    if settings is None:
        check_old_items(config, [*lines.values(), *found.values()])
        # Bad sheets cost items then; now another sheet is drawn.
        (config.out / SKIPPED).unlink(missing_ok=True)
    claim(config.out, render_settings(config), settings)
    for name in (MANIFEST, SKIPPED):
        cut_to_lines(config.out / name)
    damaged = {key: said for key, line in lines.items() if (said := damage(item_folder(config.out, key), line, config.stems))}
    for key, said in damaged.items():
        say(f"item {int(key)} is made again: {said}")
    if damaged or sum(1 for _ in json_lines(config.out / MANIFEST)) != len(lines):
        keep_lines(config.out / MANIFEST, lines.keys() - damaged.keys())
    skipped = {int(row["id"]) for row in json_lines(config.out / SKIPPED) if "id" in row}
    for key, line in found.items():
        if int(key) not in skipped and int(key) < config.n_items:
            append_line(config.out / MANIFEST, json.dumps(line))
            lines[key] = line
    done = {int(key) for key in lines} | skipped
    return sorted({int(key) for key in damaged} | {i for i in range(config.n_items) if i not in done})


def _work(
    config: RenderConfig, missing: list[int], jobs: int, take: Callable[[_Made], None], stopped: Callable[[], bool]
) -> None:
    """Make items; ``take`` gets each as it gets ready, also those that are under way when it is ``stopped``.

    No more are given out than are worked on, so that there is nothing else to wait for then.
    """
    if jobs == 1:
        for index in missing:
            if stopped():
                break
            take(_attempt(config, index))
        return
    pool = ProcessPoolExecutor(jobs, initializer=start_worker)
    waiting: set[Future[_Made]] = set()
    try:
        for index in missing:
            if stopped():
                break
            waiting.add(pool.submit(_attempt, config, index))
            if len(waiting) >= jobs:
                _take_ready(waiting, take)
        while waiting:
            _take_ready(waiting, take)
    except BrokenProcessPool as error:
        raise FileError("a process that made an item died (out of memory?); run it again with fewer --jobs") from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        for future in waiting:
            if future.done() and not future.cancelled() and future.exception() is None:
                take(future.result())


def _take_ready(waiting: set[Future[_Made]], take: Callable[[_Made], None]) -> None:
    """Wait for the next items, and take them out of those waiting."""
    ready, _ = wait(waiting, return_when=FIRST_COMPLETED)
    for future in ready:
        made = future.result()
        waiting.discard(future)
        take(made)
