import pytest

torch = pytest.importorskip("torch")

from partimento.embed.t5 import TextStates  # noqa: E402
from partimento.errors import RequestError  # noqa: E402
from partimento.lm.generate import Texts, Window, generate  # noqa: E402
from partimento.lm.patterns import delay_delays  # noqa: E402
from partimento.lm.sampling import Sampling  # noqa: E402
from partimento.lm.transformer import LmConfig, Matrix, MusicGenLm  # noqa: E402

SMALL = LmConfig(n_codebooks=4, cardinality=30, width=16, n_layers=2, n_heads=2, ffn=32, text_width=12, delays=delay_delays(4))
WINDOW = Window(frames=20, stride=12, block=4)


@pytest.fixture(scope="module")
def lm():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = MusicGenLm(SMALL).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    return model


def states(*lengths):
    return TextStates.stack([torch.randn(n, 12, generator=torch.Generator().manual_seed(n)) for n in lengths])


def run(lm, texts, n_frames, seeds, **more):
    return torch.cat(list(generate(lm, texts, n_frames, more.pop("sampling", Sampling()), seeds, **more)), dim=-1)


@pytest.mark.parametrize("negative", [None, (4, 2, 6)])
def test_a_piece_alone_equals_itself_in_a_batch(lm, negative):
    lengths, seeds = (3, 7, 0), (11, 12, 13)
    together = run(lm, Texts(states(*lengths), negative and states(*negative)), 15, seeds)
    for i in range(3):
        alone = Texts(states(lengths[i]), negative and states(negative[i]))
        assert torch.equal(run(lm, alone, 15, seeds[i : i + 1]), together[i : i + 1])
    assert not torch.equal(together[0], together[1])


def test_seed_text_and_negative_all_matter(lm):
    base = run(lm, Texts(states(5)), 15, [1])
    assert torch.equal(run(lm, Texts(states(5)), 15, [1]), base)
    assert not torch.equal(run(lm, Texts(states(5)), 15, [2]), base)
    assert not torch.equal(run(lm, Texts(states(6)), 15, [1]), base)
    assert not torch.equal(run(lm, Texts(states(5), states(4)), 15, [1]), base)
    assert not torch.equal(run(lm, Texts(), 15, [1]), base)


def test_leaving_out_the_null_texts_attention_changes_nothing(lm):
    tokens = torch.randint(0, 31, (2, 4, 9), generator=torch.Generator().manual_seed(1))
    text = states(5)
    null = TextStates(torch.zeros_like(text.states), torch.zeros_like(text.mask))
    both = TextStates(torch.cat([text.states, null.states]), torch.cat([text.mask, null.mask]))
    with torch.inference_mode():
        skipped = lm(tokens, lm.text_context(text.states, text.mask))
        computed = lm(tokens, lm.text_context(both.states, both.mask))
    assert torch.allclose(skipped, computed, atol=1e-6)
    assert torch.isfinite(computed).all()


def test_no_position_sees_what_comes_after_it(lm):
    tokens = torch.randint(0, 31, (1, 4, 9), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        before = lm(tokens)
        tokens[..., 6:] = 0
        after = lm(tokens)
    assert torch.allclose(before[:, :, :6], after[:, :, :6], atol=1e-6)
    assert not torch.allclose(before[:, :, 6:], after[:, :, 6:], atol=1e-3)


def test_a_recording_is_gone_on_from(lm):
    whole = run(lm, Texts(states(5)), 18, [1], sampling=Sampling(greedy=True))
    rest = run(lm, Texts(states(5)), 18, [1], sampling=Sampling(greedy=True), prompt=whole[..., :9])
    assert rest.shape[-1] == 9
    assert ((rest >= 0) & (rest < 30)).all()
    other = run(lm, Texts(states(5)), 18, [1], sampling=Sampling(greedy=True), prompt=(whole[..., :9] + 7) % 30)
    assert not torch.equal(rest, other)


@pytest.mark.parametrize("n_frames", [20, 21, 33, 50])
def test_any_length_in_windows(lm, n_frames):
    starts = []

    def texts(start, made):
        starts.append(start)
        assert made == (start + 8 if start else 0), "8 frames of context are kept"
        return Texts(states(5))

    pieces = list(generate(lm, texts, n_frames, Sampling(), [1, 2], window=WINDOW))
    codes = torch.cat(pieces, dim=-1)
    assert codes.shape == (2, 4, n_frames)
    assert ((codes >= 0) & (codes < 30)).all()
    assert starts == list(range(0, max(1, n_frames - 20 + 12), 12))
    assert pieces[0].shape[-1] == 4, "the first sound comes before the piece is over"
    window = run(lm, Texts(states(5)), 20, [1, 2], window=WINDOW)
    assert torch.equal(codes[..., :20], window)


@pytest.mark.parametrize("given", [5, 19, 20, 45])
def test_windows_after_a_recording_of_any_length(lm, given):
    prompt = torch.randint(0, 30, (1, 4, given), generator=torch.Generator().manual_seed(2))
    assert run(lm, Texts(states(5)), given + 30, [1], prompt=prompt, window=WINDOW).shape[-1] == 30


def test_a_story_changes_its_words_at_the_break(lm):
    calls = []

    def texts(start, made):
        calls.append((start, made))
        return Texts(states(5 if made < 14 else 7))

    codes = torch.cat(list(generate(lm, texts, 50, Sampling(), [1], window=WINDOW, breaks=(14, 40))), dim=-1)
    assert codes.shape[-1] == 50
    assert calls == [(0, 0), (6, 14), (18, 26), (30, 38), (32, 40)]
    plain = run(lm, Texts(states(5)), 20, [1], window=WINDOW)
    assert torch.equal(codes[..., : 14 - 3], plain[..., : 14 - 3])
    assert not torch.equal(codes[..., 14:20], plain[..., 14:20])


def test_stops_when_left(lm):
    steps = 0
    original = lm.forward

    def counted(*args, **kwargs):
        nonlocal steps
        steps += 1
        return original(*args, **kwargs)

    lm.forward = counted
    try:
        pieces = generate(lm, Texts(), 1000, Sampling(), [1], window=WINDOW)
        next(pieces)
        pieces.close()
    finally:
        del lm.forward
    assert steps < 12


def test_mistakes_are_named(lm):
    prompt = torch.zeros(1, 4, 10, dtype=torch.int64)
    with pytest.raises(RequestError, match="10 are given"):
        run(lm, Texts(), 10, [1], prompt=prompt)
    with pytest.raises(RequestError, match="2 texts for 3"):
        run(lm, Texts(states(1, 2)), 5, [1, 2, 3])
    with pytest.raises(RequestError, match="shape"):
        run(lm, Texts(), 20, [1, 2], prompt=prompt)
    with pytest.raises(RequestError, match="stride"):
        Window(10, 10)
    with pytest.raises(RequestError, match="heads"):
        LmConfig(width=10, n_heads=3)
    with pytest.raises(RequestError, match="delays"):
        LmConfig(n_codebooks=8)


@pytest.mark.parametrize("shape", [(2, 1, 24), (1, 2, 24), (2, 24), (1, 1, 24), (3, 1, 24)])
def test_two_rows_pass_a_matrix_as_any_others(shape):
    matrix, x = Matrix(24, 40), torch.randn(shape, generator=torch.Generator().manual_seed(0))
    expected = torch.nn.functional.linear(x.double(), matrix.weight.double()).float()
    assert matrix(x).requires_grad
    with torch.inference_mode():
        got = matrix(x)
        assert torch.equal(got, matrix(x))
    assert got.is_contiguous()
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=0)
