"""A piece worked on: made into a project, edited, and made again from its requests."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from partimento.audio.exact import quantised
from partimento.edit.contents import Contents
from partimento.edit.execute import Edited, execute
from partimento.errors import FileError
from partimento.pipeline import generate
from partimento.plan.edit import EditPlan, EditRequest
from partimento.plan.plan import Plan
from partimento.plan.request import GenerateRequest
from partimento.plan.result import Result
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
    return Contents(
        result.request, result.plan, result.score, result.report, {name: quantised(stem) for name, stem in stems.items()}
    )


def edit_project(
    project: Project | Path | str, request: EditRequest, plan: EditPlan, *, on_stage: Stage | None = None
) -> tuple[Version, Edited]:
    """Do an edit plan on a project's head and keep the outcome as a new version.

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
        edited = execute(opened.load(head), plan, request, on_stage=on_stage)
        return opened.commit(edited.contents, request, plan, edited.changed, dict(head.provenance)), edited


def replay(project: Project | Path | str, target: Path | str, *, on_stage: Stage | None = None) -> Project:
    """Make a project again in another folder from its requests and edit plans, along the head's history.

    Same software, SoundFont and kind of machine → the same stems and mix, bit for bit.

    Raises:
        FileError: the project began as a recording, or ``target`` is not empty.
    """
    source = project if isinstance(project, Project) else Project(Path(os.fspath(project)))
    first, *edits = source.lineage()
    begun = source.load(first)
    if begun.request is None:
        raise FileError(f"{source.folder} began as a recording; there is no request to make it from again")
    plan = begun.plan if isinstance(begun.plan, Plan) else None
    result = generate(begun.request, plan=plan, on_stage=on_stage)
    made = Project.create(Path(target), contents_of(result), result.provenance, first.instruction)
    for version in edits:
        request = from_json(source.store.get_text(version.objects["edit_request"]), EditRequest)
        edit_plan = from_json(source.store.get_text(version.objects["edit_plan"]), EditPlan)
        edit_project(made, request, edit_plan, on_stage=on_stage)
    return made
