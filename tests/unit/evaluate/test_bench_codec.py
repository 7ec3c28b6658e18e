"""The codec's benchmark on a small shape."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from partimento.errors import RequestError  # noqa: E402
from partimento.evaluate.bench_codec import SMALL, bench_codec, snr_db  # noqa: E402


def test_rows_say_how_fast_and_how_exact():
    rows = bench_codec(1, 1.0, SMALL)
    assert [row.unit for row in rows] == ["x real time"] * 6 + ["millionths"] + ["dB"] * 2
    assert all(row.figure > 0 for row in rows)
    exact, fast, peer = rows[-3:]
    assert exact.met, "the same sound as transformers'"
    assert fast.met
    assert 20 < peer.figure < 60, "bfloat16 rounds to 8 digits"
    assert "x transformers" in rows[2].name
    with pytest.raises(RequestError, match="1 to 60"):
        bench_codec(1, 0.5, SMALL)


def test_signal_to_noise():
    tone = torch.sin(torch.arange(1000) * 0.3) + 5
    assert snr_db(tone + 0.01, tone) == pytest.approx(10 * float(torch.log10(tone.var() / 1e-4)), abs=0.05)
