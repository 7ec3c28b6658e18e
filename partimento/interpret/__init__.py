"""Words → plan: bilingual lexicon and grammar, resolution by priority, nearest meaning for unknown words."""

from partimento.interpret.reader import read
from partimento.interpret.reading import Reading
from partimento.interpret.resolve import make_plan

__all__ = ["Reading", "make_plan", "read"]
