import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from partimento.audio.waveform import Waveform
from partimento.errors import MissingDependencyError, RequestError
from partimento.listen import separate as module
from partimento.listen.separate import separate

RATE = 22_050


def parts(seconds=3.0, rate=RATE):
    t = np.arange(round(seconds * rate)) / rate
    rng = np.random.default_rng(1)
    return {
        "drums": rng.standard_normal(t.size) * np.exp(-60 * (t % 0.5)) * 0.3,
        "bass": 0.3 * np.sin(2 * np.pi * 82.4 * t),
        "melody": 0.2 * np.sin(2 * np.pi * 523.25 * t) + 0.1 * np.sin(2 * np.pi * 1046.5 * t),
    }


def level_db(a, b):
    return 10 * np.log10(np.sum(a**2) / np.sum((a - b) ** 2))


def test_harmonic_separation_finds_the_parts_and_loses_nothing():
    true = parts()
    mix = Waveform(np.float32(sum(true.values())), RATE)
    found = separate(mix, ("drums", "bass", "melody"), "harmonic")
    assert found.method == "harmonic"
    total = sum(np.asarray(stem.samples, np.float64) for stem in found.stems.values())
    assert np.abs(total - mix.samples).max() < 1e-6
    for name, least_db in (("melody", 12), ("bass", 10), ("drums", 6)):
        assert level_db(true[name], found.stems[name].samples[0]) > least_db, name


def test_blocks_leave_no_seam(monkeypatch):
    mix = np.float32(sum(parts(6.0, 8000).values()))
    whole = module._steady(mix, 8000)
    monkeypatch.setattr(module, "_BLOCK_S", 2.0)
    assert np.abs(module._steady(mix, 8000) - whole).max() < 0.02


@pytest.mark.parametrize("n", [1, 50, 5000])
def test_short_stereo_and_slow_sounds(n):
    wave = Waveform(np.random.default_rng(0).standard_normal((2, n)).astype(np.float32), 1000 if n < 5000 else 44_100)
    stem = separate(wave, ("melody",), "harmonic").stems["melody"]
    assert stem.samples.shape == (2, n)
    assert np.isfinite(stem.samples).all()


def test_refusals(monkeypatch):
    monkeypatch.setattr(module, "has_demucs", lambda: False)
    wave = Waveform(np.ones((1, 100), np.float32), RATE)
    assert separate(wave, ("bass",)).method == "harmonic"
    for want, method in ((("vocals",), None), (("melody",), "demucs")):
        with pytest.raises(MissingDependencyError, match="pip install demucs"):
            separate(wave, want, method)
    with pytest.raises(RequestError, match="there are: drums"):
        separate(wave, ("guitar",))
    with pytest.raises(RequestError, match="without samples"):
        separate(Waveform(np.zeros((1, 0), np.float32), RATE))


def test_demucs_is_used_where_it_is_present(monkeypatch):
    torch = pytest.importorskip("torch")
    seen = {}

    class Fake:
        samplerate = 44_100
        sources = ("drums", "bass", "other", "vocals")

        def eval(self):
            return self

    def apply_model(_model, mix, shifts):
        seen["shape"], seen["shifts"] = tuple(mix.shape), shifts
        return torch.stack([mix * share for share in (0.1, 0.2, 0.3, 0.4)], dim=1)

    for name, content in (("demucs", {}), ("demucs.apply", {"apply_model": apply_model}),
                          ("demucs.pretrained", {"get_model": lambda _name: Fake()})):  # fmt: skip
        fake = ModuleType(name)
        vars(fake).update(content, __spec__=SimpleNamespace(name=name))
        monkeypatch.setitem(sys.modules, name, fake)
    monkeypatch.setattr(module, "has_demucs", lambda: True)
    wave = Waveform(np.float32(parts()["melody"]), RATE)
    found = separate(wave, ("melody", "vocals"))
    assert found.method == "demucs"
    assert seen == {"shape": (1, 2, 2 * wave.n_samples), "shifts": 0}
    assert found.stems["vocals"].samples.shape == wave.samples.shape
    assert level_db(0.4 * wave.samples, found.stems["vocals"].samples) > 30
    assert level_db(0.7 * wave.samples, found.stems["melody"].samples) > 30
