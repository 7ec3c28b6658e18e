"""Edits by instruction: an edit plan done on a piece, changing what it names and nothing else."""

from partimento.edit.contents import Contents, EffectStep, Sound, SoundStep, StemSound

__all__ = ["Contents", "EffectStep", "Sound", "SoundStep", "StemSound"]
