"""A piece worked on: made into a project, edited, and made again from its requests."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from partimento.audio.exact import STEM_BITS, quantised
from partimento.audio.io import check_format
from partimento.audio.source import Copied, Source, encode_source, exact_in, read_source
from partimento.edit.change import Kept
from partimento.edit.contents import Contents, Sound
from partimento.edit.execute import Edited, execute
from partimento.edit.recording import EditedRecording, contents_of_recording, execute_recording
from partimento.edit.recording_change import measured
from partimento.errors import FileError
from partimento.paths import check_output, write_bytes
from partimento.pipeline import generate
from partimento.plan.edit import EditPlan, EditRequest
from partimento.plan.plan import Plan
from partimento.plan.request import GenerateRequest
from partimento.plan.result import Finding, Report, Result
from partimento.plan.serial import from_json
from partimento.project import Project, Version

Stage = Callable[[str], None]


def create_project(folder: Path | str, request: GenerateRequest | str, *, on_stage: Stage | None = None) -> Project:
    """Make a piece and keep it as the first version of a new project.

    Raises:
        FileError: the folder exists and is not empty, or cannot be written. PartimentoError: see :func:`generate`.
    """
    result = generate(request, on_stage=on_stage)
    return Project.create(Path(folder), contents_of(result), result.provenance, result.request.words)


def contents_of(result: Result) -> Contents:
    """A result as the contents of a version; without stems of its own the mix is the only one."""
    stems = result.stems or {"mix": result.audio}
    gain_db = result.performance.common_gain_db
    return Contents(
        result.request,
        result.plan,
        result.score,
        result.report,
        {name: quantised(stem, STEM_BITS) for name, stem in stems.items()},
        Sound(gain_db) if gain_db is not None else None,
    )


def edit_project(
    project: Project | Path | str, request: EditRequest, plan: EditPlan, *, on_stage: Stage | None = None
) -> tuple[Version, Edited]:
    """Do an edit plan on a project's head and keep the outcome as a new version; also where the project is a recording.

    Args:
        project: an open project or its folder.
        request: what was asked.
        plan: the reading of it that shall be done.
        on_stage: told each operation's name as it begins.

    Raises:
        PartimentoError: see :func:`partimento.edit.execute.execute` and :meth:`Project.commit`.
    """
    opened = project if isinstance(project, Project) else Project(Path(project))
    with opened.editing():
        head = opened.head
        contents = opened.load(head)
        run = execute_recording if is_recording(contents) else execute
        edited: Edited = run(contents, plan, request, on_stage=on_stage)
        return opened.commit(edited.contents, request, plan, edited.changed, dict(head.provenance)), edited


def is_recording(contents: Contents) -> bool:
    """True for a version without score and plan: an imported recording."""
    return contents.score is None and contents.plan is None


def edit_recording(
    source: Source | Path | str, request: EditRequest, plan: EditPlan, output: Path | str, *, on_stage: Stage | None = None
) -> EditedRecording:
    """Do an edit plan on a sound file and write the outcome as another one.

    Where the format allows, what the edit keeps is copied from the source's own numbers, bit for bit, and checked by
    decoding what was written; the report says so, or why it cannot be.

    Args:
        source: a sound file, or what :func:`read_source` gave.
        request: what was asked.
        plan: the reading of it that shall be done.
        output: ends in ``.wav``, ``.flac``, ``.ogg`` or ``.mp3``; not the source itself.
        on_stage: told each operation's name as it begins.

    Raises:
        PartimentoError: see :func:`partimento.edit.recording.execute_recording`, and files that cannot be read or written.
    """
    target = check_output(output)
    check_format(target)
    read = source if isinstance(source, Source) else read_source(source)
    if target.exists() and read.path.exists() and target.samefile(read.path):
        raise FileError(f"{target} is the source itself; name another file, a recording is never overwritten")
    edited = execute_recording(contents_of_recording(read.wave), plan, request, on_stage=on_stage)
    suffix = target.suffix.lower()
    copied = tuple(Copied(k.old, k.new, k.n) for k in edited.kept)
    data = encode_source(read, edited.contents.mix, copied, suffix)
    write_bytes(target, data)
    done = _with_file(edited, _file_finding(read, target, edited.kept))
    return _with_file(done, measured("source", "whole", read.cut_off, "header against content", None)) if read.cut_off else done


def project_of_recording(source: Source | Path | str, target: Path | str) -> Project:
    """Make a project whose first version is a recording as it is.

    Raises:
        FileError: it cannot be read, or the target exists and is not empty.
    """
    read = source if isinstance(source, Source) else read_source(source)
    provenance: dict[str, str | int | float | bool | None] = {
        "source": read.path.name,
        "format": read.container,
        "samples": read.subtype,
        "rounded_to_24_bits": not np.array_equal(quantised(read.wave).samples, read.wave.samples),
    }
    contents = contents_of_recording(quantised(read.wave))
    return Project.create(Path(target), contents, provenance, f"recording {read.path.name}")


def _file_finding(source: Source, target: Path, kept: tuple[Kept, ...]) -> Finding:
    """Whether the kept samples of the written file are the source's, or why they cannot be."""
    suffix = target.suffix.lower()
    if not exact_in(source, suffix):
        why = f"{source.path.suffix or 'this format'} → {suffix}: "
        if source.lossy or suffix in (".mp3", ".ogg"):
            why += "decoded and encoded again with loss" if suffix in (".mp3", ".ogg") else "decoded from a lossy file"
            why += ", so that no file can hold the very same samples: what the edit left alone differs by that coding only"
        else:
            why += f"{source.subtype} samples are rounded to 24 bits"
        return measured("file", "the source's samples", why, "formats compared", None)
    made = read_source(target)
    same = all(np.array_equal(source.raw[k.old : k.old + k.n], made.raw[k.new : k.new + k.n]) for k in kept)
    text = f"{made}; what was kept is {'bit for bit the source' if same else 'DIFFERENT'}" if kept else str(made)
    return measured("file", "the source's rate, channels and depth", text, "the written file decoded and compared", same)


