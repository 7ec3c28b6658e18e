"""A dataset of scores on the grid: lead sheets, songs, quartets, and pieces by our own composer.

    partimento data scores --sheets openewld/ --songs lieder/ --quartets quartets/ --composed 600 --out data/scores --jobs 2

One line of ``scores.jsonl`` per piece: id (the SHA-256 of the file, or the number of a composed piece), source, split, group and
the piece. A run that was interrupted goes on where it stopped. Sheets that the compose evaluation keeps sealed are never
opened; splits are those of :mod:`partimento.data.render`. Bad files are named in ``skipped.jsonl``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from partimento.data.render import SHEET_SUFFIXES, melody_group, split_of
from partimento.errors import FileError, PartimentoError
from partimento.plan.plan import Character, Plan
from partimento.score.score import KeyPoint
from partimento.score.timing import Key
from partimento.score_lm.grid import Conditions, GridBar, GridChord, GridNote, GridScore, GridTrack, to_grid
from partimento.score_lm.vocabulary import SHADES

MANIFEST = "scores.jsonl"
SKIPPED = "skipped.jsonl"
_MOODS = ("calm", "happy", "sad", "dark", "bright", "energetic", "dreamy", "tense", "romantic", "playful")
_BARS = (8, 12, 16, 24, 32)
N_SEALED = 100


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
    """MusicXML files under a folder, sorted; of lead sheets those that are not sealed.

    A sheet is sealed when the SHA-256 of ``partimento-compose:<file name>`` is among the 100 smallest (as
    ``partimento evaluate compose`` has it).

    Raises:
        FileError: there are none.
    """
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SHEET_SUFFIXES)
    if sheets:
        ranked = sorted(found, key=lambda p: hashlib.sha256(f"partimento-compose:{p.name}".encode()).hexdigest())
        found = sorted(ranked[N_SEALED:])
    if not found:
        raise FileError(f"no MusicXML files to open under {folder}" + (f" beyond {N_SEALED} sealed ones" if sheets else ""))
    return tuple(found)


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
        if source == "composed":
            seed, index = what.split()
            grid, group = _composed(int(seed), int(index))
        else:
            grid, group = _read(source, Path(what))
    except (PartimentoError, ValueError, KeyError, ArithmeticError, IndexError) as error:
        return SKIPPED, {"id": id_, "source": source, "why": f"{type(error).__name__}: {error}"}
    line = {"id": id_, "source": source, "split": split_of(group), "group": group, "piece": to_plain(grid)}
    return MANIFEST, line


def _jobs(config: ScoresConfig) -> Iterator[tuple[str, str, str]]:
    """Everything that the dataset shall hold."""
    for source, folder in (("sheet", config.sheets), ("song", config.songs), ("quartet", config.quartets)):
        for path in () if folder is None else open_files(folder, sheets=source == "sheet"):
            yield hashlib.sha256(path.read_bytes()).hexdigest()[:16], source, str(path)
    for index in range(config.n_composed):
        yield f"composed-{config.seed}-{index:06d}", "composed", f"{config.seed} {index}"


def build_scores(config: ScoresConfig, *, jobs: int = 1, say: Callable[[str], None] = lambda line: None) -> int:
    """Read and compose what is missing; returns the number of pieces that the dataset has now.

    Raises:
        FileError: no files, or the folder cannot be written.
    """
    config.out.mkdir(parents=True, exist_ok=True)
    done = {line["id"] for name in (MANIFEST, SKIPPED) for line in _lines(config.out / name)}
    missing = {job[0]: job for job in _jobs(config) if job[0] not in done}
    with ProcessPoolExecutor(jobs) as pool:
        results = pool.map(_attempt, missing.values(), chunksize=4) if jobs > 1 else map(_attempt, missing.values())
        for count, (name, line) in enumerate(results, 1):
            with (config.out / name).open("a", encoding="utf-8") as file:
                file.write(json.dumps(line, separators=(",", ":")) + "\n")
            if name == SKIPPED:
                say(f"skipped {line['id']} ({line['source']}): {line['why']}")
            elif count % 100 == 0 or count == len(missing):
                say(f"{count} of {len(missing)} pieces")
    return sum(1 for _ in _lines(config.out / MANIFEST))


def read_scores(folder: Path, on_skip: Callable[[str, str], None] = lambda name, reason: None) -> list[dict[str, Any]]:
    """Lines of a dataset by id, their ``piece`` a :class:`GridScore`; a line cut off by a crash is left out.

    Args:
        folder: of the dataset.
        on_skip: gets the id of a line that is damaged, and the reason; it is left out as well.

    Raises:
        FileError: the folder holds none.
    """
    lines = []
    for line in _lines(folder / MANIFEST):
        try:
            lines.append(line | {"id": str(line["id"]), "split": line["split"], "piece": from_plain(line["piece"])})
        except (KeyError, TypeError, ValueError, IndexError) as error:
            name = str(line.get("id", "?")) if isinstance(line, dict) else "?"
            on_skip(f"{folder}/{name}", f"damaged line in {MANIFEST} ({type(error).__name__}: {error})")
    if not lines:
        raise FileError(f"{folder} holds no scores: make some with 'partimento data scores --out {folder}'")
    return sorted(lines, key=lambda line: str(line["id"]))


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if path.exists():
        with path.open(encoding="utf-8") as file:
            for text in file:
                try:
                    yield json.loads(text)
                except json.JSONDecodeError:
                    continue


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
