import numpy as np
import pytest

from partimento.codec.bands import BandLayout


@pytest.mark.parametrize("layout", [BandLayout(), BandLayout(256, 16, 40), BandLayout(64, 2, 33)])
def test_bands_cover_every_bin_once(layout: BandLayout) -> None:
    edges = layout.edges
    assert edges[0] == 0
    assert edges[-1] == layout.n_fft // 2 + 1
    assert len(edges) == layout.n_bands + 1
    assert (np.diff(edges) >= 1).all()


def test_default_layout_keeps_bins_to_4_khz_singly() -> None:
    layout = BandLayout()
    assert (np.diff(layout.edges)[:320] == 1).all()
    assert layout.centres_hz(32_000)[319] < 4_000 <= layout.centres_hz(32_000)[320] + 12.5
    assert (np.diff(np.diff(layout.edges)[320:]) >= -1).all()


def test_pool_undoes_spreading() -> None:
    layout = BandLayout(256, 16, 40)
    bands = np.random.default_rng(0).random(40).astype(np.float32)
    np.testing.assert_allclose(layout.pool() @ bands[layout.band_of_bin()], bands, rtol=1e-6)
    np.testing.assert_allclose(layout.pool().sum(1), 1.0, rtol=1e-6)


def test_impossible_layout_is_refused() -> None:
    with pytest.raises(ValueError, match="bands"):
        BandLayout(256, 40, 16)
