"""Steps with static shapes: the very steps of the CUDA graphs, on the CPU call by call; and on a GPU as graphs."""

import pytest

torch = pytest.importorskip("torch")

from partimento.embed.t5 import TextStates  # noqa: E402
from partimento.errors import UnsupportedError  # noqa: E402
from partimento.lm import engine_cuda  # noqa: E402
from partimento.lm.engine_cuda import StaticRunner  # noqa: E402
from partimento.lm.engines import ENGINES, choose_engine, get_engine  # noqa: E402
from partimento.lm.generate import Texts, Window, generate  # noqa: E402
from partimento.lm.patterns import delay_delays  # noqa: E402
from partimento.lm.sampling import Sampling  # noqa: E402
from partimento.lm.transformer import LmConfig, MusicGenLm  # noqa: E402

SHAPE = {"n_codebooks": 4, "cardinality": 32, "width": 64, "n_layers": 2, "n_heads": 4, "ffn": 128, "text_width": 16}
CROSS = LmConfig(**SHAPE, delays=delay_delays(4))
PREFIX = LmConfig(**SHAPE, cross_attention=False, melody_classes=12, melody_frames=6, delays=delay_delays(4))
STEREO = LmConfig(**SHAPE | {"n_codebooks": 8}, delays=(0, 0, 1, 1, 2, 2, 3, 3))
GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def model(config):
    torch.set_num_threads(1)
    torch.manual_seed(0)
    lm = MusicGenLm(config).eval().requires_grad_(False)
    for parameter in lm.parameters():
        parameter.add_(torch.randn_like(parameter) * 0.05)
    return lm


def texts(*lengths):
    return TextStates.stack([torch.randn(n, 16, generator=torch.Generator().manual_seed(n)) for n in lengths])


def pieces(lm, hears, n_seeds=1, n_frames=30, sampling=None, prompt=None):
    window = Window(frames=20, stride=12, block=4)
    made = generate(lm, Texts(hears), n_frames, sampling or Sampling(), list(range(n_seeds)), prompt, window)
    return torch.cat(list(made), dim=-1)


@pytest.mark.parametrize("block", [4, 256])
@pytest.mark.parametrize("config", [CROSS, PREFIX, STEREO], ids=["cross", "prefix", "stereo"])
def test_static_steps_draw_what_eager_draws(config, block, monkeypatch):
    monkeypatch.setattr(engine_cuda, "BLOCK", block)
    lm, static = model(config), model(config)
    StaticRunner(static, graphs=False)
    for hears, n in ((texts(5), 1), (texts(5), 3), (None, 2)):
        assert torch.equal(pieces(static, hears, n), pieces(lm, hears, n))
    prompt = torch.randint(0, 32, (1, config.n_codebooks, 7), generator=torch.Generator().manual_seed(2))
    assert torch.equal(pieces(static, texts(3), prompt=prompt), pieces(lm, texts(3), prompt=prompt))


def test_static_logits_across_blocks(monkeypatch):
    monkeypatch.setattr(engine_cuda, "BLOCK", 4)
    lm, static = model(CROSS), model(CROSS)
    StaticRunner(static, graphs=False)
    tokens = torch.randint(0, 32, (3, 4, 14), generator=torch.Generator().manual_seed(1))
    hears = texts(3, 5)
    with torch.inference_mode():
        expected = lm(tokens, lm.text_context(hears.states, hears.mask))
        context, cache = static.text_context(hears.states, hears.mask), static.cache(3, 14)
        parts = tokens.split([3, 1, 1, 1, 4, 1, 1, 1, 1], dim=-1)
        got = torch.cat([static(part, context, cache) for part in parts], dim=2)
    assert cache.capacity == 16
    assert (got - expected).abs().max() < 1e-5


def test_a_step_may_be_done_twice():
    static = model(CROSS)
    runner = StaticRunner(static, graphs=False)
    cache = static.cache(1, 10)
    x = torch.randn(1, 1, 64)
    with torch.inference_mode():
        static(torch.zeros(1, 4, 3, dtype=torch.int64), None, cache)
        cache.x.copy_(x)
        cache.position.fill_(cache.length)
        assert torch.equal(*(runner._step(None, cache, cache.span()) for _ in range(2)))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so():
    with pytest.raises(UnsupportedError, match="engine cuda needs a CUDA GPU"):
        get_engine("cuda").prepare(model(CROSS))


@pytest.mark.gpu
@GPU
@pytest.mark.parametrize("config", [CROSS, PREFIX, STEREO], ids=["cross", "prefix", "stereo"])
def test_graphs_on_a_gpu(config, monkeypatch):
    monkeypatch.setattr(engine_cuda, "BLOCK", 8)
    lm, graphed, plain = model(config), model(config).to("cuda"), model(config).to("cuda")
    StaticRunner(graphed, graphs=True)
    StaticRunner(plain, graphs=False)
    greedy = Sampling(greedy=True)
    for hears, n in ((texts(5), 1), (texts(5), 3)):
        assert torch.equal(pieces(graphed, hears, n), pieces(plain, hears, n)), "the same kernels"
        assert torch.equal(pieces(graphed, hears, n, sampling=greedy), pieces(lm, hears, n, sampling=greedy))
    assert torch.equal(*(pieces(graphed, texts(4), 2) for _ in range(2)))


@pytest.mark.gpu
@GPU
def test_the_engine_on_a_gpu():
    lm = model(CROSS)
    with torch.device("meta"):
        assert choose_engine("auto", MusicGenLm()).engine.name == "cuda"
    hears, tokens = texts(5), torch.randint(0, 32, (1, 4, 20), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = lm(tokens, lm.text_context(hears.states, hears.mask))
        fast = get_engine("cuda").prepare(model(CROSS))
        context, cache = fast.text_context(hears.states, hears.mask), fast.cache(1, 20)
        got = torch.cat([fast(tokens[..., i : i + 1], context, cache).float().cpu() for i in range(20)], dim=2)
    assert (got - expected).abs().max() <= ENGINES["cuda"].logits_tolerance * expected.std()
