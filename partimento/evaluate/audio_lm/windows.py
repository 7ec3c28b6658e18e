"""Windows of rendered items with what sounds in them: prompts for a model, and the real music to compare with.

A prompt words the truth about a window as the model learned to hear it (:func:`partimento.train.captioning.true_caption`),
with all its instruments named, so that "asked" and "not asked" are certain.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from partimento.audio.waveform import Waveform
from partimento.data.render import read_manifest
from partimento.errors import FileError, ParseError
from partimento.score.instruments import english_name, instruments

if TYPE_CHECKING:
    from partimento.score.score import Score

HELD_OUT = ("valid", "test")
LEAST_SOUNDING_S = 0.5
"""A part counts as sounding in a window when its notes last so long together (drums: when it has so many strokes as below)."""
LEAST_STROKES = 3
_TRIES = 200
_CHORD_GAP_S = 0.05
"""Chords that follow each other closer than this are in a row."""


@dataclass(frozen=True, slots=True)
class RealWindow:
    """A part of a rendered item.

    Attributes:
        folder: of the item.
        name: dataset and item.
        start_s, duration_s: where.
        families: of the instruments that sound in it.
        prompt: the truth in the model's words.
    """

    folder: Path
    name: str
    start_s: float
    duration_s: float
    families: frozenset[str]
    prompt: str

    def sound(self) -> Waveform:
        """The mix in this window."""
        from partimento.audio import read_audio

        wave = read_audio(self.folder / "mix.flac")
        start = round(self.start_s * wave.sample_rate)
        return wave.part(start, start + round(self.duration_s * wave.sample_rate))


def family_of(instrument_id: str, is_drum: bool = False) -> str:
    """Family of the instrument table; all percussion is ``drums``. Unknown instruments have none (empty)."""
    row = instruments().get(instrument_id)
    if is_drum or (row is not None and row.family == "percussion"):
        return "drums"
    return "" if row is None else row.family


def families() -> tuple[str, ...]:
    """All families, in order of their names."""
    return tuple(sorted({family_of(row.id, row.is_drum) for row in instruments().values()}))


def windows(data: Sequence[Path], splits: Sequence[str], duration_s: float, n: int, seed: int = 0) -> list[RealWindow]:
    """Up to ``n`` windows of items played by the SoundFonts of the training split; the first k are the same for any n.

    Items are cut without overlap in a random order; when that gives too few, windows between these come behind them.

    Args:
        data: folders that ``partimento data render`` wrote.
        splits: of these items.
        duration_s: of a window; shorter items are left out.
        n: how many.
        seed: of the order and of the wording.

    Raises:
        FileError: no such dataset, or not one window.
    """
    items = []
    for folder in data:
        lines = read_manifest(folder)
        if not lines:
            raise FileError(f"{folder} holds no rendered items; make them with 'partimento data render'")
        fonts = {line.get("soundfont") for line in lines if line["split"] == "train"}
        known = [line for line in lines if line["split"] in splits and (line.get("soundfont") in fonts or not fonts)]
        items += [(folder, str(line["id"]), float(line["seconds"])) for line in known]
    apart, between = [], []
    for folder, item, seconds in items:
        for k in range(int(seconds / duration_s + 1e-6)):
            apart.append((folder, item, k * duration_s))
            if (k + 1.5) * duration_s <= seconds:
                between.append((folder, item, (k + 0.5) * duration_s))
    places = [group[i] for group in (apart, between) for i in np.random.default_rng(seed).permutation(len(group))]
    if not places:
        raise FileError(f"no item of {' or '.join(splits)} in {', '.join(map(str, data))} lasts {duration_s:g} s")
    found: list[RealWindow] = []
    for i, (folder, item, start_s) in enumerate(places):
        if len(found) == n:
            break
        window = _window(folder, item, start_s, duration_s, np.random.default_rng([seed, i]))
        if window is not None:
            found.append(window)
    return found


def _window(folder: Path, item: str, start_s: float, duration_s: float, rng: np.random.Generator) -> RealWindow | None:
    """The window there; None when nothing sounds in it."""
    place = folder / "items" / item
    data = read_item(place)
    rows = sounding(place, data, start_s, start_s + duration_s)
    if not rows:
        return None
    prompt = full_caption(data, rows, start_s, rng)
    kinds = frozenset(f for row in rows if (f := family_of(str(row["instrument"]), bool(row["is_drum"]))))
    return RealWindow(place, f"{folder.name}/{item}", start_s, duration_s, kinds, prompt)


@lru_cache(maxsize=4096)
def read_item(place: Path) -> dict[str, Any]:
    """An item's truth.

    Raises:
        FileError, ParseError: it is missing or damaged.
    """
    try:
        data: dict[str, Any] = json.loads((place / "item.json").read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(f"{place / 'item.json'} is missing; render the dataset again") from error
    except json.JSONDecodeError as error:
        raise ParseError(f"{place / 'item.json'} is damaged: {error}") from error
    return data


def sounding(place: Path, data: dict[str, Any], start_s: float, end_s: float) -> list[dict[str, Any]]:
    """Rows of the stems that sound between two times by the score; all of them where no score was kept."""
    path = place / "score.json"
    if not path.exists():
        return list(data["stems"])
    spans = _spans(path)
    found = []
    for row in data["stems"]:
        inside = [min(b, end_s) - max(a, start_s) for a, b in spans.get(str(row["name"]), ()) if b > start_s and a < end_s]
        if len(inside) >= LEAST_STROKES if row["is_drum"] else sum(inside) >= LEAST_SOUNDING_S:
            found.append(row)
    return found


def _score(path: Path) -> Score:
    from partimento.plan.serial import from_json
    from partimento.score.score import Score

    return from_json(path.read_bytes(), Score)


@lru_cache(maxsize=256)
def _spans(path: Path) -> dict[str, tuple[tuple[float, float], ...]]:
    """Start and end of every note in seconds, by track."""
    score = _score(path)
    at = score.tempo_map.seconds
    return {track.name: tuple((at(note.start), at(note.end)) for note in track.notes) for track in score.tracks}


def written_chord_s(window: RealWindow) -> float | None:
    """How long the longest chord of a window lasts in it by the score, in seconds; None where no chords are known.

    Chords in a row that have the same notes, octaves aside, are one.
    """
    path = window.folder / "score.json"
    chords = _chords(path) if path.exists() else ()
    if not chords:
        return None
    end_s = window.start_s + window.duration_s
    longest = since = 0.0
    last_end, last_notes = -1.0, frozenset[int]()
    for start, end, notes in chords:
        start, end = max(start, window.start_s), min(end, end_s)
        if end <= start:
            continue
        if notes != last_notes or start - last_end > _CHORD_GAP_S:
            since = start
        last_end, last_notes = end, notes
        longest = max(longest, end - since)
    return longest


@lru_cache(maxsize=256)
def _chords(path: Path) -> tuple[tuple[float, float, frozenset[int]], ...]:
    """Start and end in seconds and pitch classes of every chord."""
    score = _score(path)
    at = score.tempo_map.seconds
    spans = ((at(span.start), at(span.end), span.chord) for span in score.chords)
    return tuple((a, b, frozenset((chord.root + i) % 12 for i in chord.intervals)) for a, b, chord in spans)


def full_caption(data: dict[str, Any], rows: Sequence[dict[str, Any]], start_s: float, rng: np.random.Generator) -> str:
    """The truth about a window as training words it; drawn until every instrument is named."""
    from partimento.train.captioning import facts_of_window, true_caption

    truth = {"instruments": list(rows), "tempo_bpm": data.get("tempo_bpm"), "metre": data.get("metre", "")}
    keys = [row for row in data.get("keys") or [] if row[0] <= start_s][-1:]
    captions = data.get("captions") or [""]
    facts = facts_of_window(str(captions[0]), truth | {"keys": keys}, start_s)
    if facts is None:
        return str(captions[0])
    names = {english_name(id_) for id_, _ in facts.parts}
    text = ""
    for _ in range(_TRIES):
        text = true_caption(facts, rng)
        if all(name in text.split(" No ")[0] for name in names):
            return text
    return text
