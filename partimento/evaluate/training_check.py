"""Building an index from a folder, and asking of outputs whether they copy: as a table, or as findings of a result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from partimento.audio import read_audio
from partimento.audio.waveform import Waveform
from partimento.data.audio_folder import SUFFIXES, find_training_audio
from partimento.errors import FileError, PartimentoError, RequestError
from partimento.evaluate.systems.work import Progress, Skipped, measure, no_progress
from partimento.evaluate.training_features import SoundFeatures, tunes_of
from partimento.evaluate.training_index import Match, TrainingIndex, index_sounds, index_tunes
from partimento.metrics.tune_overlap import Tune
from partimento.plan.result import Finding, Report, Result
from partimento.score.io import read_score
from partimento.score.score import Score

SCORE_SUFFIXES = (".mid", ".midi", ".musicxml", ".xml", ".mxl", ".abc")


@dataclass(frozen=True)
class Built:
    """An index with a line for every file that was left out, and how many pieces of each kind it holds."""

    index: TrainingIndex
    n_sounds: int
    n_scores: int
    skipped: tuple[str, ...]


def build_index(folder: Path, *, progress: Progress = no_progress, cache: Path | None = None, n_jobs: int | None = None) -> Built:
    """Index all sounds and scores of a folder (of a rendered dataset: the mixes of its training split, and all scores).

    Raises:
        FileError: no folder, or nothing readable in it. RequestError: fewer than two pieces.
    """
    if not folder.is_dir():
        raise FileError(f"{folder} is not a folder")
    everything = sorted(p for p in folder.rglob("*") if p.is_file())
    skipped: list[str] = []
    paths: list[Path] = []
    if any(p.suffix.lower() in SUFFIXES for p in everything):
        files, skipped = find_training_audio([folder])
        paths = [file.path for file in files]
    scores = [p for p in everything if p.suffix.lower() in SCORE_SUFFIXES]
    if not paths and not scores:
        raise FileError(f"no sounds and no scores under {folder}; {', '.join((*SUFFIXES, *SCORE_SUFFIXES))} are known")
    names, features = [], []
    for result in measure(paths, SoundFeatures(), cache=cache, n_jobs=n_jobs, progress=progress, label="listening"):
        if isinstance(result, Skipped):
            skipped.append(f"{result.path}: {result.reason}")
        else:
            names.append(str(result.path.relative_to(folder)))
            features.append(result.values)
    pieces: dict[str, dict[str, Tune]] = {}
    for path in progress(scores, len(scores), "reading scores"):
        try:
            pieces[str(path.relative_to(folder))] = tunes_of(read_score(path))
        except PartimentoError as error:
            skipped.append(str(error))
    sounds = index_sounds(names, features, progress) if paths else None
    tunes = index_tunes(pieces, progress) if scores else None
    return Built(TrainingIndex(sounds, tunes), len(names), len(pieces), tuple(skipped))


def check_sound(wave: Waveform, index: TrainingIndex) -> Finding:
    """One line: is the sound, five seconds of it at least, in the training set?

    Raises:
        RequestError: the index has no sounds.
    """
    if index.sounds is None:
        raise RequestError("the index has scores only; a sound needs an index of sounds")
    features = SoundFeatures()(wave)
    how = "chroma of 5 s aligned with the nearest pieces by log-mel statistics and by chroma; threshold from the set itself"
    if not features["chroma"].any():
        return Finding("memorization", _ASKED, "silence", how, "not measurable", "audio", "default")
    return _sound_finding(index.sounds.search(features), how)


_ASKED = "no copy of a training piece"


def _sound_finding(match: Match, how: str) -> Finding:
    place = f"{match.name} from {match.piece_at_s:.1f} s, at {match.at_s:.1f} s"
    heard = (
        f"{'a copy of' if match.found else 'nearest is'} {place}: cost {match.value:.3f}, copies are below {match.threshold:.3f}"
    )
    return Finding("memorization", _ASKED, heard, how, "fail" if match.found else "pass", "audio", "default", match.value)


def check_score(score: Score, index: TrainingIndex) -> Finding:
    """One line: does a tune of the score run along one of the training set?

    Raises:
        RequestError: the index has no scores.
    """
    if index.scores is None:
        raise RequestError("the index has sounds only; a score needs an index of scores")
    how = "longest run of intervals and times in common with the upper line of any track; threshold from the set itself"
    tunes = tunes_of(score)
    if not tunes:
        return Finding("memorization", _ASKED, "no tune", how, "not measurable", "score", "default")
    match = index.scores.search(tunes)
    with_piece = f" with {match.name}" if match.name else ""
    heard = f"{match.value:.0f} notes in a row in common{with_piece}; copies have more than {match.threshold:.0f}"
    return Finding("memorization", _ASKED, heard, how, "fail" if match.found else "pass", "score", "default", match.value)


def check_file(path: Path, index: TrainingIndex) -> Finding:
    """:func:`check_score` or :func:`check_sound`, by the file's ending.

    Raises:
        FileError: unreadable, or neither sound nor score.
    """
    suffix = path.suffix.lower()
    if suffix in SCORE_SUFFIXES:
        return check_score(read_score(path), index)
    if suffix in SUFFIXES:
        return check_sound(read_audio(path), index)
    raise FileError(f"cannot check {path}: '{suffix}' is none of {', '.join((*SUFFIXES, *SCORE_SUFFIXES))}")


def check_result(result: Result, index: TrainingIndex) -> tuple[Finding, ...]:
    """What the index says of a result: of its sound and of its score, as far as both have them."""
    found = []
    if index.sounds is not None:
        found.append(check_sound(result.audio, index))
    if index.scores is not None and result.score is not None:
        found.append(check_score(result.score, index))
    return tuple(found)


def with_findings(result: Result, findings: Sequence[Finding]) -> Result:
    """The result whose report has these lines as well."""
    return replace(result, report=Report((*result.report.findings, *findings)))
