"""``partimento evaluate compose --systems``: tunes and pieces by any composer in the musicality table.

A system is a folder of scores (MIDI, MusicXML, ABC). Of each the tune is taken: the part with the role of a melody, else the
highest pitched one, of notes that begin together the highest. Figures are those of ``evaluate compose``: features within
the real sheets' range, how well classifiers tell the tunes from real ones, overlap with the sheets; beside ours and the
baselines, which are composed to the chords of the sheets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from partimento.data.scores_sealed import N_SEALED
from partimento.errors import FileError, PartimentoError, RequestError
from partimento.evaluate.compose_baselines import Composer, MarkovComposer, default_composer, random_walk
from partimento.evaluate.compose_classifiers import KINDS, N_FOLDS, separate
from partimento.evaluate.compose_data import MIN_BARS, MIN_NOTES, Tune, load_tunes, sheet_names, single_line, split
from partimento.evaluate.compose_features import feature_matrix, feature_table
from partimento.evaluate.compose_tunes import (
    MAX_COMMON_NOTES,
    FeatureRow,
    compose_all,
    feature_rows,
    overlap_rows,
    separation_rows,
)
from partimento.evaluate.systems.table import Column, Figure, Row, SystemsTable, mean_figure, versions
from partimento.evaluate.systems.text_to_music import named
from partimento.evaluate.systems.work import Progress, no_progress
from partimento.metrics.note_arrays import FloatArray
from partimento.metrics.tune_overlap import Corpus
from partimento.score.io import SCORE_SUFFIXES, lead_sheet, read_score

OURS = "ours (Partimento)"
REAL = "(real sheets)"
MIN_SHEETS = 10
MIN_TUNES = 2 * N_FOLDS
"""Fewer tunes are not given to classifiers: a fold would hold one."""
COLUMNS = (
    Column("in range", "share of the judged features whose distribution lies in the real sheets' range", "more"),
    Column("features", "features that are defined in these tunes and were judged"),
    Column("AUC logistic", "how well a classifier tells them from real tunes (0.5: not at all), ± between foldings", "less"),
    Column("AUC boosted", "the same with boosted trees", "less"),
    Column("longest run", "notes in common with a sheet, the most of all tunes", "less"),
    Column("copies", f"share of the tunes with more than {MAX_COMMON_NOTES} notes in a row in common with a sheet", "less"),
    Column("notes", "mean number of notes of a tune"),
)


@dataclass(frozen=True)
class Options:
    """What to compare.

    Attributes:
        systems: folders of scores.
        sheets: folder of real lead sheets (MusicXML); of the split of ``evaluate compose`` only those to work with are read.
        bootstrap: draws of the interval of ``copies``.
        seed: of everything random.
        cache: folder of parsed sheets (None: none).
        ours: also compose ours and the baselines.
    """

    systems: tuple[Path, ...]
    sheets: Path
    bootstrap: int = 50
    seed: int = 0
    cache: Path | None = None
    ours: bool = True


def evaluate_compose_systems(
    options: Options, command: str, composer: Composer | None = None, progress: Progress = no_progress
) -> SystemsTable:
    """Score all systems, ours and the baselines.

    Args:
        options: what to compare.
        command: what makes the table again.
        composer: ours (None: the project's own).
        progress: bar.

    Raises:
        FileError: a folder without scores. RequestError: too few sheets, a system without a tune, two of one name.
    """
    folders = named(options.systems)
    working, _ = split(sheet_names(options.sheets))
    real, left_out = load_tunes(options.sheets, working, options.cache, None, progress)
    if len(real) < MIN_SHEETS:
        raise RequestError(
            f"{len(real)} usable sheets in {options.sheets} are too few to compare with; {MIN_SHEETS} are needed beside the "
            f"{N_SEALED} that are set aside for the end"
        )
    skipped = [f"sheets/{s.name}: {s.reason}" for s in left_out]
    judge = _Judge(real, options)
    notes: list[str] = []
    rows = [judge.real_row()]
    for name, folder in folders.items():
        tunes, faults, digest = read_tunes(folder, progress)
        if not tunes:
            raise RequestError(f"no score of {name} holds a tune; {faults[0]}")
        skipped += [f"{name}/{fault}" for fault in faults]
        rows.append(judge.row(name, tunes, len(faults), digest, notes, progress))
    if options.ours:
        makers: list[tuple[str, Composer]] = [(OURS, composer or default_composer())]
        makers += [("Markov chain (baseline)", MarkovComposer(real)), ("random walk (baseline)", random_walk)]
        for name, maker in makers:
            made = compose_all(real, maker, options.seed, name, progress)
            rows.append(judge.row(name, made, 0, "", notes, progress, anchor="baseline" in name))
    head = (
        f"{len(real)} real sheets (the sealed ones are not read), feature list {feature_table().version}, seed {options.seed}",
        f"a score needs {MIN_BARS} bars, {MIN_NOTES} notes of tune and one metre; features that need chords are left out without",
        f"few tunes fall out of the range by chance: the row {REAL} is one half of the sheets against the other, compare with it",
        "ours and the baselines are composed to the sheets' own chords, metre, key and bars; a system's tunes need not be",
    )
    packages = ("partimento", "numpy", "scikit-learn")
    return SystemsTable(
        "Composed tunes", command, COLUMNS, tuple(rows), (*head, *dict.fromkeys(notes)), tuple(skipped), versions(packages),
        items="tunes", sounding=False,
    )  # fmt: skip


def read_tunes(folder: Path, progress: Progress = no_progress) -> tuple[tuple[Tune, ...], list[str], str]:
    """The tunes of a folder of scores (subfolders included), what was left out, and a short hash of the files.

    Raises:
        FileError: no folder, or no score in it.
    """
    if not folder.is_dir():
        raise FileError(f"{folder} is not a folder of scores")
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SCORE_SUFFIXES and p.is_file())
    if not paths:
        raise FileError(f"no scores in {folder}; {', '.join(SCORE_SUFFIXES)} are read")
    tunes, faults, digest = [], [], hashlib.sha256()
    for path in progress(paths, len(paths), f"reading {folder.name}"):
        try:
            tunes.append(tune_of(path))
            digest.update(path.read_bytes())
        except PartimentoError as error:
            faults.append(f"{path.name}: {str(error).replace(str(path), path.name)}")
        except OSError as error:
            faults.append(f"{path.name}: {error.strerror or error}")
    return tuple(tunes), faults, digest.hexdigest()[:12]


def tune_of(path: Path) -> Tune:
    """The tune of a score file.

    Raises:
        PartimentoError: it cannot be read or used; the message says why.
    """
    score = read_score(path)
    if len({str(point.metre) for point in score.metres}) > 1:
        raise RequestError("changes metre")
    track, chords = lead_sheet(score)
    line = single_line(track.notes)
    if score.n_bars < MIN_BARS:
        raise RequestError(f"has {score.n_bars} bars, fewer than {MIN_BARS}")
    if len(line) < MIN_NOTES:
        raise RequestError(f"has {len(line)} notes of tune, fewer than {MIN_NOTES}")
    return Tune(path.stem, line, chords, score.metre, score.key, score.n_bars, score.tempo_bpm)


class _Judge:
    """Real tunes, and what is measured against them."""

    def __init__(self, real: tuple[Tune, ...], options: Options) -> None:
        self.real = real
        self.options = options
        self.features = feature_matrix(real)
        self.corpus = Corpus({tune.name: tune.arrays for tune in real})
        self.groups = {Path(tune.name).stem: index for index, tune in enumerate(real)}
        self.classifiers = find_spec("sklearn") is not None

    def real_row(self) -> Row:
        """The real tunes among themselves: halves against halves."""
        half = len(self.real) // 2
        order = np.random.default_rng([self.options.seed, half]).permutation(len(self.real))
        judged = feature_rows(self.features[order[:half]], self.features[order[half:]])
        figures = self._shares(judged)
        if self.classifiers and half >= MIN_TUNES:
            for row in separation_rows({"real": self.features}, self.options.seed):
                s = row.separation
                figures[f"AUC {s.kind}"] = Figure(s.auc, s.auc - s.sd, s.auc + s.sd, len(self.real))
        figures["notes"] = Figure(float(np.mean([len(t.notes) for t in self.real])), n=len(self.real))
        return Row(REAL, len(self.real), 0, 0.0, figures, anchor=True)

    def row(
        self, name: str, tunes: tuple[Tune, ...], n_skipped: int, digest: str, notes: list[str], progress: Progress,
        anchor: bool = False,
    ) -> Row:  # fmt: skip
        """A system's figures."""
        found = feature_matrix(tunes)
        # A feature that most tunes do not have (chord tones without chords) would tell the sets apart by its absence.
        use = np.isfinite(found).mean(axis=0) >= 0.5
        judged = [row for row, used in zip(feature_rows(self.features, found), use, strict=True) if used]
        figures = self._shares(judged)
        if not self.classifiers:
            notes.append("no classifiers: scikit-learn is not installed (pip install 'partimento[eval]')")
        elif len(tunes) < MIN_TUNES:
            notes.append(f"{name}: {len(tunes)} tunes are too few for a classifier; {MIN_TUNES} are needed")
        else:
            figures |= self._separated(tunes, found, use)
        runs = [row.run.n_notes for row in overlap_rows(tunes, self.corpus, False, f"overlap of {name}", progress)]
        copies = [float(n > MAX_COMMON_NOTES) for n in runs]
        figures["longest run"] = Figure(float(max(runs)), n=len(runs))
        figures["copies"] = mean_figure(copies, self.options.bootstrap, self.options.seed)
        figures["notes"] = Figure(float(np.mean([len(t.notes) for t in tunes])), n=len(tunes))
        few = len(tunes) < MIN_TUNES
        return Row(name, len(tunes), n_skipped, 0.0, figures, anchor=anchor, data=digest, partial=few)

    def _separated(self, tunes: Sequence[Tune], found: FloatArray, use: np.ndarray) -> dict[str, Figure]:
        """How well classifiers tell them from the real tunes; a tune and the sheet of its name are never parted."""
        names = [name for name, used in zip(feature_table().names, use, strict=True) if used]
        groups = [self.groups.get(Path(t.name).stem, len(self.real) + i) for i, t in enumerate(tunes)]
        real = self.features[:, use]
        rows = separate(found[:, use], real, groups, range(len(self.real)), names, self.options.seed, KINDS)
        return {f"AUC {s.kind}": Figure(s.auc, s.auc - s.sd, s.auc + s.sd, len(tunes)) for s in rows}

    @staticmethod
    def _shares(rows: Sequence[FeatureRow]) -> dict[str, Figure]:
        """Share of features that pass, and how many were judged."""
        judged = [row.verdict for row in rows if row.verdict != "not judged"]
        if not judged:
            return {"features": Figure(0.0)}
        return {
            "in range": Figure(judged.count("pass") / len(judged), n=len(judged)),
            "features": Figure(float(len(judged)), n=len(judged)),
        }
