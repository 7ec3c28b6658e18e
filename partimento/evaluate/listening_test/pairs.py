"""What a listening test consists of: clips under opaque names, pairs of them, and who hears what in which order."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
import numpy as np

from partimento.audio.io import encode_audio, read_audio
from partimento.audio.loudness import SILENCE_LUFS, integrated_lufs, peak_dbfs
from partimento.audio.waveform import Waveform
from partimento.errors import FileError, RequestError
from partimento.evaluate.systems.text_to_music import named, read_captions
from partimento.evaluate.systems.work import Progress, no_progress, sound_files
from partimento.paths import make_folder, write_bytes, write_text

MANIFEST = "test.json"
CLIPS = "clips"
MATCHED_LUFS = -23.0
"""Loudness of matched copies, unless a peak of the loudest-peaked clip asks for less."""
_PEAK_DBFS = -1.0
_FORMAT = 1


@dataclass(frozen=True)
class Clip:
    """A sound that raters hear.

    Attributes:
        system: which made it; never told to the page.
        item: name of the caption.
        gain_db: by how much the copy was made louder.
    """

    system: str
    item: str
    gain_db: float = 0.0


@dataclass(frozen=True)
class Pair:
    """Two clips under one caption; ``first`` is of the system that stands first in :attr:`ListeningTest.systems`."""

    item: str
    first: str
    second: str


@dataclass(frozen=True)
class ListeningTest:
    """A test, as in ``test.json``.

    Attributes:
        format: of the file.
        seed: of all draws.
        systems: names.
        captions: by item.
        clips: by opaque id; their sound is ``clips/ID.flac``.
        pairs: by id.
        per_rater: how many pairs each rater is given; None gives all.
        matched_lufs: loudness of the copies; None when they are as loud as the files.
        left_out: a line for everything that could not be used.
    """

    format: int
    seed: int
    systems: tuple[str, ...]
    captions: dict[str, str]
    clips: dict[str, Clip]
    pairs: dict[str, Pair]
    per_rater: int | None = None
    matched_lufs: float | None = None
    left_out: tuple[str, ...] = ()

    def system_pair(self, pair: str) -> tuple[str, str]:
        """The two systems of a pair, in the order of :attr:`systems`."""
        return self.clips[self.pairs[pair].first].system, self.clips[self.pairs[pair].second].system


@dataclass(frozen=True, slots=True)
class Task:
    """What a rater is given at one place: the pair, and which clip is A and which is B."""

    pair: str
    a: str
    b: str


@dataclass(frozen=True)
class BuildOptions:
    """How to build; see :func:`build`."""

    systems: tuple[Path, ...]
    captions: Path
    n_pairs: int | None = None
    per_rater: int | None = None
    seed: int = 0
    match_loudness: bool = False


def build(options: BuildOptions, out: Path, progress: Progress = no_progress) -> ListeningTest:
    """Write a test folder: copies of the sounds as 16-bit FLAC without tags, and the manifest.

    Args:
        options: the systems' folders (files named like the captions), the captions, how many pairs in all (None: every
            pair of systems under every caption that both have), how many per rater, the seed, and whether to copy all
            sounds at one loudness.
        out: a folder that does not hold a test yet.
        progress: bar.

    Raises:
        FileError: a folder or file is missing, unreadable or stands in the way.
        RequestError: fewer than two systems, no caption that two systems share, or more pairs than there are.
    """
    if options.seed < 0:
        raise RequestError(f"--seed {options.seed}: must be 0 or more")
    if options.per_rater is not None and options.per_rater < 1:
        raise RequestError(f"--per-rater {options.per_rater}: must be 1 or more")
    folders = named(options.systems)
    if len(folders) < 2:
        raise RequestError("a comparison needs at least two systems; give --systems two or more folders")
    if (out / MANIFEST).exists():
        raise FileError(f"{out} holds a test already; name another folder, so that its ratings stay with their sounds")
    captions = {name: text.strip() for name, text in read_captions(options.captions).items() if text and text.strip()}
    files = {system: sound_files(folder) for system, folder in folders.items()}
    left_out = [f"{name}: no sound of {s}" for name in captions for s in files if name not in files[s]]
    for system, found in files.items():
        left_out += [f"{system}/{path.name}: no caption" for name, path in found.items() if name not in captions]
    chosen = _choose(list(folders), captions, files, options)
    sounds: dict[tuple[str, str], Waveform] = {}
    for system, item in progress(_clips_of(chosen), len(_clips_of(chosen)), "reading"):
        try:
            sounds[system, item] = read_audio(files[system][item])
        except FileError as error:
            left_out.append(f"{system}/{files[system][item].name}: {str(error).replace(str(files[system][item]), item)}")
    chosen = [(item, a, b) for item, a, b in chosen if (a, item) in sounds and (b, item) in sounds]
    wanted = _clips_of(chosen)
    if not wanted:
        raise RequestError(f"no pair is left: {left_out[-1]}")
    sounds = {key: sounds[key] for key in wanted}
    gains, level = _gains(sounds) if options.match_loudness else (dict.fromkeys(sounds, 0.0), None)
    ids = {key: _opaque(options.seed, "clip", *key) for key in wanted}
    make_folder(out / CLIPS)
    for key, wave in progress(sounds.items(), len(sounds), "copying"):
        samples = wave.samples * np.float32(10 ** (gains[key] / 20))
        write_bytes(out / CLIPS / f"{ids[key]}.flac", encode_audio(Waveform(samples, wave.sample_rate), ".flac"))
    pairs = {
        _opaque(options.seed, "pair", item, first, second): Pair(item, ids[first, item], ids[second, item])
        for item, first, second in chosen
    }
    test = ListeningTest(
        _FORMAT, options.seed, tuple(folders), {item: captions[item] for item, _, _ in chosen},
        {ids[key]: Clip(*key, round(gains[key], 3)) for key in wanted}, pairs, options.per_rater, level, tuple(left_out),
    )  # fmt: skip
    write_text(out / MANIFEST, json.dumps(asdict(test), indent=2, ensure_ascii=False) + "\n")
    return test


def _clips_of(chosen: Sequence[tuple[str, str, str]]) -> list[tuple[str, str]]:
    """System and item of every clip that pairs need, in order."""
    return sorted({(system, item) for item, *both in chosen for system in both})


def _choose(
    systems: Sequence[str], captions: Mapping[str, str], files: Mapping[str, Mapping[str, Path]], options: BuildOptions
) -> list[tuple[str, str, str]]:
    """Item, first and second system of every pair; each pair of systems has equally many, give or take one."""
    rng = np.random.default_rng([options.seed, 0])
    shared = {
        (a, b): [item for item in captions if item in files[a] and item in files[b]]
        for a, b in itertools.combinations(systems, 2)
    }
    total = sum(len(items) for items in shared.values())
    if not total:
        raise RequestError(
            "no caption has a file in two of the folders; files must be named like the captions' ids "
            f"(e.g. {next(iter(captions), '?')}.wav)"
        )
    n = total if options.n_pairs is None else options.n_pairs
    if not 1 <= n <= total:
        raise RequestError(f"--pairs {n}: must be 1 to {total}, which is all that the folders and captions give")
    mixed = {pair: [items[i] for i in rng.permutation(len(items))] for pair, items in shared.items()}
    chosen: list[tuple[str, str, str]] = []
    for round_ in range(len(captions)):
        chosen += [(items[round_], a, b) for (a, b), items in mixed.items() if round_ < len(items)]
    return chosen[:n]


def _gains(sounds: Mapping[tuple[str, str], Waveform]) -> tuple[dict[tuple[str, str], float], float]:
    """Gains to one loudness at which no clip's peak passes -1 dBFS, and that loudness; silence is left as it is."""
    loudness = {key: integrated_lufs(wave) for key, wave in sounds.items()}
    heard = {key: lufs for key, lufs in loudness.items() if lufs > SILENCE_LUFS}
    room = [lufs + _PEAK_DBFS - peak_dbfs(sounds[key]) for key, lufs in heard.items()]
    level = min([MATCHED_LUFS, *room])
    return {key: level - heard[key] if key in heard else 0.0 for key in sounds}, round(level, 2)


