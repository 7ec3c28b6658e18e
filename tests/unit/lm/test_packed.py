"""Weights in reading order, and products and attention with them, against dense arithmetic."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("numba")

from partimento.lm.cache import TextContext  # noqa: E402
from partimento.lm.compiled_step import project  # noqa: E402
from partimento.lm.engine_packed import PackedCache, make_room, pack_text, padded_sizes  # noqa: E402
from partimento.lm.kernel_data import Model  # noqa: E402
from partimento.lm.kernels_attention import cross_attention, self_attention  # noqa: E402
from partimento.lm.kernels_product import SET  # noqa: E402
from partimento.lm.packed import Packer, pad_heads  # noqa: E402
from partimento.lm.quantize import quantize  # noqa: E402
from partimento.lm.transformer import LmConfig  # noqa: E402

CONFIG = LmConfig(cardinality=32, width=64, n_layers=2, n_heads=4, ffn=192)


def random(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("rows", [1, 2, 5])
def test_products(bits, rows):
    sizes = padded_sizes(CONFIG)
    matrices = [random(48, 64), random(40, 192)]
    packer = Packer([(48, 64, bits, SET), (40, 192, bits, SET)])
    for index, matrix in enumerate(matrices):
        packer.put(index, matrix)
    model = Model(packer.weights, packer.scales, packer.places, np.zeros(1, np.float32), 1e-5)
    for index, (matrix, inputs) in enumerate(zip(matrices, (64, 192), strict=True)):
        room, x = make_room(sizes, 3 * rows, 0, 1), random(rows, inputs)
        room.x[: x.numel()] = x.ravel()
        project(model, room, index, inputs, rows, 48, 0)
        got = torch.from_numpy(room.fused[: rows * 48]).view(rows, 48)
        rounded = room.levels[: rows * inputs].reshape(rows, -1, 64) * room.steps[: rows * inputs // 64].reshape(rows, -1, 1)
        half_a_step = float(x.abs().max()) / 253
        assert abs(rounded.reshape(rows, inputs) - x.numpy()).max() <= half_a_step
        expected = torch.from_numpy(rounded.reshape(rows, inputs)) @ quantize(matrix, bits).dense().T
        torch.testing.assert_close(got[:, : len(matrix)], expected, rtol=1e-5, atol=1e-5)
        assert not got[:, len(matrix) :].any(), "padding gives zeros"


def test_heads_are_padded_one_by_one():
    weight = random(12, 6)  # four heads of three
    wide = pad_heads(weight, 4, 0).view(4, 16, 6)
    assert torch.equal(wide[:, :3].flatten(0, 1), weight)
    assert not wide[:, 3:].any()
    assert torch.equal(pad_heads(weight.T, 4, 1), wide.flatten(0, 1).T)
    assert pad_heads(random(64, 6), 4, 0).shape == (64, 6)


def attention_of(n, config=CONFIG, rows=2):
    """Keys, queries and values of ``n`` positions, what attention makes of them, and how they lie as a product's results."""
    sizes, width = padded_sizes(config), config.width // config.n_heads
    q, k, v = (random(rows, config.n_heads, n, width + i)[..., :width] for i in range(3))
    fused = torch.zeros(rows, n, 3, sizes.heads, sizes.head)
    fused[..., :width] = torch.stack([q, k, v]).permute(1, 3, 0, 2, 4)
    return sizes, fused, torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)


@pytest.mark.parametrize("heads", [4, 8], ids=["whole", "padded"])
def test_attention_to_the_past(heads):
    n, config = 37, LmConfig(cardinality=32, width=64, n_layers=2, n_heads=heads, ffn=192)
    sizes, fused, expected = attention_of(n, config)
    width, made = config.width // heads, []
    cache = PackedCache(sizes, 2, n)
    for start, end in ((0, 20), (20, 21), (21, n)):
        room = make_room(sizes, 2 * (end - start), 48, 1)
        room.fused[:] = fused[:, start:end].numpy().ravel()
        self_attention(sizes, cache.past, room, 1, start, end - start, True, 0, 0)
        out = torch.from_numpy(room.attended).view(2, end - start, -1)[..., : heads * sizes.head]
        made.append(out.unflatten(2, (heads, sizes.head))[..., :width].transpose(1, 2))
    assert (torch.cat(made, dim=2) - expected).norm() < 0.01 * expected.norm()


def test_attention_to_a_text():
    sizes = padded_sizes(CONFIG)
    keys, values, q = random(1, 4, 19, 16), random(1, 4, 19, 16) + 1, random(1, 4, 3, 16)
    mask = torch.ones(1, 1, 1, 19, dtype=torch.bool)
    mask[..., 12:] = False
    heard = pack_text(sizes, TextContext((keys, keys), (values, values), mask))
    room = make_room(sizes, 3, heard.length, 1)
    room.fused[: q.numel()] = q.transpose(1, 2).numpy().ravel()
    cross_attention(sizes, heard, room, 1, 3, 0, 0)
    expected = torch.nn.functional.scaled_dot_product_attention(q, keys, values, mask)
    got = torch.from_numpy(room.attended).view(1, 3, 4, 16).transpose(1, 2)
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-5)
    assert math.isfinite(float(got.sum()))
