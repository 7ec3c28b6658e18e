"""A multi-stem dataset with exact annotations, rendered from written scores and from our own composer.

    partimento data render --sheets scores/ --out data/ --items 1000 --seed 1 --jobs 2

Item ``i`` of seed ``s`` is always the same. A run that was interrupted goes on where it stopped; an item that cannot be
made (a corrupt sheet, a silent excerpt) is named in ``skipped.jsonl`` and nothing stops. Levels follow Slakh2100 (Manilow
et al., "Cutting Music Source Separation Some Slakh", 2019, section 3): every stem at -13 LUFS, then one gain for all; stems
that hardly sound are left out instead of being blown up. On top of that each stem gets a gain of its own, so that mixes vary.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from partimento.data.audio_folder import RENDERED_MANIFEST
from partimento.data.workers import leave_with_parent
from partimento.errors import FileError, PartimentoError
from partimento.paths import write_bytes
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
_FLAC_LEVEL = 0.25  # of libsndfile's 0 to 1: level 2 of 8; higher ones cost time and save two per cent
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
    found = tuple(sorted(p for p in folder.rglob("*") if p.suffix.lower() in SHEET_SUFFIXES))
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

    return read_musicxml(path)


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
    """The score of an item. Raises PartimentoError or ValueError when it cannot be made."""
    seconds = float(rng.uniform(*config.seconds))
    if config.sheets is None or rng.random() < config.composed_share:
        return _composed(config, rng, index, seconds)
    from partimento.data.orchestrate import orchestrate

    files = sheet_files(config.sheets)
    path = files[int(rng.integers(len(files)))]
    sheet = _sheet(path)
    return Piece(orchestrate(sheet, rng, seconds), path.relative_to(config.sheets).as_posix(), melody_group(sheet))


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
    _write_item(config, index, stems, item, to_json(piece.score))
    return line


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


def _write_item(config: RenderConfig, index: int, stems: dict[str, Samples], item: dict[str, Any], score: str) -> None:
    """The item's folder, under a temporary name first."""
    final = config.out / "items" / f"{index:06d}"
    temporary = final.with_name(f"{final.name}.partial")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    _write_flac(temporary / "mix.flac", _sum(stems.values()), config.sample_rate)
    if config.stems:
        (temporary / "stems").mkdir()
        for i, samples in enumerate(stems.values()):
            _write_flac(temporary / "stems" / f"{i:02d}.flac", samples, config.sample_rate)
    (temporary / "item.json").write_text(json.dumps(item, indent=1) + "\n", encoding="utf-8")
    (temporary / "score.json").write_text(score, encoding="utf-8")
    shutil.rmtree(final, ignore_errors=True)
    temporary.rename(final)


def _write_flac(path: Path, samples: Samples, sample_rate: int) -> None:
    """A mono file of 16 bits, written straight to its place (the folder has a temporary name)."""
    import soundfile

    scaled = samples * np.float32(2**15)
    np.rint(scaled, out=scaled)
    np.clip(scaled, -(2**15), 2**15 - 1, out=scaled)
    try:
        soundfile.write(str(path), scaled.astype(np.int16), sample_rate, "PCM_16", compression_level=_FLAC_LEVEL)
    except (soundfile.LibsndfileError, RuntimeError, OSError) as error:
        raise FileError(f"cannot write {path}: {error}") from error


def read_manifest(out: Path) -> list[dict[str, Any]]:
    """Lines of a dataset's manifest in order of their ids; a line cut off by a crash is left out."""
    return sorted(_lines(out / MANIFEST), key=lambda line: str(line["id"]))


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if path.exists():
        for text in path.read_text(encoding="utf-8").splitlines():
            try:
                yield json.loads(text)
            except json.JSONDecodeError:
                continue


def _cut_to_lines(path: Path) -> None:
    """Take away a last line that a crash cut off, so that the next one begins a line."""
    if path.exists():
        data = path.read_bytes()
        if not data.endswith(b"\n"):
            write_bytes(path, data[: data.rfind(b"\n") + 1])


def _attempt(config: RenderConfig, index: int) -> tuple[int, dict[str, Any] | None, str]:
    """An item's line, or why there is none (runs in a worker)."""
    try:
        return index, render_item(config, index), ""
    except (PartimentoError, ValueError, KeyError, ArithmeticError) as error:
        return index, None, f"{type(error).__name__}: {error}"


def render_dataset(config: RenderConfig, *, jobs: int = 1, say: Callable[[str], None] = lambda line: None) -> int:
    """Render what is missing; returns the number of items that the dataset has now.

    Raises:
        FileError: no sheets, or the folder cannot be written.
    """
    if config.sheets is not None:
        sheet_files(config.sheets)
    config.out.mkdir(parents=True, exist_ok=True)
    done = {int(line["id"]) for line in _lines(config.out / MANIFEST)} | {
        int(line["id"]) for line in _lines(config.out / SKIPPED)
    }
    missing = [i for i in range(config.n_items) if i not in done]
    for name in (MANIFEST, SKIPPED):
        _cut_to_lines(config.out / name)
    for count, (index, line, why) in enumerate(_results(config, missing, jobs), 1):
        path = config.out / (MANIFEST if line is not None else SKIPPED)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line if line is not None else {"id": f"{index:06d}", "why": why}) + "\n")
        if line is None:
            say(f"item {index} skipped: {why}")
        elif count % 20 == 0 or count == len(missing):
            say(f"{count} of {len(missing)} items")
    return len(read_manifest(config.out))


def _results(config: RenderConfig, missing: list[int], jobs: int) -> Iterator[tuple[int, dict[str, Any] | None, str]]:
    """Items as they get ready; at most a few wait at a time."""
    if jobs <= 1:
        yield from (_attempt(config, index) for index in missing)
        return
    with ProcessPoolExecutor(jobs, initializer=leave_with_parent) as pool:
        waiting: set[Future[tuple[int, dict[str, Any] | None, str]]] = set()
        for index in missing:
            waiting.add(pool.submit(_attempt, config, index))
            if len(waiting) >= 3 * jobs:
                ready, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (f.result() for f in ready)
        for future in waiting:
            yield future.result()
