"""The built-in audio language model makes music on a fresh checkout without a network."""

import numpy as np
import pytest
import soundfile

pytest.importorskip("torch")

from partimento.cli.main import main


def test_words_to_sound_by_the_built_in_model(tmp_path, capsys):
    wanted = ["generate", "energetic funk with drums and bass", "--model", "mini", "--duration", "3", "--no-audio-report"]
    assert main([*wanted, "-o", str(tmp_path / "a.wav")]) == 0
    assert "drums" in capsys.readouterr().out
    sound, rate = soundfile.read(tmp_path / "a.wav")
    assert len(sound) == 3 * rate
    assert np.sqrt(np.mean(sound**2)) > 0.01
    assert np.abs(sound).max() < 1.0
    assert main([*wanted, "-o", str(tmp_path / "b.wav")]) == 0
    assert np.array_equal(sound, soundfile.read(tmp_path / "b.wav")[0]), "the same request gives the same sound"
    assert main([*wanted, "--seed", "1", "-o", str(tmp_path / "c.wav")]) == 0
    assert not np.array_equal(sound, soundfile.read(tmp_path / "c.wav")[0])
