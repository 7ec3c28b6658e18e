"""Every engine against eager: logits, tokens, loss, independence of the batch."""

import pytest

torch = pytest.importorskip("torch")

from partimento.embed.t5 import TextStates  # noqa: E402
from partimento.errors import RequestError, UnsupportedError  # noqa: E402
from partimento.lm import engines as module  # noqa: E402
from partimento.lm.engines import ENGINES, Int8Linear, get_engine  # noqa: E402
from partimento.lm.generate import Texts, Window, generate  # noqa: E402
from partimento.lm.patterns import align_predictions, delay_delays, interleave  # noqa: E402
from partimento.lm.sampling import Sampling  # noqa: E402
from partimento.lm.transformer import LmConfig, MusicGenLm  # noqa: E402

CROSS = LmConfig(n_codebooks=4, cardinality=32, width=64, n_layers=2, n_heads=4, ffn=128, text_width=16, delays=delay_delays(4))
PREFIX = LmConfig(
    n_codebooks=4, cardinality=32, width=64, n_layers=2, n_heads=4, ffn=128, cross_attention=False, text_width=16,
    melody_classes=12, melody_frames=6, delays=delay_delays(4),
)  # fmt: skip
NAMES = pytest.mark.parametrize("name", ENGINES)
LOSS_LIMITS = {"eager": 1e-7, "int8": 0.005, "bf16": 0.005}


def model(config, name="eager"):
    torch.set_num_threads(1)
    torch.manual_seed(0)
    lm = MusicGenLm(config).eval().requires_grad_(False)
    for parameter in lm.parameters():
        parameter.add_(torch.randn_like(parameter) * 0.05)
    return get_engine(name).prepare(lm)


def text(n=5):
    return TextStates.stack([torch.randn(n, 16, generator=torch.Generator().manual_seed(n))])


def logits(lm, codes, states):
    tokens = interleave(codes, lm.config.delays, lm.config.special)
    with torch.inference_mode():
        if lm.config.cross_attention:
            return lm(tokens, lm.text_context(states.states, states.mask)).float()
        return lm(tokens, prefix=lm.prefix(states.states, states.mask)).float()


@NAMES
@pytest.mark.parametrize("config", [CROSS, PREFIX], ids=["cross", "prefix"])
def test_teacher_forced_logits(name, config):
    codes = torch.randint(0, 32, (1, 4, 40), generator=torch.Generator().manual_seed(1))
    expected, got = (logits(model(config, n), codes, text()) for n in ("eager", name))
    assert (got - expected).abs().max() <= ENGINES[name].logits_tolerance * expected.std()
    if name != "eager":
        assert not torch.equal(got, expected), "it really runs otherwise"


@NAMES
@pytest.mark.parametrize("config", [CROSS, PREFIX], ids=["cross", "prefix"])
def test_generation_repeats_and_goes_through_windows(name, config):
    lm, window = model(config, name), Window(frames=20, stride=12, block=4)
    made = [torch.cat(list(generate(lm, Texts(text()), 30, Sampling(), [7], window=window)), dim=-1) for _ in range(2)]
    assert torch.equal(*made)
    assert made[0].shape == (1, 4, 30)
    assert ((made[0] >= 0) & (made[0] < 32)).all()


@NAMES
def test_steps_with_a_cache_follow_the_whole_sequence(name):
    lm, states = model(CROSS, name), text()
    codes = torch.randint(0, 32, (1, 4, 12), generator=torch.Generator().manual_seed(1))
    tokens = interleave(codes, CROSS.delays, CROSS.special)
    context, cache = lm.text_context(states.states, states.mask), lm.cache(1, tokens.shape[-1])
    with torch.inference_mode():
        whole = lm(tokens, context).float()
        steps = torch.cat([lm(tokens[..., i : i + 1], context, cache).float() for i in range(tokens.shape[-1])], dim=2)
    assert (whole - steps).abs().max() <= max(1e-4, ENGINES[name].logits_tolerance * whole.std())


@pytest.fixture(scope="module")
def trained():
    """A model that has learned something: each code follows from the one before, with a fifth of noise."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    lm = MusicGenLm(CROSS)
    rng = torch.Generator().manual_seed(3)

    def batch(n):
        codes = torch.randint(0, 32, (n, 4, 30), generator=rng)
        kept = torch.rand(codes.shape, generator=rng) < 0.8
        for t in range(1, 30):
            codes[..., t] = torch.where(kept[..., t], (codes[..., t - 1] * 7 + 3) % 32, codes[..., t])
        return codes

    optimiser = torch.optim.AdamW(lm.parameters(), 3e-3)
    for _ in range(120):
        loss = nll(lm, batch(16))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return lm.eval().requires_grad_(False).state_dict(), batch(64)


def nll(lm, codes):
    tokens = interleave(codes, CROSS.delays, CROSS.special)
    predicted = align_predictions(lm(tokens).float(), CROSS.delays)
    return torch.nn.functional.cross_entropy(predicted.flatten(0, 2), codes.flatten())


@NAMES
def test_held_out_loss(name, trained):
    weights, held_out = trained
    losses = {}
    for engine in ("eager", name):
        lm = MusicGenLm(CROSS)
        lm.load_state_dict(weights)
        with torch.inference_mode():
            losses[engine] = float(nll(get_engine(engine).prepare(lm.eval().requires_grad_(False)), held_out))
    assert losses["eager"] < 3.0, "it has learned (chance is 3.47)"
    assert losses[name] == pytest.approx(losses["eager"], rel=LOSS_LIMITS[name])


@pytest.mark.parametrize(("inputs", "outputs"), [(16, 3), (31, 64), (64, 2), (100, 33)])
def test_int8_of_any_shape(inputs, outputs):
    weight = torch.randn(outputs, inputs, generator=torch.Generator().manual_seed(0))
    weight[0] = 0
    x = torch.randn(2, 3, inputs, generator=torch.Generator().manual_seed(1))
    y, expected = Int8Linear(weight)(x), x @ weight.T
    assert y.shape == expected.shape
    assert (y - expected).norm() / expected.norm() < 0.02
    assert not y[..., 0].any()


def test_refusals(monkeypatch):
    assert get_engine("auto").name == "eager"
    with pytest.raises(RequestError, match="unknown engine 'warp'; known: auto, eager, int8, bf16"):
        get_engine("warp")
    monkeypatch.setattr(module, "_KERNEL", "_no_such_kernel")
    with pytest.raises(UnsupportedError, match="needs torch's kernel _no_such_kernel"):
        model(CROSS, "int8")
