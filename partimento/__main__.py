"""``python -m partimento``."""

from partimento.cli.main import entry

entry()
