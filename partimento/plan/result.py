"""What comes back: audio, stems, score, plan, report, provenance."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from partimento.audio.waveform import Waveform
from partimento.plan.plan import Plan
from partimento.plan.request import GenerateRequest
from partimento.score.score import Score

Verdict = Literal["pass", "fail", "not measurable"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a report.

    Attributes:
        control: what was asked about: ``tempo``, ``chords``, ``instrument: piano``, ``absent: drums`` …
        asked: what was asked, in words.
        heard: what was found.
        how: how it was measured.
        verdict: ``pass``, ``fail`` or ``not measurable``.
        level: ``score`` (recomputed from the notes) or ``audio`` (from the rendered sound).
        origin: origin of the asked value in the plan.
        value: the measured figure, when there is one.
    """

    control: str
    asked: str
    heard: str
    how: str
    verdict: Verdict
    level: Literal["score", "audio"]
    origin: str = "given"
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """Asked against heard. Deviations are never hidden: every control of the plan has a line."""

    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """True when no finding failed."""
        return all(f.verdict != "fail" for f in self.findings)


@dataclass(frozen=True)
class Performance:
    """What a performer returns.

    Attributes:
        audio: the mix.
        stems: by track name; they sum to the mix. Empty when the performer has none.
        score: what was played, when the performer knows.
        common_gain_db: the last gain that all stems got together, when the performer knows.
    """

    audio: Waveform
    stems: dict[str, Waveform] = field(default_factory=dict)
    score: Score | None = None
    common_gain_db: float | None = None


@dataclass(frozen=True)
class Result:
    """A finished request."""

    request: GenerateRequest
    plan: Plan
    performance: Performance
    report: Report
    provenance: dict[str, str | int | float | bool | None]

    @property
    def audio(self) -> Waveform:
        """The mix."""
        return self.performance.audio

    @property
    def stems(self) -> dict[str, Waveform]:
        """Stems by name."""
        return self.performance.stems

    @property
    def score(self) -> Score | None:
        """The score, when there is one."""
        return self.performance.score
