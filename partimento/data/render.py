"""A multi-stem dataset with exact annotations, rendered from written scores and from our own composer.

    partimento data render --sheets scores/ --out data/ --items 1000 --seed 1 --jobs 2

Item ``i`` of seed ``s`` is always the same. A run that was interrupted goes on where it stopped, and makes damaged items again;
``settings.json`` refuses other settings in the same folder. A sheet that cannot be used is named in ``skipped.jsonl`` and another
one drawn; an item that cannot be made (a silent excerpt) is named there, and nothing stops. Levels follow Slakh2100 (Manilow
et al., "Cutting Music Source Separation Some Slakh", 2019, section 3): every stem at -13 LUFS, then one gain for all; stems
that hardly sound are left out instead of being blown up. On top of that each stem gets a gain of its own, so that mixes vary.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from partimento.data.audio_folder import RENDERED_MANIFEST, json_lines, manifest_lines
from partimento.data.render_files import ITEM, LINE_KEYS, WriteError, damage, item_folder, line_of, write_item
from partimento.data.render_record import (
    check_jobs,
    claim,
    collection_digest,
    cut_to_lines,
    keep_lines,
    read_settings,
    refuse_change,
    start_worker,
    stopping_gently,
    writing,
)
from partimento.errors import FileError, PartimentoError, RequestError
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
SKIPPED = "skipped.jsonl"
SHEET_SUFFIXES = (".mxl", ".musicxml", ".xml")
_NOTE_BYTES = 1 << 30  # of notes played before; 512 MB mean a seventh more to play again
MAX_ITEMS = 1_000_000
_FAULTS = (PartimentoError, ValueError, KeyError, ArithmeticError, IndexError, OSError)
_MOODS = ("calm", "happy", "sad", "dark", "bright", "energetic", "dreamy", "tense", "romantic", "playful")
_SPLIT_SHARES = (("test", 0.06), ("valid", 0.12))


@dataclass(frozen=True, slots=True)
class RenderConfig:
    """What to render.

    Attributes:
        out: folder of the dataset.
        sheets: folder of MusicXML sheets, or None for composed pieces only.
        n_items: items to have at the end.
        seed: decides everything.
        soundfonts: names or paths; one is drawn per item.
        held_out_soundfont: plays every second test item and nothing else.
        sample_rate: Hz.
        seconds: shortest and longest item.
        composed_share: share of items written by the composer.
        stems: write stems as well.
        gain_jitter_db: each stem's own gain, either way.
        room_share: share of items played in a room.
    """

    out: Path
    sheets: Path | None = None
    n_items: int = 100
    seed: int = 0
    soundfonts: tuple[str, ...] = ("fluidr3",)
    held_out_soundfont: str | None = None
    sample_rate: int = 32_000
    seconds: tuple[float, float] = (20.0, 40.0)
    composed_share: float = 0.5
    stems: bool = True
    gain_jitter_db: float = 6.0
    room_share: float = 0.6


@lru_cache(maxsize=4)
def sheet_files(folder: Path) -> tuple[Path, ...]:
    """MusicXML files under a folder, by path. Raises FileError when there are none."""
    found = tuple(sorted(p for p in folder.rglob("*") if p.suffix.lower() in SHEET_SUFFIXES and not p.is_dir()))
    if not found:
        raise FileError(f"no MusicXML sheets ({', '.join(SHEET_SUFFIXES)}) under {folder}")
    return found


def melody_group(score: Score) -> str:
    """A name shared by scores whose tune begins alike in any key: SHA-256 of the first intervals and length ratios.

    Pieces are put into splits by it, so the same tune in two collections stays on one side.
    """
    track = max(score.tracks, key=lambda t: (t.role == "melody", len(t.notes)), default=None)
    notes = [] if track is None else list(track.notes)[:25]
    steps = [(b.pitch - a.pitch, round(4.0 * (b.start - a.start))) for a, b in pairwise(notes)]
    return hashlib.sha256(repr(steps).encode()).hexdigest()[:16]


def split_of(group: str) -> str:
    """``train`` (88 %), ``valid`` or ``test`` (6 % each), from the group's name alone."""
    place = int(hashlib.sha256(f"split {group}".encode()).hexdigest()[:8], 16) / 2**32
    return next((name for name, end in _SPLIT_SHARES if place < end), "train")


