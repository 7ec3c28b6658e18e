import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from partimento.cli.main import main
from partimento.errors import RequestError
from partimento.evaluate.bench_lm import bench_lm


def test_every_engine_has_a_row(capsys):
    assert main(["bench", "lm", "--shape", "tiny", "--seconds", "1", "--runs", "1"]) == 0
    out = capsys.readouterr().out
    for engine in ("ours eager:", "ours int8:", "ours bf16:", "transformers float32", "transformers bfloat16"):
        assert engine in out
    assert "first sound" in out


def test_range():
    with pytest.raises(RequestError, match="1 to 30"):
        bench_lm(seconds=31)
