"""First sound and peak memory, on the tiny shape."""

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from partimento.errors import FileError, RequestError
from partimento.evaluate.bench_stream import bench_stream, peak_gb


def test_peak_of_this_process():
    assert 0.01 < peak_gb() < 1000


def test_range():
    with pytest.raises(RequestError, match="2 to 30"):
        bench_stream(["eager"], seconds=1)


@pytest.mark.slow
def test_rows():
    rows = bench_stream(["eager"], "tiny")
    assert [row.unit for row in rows] == ["s", "s", "x transformers"]
    assert 0 < rows[0].figure < rows[1].figure
    assert 0.1 < rows[2].figure < 10
    with pytest.raises(FileError, match="warp could not be measured"):
        bench_stream(["warp"], "tiny")
