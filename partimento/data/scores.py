"""A dataset of scores on the grid: lead sheets, songs, quartets, and pieces by our own composer.

    partimento data scores --sheets openewld/ --songs lieder/ --quartets quartets/ --composed 600 --out data/scores --jobs 2

One line of ``scores.jsonl`` per piece: id (the SHA-256 of the file, or the number of a composed piece), source, split, group and
the piece. A run that was interrupted goes on where it stopped. Sheets that the compose evaluation keeps sealed are never
opened; splits are those of :mod:`partimento.data.splits`. Bad files are named in ``skipped.jsonl``.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from partimento.data.audio_folder import json_lines, json_values
from partimento.data.datasets.item import SKIPPED
from partimento.data.render_record import (
    check_jobs,
    claim,
    collection_digest,
    cut_to_lines,
    read_settings,
    refuse_change,
    start_worker,
    stopping_gently,
    writing,
)
from partimento.data.scores_sealed import is_sealed_copy, without_sealed
from partimento.data.splits import melody_group, split_of
from partimento.errors import FileError, PartimentoError, RequestError
from partimento.paths import append_line
from partimento.plan.plan import Character, Plan
from partimento.score.io import MUSICXML_SUFFIXES
from partimento.score.score import KeyPoint
from partimento.score.timing import Key
from partimento.score_lm.grid import Conditions, GridBar, GridChord, GridNote, GridScore, GridTrack, to_grid
from partimento.score_lm.vocabulary import SHADES

MANIFEST = "scores.jsonl"
_MOODS = ("calm", "happy", "sad", "dark", "bright", "energetic", "dreamy", "tense", "romantic", "playful")
_BARS = (8, 12, 16, 24, 32)
_AHEAD = 4
_UNREADABLE = "unreadable"
MAX_COMPOSED = 1_000_000
Sources = dict[str, tuple[Path, ...]]
"""Files of each source that is named."""


@dataclass(frozen=True, slots=True)
class ScoresConfig:
    """What to read and write.

    Attributes:
        out: folder of the dataset.
        sheets: folder of lead sheets with chord symbols (OpenEWLD); its sealed files stay closed.
        songs: folder of songs for voice and piano.
        quartets: folder of string quartets.
        n_composed: pieces by our composer.
        seed: of the composed pieces.
    """

    out: Path
    sheets: Path | None = None
    songs: Path | None = None
    quartets: Path | None = None
    n_composed: int = 0
    seed: int = 0


def open_files(folder: Path, *, sheets: bool = False) -> tuple[Path, ...]:
    """MusicXML files under a folder, sorted; of lead sheets those that are not sealed (:mod:`partimento.data.scores_sealed`).

    Raises:
        FileError: there are none.
    """
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in MUSICXML_SUFFIXES and not p.is_dir())
    if not found:
        raise FileError(f"no MusicXML files ({', '.join(MUSICXML_SUFFIXES)}) under {folder}")
    open_ = without_sealed(found) if sheets else found
    if not open_:
        raise FileError(f"all {len(found)} sheets under {folder} are sealed ones of OpenEWLD; name a folder with others")
    return tuple(open_)


def shade(value: float) -> int:
    """A value of 0 to 1 as one of five shades."""
    return min(SHADES - 1, max(0, int(value * SHADES)))


def conditions_of(plan: Plan, source: str | None) -> Conditions:
    """What a plan says of the whole piece; density is left to be measured."""
    character: Character = plan.character.value
    return Conditions(source, plan.style.value, shade(character.energy), shade(character.valence))


def _read(source: str, path: Path) -> tuple[GridScore, str]:
    """A file on the grid, and its group."""
    from partimento.score.heard import chords_of
    from partimento.score.musicxml import read_musicxml

    score = read_musicxml(path, play_repeats=False)
    group = melody_group(score)
    if source == "sheet":
        score = replace(score, tracks=tuple(t for t in score.tracks if t.notes and not t.is_drum)[:1])
        last = score.chords[-1].chord.root if score.chords else -1
        if score.key.mode == "major" and last == (score.key.tonic + 9) % 12:
            score = replace(score, keys=(KeyPoint(0.0, Key(last, "minor")),))
    elif not score.chords:
        score = replace(score, chords=chords_of(score))
    if not any(t.notes for t in score.tracks):
        raise FileError(f"{path.name} has no notes")
    return to_grid(score, Conditions(source)), group


def _composed(seed: int, index: int) -> tuple[GridScore, str]:
    """Piece ``index`` by our composer, in a random style, mood and length."""
    from partimento.compose import compose
    from partimento.pipeline import make_plan
    from partimento.plan.request import GenerateRequest
    from partimento.styles import style_ids

    rng = np.random.default_rng([seed, index])
    names = sorted(style_ids())
    style = names[int(rng.integers(len(names)))]
    words = f"{_MOODS[int(rng.integers(len(_MOODS)))]} {style.replace('_', ' ')}"
    bars = _BARS[int(rng.integers(len(_BARS)))]
    plan = make_plan(GenerateRequest(words=words, bars=bars, style=style, seed=seed, index=index))
    return to_grid(compose(plan, rng), conditions_of(plan, "composed")), f"composed {seed} {index}"


def _attempt(job: tuple[str, str, str]) -> tuple[str, dict[str, Any]]:
    """A line of the manifest or of the skipped ones (runs in a worker); job is (id, source, path or number)."""
    id_, source, what = job
    try:
        if source == _UNREADABLE:
            raise FileError(f"cannot read {what}")
        if source == "composed":
            seed, index = what.split()
            grid, group = _composed(int(seed), int(index))
        else:
            grid, group = _read(source, Path(what))
    except (PartimentoError, ValueError, KeyError, ArithmeticError, IndexError) as error:
        return SKIPPED, {"id": id_, "source": source, "why": f"{type(error).__name__}: {error}"}
    line = {"id": id_, "source": source, "split": split_of(group), "group": group, "piece": to_plain(grid)}
    return MANIFEST, line


def _jobs(config: ScoresConfig, sources: Sources) -> Iterator[tuple[str, str, str]]:
    """Everything that the dataset shall hold."""
    for source, files in sources.items():
        for path in files:
            try:
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
            except OSError as error:
                name = hashlib.sha256(f"{source} {path.name}".encode(errors="surrogateescape")).hexdigest()[:16]
                yield name, _UNREADABLE, f"{source} {path.name}: {error.strerror or error}"
                continue
            if not is_sealed_copy(path.name, digest):
                yield digest[:16], source, str(path)
    for index in range(config.n_composed):
        yield f"composed-{config.seed}-{index:06d}", "composed", f"{config.seed} {index}"


def _sources(config: ScoresConfig) -> Sources:
    """Files of each source that is named."""
    folders = {"sheet": config.sheets, "song": config.songs, "quartet": config.quartets}
    return {name: open_files(folder, sheets=name == "sheet") for name, folder in folders.items() if folder is not None}


def _check(config: ScoresConfig, jobs: int) -> None:
    """Settings that can never work. Raises RequestError."""
    check_jobs(jobs)
    if config.seed < 0:
        raise RequestError(f"--seed {config.seed} is negative; take 0 or more")
    if not 0 <= config.n_composed <= MAX_COMPOSED:
        raise RequestError(f"--composed {config.n_composed} is outside 0 to {MAX_COMPOSED}")
    if config.n_composed == 0 and not any((config.sheets, config.songs, config.quartets)):
        raise RequestError("nothing to make scores from; name --sheets, --songs, --quartets or a number for --composed")


def _claim(config: ScoresConfig, sources: Sources) -> None:
    """Write what decides the pieces, or make sure that it is what the folder was made with.

    Raises:
        RequestError: it is not.
    """
    folders = {"sheet": config.sheets, "song": config.songs, "quartet": config.quartets}
    there = read_settings(config.out)
    settings: dict[str, object] = {
        f"--{name}s": None if folder is None else collection_digest(sources[name], folder) for name, folder in folders.items()
    }
    if config.n_composed:  # a seed counts only where something is composed
        settings["--seed"] = config.seed
    if there is None:
        lines = list(json_lines(config.out / MANIFEST))
        ids = {job[0] for job in _jobs(config, sources)} if lines else set()
        for line in lines:
            source, id_ = str(line.get("source")), str(line.get("id"))
            if source == "composed" and config.n_composed and not id_.startswith(f"composed-{config.seed}-"):
                refuse_change(config.out, "--seed", id_.split("-")[1], config.seed)
            if source in folders and id_ not in ids:
                refuse_change(config.out, f"--{source}s", f"a file {id_}", "a folder without it")
    claim(config.out, settings, there)


def build_scores(config: ScoresConfig, *, jobs: int = 1, say: Callable[[str], None] = lambda line: None) -> int:
    """Read and compose what is missing; returns the number of pieces that the dataset has now.

    Raises:
        RequestError: a setting is out of range, or not the one that the folder was made with.
        FileError: no files, the folder cannot be written, another process is writing in it, or not one piece could be made.
    """
    _check(config, jobs)
    sources = _sources(config)
    with writing(config.out):
        _claim(config, sources)
        for name in (MANIFEST, SKIPPED):
            cut_to_lines(config.out / name)
        done = {line["id"] for name in (MANIFEST, SKIPPED) for line in json_lines(config.out / name) if "id" in line}
        missing = {job[0]: job for job in _jobs(config, sources) if job[0] not in done}
        with stopping_gently(say) as stopped:
            for count, (name, line) in enumerate(_results(list(missing.values()), jobs, stopped), 1):
                append_line(config.out / name, json.dumps(line, separators=(",", ":")))
                if name == SKIPPED:
                    say(f"skipped {line['id']} ({line['source']}): {line['why']}")
                elif count % 100 == 0 or count == len(missing):
                    say(f"{count} of {len(missing)} pieces")
        n_pieces = len({line["id"] for line in json_lines(config.out / MANIFEST) if "id" in line})
    if n_pieces == 0:
        raise FileError(f"not one piece could be made; {config.out / SKIPPED} says why")
    return n_pieces


def _results(work: list[tuple[str, str, str]], jobs: int, stopped: Callable[[], bool]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Lines in the order of the work; after a stop those that are under way."""
    if jobs == 1:
        for job in work:
            if stopped():
                return
            yield _attempt(job)
        return
    waiting: deque[Future[tuple[str, dict[str, Any]]]] = deque()
    pool = ProcessPoolExecutor(jobs, initializer=start_worker)
    try:
        for job in work:
            if stopped():
                break
            waiting.append(pool.submit(_attempt, job))
            if len(waiting) >= _AHEAD * jobs:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise FileError("a process that made a piece died (out of memory?); run it again with fewer --jobs") from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def read_scores(folder: Path, on_skip: Callable[[str, str], None] = lambda name, reason: None) -> list[dict[str, Any]]:
    """Lines of a dataset by id, their ``piece`` a :class:`GridScore`; a line cut off by a crash is left out.

    Args:
        folder: of the dataset.
        on_skip: gets the id of a line that is damaged, and the reason; it is left out as well.

    Raises:
        FileError: the folder holds none.
    """
    lines: dict[str, dict[str, Any]] = {}
    for line in json_values(folder / MANIFEST):
        try:
            lines[str(line["id"])] = line | {"id": str(line["id"]), "split": line["split"], "piece": from_plain(line["piece"])}
        except (KeyError, TypeError, ValueError, IndexError) as error:
            name = str(line.get("id", "?")) if isinstance(line, dict) else "?"
            on_skip(f"{folder}/{name}", f"damaged line in {MANIFEST} ({type(error).__name__}: {error})")
    if not lines:
        raise FileError(f"{folder} holds no scores: make some with 'partimento data scores --out {folder}'")
    return [lines[key] for key in sorted(lines)]


