import numpy as np
import pytest

from partimento.lm.code_chains import CodeChains


def test_unigram_is_the_entropy_of_what_was_counted() -> None:
    codes = np.array([[0, 1]] * 3000 + [[1, 1]] * 1000)
    chains = CodeChains([codes], 4)
    entropy = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    assert chains.unigram([codes]) == pytest.approx([entropy, 0.0], abs=0.01)


def test_bigrams_know_what_follows() -> None:
    rng = np.random.default_rng(0)
    first = np.arange(4000) % 4
    second = (first + (rng.random(4000) < 0.1)) % 4
    codes = np.stack([first, second], axis=1)
    chains = CodeChains([codes[:3000]], 4)
    held_out = [codes[3000:]]
    assert chains.unigram(held_out) == pytest.approx([np.log(4)] * 2, abs=0.02)
    assert chains.bigram(held_out)[0] < 0.02
    noise = -(0.9 * np.log(0.9) + 0.1 * np.log(0.1))
    assert chains.bigram(held_out, "coarser")[1] == pytest.approx(noise, abs=0.05)
    assert chains.bigram(held_out, "coarser")[0] == pytest.approx(np.log(4), abs=0.02)


def test_unseen_pairs_keep_a_chance() -> None:
    chains = CodeChains([np.array([[0], [1]] * 50)], 8)
    assert np.isfinite(chains.bigram([np.array([[5], [6], [7]])])).all()
