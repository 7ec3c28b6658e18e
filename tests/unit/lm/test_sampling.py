import pytest

torch = pytest.importorskip("torch")

from partimento.errors import RequestError  # noqa: E402
from partimento.lm.sampling import Sampling, guide, guide_double, keep_top_k, keep_top_p, sample  # noqa: E402


def generators(*seeds):
    return [torch.Generator().manual_seed(s) for s in seeds]


def test_top_k_keeps_ties():
    kept = keep_top_k(torch.tensor([0.1, 0.2, 0.2, 0.5]), 2)
    assert torch.allclose(kept, torch.tensor([0.0, 2 / 9, 2 / 9, 5 / 9]))
    p = torch.tensor([0.25, 0.75])
    assert torch.equal(keep_top_k(p, 0), p)
    assert torch.equal(keep_top_k(p, 250), p)


def test_top_p_keeps_the_fewest_that_reach_it():
    p = torch.tensor([0.1, 0.5, 0.3, 0.1])
    assert torch.allclose(keep_top_p(p, 0.4), torch.tensor([0.0, 1.0, 0.0, 0.0]))
    assert torch.allclose(keep_top_p(p, 0.6), torch.tensor([0.0, 0.625, 0.375, 0.0]))
    assert torch.allclose(keep_top_p(p, 1.0), p)


def test_guidance():
    prompted, sound, null = torch.tensor([3.0]), torch.tensor([2.0]), torch.tensor([1.0])
    assert guide(prompted, null, 3.0).item() == 7.0
    assert guide(prompted, null, 1.0).item() == 3.0
    assert guide_double(prompted, sound, null, 3.0, 5.0).item() == 1 + 3 * (2 + 5 - 1)
    assert guide_double(prompted, sound, null, 1.0, 1.0).item() == 3.0


def test_an_item_does_not_depend_on_its_batch():
    logits = torch.randn(3, 4, 100, generator=torch.Generator().manual_seed(0))
    together = sample(logits, Sampling(), generators(5, 6, 7))
    alone = [sample(logits[i : i + 1], Sampling(), generators(5 + i))[0] for i in range(3)]
    assert torch.equal(together, torch.stack(alone))


def test_draws_follow_the_probabilities():
    logits = torch.log(torch.tensor([0.6, 0.3, 0.1])).expand(1, 20_000, 3)
    share = torch.bincount(sample(logits, Sampling(), generators(1))[0], minlength=3) / 20_000
    assert torch.allclose(share, torch.tensor([0.6, 0.3, 0.1]), atol=0.015)
    cold = torch.bincount(sample(logits, Sampling(temperature=0.5), generators(1))[0], minlength=3) / 20_000
    assert torch.allclose(cold, torch.tensor([0.36, 0.09, 0.01]) / 0.46, atol=0.015)
    only = sample(logits, Sampling(top_k=2), generators(1))
    assert set(only.unique().tolist()) == {0, 1}
    assert set(sample(logits, Sampling(top_p=0.5), generators(1)).unique().tolist()) == {0}
    assert set(sample(logits, Sampling(greedy=True), generators(1)).unique().tolist()) == {0}


@pytest.mark.parametrize("wrong", [{"temperature": 0.0}, {"top_k": -1}, {"top_p": 1.5}, {"guidance": 0.5}])
def test_ranges_are_named(wrong):
    with pytest.raises(RequestError, match=next(iter(wrong))):
        Sampling(**wrong)
