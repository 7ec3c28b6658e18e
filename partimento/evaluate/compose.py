"""``partimento evaluate compose``: is what we compose like music?

Nobody can listen here, so composed tunes are held against real ones: 43 features fixed before composing began
(``compose_features.yaml``), classifiers that try to tell ours from real, overlap with every sheet; composed string quartets
against real quartets; whether a classifier names our styles; whether two seeds of a prompt differ.

The lead sheets are parted by file name into 226 to work with and 100 sealed ones, opened once at the end with ``sealed=True``
(:mod:`partimento.evaluate.compose_data`); the report says which were used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from partimento.errors import PartimentoError
from partimento.evaluate import compose_ensembles as ensembles
from partimento.evaluate import compose_report as report
from partimento.evaluate import compose_variety as variety_of
from partimento.evaluate import style_classifier
from partimento.evaluate.compose_baselines import Composer, MarkovComposer, default_composer, random_walk
from partimento.evaluate.compose_data import Progress, Reader, Skipped, Tune, load_tunes, sheet_names, silent, split
from partimento.evaluate.compose_features import feature_matrix, feature_table
from partimento.evaluate.compose_tunes import (
    MAX_COMMON_NOTES,
    TuneFigures,
    Verdict,
    compose_all,
    feature_rows,
    overlap_rows,
    separation_rows,
    share_passed,
)
from partimento.metrics.tune_overlap import Corpus
from partimento.paths import cache_dir as default_cache_dir
from partimento.paths import make_folder, write_text
from partimento.score.score import Score

PARTS = ("tunes", "ensembles", "styles", "variety")
MIN_SHEETS = 10
"""Fewer real tunes make no percentiles."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the verdict."""

    check: str
    figure: str
    limit: str
    verdict: Verdict


@dataclass(frozen=True)
class ComposeEvaluation:
    """All figures; a part that was not run is None or empty.

    Attributes:
        settings: what was run: sheets, seed, versions.
        tunes, ensembles, styles, variety: the parts.
        skipped: sheets left out, with the reason.
    """

    settings: Mapping[str, str | int]
    tunes: TuneFigures | None = None
    ensembles: ensembles.EnsembleFigures | None = None
    styles: tuple[style_classifier.StyleFigures, ...] = ()
    variety: tuple[variety_of.VarietyFigures, ...] = ()
    skipped: tuple[Skipped, ...] = ()

    @property
    def checks(self) -> tuple[Check, ...]:
        """What was asked for, and whether it holds."""
        return (*_tune_checks(self.tunes), *_other_checks(self.ensembles, self.styles, self.variety))

    @property
    def passed(self) -> bool:
        """True when no check fails."""
        return all(check.verdict != "fail" for check in self.checks)

    def write(self, out_dir: Path) -> tuple[Path, ...]:
        """Write ``compose.json``, ``compose.md`` and, with tunes, ``compose_features.csv``; returns the paths."""
        make_folder(out_dir)
        written = [
            write_text(out_dir / "compose.json", report.to_json(self)),
            write_text(out_dir / "compose.md", report.to_markdown(self)),
        ]
        if self.tunes:
            written.append(write_text(out_dir / "compose_features.csv", report.to_csv(self.tunes)))
        return tuple(written)


def _tune_checks(tunes: TuneFigures | None) -> list[Check]:
    """Verdicts on the tunes."""
    if tunes is None:
        return []
    checks = []
    judged = [row for row in tunes.features if row.verdict != "not judged"]
    n_passed = sum(row.verdict == "pass" for row in judged)
    if judged:
        verdict: Verdict = "pass" if n_passed == len(judged) else "fail"
        checks.append(Check("features within the real range", f"{n_passed} of {len(judged)}", "all", verdict))
    for row in tunes.separations:
        s = row.separation
        checks.append(Check(f"{row.pair}, {s.kind}", f"AUC {s.auc:.3f}", row.wanted, row.verdict))
    if tunes.overlaps:
        longest = tunes.overlaps[0].run
        verdict = "pass" if longest.n_notes <= MAX_COMMON_NOTES else "fail"
        figure = f"{longest.n_notes} notes" + (f" ({longest.name})" if longest.n_notes else "")
        checks.append(Check("longest run in common with a sheet", figure, f"<= {MAX_COMMON_NOTES} notes", verdict))
    return checks


