import pytest

torch = pytest.importorskip("torch")

from partimento.errors import UnsupportedError  # noqa: E402
from partimento.evaluate.bench_cuda import bench_cuda, copy_bandwidth, step_bytes, step_s  # noqa: E402
from partimento.lm.engine_cuda import StaticRunner  # noqa: E402
from partimento.lm.transformer import LmConfig, MusicGenLm  # noqa: E402


def test_parts_of_the_measurement():
    lm = MusicGenLm(LmConfig(cardinality=32, width=64, n_layers=2, n_heads=2, ffn=128, text_width=16)).eval()
    StaticRunner(lm, graphs=False)
    # Per layer: 4 d² of self-attention, 2 d² of cross-attention, 2 · d · 2d of feed-forward, 6 d of norms; heads 4 · 32 · d.
    assert step_bytes(lm) == 4 * (2 * (10 * 64 * 64 + 6 * 64) + 128 * 64)
    assert step_s(lm, 10) > 0
    assert copy_bandwidth(torch.device("cpu"), 1 << 20) > 1e6


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so():
    with pytest.raises(UnsupportedError, match="bench lm --device cuda needs a CUDA GPU"):
        bench_cuda()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_goals_on_a_gpu():
    missed = [row for row in bench_cuda() if row.met is False]
    assert not missed
