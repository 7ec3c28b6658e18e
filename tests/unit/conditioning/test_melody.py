import numpy as np
import pytest

from partimento.audio.waveform import Waveform
from partimento.conditioning.melody import RATE_HZ, chroma, frames_of, one_hot, prepare_melody
from partimento.errors import RequestError
from partimento.listen.separate import has_demucs

NAMES = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"]


def tone(pitch, seconds=0.8, rate=RATE_HZ):
    t = np.arange(round(seconds * rate)) / rate
    hz = 440 * 2 ** ((pitch - 69) / 12)
    return sum(np.sin(2 * np.pi * hz * k * t) / k for k in (1, 2, 3)).astype(np.float32) * 0.2


def test_pitch_classes_of_a_scale():
    for pitch in range(57, 81):
        heard = one_hot(tone(pitch)).argmax(axis=1)
        assert set(heard[1:-1]) == {pitch % 12}, NAMES[pitch % 12]


def test_frames_and_silence():
    assert one_hot(np.zeros(30 * RATE_HZ, np.float32)).shape == (frames_of(30.0), 12) == (235, 12)
    short = one_hot(np.zeros(1, np.float32))
    assert short.shape == (5, 12)
    assert short[:, 0].all()
    strengths = chroma(tone(60))
    assert strengths.max(axis=1) == pytest.approx(1)
    assert strengths.min() >= 0


def test_drums_and_bass_do_not_drown_the_tune():
    rng = np.random.default_rng(3)
    tune = np.concatenate([tone(p, 1.0) for p in (72, 76, 79, 77)])
    noise = rng.standard_normal(tune.size) * np.exp(-8 * (np.arange(tune.size) % 16_000) / 16_000)
    bass = 2.5 * np.sin(2 * np.pi * 65.4 * 1.122 * np.arange(tune.size) / RATE_HZ)  # D2
    mix = Waveform((tune + 1.2 * noise + bass).astype(np.float32) * 0.2, RATE_HZ)
    wanted = one_hot(tune)
    cleaned = prepare_melody(mix, method="harmonic")
    assert cleaned.method == "harmonic"

    def share(mono):
        return (one_hot(mono) * wanted).sum() / len(wanted)

    assert share(mix.mono()) < 0.3
    assert share(cleaned.mono) > 0.85


def test_windows_go_on_in_the_tune_and_repeat_it():
    tune = Waveform(np.concatenate([tone(p, 2.0) for p in (60, 64)]), RATE_HZ)
    melody = prepare_melody(tune, solo=True)
    assert melody.method == "none"
    assert melody.window(0.0, 30.0, repeated=False).shape == (frames_of(4.0), 12)
    assert melody.window(0.0, 30.0).shape == (235, 12)
    assert melody.window(2.0, 4.0)[2:14].argmax(axis=1).tolist() == [4] * 12
    later = melody.window(4.0, 8.0).argmax(axis=1)
    assert later[2:14].tolist() == [0] * 12
    assert later[18:29].tolist() == [4] * 11


def test_which_method_and_what_is_refused():
    wave = Waveform(np.stack([tone(60), tone(60)]), RATE_HZ)
    assert prepare_melody(wave).method == ("demucs" if has_demucs() else "harmonic")
    with pytest.raises(RequestError, match="no samples"):
        prepare_melody(Waveform(np.zeros((1, 0), np.float32), RATE_HZ))
    with pytest.raises(RequestError, match=r"0\.0003 s; 0\.1 s or more"):
        prepare_melody(Waveform(np.full((1, 10), 0.5, np.float32), RATE_HZ))
    with pytest.raises(RequestError, match="silent"):
        prepare_melody(Waveform(np.full((1, RATE_HZ), 1e-5, np.float32), RATE_HZ), solo=True)