@dataclass(frozen=True)
class Piece:
    """What an item plays: the score, where it is from, its group, and words known about it."""

    score: Score
    source: str
    group: str
    label: str = ""
    moods: tuple[str, ...] = ()


@lru_cache(maxsize=1)
def _notes() -> NoteCache:
    """Notes played before, for all items of this process."""
    from partimento.score.sampler import NoteCache

    return NoteCache(_NOTE_BYTES)


@lru_cache(maxsize=1024)
def _sheet(path: Path) -> Score:
    """A sheet, read once per process: most are drawn several times."""
    from partimento.score.musicxml_read import read_musicxml

    score = read_musicxml(path)
    if not any(track.notes for track in score.tracks):
        raise FileError(f"'{path.name}' has no notes")
    return score


_UNUSABLE: dict[Path, dict[str, str]] = {}
"""By folder: sheets that cannot be used, found in this process, and why; each is opened once."""


def _usable_sheet(folder: Path, path: Path) -> Score | None:
    """A sheet, or None when it cannot be used."""
    name = path.relative_to(folder).as_posix()
    unusable = _UNUSABLE.setdefault(folder, {})
    if name in unusable:
        return None
    try:
        return _sheet(path)
    except _FAULTS as error:
        unusable[name] = f"{type(error).__name__}: {error}"
        return None


def _dry_stems(score: Score, font: Path, sample_rate: int) -> Iterator[tuple[str, Samples]]:
    """Every track's sound ``[2, n]`` with its name, one at a time.

    In this thread alone: processes share the work, and threads would only wait for each other.
    """
    from partimento.score.sampler import render_track
    from partimento.score.soundfont import open_soundfont

    opened = open_soundfont(font)
    for track in score.tracks:
        yield track.name, render_track(opened, score, track, sample_rate, _notes())


def make_piece(config: RenderConfig, rng: np.random.Generator, index: int) -> Piece:
    """The score of an item; where a sheet cannot be used another one is drawn.

    Raises:
        PartimentoError, ValueError: it cannot be made.
    """
    seconds = float(rng.uniform(*config.seconds))
    if config.sheets is None or rng.random() < config.composed_share:
        return _composed(config, rng, index, seconds)
    from partimento.data.orchestrate import orchestrate

    left = list(sheet_files(config.sheets))
    why = "none can be read"
    while left:
        path = left.pop(int(rng.integers(len(left))))
        sheet = _usable_sheet(config.sheets, path)
        if sheet is None:
            continue
        try:
            score = orchestrate(sheet, rng, seconds)
        except _FAULTS as error:  # an empty excerpt; the next sheet may have a better one
            why = f"{path.name}: {error}"
            continue
        return Piece(score, path.relative_to(config.sheets).as_posix(), melody_group(sheet))
    raise FileError(f"no sheet under {config.sheets} can be used ({why})")


def _composed(config: RenderConfig, rng: np.random.Generator, index: int, seconds: float) -> Piece:
    """A piece by our composer in a random style, mood and sometimes with other instruments than usual."""
    from partimento.compose import compose
    from partimento.pipeline import make_plan
    from partimento.plan.request import GenerateRequest
    from partimento.score.instruments import instruments
    from partimento.styles import style_ids

    names = sorted(style_ids())
    style = names[int(rng.integers(len(names)))]
    mood = _MOODS[int(rng.integers(len(_MOODS)))]
    table = sorted(i for i, row in instruments().items() if not row.is_drum)
    words = f"{mood} {style.replace('_', ' ')}"
    if rng.random() < 0.5:
        chosen = [instruments()[table[int(rng.integers(len(table)))]].en for _ in range(int(rng.integers(1, 4)))]
        words += f" with {' and '.join(chosen)}"
    request = GenerateRequest(words=words, duration_s=seconds, style=style, seed=config.seed, index=index)
    plan = make_plan(request)
    return Piece(compose(plan, rng), f"composed: {words}", f"composed {config.seed} {index}", style.replace("_", " "), (mood,))


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
    bad = dict(_UNUSABLE.get(config.sheets, {})) if config.sheets is not None else {}
    return _Made(index, line, why, bad)


