"""A piece and its versions on disk: content-addressed store, history, undo, redo, branches."""

from partimento.project.project import FORMAT, Contents, Project, Version

__all__ = ["FORMAT", "Contents", "Project", "Version"]
