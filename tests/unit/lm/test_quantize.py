"""Rounding of weights: its error."""

import pytest

torch = pytest.importorskip("torch")

from partimento.lm.quantize import quantize  # noqa: E402


def weight(outputs=96, inputs=256):
    return torch.randn(outputs, inputs, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("bits", "limit"), [(8, 0.0065), (4, 0.093)])
def test_error_is_small(bits, limit):
    w = weight()
    assert (quantize(w, bits).dense() - w).norm() / w.norm() < limit


def test_four_bits_beat_rounding_by_the_largest():
    w = weight()
    groups = w.view(96, -1, 64)
    scale = groups.abs().amax(dim=2, keepdim=True) / 7
    plain = ((groups / scale).round() * scale).flatten(1)
    assert (quantize(w, 4).dense() - w).norm() < 0.87 * (plain - w).norm()


@pytest.mark.parametrize("bits", [4, 8])
def test_zeros_and_tiny_numbers(bits):
    w = weight(4, 64)
    w[0], w[1] = 0, 1e-12
    dense = quantize(w, bits).dense()
    assert not dense[:2].any()
    assert dense[2:].isfinite().all()
