import pytest
import torch

from partimento.codec.quantize import QuantizerConfig, ResidualVectorQuantizer, kmeans, nearest, perplexities

torch.set_num_threads(1)  # tiny tensors: a second thread only waits

SMALL = QuantizerConfig(n_codebooks=3, cardinality=16, dimension=4, dropout=0.0)


def vectors(n: int = 512, d: int = 4) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(1))


def ready(config: QuantizerConfig = SMALL) -> ResidualVectorQuantizer:
    torch.manual_seed(0)
    quantizer = ResidualVectorQuantizer(config)
    quantizer.initialize(vectors(d=config.dimension))
    return quantizer


def test_nearest_agrees_with_distances() -> None:
    v, e = vectors(50), vectors(7) * 0.5
    assert torch.equal(nearest(v, e), torch.cdist(v, e).argmin(1))


def test_kmeans_finds_separate_clusters() -> None:
    torch.manual_seed(0)
    centres = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    points = (centres[:, None] + 0.1 * torch.randn(3, 40, 2)).reshape(-1, 2)
    found = kmeans(points, 3, 20)
    assert torch.cdist(centres, found).min(1).values.max() < 0.2


def test_kmeans_of_fewer_vectors_than_entries() -> None:
    torch.manual_seed(0)
    assert kmeans(vectors(5), 16, 3).shape == (16, 4)


def test_each_level_lowers_the_error() -> None:
    quantizer, v = ready().eval(), vectors()[None]
    codes = quantizer.encode(v)
    errors = [float(((v - quantizer.decode(codes[:, :k])) ** 2).mean()) for k in (1, 2, 3)]
    assert errors[0] > errors[1] > errors[2]


def test_forward_equals_encode_and_decode() -> None:
    quantizer, v = ready().eval(), vectors(40).reshape(2, 20, 4)
    result = quantizer(v)
    assert torch.equal(result.codes, quantizer.encode(v))
    torch.testing.assert_close(result.values, quantizer.decode(result.codes))


def test_gradients_pass_straight_through() -> None:
    quantizer, v = ready().eval(), vectors(20)[None].requires_grad_()
    quantizer(v).values.sum().backward()
    assert v.grad is not None
    torch.testing.assert_close(v.grad, torch.ones_like(v))


def test_passes_vectors_through_before_initialising() -> None:
    v = vectors(10)[None]
    torch.testing.assert_close(ResidualVectorQuantizer(SMALL)(v).values, v)


def test_unused_entries_are_revived() -> None:
    quantizer = ready(QuantizerConfig(n_codebooks=1, cardinality=16, dimension=4, dropout=0.0, decay=0.5, revive_below=0.1))
    quantizer.entries[0, 8:] = 1e3  # nobody is near these
    quantizer.sums[0, 8:] = 1e3 * quantizer.counts[0, 8:, None]
    quantizer.train()
    for _ in range(12):
        result = quantizer(vectors()[None])
    assert perplexities(result.codes, 16)[0] > 8
    assert float(quantizer.entries.abs().max()) < 10


def test_moving_averages_follow_a_shift() -> None:
    quantizer, v = ready().train(), vectors()[None] + 3.0
    before = float(quantizer(v).commitment)
    for _ in range(100):
        after = float(quantizer(v).commitment)
    assert after < 0.7 * before


def test_dropout_uses_fewer_levels_for_some_items() -> None:
    quantizer = ready(QuantizerConfig(n_codebooks=3, cardinality=16, dimension=4, dropout=1.0)).train()
    v = vectors()[:8].reshape(1, 8, 4).expand(64, 8, 4)
    values = quantizer(v).values
    assert len({round(float(x), 4) for x in values[:, 0, 0]}) == 3


@pytest.mark.parametrize(("codes", "expected"), [([0, 0, 0, 0], 1.0), ([0, 1, 2, 3], 4.0)])
def test_perplexity(codes: list[int], expected: float) -> None:
    assert perplexities(torch.tensor(codes)[None, None], 4)[0] == pytest.approx(expected)


def test_fewer_levels_for_some_items() -> None:
    torch.manual_seed(0)
    quantizer = ResidualVectorQuantizer(QuantizerConfig(n_codebooks=3, cardinality=8, dimension=4))
    quantizer.initialize(torch.randn(200, 4))
    codes = torch.randint(0, 8, (2, 3, 5))
    found = quantizer.decode(codes, torch.tensor([1, 3]))
    torch.testing.assert_close(found[0], quantizer.decode(codes[:1, :1])[0])
    torch.testing.assert_close(found[1], quantizer.decode(codes[1:])[0])
