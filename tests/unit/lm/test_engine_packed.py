"""Steps of compiled code: the same in any batch, by any number of threads, and however positions are grouped."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("numba")

from partimento.embed.t5 import TextStates  # noqa: E402
from partimento.lm import engine_packed  # noqa: E402
from partimento.lm.compiled_step import _Locator, step  # noqa: E402
from partimento.lm.engines import get_engine  # noqa: E402
from partimento.lm.generate import Texts, Window, generate  # noqa: E402
from partimento.lm.patterns import delay_delays  # noqa: E402
from partimento.lm.sampling import Sampling  # noqa: E402
from partimento.lm.transformer import LmConfig, MusicGenLm  # noqa: E402

CROSS = LmConfig(n_codebooks=4, cardinality=32, width=64, n_layers=2, n_heads=4, ffn=128, text_width=16, delays=delay_delays(4))
BITS = pytest.mark.parametrize("bits", [4, 8])


def model(bits=4, threads=1, config=CROSS):
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    lm = MusicGenLm(config).eval().requires_grad_(False)
    for parameter in lm.parameters():
        parameter.add_(torch.randn_like(parameter) * 0.05)
    try:
        return get_engine(f"int{bits}").prepare(lm)
    finally:
        torch.set_num_threads(1)


def text(*lengths):
    return TextStates.stack([torch.randn(n, 16, generator=torch.Generator().manual_seed(n)) for n in lengths])


def tokens(rows, n):
    return torch.randint(0, 32, (rows, 4, n), generator=torch.Generator().manual_seed(1))


def logits(lm, given, states=None, parts=None):
    heard = None if states is None else lm.text_context(states.states, states.mask)
    cache = lm.cache(given.shape[0], given.shape[2])
    with torch.inference_mode():
        return torch.cat([lm(part, heard, cache) for part in given.split(parts or given.shape[2], dim=2)], dim=2)


@BITS
def test_rows_do_not_depend_on_those_beside(bits):
    lm, given = model(bits), tokens(3, 10)
    together = logits(lm, given, text(5, 5))
    alone = [logits(lm, given[i : i + 1], text(5) if i < 2 else None) for i in range(3)]
    assert torch.equal(together, torch.cat(alone)), "bit for bit"


@BITS
def test_positions_may_come_in_any_grouping(bits, monkeypatch):
    lm, given = model(bits), tokens(2, 40)
    whole = logits(lm, given, text(5))
    assert torch.equal(logits(lm, given, text(5), [1] * 40), whole)
    monkeypatch.setattr(engine_packed, "ROWS", 6)
    assert torch.equal(logits(lm, given, text(5), [17, 1, 22]), whole)


@BITS
def test_of_a_prompt_only_the_last_logits_are_made(bits, monkeypatch):
    lm, given = model(bits), tokens(2, 40)
    whole, heard = logits(lm, given, text(5)), text(5)
    for rows in (128, 6):
        monkeypatch.setattr(engine_packed, "ROWS", rows)
        cache, context = lm.cache(2, 40), lm.text_context(heard.states, heard.mask)
        with torch.inference_mode():
            after = lm(given[..., :31], context, cache, last=1)
            then = lm(given[..., 31:], context, cache, last=5)
        assert torch.equal(after, whole[:, :, 30:31])
        assert torch.equal(then, whole[:, :, 35:])


@BITS
def test_any_number_of_threads(bits):
    config = LmConfig(cardinality=32, width=256, n_layers=2, n_heads=4, ffn=1024, text_width=16)
    one, three, given = model(bits, 1, config), model(bits, 3, config), tokens(2, 20)
    assert three.runner._team.size == 3
    assert torch.equal(logits(one, given, text(5)), logits(three, given, text(5)))


def test_a_text_that_comes_later_is_heard():
    lm, given = model(), tokens(1, 6)
    cache = lm.cache(1, 6)
    contexts = [None, *(lm.text_context(each.states, each.mask) for each in (text(5), text(4)))]
    with torch.inference_mode():
        got = torch.cat([lm(given[..., i : i + 1], contexts[i // 2], cache) for i in range(6)], dim=2)
    assert torch.equal(got[:, :, :2], logits(lm, given[..., :2]))
    assert not torch.equal(got[:, :, 2:4], logits(lm, given)[:, :, 2:4])


def test_the_layers_are_gone():
    lm = model()
    assert len(lm.layers) == 0
    assert sum(parameter.numel() for parameter in lm.heads.parameters()) == 0


@BITS
def test_pieces_texts_and_continuations_in_turn(bits):
    lm, window = model(bits), Window(frames=20, stride=12, block=4)

    def made(n_frames=20, batch=1, n=5, **given):
        return torch.cat(list(generate(lm, Texts(text(n)), n_frames, Sampling(), list(range(batch)), **given)), dim=-1)

    def all_kinds():
        short = made()
        return [short, made(batch=4), made(30, prompt=short), made(45, window=window), made(n=3)]

    first, again = all_kinds(), all_kinds()
    assert all(torch.equal(*pair) for pair in zip(first, again, strict=True))
    assert [tuple(codes.shape) for codes in first] == [(1, 4, 20), (4, 4, 20), (1, 4, 10), (1, 4, 45), (1, 4, 20)]
    assert torch.equal(first[1][:1], first[0]), "a piece made in a batch is the one made alone"
    assert not torch.equal(first[0], first[4]), "it hears the other text"


def test_machine_code_lies_in_the_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("PARTIMENTO_CACHE", str(tmp_path))
    there = _Locator(step.py_func, step.py_func.__code__.co_filename)
    assert there.get_cache_path() == str(tmp_path / "kernels")
    assert there.get_source_stamp() == there.get_source_stamp()
