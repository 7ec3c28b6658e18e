"""A piece and its versions on disk: content-addressed store, history, undo, redo, branches."""

from partimento.edit.contents import Contents
from partimento.project.project import FORMAT, Project, Version

__all__ = ["FORMAT", "Contents", "Project", "Version"]
