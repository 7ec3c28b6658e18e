"""A file alone is a request."""

from pathlib import Path

from partimento.pipeline import generate, request_hash
from partimento.plan.request import GenerateRequest

TUNE = "X:1\nM:3/4\nL:1/4\nQ:1/4=160\nK:G\nD|G2A|B2A|G2F|E2D|G2A|B2c|d3-|d2||\n"


def test_a_bare_tune_makes_a_piece(tmp_path: Path) -> None:
    path = tmp_path / "tune.abc"
    path.write_text(TUNE, encoding="utf-8")
    request = GenerateRequest(melody=str(path))
    result = generate(request, audio_report=False)
    assert result.report.passed
    assert len(result.performance.stems) >= 3
    assert result.provenance["request_sha256"] == request_hash(request)


def test_the_content_of_a_file_counts_not_its_path(tmp_path: Path) -> None:
    first, second = tmp_path / "a.abc", tmp_path / "b.abc"
    first.write_text(TUNE, encoding="utf-8")
    second.write_text(TUNE, encoding="utf-8")
    assert request_hash(GenerateRequest(melody=str(first))) == request_hash(GenerateRequest(melody=str(second)))
    second.write_text(TUNE.replace("B2A", "B2G"), encoding="utf-8")
    assert request_hash(GenerateRequest(melody=str(first))) != request_hash(GenerateRequest(melody=str(second)))
