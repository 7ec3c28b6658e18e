import numpy as np
import pytest

from partimento.errors import RequestError
from partimento.metrics.chroma_cosine import chroma, chroma_cosine, evaluate

RATE = 32_000


def tone(*pitches: int, n: int = 48_000) -> np.ndarray:
    t = np.arange(n) / RATE
    return np.sum([0.2 * np.sin(2 * np.pi * 440 * 2 ** ((p - 69) / 12) * t) for p in pitches], axis=0)


def test_equal_sounds() -> None:
    assert chroma_cosine(tone(60, 64, 67), tone(60, 64, 67), RATE) == pytest.approx(1.0)


def test_octaves_do_not_count_but_other_notes_do() -> None:
    assert chroma_cosine(tone(60), tone(72), RATE) > 0.99
    assert chroma_cosine(tone(60), tone(66), RATE) < 0.05


def test_half_the_chord_is_in_between() -> None:
    assert 0.4 < chroma_cosine(tone(60, 64), tone(60, 67), RATE) < 0.6


@pytest.mark.parametrize("pitch", range(48, 72))
def test_pitch_class_of_a_tone(pitch: int) -> None:
    assert int(chroma(tone(pitch), RATE)[1].argmax()) == pitch % 12


def test_silence() -> None:
    silent = np.zeros(20_000)
    assert chroma_cosine(silent, silent, RATE) == 1.0
    assert chroma_cosine(tone(60, n=20_000), silent, RATE) == 0.0
    assert chroma_cosine(silent, tone(60, n=20_000), RATE) == 0.0


def test_shorter_than_a_window() -> None:
    assert chroma_cosine(tone(60, n=500), tone(60, n=500), RATE) == pytest.approx(1.0)


def test_unequal_lengths_are_refused() -> None:
    with pytest.raises(RequestError, match="one length"):
        chroma_cosine(np.zeros(5), np.zeros(6), RATE)


def test_scores_have_names() -> None:
    sound = np.sin(np.arange(RATE) * 0.1)
    assert evaluate(sound, sound, RATE) == {"chroma_cosine": pytest.approx(1.0)}
