"""``partimento evaluate text-to-music``: how far is what systems make from real music, and is it sound at all?"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from partimento.errors import FileError, RequestError
from partimento.evaluate.embedders import SIGNAL, classifier, embedder, text_embedder
from partimento.evaluate.systems.distribution import COLUMNS, VectorSet, distances
from partimento.evaluate.systems.jobs import Embeddings
from partimento.evaluate.systems.papers import paper_columns, paper_rows
from partimento.evaluate.systems.table import Column, Figure, Row, SystemsTable, marked_partial, mean_figure, versions
from partimento.evaluate.systems.work import Measured, Progress, Skipped, data_hash, measure, no_progress, sound_files
from partimento.metrics.kl_divergence import evaluate as kl_scores
from partimento.metrics.text_match import text_match

FAULTY = Column("faulty", "share of the clips with clipping, clicks, holes, stuck loops or buzz", "less")
SECONDS = Column("seconds", "mean length of a clip")
KLD = Column("KLD", "KL(reference ‖ system) of class scores, windows scored one by one, clips of equal names", "less")
KLD_POOLED = Column("KLD pooled", "the same on logits averaged over windows first", "less")
KLD_BACK = Column("KLD reverse", "KL(system ‖ reference), windows scored one by one", "less")
TEXT = Column("text match", "mean cosine of captions and sounds", "more")
RECALL_1 = Column("R@1", "share of captions whose sound is the nearest", "more")
RECALL_5 = Column("R@5", "the same among the five nearest", "more")
SHUFFLED = Column("shuffled", "the same with wrong captions: what the score would be by chance")
RECALL = Column("R@10", "share of captions whose sound is among the ten nearest", "more")


@dataclass(frozen=True)
class Options:
    """What to compare.

    Attributes:
        systems: folders, one per system; a clip is named by its file without suffix.
        reference: folder of real music.
        captions: CSV with ``id`` (or ``ytid``, ``file``) and ``caption``; only clips that it names are measured. None takes all.
        embedder, classifier, words: see :mod:`partimento.evaluate.embedders`; a classifier adds KLD against reference clips of
            the same name, ``words`` adds the match of captions and sounds.
        equal_n: as many clips of each system (and of the reference) as the smallest has, drawn with ``seed``.
        bootstrap: draws per interval.
        seed: of all draws.
        n_jobs: processes (None: the cores).
        cache: folder (None: the user's).
        papers: set the rows that papers published beside.
    """

    systems: tuple[Path, ...]
    reference: Path
    captions: Path | None = None
    embedder: str = SIGNAL
    equal_n: bool = True
    bootstrap: int = 50
    seed: int = 0
    n_jobs: int | None = None
    cache: Path | None = None
    papers: bool = False
    classifier: str | None = None
    words: str | None = None


def read_captions(path: Path) -> dict[str, str]:
    """Captions by clip id.

    Raises:
        FileError: unreadable, or without the columns.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            names = reader.fieldnames or []
            key = next((n for n in ("id", "file", "ytid", "name") if n in names), None)
            if key is None or "caption" not in names:
                raise FileError(
                    f"{path}: columns id (or file, ytid, name) and caption are needed, got {', '.join(names) or 'none'}"
                )
            return {Path(row[key]).stem if key == "file" else row[key]: row["caption"] for row in reader if row[key]}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FileError(f"cannot read the captions {path}: {error}") from error


def evaluate_text_to_music(options: Options, command: str, progress: Progress = no_progress) -> SystemsTable:
    """Measure all systems.

    Raises:
        FileError: a folder without sound, or bad captions. RequestError: no clip in common with the captions, or two
            systems of one name.
    """
    folders = named(options.systems)
    captions = read_captions(options.captions) if options.captions is not None else None
    if options.words is not None and captions is None:
        raise RequestError("a text embedder needs --captions: what the sounds should match")
    if options.classifier is not None:
        classifier(options.classifier)  # what cannot be loaded is said once, not of every file
    if options.words is not None:
        text_embedder(options.words)
    notes = [f"embedder: {embedder(options.embedder).name}, {options.bootstrap} bootstrap draws, seed {options.seed}"]
    wanted = set(captions) if captions is not None else None
    clips = {name: _wanted(sound_files(folder), wanted, name) for name, folder in folders.items()}
    reference = sound_files(options.reference)
    skipped: list[str] = []
    if captions is not None:
        notes += [
            f"{name}: {n} of {len(captions)} captions have no clip"
            for name, c in clips.items()
            if (n := len(set(captions) - set(c)))
        ]
    whole_sound = {name: _sound_ones(found, options, progress, name, skipped) for name, found in clips.items()}
    whole_reference = _sound_ones(reference, options, progress, "reference", skipped)
    least = min(len(c) for c in [*whole_sound.values(), whole_reference]) if options.equal_n else None
    if least is not None:
        notes.append(f"at most {least} clips of each set, drawn with seed {options.seed} from those that can be measured")
    whole, halves = _gather(_drawn(whole_reference, least, options.seed), options, "reference")
    rows = [_row("(reference against its other half)", halves[0], halves[1], options, notes, anchor=True)]
    notes.append(f"data of the reference: {whole.data}")
    for name, found in whole_sound.items():
        gathered, _ = _gather(_drawn(found, least, options.seed), options, name, halves=False)
        if same := len(set(gathered.digests) & set(whole.digests)):
            notes.append(f"{name}: {same} clips are the reference's own, which makes every distance too small")
        n_bad = len(clips[name]) - len(found)
        row = _row(name, whole, gathered, options, notes, n_skipped=n_bad)
        row.figures.update(_pair_figures(whole, gathered, captions, options))
        rows.append(row)
    rows = marked_partial(rows)
    published = paper_rows("text-to-music") if options.papers else []
    columns = (
        *COLUMNS,
        KLD,
        KLD_POOLED,
        KLD_BACK,
        TEXT,
        SHUFFLED,
        RECALL_1,
        RECALL_5,
        RECALL,
        FAULTY,
        SECONDS,
        *paper_columns(published),
    )
    return SystemsTable(
        "Text to music", command, columns, (*rows, *published), tuple(dict.fromkeys(notes)), tuple(skipped), versions()
    )


@dataclass
class Gathered:
    """A set of clips, measured."""

    vectors: VectorSet
    n: int = 0
    n_silent: int = 0
    n_faulty: int = 0
    seconds: float = 0.0
    digests: list[str] = field(default_factory=list)
    logits: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    joint: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    @property
    def data(self) -> str:
        """Short hash of the clips' bytes."""
        return data_hash(self.digests)


def named(folders: Sequence[Path]) -> dict[str, Path]:
    """Systems by the name of their folder.

    Raises:
        RequestError: none, or two of one name.
    """
    if not folders:
        raise RequestError("no system named; give one folder of sound files per system")
    found: dict[str, Path] = {}
    for folder in folders:
        name = folder.resolve().name
        if name in found:
            raise RequestError(f"two systems are named '{name}'; rename one of the folders")
        found[name] = folder
    return found


def _wanted(files: Mapping[str, Path], wanted: set[str] | None, system: str) -> dict[str, Path]:
    if wanted is None:
        return dict(files)
    found = {name: path for name, path in files.items() if name in wanted}
    if not found:
        raise RequestError(
            f"no file of {system} is named by the captions (e.g. {next(iter(files))}); file names must be caption ids"
        )
    return found


def _drawn(files: Mapping[str, Path], most: int | None, seed: int) -> list[Path]:
    """All paths, or a seeded choice of them in order."""
    paths = list(files.values())
    if most is None or len(paths) <= most:
        return paths
    return [paths[i] for i in np.sort(np.random.default_rng(seed).permutation(len(paths))[:most])]


def _measured(paths: Sequence[Path], options: Options, progress: Progress, label: str) -> Iterator[Measured | Skipped]:
    """Everything that the table needs of files; from the cache when it has been measured before."""
    plain = options.embedder == SIGNAL and not (options.classifier or options.words)
    job = Embeddings(options.embedder, options.classifier, options.words)
    n_jobs = options.n_jobs if plain else 1
    return measure(paths, job, cache=options.cache, n_jobs=n_jobs, progress=progress, label=label)


def _sound_ones(
    files: Mapping[str, Path], options: Options, progress: Progress, label: str, skipped: list[str]
) -> dict[str, Path]:
    """The files that can be measured; the others are named. Clips are drawn from these only.

    Raises:
        RequestError: there is none.
    """
    found = {}
    for name, result in zip(files, _measured(list(files.values()), options, progress, label), strict=True):
        if isinstance(result, Measured):
            found[name] = result.path
        else:
            skipped.append(f"{label}/{result.path.name}: {result.reason}")
    if not found:
        raise RequestError(f"no file of {label} can be measured; {skipped[-1]}")
    return found


def _gather(
    paths: Sequence[Path], options: Options, label: str, *, halves: bool = True
) -> tuple[Gathered, tuple[Gathered, Gathered]]:
    """A set as a whole, and as its even and odd clips (empty where no halves are wanted)."""
    dim = embedder(options.embedder).dim
    sets = [Gathered(VectorSet(dim, options.seed)) for _ in range(3)]
    for index, result in enumerate(_measured(paths, options, no_progress, label)):
        if not isinstance(result, Measured):
            raise FileError(f"{label}/{result.path.name} changed while it was measured: {result.reason}")
        for one in (sets[0], sets[1 + index % 2]) if halves else (sets[0],):
            one.n += 1
            one.n_silent += int(result.values["silent"])
            one.n_faulty += bool(str(result.values["faults"]))
            one.seconds += float(result.values["duration_s"])
            one.vectors.add(result.values["embeddings"])
            one.digests.append(result.sha256)
            if "logits" in result.values:
                one.logits[result.path.stem] = result.values["logits"]
            if "joint" in result.values:
                one.joint[result.path.stem] = result.values["joint"]
    return sets[0], (sets[1], sets[2])


def _row(
    name: str,
    reference: Gathered,
    system: Gathered,
    options: Options,
    notes: list[str],
    *,
    anchor: bool = False,
    n_skipped: int = 0,
) -> Row:
    figures, found = distances(reference.vectors, system.vectors, bootstrap=options.bootstrap, seed=options.seed)
    notes += [f"{name}: {line}" for line in found]
    if system.n:
        figures["faulty"] = Figure(system.n_faulty / system.n, n=system.n)
        figures["seconds"] = Figure(system.seconds / system.n, n=system.n)
    silent = system.n_silent / system.n if system.n else 0.0
    return Row(name, system.n, n_skipped, silent, figures, anchor=anchor, data=system.data)


def _pair_figures(
    reference: Gathered, system: Gathered, captions: Mapping[str, str] | None, options: Options
) -> dict[str, Figure]:
    """KLD against clips of the same name, and the match with captions."""
    figures: dict[str, Figure] = {}
    common = [name for name in system.logits if name in reference.logits]
    if common:
        found = [kl_scores(reference.logits[name], system.logits[name]) for name in common]
        for column, key in ((KLD, "kld_segments"), (KLD_POOLED, "kld_pooled"), (KLD_BACK, "kld_segments_reverse")):
            figures[column.name] = mean_figure([f[key] for f in found], 4 * options.bootstrap, options.seed)
    if options.words is not None and captions is not None and system.joint:
        names = [name for name in system.joint if name in captions]
        texts = text_embedder(options.words).embed_text([captions[name] for name in names])
        match = text_match(texts, np.stack([system.joint[name] for name in names]))
        figures |= {
            TEXT.name: Figure(match.score, n=match.n),
            SHUFFLED.name: Figure(match.shuffled, n=match.n),
            **{column.name: Figure(match.recall[k], n=match.n) for column, k in ((RECALL_1, 1), (RECALL_5, 5), (RECALL, 10))},
        }
    return figures
