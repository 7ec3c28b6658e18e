"""The whole way on one page: request → plan → performance → report → result."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import numpy as np

from partimento.models import Performer, get_performer
from partimento.plan.plan import Plan
from partimento.plan.request import GenerateRequest
from partimento.plan.result import Performance, Report, Result
from partimento.plan.serial import to_builtins, to_json
from partimento.score.score import Score

_OF_ANY_SOUND = ("duration", "true peak", "faults")
Stage = Callable[[str], None]
"""Called with the name of each stage as it begins."""


def make_plan(request: GenerateRequest | str, **controls: object) -> Plan:
    """Words and controls → plan. Nothing is composed yet.

    Args:
        request: a request, or just the words.
        **controls: fields of :class:`GenerateRequest`, when ``request`` is words.

    Raises:
        PartimentoError: when a control is invalid.
    """
    from partimento.interpret import make_plan as interpret

    asked = _as_request(request, controls)
    plan = interpret(asked)
    # What the plan fills in where nothing was asked is no description of how a recording goes on.
    return replace(plan, caption="") if asked.extends_without_words else plan


def compose_score(request: GenerateRequest | str, **controls: object) -> Score:
    """Words and controls → score, without sound. Arguments as in :func:`make_plan`; with the model ``mini-score`` the tune is
    the score model's, with any other the rules'."""
    from partimento.compose import compose
    from partimento.models.mini_score_performer import NAME, compose_learned

    asked = _as_request(request, controls)
    return (compose_learned if asked.model == NAME else compose)(make_plan(asked), item_rng(asked))


def generate(
    request: GenerateRequest | str,
    *,
    plan: Plan | None = None,
    audio_report: bool = True,
    on_stage: Stage | None = None,
    **controls: object,
) -> Result:
    """Make a piece.

    Args:
        request: a request, or just the words.
        plan: an edited plan to be played instead of the interpreter's.
        audio_report: also analyse the rendered sound; without it the report recomputes from the notes only.
        on_stage: told each stage's name as it begins.
        **controls: fields of :class:`GenerateRequest`, when ``request`` is words.

    Raises:
        PartimentoError: when a control is invalid or a file cannot be read.
    """
    from partimento.report import make_report

    tell = on_stage or (lambda _name: None)
    asked = _as_request(request, controls)
    performer = get_performer(asked.model)
    tell("plan")
    resolved = plan if plan is not None else make_plan(asked)
    tell("perform")
    performance = performer.perform(resolved, asked, item_rng(asked))
    tell("report")
    report = _asked_for(make_report(resolved, performance, audio_level=audio_report), asked)
    return _result(asked, resolved, performance, report, performer)


def generate_several(
    request: GenerateRequest, n: int, *, audio_report: bool = True, on_stage: Stage | None = None
) -> Iterator[Result]:
    """``n`` pieces of one request, with indices from the request's on, one after the other as they are done.

    A language model whose engine allows it makes some at a time. Arguments and errors as of :func:`generate`.
    """
    from partimento.models.musicgen_performer import MusicGenPerformer
    from partimento.report import make_report

    tell = on_stage or (lambda _name: None)
    items = [replace(request, index=request.index + i) for i in range(n)]
    performer = get_performer(request.model)
    group = 1
    if n > 1 and isinstance(performer, MusicGenPerformer):
        performer.check(make_plan(items[0]), items[0])  # the size of a group needs the model
        group = performer.group_size(request)
    if group == 1 or not isinstance(performer, MusicGenPerformer):
        yield from (generate(item, audio_report=audio_report, on_stage=on_stage) for item in items)
        return
    for start in range(0, n, group):
        together = items[start : start + group]
        tell("plan")
        plan = make_plan(together[0])
        tell("perform")
        performances = performer.perform_together(plan, together[0], [item_rng(item) for item in together])
        for item, performance in zip(together, performances, strict=True):
            tell("report")
            report = _asked_for(make_report(plan, performance, audio_level=audio_report), item)
            yield _result(item, plan, performance, report, performer)


def _asked_for(report: Report, request: GenerateRequest) -> Report:
    """A report without what nobody asked of a recording's continuation.

    Tempo, key, level and ending are then the recording's, not the plan's own ideas; without words neither are instruments.
    """
    if request.extends is None:
        return report
    dropped = {"default", "inferred"}
    without = {"instruments"} if request.extends_without_words else set()
    kept = [f for f in report.findings if f.control in _OF_ANY_SOUND or (f.origin not in dropped and f.control not in without)]
    return Report(tuple(kept))


def item_rng(request: GenerateRequest) -> np.random.Generator:
    """The generator of one result, from the request's seed and the item's index."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([request.seed, request.index])))


def request_hash(request: GenerateRequest) -> str:
    """SHA-256 of the request's JSON together with the contents of the files it names (their paths do not count)."""
    digest = hashlib.sha256()
    named = {field: getattr(request, field) for field in ("melody", "midi", "soundfont", "extends")}
    # As plain values: a request that only names a file would be none at all without it.
    digest.update(to_json(to_builtins(request) | dict.fromkeys(named)).encode())
    for field, path in named.items():
        digest.update(field.encode())
        if path is not None and Path(path).is_file():
            digest.update(hashlib.sha256(Path(path).read_bytes()).digest())
    return digest.hexdigest()


def _as_request(request: GenerateRequest | str, controls: dict[str, object]) -> GenerateRequest:
    """A request from words and keyword controls."""
    if isinstance(request, GenerateRequest):
        return replace(request, **controls) if controls else request  # type: ignore[arg-type]
    return GenerateRequest(words=request, **controls)  # type: ignore[arg-type]


def _result(request: GenerateRequest, plan: Plan, performance: Performance, report: Report, performer: Performer) -> Result:
    """Bundle, with where everything came from. No clock, path or host name: equal requests give equal bytes."""
    provenance: dict[str, str | int | float | bool | None] = {
        "software": f"partimento {metadata.version('partimento')}",
        "model": performer.name,
        "model_licence": performer.licence,
        **performer.provenance(request),
        "seed": request.seed,
        "index": request.index,
        "request_sha256": request_hash(request),
        "sample_rate": request.sample_rate,
        "python": platform.python_version(),
        "machine": platform.machine(),
        **{name: metadata.version(name) for name in ("numpy", "scipy", "soxr")},
        "content": "generated by software",
    }
    return Result(request, plan, performance, report, provenance)
