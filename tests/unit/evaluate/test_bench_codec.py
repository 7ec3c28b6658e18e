"""The codec's benchmark on a small shape."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from partimento.errors import RequestError  # noqa: E402
from partimento.evaluate.bench_codec import SMALL, bench_codec  # noqa: E402


def test_rows_say_how_fast_and_how_exact():
    rows = bench_codec(1, 1.0, SMALL)
    assert [row.unit for row in rows] == ["x real time"] * 4 + ["millionths"]
    assert all(row.figure > 0 for row in rows)
    assert rows[-1].met, "the same sound as transformers'"
    assert "x transformers" in rows[1].name
    with pytest.raises(RequestError, match="1 to 60"):
        bench_codec(1, 0.5, SMALL)
