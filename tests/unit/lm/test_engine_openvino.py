"""OpenVINO's two kinds of step: the one for a single position gives what the one for any gives; each request finds its own."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("openvino")

from partimento.embed.t5 import TextStates  # noqa: E402
from partimento.lm.engine_openvino import KEPT, PIECE_ROWS  # noqa: E402
from partimento.lm.engines import get_engine  # noqa: E402
from partimento.lm.generate import Texts, Window, generate  # noqa: E402
from partimento.lm.patterns import delay_delays  # noqa: E402
from partimento.lm.sampling import Sampling  # noqa: E402
from partimento.lm.transformer import LmConfig, MusicGenLm  # noqa: E402

CROSS = LmConfig(n_codebooks=4, cardinality=32, width=64, n_layers=2, n_heads=4, ffn=128, text_width=16, delays=delay_delays(4))
PREFIX = LmConfig(
    n_codebooks=4, cardinality=32, width=64, n_layers=2, n_heads=4, ffn=128, cross_attention=False, text_width=16,
    melody_classes=12, melody_frames=6, delays=delay_delays(4),
)  # fmt: skip
ANY = None
BITS = pytest.mark.parametrize("bits", [4, 8])


def model(config=CROSS, bits=4):
    torch.set_num_threads(1)
    torch.manual_seed(0)
    lm = MusicGenLm(config).eval().requires_grad_(False)
    for parameter in lm.parameters():
        parameter.add_(torch.randn_like(parameter) * 0.05)
    return get_engine(f"int{bits}").prepare(lm)


def text(n=5):
    return TextStates.stack([torch.randn(n, 16, generator=torch.Generator().manual_seed(n))])


def steps(lm, rows, n, only_any=False, words=5):
    """Logits of ``n`` single steps, by the graph of the cache's own choice or by the one for anything."""
    states, cache = text(words), lm.cache(rows, n)
    if only_any:
        cache.request = lm.runner._request(lm.runner._step(ANY), rows)
    with torch.inference_mode():
        heard = lm.text_context(states.states, states.mask)
        tokens = torch.randint(0, 32, (rows, 4, n), generator=torch.Generator().manual_seed(1))
        return torch.cat([lm(tokens[..., i : i + 1], heard, cache) for i in range(n)], dim=2)


def made(lm, n_frames=20, batch=1, n=5, **given):
    texts = Texts(text(n))
    return torch.cat(list(generate(lm, texts, n_frames, Sampling(), list(range(batch)), **given)), dim=-1)


@BITS
@pytest.mark.parametrize("rows", [1, 2])
def test_a_step_for_one_position_gives_the_same(bits, rows):
    lm = model(bits=bits)
    assert torch.equal(steps(lm, rows, 30), steps(lm, rows, 30, only_any=True))


def test_each_request_finds_its_graph():
    lm = model()
    assert list(lm.runner._steps) == [PIECE_ROWS], "made at load"
    made(lm)
    assert list(lm.runner._steps) == [PIECE_ROWS]
    made(lm, batch=4)
    assert list(lm.runner._steps) == [PIECE_ROWS, ANY]
    assert list(model(PREFIX).runner._steps) == [ANY], "a melody model begins with many positions"


@BITS
def test_no_more_steps_stay_than_are_kept(bits):
    lm = model(bits=bits)
    expected = [steps(lm, rows, 6) for rows in (1, 2, 3)]
    assert len(lm.runner._steps) == KEPT[bits]
    for rows, first in zip((1, 2, 3), expected, strict=True):
        assert torch.equal(steps(lm, rows, 6), first)
    assert len(lm.runner._steps) == KEPT[bits]


def test_a_past_outlives_its_graphs_place():
    lm = model(bits=8)
    tokens = torch.randint(0, 32, (2, 4, 8), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        alone, beside = lm.cache(2, 8), lm.cache(2, 8)
        expected = [lm(tokens[..., i : i + 1], None, alone) for i in range(8)]
        got = [lm(tokens[..., i : i + 1], None, beside) for i in range(4)]
        steps(lm, 3, 2)
        assert list(lm.runner._steps) == [ANY]
        got += [lm(tokens[..., i : i + 1], None, beside) for i in range(4, 8)]
    assert torch.equal(torch.cat(got, 2), torch.cat(expected, 2))


def test_several_positions_behind_single_ones():
    lm = model()
    tokens = torch.randint(0, 32, (2, 4, 8), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        single, mixed = lm.cache(2, 8), lm.cache(2, 8)
        expected = torch.cat([lm(tokens[..., i : i + 1], None, single) for i in range(8)], dim=2)
        got = torch.cat([lm(part, None, mixed) for part in tokens.split([1, 4, 3], dim=-1)], dim=2)
    assert torch.equal(got, expected)
    assert mixed.length == 8


@BITS
def test_pieces_texts_and_continuations_in_turn(bits):
    lm, window = model(bits=bits), Window(frames=20, stride=12, block=4)

    def all_kinds():
        short = made(lm)
        return [short, made(lm, batch=4), made(lm, 30, prompt=short), made(lm, 45, window=window), made(lm, n=3)]

    first, again = all_kinds(), all_kinds()
    assert all(torch.equal(*pair) for pair in zip(first, again, strict=True))
    assert [tuple(codes.shape) for codes in first] == [(1, 4, 20), (4, 4, 20), (1, 4, 10), (1, 4, 45), (1, 4, 20)]
    assert not torch.equal(first[0], first[4]), "it hears the other text"
