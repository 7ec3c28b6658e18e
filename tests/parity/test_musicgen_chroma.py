"""Chroma against transformers' ``MusicgenMelodyFeatureExtractor`` (its own method and filters; where torchaudio is not
installed, its spectrogram is replaced by what torchaudio documents: ``torch.stft`` divided by the window's root energy)."""

from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from partimento.conditioning.melody import HOP, N_FFT, RATE_HZ, chroma, chroma_filters, one_hot  # noqa: E402

MODULE = "transformers.models.musicgen_melody.feature_extraction_musicgen_melody"


def spectrogram(wav):
    window = torch.hann_window(N_FFT)
    found = torch.stft(wav, N_FFT, HOP, window=window, center=True, pad_mode="reflect", return_complex=True)
    return (found / window.pow(2).sum().sqrt()).abs().pow(2)


def reference():
    from transformers.audio_utils import chroma_filter_bank

    # By its full name: the package itself refuses to hand it out without torchaudio, which only its constructor needs.
    kind = import_module(MODULE).MusicgenMelodyFeatureExtractor
    filters = chroma_filter_bank(sampling_rate=RATE_HZ, num_frequency_bins=N_FFT, tuning=0, num_chroma=12)
    parts = SimpleNamespace(n_fft=N_FFT, chroma_filters=torch.from_numpy(filters).float(), spectrogram=spectrogram)
    return parts, lambda wav: kind._torch_extract_fbank_features(parts, wav)


def sounds():
    rng = np.random.default_rng(5)
    t = np.arange(10 * RATE_HZ) / RATE_HZ
    yield rng.standard_normal(3 * RATE_HZ).astype(np.float32) * 0.3
    yield np.sin(2 * np.pi * 220 * 2 ** (np.floor(2 * t) / 12) * t).astype(np.float32)
    yield rng.standard_normal(5001).astype(np.float32)
    yield np.zeros(20_000, np.float32)


def test_filters_are_the_same():
    assert np.abs(chroma_filters() - reference()[0].chroma_filters.numpy()).max() <= 1e-6


@pytest.mark.parametrize("sound", list(sounds()))
def test_the_same_classes(sound):
    parts, extract = reference()
    wav = torch.from_numpy(sound)[None]
    expected = extract(wav)[0].numpy()
    assert expected.shape == one_hot(sound).shape
    missing = max(0, N_FFT - sound.size)
    whole = torch.nn.functional.pad(wav, (missing // 2, missing - missing // 2))
    raw = torch.einsum("cf,...ft->...ct", parts.chroma_filters, spectrogram(whole))
    before = torch.nn.functional.normalize(raw, p=float("inf"), dim=-2, eps=1e-6)[0].T.numpy()
    assert np.abs(chroma(sound) - before).max() <= 1e-4
    ordered = np.sort(before, axis=1)
    clear = ordered[:, -1] - ordered[:, -2] > 1e-3  # a tie may fall either way
    assert clear.mean() > 0.95 or not sound.any()
    same = (one_hot(sound) == expected).all(axis=1)
    assert same[clear].all()
    assert same.mean() > 0.99
