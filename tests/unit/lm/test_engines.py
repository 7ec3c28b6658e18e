"""Every engine against eager: logits, tokens, loss, independence of the batch."""

import pytest

torch = pytest.importorskip("torch")

from partimento.embed.t5 import TextStates  # noqa: E402
from partimento.errors import MissingDependencyError, RequestError  # noqa: E402
from partimento.lm import engines as module  # noqa: E402
from partimento.lm.engines import ENGINES, choose_engine, get_engine  # noqa: E402
from partimento.lm.generate import Texts, Window, generate  # noqa: E402
from partimento.lm.patterns import align_predictions, delay_delays, interleave  # noqa: E402
from partimento.lm.sampling import Sampling  # noqa: E402
from partimento.lm.transformer import LmConfig, MusicGenLm  # noqa: E402

CROSS = LmConfig(n_codebooks=4, cardinality=32, width=64, n_layers=2, n_heads=4, ffn=128, text_width=16, delays=delay_delays(4))
PREFIX = LmConfig(
    n_codebooks=4, cardinality=32, width=64, n_layers=2, n_heads=4, ffn=128, cross_attention=False, text_width=16,
    melody_classes=12, melody_frames=6, delays=delay_delays(4),
)  # fmt: skip
NAMES = pytest.mark.parametrize("name", [name for name, engine in ENGINES.items() if engine.device in (None, "cpu")])


@pytest.fixture(autouse=True)
def _needs(request):
    name = getattr(request.node, "callspec", None) and request.node.callspec.params.get("name")
    if name in ("int8", "int4"):
        pytest.importorskip("numba")


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
        parts = tokens.split([3, 1, 1, 1, 4, 6], dim=-1)  # single steps, and several at once behind a past
        steps = torch.cat([lm(part, context, cache).float() for part in parts], dim=2)
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
    assert losses[name] == pytest.approx(losses["eager"], rel=ENGINES[name].loss_tolerance)


@NAMES
@pytest.mark.parametrize("width", [20, 32, 48])
def test_widths_without_whole_groups(name, width):
    config = LmConfig(cardinality=32, width=width, n_layers=2, n_heads=4, ffn=2 * width, text_width=16, text_projected=True)
    codes = torch.randint(0, 32, (1, 4, 20), generator=torch.Generator().manual_seed(1))
    expected, got = (logits(model(config, n), codes, text()) for n in ("eager", name))
    assert (got - expected).abs().max() <= ENGINES[name].logits_tolerance * expected.std()


@NAMES
def test_rows_with_and_without_text(name):
    lm, states = model(CROSS, name), TextStates.stack([torch.randn(n, 16) for n in (3, 6)])
    tokens = interleave(torch.randint(0, 32, (1, 4, 12)), CROSS.delays, CROSS.special)
    with torch.inference_mode():
        context = lm.text_context(states.states, states.mask)
        together = lm(tokens.repeat(3, 1, 1), context, lm.cache(3, 20)).float()
        short = states.states[:1, :3], states.mask[:1, :3]
        alone = [lm(tokens, lm.text_context(*short)), lm(tokens, lm.text_context(states.states[1:], states.mask[1:])), lm(tokens)]
    # PyTorch's sums depend on the rows beside, so this is no equality.
    assert (together - torch.cat(alone).float()).abs().max() <= max(1e-5, ENGINES[name].logits_tolerance * together.std() / 3)


def test_refusals(monkeypatch):
    with pytest.raises(RequestError, match="unknown engine 'warp'; known: auto, eager, int8, int4, bf16, cuda"):
        get_engine("warp")
    monkeypatch.setattr(module, "has_numba", lambda: False)
    for name in ("int8", "int4"):
        with pytest.raises(MissingDependencyError, match=f"engine {name} needs numba: pip install 'partimento.fast.'"):
            model(CROSS, name)


def test_auto_says_what_it_took_and_why(monkeypatch):
    small = model(CROSS)
    assert choose_engine("bf16", small).reason == "asked for"
    chosen = choose_engine("auto", small)
    assert (chosen.engine.name, "0.1 million weights" in chosen.reason) == ("eager", True)
    with torch.device("meta"):
        large = MusicGenLm()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for there, name, reason in ((True, "int8", "nearest to the reference"), (False, "eager", "numba is not installed")):
        monkeypatch.setattr(module, "has_numba", lambda there=there: there)
        chosen = choose_engine("auto", large)
        assert chosen.engine.name == name
        assert reason in chosen.reason