def _opaque(*parts: object) -> str:
    """An id that says nothing of what it stands for."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:16]


def read_test(folder: Path) -> ListeningTest:
    """Read a test folder's manifest.

    Raises:
        FileError: there is none, or it is damaged.
    """
    path = folder / MANIFEST
    try:
        test = msgspec.json.decode(path.read_bytes(), type=ListeningTest)
    except FileNotFoundError as error:
        raise FileError(
            f"{folder} holds no listening test ({MANIFEST} is missing); make one with listening-test build"
        ) from error
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror or error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FileError(f"{path} is damaged: {error}") from error
    if test.format != _FORMAT:
        raise FileError(f"{path} is of format {test.format}; this version knows {_FORMAT}")
    return test


def tasks_of(test: ListeningTest, rater: int) -> tuple[Task, ...]:
    """What the rater with this number (0, 1, …) hears, in order.

    Sides are balanced: of each rater's pairs of two systems, either stands half of the times on side A (give or take one),
    and raters 2k and 2k + 1 hear the same pairs with sides exchanged, each in an order of their own. With ``per_rater``,
    every two raters take the next pairs round the list, so that all pairs are rated equally often.
    """
    ids = list(test.pairs)
    couple = rater // 2
    n = len(ids) if test.per_rater is None else min(test.per_rater, len(ids))
    mixed = [ids[i] for i in np.random.default_rng([test.seed, 1]).permutation(len(ids))]
    mine = [mixed[(couple * n + k) % len(ids)] for k in range(n)]
    rng = np.random.default_rng([test.seed, 2, couple])
    swapped: dict[str, bool] = {}
    groups: dict[tuple[str, str], list[str]] = {}
    for pair in mine:
        groups.setdefault(test.system_pair(pair), []).append(pair)
    for members in groups.values():
        start = int(rng.integers(2))
        for place, k in enumerate(rng.permutation(len(members))):
            swapped[members[k]] = bool((start + place + rater) % 2)
    order = np.random.default_rng([test.seed, 3, rater]).permutation(n)
    tasks = []
    for k in order:
        pair = test.pairs[mine[k]]
        a, b = (pair.second, pair.first) if swapped[mine[k]] else (pair.first, pair.second)
        tasks.append(Task(mine[k], a, b))
    return tuple(tasks)
