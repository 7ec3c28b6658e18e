"""Partimento: music from words that does what was asked, and proves it.

    import partimento
    result = partimento.generate("lazy jazz, saxophone solo over piano", duration_s=20, seed=7)
    partimento.save(result, "out.wav")

Everything here is loaded when first used, so that ``import partimento`` is quick and needs neither torch nor librosa.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from partimento.audio import Waveform, read_audio, write_audio
    from partimento.errors import PartimentoError
    from partimento.listen import listen_to
    from partimento.outputs import OutputPaths, save
    from partimento.pipeline import compose_score, generate, make_plan
    from partimento.plan.plan import Plan
    from partimento.plan.request import GenerateRequest
    from partimento.plan.result import Result
    from partimento.report import report_table
    from partimento.score.io import read_score, write_score
    from partimento.score.score import Score

_HOME = {
    "GenerateRequest": "partimento.plan.request",
    "OutputPaths": "partimento.outputs",
    "PartimentoError": "partimento.errors",
    "Plan": "partimento.plan.plan",
    "Result": "partimento.plan.result",
    "Score": "partimento.score.score",
    "Waveform": "partimento.audio",
    "compose_score": "partimento.pipeline",
    "generate": "partimento.pipeline",
    "listen_to": "partimento.listen",
    "make_plan": "partimento.pipeline",
    "read_audio": "partimento.audio",
    "read_score": "partimento.score.io",
    "report_table": "partimento.report",
    "save": "partimento.outputs",
    "write_audio": "partimento.audio",
    "write_score": "partimento.score.io",
}

__all__ = [
    "GenerateRequest",
    "OutputPaths",
    "PartimentoError",
    "Plan",
    "Result",
    "Score",
    "Waveform",
    "compose_score",
    "generate",
    "listen_to",
    "make_plan",
    "read_audio",
    "read_score",
    "report_table",
    "save",
    "write_audio",
    "write_score",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its home (PEP 562)."""
    if name == "__version__":
        from importlib.metadata import version

        return version("partimento")
    if name not in _HOME:
        raise AttributeError(f"module 'partimento' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
