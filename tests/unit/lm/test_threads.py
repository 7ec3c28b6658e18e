import pytest
import torch

from partimento.lm import threads
from partimento.lm.generate import Texts, generate
from partimento.lm.sampling import Sampling
from partimento.lm.threads import step_threads
from partimento.lm.transformer import LmConfig, MusicGenLm

TINY = LmConfig(cardinality=16, width=16, n_layers=1, n_heads=2, ffn=32, text_width=8)


@pytest.fixture(autouse=True)
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_small_models_step_with_one_thread_and_leave_the_others_as_they_were(monkeypatch):
    lm = MusicGenLm(TINY).eval().requires_grad_(False)
    seen = []
    forward = lm.run_layers
    monkeypatch.setattr(lm, "run_layers", lambda *args: (seen.append(torch.get_num_threads()), forward(*args))[1])
    for _ in generate(lm, Texts(), 12, Sampling(), [1]):
        assert torch.get_num_threads() == 2, "who reads the frames has all threads"
    assert set(seen) == {1}
    monkeypatch.setattr(threads, "SMALL_WEIGHTS", 10)
    seen.clear()
    list(generate(lm, Texts(), 12, Sampling(), [1]))
    assert set(seen) == {2}, "a large model takes all"


def test_an_error_within_gives_the_threads_back():
    lm = MusicGenLm(TINY)
    with pytest.raises(KeyError), step_threads(lm)():
        raise KeyError("x")
    assert torch.get_num_threads() == 2
