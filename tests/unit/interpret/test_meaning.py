"""Nearest meaning, with the optional sentence model."""

from pathlib import Path

import numpy as np
import pytest

from partimento.errors import FileError
from partimento.interpret import meaning, minilm, read
from partimento.plan.plan import Origin

needs_model = pytest.mark.skipif(minilm.model_dir() is None, reason="extra `words` is not installed")


def test_without_the_extra_the_plan_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meaning, "_model", lambda: None)
    reading, remarks = meaning.with_meanings(read("zorbing piano"))
    assert remarks == (meaning.HINT,)
    assert reading.unknown == ("zorbing",)
    assert meaning.with_meanings(read("calm piano"))[1] == ()


def test_a_match_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        meaning.Match("crepuscular", "mood", "dark", "dark", 0.7),
        meaning.Match("zydeco", "style", "folk", "folk music", 0.8),
    ]
    monkeypatch.setattr(meaning, "match_by_meaning", lambda words: found)
    from partimento.interpret import make_plan
    from partimento.plan.request import GenerateRequest

    plan = make_plan(GenerateRequest(words="crepuscular zydeco piano"))
    assert plan.moods.value == ("dark",)
    assert (plan.moods.origin, plan.moods.reason) == (Origin.INFERRED, "by meaning")
    assert (plan.style.value, plan.style.origin, plan.style.reason) == ("folk", Origin.INFERRED, "by meaning")
    assert plan.unknown == ()
    assert any("0.70" in r for r in plan.remarks)


def test_wrong_weights_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    folder = minilm.model_dir()
    if folder is None:
        pytest.skip("extra `words` is not installed")
    (tmp_path / "model.safetensors").write_bytes(b"x" * 100)
    (tmp_path / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())
    with pytest.raises(FileError, match="SHA-256"):
        minilm.MiniLM(tmp_path)


@needs_model
@pytest.mark.slow
def test_the_model_finds_meanings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARTIMENTO_CACHE", str(tmp_path))
    meaning._model.cache_clear()
    matches = meaning.match_by_meaning(["majestically", "velvetlike", "table"])
    assert matches is not None
    assert {m.word: m.value for m in matches} == {"majestically": "grand", "velvetlike": "dreamy"}
    assert list(tmp_path.glob("meanings-*.npy"))
    folder = minilm.model_dir()
    assert folder is not None
    vectors = minilm.MiniLM(folder).embed(["sad", "a much longer line of words about a sad song", "sad"])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    np.testing.assert_allclose(vectors[0], vectors[2], atol=1e-5)
