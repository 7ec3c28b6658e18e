"""Writing results: sound, stems, MIDI, report, and the sidecars that say where they came from."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from partimento.audio.io import check_format, write_audio
from partimento.edit.contents import Contents
from partimento.errors import RequestError
from partimento.paths import check_folder, check_output, make_folder, try_output, write_text
from partimento.plan.plan import Plan
from partimento.plan.result import Result
from partimento.plan.serial import to_json
from partimento.score.io import check_score_path, write_score
from partimento.score.mix import on_16_bit_grid

PathLike = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class OutputPaths:
    """Where a result goes.

    Attributes:
        audio: sound file; request and provenance are written beside it.
        stems: folder for one wav per track, or None.
        midi: ``.mid``, ``.musicxml`` … file, or None.
        report: JSON file, or None.
        depth: bits of wav and flac files: ``16``, ``24`` or ``float``.
    """

    audio: Path
    stems: Path | None = None
    midi: Path | None = None
    report: Path | None = None
    depth: str = "16"

    def check(self, sample_rate: int | None = None) -> None:
        """Find out before long work whether everything can be written; ``sample_rate`` (Hz) is the sound's, when known.

        Raises:
            FileError: something cannot; RequestError: two outputs have the same name.
        """
        files = [p.resolve() for p in (*self.sidecars, self.audio, self.midi, self.report) if p is not None]
        twice = sorted({str(p.name) for p in files if files.count(p) > 1})
        if twice:
            raise RequestError(f"two outputs have the same name ({', '.join(twice)}); give each its own")
        if self.stems is not None and self.audio.resolve().parent == self.stems.resolve():
            raise RequestError(f"the folder of the stems ({self.stems}) holds the mix too; give the stems their own folder")
        try_output(self.audio)
        check_format(self.audio, self.depth, sample_rate)
        if self.midi is not None:
            check_output(self.midi)
            check_score_path(self.midi)
        if self.report is not None:
            check_output(self.report)
        if self.stems is not None:
            check_folder(self.stems)

    @property
    def sidecars(self) -> tuple[Path, Path]:
        """Request and provenance, beside the sound."""
        return self.audio.with_suffix(".request.json"), self.audio.with_suffix(".provenance.json")

    def numbered(self, index: int, n: int) -> OutputPaths:
        """The paths of item ``index`` of ``n``: ``out.wav`` becomes ``out-2.wav`` (unchanged when ``n`` is 1)."""
        if n == 1:
            return self

        def name(path: Path | None) -> Path | None:
            return None if path is None else path.with_name(f"{path.stem}-{index + 1}{path.suffix}")

        audio = name(self.audio)
        assert audio is not None
        return OutputPaths(audio, name(self.stems), name(self.midi), name(self.report), self.depth)


def save(result: Result, paths: OutputPaths | PathLike) -> list[Path]:
    """Write a result.

    Args:
        result: what :func:`partimento.generate` returned.
        paths: where to, or just the sound file's path.

    Returns:
        Every file written, the sound first.

    Raises:
        FileError: a file cannot be written.
    """
    to = paths if isinstance(paths, OutputPaths) else OutputPaths(Path(paths))
    to.check()
    tags = audio_tags(result.plan, result)
    audio, stems = result.audio, result.stems
    if to.depth == "16" and stems:
        # Rounded before they are summed, so that the files add up exactly.
        audio, stems = on_16_bit_grid(stems)
    with _all_or_nothing(to) as written:
        written.append(write_audio(to.audio, audio, depth=to.depth, tags=tags))
        if to.stems is not None:
            make_folder(to.stems)
            for name, stem in stems.items():
                path = to.stems / f"{file_name(name)}.wav"
                written.append(write_audio(path, stem, depth=to.depth, tags={**tags, "title": name}))
        if to.midi is not None and result.score is not None:
            written.append(write_score(result.score, to.midi))
        if to.report is not None:
            written.append(write_text(to.report, to_json(result.report)))
        request_file, provenance_file = to.sidecars
        written.append(write_text(request_file, to_json(result.request)))
        written.append(write_text(provenance_file, to_json(result.provenance)))
    return written


@contextmanager
def _all_or_nothing(to: OutputPaths) -> Iterator[list[Path]]:
    """Files are appended as they are written; when one fails (a full disk, Ctrl-C), those that were not there before go
    again, and so do folders made for the stems."""
    written: list[Path] = []
    folders = [] if to.stems is None else [f for f in (to.stems, *to.stems.parents) if not f.exists()]
    before = {f for f in (to.audio, to.midi, to.report, *to.sidecars) if f is not None and f.exists()}
    before |= set(to.stems.iterdir()) if to.stems is not None and to.stems.is_dir() else set()
    try:
        yield written
    except BaseException:
        for path in written:
            if path not in before:
                path.unlink(missing_ok=True)
        for folder in folders:
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
        raise


def save_contents(
    contents: Contents,
    *,
    audio: Path | None = None,
    stems: Path | None = None,
    midi: Path | None = None,
    report: Path | None = None,
) -> list[Path]:
    """Write what a version of a project holds, at its own 24 bits: equal versions give equal files.

    Args:
        contents: of the version.
        audio: sound file for the mix.
        stems: folder for one wav per stem.
        midi: score file.
        report: JSON file.

    Returns:
        Every file written.

    Raises:
        RequestError: a score is wanted of a recording. FileError: a file cannot be written.
    """
    written = []
    if midi is not None and contents.score is None:
        raise RequestError(f"{midi}: this project is a recording without a score")
    if audio is not None:
        depth = "24" if audio.suffix.lower() in (".wav", ".flac") else "16"
        written.append(write_audio(audio, contents.mix, depth=depth))
    if stems is not None:
        make_folder(stems)
        written += [write_audio(stems / f"{file_name(n)}.wav", stem, depth="24") for n, stem in contents.stems.items()]
    if midi is not None and contents.score is not None:
        written.append(write_score(contents.score, midi))
    if report is not None:
        written.append(write_text(report, to_json(contents.report)))
    return written


def audio_tags(plan: Plan, result: Result) -> dict[str, str]:
    """Tags that say what the file is and how to make it again."""
    provenance = result.provenance
    title = (result.request.words.strip() or plan.caption)[:120]
    return {
        **({"title": title} if title else {}),  # a recording gone on from without words has none
        "artist": str(provenance["software"]),
        "comment": (
            f"model {provenance['model']}, seed {provenance['seed']}, index {provenance['index']}, "
            f"SoundFont {provenance.get('soundfont', 'none')}, request {provenance['request_sha256']}"
        ),
        "copyright": "generated by software",
    }


def file_name(name: str) -> str:
    """A track's name as a safe file name."""
    return re.sub(r"[^\w\-]+", "_", name).strip("_") or "stem"