def _other_checks(
    quartets: ensembles.EnsembleFigures | None,
    styles: Sequence[style_classifier.StyleFigures],
    variety: Sequence[variety_of.VarietyFigures],
) -> list[Check]:
    """Verdicts on ensembles, styles and variety."""
    checks = [
        Check(f"quartets: {row.figure}", report.number(row.ours[1]), row.limit, "pass" if row.passed else "fail")
        for row in (quartets.rows if quartets else ())
    ]
    for s in styles:
        limit = f">= {report.percent(style_classifier.MIN_ACCURACY)}"
        verdict: Verdict = "pass" if s.passed else "fail"
        checks.append(Check(f"{len(s.styles)} styles named, {s.band}", report.percent(s.accuracy), limit, verdict))
    for v in variety:
        figure = f"median {report.percent(v.median)}, maximum {report.percent(v.maximum)}"
        limit = f"{report.percent(variety_of.MAX_MEDIAN)}, {report.percent(variety_of.MAX_ANY)}"
        checks.append(Check(f"identical bars: {v.prompt}", figure, limit, "pass" if v.passed else "fail"))
    return checks


def evaluate_tunes(
    tunes: Sequence[Tune],
    training: Sequence[Tune],
    known: Sequence[Tune],
    composer: Composer | None,
    seed: int = 0,
    progress: Progress = silent,
) -> TuneFigures:
    """Compare composed tunes and baselines with real tunes.

    Args:
        tunes: real tunes to compose for.
        training: real tunes from which the Markov chain learns.
        known: real tunes that must not be copied.
        composer: ours; None runs the baselines only.
        seed: of everything random.
        progress: wraps the loops.
    """
    real = feature_matrix(tuple(tunes))
    sets = {"real": real}
    ours: tuple[Tune, ...] = ()
    if composer is not None:
        ours = compose_all(tunes, composer, seed, "composing", progress)
        sets["ours"] = feature_matrix(ours)
    baselines: dict[str, Composer] = {"markov": MarkovComposer(training), "walk": random_walk}
    for name, baseline in baselines.items():
        sets[name] = feature_matrix(compose_all(tunes, baseline, seed, name, progress))
    corpus = Corpus({tune.name: tune.arrays for tune in known})
    return TuneFigures(
        n_sheets=len(tunes),
        features=feature_rows(real, sets["ours"]) if ours else (),
        separations=separation_rows(sets, seed),
        overlaps=overlap_rows(ours, corpus, False, "overlap", progress),
        real_overlaps=overlap_rows(tunes, corpus, True, "overlap of real tunes", progress),
        baseline_features={name: share_passed(feature_rows(real, sets[name])) for name in baselines},
    )


def compose_prompt(words: str, seed: int, style: str | None = None) -> Score:
    """The project's score for a prompt (or a style) and a seed."""
    from partimento.pipeline import compose_score
    from partimento.plan.request import GenerateRequest

    return compose_score(GenerateRequest(words=words, style=style, seed=seed))


@dataclass(frozen=True)
class ComposeOptions:
    """What to evaluate.

    Attributes:
        sheets: folder of lead sheets (MusicXML), needed for ``tunes``.
        quartets: folder of string quartets (MusicXML), needed for ``ensembles``.
        parts: some of :data:`PARTS`.
        sealed: open the sealed sheets and compare on those; otherwise they are not read.
        seed: of everything random.
        baselines_only: leave ours out of ``tunes``.
        prompts: for ``variety``.
        n_quartets: real quartets to read.
        n_seeds: seeds per prompt in ``variety``.
        cache: folder for parsed files; None takes the user's cache folder.
    """

    sheets: Path | None = None
    quartets: Path | None = None
    parts: tuple[str, ...] = PARTS
    sealed: bool = False
    seed: int = 0
    baselines_only: bool = False
    prompts: tuple[str, ...] = variety_of.DEFAULT_PROMPTS
    n_quartets: int = ensembles.DEFAULT_QUARTETS
    n_seeds: int = variety_of.DEFAULT_SEEDS
    cache: Path | None = None

    def __post_init__(self) -> None:
        for part in self.parts:
            if part not in PARTS:
                raise PartimentoError(f"unknown part '{part}' of the compose evaluation; known: {', '.join(PARTS)}")
        if "tunes" in self.parts and self.sheets is None:
            raise PartimentoError("the part 'tunes' needs real lead sheets: give their folder with --sheets DIR")
        if "ensembles" in self.parts and self.quartets is None:
            raise PartimentoError("the part 'ensembles' needs real string quartets: give their folder with --quartets DIR")

    @property
    def cache_dir(self) -> Path:
        """Where parsed files are kept."""
        return self.cache or default_cache_dir() / "evaluate"