def check_render(config: RenderConfig, jobs: int) -> None:
    """Settings that can never work, found before the first item.

    Raises:
        RequestError: a number out of its range.
        FileError: a SoundFont or the sheets cannot be used.
    """
    from partimento.score.soundfont import find_soundfont

    check_jobs(jobs)
    if config.seed < 0:
        raise RequestError(f"--seed {config.seed} is negative; take 0 or more")
    if not 1 <= config.n_items <= MAX_ITEMS:
        raise RequestError(f"--items {config.n_items} is outside 1 to {MAX_ITEMS}")
    if not 0.0 <= config.composed_share <= 1.0:
        raise RequestError(f"--composed {config.composed_share:g} is outside 0 to 1")
    if not config.soundfonts:
        raise RequestError("no SoundFont; name one with --soundfont")
    for font in (*config.soundfonts, *filter(None, [config.held_out_soundfont])):
        find_soundfont(font)
    if config.sheets is None:
        return
    files = sheet_files(config.sheets)
    if config.composed_share < 1.0 and all(_usable_sheet(config.sheets, path) is None for path in files):
        first = next(iter(_UNUSABLE[config.sheets].values()))
        raise FileError(
            f"none of the {len(files)} sheets under {config.sheets} can be used ({first}); "
            "name another folder, or leave out --sheets to have all pieces composed"
        )


def render_settings(config: RenderConfig) -> dict[str, object]:
    """What decides the items, by the names of the command line; the same on every machine."""
    from partimento.score.soundfont import find_soundfont

    def font(name: str) -> str:
        path = find_soundfont(name).path
        return f"{path.name} ({path.stat().st_size} bytes)"

    sheets = config.sheets
    return {
        "--seed": config.seed,
        "--sheets": None if sheets is None else collection_digest(sheet_files(sheets), sheets),
        "--composed": float(config.composed_share) if sheets is not None else 1.0,
        "--soundfont": [font(name) for name in config.soundfonts],
        "--held-out-soundfont": None if config.held_out_soundfont is None else font(config.held_out_soundfont),
        "stems": config.stems,
        "sample rate": config.sample_rate,
        "seconds": [float(x) for x in config.seconds],
        "gain jitter": float(config.gain_jitter_db),
        "room share": float(config.room_share),
    }


def _check_old_items(config: RenderConfig, lines: Iterable[dict[str, Any]]) -> None:
    """Could these items, of a folder that does not say its settings, be of these? Raises RequestError when not."""
    from partimento.score.soundfont import find_soundfont

    bad = {str(row["sheet"]) for row in json_lines(config.out / SKIPPED) if "sheet" in row}
    fonts = [find_soundfont(f).name for f in (*config.soundfonts, *filter(None, [config.held_out_soundfont]))]
    for line in lines:
        index = int(line["id"])
        if line["soundfont"] not in fonts:
            refuse_change(config.out, "--soundfont", line["soundfont"], fonts)
        if (item_folder(config.out, index) / ITEM).exists() and config.stems != (
            item_folder(config.out, index) / "stems"
        ).is_dir():
            refuse_change(config.out, "stems", not config.stems, config.stems)
        rng = np.random.default_rng([config.seed, index])
        rng.uniform(*config.seconds)
        if config.sheets is None or rng.random() < config.composed_share:
            same = line["group"] == f"composed {config.seed} {index}"
        else:
            files = sheet_files(config.sheets)
            drawn = files[int(rng.integers(len(files)))].relative_to(config.sheets).as_posix()
            same = line["source"] == drawn or drawn in bad
        if not same:
            raise RequestError(
                f"{config.out} was made with another --seed, --sheets or --composed (item {line['id']} plays "
                f"'{line['source']}'); take another folder, or the same again"
            )


def render_dataset(config: RenderConfig, *, jobs: int = 1, say: Callable[[str], None] = lambda line: None) -> int:
    """Render what is missing or damaged; returns the number of items that the dataset has now.

    Raises:
        RequestError: a setting is out of range, or not the one that the folder was made with.
        FileError: no sheets, the folder cannot be written, another process is writing in it, or not one item could be made.
    """
    for cached in (sheet_files, _sheet):
        cached.cache_clear()  # the folder may have changed since the last dataset of this process
    _UNUSABLE.clear()
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
        _check_old_items(config, [*lines.values(), *found.values()])
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
