import numpy as np
import pytest
import torch

from partimento.codec.phase import Stft, fast_griffin_lim, random_phase, with_level_kept

torch.set_num_threads(1)  # tiny tensors: a second thread only waits


def tone(n: int = 3200) -> torch.Tensor:
    t = torch.arange(n) / 3200
    return (0.5 * torch.sin(2 * torch.pi * 220 * t) + 0.3 * torch.sin(2 * torch.pi * 523.3 * t))[None]


@pytest.mark.parametrize("n", [1, 63, 64, 65, 1000])
def test_inverse_undoes_forward(n: int) -> None:
    stft, x = Stft(256, 64), torch.randn(2, n, generator=torch.Generator().manual_seed(0))
    spectrum = stft.forward(x)
    assert spectrum.shape == (2, -(-n // 64), 129)
    torch.testing.assert_close(stft.inverse(spectrum)[:, :n], x, atol=1e-5, rtol=1e-5)


def test_frame_sees_its_own_samples_in_the_middle() -> None:
    stft, x = Stft(256, 64), torch.zeros(1, 640)
    x[0, 5 * 64 + 32] = 1.0
    assert int(stft.forward(x).abs().sum(-1).argmax()) == 5


def test_finds_phases_of_a_tone() -> None:
    stft = Stft(256, 64)
    target = stft.forward(tone()).abs()
    found = stft.forward(stft.inverse(fast_griffin_lim(target, stft))).abs()
    assert float((found - target).norm() / target.norm()) < 0.1


def test_momentum_beats_the_plain_algorithm() -> None:
    stft = Stft(256, 64)
    target = stft.forward(tone() + 0.1 * torch.randn(1, 3200, generator=torch.Generator().manual_seed(0))).abs()

    def error(momentum: float) -> float:
        found = stft.forward(stft.inverse(fast_griffin_lim(target, stft, momentum=momentum))).abs()
        return float((found - target).norm() / target.norm())

    assert error(0.99) < error(0.0)


def test_same_result_every_time() -> None:
    stft = Stft(256, 64)
    target = stft.forward(tone()).abs()
    assert torch.equal(fast_griffin_lim(target, stft), fast_griffin_lim(target, stft))


def test_fixed_frames_stay() -> None:
    stft = Stft(256, 64)
    target = stft.forward(tone()).abs()
    start = random_phase(tuple(target.shape))
    found = fast_griffin_lim(target, stft, phase=start, fixed_frames=5, iterations=3)
    torch.testing.assert_close(found[:, :5], target[:, :5] * start[:, :5])
    assert not torch.allclose(found[:, 5:], target[:, 5:] * start[:, 5:])


def test_silence_stays_silent() -> None:
    stft = Stft(256, 64)
    out = stft.inverse(fast_griffin_lim(torch.zeros(1, 4, 129), stft))
    assert np.isfinite(out.numpy()).all()
    assert float(out.abs().max()) == 0.0


def test_odd_hop_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple"):
        Stft(256, 60)


def test_level_is_kept_where_frames_weaken_each_other() -> None:
    stft = Stft(256, 64)
    generator = torch.Generator().manual_seed(3)
    # Magnitudes and phases that belong together nowhere.
    spectrum = torch.polar(torch.rand(1, 40, 129, generator=generator), 6.28 * torch.rand(1, 40, 129, generator=generator))
    group = torch.nn.functional.one_hot(torch.arange(129) // 16).float()
    kept = with_level_kept(spectrum, stft, group)

    def energy(values: torch.Tensor) -> float:
        return float((stft.forward(stft.inverse(values)).abs() ** 2).sum())

    wanted = float((spectrum.abs() ** 2).sum())
    assert energy(spectrum) < 0.5 * wanted
    assert 0.8 * wanted < energy(kept) < 1.2 * wanted
    # A spectrum of a sound stays as it is, and silence stays silence.
    real = stft.forward(torch.randn(1, 40 * 64, generator=generator))[:, 8:-8]
    inner = with_level_kept(real, stft, group)[:, 4:-4]
    torch.testing.assert_close(inner.abs(), real[:, 4:-4].abs(), rtol=1e-3, atol=1e-4)
    assert float(with_level_kept(torch.zeros_like(spectrum), stft, group).abs().max()) == 0.0