def _with_file(edited: EditedRecording, finding: Finding) -> EditedRecording:
    """The edit with one more finding; samples that no file holds are not called bit-identical."""
    found = edited.report.findings
    if finding.control == "file" and finding.verdict == "not measurable":
        found = tuple(
            replace(f, control="left alone", asked=f"{f.asked}, before coding") if f.control == "bit-identical" else f
            for f in found
        )
    report = Report((*found, finding))
    return replace(edited, report=report, contents=replace(edited.contents, report=report))


def replay(project: Project | Path | str, target: Path | str, *, on_stage: Stage | None = None) -> Project:
    """Make a project again in another folder from its requests and edit plans: every version with its number and parent.

    Same software, SoundFont and kind of machine → the same stems and mix, bit for bit. What began as a recording begins
    with its stored first version. The copy's head is the project's.

    Raises:
        FileError: ``target`` is not empty.
    """
    source = project if isinstance(project, Project) else Project(Path(os.fspath(project)))
    first, *edits = source.versions()
    begun = source.load(first)
    if begun.request is None:
        made = Project.create(Path(target), begun, first.provenance, first.instruction)
    else:
        plan = begun.plan if isinstance(begun.plan, Plan) else None
        result = generate(begun.request, plan=plan, on_stage=on_stage)
        made = Project.create(Path(target), contents_of(result), result.provenance, first.instruction)
    for version in edits:
        request = from_json(source.store.get_text(version.objects["edit_request"]), EditRequest)
        edit_plan = from_json(source.store.get_text(version.objects["edit_plan"]), EditPlan)
        if version.parent is not None and made.head.number != version.parent:
            made.checkout(version.parent)
        edit_project(made, request, edit_plan, on_stage=on_stage)
    if made.head.number != source.head.number:
        made.checkout(source.head.number)
    return made
