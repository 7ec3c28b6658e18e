import pytest

torch = pytest.importorskip("torch")

from partimento.errors import RequestError  # noqa: E402
from partimento.lm.patterns import (  # noqa: E402
    align_predictions,
    deinterleave,
    delay_delays,
    first_step,
    frames_complete,
    interleave,
    n_steps,
    parallel_delays,
    stereo_delays,
    valid_steps,
)

PATTERNS = {"delay": delay_delays(4), "parallel": parallel_delays(4), "stereo": stereo_delays(8)}


def test_delay_pattern_as_published():
    codes = torch.arange(12).reshape(1, 4, 3)
    s = 99
    expected = [[s, 0, 1, 2, s, s, s], [s, s, 3, 4, 5, s, s], [s, s, s, 6, 7, 8, s], [s, s, s, s, 9, 10, 11]]
    assert interleave(codes, delay_delays(4), s)[0].tolist() == expected
    assert n_steps(delay_delays(4), 1500) - 1 == 1503
    assert stereo_delays(8) == (0, 0, 1, 1, 2, 2, 3, 3)
    with pytest.raises(RequestError, match="7 codebooks"):
        stereo_delays(7)


@pytest.mark.parametrize("delays", PATTERNS.values(), ids=PATTERNS)
@pytest.mark.parametrize("n_frames", [1, 2, 9])
def test_there_and_back(delays, n_frames):
    codes = torch.randint(0, 50, (2, len(delays), n_frames))
    sequence = interleave(codes, delays, 50)
    assert sequence.shape[-1] == n_steps(delays, n_frames)
    assert torch.equal(deinterleave(sequence, delays), codes)
    assert torch.equal((sequence != 50)[0], valid_steps(delays, n_frames))
    assert (sequence[..., 0] == 50).all()


@pytest.mark.parametrize("delays", PATTERNS.values(), ids=PATTERNS)
def test_a_prediction_sees_only_what_comes_before(delays):
    """By gradient: a causal model's logits for a code depend on no code of its own or a later step."""
    n_frames, n_codebooks = 5, len(delays)
    codes = torch.randn(1, n_codebooks, n_frames, requires_grad=True)
    sequence = interleave(codes, delays, 0)
    hidden = sequence.sum(dim=1).cumsum(dim=-1)  # any model that sees steps 0 to s
    logits = hidden[:, None, :, None].expand(1, n_codebooks, -1, 1)
    aligned = align_predictions(logits, delays)
    assert aligned.shape == (1, n_codebooks, n_frames, 1)
    for k in range(n_codebooks):
        for t in range(n_frames):
            (gradient,) = torch.autograd.grad(aligned[0, k, t, 0], codes, retain_graph=True)
            for j in range(n_codebooks):
                for u in range(n_frames):
                    assert (gradient[0, j, u] != 0) == (u + delays[j] < t + delays[k])


@pytest.mark.parametrize("delays", PATTERNS.values(), ids=PATTERNS)
def test_steps_and_frames(delays):
    valid = valid_steps(delays, 6)
    for frame in range(6):
        steps = [s for k in range(len(delays)) for s in [frame + 1 + delays[k]] if valid[k, s]]
        assert first_step(delays, frame) == min(steps)
        assert frames_complete(delays, max(steps)) == frame + 1
        assert frames_complete(delays, max(steps) - 1) == frame