def evaluate_compose(
    options: ComposeOptions, composer: Composer | None = None, reader: Reader | None = None, progress: Progress = silent
) -> ComposeEvaluation:
    """Run the parts asked for.

    Args:
        options: what to evaluate.
        composer: writes the tunes; None takes the project's own.
        reader: how a score file is read; None takes the project's own.
        progress: wraps the loops.

    Raises:
        PartimentoError: on a folder that is none, or sheets of which too few can be used.
    """
    settings: dict[str, str | int] = {
        "parts": ", ".join(p for p in PARTS if p in options.parts),
        "seed": options.seed,
        "feature_list_version": feature_table().version,
        "software": f"partimento {metadata.version('partimento')}",
        **{name: metadata.version(name) for name in ("numpy", "scikit-learn") if _installed(name)},
    }
    tunes: TuneFigures | None = None
    skipped: tuple[Skipped, ...] = ()
    if "tunes" in options.parts and options.sheets is not None:
        asked, training, known, skipped = _sheets(options, options.sheets, settings, reader, progress)
        ours = None if options.baselines_only else composer or default_composer()
        tunes = evaluate_tunes(asked, training, known, ours, options.seed, progress)
    return ComposeEvaluation(
        settings=settings,
        tunes=tunes,
        ensembles=_run_ensembles(options, reader, progress) if "ensembles" in options.parts else None,
        styles=_run_styles(progress) if "styles" in options.parts else (),
        variety=tuple(_run_variety(p, options.n_seeds, progress) for p in options.prompts) if "variety" in options.parts else (),
        skipped=skipped,
    )


def _installed(name: str) -> bool:
    """True when a distribution is there."""
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _sheets(
    options: ComposeOptions, folder: Path, settings: dict[str, str | int], reader: Reader | None, progress: Progress
) -> tuple[tuple[Tune, ...], tuple[Tune, ...], tuple[Tune, ...], tuple[Skipped, ...]]:
    """Sheets to compare with, to train the chain on and to search for overlap; and those left out. Notes them in the settings."""
    working, closed = split(sheet_names(folder))
    settings["working_sheets_sha256"] = _names_hash(working)
    training, skipped = load_tunes(folder, working, options.cache_dir, reader, progress)
    asked, known = training, training
    if options.sealed:
        asked, skipped = load_tunes(folder, closed, options.cache_dir, reader, progress)
        known = (*training, *asked)
    settings["sheets"] = f"{len(asked)} {'sealed' if options.sealed else 'working'} sheets"
    settings["sheets_searched_for_overlap"] = len(known)
    if len(asked) < MIN_SHEETS or not training:
        raise PartimentoError(f"{len(asked)} usable sheets are too few to compare with; at least {MIN_SHEETS} are needed")
    return asked, training, known, skipped


def _run_ensembles(options: ComposeOptions, reader: Reader | None, progress: Progress) -> ensembles.EnsembleFigures | None:
    """Quartets, real and ours."""
    if options.quartets is None:
        return None
    names = ensembles.quartet_sample(sheet_names(options.quartets), options.n_quartets)
    real, left_out = ensembles.real_figures(options.quartets, names, options.cache_dir, reader, progress)
    ours, not_quartets = ensembles.our_figures(compose_prompt, progress=progress)
    return ensembles.compare(real, ours, (*left_out, *not_quartets))


def _names_hash(names: Sequence[str]) -> str:
    """Short hash of the file names, so that two reports can be seen to speak of the same sheets."""
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:12]


def _run_styles(progress: Progress) -> tuple[style_classifier.StyleFigures, ...]:
    """Classify all styles of the package, each with its own ensemble and all with the same one."""
    from partimento.styles import style_ids

    own, same = style_classifier.OWN_BAND, style_classifier.SAME_BAND
    return (
        style_classifier.classify_styles(lambda s, seed: compose_prompt("", seed, s), style_ids(), progress=progress, band=own),
        style_classifier.classify_styles(
            lambda s, seed: compose_prompt(same, seed, s), style_ids(), progress=progress, band=same
        ),
    )


def _run_variety(prompt: str, n_seeds: int, progress: Progress) -> variety_of.VarietyFigures:
    """Variety of one prompt."""
    return variety_of.variety(lambda seed: compose_prompt(prompt, seed), prompt, n_seeds, progress)


def run(
    options: ComposeOptions,
    out_dir: Path,
    composer: Composer | None = None,
    reader: Reader | None = None,
    progress: Progress = silent,
) -> ComposeEvaluation:
    """:func:`evaluate_compose`, written to a folder."""
    evaluation = evaluate_compose(options, composer, reader, progress)
    evaluation.write(out_dir)
    return evaluation


def summary(evaluation: ComposeEvaluation) -> str:
    """The verdicts as a text table for the terminal."""
    from partimento.tables import text_table

    return text_table(
        ("check", "figure", "limit", "verdict"), [(c.check, c.figure, c.limit, c.verdict) for c in evaluation.checks]
    )