def to_plain(grid: GridScore) -> dict[str, Any]:
    """A piece as lists of numbers."""
    c = grid.conditions
    return {
        "bars": [[b.start, *b.metre, *b.key, b.tempo, b.section] for b in grid.bars],
        "chords": [[c.start, c.root, c.quality, c.bass] for c in grid.chords],
        "tracks": [
            {"role": t.role, "instrument": t.instrument, "levels": [list(x) for x in t.levels],
             "notes": [x for n in t.notes for x in (n.start, n.pitch, n.ticks)]}
            for t in grid.tracks
        ],
        "conditions": [c.source, c.style, c.energy, c.valence, c.density],
    }  # fmt: skip


def from_plain(data: dict[str, Any]) -> GridScore:
    """Inverse of :func:`to_plain`."""
    rows = data["bars"]
    bars = tuple(GridBar(at, (n, d), (tonic, mode), tempo, section) for at, n, d, tonic, mode, tempo, section in rows)
    tracks = []
    for row in data["tracks"]:
        flat = row["notes"]
        notes = tuple(GridNote(*flat[i : i + 3]) for i in range(0, len(flat), 3))
        tracks.append(GridTrack(row["role"], row["instrument"], notes, tuple((b, level) for b, level in row["levels"])))
    chords = tuple(GridChord(*row) for row in data["chords"])
    return GridScore(bars, tuple(tracks), chords, Conditions(*data["conditions"]))
