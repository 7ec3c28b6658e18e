"""Reading of the lexicon's YAML files (``interpret/lexicon``)."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import yaml


def load_yaml(name: str) -> Any:
    """Content of one file of ``interpret/lexicon``."""
    text = files("partimento.interpret").joinpath(f"lexicon/{name}").read_text(encoding="utf-8")
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def comma_list(text: str | None) -> list[str]:
    """Items of a comma separated list, stripped, without empty ones."""
    return [item.strip() for item in (text or "").split(",") if item.strip()]
