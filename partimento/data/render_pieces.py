"""What the items of a rendered dataset play: excerpts of written scores for other players, and pieces by our composer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from partimento.data.render_config import RenderConfig
from partimento.data.splits import melody_group
from partimento.errors import FileError, PartimentoError
from partimento.score.io import MUSICXML_SUFFIXES
from partimento.score.score import Score

_FAULTS = (PartimentoError, ValueError, KeyError, ArithmeticError, IndexError, OSError)
_MOODS = ("calm", "happy", "sad", "dark", "bright", "energetic", "dreamy", "tense", "romantic", "playful")


@lru_cache(maxsize=4)
def sheet_files(folder: Path) -> tuple[Path, ...]:
    """MusicXML files under a folder, by path. Raises FileError when there are none."""
    found = tuple(sorted(p for p in folder.rglob("*") if p.suffix.lower() in MUSICXML_SUFFIXES and not p.is_dir()))
    if not found:
        raise FileError(f"no MusicXML sheets ({', '.join(MUSICXML_SUFFIXES)}) under {folder}")
    return found


@dataclass(frozen=True)
class Piece:
    """What an item plays: the score, where it is from, its group, and words known about it."""

    score: Score
    source: str
    group: str
    label: str = ""
    moods: tuple[str, ...] = ()


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


def unusable_sheets(folder: Path | None) -> dict[str, str]:
    """Sheets of a folder that turned out in this process to be unusable, and why."""
    return dict(_UNUSABLE.get(folder, {})) if folder is not None else {}


def forget_sheets() -> None:
    """Look at every folder and sheet anew: they may have changed."""
    for cached in (sheet_files, _sheet):
        cached.cache_clear()
    _UNUSABLE.clear()


def usable_sheet(folder: Path, path: Path) -> Score | None:
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


def first_draw(config: RenderConfig, rng: np.random.Generator) -> tuple[float, Path | None]:
    """How many seconds an item is to have, and the sheet that is tried first; None for a piece by our composer."""
    seconds = float(rng.uniform(*config.seconds))
    if config.sheets is None or rng.random() < config.composed_share:
        return seconds, None
    files = sheet_files(config.sheets)
    return seconds, files[int(rng.integers(len(files)))]


def make_piece(config: RenderConfig, rng: np.random.Generator, index: int) -> Piece:
    """The score of an item; where a sheet cannot be used another one is drawn.

    Raises:
        PartimentoError, ValueError: it cannot be made.
    """
    seconds, path = first_draw(config, rng)
    if config.sheets is None or path is None:
        return _composed(config, rng, index, seconds)
    from partimento.data.orchestrate import orchestrate

    left = list(sheet_files(config.sheets))
    why = "none can be read"
    while True:
        left.remove(path)
        sheet = usable_sheet(config.sheets, path)
        if sheet is not None:
            try:
                score = orchestrate(sheet, rng, seconds)
                return Piece(score, path.relative_to(config.sheets).as_posix(), melody_group(sheet))
            except _FAULTS as error:  # an empty excerpt; the next sheet may have a better one
                why = f"{path.name}: {error}"
        if not left:
            raise FileError(f"no sheet under {config.sheets} can be used ({why})")
        path = left[int(rng.integers(len(left)))]


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
